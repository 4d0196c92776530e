package descheduler

import "github.com/prometheus/client_golang/prometheus"

// Metrics counts what rounds did. Make it with NewMetrics; it is a prometheus.Collector.
type Metrics struct {
	rounds             prometheus.Counter
	replicas, bindings *prometheus.CounterVec
	postponed, unknown prometheus.Gauge
}

// NewMetrics returns metrics that counted nothing.
func NewMetrics() *Metrics {
	m := &Metrics{
		rounds: prometheus.NewCounter(prometheus.CounterOpts{Name: "longshore_descheduler_rounds_total", Help: "Rounds over all bindings."}),
		replicas: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "longshore_descheduler_replicas_total", Help: "Replicas that were taken away because they found no node, by kind.",
		}, []string{"kind"}),
		bindings: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "longshore_descheduler_bindings_total",
			Help: "Bindings that were to change: relieved, stale (changed meanwhile, left to the next round) or failed.",
		}, []string{"result"}),
		postponed: prometheus.NewGauge(prometheus.GaugeOpts{
			Name: "longshore_descheduler_postponed_replicas", Help: "Replicas that the last round left because of its budget.",
		}),
		unknown: prometheus.NewGauge(prometheus.GaugeOpts{
			Name: "longshore_descheduler_unknown", Help: "Workloads in members, with replicas that are not ready, of which no estimator could tell in the last round whether they find a node.",
		}),
	}
	for _, result := range []string{"relieved", "stale", "failed"} {
		m.bindings.WithLabelValues(result)
	}
	for _, k := range kinds {
		m.replicas.WithLabelValues(k.kind)
	}
	return m
}

// Describe implements prometheus.Collector.
func (m *Metrics) Describe(out chan<- *prometheus.Desc) { prometheus.DescribeByCollect(m, out) }

// Collect implements prometheus.Collector.
func (m *Metrics) Collect(out chan<- prometheus.Metric) {
	for _, c := range []prometheus.Collector{m.rounds, m.replicas, m.bindings, m.postponed, m.unknown} {
		c.Collect(out)
	}
}

func (m *Metrics) written(result string) { m.bindings.WithLabelValues(result).Inc() }

func (m *Metrics) took(kind string, n int32) { m.replicas.WithLabelValues(kind).Add(float64(n)) }

func (m *Metrics) ended(candidates []candidate, postponed int32) {
	unknown := 0
	for i := range candidates {
		for _, a := range candidates[i].answers {
			if a.Missing != "" {
				unknown++
			}
		}
	}
	m.rounds.Inc()
	m.postponed.Set(float64(postponed))
	m.unknown.Set(float64(unknown))
}
