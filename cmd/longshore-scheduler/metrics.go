package main

import (
	"github.com/prometheus/client_golang/prometheus"

	"github.com/longshore-project/longshore/estimator/client"
	"github.com/longshore-project/longshore/estimator/outcome"
	"github.com/longshore-project/longshore/plugins/host"
	"github.com/longshore-project/longshore/scheduler/loop"
	"github.com/longshore-project/longshore/scheduler/shadow"
)

// metrics is everything that the program counts. docs/metrics.md lists it.
type metrics struct {
	registry *prometheus.Registry
	plugins  *host.Metrics
	shadows  *shadow.Metrics
	loop     *loop.Metrics
	calls    *client.Metrics
	outcomes *outcome.Metrics
	// reloads is nil without a configuration file.
	reloads *reloadMetrics
}

// newMetrics registers all metrics, those of the configuration file only if there is one.
func newMetrics(withFile bool) *metrics {
	r := prometheus.NewRegistry()
	m := &metrics{
		registry: r, plugins: host.NewMetrics(r), shadows: shadow.NewMetrics(r), loop: loop.NewMetrics(), calls: client.NewMetrics(), outcomes: outcome.NewMetrics(),
	}
	r.MustRegister(m.loop, m.calls, m.outcomes)
	if withFile {
		m.reloads = newReloadMetrics(r)
	}
	return m
}
