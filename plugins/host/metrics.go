package host

import (
	"time"

	"github.com/prometheus/client_golang/prometheus"
)

// Metrics counts what plugins do. Labels are bounded: profiles and plugins by the configuration, stages, results and states by this package. All
// methods work on nil, which counts nothing.
type Metrics struct {
	calls     *prometheus.CounterVec
	durations *prometheus.HistogramVec
	omissions *prometheus.CounterVec
	restarts  *prometheus.CounterVec
	lines     *prometheus.CounterVec
	states    *prometheus.GaugeVec
	refusals  *prometheus.CounterVec
}

// fastest and its successors span a socket round trip to the longest sensible deadline.
const fastest = 25e-6

// NewMetrics registers the metrics. It panics when they are registered already.
func NewMetrics(r prometheus.Registerer) *Metrics {
	counter := func(name, help string, labels ...string) *prometheus.CounterVec {
		return prometheus.NewCounterVec(prometheus.CounterOpts{Namespace: "longshore", Subsystem: "plugin", Name: name, Help: help}, labels)
	}
	m := &Metrics{
		calls:     counter("calls_total", "Calls of external plugins by what became of them.", "profile", "plugin", "stage", "result"),
		omissions: counter("omissions_total", "Decisions that went on without the answer of a plugin.", "profile", "plugin", "stage"),
		restarts:  counter("restarts_total", "Starts of external plugins after the first.", "profile", "plugin"),
		refusals:  counter("replacements_refused_total", "Binaries and configurations that a running plugin was not replaced by, because they did not start or have another hash.", "profile", "plugin"),
		lines:     counter("log_lines_dropped_total", "Lines that a plugin wrote too fast to be passed on.", "profile", "plugin"),
		durations: prometheus.NewHistogramVec(prometheus.HistogramOpts{
			Namespace: "longshore", Subsystem: "plugin", Name: "call_duration_seconds", Help: "How long calls of external plugins took.",
			Buckets: prometheus.ExponentialBuckets(fastest, 2, 16),
		}, []string{"profile", "plugin", "stage"}),
		states: prometheus.NewGaugeVec(prometheus.GaugeOpts{
			Namespace: "longshore", Subsystem: "plugin", Name: "state", Help: "1 for the state that an external plugin is in.",
		}, []string{"profile", "plugin", "state"}),
	}
	r.MustRegister(m.calls, m.durations, m.omissions, m.restarts, m.lines, m.states, m.refusals)
	return m
}

// of returns the metrics of the plugins of one profile.
func (m *Metrics) of(profile string) *Metrics {
	if m == nil {
		return nil
	}
	label := prometheus.Labels{"profile": profile}
	return &Metrics{
		calls: m.calls.MustCurryWith(label), omissions: m.omissions.MustCurryWith(label), restarts: m.restarts.MustCurryWith(label),
		lines: m.lines.MustCurryWith(label), states: m.states.MustCurryWith(label), refusals: m.refusals.MustCurryWith(label),
		durations: m.durations.MustCurryWith(label).(*prometheus.HistogramVec),
	}
}

func (m *Metrics) called(plugin, stage string, result Result, took time.Duration) {
	if m == nil {
		return
	}
	m.calls.WithLabelValues(plugin, stage, string(result)).Inc()
	m.durations.WithLabelValues(plugin, stage).Observe(took.Seconds())
}

func (m *Metrics) omitted(plugin, stage string) {
	if m != nil {
		m.omissions.WithLabelValues(plugin, stage).Inc()
	}
}

func (m *Metrics) refused(plugin string) {
	if m != nil {
		m.refusals.WithLabelValues(plugin).Inc()
	}
}

func (m *Metrics) started(plugin string, again bool) {
	if m != nil && again {
		m.restarts.WithLabelValues(plugin).Inc()
	}
}

func (m *Metrics) lineDropped(plugin string, n int) {
	if m != nil {
		m.lines.WithLabelValues(plugin).Add(float64(n))
	}
}

func (m *Metrics) state(plugin string, now State) {
	if m == nil {
		return
	}
	for _, s := range []State{Starting, Running, Waiting, Stopped} {
		value := 0.0
		if s == now {
			value = 1
		}
		m.states.WithLabelValues(plugin, string(s)).Set(value)
	}
}
