package main

import (
	"context"
	"fmt"
	"os"
	"slices"
	"strings"
	"syscall"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/longshore-project/longshore/plugins/builtin"
	"github.com/longshore-project/longshore/plugins/host"
	"github.com/longshore-project/longshore/scheduler/framework"
	"github.com/longshore-project/longshore/scheduler/pipeline"
)

// TestMain runs as the plugin when a host starts this binary.
func TestMain(m *testing.M) {
	if len(os.Args) == 2 && os.Args[1] == "plugin" {
		main()
		return
	}
	os.Exit(m.Run())
}

// run starts this binary as a plugin under the failure policy and returns a profile of all built-in plugins and this one.
func run(t *testing.T, policy host.FailurePolicy, o host.Options) (*host.Plugin, *pipeline.Profile) {
	t.Helper()
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	h := host.New(o)
	t.Cleanup(func() {
		if err := h.Close(context.Background()); err != nil {
			t.Error(err)
		}
	})
	spec := host.Spec{Name: "cost", Path: self, Args: []string{"plugin"}, Arguments: map[string]any{"prices": prices}, FailurePolicy: policy}
	if err := h.Apply([]host.Spec{spec}); err != nil {
		t.Fatal(err)
	}
	p, _ := h.Plugin("cost")
	if err := p.Ready(t.Context()); err != nil {
		t.Fatal(err)
	}
	profile := builtin.Profile()
	profile.Scores = append(profile.Scores, pipeline.WeightedScore{Plugin: p.Score(), Weight: 2})
	profile.Assign = p.Assign(profile.Assign)
	return p, profile
}

// roomyFleet is the fleet of the other tests with room for everything.
func roomyFleet() *framework.Snapshot {
	small := fleet()
	clusters := make([]*framework.Cluster, small.Len())
	for row := range clusters {
		c := *small.Cluster(row)
		c.APIs = []framework.API{deployment}
		c.Summary = &framework.Summary{Allocatable: framework.NewResources(map[string]int64{"cpu": 1e9, "pods": 1e9})}
		clusters[row] = &c
	}
	return framework.NewSnapshot(clusters, 1)
}

var deployment = framework.API{GroupVersion: "apps/v1", Kind: "Deployment"}

func binding(i int) *framework.Request {
	return &framework.Request{
		Key: fmt.Sprintf("default/app-%d", i), API: deployment, Workload: true, Replicas: 4, Placement: &framework.Placement{
			Fingerprint: "dynamic", Terms: []framework.Term{{}}, Strategy: framework.DynamicWeight, StrategyStated: true,
		},
	}
}

func TestSchedulesByPrice(t *testing.T) {
	_, profile := run(t, host.Fail, host.Options{})
	d, err := pipeline.Schedule(t.Context(), profile, roomyFleet(), binding(1))
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff([]framework.Assignment{{Cluster: "spot", Replicas: 4}}, d.Targets); diff != "" {
		t.Errorf("targets (-want +got):\n%s", diff)
	}
}

// The plugin is killed in the middle of 500 bindings. Whatever it could not answer waits with the reason, and is placed by it when it is back.
func TestKilledUnderFail(t *testing.T) {
	p, profile := run(t, host.Fail, host.Options{})
	fleet := roomyFleet()
	var pending []int
	for i := range 500 {
		if i == 200 {
			kill(t, p)
		}
		d, err := pipeline.Schedule(t.Context(), profile, fleet, binding(i))
		switch {
		case err == nil:
			checkTargets(t, i, d, "{spot:4}")
		case !strings.Contains(err.Error(), "plugin cost"):
			t.Fatalf("binding %d: the reason %q does not name the plugin", i, err)
		default:
			pending = append(pending, i)
		}
	}
	if len(pending) == 0 {
		t.Error("no binding was pending although the plugin was killed")
	}
	if err := p.Ready(t.Context()); err != nil {
		t.Fatal(err)
	}
	for _, i := range pending {
		d, err := pipeline.Schedule(t.Context(), profile, fleet, binding(i))
		if err != nil {
			t.Fatalf("binding %d after the restart: %v", i, err)
		}
		checkTargets(t, i, d, "{spot:4}")
	}
	if s := p.Status(); s.Restarts != 1 {
		t.Errorf("%d restarts, want 1", s.Restarts)
	}
}

// Under skip every binding is placed at once: with prices while the plugin lives, without while it does not, and the decision says which.
func TestKilledUnderSkip(t *testing.T) {
	p, profile := run(t, host.Skip, host.Options{})
	without := map[int]bool{}
	fleet := roomyFleet()
	for i := range 500 {
		if i == 200 {
			kill(t, p)
		}
		d, err := pipeline.Schedule(t.Context(), profile, fleet, binding(i))
		if err != nil {
			t.Fatalf("binding %d: %v", i, err)
		}
		if slices.ContainsFunc(d.Omissions(), func(o framework.Omission) bool { return o.Plugin == "cost" && o.Stage == "assign" }) {
			without[i] = true
			checkTargets(t, i, d, "{dear:1, fair:1, spot:1, unpriced:1}")
		} else {
			checkTargets(t, i, d, "{spot:4}")
		}
	}
	if len(without) == 0 || without[199] {
		t.Errorf("%d bindings were placed without prices, before the kill %t", len(without), without[199])
	}
}

// kill ends the process as the kernel would when memory runs out.
func kill(t *testing.T, p *host.Plugin) {
	t.Helper()
	if err := syscall.Kill(p.Status().PID, syscall.SIGKILL); err != nil {
		t.Fatal(err)
	}
}

func checkTargets(t *testing.T, i int, d framework.Decision, want string) {
	t.Helper()
	if got := framework.FormatTargets(d.Targets); d.Outcome != framework.Placed || got != want {
		t.Errorf("binding %d: %s %s, want %s", i, d.Outcome, d.Message(), want)
	}
}
