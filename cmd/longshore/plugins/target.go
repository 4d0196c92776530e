package plugins

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"time"

	"github.com/spf13/cobra"
	"sigs.k8s.io/yaml"

	"github.com/longshore-project/longshore/plugins/host"
)

// target is the flags that say which plugin is meant and how it is started or reached.
type target struct {
	arguments    string
	environment  []string
	plainSocket  bool
	address      string
	tls          host.TLS
	deadline     time.Duration
	startTimeout time.Duration
}

// patience is how long a plugin may take to start, and to answer, unless a flag says otherwise. It is generous: an interpreter on a busy machine
// takes seconds, and promises are about answers and not about time.
const patience = 30 * time.Second

// bind registers the flags.
func (t *target) bind(cmd *cobra.Command) {
	fs := cmd.Flags()
	fs.StringVar(&t.arguments, "args", "", "the plugin's arguments, as its args in pluginConfig: YAML or JSON, or @FILE")
	fs.StringSliceVar(&t.environment, "environment", nil, "variables that the plugin may see; it sees no others")
	fs.BoolVar(&t.plainSocket, "plain-socket", false, "exchange no certificates with the process: for plugins that are not written in Go")
	fs.StringVar(&t.address, "address", "", "where a plugin listens that runs already, unix:///path or dns:///host:port, instead of PATH")
	fs.StringVar(&t.tls.CAFile, "tls-ca-file", "", "CA of the certificate of the plugin at --address")
	fs.StringVar(&t.tls.CertFile, "tls-cert-file", "", "certificate to show to the plugin at --address")
	fs.StringVar(&t.tls.KeyFile, "tls-key-file", "", "key of the certificate")
	fs.StringVar(&t.tls.ServerName, "tls-server-name", "", "name in the certificate of the plugin; without it the host in --address")
	fs.DurationVar(&t.startTimeout, "start-timeout", patience, "how long a start may take")
	fs.DurationVar(&t.deadline, "deadline", patience, "how long an answer may take")
	cmd.ValidArgsFunction = completeFiles
}

// completeFiles lets the shell offer the names of files.
func completeFiles(*cobra.Command, []string, string) ([]cobra.Completion, cobra.ShellCompDirective) {
	return nil, cobra.ShellCompDirectiveDefault
}

var errNoTarget = errors.New("which plugin? Give the path of its binary, or --address of one that runs already, and not both")

// spec returns what to start or dial. Command is the path of the plugin and the arguments of its process.
func (t *target) spec(command []string) (host.Spec, error) {
	if (len(command) == 0) == (t.address == "") {
		return host.Spec{}, errNoTarget
	}
	arguments, err := t.readArguments()
	if err != nil {
		return host.Spec{}, err
	}
	spec := host.Spec{
		Environment: t.environment, PlainSocket: t.plainSocket, Address: t.address, Arguments: arguments, Deadline: t.deadline, StartTimeout: t.startTimeout,
	}
	if t.tls != (host.TLS{}) {
		spec.TLS = &t.tls
	}
	if t.address != "" {
		spec.Name = t.address
		return spec, t.checkRemote(&spec)
	}
	if spec.Path, err = binary(command[0]); err != nil {
		return host.Spec{}, err
	}
	spec.Name, spec.Args = filepath.Base(command[len(command)-1]), command[1:]
	return spec, spec.Validate()
}

// checkRemote explains in the words of the flags what is missing.
func (t *target) checkRemote(spec *host.Spec) error {
	switch {
	case t.plainSocket || len(t.environment) > 0:
		return errors.New("--plain-socket and --environment are for a plugin with a PATH, not for one at --address")
	case spec.TLS != nil && (t.tls.CAFile == "" || t.tls.CertFile == "" || t.tls.KeyFile == ""):
		return errors.New("--tls-ca-file, --tls-cert-file and --tls-key-file go together: give all three")
	case spec.TLS == nil && strings.HasPrefix(t.address, "dns:"):
		return errors.New("a plugin at a dns:/// address needs --tls-ca-file, --tls-cert-file and --tls-key-file: without them anybody could place workloads")
	}
	return spec.Validate()
}

// readArguments returns nil when there are none.
func (t *target) readArguments() (map[string]any, error) {
	text := t.arguments
	if file, ok := strings.CutPrefix(text, "@"); ok {
		data, err := os.ReadFile(file)
		if err != nil {
			return nil, fmt.Errorf("reading --args: %w", err)
		}
		text = string(data)
	}
	var out map[string]any
	if err := yaml.UnmarshalStrict([]byte(text), &out); err != nil {
		return nil, fmt.Errorf("reading --args: they are no map in YAML or JSON: %s", strings.ReplaceAll(err.Error(), "\n", " "))
	}
	return out, nil
}

// binary returns the absolute path of the program, which is searched for in $PATH like a shell would.
func binary(name string) (string, error) {
	path, err := exec.LookPath(name)
	switch {
	case errors.Is(err, exec.ErrDot):
		return "", fmt.Errorf("%s is found in this directory only: write ./%s", name, name)
	case errors.Is(err, os.ErrPermission):
		return "", fmt.Errorf("%s cannot be run: make it executable, or name its interpreter first, as in: python3 %s", name, name)
	case err != nil:
		if _, exists := os.Stat(name); exists == nil && !strings.Contains(name, "/") {
			return "", fmt.Errorf("%s is in this directory: write ./%s", name, name)
		}
		return "", fmt.Errorf("there is no program %s: give the path of the plugin's binary", name)
	}
	return filepath.Abs(path)
}
