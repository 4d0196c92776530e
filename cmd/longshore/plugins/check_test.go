package plugins

import (
	"context"
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

func TestBadInput(t *testing.T) {
	notExecutable := filepath.Join(t.TempDir(), "plugin.py")
	if err := os.WriteFile(notExecutable, []byte("pass"), 0o600); err != nil {
		t.Fatal(err)
	}
	tests := []struct {
		name string
		args []string
		want string
	}{
		{"nothing", []string{"check"}, "which plugin? Give the path of its binary, or --address of one that runs already, and not both"},
		{"both", []string{"bench", "x", "--address", "unix:///y"}, "which plugin? Give the path of its binary, or --address of one that runs already, and not both"},
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
