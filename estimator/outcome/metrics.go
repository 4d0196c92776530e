package outcome

import "github.com/prometheus/client_golang/prometheus"

// Metrics counts predictions. Make it with NewMetrics; it is a prometheus.Collector.
type Metrics struct {
	outcomes *prometheus.CounterVec
	learned  prometheus.Gauge
}

// NewMetrics returns metrics that counted nothing.
func NewMetrics() *Metrics {
	return &Metrics{
		outcomes: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "longshore_scheduler_estimated_replicas_total",
			Help: "Replicas that were placed by an estimate, by its source and by what became of them: they ran, or were taken away because they found no node.",
		}, []string{"source", "outcome"}),
		learned: prometheus.NewGauge(prometheus.GaugeOpts{
			Name: "longshore_scheduler_learned_limits", Help: "Members and shapes of which no more is offered until the member changes.",
		}),
	}
}

// Describe implements prometheus.Collector.
func (m *Metrics) Describe(out chan<- *prometheus.Desc) {
	m.outcomes.Describe(out)
	m.learned.Describe(out)
}

// Collect implements prometheus.Collector.
func (m *Metrics) Collect(out chan<- prometheus.Metric) {
	m.outcomes.Collect(out)
	m.learned.Collect(out)
}

func (m *Metrics) ran(source string, n int64) {
	m.outcomes.WithLabelValues(source, "ran").Add(float64(n))
}

func (m *Metrics) pending(source string, n int64) {
	m.outcomes.WithLabelValues(source, "pending").Add(float64(n))
}

// limits counts limits that were learned, or forgotten if n is negative. Several profiles share the metrics.
func (m *Metrics) limits(n int) { m.learned.Add(float64(n)) }
