package client

import (
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"google.golang.org/grpc/status"

	"github.com/longshore-project/longshore/plugins/builtin/accurateestimate"
)

// Metrics counts calls and answers. Make it with NewMetrics; it is a prometheus.Collector. Servers are as many as the configuration names, or
// as there are members.
type Metrics struct {
	calls   *prometheus.HistogramVec
	up      *prometheus.GaugeVec
	answers *prometheus.CounterVec
	late    prometheus.Counter
}

// NewMetrics returns metrics that counted nothing.
func NewMetrics() *Metrics {
	return &Metrics{
		calls: prometheus.NewHistogramVec(prometheus.HistogramOpts{
			Name: "longshore_estimator_client_call_duration_seconds", Help: "Time of calls to estimators, by gRPC code.",
			Buckets: prometheus.ExponentialBuckets(0.0005, 2, 14),
		}, []string{"code"}),
		up: prometheus.NewGaugeVec(prometheus.GaugeOpts{
			Name: "longshore_estimator_client_up", Help: "1 for an estimator that answers, 0 for one that is left alone or late.",
		}, []string{"server"}),
		answers: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "longshore_estimator_client_answers_total",
			Help: "Answers about members that decisions asked for: known, missing (the summary counts), or unserved (no estimator is meant to know).",
		}, []string{"result"}),
		late: prometheus.NewCounter(prometheus.CounterOpts{
			Name: "longshore_estimator_client_budget_overruns_total", Help: "Decisions that waited their whole budget for an estimator.",
		}),
	}
}

// Describe implements prometheus.Collector.
func (m *Metrics) Describe(out chan<- *prometheus.Desc) {
	for _, c := range m.collectors() {
		c.Describe(out)
	}
}

// Collect implements prometheus.Collector.
func (m *Metrics) Collect(out chan<- prometheus.Metric) {
	for _, c := range m.collectors() {
		c.Collect(out)
	}
}

func (m *Metrics) collectors() []prometheus.Collector {
	return []prometheus.Collector{m.calls, m.up, m.answers, m.late}
}

func (m *Metrics) called(_ string, took time.Duration, err error) {
	m.calls.WithLabelValues(status.Code(err).String()).Observe(took.Seconds())
}

func (m *Metrics) state(server string, up bool) {
	value := 0.0
	if up {
		value = 1
	}
	m.up.WithLabelValues(server).Set(value)
}

// left drops the series of an estimator that is asked no more.
func (m *Metrics) left(server string) { m.up.DeleteLabelValues(server) }

func (m *Metrics) answered(a *accurateestimate.Answer) {
	result := "missing"
	switch {
	case a.Known:
		result = "known"
	case a.Missing == "":
		result = "unserved"
	}
	m.answers.WithLabelValues(result).Inc()
}

func (m *Metrics) overrun() { m.late.Inc() }
