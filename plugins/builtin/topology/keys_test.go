package topology_test

import (
	"fmt"
	"slices"
	"testing"

	"pgregory.net/rapid"

	"github.com/longshore-project/longshore/plugins/builtin/topology"
	"github.com/longshore-project/longshore/scheduler/framework"
	"github.com/longshore-project/longshore/scheduler/spread"
)

// Covered and Reaches agree with counting names.
func TestGroupsAreCounted(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		clusters := make([]*framework.Cluster, rapid.IntRange(0, 12).Draw(t, "clusters"))
		zones := rapid.SliceOfNDistinct(rapid.SampledFrom([]string{"a", "b", "c", "d"}), 0, 3, rapid.ID[string])
		for i := range clusters {
			clusters[i] = &framework.Cluster{Name: fmt.Sprintf("m%02d", i), Zones: zones.Draw(t, "zones")}
		}
		s := framework.NewSnapshot(clusters, 1)
		key := rapid.SampledFrom([]framework.SpreadKey{framework.SpreadByZone, framework.SpreadByCluster}).Draw(t, "key")
		c := framework.SpreadConstraint{Key: key}
		var rows []int32
		var counted []bool
		for row := range clusters {
			if rapid.Bool().Draw(t, "in") {
				rows, counted = append(rows, int32(row)), append(counted, rapid.Bool().Draw(t, "counts"))
			}
		}
		all, some, complete := map[string]bool{}, map[string]bool{}, true
		for i, row := range rows {
			of := s.Cluster(int(row)).Zones
			if key == framework.SpreadByCluster {
				of = []string{s.Name(int(row))}
			}
			complete = complete && len(of) > 0
			for _, name := range of {
				all[name] = true
				if counted[i] {
					some[name] = true
				}
			}
		}
		if n, whole := topology.Covered(s, c, rows); n != int64(len(all)) || whole != complete {
			t.Errorf("%d groups are covered, complete: %t; want %d and %t", n, whole, len(all), complete)
		}
		for need := range len(some) + 3 {
			if got := topology.Reaches(s, c, int64(need), rows, func(i int) bool { return counted[i] }); got != (len(some) >= need) {
				t.Errorf("%d groups are reached: %t, although there are %d", need, got, len(some))
			}
		}
	})
}

// Keys that share a memory, of all clusters and of some in turns, have the groups of their candidates and leave those of the fleet as they are.
func TestKeysShareMemory(t *testing.T) {
	constraints := []framework.SpreadConstraint{{Key: framework.SpreadByRegion}, {Key: framework.SpreadByZone}, {Key: framework.SpreadByCluster}}
	rapid.Check(t, func(t *rapid.T) {
		clusters := make([]*framework.Cluster, rapid.IntRange(1, 8).Draw(t, "clusters"))
		zones := rapid.SliceOfNDistinct(rapid.SampledFrom([]string{"a", "b", "c"}), 0, rapid.IntRange(1, 3).Draw(t, "most zones"), rapid.ID[string])
		for i := range clusters {
			region := rapid.SampledFrom([]string{"", "x", "y"}).Draw(t, "region")
			clusters[i] = &framework.Cluster{Name: fmt.Sprintf("m%02d", i), Region: region, Zones: zones.Draw(t, "zones")}
		}
		s, untouched := framework.NewSnapshot(clusters, 1), framework.NewSnapshot(clusters, 1)
		var memory topology.Memory
		for range 4 {
			all := rapid.Bool().Draw(t, "all")
			var rows []int32
			for row := range clusters {
				if all || rapid.Bool().Draw(t, "in") {
					rows = append(rows, int32(row))
				}
			}
			keys := topology.Keys(s, constraints, rows, &memory)
			for k, c := range constraints {
				want, m := untouched.Groups(c), keys[k].Membership
				if want == nil {
					if m.Start != nil || m.Group != nil {
						t.Errorf("clusters have groups: %+v", m)
					}
					continue
				}
				for i, row := range rows {
					if got := groupsOf(m, i); !slices.Equal(got, want.Of(row)) {
						t.Errorf("groups of row %d by %v are %v, want %v", row, c.Key, got, want.Of(row))
					}
				}
			}
		}
	})
}

func groupsOf(m spread.Membership, i int) []int32 {
	switch {
	case m.Start != nil:
		return m.Group[m.Start[i]:m.Start[i+1]]
	case m.Group[i] == spread.NoGroup:
		return nil
	}
	return m.Group[i : i+1]
}
