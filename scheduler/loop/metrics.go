package loop

import (
	"errors"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/longshore-project/longshore/scheduler/cache"
	"github.com/longshore-project/longshore/scheduler/framework"
	"github.com/longshore-project/longshore/scheduler/queue"
)

// Metrics counts what a loop does. It is a prometheus.Collector. Names that Karmada's users have on their dashboards are kept. Every label has
// a fixed set of values.
type Metrics struct {
	attempts  *prometheus.CounterVec
	e2e       *prometheus.HistogramVec
	algorithm *prometheus.HistogramVec
	incoming  *prometheus.CounterVec
	decisions *prometheus.CounterVec
	lookups   *prometheus.CounterVec
	commit    *prometheus.HistogramVec
	conflicts prometheus.Counter

	// The states of queue and reservations are asked for when somebody looks.
	depth       func() queue.Depth
	outstanding func() cache.Outstanding
	queued      *prometheus.Desc
	inHand      *prometheus.Desc
	reserved    *prometheus.Desc
}

// Labels of the results of an attempt.
const (
	resultScheduled = "scheduled"
	resultError     = "error"
)

// Steps of a decision beside the stages of the pipeline.
const (
	stepSnapshot = "snapshot"
	stepDecide   = "decide"
	stepTotal    = "total"
)

// Results of writing a decision.
const (
	commitWritten    = "written"
	commitSuperseded = "superseded"
	commitGone       = "gone"
	commitQuota      = "quota_exceeded"
	commitFailed     = "error"
)

// Labels of decisions that are no outcome of the pipeline.
const (
	decisionError   = "Error"
	decisionNothing = "NothingToDo"
)

// NewMetrics returns metrics that are not registered anywhere.
func NewMetrics() *Metrics {
	fromMillisecond, fromMicrosecond := prometheus.ExponentialBuckets(0.001, 2, 15), prometheus.ExponentialBuckets(0.000001, 4, 12)
	return &Metrics{
		attempts: counters("karmada_scheduler_schedule_attempts_total", "Attempts to schedule a binding, by result and by what caused them.", "result", "schedule_type"),
		e2e:      histograms("karmada_scheduler_e2e_scheduling_duration_seconds", "Time from entering the queue until the result is written.", fromMillisecond, "result", "schedule_type"),
		algorithm: histograms("karmada_scheduler_scheduling_algorithm_duration_seconds", "Time that deciding takes, by step: bringing the snapshot up to date, the stages, the decision as a whole, and all of it.",
			fromMicrosecond, "schedule_step"),
		incoming:  counters("karmada_scheduler_queue_incoming_bindings_total", "Bindings put into the queue, by event.", "event"),
		decisions: counters("longshore_scheduler_decisions_total", "Bindings that were looked at, by outcome.", "outcome"),
		lookups:   counters("longshore_scheduler_cache_lookups_total", "Questions to a cache, by cache and by whether it had the answer.", "cache", "result"),
		commit:    histograms("longshore_scheduler_commit_duration_seconds", "Time that writing a result takes, by what came of it.", fromMillisecond, "result"),
		conflicts: prometheus.NewCounter(prometheus.CounterOpts{Name: "longshore_scheduler_commit_conflicts_total", Help: "Writes that met a change by somebody else."}),

		depth: func() queue.Depth { return queue.Depth{} }, outstanding: func() cache.Outstanding { return cache.Outstanding{} },
		queued:   prometheus.NewDesc("karmada_scheduler_queue_depth", "Bindings that wait, by queue.", []string{"queue"}, nil),
		inHand:   prometheus.NewDesc("longshore_scheduler_bindings_in_hand", "Bindings that are being decided or written.", nil, nil),
		reserved: prometheus.NewDesc("longshore_scheduler_reservations", "Decisions whose room no member's report includes yet, by state.", []string{"state"}, nil),
	}
}

func counters(name, help string, labels ...string) *prometheus.CounterVec {
	return prometheus.NewCounterVec(prometheus.CounterOpts{Name: name, Help: help}, labels)
}

func histograms(name, help string, buckets []float64, labels ...string) *prometheus.HistogramVec {
	return prometheus.NewHistogramVec(prometheus.HistogramOpts{Name: name, Help: help, Buckets: buckets}, labels)
}

// Describe implements prometheus.Collector.
func (m *Metrics) Describe(out chan<- *prometheus.Desc) {
	for _, c := range m.collectors() {
		c.Describe(out)
	}
	out <- m.queued
	out <- m.inHand
	out <- m.reserved
}

// Collect implements prometheus.Collector.
func (m *Metrics) Collect(out chan<- prometheus.Metric) {
	for _, c := range m.collectors() {
		c.Collect(out)
	}
	gauge := func(of *prometheus.Desc, n int, label ...string) {
		out <- prometheus.MustNewConstMetric(of, prometheus.GaugeValue, float64(n), label...)
	}
	d, r := m.depth(), m.outstanding()
	gauge(m.queued, d.Active, "active")
	gauge(m.queued, d.Backoff, "backoff")
	gauge(m.queued, d.Parked, "unschedulable")
	gauge(m.inHand, d.InHand)
	gauge(m.reserved, r.InFlight, "in_flight")
	gauge(m.reserved, r.AwaitingReport, "awaiting_report")
}

func (m *Metrics) collectors() []prometheus.Collector {
	return []prometheus.Collector{m.attempts, m.e2e, m.algorithm, m.incoming, m.decisions, m.lookups, m.commit, m.conflicts}
}

// attempt counts a binding that was put down after a decision; bindings about which there was nothing to decide are not attempts.
func (m *Metrics) attempt(c *commit, now time.Time) {
	if c.trigger == untriggered {
		return
	}
	outcome := resultError
	if c.want.scheduled && c.then == finish {
		outcome = resultScheduled
	}
	m.attempts.WithLabelValues(outcome, string(c.trigger)).Inc()
	m.e2e.WithLabelValues(outcome, string(c.trigger)).Observe(now.Sub(c.item.Enqueued).Seconds())
}

// decided counts what the pipeline answered.
func (m *Metrics) decided(d *framework.Decision, err error) {
	if err != nil {
		m.decisions.WithLabelValues(decisionError).Inc()
		return
	}
	m.decisions.WithLabelValues(d.Outcome.String()).Inc()
}

// lookup counts a question to one of the caches.
func (m *Metrics) lookup(cache string, hit bool) {
	result := "miss"
	if hit {
		result = "hit"
	}
	m.lookups.WithLabelValues(cache, result).Inc()
}

func (m *Metrics) step(name string, took time.Duration) {
	m.algorithm.WithLabelValues(name).Observe(took.Seconds())
}

func (m *Metrics) committed(err error, took time.Duration) {
	m.commit.WithLabelValues(resultOf(err)).Observe(took.Seconds())
}

// resultOf classifies the end of a write.
func resultOf(err error) string {
	switch {
	case err == nil:
		return commitWritten
	case errors.Is(err, errSuperseded):
		return commitSuperseded
	case errors.Is(err, errGone):
		return commitGone
	case errors.Is(err, errQuota):
		return commitQuota
	}
	return commitFailed
}
