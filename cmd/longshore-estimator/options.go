package main

import (
	"errors"
	"fmt"
	"net"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/spf13/pflag"
	"k8s.io/client-go/rest"
	"k8s.io/client-go/tools/clientcmd"

	"github.com/longshore-project/longshore/cmd/internal/build"
	"github.com/longshore-project/longshore/cmd/internal/serving"
	"github.com/longshore-project/longshore/estimator/server"
)

// longestSocket is how long the path of a unix socket may be on every system, with room for what listen adds to it.
const longestSocket = 100

// options are the flags.
type options struct {
	clusterName  string
	kubeconfig   string
	members      []string
	controlPlane string
	clusters     []string
	secrets      []string

	bindAddress  string
	grpcPort     int
	socket       string
	securePort   int
	files        serving.Files
	insecure     bool
	unknownAfter time.Duration
	profiling    bool
}

// defaultOptions has the port of Karmada's estimators.
func defaultOptions() *options {
	return &options{
		bindAddress: "127.0.0.1", grpcPort: 10352, securePort: 10354, unknownAfter: server.DefaultPatience, secrets: []string{"karmada-cluster"},
	}
}

func (o *options) addFlags(f *pflag.FlagSet) {
	f.SortFlags = false
	f.StringVar(&o.clusterName, "cluster-name", o.clusterName, "observe one member, which the control plane knows by this name")
	f.StringVar(&o.kubeconfig, "kubeconfig", o.kubeconfig, "kubeconfig of the member of --cluster-name; empty means the service account of the pod")
	f.StringArrayVar(&o.members, "member", nil, "observe a member: NAME=KUBECONFIG or NAME=KUBECONFIG#CONTEXT; may be repeated")
	f.StringVar(&o.controlPlane, "control-plane", o.controlPlane, "kubeconfig of a control plane, whose members are observed with the access that their Clusters and Secrets give")
	f.StringSliceVar(&o.clusters, "clusters", nil, "of the members of --control-plane observe only these, so that several estimators can share them")
	f.StringSliceVar(&o.secrets, "secret-namespaces", o.secrets, "namespaces of --control-plane with the Secrets of its members; others are not read")
	f.StringVar(&o.bindAddress, "bind-address", o.bindAddress, "address to serve on")
	f.IntVar(&o.grpcPort, "grpc-port", o.grpcPort, "port of the estimates")
	f.StringVar(&o.socket, "socket", o.socket, "serve estimates on a unix socket with this path instead, without TLS, to whoever may open the file: the user that runs the program")
	f.IntVar(&o.securePort, "secure-port", o.securePort, "HTTPS port of /healthz, /readyz and /metrics, which need no login; 0 serves nothing")
	f.StringVar(&o.files.Cert, "tls-cert-file", "", "certificate to serve with; it and the next two are read again when they change")
	f.StringVar(&o.files.Key, "tls-private-key-file", "", "key of the certificate")
	f.StringVar(&o.files.ClientCA, "client-ca-file", "", "CA that signed the certificates of those who may ask")
	f.BoolVar(&o.insecure, "insecure", false, "serve estimates without TLS to everybody on this machine; only on a loopback address")
	f.DurationVar(&o.unknownAfter, "unknown-after", o.unknownAfter, "how long a member may be silent before what fits there is unknown")
	f.BoolVar(&o.profiling, "profiling", false, "serve /debug/pprof on --secure-port, too")
}

// validate returns one error that names every flag with a value that cannot work.
func (o *options) validate() error {
	var errs []error
	check := func(ok bool, format string, args ...any) {
		if !ok {
			errs = append(errs, fmt.Errorf(format, args...))
		}
	}
	ip := net.ParseIP(o.bindAddress)
	check(ip != nil, "--bind-address %q is not an IP address", o.bindAddress)
	check(o.grpcPort > 0 && o.grpcPort < 1<<16, "--grpc-port is %d: use 1 to 65535", o.grpcPort)
	check(o.securePort >= 0 && o.securePort < 1<<16, "--secure-port is %d: use 0 to 65535", o.securePort)
	check(o.grpcPort != o.securePort, "--grpc-port and --secure-port are both %d: choose two", o.grpcPort)
	check(o.unknownAfter > 0, "--unknown-after is %s: use more than 0", o.unknownAfter)
	check(o.clusterName != "" || len(o.members) > 0 || o.controlPlane != "",
		"nothing to observe: give --cluster-name, --member or --control-plane; --help has examples")
	check(o.kubeconfig == "" || o.clusterName != "", "--kubeconfig is that of one member: name it with --cluster-name")
	check(o.controlPlane == "" || len(o.secrets) > 0 && !slices.Contains(o.secrets, ""), "--secret-namespaces names no namespace")
	check(len(o.clusters) == 0 || o.controlPlane != "", "--clusters chooses from the members of --control-plane: give that, too")
	tls := o.files != serving.Files{}
	whole := o.files.Cert != "" && o.files.Key != "" && o.files.ClientCA != ""
	switch {
	case o.socket != "":
		check(len(o.socket) < longestSocket, "--socket %s is too long: use less than %d bytes", o.socket, longestSocket)
		check(!o.insecure && !tls, "--socket has no TLS: leave out --insecure and TLS files")
	case o.insecure:
		check(ip == nil || ip.IsLoopback(), "--insecure works on a loopback address only, and --bind-address is %s", o.bindAddress)
		check(!tls, "--insecure and TLS files exclude each other")
	default:
		check(whole, "TLS needs --tls-cert-file, --tls-private-key-file and --client-ca-file; \"longshore-estimator certificates DIR\" makes them, and --insecure serves without")
	}
	if _, err := o.targets(); err != nil {
		errs = append(errs, err)
	}
	return errors.Join(errs...)
}

// target is a member with a kubeconfig.
type target struct{ name, file, context string }

// targets returns the members of --cluster-name and --member.
func (o *options) targets() ([]target, error) {
	var targets []target
	if o.clusterName != "" {
		targets = append(targets, target{name: o.clusterName, file: o.kubeconfig})
	}
	for _, text := range o.members {
		name, access, ok := strings.Cut(text, "=")
		file, context, _ := strings.Cut(access, "#")
		if !ok || name == "" || file == "" {
			return nil, fmt.Errorf("--member %q is not NAME=KUBECONFIG or NAME=KUBECONFIG#CONTEXT", text)
		}
		targets = append(targets, target{name: name, file: file, context: context})
	}
	seen := map[string]bool{}
	for _, t := range targets {
		if seen[t.name] {
			return nil, fmt.Errorf("member %s is given twice", t.name)
		}
		seen[t.name] = true
	}
	return targets, nil
}

// config returns access to a target, without limits and timeouts: all that is sent are lists and watches.
func (t target) config() (*rest.Config, error) {
	rules := &clientcmd.ClientConfigLoadingRules{ExplicitPath: t.file}
	overrides := &clientcmd.ConfigOverrides{CurrentContext: t.context}
	config, err := clientcmd.NewNonInteractiveDeferredLoadingClientConfig(rules, overrides).ClientConfig()
	if err != nil {
		return nil, fmt.Errorf("reading the kubeconfig of %s: %w", t.name, err)
	}
	config.QPS, config.UserAgent = -1, "longshore-estimator/"+build.Version()
	return config, nil
}

func (o *options) grpcAddress() string {
	return net.JoinHostPort(o.bindAddress, strconv.Itoa(o.grpcPort))
}

func (o *options) healthAddress() string {
	return net.JoinHostPort(o.bindAddress, strconv.Itoa(o.securePort))
}
