package plugins

import (
	"context"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/longshore-project/longshore/cmd/longshore/connect/connecttest"
	"github.com/longshore-project/longshore/plugins/conformance"
	"github.com/longshore-project/longshore/plugins/sdk"
)

// verdictsOf returns the verdict of each promise by its name.
func verdictsOf(out string) map[string]string {
	verdicts := map[string]string{}
	for _, m := range regexp.MustCompile(`(?m)^(pass|FAIL)  (.*?) +[0-9.]+m?s`).FindAllStringSubmatch(out, -1) {
		verdicts[m[2]] = m[1]
	}
	return verdicts
}

// allPass is the verdicts of a plugin that keeps all promises, of which some are not those of conformance.
func allPass(others ...string) map[string]string {
	want := map[string]string{}
	for _, c := range conformance.WireChecks(nil) {
		want[c.Name] = "pass"
	}
	for _, c := range conformance.Checks() {
		want[c.Name] = "pass"
	}
	for _, name := range others {
		want[name] = "pass"
	}
	return want
}

func TestCheckPasses(t *testing.T) {
	out, err := connecttest.Run(t, NewCommand(), "check", os.Args[0], asPlugin, "demanding", "--args", "{tier: gold}")
	if err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	if diff := cmp.Diff(allPass("a second process beside the first", "starts again after a kill"), verdictsOf(out)); diff != "" {
		t.Errorf("verdicts (-want +got):\n%s", diff)
	}
	if !strings.HasPrefix(out, "sample v7: filter, score\n") || !strings.HasSuffix(out, "plugin demanding keeps all 21 promises\n") {
		t.Errorf("output is\n%s", out)
	}
}

func TestCheckRemote(t *testing.T) {
	socket := filepath.Join(t.TempDir(), "s")
	l, err := net.Listen("unix", socket)
	if err != nil {
		t.Fatal(err)
	}
	ctx, stop := context.WithCancel(context.Background())
	served := make(chan error, 1)
	go func() { served <- sdk.Listen(ctx, l, nil, &sample{}) }()
	out, err := connecttest.Run(t, NewCommand(), "check", "--address", "unix://"+socket)
	if err != nil {
		t.Errorf("%v\n%s", err, out)
	}
	if diff := cmp.Diff(allPass("two schedulers at once"), verdictsOf(out)); diff != "" {
		t.Errorf("verdicts (-want +got):\n%s", diff)
	}
	stop()
	if err := <-served; err != nil {
		t.Error(err)
	}
}

// TestCheckTellsWhatIsWrong names the broken promises, why, and what the plugin wrote meanwhile.
func TestCheckTellsWhatIsWrong(t *testing.T) {
	out, err := connecttest.Run(t, NewCommand(), "check", os.Args[0], asPlugin, "exceeding")
	want := "plugin exceeding breaks 5 of 21 promises"
	if err == nil || err.Error() != want {
		t.Fatalf("error is %v, want %s; output is\n%s", err, want, out)
	}
	verdicts := allPass("a second process beside the first", "starts again after a kill")
	for _, name := range []string{"any request", "inputs are read only", "concurrent calls", "a second process beside the first", "starts again after a kill"} {
		verdicts[name] = "FAIL"
	}
	if diff := cmp.Diff(verdicts, verdictsOf(out)); diff != "" {
		t.Errorf("verdicts (-want +got):\n%s", diff)
	}
	if want := "score 101 of row 0 is not in 0 to 100"; strings.Count(out, want) != 5 {
		t.Errorf("output does not say %q for each broken promise:\n%s", want, out)
	}
}

// TestCheckShowsWhatThePluginWrote shows the standard error of a process that is no plugin.
func TestCheckShowsWhatThePluginWrote(t *testing.T) {
	out, err := connecttest.Run(t, NewCommand(), "check", "--", "sh", "-c", "echo oops >&2; echo oops >&2; echo the disk is full >&2; exit 3")
	if err == nil || !strings.Contains(err.Error(), "it ended before it introduced itself as a plugin") {
		t.Errorf("error is %v", err)
	}
	if want := "      | oops (2 times)\n      | the disk is full\n"; !strings.HasPrefix(out, want) {
		t.Errorf("output is %q, want %q first", out, want)
	}
}

// configuration returns a file whose only profile has a plugin that demands arguments, and gets them, and a shadow with one that does not.
func configuration(t *testing.T) string {
	t.Helper()
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	file := filepath.Join(t.TempDir(), "scheduler.yaml")
	text := fmt.Sprintf(`apiVersion: scheduler.longshore.dev/v1alpha1
kind: SchedulerConfiguration
profiles:
- schedulerName: one
  plugins: {score: {enabled: [{name: gold}]}}
  pluginConfig: [{name: gold, args: {tier: gold}}]
  externalPlugins: [{name: gold, path: %[1]q, args: [%[2]s, demanding], deadline: 1ns, failurePolicy: skip}]
  shadow:
    plugins: {score: {enabled: [{name: pale}]}}
    externalPlugins: [{name: pale, path: %[1]q, args: [%[2]s, demanding]}]
`, self, asPlugin)
	if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return file
}

// The arguments of the file reach the plugin; its deadline and policy, by which nothing would be measured, do not.
func TestPluginOfAConfiguration(t *testing.T) {
	file := configuration(t)
	for name, command := range map[string][]string{
		"as the file says": {"gold"},
		"another program":  {"gold", "--", os.Args[0], asPlugin, "demanding"},
	} {
		t.Run(name, func(t *testing.T) {
			out, err := connecttest.Run(t, NewCommand(), append([]string{"bench", "--config", file, "--clusters", "10", "--duration", "1ms"}, command...)...)
			if err != nil || !strings.HasPrefix(out, "sample v7: filter, score\n") {
				t.Errorf("error %v; output is\n%s", err, out)
			}
		})
	}
}

func TestAConfigurationWithFaults(t *testing.T) {
	file := configuration(t)
	text, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(file, append(text, "  sahdow: {}\n"...), 0o600); err != nil {
		t.Fatal(err)
	}
	_, err = connecttest.Run(t, NewCommand(), "check", "gold", "--config", file)
	if want := file + " cannot be used:\nline 11: "; err == nil || !strings.HasPrefix(err.Error(), want) || !strings.Contains(err.Error(), "sahdow") {
		t.Errorf("error is %v, want %s… about the field", err, want)
	}
}

func TestBadInput(t *testing.T) {
	notExecutable := filepath.Join(t.TempDir(), "plugin.py")
	if err := os.WriteFile(notExecutable, []byte("pass"), 0o600); err != nil {
		t.Fatal(err)
	}
	file := configuration(t)
	tests := []struct {
		name string
		args []string
		want string
	}{
		{"a profile of nothing", []string{"check", "x", "--profile", "one"}, "--profile is one of a configuration file: give --config, too"},
		{"no name", []string{"check", "--config", file}, "which plugin? Give the name of one in " + file},
		{"two descriptions", []string{"check", "gold", "--config", file, "--args", "{}"}, "--config says how the plugin is started or reached: leave out --args, "},
		{"no file", []string{"check", "gold", "--config", "nothing"}, "reading --config: open nothing: no such file or directory"},
		{"no such name", []string{"check", "silver", "--config", file}, "profile one of " + file + " has no external plugin silver; there is gold"},
		{"no such profile", []string{"check", "gold", "--config", file, "--profile", "two"}, file + " has no profile two; there is one, one/shadow"},
		{"not in the shadow", []string{"check", "gold", "--config", file, "--profile", "one/shadow"}, "profile one/shadow of " + file + " has no external plugin gold; there is pale"},
		{"no program in its place", []string{"check", "--config", file, "gold", "./nothing"}, "there is no program ./nothing: give the path of the plugin's binary"},
		{"its arguments in the shadow", []string{"check", "pale", "--config", file, "--profile", "one/shadow"}, "the plugin does not start: plugin pale: configuring plugin: rpc error: code = InvalidArgument desc = tier is missing"},
		{"nothing", []string{"check"}, errNoTarget.Error()},
		{"both", []string{"bench", "x", "--address", "unix:///y"}, errNoTarget.Error()},
		{"no such file", []string{"check", "./nothing"}, "there is no program ./nothing: give the path of the plugin's binary"},
		{"not executable", []string{"check", notExecutable}, notExecutable + " cannot be run: make it executable, or name its interpreter first, as in: python3 " + notExecutable},
		{"here only", []string{"check", "command.go"}, "command.go is in this directory: write ./command.go"},
		{"arguments", []string{"check", os.Args[0], "--args", "3"}, "reading --args: they are no map in YAML or JSON: "},
		{"arguments in no file", []string{"check", os.Args[0], "--args", "@nothing"}, "reading --args: open nothing: no such file or directory"},
		{"open network", []string{"check", "--address", "dns:///x:1"}, "a plugin at a dns:/// address needs --tls-ca-file, --tls-cert-file and --tls-key-file: "},
		{"half of TLS", []string{"check", "--address", "dns:///x:1", "--tls-ca-file", "x"}, "--tls-ca-file, --tls-cert-file and --tls-key-file go together: give all three"},
		{"socket of a remote plugin", []string{"check", "--address", "unix:///x", "--plain-socket"}, "--plain-socket and --environment are for a plugin with a PATH"},
		{"other scheme", []string{"check", "--address", "tcp://x:1"}, `external plugin "tcp://x:1": address "tcp://x:1" has an unknown scheme`},
		{"no fleet", []string{"bench", os.Args[0], "--clusters", "0"}, "--clusters 0 is no fleet: give numbers above zero"},
		{"no time", []string{"bench", os.Args[0], "--duration", "0s"}, "--duration 0s must be above zero"},
		{"its arguments", []string{"check", os.Args[0], asPlugin, "demanding"}, "the plugin does not start: plugin demanding: configuring plugin: rpc error: code = InvalidArgument desc = tier is missing"},
		{"no plugin", []string{"check", "echo", "hello"}, `the plugin does not start: plugin hello: starting `},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			_, err := connecttest.Run(t, NewCommand(), tt.args...)
			if err == nil || !strings.HasPrefix(err.Error(), tt.want) {
				t.Fatalf("error is %v, want %s", err, tt.want)
			}
			if strings.Contains(err.Error(), "\n") {
				t.Errorf("error has several lines: %v", err)
			}
		})
	}
}
