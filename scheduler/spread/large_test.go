package spread_test

import (
	"cmp"
	"slices"
	"testing"

	"gonum.org/v1/gonum/stat/combin"

	"github.com/longshore-project/longshore/scheduler/spread"
)

// bestRegions enumerates the sets of exactly `regions` regions of a fleet and
// returns the largest capacity of `clusters` clusters within one of them that
// leaves none of its regions out; 0 clusters means all.
func bestRegions(f *fleet, count, regions, clusters int) int64 {
	members := make([][]int64, count)
	for i, r := range f.region.Group {
		members[r] = append(members[r], f.capacity[i])
	}
	for r := range members {
		slices.SortFunc(members[r], func(a, b int64) int { return cmp.Compare(b, a) })
	}
	best := int64(0)
	pick := make([]int, regions)
	for gen := combin.NewCombinationGenerator(count, regions); gen.Next(); {
		gen.Combination(pick)
		total, rest := int64(0), []int64(nil)
		for _, r := range pick {
			total += members[r][0]
			rest = append(rest, members[r][1:]...)
		}
		left := len(rest)
		if clusters > 0 {
			slices.SortFunc(rest, func(a, b int64) int { return cmp.Compare(b, a) })
			left = clusters - regions
		}
		for _, c := range rest[:left] {
			total += c
		}
		best = max(best, total)
	}
	return best
}

func TestLargeFleetEqualsEnumerationOfRegions(t *testing.T) {
	tests := []struct {
		name              string
		regions, clusters int
	}{
		{"one region", 1, 0},
		{"two regions", 2, 0},
		{"two regions, eight clusters", 2, 8},
		{"three regions, five clusters", 3, 5},
	}
	f := newFleet(1000, true)
	for _, tc := range tests {
		t.Run(tc.name, func(t *testing.T) {
			// Without the key `cluster` the number of clusters is no level.
			p := f.problem(spread.Key{Name: "region", Min: 1, Max: tc.regions, Membership: f.region})
			if tc.clusters > 0 {
				p.Keys = append(p.Keys, spread.Key{Name: "cluster", Max: tc.clusters})
			}
			got, refusal := spread.Solve(p)
			if refusal != nil {
				t.Fatal(refusal)
			}
			want := bestRegions(&f, 50, tc.regions, tc.clusters)
			if !got.Proven || got.Objective.Capacity != want || got.Objective.Groups[0] != tc.regions {
				t.Errorf("proven %t with capacity %d in %d regions, want %d in %d",
					got.Proven, got.Objective.Capacity, got.Objective.Groups[0], want, tc.regions)
			}
		})
	}
}

// Equal clusters tie at every level but names: the first names of the first
// groups must win, without a search that tries all symmetric answers.
func TestEqualClustersTakeTheFirstNames(t *testing.T) {
	const n = 3000
	region, zone := make([]int32, n), make([]int32, n)
	for i := range n {
		zone[i] = int32(i % 150)
		region[i] = zone[i] % 50
	}
	p := &spread.Problem{
		Candidates: n, Replicas: 10,
		Keys: []spread.Key{
			{Name: "region", Min: 2, Max: 3, Membership: spread.Membership{Group: region}},
			{Name: "zone", Min: 3, Max: 4, Membership: spread.Membership{Group: zone}},
			{Name: "cluster", Min: 5, Max: 6},
		},
	}
	got, refusal := spread.Solve(p)
	if refusal != nil {
		t.Fatal(refusal)
	}
	want := []int32{0, 1, 2, 50, 150, 151}
	if !slices.Equal(got.Chosen, want) || !got.Proven {
		t.Errorf("chosen %v, proven %t, want %v", got.Chosen, got.Proven, want)
	}
	if got.Nodes > 20*n {
		t.Errorf("%d labels for a problem that symmetry decides", got.Nodes)
	}
}

// Problems of every shape on a large fleet: a sanity check of what small
// instances cannot reach, many words of open groups and the beam.
func TestLargeFleetAnswersAreAllowed(t *testing.T) {
	for _, nested := range []bool{true, false} {
		f := newFleet(1000, nested)
		for _, c := range benchmarkProblems(&f) {
			t.Run(c.name, func(t *testing.T) {
				got, refusal := spread.Solve(c.p)
				if refusal != nil {
					t.Fatal(refusal)
				}
				for k, key := range c.p.Keys {
					if n := got.Objective.Groups[k]; n < key.Min || key.Max > 0 && n > key.Max {
						t.Errorf("%d groups of %s outside [%d, %d]", n, key.Name, key.Min, key.Max)
					}
				}
				if got.Objective.Capacity < c.p.Replicas {
					t.Errorf("room for %d of %d replicas", got.Objective.Capacity, c.p.Replicas)
				}
				if nested && !got.Proven && c.name != "wide" {
					t.Errorf("not proven after %d labels", got.Nodes)
				}
			})
		}
	}
}
