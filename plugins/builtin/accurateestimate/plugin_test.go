package accurateestimate

import (
	"context"
	"math"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/longshore-project/longshore/plugins/builtin/resourcesummary"
	"github.com/longshore-project/longshore/scheduler/framework"
)

// fixed answers with what it holds.
type fixed map[string]Answer

func (f fixed) Answers(_ context.Context, _ *framework.Request, members []string, out []Answer) {
	for i, name := range members {
		out[i] = f[name]
	}
}

func cpu(n int64) framework.Resources { return framework.NewResources(map[string]int64{"cpu": n}) }

func room(cpu, pods int64) framework.Resources {
	return framework.NewResources(map[string]int64{"cpu": cpu, "pods": pods})
}

// second is so many seconds after the start of the tests' time.
func second(n int64) time.Time { return time.Unix(n, 0) }

func TestEstimate(t *testing.T) {
	// Of a the summary says 10, or 9 for 5 promised pods of which 1 is not seen.
	const summaryRoom = 10
	plain := framework.Cluster{Summary: &framework.Summary{Allocatable: room(10_000, 100)}}
	seenLater := plain
	seenLater.Reserved, seenLater.Unseen, seenLater.SeenAt = room(5000, 5), room(1000, 1), second(50)
	fresh := Answer{Sets: 20, Known: true, Source: "estimator x", At: second(60), Age: time.Second}
	older := fresh
	older.At = second(40)
	silent := Answer{Missing: "estimator x is silent"}
	byEstimator := &framework.Origin{Source: "estimator x", At: second(60)}
	pulls := plain
	pulls.Pull = true
	growing := fresh
	growing.GrowTo, growing.CanGrow = 50, true
	byGrowth := &framework.Origin{Source: "estimator x", At: second(60), Fallback: "counting nodes that could be added", Note: "20 fit now"}
	tests := []struct {
		name    string
		plugin  Plugin
		cluster framework.Cluster
		answer  Answer
		want    framework.Capacity
	}{
		{name: "an estimator is preferred", cluster: plain, answer: fresh, want: framework.Capacity{Replicas: 20, Known: true, Origin: byEstimator}},
		{
			name: "the lower one: summary", plugin: Plugin{Merge: Min}, cluster: plain, answer: fresh,
			want: framework.Capacity{Replicas: summaryRoom, Known: true, Origin: &framework.Origin{Source: "summary"}},
		},
		{
			name: "the lower one: estimator", plugin: Plugin{Merge: Min}, cluster: plain, answer: Answer{Sets: 3, Known: true, Source: "estimator x", At: second(60)},
			want: framework.Capacity{Replicas: 3, Known: true, Origin: byEstimator},
		},
		{
			name: "weighted: a tenth of the lifetime", plugin: Plugin{Merge: WeightedByAge, Lifetime: 10 * time.Second}, cluster: plain, answer: fresh,
			want: framework.Capacity{Replicas: 19, Known: true, Origin: &framework.Origin{Source: "estimator x and summary by age", At: second(60)}},
		},
		{
			name: "silent: the summary, and why", cluster: plain, answer: silent,
			want: framework.Capacity{Replicas: summaryRoom, Known: true, Origin: &framework.Origin{Source: "summary", Fallback: "estimator x is silent"}},
		},
		{
			name: "not served by any: nothing to explain", cluster: plain, answer: Answer{},
			want: framework.Capacity{Replicas: summaryRoom, Known: true, Origin: &framework.Origin{Source: "summary"}},
		},
		{
			name: "nobody knows: unknown, not infinite", answer: silent,
			want: framework.Capacity{Origin: &framework.Origin{Source: "nobody", Fallback: "estimator x is silent"}},
		},
		{name: "no summary", answer: fresh, want: framework.Capacity{Replicas: 20, Known: true, Origin: byEstimator}},
		{
			name: "seen pods are in the answer", cluster: seenLater, answer: fresh,
			want: framework.Capacity{Replicas: 19, Known: true, Origin: byEstimator},
		},
		{
			name: "pods were seen after the answer", cluster: seenLater, answer: older,
			want: framework.Capacity{Replicas: 15, Known: true, Origin: &framework.Origin{Source: "estimator x", At: second(40)}},
		},
		{
			name: "growth is told and is no room", cluster: plain, answer: growing,
			want: framework.Capacity{Replicas: 20, Known: true, Origin: &framework.Origin{Source: "estimator x", At: second(60), Note: "could grow to 50"}},
		},
		{
			name: "growth counts if asked for, and it is said", plugin: Plugin{CountGrowth: true}, cluster: plain, answer: growing,
			want: framework.Capacity{Replicas: 50, Known: true, Origin: byGrowth},
		},
		{
			name: "growth beside reservations", plugin: Plugin{CountGrowth: true}, cluster: seenLater, answer: growing,
			want: framework.Capacity{Replicas: 49, Known: true, Origin: &framework.Origin{Source: "estimator x", At: second(60), Fallback: byGrowth.Fallback, Note: "19 fit now"}},
		},
		{
			name: "growth on top of the lower one", plugin: Plugin{CountGrowth: true, Merge: Min}, cluster: plain, answer: growing,
			want: framework.Capacity{Replicas: summaryRoom + 30, Known: true, Origin: &framework.Origin{Source: "summary", Fallback: byGrowth.Fallback}},
		},
		{
			name: "nothing can be added", plugin: Plugin{CountGrowth: true}, cluster: plain, answer: fresh,
			want: framework.Capacity{Replicas: 20, Known: true, Origin: byEstimator},
		},
		{
			name: "a lower bound, by a quota", cluster: plain, answer: Answer{Sets: 20, Known: true, Source: "estimator x", AtLeast: true, Quota: "team"},
			want: framework.Capacity{Replicas: 20, Known: true, Origin: &framework.Origin{Source: "estimator x", Note: "at least, limited by ResourceQuota team"}},
		},
		{
			name: "members that pull are not asked about", plugin: Plugin{SkipPull: true}, cluster: pulls, answer: fresh,
			want: framework.Capacity{Replicas: summaryRoom, Known: true, Origin: &framework.Origin{Source: "summary"}},
		},
		{name: "members that pull are asked about otherwise", cluster: pulls, answer: fresh, want: framework.Capacity{Replicas: 20, Known: true, Origin: byEstimator}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			tt.cluster.Name = "a"
			tt.plugin.Summary, tt.plugin.Source = resourcesummary.Plugin{}, fixed{"a": tt.answer}
			got := make([]framework.Capacity, 1)
			q := &framework.Query{Snapshot: framework.NewSnapshot([]*framework.Cluster{&tt.cluster}, 1), Request: &framework.Request{Requirements: cpu(1000)}}
			if err := tt.plugin.Estimate(t.Context(), q, []int32{0}, got); err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(tt.want, got[0]); diff != "" {
				t.Errorf("Estimate (-want +got):\n%s", diff)
			}
		})
	}
}

// TestSkipPull keeps answers and clusters together when some are left out.
func TestSkipPull(t *testing.T) {
	q := &framework.Query{Snapshot: framework.NewSnapshot([]*framework.Cluster{{Name: "a", Pull: true}, {Name: "b"}, {Name: "c", Pull: true}, {Name: "d"}}, 1), Request: &framework.Request{}}
	asked := fixed{}
	for i, name := range []string{"a", "b", "c", "d"} {
		asked[name] = Answer{Sets: int64(i), Known: true, Source: "x"}
	}
	got := make([]framework.Capacity, 4)
	if err := (&Plugin{Source: asked, SkipPull: true}).Estimate(t.Context(), q, []int32{0, 1, 2, 3}, got); err != nil {
		t.Fatal(err)
	}
	nobody, x := &framework.Origin{Source: "nobody"}, &framework.Origin{Source: "x"}
	want := []framework.Capacity{{Origin: nobody}, {Replicas: 1, Known: true, Origin: x}, {Origin: nobody}, {Replicas: 3, Known: true, Origin: x}}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("Estimate (-want +got):\n%s", diff)
	}
}

// limited allows one number everywhere.
type limited int64

func (l limited) Limit(*framework.Cluster, string) (int64, string, bool) {
	return int64(l), "it left 2 replicas pending", true
}

func TestLimits(t *testing.T) {
	q := &framework.Query{Snapshot: framework.NewSnapshot([]*framework.Cluster{{Name: "a"}, {Name: "b"}}, 1), Request: &framework.Request{}}
	p := Plugin{Limits: limited(2), Source: fixed{"a": {Sets: 5, Known: true, Source: "x"}, "b": {Sets: 1, Known: true, Source: "x"}}}
	got := make([]framework.Capacity, 2)
	if err := p.Estimate(t.Context(), q, []int32{0, 1}, got); err != nil {
		t.Fatal(err)
	}
	want := []framework.Capacity{
		{Replicas: 2, Known: true, Origin: &framework.Origin{Source: "what was learned", Fallback: "it left 2 replicas pending"}},
		{Replicas: 1, Known: true, Origin: &framework.Origin{Source: "x"}},
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("Estimate (-want +got):\n%s", diff)
	}
}

// TestTaken: reservations cost what they take of the scarcest resource, and of others what exceeds the surplus.
func TestTaken(t *testing.T) {
	c := &framework.Cluster{Summary: &framework.Summary{Allocatable: framework.NewResources(map[string]int64{"cpu": 10_000, "memory": 100, "pods": 100})}}
	needs := framework.NewResources(map[string]int64{"cpu": 100, "memory": 10, "pods": 1}) // memory is for 10 sets, cpu and pods for 100
	tests := []struct {
		name     string
		reserved framework.Resources
		want     int64
	}{
		{"nothing", nil, 0},
		{"the same shape", needs.Times(3), 3},
		{"a part of the scarcest counts as a set", framework.NewResources(map[string]int64{"memory": 1}), 1},
		{"others within the surplus", framework.NewResources(map[string]int64{"cpu": 9000, "pods": 50}), 0},
		{"others beyond it", framework.NewResources(map[string]int64{"cpu": 9500}), 5},
		{"what is not requested", framework.NewResources(map[string]int64{"gpu": 8}), 0},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			if got := taken(c, tt.reserved, needs); got != tt.want {
				t.Errorf("takes %d sets, want %d", got, tt.want)
			}
		})
	}
	if got := taken(&framework.Cluster{}, framework.NewResources(map[string]int64{"cpu": 9000}), needs); got != 90 {
		t.Errorf("without a summary it takes %d sets, want 90", got)
	}
}

func TestWeightedLiesBetween(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		n := rapid.Int64Range(0, math.MaxInt64)
		a, s := n.Draw(t, "accurate"), n.Draw(t, "summary")
		lifetime := time.Duration(rapid.Int64Range(1, math.MaxInt64/2).Draw(t, "lifetime"))
		age := time.Duration(rapid.Int64Range(-1e9, 2*int64(lifetime)).Draw(t, "age"))
		got := weighted(a, s, age, lifetime)
		if got < min(a, s) || got > max(a, s) {
			t.Errorf("%d of %d and %d", got, a, s)
		}
		if age <= 0 && got != a || age >= lifetime && got != s {
			t.Errorf("at age %v of %v it is %d of %d and %d", age, lifetime, got, a, s)
		}
	})
}
