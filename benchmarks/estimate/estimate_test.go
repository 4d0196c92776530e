// Package estimate measures how long it takes to say how much fits in a large member, in process and over gRPC with mutual TLS.
package estimate

import (
	"context"
	"runtime"
	"testing"
	"time"

	"google.golang.org/grpc"

	"github.com/longshore-project/longshore/estimator/census"
	estimatorclient "github.com/longshore-project/longshore/estimator/client"
	estimatorv1 "github.com/longshore-project/longshore/estimator/proto/v1"
	"github.com/longshore-project/longshore/plugins/builtin/accurateestimate"
	"github.com/longshore-project/longshore/scheduler/framework"
)

// subject is what the scenarios ask about: one member, known in process and behind a connection.
type subject struct {
	member
	known *census.Census
	conn  *grpc.ClientConn
}

func newSubject(tb testing.TB, m member) subject {
	tb.Helper()
	return subject{member: m, known: m.census(tb), conn: serve(tb, m)}
}

// scenario is one thing that is measured.
type scenario struct {
	name string
	// start returns what is done again and again, and what checks the last result.
	start func(tb testing.TB, s subject) (again, check func())
}

var scenarios = []scenario{
	{"by=call/question=warm", func(tb testing.TB, s subject) (again, check func()) {
		q, got := []census.Question{question(tb, 500)}, []census.Answer(nil)
		return func() { got = s.known.Ask(q, nil) }, func() { equal(tb, got[0].Sets, s.room(500)) }
	}},
	{"by=call/question=cold", func(tb testing.TB, s subject) (again, check func()) {
		cpu, got := int64(1000), int64(0)
		again = func() { // A shape that nobody asked for lately.
			cpu++
			got = s.known.Ask([]census.Question{question(tb, cpu)}, nil)[0].Sets
		}
		return again, func() { equal(tb, got, s.room(cpu)) }
	}},
	{"by=call/question=after-a-pod", func(tb testing.TB, s subject) (again, check func()) {
		q, p := []census.Question{question(tb, 500)}, trimmed[*census.Pod](tb, s.pod(s.pods))
		again = func() {
			s.known.SetPod(p)
			s.known.Ask(q, nil)
			s.known.RemovePod(p.Namespace, p.Name)
		}
		return again, func() { equal(tb, s.known.Ask(q, nil)[0].Sets, s.room(500)) }
	}},
	{"by=call/question=set-cold", setOfTwo},
	{"event=pod", func(tb testing.TB, s subject) (again, check func()) {
		object := s.pod(s.pods)
		again = func() { // As a watch does it: trimmed, put in, and later removed.
			s.known.SetPod(trimmed[*census.Pod](tb, object))
			s.known.RemovePod(object.Namespace, object.Name)
		}
		return again, func() { equal(tb, s.known.Ask([]census.Question{question(tb, 500)}, nil)[0].Sets, s.room(500)) }
	}},
	{"by=grpc/question=echo", echoOnce},
	{"by=grpc/question=echo-on-a-stream", echoOnStream},
	{"by=grpc/question=warm", func(tb testing.TB, s subject) (again, check func()) {
		var got *estimatorv1.EstimateResponse
		return func() { got = s.ask(tb, request(1, 500)) }, func() { equal(tb, answers(got)[0].GetSets(), s.room(500)) }
	}},
	{"by=grpc/question=cold", func(tb testing.TB, s subject) (again, check func()) {
		cpu, got := int64(3000), (*estimatorv1.EstimateResponse)(nil)
		again = func() {
			cpu++
			got = s.ask(tb, request(1, cpu))
		}
		return again, func() { equal(tb, answers(got)[0].GetSets(), s.room(cpu)) }
	}},
	{"by=grpc/question=100-warm", func(tb testing.TB, s subject) (again, check func()) {
		q, got := request(100, 500), (*estimatorv1.EstimateResponse)(nil)
		check = func() {
			equal(tb, int64(len(answers(got))), 100)
			for i, a := range answers(got) {
				equal(tb, a.GetSets(), s.room(500+int64(i)))
			}
		}
		return func() { got = s.ask(tb, q) }, check
	}},
	{"by=client/question=warm", asScheduler},
}

// BenchmarkEstimate asks about a member with 5,000 nodes and 100,000 pods.
func BenchmarkEstimate(b *testing.B) {
	s := newSubject(b, large)
	for _, c := range scenarios {
		b.Run(c.name, func(b *testing.B) {
			again, check := c.start(b, s)
			again()
			for b.Loop() {
				again()
			}
			check()
		})
	}
}

// TestEstimateScenarios runs every scenario of the benchmark on a small member.
func TestEstimateScenarios(t *testing.T) {
	s := newSubject(t, small)
	for _, c := range scenarios {
		t.Run(c.name, func(t *testing.T) {
			again, check := c.start(t, s)
			for range 2 {
				again()
				check()
			}
		})
	}
}

// question asks for copies of so much cpu and 1 GiB.
func question(tb testing.TB, cpu int64) census.Question {
	tb.Helper()
	shape, err := census.NewShape(census.ShapeConfig{Requests: map[string]int64{"cpu": cpu, "memory": 1 << 30}})
	if err != nil {
		tb.Fatal(err)
	}
	return census.Question{Components: []census.Component{{Shape: shape, Replicas: 1}}}
}

func equal(tb testing.TB, got, want int64) {
	tb.Helper()
	if got != want {
		tb.Fatalf("it is %d, want %d", got, want)
	}
}

// setOfTwo asks for sets of a small and a large component that were not asked for lately.
func setOfTwo(tb testing.TB, s subject) (again, check func()) {
	cpu, got := int64(4000), census.Answer{}
	again = func() {
		cpu++
		q := census.Question{Components: []census.Component{
			{Shape: question(tb, cpu).Components[0].Shape, Replicas: 1}, {Shape: question(tb, cpu/8).Components[0].Shape, Replicas: 4},
		}}
		got = s.known.Ask([]census.Question{q}, nil)[0]
	}
	check = func() {
		if most := min(s.room(cpu), s.room(cpu/8)/4); got.Sets < 1 || got.Sets > most {
			tb.Fatalf("%d sets are said to fit, want 1 to %d", got.Sets, most)
		}
		if b, ok := tb.(*testing.B); ok {
			exact := 0.0
			if got.Exact {
				exact = 1
			}
			b.ReportMetric(exact, "exact")
		}
	}
	return again, check
}

// ask asks over gRPC.
func (s subject) ask(tb testing.TB, q *estimatorv1.EstimateRequest) *estimatorv1.EstimateResponse {
	response, err := estimatorv1.NewEstimatorClient(s.conn).Estimate(tb.Context(), q)
	if err != nil {
		tb.Fatal(err)
	}
	return response
}

// answers returns those about the only member.
func answers(r *estimatorv1.EstimateResponse) []*estimatorv1.Answer {
	return r.GetMembers()[0].GetAnswers()
}

// asScheduler asks through the scheduler's client, which keeps answers as long as the member has not changed.
func asScheduler(tb testing.TB, s subject) (again, check func()) {
	asking := estimatorclient.New(tb.Context(), estimatorclient.Options{Budget: time.Minute, Servers: []estimatorclient.Server{{
		Name: "estimator", Connect: func(context.Context, string) ([]*grpc.ClientConn, error) { return []*grpc.ClientConn{s.conn}, nil },
	}}})
	tb.Cleanup(asking.Close)
	r := &framework.Request{Replicas: 1, Requirements: framework.NewResources(map[string]int64{"cpu": 500, "memory": 1 << 30})}
	out := make([]accurateestimate.Answer, 1)
	return func() { asking.Answers(tb.Context(), r, []string{"member1"}, out) }, func() { equal(tb, out[0].Sets, s.room(500)) }
}

func request(n int, cpu int64) *estimatorv1.EstimateRequest {
	r := &estimatorv1.EstimateRequest{Members: []string{"member1"}}
	for i := range n {
		shape := &estimatorv1.Shape{Requests: map[string]int64{"cpu": cpu + int64(i), "memory": 1 << 30}}
		r.Questions = append(r.Questions, &estimatorv1.Question{Components: []*estimatorv1.Component{{Shape: shape, Replicas: 1}}})
	}
	return r
}

// BenchmarkEstimateMemory measures what the census of the member holds, and what 512 remembered shapes add.
func BenchmarkEstimateMemory(b *testing.B) {
	for b.Loop() {
		before := heap()
		c := large.census(b)
		filled := heap()
		for i := range int64(512) {
			c.Ask([]census.Question{question(b, 1000+i)}, nil)
		}
		asked := heap()
		b.ReportMetric(float64(filled-before)/(1<<20), "MiB-census")
		b.ReportMetric(float64(asked-filled)/(1<<20), "MiB-512-shapes")
		runtime.KeepAlive(c)
	}
}

func heap() int64 {
	runtime.GC()
	var stats runtime.MemStats
	runtime.ReadMemStats(&stats)
	return int64(stats.HeapAlloc)
}
