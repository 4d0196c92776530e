package main

import (
	"errors"
	"fmt"
	"net"
	"strconv"
	"time"

	"github.com/spf13/pflag"
	"k8s.io/client-go/rest"
	"k8s.io/client-go/tools/clientcmd"

	"github.com/longshore-project/longshore/cmd/internal/build"
	"github.com/longshore-project/longshore/controllers/descheduler"
	"github.com/longshore-project/longshore/controllers/member"
	"github.com/longshore-project/longshore/controllers/namespace"
)

// options are the flags.
type options struct {
	kubeconfig  string
	apiQPS      float32
	apiBurst    int
	bindAddress string
	securePort  int

	leaderElect          bool
	leaderElectNamespace string

	member                             member.Options
	statusFrequency                    time.Duration
	successThreshold, failureThreshold time.Duration
	resourceModeling                   bool

	workSyncs, bindingSyncs, templateSyncs, namespaceSyncs int

	skippedNamespaces []string
	skippedAPIs       string
	preemption        bool

	// deschedulerConfig is empty for no descheduler.
	deschedulerConfig                            string
	deschedulingInterval, unschedulableThreshold time.Duration
	deschedulingBudget                           int32
}

// defaultOptions has client limits ten and five times those of Karmada: API servers protect themselves by priority and fairness, and lower
// limits only make a burst of templates wait here instead.
func defaultOptions() *options {
	return &options{
		apiQPS: 400, apiBurst: 800, bindAddress: "0.0.0.0", securePort: 10357,
		leaderElect: true, leaderElectNamespace: "kube-system",
		member:          member.Options{QPS: 200, Burst: 400, Timeout: 15 * time.Second},
		statusFrequency: 10 * time.Second, successThreshold: 30 * time.Second, failureThreshold: 30 * time.Second, resourceModeling: true,
		workSyncs: 5, bindingSyncs: 5, templateSyncs: 5, namespaceSyncs: 1, skippedNamespaces: namespace.DefaultSkipped,
		deschedulingInterval: descheduler.DefaultInterval, unschedulableThreshold: descheduler.DefaultThreshold, deschedulingBudget: descheduler.DefaultBudget,
	}
}

func (o *options) addFlags(f *pflag.FlagSet) {
	f.SortFlags = false
	f.StringVar(&o.kubeconfig, "kubeconfig", o.kubeconfig, "kubeconfig of the control plane; empty means the service account of the pod")
	f.Float32Var(&o.apiQPS, "kube-api-qps", o.apiQPS, "requests a second to the control plane")
	f.IntVar(&o.apiBurst, "kube-api-burst", o.apiBurst, "requests to the control plane that may exceed --kube-api-qps for a moment")
	f.StringVar(&o.bindAddress, "bind-address", o.bindAddress, "address on which /healthz, /readyz and /metrics are served")
	f.IntVar(&o.securePort, "secure-port", o.securePort, "port on which they are served over TLS; 0 serves nothing")
	f.BoolVar(&o.leaderElect, "leader-elect", o.leaderElect, "work only while holding the lease, so that several instances may run")
	f.StringVar(&o.leaderElectNamespace, "leader-elect-resource-namespace", o.leaderElectNamespace, "namespace of the lease")
	f.Float32Var(&o.member.QPS, "cluster-api-qps", o.member.QPS, "requests a second to each member")
	f.IntVar(&o.member.Burst, "cluster-api-burst", o.member.Burst, "requests to a member that may exceed --cluster-api-qps for a moment")
	f.DurationVar(&o.member.Timeout, "cluster-api-timeout", o.member.Timeout, "how long a member may take to answer a request")
	f.DurationVar(&o.statusFrequency, "cluster-status-update-frequency", o.statusFrequency, "how often each member is observed")
	f.DurationVar(&o.successThreshold, "cluster-success-threshold", o.successThreshold, "how long a member must answer before it counts as ready again")
	f.DurationVar(&o.failureThreshold, "cluster-failure-threshold", o.failureThreshold, "how long a member must fail before it counts as not ready")
	f.BoolVar(&o.resourceModeling, "enable-cluster-resource-modeling", o.resourceModeling, "count nodes, pods and resources of members")
	f.IntVar(&o.workSyncs, "concurrent-work-syncs", o.workSyncs, "works executed at a time in each member")
	f.IntVar(&o.bindingSyncs, "concurrent-resourcebinding-syncs", o.bindingSyncs, "bindings turned into works at a time")
	f.IntVar(&o.templateSyncs, "concurrent-resource-template-syncs", o.templateSyncs, "templates matched with policies at a time")
	f.IntVar(&o.namespaceSyncs, "concurrent-namespace-syncs", o.namespaceSyncs, "namespaces propagated at a time")
	f.StringSliceVar(&o.skippedNamespaces, "skipped-propagating-namespaces", o.skippedNamespaces, "regular expressions of namespaces that stay in the control plane")
	f.StringVar(&o.skippedAPIs, "skipped-propagating-apis", o.skippedAPIs,
		"kinds that are never propagated: group, group/version or group/version/kind,kind, separated by ;")
	f.BoolVar(&o.preemption, "enable-policy-preemption", o.preemption, "let policies with preemption Always take templates from policies of lower priority")
	f.StringVar(&o.deschedulerConfig, "descheduler-config", o.deschedulerConfig,
		"file with a SchedulerConfiguration whose estimators say which replicas find no node, so that these are placed elsewhere; empty leaves them where they are")
	f.DurationVar(&o.deschedulingInterval, "descheduling-interval", o.deschedulingInterval, "how often the descheduler looks")
	f.DurationVar(&o.unschedulableThreshold, "unschedulable-threshold", o.unschedulableThreshold, "how long a replica must have found no node to be taken away")
	f.Int32Var(&o.deschedulingBudget, "descheduling-budget", o.deschedulingBudget, "replicas that the descheduler takes away at a look at most")
}

// validate returns one error that names every flag with a value that cannot work.
func (o *options) validate() error {
	var errs []error
	check := func(ok bool, format string, args ...any) {
		if !ok {
			errs = append(errs, fmt.Errorf(format, args...))
		}
	}
	check(o.apiQPS > 0, "--kube-api-qps is %v: use more than 0", o.apiQPS)
	check(o.apiBurst > 0, "--kube-api-burst is %d: use more than 0", o.apiBurst)
	check(o.member.QPS > 0, "--cluster-api-qps is %v: use more than 0", o.member.QPS)
	check(o.member.Burst > 0, "--cluster-api-burst is %d: use more than 0", o.member.Burst)
	check(o.member.Timeout > 0, "--cluster-api-timeout is %s: use more than 0", o.member.Timeout)
	check(o.statusFrequency > 0, "--cluster-status-update-frequency is %s: use more than 0", o.statusFrequency)
	check(o.successThreshold >= 0 && o.failureThreshold >= 0, "--cluster-success-threshold and --cluster-failure-threshold must not be negative")
	check(min(o.workSyncs, o.bindingSyncs, o.templateSyncs, o.namespaceSyncs) > 0, "every --concurrent-…-syncs must be more than 0")
	check(o.deschedulingInterval > 0, "--descheduling-interval is %s: use more than 0", o.deschedulingInterval)
	check(o.unschedulableThreshold >= 0, "--unschedulable-threshold must not be negative")
	check(o.deschedulingBudget > 0, "--descheduling-budget is %d: use more than 0", o.deschedulingBudget)
	check(o.securePort >= 0 && o.securePort < 1<<16, "--secure-port is %d: use 0 to 65535", o.securePort)
	check(net.ParseIP(o.bindAddress) != nil, "--bind-address %q is not an IP address", o.bindAddress)
	if _, err := namespace.ParseSkip(o.skippedNamespaces); err != nil {
		errs = append(errs, fmt.Errorf("--skipped-propagating-namespaces: %w", err))
	}
	return errors.Join(errs...)
}

// config returns access to the control plane.
func (o *options) config() (*rest.Config, error) {
	config, err := clientcmd.BuildConfigFromFlags("", o.kubeconfig)
	if err != nil {
		return nil, fmt.Errorf("reading --kubeconfig %q: %w", o.kubeconfig, err)
	}
	config.QPS, config.Burst, config.UserAgent = o.apiQPS, o.apiBurst, "longshore-controller-manager/"+build.Version()
	return config, nil
}

// serveAddress returns where to serve health and metrics; "0" means nowhere.
func (o *options) serveAddress() string {
	if o.securePort == 0 {
		return "0"
	}
	return net.JoinHostPort(o.bindAddress, strconv.Itoa(o.securePort))
}
