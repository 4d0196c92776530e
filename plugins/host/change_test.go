package host_test

import (
	"context"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/longshore-project/longshore/plugins/host"
	"github.com/longshore-project/longshore/scheduler/framework"
)

// color asks the plugin which color it was configured with.
func color(t *testing.T, p *host.Plugin) string {
	t.Helper()
	got, err := p.Filter().Filter(t.Context(), query(fleet(3), "fine"), framework.FullBitset(3))
	if err != nil {
		t.Fatal(err)
	}
	return strings.TrimPrefix(got[0].Status.Message(), "cluster(s) were not ")
}

// colored returns a spec of a plugin with that name and color.
func colored(t *testing.T, name, color string) host.Spec {
	t.Helper()
	s := spec(t, "fine")
	s.Name, s.Arguments = name, map[string]any{"color": color}
	return s
}

// values returns the values of a metric by the values of its labels.
func values(t *testing.T, r *prometheus.Registry, name string) map[string]float64 {
	t.Helper()
	families, err := r.Gather()
	if err != nil {
		t.Fatal(err)
	}
	out := map[string]float64{}
	for _, f := range families {
		if f.GetName() != name {
			continue
		}
		for _, m := range f.GetMetric() {
			var labels []string
			for _, l := range m.GetLabel() {
				labels = append(labels, l.GetValue())
			}
			out[strings.Join(labels, " ")] = m.GetGauge().GetValue() + m.GetCounter().GetValue()
		}
	}
	return out
}

// pair returns a host of two plugins, one and two, both blue, and its metrics.
func pair(t *testing.T, seen states) (*host.Host, *prometheus.Registry) {
	t.Helper()
	registry := prometheus.NewRegistry()
	h := host.New(host.Options{Metrics: host.NewMetrics(registry), Profile: "live", OnChange: func(s host.Status) { seen <- s }})
	t.Cleanup(func() {
		if err := h.Close(context.Background()); err != nil {
			t.Error(err)
		}
	})
	change, err := h.Prepare(t.Context(), []host.Spec{colored(t, "one", "blue"), colored(t, "two", "blue")})
	if err != nil {
		t.Fatal(err)
	}
	if err := change.Commit(); err != nil {
		t.Fatal(err)
	}
	return h, registry
}

// Between Prepare and Commit both the old and the new plugin answer. Afterwards the one that changed is another process, and the other one
// the same.
func TestChange(t *testing.T) {
	seen := make(states, 100)
	h, registry := pair(t, seen)
	one, _ := h.Plugin("one")
	two, _ := h.Plugin("two")
	change, err := h.Prepare(t.Context(), []host.Spec{colored(t, "one", "green"), colored(t, "two", "blue")})
	if err != nil {
		t.Fatal(err)
	}
	fresh, _ := change.Plugin("one")
	if got := color(t, one) + " " + color(t, fresh); got != "blue green" {
		t.Errorf("the old and the new plugin are %s, want blue green", got)
	}
	if err := change.Commit(); err != nil {
		t.Fatal(err)
	}
	if now, _ := h.Plugin("one"); now != fresh || color(t, now) != "green" {
		t.Error("after the change the host has the old plugin")
	}
	if now, _ := h.Plugin("two"); now != two || now.Status().Restarts != 0 {
		t.Error("a plugin that did not change was started again")
	}
	seen.await(t, host.Stopped)
	if got := values(t, registry, "longshore_plugin_state"); got["one live Running"] != 1 || got["one live Stopped"] != 0 {
		t.Errorf("states are %v, want one running", got)
	}
}

// If one of the plugins does not start, the host stays as it is.
func TestChangeIsRefused(t *testing.T) {
	seen := make(states, 100)
	h, registry := pair(t, seen)
	one, _ := h.Plugin("one")
	bad := colored(t, "three", "blue")
	bad.Arguments["refuse"] = "no such color"
	_, err := h.Prepare(t.Context(), []host.Spec{colored(t, "one", "green"), bad})
	if err == nil || !strings.Contains(err.Error(), "plugin three") || !strings.Contains(err.Error(), "no such color") {
		t.Fatalf("error is %v, want that three refuses its color", err)
	}
	if now, _ := h.Plugin("one"); now != one || color(t, now) != "blue" {
		t.Error("the host has another plugin although the change was refused")
	}
	seen.await(t, host.Stopped)
	if got := values(t, registry, "longshore_plugin_state"); got["one live Running"] != 1 || got["one live Stopped"] != 0 {
		t.Errorf("states are %v, want one running", got)
	}
}

func TestChangeOfAClosedHost(t *testing.T) {
	h := host.New(host.Options{})
	change, err := h.Prepare(t.Context(), []host.Spec{colored(t, "one", "blue")})
	if err != nil {
		t.Fatal(err)
	}
	p, _ := change.Plugin("one")
	if err := h.Close(t.Context()); err != nil {
		t.Fatal(err)
	}
	if err := change.Commit(); err == nil || !strings.Contains(err.Error(), "host is closed") {
		t.Errorf("error is %v, want that the host is closed", err)
	}
	if err := h.Close(t.Context()); err != nil {
		t.Fatal(err)
	}
	if s := p.Status(); s.State != host.Stopped {
		t.Errorf("the plugin is %s, want stopped", s.State)
	}
}

// A pinned binary that was replaced by another file is not run, loudly; what runs goes on.
func TestPinnedBinaryIsNotReplaced(t *testing.T) {
	s := spec(t, "fine")
	installed := filepath.Join(t.TempDir(), "plugin")
	copyFile(t, s.Path, installed)
	s.Path, s.SHA256 = installed, sumOf(t, installed)
	registry := prometheus.NewRegistry()
	_, p := start(t, s, host.Options{PingInterval: 10 * time.Millisecond, Metrics: host.NewMetrics(registry), Profile: "live"})
	before := p.Status()
	other := filepath.Join(t.TempDir(), "other")
	if err := os.WriteFile(other, []byte("#!/bin/sh\nexit 1\n"), 0o700); err != nil {
		t.Fatal(err)
	}
	copyFile(t, other, installed)
	for p.Status().LastError == nil {
		color(t, p)
	}
	if got := p.Status(); got.PID != before.PID || got.State != host.Running || !strings.Contains(got.LastError.Error(), "not "+s.SHA256) {
		t.Errorf("status is %+v, want the same process and the two hashes", got)
	}
	if got := values(t, registry, "longshore_plugin_replacements_refused_total"); got["misfit live"] != 1 {
		t.Errorf("refusals are %v, want one", got)
	}
}
