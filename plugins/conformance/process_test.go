package conformance_test

import (
	"context"
	"os"
	"slices"
	"syscall"
	"testing"
	"time"

	"github.com/go-logr/logr"

	"github.com/longshore-project/longshore/plugins/builtin/clusterlocality"
	"github.com/longshore-project/longshore/plugins/builtin/clusterselection"
	"github.com/longshore-project/longshore/plugins/builtin/replicadivision"
	"github.com/longshore-project/longshore/plugins/builtin/resourcesummary"
	"github.com/longshore-project/longshore/plugins/builtin/tainttoleration"
	"github.com/longshore-project/longshore/plugins/conformance"
	"github.com/longshore-project/longshore/plugins/host"
	"github.com/longshore-project/longshore/plugins/sdk"
)

// TestMain runs as one of the built-in plugins when a host starts this binary.
func TestMain(m *testing.M) {
	if len(os.Args) == 3 && os.Args[1] == "plugin" {
		all := builtins()
		sdk.Serve(all[slices.IndexFunc(all, func(p sdk.Plugin) bool { return p.Name() == os.Args[2] })])
		return
	}
	os.Exit(m.Run())
}

// oneOfEachStage returns a built-in plugin for each stage.
func oneOfEachStage() []sdk.Plugin {
	return []sdk.Plugin{
		tainttoleration.Plugin{}, clusterlocality.Plugin{}, resourcesummary.Plugin{}, clusterselection.Plugin{}, replicadivision.Plugin{},
	}
}

// process returns the spec of the plugin as a process.
func process(t *testing.T, p sdk.Plugin) host.Spec {
	t.Helper()
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	return host.Spec{Name: p.Name(), Path: self, Args: []string{"plugin", p.Name()}, Deadline: time.Minute}
}

func opened(t *testing.T, p sdk.Plugin, o host.Options) *host.Plugin {
	t.Helper()
	h, plugin, err := host.Open(t.Context(), process(t, p), o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := h.Close(context.Background()); err != nil {
			t.Error(err)
		}
	})
	return plugin
}

// A plugin in a process of its own keeps the same promises, and those of the protocol.
func TestBuiltinsInProcesses(t *testing.T) {
	for _, p := range oneOfEachStage() {
		t.Run(p.Name(), func(t *testing.T) {
			plugin := opened(t, p, host.Options{})
			conformance.Run(t, func(testing.TB) conformance.Subject { return conformance.Of(plugin) })
			c, err := host.Connect(t.Context(), new(process(t, p)), logr.Discard())
			if err != nil {
				t.Fatal(err)
			}
			defer c.Close()
			conformance.RunWire(t, c.Conn)
		})
	}
}

// A process that was killed says the same when it is back.
func TestBuiltinsSayTheSameAfterARestart(t *testing.T) {
	for _, p := range oneOfEachStage() {
		t.Run(p.Name(), func(t *testing.T) {
			again := make(chan struct{})
			plugin := opened(t, p, host.Options{OnChange: func(s host.Status) {
				if s.State == host.Running && s.Restarts == 1 {
					close(again)
				}
			}})
			if err := conformance.Same(t.Context(), conformance.Of(p), conformance.Of(plugin)); err != nil {
				t.Fatal(err)
			}
			if err := syscall.Kill(plugin.Status().PID, syscall.SIGKILL); err != nil {
				t.Fatal(err)
			}
			<-again
			if err := conformance.Same(t.Context(), conformance.Of(p), conformance.Of(plugin)); err != nil {
				t.Error(err)
			}
		})
	}
}
