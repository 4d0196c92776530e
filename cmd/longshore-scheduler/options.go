package main

import (
	"errors"
	"flag"
	"fmt"
	"io"
	"net"
	"strconv"
	"time"

	"github.com/spf13/pflag"
	"k8s.io/client-go/rest"
	"k8s.io/client-go/tools/clientcmd"
	"k8s.io/client-go/tools/leaderelection"
	"k8s.io/klog/v2"

	schedulerv1alpha1 "github.com/longshore-project/longshore/apis/scheduler/v1alpha1"
	"github.com/longshore-project/longshore/cmd/internal/build"
	"github.com/longshore-project/longshore/scheduler/loop"
	"github.com/longshore-project/longshore/scheduler/profile"
)

// options is the command line.
type options struct {
	kubeconfig string
	config     string
	// configText is the content of the file that was read at the start.
	configText     []byte
	validateOnly   bool
	printProfile   bool
	plugins        []string
	schedulerName  string
	qps            float32
	burst          int
	committers     int
	keepEmpty      bool
	estimator      estimatorFlags
	leaderElect    bool
	leaseNamespace string
	leaseName      string
	leaseDuration  time.Duration
	renewDeadline  time.Duration
	retryPeriod    time.Duration
	bindAddress    string
	securePort     int
	certFile       string
	keyFile        string
	profiling      bool
}

// Limits of the client. They are high because the loop writes twice a binding and knows when to stop; the API server's own fairness is the
// limit.
const (
	defaultQPS   = 1000
	defaultBurst = 2000
)

// defaultPort is where Karmada's users expect the health of a scheduler.
const defaultPort = 10351

const usage = `Decides which member clusters get each workload and how many of its replicas, and writes that to its binding.

Usage:
  longshore-scheduler [flags]

Examples:
  # Use the control plane that "longshore local up" started:
  longshore-scheduler --kubeconfig ~/.local/state/longshore/control-plane.kubeconfig

  # Beside another scheduler, for the policies with schedulerName: longshore
  longshore-scheduler --kubeconfig kubeconfig --scheduler-name longshore

  # With other plugins or weights; first see whether the file is right and what it means
  longshore-scheduler --config scheduler.yaml --validate
  longshore-scheduler --config scheduler.yaml --print-profile
  longshore-scheduler --kubeconfig kubeconfig --config scheduler.yaml

Flags:
`

const environment = `
Environment:
  GOMAXPROCS   how many processors to use; without it all that the process may use, and one while little is to be done
`

// parse reads the command line. It returns nil options when there is nothing to do but what it printed to out.
func parse(args []string, out io.Writer) (*options, error) {
	o := &options{}
	fs := pflag.NewFlagSet("longshore-scheduler", pflag.ContinueOnError)
	fs.SetOutput(out)
	fs.SortFlags = false
	fs.Usage = func() { fmt.Fprint(out, usage, fs.FlagUsages(), environment) }
	showVersion := fs.Bool("version", false, "print the version and exit")
	o.register(fs)
	fs.AddGoFlag(verbosity())
	err := fs.Parse(args)
	switch {
	case errors.Is(err, pflag.ErrHelp):
		return nil, nil
	case err != nil:
		return nil, err
	case *showVersion:
		_, err := fmt.Fprintln(out, "longshore-scheduler", build.Version())
		return nil, err
	}
	if o.config != "" && fs.Changed("scheduler-name") {
		return nil, errors.New("--scheduler-name and --config exclude each other: write schedulerName into the profiles of the file")
	}
	if o.config != "" && fs.Changed("plugins") {
		return nil, errors.New("--plugins and --config exclude each other: write plugins into the profiles of the file")
	}
	return o, o.validate(fs.Args())
}

func (o *options) register(fs *pflag.FlagSet) {
	fs.StringVar(&o.kubeconfig, "kubeconfig", "", "file with access to the control plane; without it $KUBECONFIG, ~/.kube/config or the pod's service account is used")
	fs.StringVar(&o.config, "config", "", "file with a SchedulerConfiguration: profiles, their plugins, weights and arguments; without it the default plugins decide; changes are taken over while the scheduler runs")
	fs.BoolVar(&o.validateOnly, "validate", false, "say what is wrong with the configuration and exit, with 1 if anything is")
	fs.BoolVar(&o.printProfile, "print-profile", false, "print the plugins of each profile in the order in which they are asked, and exit")
	fs.StringSliceVar(&o.plugins, "plugins", []string{"*"}, "filters and scores to ask, as Karmada's scheduler takes them: * for the default ones, Name for one more, -Name for one less; --config can do more")
	fs.StringVar(&o.schedulerName, "scheduler-name", loop.DefaultSchedulerName, "schedule the bindings that name this scheduler; with --config the profiles of the file are named there")
	fs.Float32Var(&o.qps, "kube-api-qps", defaultQPS, "requests a second to the control plane on average")
	fs.IntVar(&o.burst, "kube-api-burst", defaultBurst, "requests to the control plane in a burst")
	fs.IntVar(&o.committers, "concurrent-commits", loop.DefaultCommitters, "results that are written at once")
	fs.BoolVar(&o.keepEmpty, "enable-empty-workload-propagation", false, "keep workloads with no replicas on the selected clusters")
	fs.BoolVar(&o.estimator.enabled, "enable-scheduler-estimator", false, "ask Karmada's estimator of each member how many replicas fit; with --config write estimators into the profiles of the file")
	fs.BoolVar(&o.estimator.skipPull, "disable-scheduler-estimator-in-pull-mode", false, "ask no estimator about members with syncMode Pull; with --config write skipPullMembers into the estimators of the file")
	fs.DurationVar(&o.estimator.timeout, "scheduler-estimator-timeout", schedulerv1alpha1.DefaultEstimatorDeadline, "how long an estimator may take to answer")
	fs.Int32Var(&o.estimator.port, "scheduler-estimator-port", schedulerv1alpha1.DefaultEstimatorPort, "port of the estimators")
	fs.StringVar(&o.estimator.prefix, "scheduler-estimator-service-prefix", schedulerv1alpha1.DefaultEstimatorPrefix, "the estimator of a member is the Service of this prefix, a hyphen and the member's name")
	fs.StringVar(&o.estimator.caFile, "scheduler-estimator-ca-file", "", "CA of the estimators' certificates; without it any is trusted")
	fs.StringVar(&o.estimator.certFile, "scheduler-estimator-cert-file", "", "certificate to show to the estimators")
	fs.StringVar(&o.estimator.keyFile, "scheduler-estimator-key-file", "", "key of that certificate")
	fs.BoolVar(&o.leaderElect, "leader-elect", true, "schedule only while holding the lease, so that several replicas can run")
	fs.StringVar(&o.leaseNamespace, "leader-elect-resource-namespace", "kube-system", "namespace of the lease")
	fs.StringVar(&o.leaseName, "leader-elect-resource-name", "", "name of the lease; without it longshore-scheduler, with the name of the first profile appended unless one has the default name")
	fs.DurationVar(&o.leaseDuration, "leader-elect-lease-duration", defaultLeaseDuration, "how long others wait for a leader that does not renew the lease before one of them takes it")
	fs.DurationVar(&o.renewDeadline, "leader-elect-renew-deadline", defaultRenewDeadline, "how long the leader tries to renew the lease before it ends; it writes nothing once the last renewal is so long ago")
	fs.DurationVar(&o.retryPeriod, "leader-elect-retry-period", defaultRetryPeriod, "how often the lease is renewed, or tried to be taken")
	fs.StringVar(&o.bindAddress, "bind-address", "127.0.0.1", "address of /healthz, /readyz, /metrics, /debug/plugins, /debug/shadow and /debug/decisions, which need no login: open it only to networks that may read them")
	fs.IntVar(&o.securePort, "secure-port", defaultPort, "HTTPS port of /healthz, /readyz, /metrics, /debug/plugins, /debug/shadow and /debug/decisions; 0 serves nothing")
	fs.StringVar(&o.certFile, "tls-cert-file", "", "certificate to serve with; without it a self-signed one is made")
	fs.StringVar(&o.keyFile, "tls-private-key-file", "", "key of the certificate")
	fs.BoolVar(&o.profiling, "profiling", false, "serve /debug/pprof too, without a login")
}

// verbosity returns the log library's -v and none of its other flags.
func verbosity() *flag.Flag {
	all := flag.NewFlagSet("klog", flag.ContinueOnError)
	klog.InitFlags(all)
	return all.Lookup("v")
}

func (o *options) validate(args []string) error {
	switch {
	case len(args) > 0:
		return fmt.Errorf("unknown argument %q: longshore-scheduler takes flags only", args[0])
	case o.schedulerName == "":
		return errors.New("--scheduler-name is empty: name the bindings to schedule, " + loop.DefaultSchedulerName + " for those that name none")
	case o.qps <= 0 || o.burst <= 0:
		return fmt.Errorf("--kube-api-qps %v and --kube-api-burst %d must be above zero", o.qps, o.burst)
	case o.committers < 1:
		return fmt.Errorf("--concurrent-commits %d must be at least 1", o.committers)
	case o.securePort < 0 || o.securePort > 65535:
		return fmt.Errorf("--secure-port %d is not a port: 0 to 65535", o.securePort)
	case net.ParseIP(o.bindAddress) == nil:
		return fmt.Errorf("--bind-address %q is not an IP address", o.bindAddress)
	case (o.certFile == "") != (o.keyFile == ""):
		return errors.New("--tls-cert-file and --tls-private-key-file go together: give both or neither")
	}
	if err := o.validateLease(); err != nil {
		return err
	}
	return o.estimator.validate(o.config)
}

// validateLease returns an error if the election could not work with such times.
func (o *options) validateLease() error {
	switch {
	case o.retryPeriod <= 0:
		return fmt.Errorf("--leader-elect-retry-period %v must be above zero", o.retryPeriod)
	case o.renewDeadline.Seconds() <= leaderelection.JitterFactor*o.retryPeriod.Seconds():
		return fmt.Errorf("--leader-elect-renew-deadline %v must be above %v times --leader-elect-retry-period %v", o.renewDeadline, leaderelection.JitterFactor, o.retryPeriod)
	case o.leaseDuration <= o.renewDeadline:
		return fmt.Errorf("--leader-elect-lease-duration %v must be above --leader-elect-renew-deadline %v: the leader has to give up before others take over", o.leaseDuration, o.renewDeadline)
	}
	return nil
}

func (o *options) address() string {
	return net.JoinHostPort(o.bindAddress, strconv.Itoa(o.securePort))
}

// leaseOf returns the name of the lease unless the command line gives one. Schedulers with different names work side by side; of several
// profiles the default one names the lease or, if there is none, the first.
func leaseOf(profiles []profile.Profile) string {
	for _, p := range profiles {
		if p.SchedulerName == loop.DefaultSchedulerName {
			return "longshore-scheduler"
		}
	}
	return "longshore-scheduler-" + profiles[0].SchedulerName
}

func (o *options) clientConfig() (*rest.Config, error) {
	rules := clientcmd.NewDefaultClientConfigLoadingRules()
	rules.ExplicitPath = o.kubeconfig
	config, err := clientcmd.NewNonInteractiveDeferredLoadingClientConfig(rules, nil).ClientConfig()
	if err != nil {
		return nil, fmt.Errorf("finding the control plane: %w", err)
	}
	config.QPS, config.Burst = o.qps, o.burst
	return rest.AddUserAgent(config, "longshore-scheduler"), nil
}
