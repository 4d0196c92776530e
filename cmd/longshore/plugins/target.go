package plugins

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"
	"sigs.k8s.io/yaml"

	schedulerv1alpha1 "github.com/longshore-project/longshore/apis/scheduler/v1alpha1"
	"github.com/longshore-project/longshore/cmd/internal/configfile"
	"github.com/longshore-project/longshore/plugins/host"
)

// target is the flags that say which plugin is meant and how it is started or reached.
type target struct {
	config       string
	profile      string
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
	fs.StringVar(&t.config, "config", "", "configuration file of the scheduler: take the external plugin NAME as it describes it, but with the times of --deadline and --start-timeout; a PATH behind NAME is started in its place")
	fs.StringVar(&t.profile, "profile", "", "profile of --config that the plugin is in, PROFILE/shadow for one of a shadow; without it the first")
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

var errNoTarget = errors.New("which plugin? Give the path of its binary, or --address of one that runs already, or --config and the name of one, and only one of these")

// spec returns what to start or dial. Command is the path of the plugin and the arguments of its process, behind its name if a file describes it.
func (t *target) spec(command []string) (host.Spec, error) {
	if t.config != "" {
		return t.specInFile(command)
	}
	if t.profile != "" {
		return host.Spec{}, errors.New("--profile is one of a configuration file: give --config, too")
	}
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

// specInFile returns the plugin of the configuration file that has the name at the start of the command. The rest of the command, if there is
// one, is started in its place. A call that fails is an error whatever the policy of the file: promises are about answers.
func (t *target) specInFile(command []string) (host.Spec, error) {
	switch {
	case len(command) == 0:
		return host.Spec{}, fmt.Errorf("which plugin? Give the name of one in %s", t.config)
	case t.arguments != "" || len(t.environment) > 0 || t.plainSocket || t.address != "" || t.tls != (host.TLS{}):
		return host.Spec{}, errors.New("--config says how the plugin is started or reached: leave out --args, --environment, --plain-socket, --address and --tls-…")
	}
	specs, profile, err := t.specsInFile()
	if err != nil {
		return host.Spec{}, err
	}
	i := slices.IndexFunc(specs, func(s host.Spec) bool { return s.Name == command[0] })
	if i < 0 {
		return host.Spec{}, fmt.Errorf("profile %s of %s has no external plugin %s; %s", profile, t.config, command[0], among(specs, func(s host.Spec) string { return s.Name }))
	}
	spec := specs[i]
	spec.Deadline, spec.StartTimeout, spec.FailurePolicy = t.deadline, t.startTimeout, host.Fail
	if len(command) > 1 {
		spec.SHA256, spec.Address, spec.TLS, spec.Args = "", "", nil, command[2:]
		if spec.Path, err = binary(command[1]); err != nil {
			return host.Spec{}, err
		}
	}
	return spec, spec.Validate()
}

// specsInFile returns the external plugins of the chosen profile of the configuration file, and the profile's name.
func (t *target) specsInFile() (specs []host.Spec, profile string, err error) {
	text, err := os.ReadFile(t.config)
	if err != nil {
		return nil, "", fmt.Errorf("reading --config: %w", err)
	}
	c, err := configfile.Parse(t.config, text, configfile.Registry())
	if err != nil {
		return nil, "", err
	}
	profiles := configfile.Profiles(c)
	chosen := 0
	if t.profile != "" {
		chosen = slices.IndexFunc(profiles, func(p *schedulerv1alpha1.SchedulerProfile) bool { return p.SchedulerName == t.profile })
	}
	if chosen < 0 {
		return nil, "", fmt.Errorf("%s has no profile %s; %s", t.config, t.profile, among(profiles, func(p *schedulerv1alpha1.SchedulerProfile) string { return p.SchedulerName }))
	}
	specs, err = configfile.Specs(profiles[chosen])
	return specs, profiles[chosen].SchedulerName, err
}

// among says what there is to choose from.
func among[T any](all []T, name func(T) string) string {
	if len(all) == 0 {
		return "it has none"
	}
	names := make([]string, len(all))
	for i, one := range all {
		names[i] = name(one)
	}
	return "there is " + strings.Join(names, ", ")
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
