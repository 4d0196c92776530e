// Package connect turns the kubeconfig flags of a command into clients, and what goes wrong on the way into errors that name the cause and the cure.
package connect

import (
	"cmp"
	"fmt"
	"maps"
	"os"
	"slices"
	"strings"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
	"k8s.io/client-go/rest"
	"k8s.io/client-go/tools/clientcmd"
	clientcmdapi "k8s.io/client-go/tools/clientcmd/api"
)

// Source says where the credentials of one side come from, and how the user named that place. The zero value is not useful: take
// ControlPlane or Member.
type Source struct {
	// Role is the side in messages: "control plane" or "member".
	Role string
	// Kubeconfig is the file; empty means KUBECONFIG or else ~/.kube/config, as for kubectl. For a member the commands first fill in that of
	// the control plane.
	Kubeconfig string
	// Context in the file; empty means its current context.
	Context string

	fileFlag, contextFlag string
	// defaultFile describes where the access comes from if no file is named.
	defaultFile string
}

// ControlPlane returns the source that the flags --kubeconfig and --context fill.
func ControlPlane() *Source {
	return &Source{Role: "control plane", fileFlag: "kubeconfig", contextFlag: "context", defaultFile: "$KUBECONFIG or ~/.kube/config"}
}

// Member returns the source that the flags --cluster-kubeconfig and --cluster-context fill.
func Member() *Source {
	return &Source{Role: "member", fileFlag: "cluster-kubeconfig", contextFlag: "cluster-context", defaultFile: "that of the control plane"}
}

// Bind adds the two flags of the source to fs.
func (s *Source) Bind(fs *pflag.FlagSet) {
	fs.StringVar(&s.Kubeconfig, s.fileFlag, s.Kubeconfig, fmt.Sprintf("kubeconfig file of the %s; empty means %s", s.Role, s.defaultFile))
	fs.StringVar(&s.Context, s.contextFlag, s.Context, fmt.Sprintf("context of the %s in its kubeconfig file; empty means the current context", s.Role))
	if s.contextFlag == "context" {
		fs.StringVar(&s.Context, "karmada-context", s.Context, "the same as --context, for users of Karmada's command line")
		_ = fs.MarkHidden("karmada-context") // Fails only for a flag that does not exist.
	}
}

// Given reports whether the user named a file or a context.
func (s *Source) Given() bool { return s.Kubeconfig != "" || s.Context != "" }

// Load reads the kubeconfig. The certificates and keys it refers to are loaded into the result, which the caller owns. No connection is made.
func (s *Source) Load() (*rest.Config, error) {
	rules := clientcmd.NewDefaultClientConfigLoadingRules()
	rules.ExplicitPath = s.Kubeconfig
	rules.WarnIfAllMissing = false
	raw, err := rules.Load()
	if err != nil {
		return nil, s.loadError(err)
	}
	if err := s.checkContext(raw); err != nil {
		return nil, err
	}
	cfg, err := clientcmd.NewNonInteractiveClientConfig(*raw, s.Context, &clientcmd.ConfigOverrides{}, rules).ClientConfig()
	if err != nil {
		return nil, fmt.Errorf("kubeconfig %s of the %s cannot be used: %w; correct it or name another file with --%s", s.path(), s.Role, err, s.fileFlag)
	}
	if err := rest.LoadTLSFiles(cfg); err != nil {
		return nil, fmt.Errorf("kubeconfig %s of the %s refers to a certificate that cannot be read: %w", s.path(), s.Role, err)
	}
	// The command line asks a few questions in a row: a client-side limit would only make the user wait.
	cfg.QPS = -1
	cfg.WarningHandler = rest.NoWarnings{}
	return cfg, nil
}

func (s *Source) loadError(err error) error {
	if os.IsNotExist(err) {
		return fmt.Errorf("kubeconfig %s of the %s does not exist: name another file with --%s", s.path(), s.Role, s.fileFlag)
	}
	return fmt.Errorf("kubeconfig %s of the %s cannot be read: %w; correct it or name another file with --%s", s.path(), s.Role, oneLine(err), s.fileFlag)
}

// checkContext is ours because client-go's own messages do not say what there is to choose from.
func (s *Source) checkContext(raw *clientcmdapi.Config) error {
	known := strings.Join(slices.Sorted(maps.Keys(raw.Contexts)), ", ")
	switch {
	case len(raw.Contexts) == 0:
		return fmt.Errorf("kubeconfig %s of the %s names no cluster: name a file with --%s", s.path(), s.Role, s.fileFlag)
	case s.Context == "" && raw.CurrentContext == "":
		return fmt.Errorf("kubeconfig %s of the %s has no current context: choose one with --%s; it has %s", s.path(), s.Role, s.contextFlag, known)
	case s.Context != "" && raw.Contexts[s.Context] == nil:
		return fmt.Errorf("kubeconfig %s of the %s has no context %q: choose another with --%s; it has %s", s.path(), s.Role, s.Context, s.contextFlag, known)
	}
	name := cmp.Or(s.Context, raw.CurrentContext)
	context := raw.Contexts[name]
	switch {
	case context == nil:
		return fmt.Errorf("kubeconfig %s of the %s has a current context %q that it does not define: choose one with --%s; it has %s", s.path(), s.Role, name, s.contextFlag, known)
	case raw.Clusters[context.Cluster] == nil:
		return fmt.Errorf("kubeconfig %s of the %s has no cluster %q, which its context %q names: correct it or name another file with --%s", s.path(), s.Role, context.Cluster, name, s.fileFlag)
	}
	return nil
}

// OneName is a cobra.PositionalArgs: exactly one argument, the name of a cluster.
func OneName(cmd *cobra.Command, args []string) error {
	if len(args) != 1 {
		return fmt.Errorf("%s needs one NAME and got %d: run '%s --help' for examples", cmd.Name(), len(args), cmd.CommandPath())
	}
	return nil
}

// path names the file or files that Load reads, for messages.
func (s *Source) path() string {
	if s.Kubeconfig != "" {
		return s.Kubeconfig
	}
	return strings.Join(clientcmd.NewDefaultClientConfigLoadingRules().Precedence, ":")
}

// oneLine keeps an error on one line: YAML parsers put each problem on a line of its own.
func oneLine(err error) error {
	return &flattened{err}
}

type flattened struct{ error }

func (f *flattened) Error() string { return strings.Join(strings.Fields(f.error.Error()), " ") }

func (f *flattened) Unwrap() error { return f.error }
