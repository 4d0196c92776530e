package loop

import (
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/longshore-project/longshore/scheduler/queue"
)

// Metrics counts what a loop does. It is a prometheus.Collector. Names that Karmada's users have on their dashboards are kept.
type Metrics struct {
	attempts  *prometheus.CounterVec
	e2e       *prometheus.HistogramVec
	algorithm *prometheus.HistogramVec
	incoming  *prometheus.CounterVec
	commit    prometheus.Histogram
	conflicts prometheus.Counter
	depth     func() queue.Depth
	pending   *prometheus.Desc
}

// Labels of the results of an attempt.
const (
	resultScheduled = "scheduled"
	resultError     = "error"
)

// NewMetrics returns metrics that are not registered anywhere.
func NewMetrics() *Metrics {
	return &Metrics{
		attempts: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "karmada_scheduler_schedule_attempts_total", Help: "Attempts to schedule a binding, by result and by what caused them.",
		}, []string{"result", "schedule_type"}),
		e2e: prometheus.NewHistogramVec(prometheus.HistogramOpts{
			Name: "karmada_scheduler_e2e_scheduling_duration_seconds", Help: "Time from entering the queue until the result is written.",
			Buckets: prometheus.ExponentialBuckets(0.001, 2, 15),
		}, []string{"result", "schedule_type"}),
		algorithm: prometheus.NewHistogramVec(prometheus.HistogramOpts{
			Name: "karmada_scheduler_scheduling_algorithm_duration_seconds", Help: "Time that the decision itself takes, by step.",
			Buckets: prometheus.ExponentialBuckets(0.000001, 4, 12),
		}, []string{"schedule_step"}),
		incoming: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "karmada_scheduler_queue_incoming_bindings_total", Help: "Bindings put into the queue, by event.",
		}, []string{"event"}),
		commit: prometheus.NewHistogram(prometheus.HistogramOpts{
			Name: "longshore_scheduler_commit_duration_seconds", Help: "Time that writing a result takes.",
			Buckets: prometheus.ExponentialBuckets(0.001, 2, 15),
		}),
		conflicts: prometheus.NewCounter(prometheus.CounterOpts{
			Name: "longshore_scheduler_commit_conflicts_total", Help: "Writes that met a change by somebody else.",
		}),
		depth:   func() queue.Depth { return queue.Depth{} },
		pending: prometheus.NewDesc("longshore_scheduler_queue_bindings", "Bindings in the queue, by state.", []string{"state"}, nil),
	}
}

// Describe implements prometheus.Collector.
func (m *Metrics) Describe(out chan<- *prometheus.Desc) {
	for _, c := range m.collectors() {
		c.Describe(out)
	}
	out <- m.pending
}

// Collect implements prometheus.Collector.
func (m *Metrics) Collect(out chan<- prometheus.Metric) {
	for _, c := range m.collectors() {
		c.Collect(out)
	}
	d := m.depth()
	for state, n := range map[string]int{"active": d.Active, "in-hand": d.InHand, "backoff": d.Backoff, "parked": d.Parked} {
		out <- prometheus.MustNewConstMetric(m.pending, prometheus.GaugeValue, float64(n), state)
	}
}

func (m *Metrics) collectors() []prometheus.Collector {
	return []prometheus.Collector{m.attempts, m.e2e, m.algorithm, m.incoming, m.commit, m.conflicts}
}

func (m *Metrics) depthOf(q *queue.Queue) { m.depth = q.Depth }

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
