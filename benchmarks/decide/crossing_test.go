package decide

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/longshore-project/longshore/plugins/builtin"
	"github.com/longshore-project/longshore/plugins/builtin/clusterselection"
	"github.com/longshore-project/longshore/scheduler/framework"
	"github.com/longshore-project/longshore/scheduler/pipeline"
)

// wideFleet returns clusters in 50 regions and 150 zones. Zones lie in regions; providers and racks, which are a label, lie across them. Every
// tenth cluster is in a second zone of its region if so wanted.
func wideFleet(n int, severalZones bool) *framework.Snapshot {
	rng := rand.New(rand.NewPCG(2, uint64(n)))
	clusters := make([]*framework.Cluster, n)
	for i := range clusters {
		zone := rng.IntN(150)
		zones := []string{fmt.Sprintf("zone-%d", zone)}
		if severalZones && i%10 == 0 {
			zones = append(zones, fmt.Sprintf("zone-%d", zone/3*3+(zone+1)%3))
			slices.Sort(zones)
		}
		clusters[i] = &framework.Cluster{
			Name:     fmt.Sprintf("member-%04d", i),
			Labels:   map[string]string{"tier": []string{"gold", "silver"}[i%2], "rack": fmt.Sprintf("rack-%d", rng.IntN(12))},
			Provider: fmt.Sprintf("provider-%d", rng.IntN(4)),
			Region:   fmt.Sprintf("region-%d", zone/3),
			Zones:    slices.Compact(zones),
			APIs:     []framework.API{{GroupVersion: "apps/v1", Kind: "Deployment"}},
			Summary: &framework.Summary{
				Allocatable: framework.NewResources(map[string]int64{"cpu": 1000 * (1 + rng.Int64N(40)), "memory": (16 + rng.Int64N(2000)) << 30, "pods": 1100}),
			},
		}
	}
	return framework.NewSnapshot(clusters, 1)
}

// crossings are requests over several keys at once, and two over one key to compare with.
var crossings = []mode{
	{name: "region", strategy: framework.DynamicWeight, spread: []framework.SpreadConstraint{
		{Key: framework.SpreadByRegion, MinGroups: 2, MaxGroups: 3}, {Key: framework.SpreadByCluster, MinGroups: 3, MaxGroups: 5},
	}},
	{name: "zone", strategy: framework.DynamicWeight, spread: []framework.SpreadConstraint{
		{Key: framework.SpreadByZone, MinGroups: 3, MaxGroups: 6}, {Key: framework.SpreadByCluster, MinGroups: 3, MaxGroups: 10},
	}},
	{name: "region+zone", strategy: framework.DynamicWeight, spread: []framework.SpreadConstraint{
		{Key: framework.SpreadByRegion, MinGroups: 2, MaxGroups: 3}, {Key: framework.SpreadByZone, MinGroups: 3, MaxGroups: 6},
	}},
	{name: "provider+region+zone", strategy: framework.DynamicWeight, spread: []framework.SpreadConstraint{
		{Key: framework.SpreadByProvider, MinGroups: 2, MaxGroups: 2}, {Key: framework.SpreadByRegion, MinGroups: 2, MaxGroups: 3},
		{Key: framework.SpreadByZone, MinGroups: 3, MaxGroups: 6},
	}},
	{name: "minimums", strategy: framework.DynamicWeight, spread: []framework.SpreadConstraint{
		{Key: framework.SpreadByProvider, MinGroups: 2}, {Key: framework.SpreadByRegion, MinGroups: 3}, {Key: framework.SpreadByZone, MinGroups: 5},
		{Label: "rack", MinGroups: 3},
	}},
	{name: "all", strategy: framework.DynamicWeight, spread: []framework.SpreadConstraint{
		{Key: framework.SpreadByProvider, MinGroups: 2, MaxGroups: 2}, {Key: framework.SpreadByRegion, MinGroups: 2, MaxGroups: 3},
		{Key: framework.SpreadByZone, MinGroups: 3, MaxGroups: 6}, {Label: "rack", MinGroups: 2, MaxGroups: 3},
		{Key: framework.SpreadByCluster, MinGroups: 5, MaxGroups: 10},
	}},
}

// BenchmarkCrossing decides cold under constraints on region, zone, provider, label and cluster together. It reports how many of the answers are
// proven best.
func BenchmarkCrossing(b *testing.B) {
	for _, request := range crossings {
		for _, n := range []int{100, 1000, 5000} {
			for _, zones := range []string{"one", "several"} {
				b.Run(fmt.Sprintf("keys=%s/clusters=%d/zones=%s", request.name, n, zones), func(b *testing.B) {
					snapshot, r, profile := wideFleet(n, zones == "several"), request.request(), builtin.Profile()
					var d framework.Decision
					b.ReportAllocs()
					for b.Loop() {
						profile.Memo = pipeline.NewMemo()
						var err error
						if d, err = pipeline.Schedule(b.Context(), profile, snapshot, r); err != nil {
							b.Fatal(err)
						}
					}
					checkCrossing(b, snapshot, r, &d)
					proven := 1.0
					if slices.Contains(d.Attempts[0].Remarks, clusterselection.Unproven) {
						proven = 0
					}
					b.ReportMetric(proven, "proven")
				})
			}
		}
	}
}

// checkCrossing counts replicas, and the groups of the clusters that were selected.
func checkCrossing(tb testing.TB, s *framework.Snapshot, r *framework.Request, d *framework.Decision) {
	tb.Helper()
	if d.Outcome != framework.Placed {
		tb.Fatalf("outcome %v: %s", d.Outcome, d.Message())
	}
	var sum int64
	for _, t := range d.Targets {
		sum += t.Replicas
	}
	if sum != r.Replicas {
		tb.Fatalf("%d replicas, want %d", sum, r.Replicas)
	}
	selected := d.Attempts[len(d.Attempts)-1].Selected
	for _, c := range r.Placement.Spread {
		groups := map[string]bool{}
		for _, row := range selected {
			member := s.Cluster(int(row))
			switch {
			case c.Label != "":
				groups[member.Labels[c.Label]] = true
			case c.Key == framework.SpreadByProvider:
				groups[member.Provider] = true
			case c.Key == framework.SpreadByRegion:
				groups[member.Region] = true
			case c.Key == framework.SpreadByZone:
				for _, zone := range member.Zones {
					groups[zone] = true
				}
			default:
				groups[member.Name] = true
			}
		}
		if n := int64(len(groups)); n < c.MinGroups || n > c.Max() {
			tb.Fatalf("%d groups: %v", n, c)
		}
	}
}

// TestCrossingRequestsAreMet decides each of the requests once.
func TestCrossingRequestsAreMet(t *testing.T) {
	for _, request := range crossings {
		for _, several := range []bool{false, true} {
			t.Run(fmt.Sprintf("%s, several zones %t", request.name, several), func(t *testing.T) {
				snapshot, r := wideFleet(1000, several), request.request()
				d, err := pipeline.Schedule(t.Context(), builtin.Profile(), snapshot, r)
				if err != nil {
					t.Fatal(err)
				}
				checkCrossing(t, snapshot, r, &d)
			})
		}
	}
}
