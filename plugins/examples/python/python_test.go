// Package python holds a placement plugin in Python, and tests that it speaks the protocol as plugins in Go do.
package python

import (
	"context"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/go-logr/logr"
	"github.com/google/go-cmp/cmp"

	"github.com/longshore-project/longshore/plugins/conformance"
	"github.com/longshore-project/longshore/plugins/host"
	"github.com/longshore-project/longshore/plugins/sdk/sdktest"
)

// spec returns the spec of the plugin. The test is skipped where Python or its packages are absent.
func spec(t testing.TB, arguments map[string]any) host.Spec {
	t.Helper()
	script, err := filepath.Abs("plugin.py")
	if err != nil {
		t.Fatal(err)
	}
	return host.Spec{
		Name: "maintenance", Path: interpreter(t), Args: []string{script}, PlainSocket: true, Arguments: arguments,
		Environment: []string{"PYTHONDONTWRITEBYTECODE"}, Deadline: time.Minute, StartTimeout: time.Minute,
	}
}

// interpreter returns the first Python that has grpcio.
func interpreter(t testing.TB) string {
	t.Helper()
	t.Setenv("PYTHONDONTWRITEBYTECODE", "1")
	candidates := []string{"/usr/bin/python3"}
	if path, err := exec.LookPath("python3"); err == nil {
		candidates = append(candidates, path)
	}
	for _, path := range candidates {
		if exec.CommandContext(t.Context(), path, "-c", "import grpc, google.protobuf").Run() == nil {
			return path
		}
	}
	t.Skip("no python3 with grpcio and protobuf: apt-get install python3-grpcio python3-protobuf")
	return ""
}

func open(t testing.TB, arguments map[string]any) *host.Plugin {
	t.Helper()
	h := host.New(host.Options{})
	t.Cleanup(func() {
		if err := h.Close(context.Background()); err != nil {
			t.Error(err)
		}
	})
	if err := h.Apply([]host.Spec{spec(t, arguments)}); err != nil {
		t.Fatal(err)
	}
	p, _ := h.Plugin("maintenance")
	if err := p.Ready(t.Context()); err != nil {
		t.Fatal(err)
	}
	return p
}

func TestFilterAndScore(t *testing.T) {
	p := open(t, map[string]any{"preference": "wanted"})
	fleet := sdktest.Fleet(
		sdktest.Cluster{Name: "a", Labels: map[string]string{"wanted": "70"}},
		sdktest.Cluster{Name: "b", Labels: map[string]string{"maintenance": "planned"}},
		sdktest.Cluster{Name: "c", Labels: map[string]string{"wanted": "a lot"}},
	)
	q := sdktest.Query(fleet)
	score := p.Score()
	rejections, err := p.Filter().Filter(t.Context(), q, fleet.Candidates())
	if err != nil {
		t.Fatal(err)
	}
	if len(rejections) != 1 || !rejections[0].Clusters.Has(1) || rejections[0].Status.Message() != "cluster(s) had planned maintenance" {
		t.Errorf("rejections are %v, want b with the reason", rejections)
	}
	left := fleet.Candidates().Clone()
	left.AndNot(rejections[0].Clusters)
	scores := make([]int64, 3)
	if err := score.Score(t.Context(), q, left, scores); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff([]int64{70, 0, 0}, scores); diff != "" {
		t.Errorf("scores (-want +got):\n%s", diff)
	}
}

func TestConformance(t *testing.T) {
	p := open(t, nil)
	conformance.Run(t, func(testing.TB) conformance.Subject { return conformance.Of(p) })
}

func TestProtocol(t *testing.T) {
	s := spec(t, nil)
	c, err := host.Connect(t.Context(), &s, logr.Discard())
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	conformance.RunWire(t, c.Conn)
}

func TestBadArguments(t *testing.T) {
	failed := make(chan error, 10)
	h := host.New(host.Options{OnChange: func(s host.Status) {
		if s.State == host.Waiting {
			failed <- s.LastError
		}
	}})
	defer h.Close(context.Background())
	if err := h.Apply([]host.Spec{spec(t, map[string]any{"lable": "x"})}); err != nil {
		t.Fatal(err)
	}
	if err := <-failed; !strings.Contains(err.Error(), "unknown arguments ['lable']") {
		t.Errorf("error is %v, want the plugin's own", err)
	}
}
