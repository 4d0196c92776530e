// Package decide measures one decision in process: no API server, no network, the built-in profile.
package decide

import (
	"fmt"
	"math/rand/v2"
	"testing"

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

func BenchmarkDecide(b *testing.B) {
	modes := []struct {
		name     string
		strategy framework.Strategy
	}{{"duplicated", framework.Duplicated}, {"static", framework.StaticWeight}, {"dynamic", framework.DynamicWeight}, {"aggregated", framework.Aggregated}}
	for _, mode := range modes {
		for _, n := range []int{100, 1000, 5000} {
			snapshot := fleet(n)
			for _, warm := range []bool{false, true} {
				temperature := map[bool]string{false: "cold", true: "warm"}[warm]
				b.Run(fmt.Sprintf("mode=%s/clusters=%d/cache=%s", mode.name, n, temperature), func(b *testing.B) {
					decide(b, snapshot, request(mode.strategy), warm)
				})
			}
		}
	}
}

func decide(b *testing.B, snapshot *framework.Snapshot, r *framework.Request, warm bool) {
	profile := builtin.Profile()
	var d framework.Decision
	var err error
	b.ReportAllocs()
	for b.Loop() {
		if !warm {
			profile.Memo = pipeline.NewMemo()
		}
		if d, err = pipeline.Schedule(b.Context(), profile, snapshot, r); err != nil {
			b.Fatal(err)
		}
	}
	check(b, snapshot, r, &d)
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
	want := int64(replicas)
	if r.Placement.Strategy == framework.Duplicated {
		want *= int64(len(d.Targets))
	}
	if sum != want || len(d.Targets) == 0 {
		b.Fatalf("%d replicas on %d clusters, want %d", sum, len(d.Targets), want)
	}
}
