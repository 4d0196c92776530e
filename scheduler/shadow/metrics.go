package shadow

import "github.com/prometheus/client_golang/prometheus"

// Metrics counts what shadows find. Labels are bounded: profiles by the configuration, results by this package. All methods work on nil, which
// counts nothing.
type Metrics struct {
	decisions *prometheus.CounterVec
	replicas  *prometheus.CounterVec
}

// Results of decisions that could not be compared; those of the others are their kinds.
const (
	resultDropped = "dropped"
	resultError   = "error"
)

// NewMetrics registers the metrics. It panics when they are registered already.
func NewMetrics(r prometheus.Registerer) *Metrics {
	counter := func(name, help string, labels ...string) *prometheus.CounterVec {
		return prometheus.NewCounterVec(prometheus.CounterOpts{Namespace: "longshore", Subsystem: "shadow", Name: name, Help: help}, labels)
	}
	m := &Metrics{
		decisions: counter("decisions_total", "Decisions of profiles that have a shadow, by how the decision of the shadow differs; dropped ones were too many, error means that the shadow made none.",
			"profile", "result"),
		replicas: counter("moved_replicas_total", "Replicas that would run elsewhere if the shadow decided.", "profile"),
	}
	r.MustRegister(m.decisions, m.replicas)
	return m
}

func (m *Metrics) count(profile, result string) {
	if m != nil {
		m.decisions.WithLabelValues(profile, result).Inc()
	}
}

func (m *Metrics) moved(profile string, replicas int64) {
	if m != nil {
		m.replicas.WithLabelValues(profile).Add(float64(replicas))
	}
}
