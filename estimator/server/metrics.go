package server

import (
	"context"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"google.golang.org/grpc"
	"google.golang.org/grpc/status"

	estimatorv1 "github.com/longshore-project/longshore/estimator/proto/v1"
)

// Metrics measure requests and members. It is a prometheus.Collector.
type Metrics struct {
	members  *Members
	requests *prometheus.HistogramVec
	known    *prometheus.Desc
	age      *prometheus.Desc
	nodes    *prometheus.Desc
	pods     *prometheus.Desc
}

// NewMetrics returns the metrics of members. One label value a member: members are few.
func NewMetrics(members *Members) *Metrics {
	describe := func(name, help string) *prometheus.Desc {
		return prometheus.NewDesc("longshore_estimator_member_"+name, help, []string{"member"}, nil)
	}
	return &Metrics{
		members: members,
		requests: prometheus.NewHistogramVec(prometheus.HistogramOpts{
			Name: "longshore_estimator_request_duration_seconds", Help: "Time to answer a request, by method and gRPC code.",
			Buckets: prometheus.ExponentialBuckets(20e-6, 4, 9), // 20 µs to 1.3 s
		}, []string{"method", "code"}),
		known: describe("known", "1 if questions about the member are answered, 0 if it is unknown."),
		age:   describe("age_seconds", "How long ago the member was last heard. Absent if it never was."),
		nodes: describe("nodes", "Nodes of the member."),
		pods:  describe("pods", "Pods that hold room on the member's nodes."),
	}
}

// Describe implements prometheus.Collector.
func (m *Metrics) Describe(descriptions chan<- *prometheus.Desc) {
	m.requests.Describe(descriptions)
	for _, d := range []*prometheus.Desc{m.known, m.age, m.nodes, m.pods} {
		descriptions <- d
	}
}

// Collect implements prometheus.Collector.
func (m *Metrics) Collect(metrics chan<- prometheus.Metric) {
	m.requests.Collect(metrics)
	for _, name := range m.members.Names() {
		found, ok := m.members.member(name)
		if !ok {
			continue
		}
		state := found.state()
		gauge := func(d *prometheus.Desc, value float64) {
			metrics <- prometheus.MustNewConstMetric(d, prometheus.GaugeValue, value, name)
		}
		known := 0.0
		if state.GetUnknown() == estimatorv1.Reason_REASON_UNSPECIFIED {
			known = 1
		}
		gauge(m.known, known)
		gauge(m.nodes, float64(state.GetNodes()))
		gauge(m.pods, float64(found.census.Summary().Pods))
		if state.GetAge() != nil {
			gauge(m.age, state.GetAge().AsDuration().Seconds())
		}
	}
}

// Unary measures requests. It is a grpc.UnaryServerInterceptor.
func (m *Metrics) Unary(ctx context.Context, request any, info *grpc.UnaryServerInfo, handler grpc.UnaryHandler) (any, error) {
	start := time.Now()
	response, err := handler(ctx, request)
	m.requests.WithLabelValues(info.FullMethod, status.Code(err).String()).Observe(time.Since(start).Seconds())
	return response, err
}
