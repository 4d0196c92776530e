package topology_test

import (
	"fmt"
	"testing"

	"pgregory.net/rapid"

	"github.com/longshore-project/longshore/plugins/builtin/topology"
	"github.com/longshore-project/longshore/scheduler/framework"
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
