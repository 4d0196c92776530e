// Package decide measures one decision in process: no API server, no network, the built-in profile. A cold decision remembers nothing of
// earlier ones; a warm one finds that the same was decided before; between them lies the decision after the room of one cluster has changed,
// as it does with every placement by room. The snapshot, which is made once for all decisions between two changes of the fleet, is there in all.
package decide

import (
	"fmt"
	"math/rand/v2"
	"syscall"
	"testing"
	"time"

	"github.com/longshore-project/longshore/plugins/builtin"
	"github.com/longshore-project/longshore/scheduler/framework"
	"github.com/longshore-project/longshore/scheduler/pipeline"
)

const replicas = 100

// fleet returns clusters of different sizes in ten regions with three zones each, every tenth of which has a taint. The seed is fixed.
func fleet(n int) *framework.Snapshot {
	rng := rand.New(rand.NewPCG(1, uint64(n)))
	clusters := make([]*framework.Cluster, n)
	for i := range clusters {
		region := fmt.Sprintf("region-%d", i%10)
		clusters[i] = &framework.Cluster{
			Name:     fmt.Sprintf("member-%04d", i),
			Labels:   map[string]string{"tier": []string{"gold", "silver", "bronze"}[i%3], "name": fmt.Sprintf("member-%04d", i)},
			Provider: []string{"aws", "gcp"}[i%2],
			Region:   region,
			Zones:    []string{region + string(rune('a'+i%3))},
			APIs:     []framework.API{{GroupVersion: "apps/v1", Kind: "Deployment"}, {GroupVersion: "v1", Kind: "ConfigMap"}},
			Summary: &framework.Summary{
				Allocatable: framework.NewResources(map[string]int64{"cpu": 1000 * (8 + rng.Int64N(500)), "memory": (16 + rng.Int64N(2000)) << 30, "pods": 110 * (1 + rng.Int64N(50))}),
				Used:        framework.NewResources(map[string]int64{"cpu": 1000 * rng.Int64N(8), "memory": rng.Int64N(16) << 30, "pods": rng.Int64N(110)}),
			},
		}
		if i%10 == 0 {
			clusters[i].Taints = []framework.Taint{{Key: "maintenance", Effect: framework.EffectNoSchedule}}
		}
	}
	return framework.NewSnapshot(clusters, 1)
}

// request asks for gold and silver clusters: 0.6 of all, of which a tenth is tainted.
func request(strategy framework.Strategy) *framework.Request {
	return &framework.Request{
		Key: "default/nginx", API: framework.API{GroupVersion: "apps/v1", Kind: "Deployment"}, Replicas: replicas, Workload: true,
		Requirements: framework.NewResources(map[string]int64{"cpu": 500, "memory": 1 << 30}), Shape: "cpu=500;memory=1Gi",
		Placement: &framework.Placement{
			Fingerprint: "gold and silver " + strategy.String(),
			Terms: []framework.Term{{Affinity: framework.Affinity{Labels: []framework.LabelRequirement{
				{Key: "tier", Operator: framework.In, Values: []string{"gold", "silver"}},
			}}}},
			Strategy: strategy,
			StaticWeights: []framework.WeightedAffinity{
				{Affinity: framework.Affinity{Labels: []framework.LabelRequirement{{Key: "tier", Operator: framework.In, Values: []string{"gold"}}}}, Weight: 2},
				{Affinity: framework.Affinity{}, Weight: 1},
			},
		},
	}
}

// mode is a way to place a request.
type mode struct {
	name     string
	strategy framework.Strategy
	spread   []framework.SpreadConstraint
}

func (m *mode) request() *framework.Request {
	r := request(m.strategy)
	r.Placement.Spread = m.spread
	r.Placement.Fingerprint += m.name
	return r
}

// modes are those that Karmada has too: the strategies without constraints, and dynamic weights under constraints on region or zone, with
// and without one on the cluster as Karmada's users write it.
var modes = []mode{
	{name: "duplicated", strategy: framework.Duplicated},
	{name: "static", strategy: framework.StaticWeight},
	{name: "dynamic", strategy: framework.DynamicWeight},
	{name: "aggregated", strategy: framework.Aggregated},
	{name: "region", strategy: framework.DynamicWeight, spread: []framework.SpreadConstraint{
		{Key: framework.SpreadByRegion, MinGroups: 2, MaxGroups: 3}, {Key: framework.SpreadByCluster, MinGroups: 3, MaxGroups: 5},
	}},
	{name: "zone", strategy: framework.DynamicWeight, spread: []framework.SpreadConstraint{
		{Key: framework.SpreadByZone, MinGroups: 3, MaxGroups: 6}, {Key: framework.SpreadByCluster, MinGroups: 3, MaxGroups: 10},
	}},
}

func BenchmarkDecide(b *testing.B) {
	for _, mode := range modes {
		for _, n := range []int{100, 1000, 5000} {
			snapshot := fleet(n)
			for _, cache := range []string{cold, changed, warm} {
				b.Run(fmt.Sprintf("mode=%s/clusters=%d/cache=%s", mode.name, n, cache), func(b *testing.B) {
					decide(b, snapshot, mode.request(), cache)
				})
			}
		}
	}
}

// What a decision may remember.
const (
	cold    = "cold"
	changed = "changed"
	warm    = "warm"
)

func decide(b *testing.B, snapshot *framework.Snapshot, r *framework.Request, cache string) {
	profile := builtin.Profile()
	var d framework.Decision
	var err error
	b.ReportAllocs()
	before := cpu(b)
	for b.Loop() {
		switch cache {
		case cold:
			profile.Memo = pipeline.NewMemo()
		case changed:
			b.StopTimer()
			snapshot = reserveOne(snapshot)
			b.StartTimer()
		}
		if d, err = pipeline.Schedule(b.Context(), profile, snapshot, r); err != nil {
			b.Fatal(err)
		}
	}
	if cache != changed { // where the changes count too
		b.ReportMetric(float64(cpu(b)-before)/float64(b.N), "cpu-ns/op")
	}
	check(b, snapshot, r, &d)
}

// reserveOne promises a core of some cluster away.
func reserveOne(s *framework.Snapshot) *framework.Snapshot {
	g := s.Latest() + 1
	c := *s.Cluster(int(g) * 7 % s.Len())
	c.Reserved = c.Reserved.Plus(framework.NewResources(map[string]int64{"cpu": 1000}))
	return s.With(g, &c)
}

// cpu returns the processor time of this process so far, the collection of garbage included: on a machine with other work the one measure
// that means something.
func cpu(b *testing.B) time.Duration {
	var used syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &used); err != nil {
		b.Fatal(err)
	}
	return time.Duration(used.Utime.Nano() + used.Stime.Nano())
}

// check asserts that the decision is right: only gold and silver clusters without a taint, and neither a replica too many nor too few.
func check(b *testing.B, s *framework.Snapshot, r *framework.Request, d *framework.Decision) {
	if d.Outcome != framework.Placed {
		b.Fatalf("outcome %v: %s", d.Outcome, d.Message())
	}
	var sum int64
	for _, t := range d.Targets {
		row, _ := s.Row(t.Cluster)
		c := s.Cluster(row)
		if c.Labels["tier"] == "bronze" || len(c.Taints) > 0 {
			b.Fatalf("%s must not be used", t.Cluster)
		}
		sum += t.Replicas
	}
	for _, c := range r.Placement.Spread {
		groups := map[string]bool{}
		for _, t := range d.Targets {
			row, _ := s.Row(t.Cluster)
			member := s.Cluster(row)
			groups[map[framework.SpreadKey]string{
				framework.SpreadByRegion: member.Region, framework.SpreadByZone: member.Zones[0], framework.SpreadByCluster: member.Name,
			}[c.Key]] = true
		}
		if n := int64(len(groups)); n < c.MinGroups || n > c.Max() {
			b.Fatalf("%d groups: %v", n, c)
		}
	}
	want := int64(replicas)
	if r.Placement.Strategy == framework.Duplicated {
		want *= int64(len(d.Targets))
	}
	if sum != want || len(d.Targets) == 0 {
		b.Fatalf("%d replicas on %d clusters, want %d", sum, len(d.Targets), want)
	}
}

// TestColdDecisionsTakeFewAllocations holds decisions of every mode to the number that the design aims at.
func TestColdDecisionsTakeFewAllocations(t *testing.T) {
	const most = 20
	for _, mode := range modes {
		for _, n := range []int{100, 1000} {
			t.Run(fmt.Sprintf("%s, %d clusters", mode.name, n), func(t *testing.T) {
				snapshot, profile, r := fleet(n), builtin.Profile(), mode.request()
				made := testing.AllocsPerRun(20, func() {
					profile.Memo = pipeline.NewMemo()
					if _, err := pipeline.Schedule(t.Context(), profile, snapshot, r); err != nil {
						t.Fatal(err)
					}
				})
				if made > most {
					t.Errorf("%v allocations, want at most %d", made, most)
				}
			})
		}
	}
}
