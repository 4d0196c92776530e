package freecapacity

import (
	"context"
	"math"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/longshore-project/longshore/scheduler/framework"
)

// res is an amount of processors in thousandths, memory and pods.
func res(cpu, memory, pods int64) framework.Resources {
	return framework.NewResources(map[string]int64{"cpu": cpu, "memory": memory, "pods": pods})
}

// reporting is a cluster that reported so much allocatable and used.
func reporting(name string, allocatable, used framework.Resources) *framework.Cluster {
	return &framework.Cluster{Name: name, Summary: &framework.Summary{Allocatable: allocatable, Used: used}}
}

// asking is a request for replicas of that size.
func asking(replicas int64, size framework.Resources, s framework.Strategy, current ...framework.Assignment) *framework.Request {
	return &framework.Request{
		Workload: true, Replicas: replicas, Requirements: size, Current: current,
		Placement: &framework.Placement{Terms: []framework.Term{{}}, Strategy: s, StrategyStated: true},
	}
}

func scoresOf(t interface {
	Fatal(...any)
	Context() context.Context
}, p framework.Score, r *framework.Request, clusters ...*framework.Cluster) []int64 {
	s := framework.NewSnapshot(clusters, 1)
	scores := make([]int64, s.Len())
	if err := p.Score(t.Context(), &framework.Query{Snapshot: s, Request: r}, framework.FullBitset(s.Len()), scores); err != nil {
		t.Fatal(err)
	}
	return scores
}

func TestScores(t *testing.T) {
	small := res(100, 10, 0)
	pods := LeastAllocated{[]weighted{{"pods", 1}}}
	gpus := []weighted{{"cpu", 1}, {"gpu", 3}}
	withGPU := reporting("b", framework.NewResources(map[string]int64{"cpu": 1000, "gpu": 4}), nil)
	tests := []struct {
		name     string
		plugin   framework.Score
		request  *framework.Request
		clusters []*framework.Cluster
		want     []int64
	}{
		{name: "the share that stays free", plugin: LeastAllocated{}, request: asking(2, small, framework.DynamicWeight), want: []int64{90, 40, 45},
			clusters: []*framework.Cluster{
				reporting("a", res(1000, 100, 10), nil),             // cpu 90, memory 90
				reporting("b", res(1000, 100, 10), res(500, 50, 0)), // 40, 40
				reporting("c", res(1000, 100, 10), res(0, 90, 0)),   // 90, 0
			}},
		{name: "duplicated adds every replica", plugin: LeastAllocated{}, request: asking(4, small, framework.Duplicated), want: []int64{60},
			clusters: []*framework.Cluster{reporting("a", res(1000, 100, 10), nil)}},
		{name: "what runs there is in the report already", plugin: LeastAllocated{}, want: []int64{80, 80, 80},
			request: asking(2, small, framework.Duplicated, framework.Assignment{Cluster: "b", Replicas: 2}, framework.Assignment{Cluster: "c", Replicas: 1}, framework.Assignment{Cluster: "gone", Replicas: 1}),
			clusters: []*framework.Cluster{
				reporting("a", res(1000, 100, 10), nil), reporting("b", res(1000, 100, 10), res(200, 20, 2)), reporting("c", res(1000, 100, 10), res(100, 10, 1)),
			}},
		{name: "reserved room is used", plugin: LeastAllocated{}, request: asking(1, small, framework.DynamicWeight), want: []int64{80},
			clusters: []*framework.Cluster{{Name: "a", Summary: &framework.Summary{Allocatable: res(1000, 100, 10)}, Reserved: res(100, 10, 1)}}},
		{name: "no report, no room, more used than there is", plugin: LeastAllocated{}, request: asking(1, small, framework.DynamicWeight), want: []int64{0, 0, 0},
			clusters: []*framework.Cluster{{Name: "a"}, reporting("b", res(100, 10, 1), nil), reporting("c", res(1000, 100, 10), res(2000, 200, 20))}},
		{name: "pods are demanded by every replica", plugin: pods, request: asking(1, nil, framework.DynamicWeight), want: []int64{75},
			clusters: []*framework.Cluster{reporting("a", res(0, 0, 4), nil)}},
		{name: "what is not a workload adds nothing", plugin: pods, request: &framework.Request{Placement: &framework.Placement{}}, want: []int64{100},
			clusters: []*framework.Cluster{reporting("a", res(0, 0, 4), nil)}},
		{name: "whole sets of components", plugin: pods, want: []int64{25}, clusters: []*framework.Cluster{reporting("a", res(0, 0, 4), nil)},
			request: &framework.Request{Workload: true, Placement: &framework.Placement{}, Components: []framework.Component{{Replicas: 1}, {Replicas: 2}}}},
		{name: "a set that runs adds nothing", plugin: pods, want: []int64{100}, clusters: []*framework.Cluster{reporting("a", res(0, 0, 4), nil)},
			request: &framework.Request{Workload: true, Placement: &framework.Placement{}, Components: []framework.Component{{Replicas: 2}}, Current: []framework.Assignment{{Cluster: "a"}}}},
		{name: "weights; a resource that nobody asks for and the cluster lacks is left out", plugin: LeastAllocated{gpus},
			request: asking(1, framework.NewResources(map[string]int64{"cpu": 500}), framework.DynamicWeight), want: []int64{50, 87},
			clusters: []*framework.Cluster{reporting("a", res(1000, 0, 0), nil), withGPU}},
		{name: "a resource that is asked for and that the cluster lacks counts 0", plugin: LeastAllocated{gpus},
			request: asking(1, framework.NewResources(map[string]int64{"cpu": 500, "gpu": 1}), framework.DynamicWeight), want: []int64{12, 68},
			clusters: []*framework.Cluster{reporting("a", res(1000, 0, 0), nil), withGPU}},
		{name: "evenness", plugin: BalancedAllocation{}, request: asking(1, small, framework.DynamicWeight), want: []int64{100, 55, 75, 0},
			clusters: []*framework.Cluster{
				reporting("a", res(1000, 100, 10), nil), reporting("b", res(1000, 100, 10), res(900, 0, 0)),
				reporting("c", res(1000, 100, 10), res(0, 50, 0)), {Name: "d"},
			}},
		{name: "one resource alone is in balance", plugin: BalancedAllocation{[]Resource{{"cpu"}}}, request: asking(1, small, framework.DynamicWeight), want: []int64{100},
			clusters: []*framework.Cluster{reporting("a", res(1000, 100, 10), res(900, 0, 0))}},
		{name: "none of the resources", plugin: BalancedAllocation{[]Resource{{"gpu"}}}, request: asking(1, small, framework.DynamicWeight), want: []int64{0},
			clusters: []*framework.Cluster{reporting("a", res(1000, 100, 10), nil)}},
		{name: "a lacking resource is used up", plugin: BalancedAllocation{[]Resource{{"cpu"}, {"gpu"}}}, want: []int64{50},
			request:  asking(1, framework.NewResources(map[string]int64{"gpu": 1}), framework.DynamicWeight),
			clusters: []*framework.Cluster{reporting("a", res(1000, 100, 10), nil)}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			if diff := cmp.Diff(tt.want, scoresOf(t, tt.plugin, tt.request, tt.clusters...)); diff != "" {
				t.Errorf("scores (-want +got):\n%s", diff)
			}
		})
	}
}

// TestScoresFollowTheRoom states what both scores promise whatever the cluster: they lie in range, the least allocated of two equal clusters
// wins, and even use is never worse than use of one resource alone. It compares the balance with the formula in floating point.
func TestScoresFollowTheRoom(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		amount := func(name string) int64 {
			return rapid.OneOf(rapid.Int64Range(0, 20), rapid.Int64Range(0, math.MaxInt64/4)).Draw(t, name)
		}
		offers, used, size := res(amount("cpu"), amount("memory"), 110), res(amount("cpu used"), amount("memory used"), 0), res(amount("cpu of one"), amount("memory of one"), 0)
		strategy := framework.Strategy(rapid.IntRange(0, 3).Draw(t, "strategy"))
		r := asking(rapid.Int64Range(0, 9).Draw(t, "replicas"), size, strategy)
		busy, idle := reporting("busy", offers, used), reporting("idle", offers, nil)
		least := scoresOf(t, LeastAllocated{}, r, busy, idle)
		balanced := scoresOf(t, BalancedAllocation{}, r, busy, idle)
		for _, score := range append(least, balanced...) {
			if score < 0 || score > framework.MaxScore {
				t.Fatalf("score %d is out of range", score)
			}
		}
		if least[0] > least[1] {
			t.Fatalf("the busy cluster got %d and the idle one %d", least[0], least[1])
		}
		if want, ok := balanceByFloats(r, offers, used, size); ok && math.Abs(float64(balanced[0])-want) > 1.001 {
			t.Fatalf("balance is %d, want %f rounded down", balanced[0], want)
		}
	})
}

// balanceByFloats is the formula for two resources, both of which the cluster offers.
func balanceByFloats(r *framework.Request, offers, used, size framework.Resources) (score float64, ok bool) {
	more := min(r.Replicas, 1)
	if !r.DividesReplicas() {
		more = r.Replicas
	}
	var shares []float64
	for _, name := range []string{"cpu", "memory"} {
		if offers.Amount(name) == 0 {
			return 0, false
		}
		taken := float64(used.Amount(name)) + float64(size.Amount(name))*float64(more)
		shares = append(shares, min(taken/float64(offers.Amount(name)), 1))
	}
	return 100 * (1 - math.Abs(shares[0]-shares[1])/2), true
}

func TestRootUp(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		root := rapid.Int64Range(1, 1<<31-1).Draw(t, "root")
		for x, want := range map[int64]int64{root * root: root, root*root - 1: root, root*root + 1: root + 1, 0: 0} {
			if root == 1 && x == 0 {
				want = 0
			}
			if got := rootUp(x); got != want {
				t.Fatalf("rootUp(%d) is %d, want %d", x, got, want)
			}
		}
	})
}

func TestRemarks(t *testing.T) {
	s := framework.NewSnapshot([]*framework.Cluster{reporting("a", res(1, 1, 1), nil), {Name: "b"}}, 1)
	for _, p := range []framework.RemarkingScore{LeastAllocated{}, BalancedAllocation{}} {
		got := p.Remarks(&framework.Query{Snapshot: s}, framework.FullBitset(2))
		if len(got) != 1 || got[0].Clusters.Count() != 1 || !got[0].Clusters.Has(1) {
			t.Errorf("%s says %v, want that b is silent", p.Name(), got)
		}
		alone := framework.NewBitset(2)
		alone.Set(0)
		if got := p.Remarks(&framework.Query{Snapshot: s}, alone); got != nil {
			t.Errorf("%s says %v of a cluster that reported", p.Name(), got)
		}
	}
}

func TestConfigure(t *testing.T) {
	tests := []struct {
		name   string
		plugin interface {
			Configure([]byte) (interface{ Name() string }, error)
		}
		arguments string
		want      interface{ Name() string }
		says      string
	}{
		{name: "nothing", plugin: LeastAllocated{}, arguments: "{}", want: LeastAllocated{}},
		{name: "weights", plugin: LeastAllocated{}, arguments: `{"resources": [{"name": "cpu"}, {"name": "gpu", "weight": 100}]}`, want: LeastAllocated{[]weighted{{"cpu", 1}, {"gpu", 100}}}},
		{name: "bad weights", plugin: LeastAllocated{}, arguments: `{"resources": [{"name": "cpu", "weight": 0}, {"name": "cpu", "weight": 101}, {}]}`,
			says: "resources[0].weight: 0 is not a weight: write 1 to 100\nresources[1].name: cpu is listed twice\nresources[1].weight: 101 is not a weight: write 1 to 100\n" +
				"resources[2].name: names no resource: write cpu, memory, pods or the name of an extended resource"},
		{name: "balance", plugin: BalancedAllocation{}, arguments: `{"resources": [{"name": "cpu"}]}`, want: BalancedAllocation{[]Resource{{"cpu"}}}},
		{name: "balance has no weights", plugin: BalancedAllocation{}, arguments: `{"resources": [{"name": "cpu", "weight": 1}]}`,
			says: "resources[0].weight: unknown argument; known are name"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			got, err := tt.plugin.Configure([]byte(tt.arguments))
			if tt.says != "" {
				if err == nil || err.Error() != tt.says {
					t.Errorf("error is %v, want %s", err, tt.says)
				}
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(tt.want, got, cmp.AllowUnexported(LeastAllocated{}, weighted{}, BalancedAllocation{})); diff != "" {
				t.Errorf("plugin (-want +got):\n%s", diff)
			}
		})
	}
}
