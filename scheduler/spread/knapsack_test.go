package spread_test

import (
	"fmt"
	"slices"
	"testing"

	"pgregory.net/rapid"

	"github.com/longshore-project/longshore/scheduler/spread"
)

// oneKeyProblem draws a problem with one grouped key that is too large for brute force, values repeating often.
func oneKeyProblem(d draw) *spread.Problem {
	n := 5 + d(60)
	p := &spread.Problem{Candidates: n, Divided: d(4) > 0, Replicas: int64(1 + d(60)), Capacity: column(d, n, 2+d(20))}
	if d(3) == 0 {
		p.Current = sparse(d, n, 5)
	}
	if d(3) == 0 {
		p.Score = column(d, n, 1+d(4))
	}
	p.Keys = []spread.Key{limited(d, "region", 5, spread.Membership{Group: ids(d, n, 2+d(20))})}
	if d(4) > 0 {
		p.Keys = append(p.Keys, limited(d, "cluster", 8, spread.Membership{}))
	}
	if d(4) == 0 {
		slices.Reverse(p.Keys)
	}
	return p
}

// nestedProblem draws a problem over regions, their zones and clusters, too large for brute force: some clusters in several zones, values
// repeating often; and with crossing a provider and a rack that lie across.
func nestedProblem(d draw, crossing bool) *spread.Problem {
	n := 5 + d(36)
	p := &spread.Problem{Candidates: n, Divided: d(4) > 0, Replicas: int64(1 + d(30)), Capacity: column(d, n, 2+d(20))}
	if d(3) == 0 {
		p.Current = sparse(d, n, 5)
	}
	if d(3) == 0 {
		p.Score = column(d, n, 1+d(4))
	}
	regions := 1 + d(8)
	region, provider, rack := make([]int32, n), ids(d, n, 3), ids(d, n, 4)
	zone := spread.Membership{Start: []int32{0}}
	several := d(2) * 6
	for i := range n {
		region[i] = int32(d(regions))
		first := int32(d(3))
		zone.Group = append(zone.Group, region[i]*3+first)
		if several > 0 && d(several) == 0 {
			zone.Group = append(zone.Group, region[i]*3+(first+1)%3)
		}
		zone.Start = append(zone.Start, int32(len(zone.Group)))
	}
	if several == 0 {
		zone.Start = nil
	}
	if crossing {
		p.Keys = append(p.Keys, limited(d, "provider", 2, spread.Membership{Group: provider}))
	}
	if d(4) > 0 {
		p.Keys = append(p.Keys, limited(d, "region", 3, spread.Membership{Group: region}))
	}
	p.Keys = append(p.Keys, limited(d, "zone", 4, zone))
	if crossing && d(2) == 0 {
		p.Keys = append(p.Keys, limited(d, "rack", 2, spread.Membership{Group: rack}))
	}
	if d(3) > 0 {
		p.Keys = append(p.Keys, limited(d, "cluster", 6, spread.Membership{}))
	}
	if d(5) == 0 {
		slices.Reverse(p.Keys)
	}
	return p
}

// TestKnapsacksEqualTheSearch compares what knapsacks answer with what the plain dynamic programme does, which knows neither them nor any bound.
func TestKnapsacksEqualTheSearch(t *testing.T) {
	tests := []struct {
		name string
		draw func(draw) *spread.Problem
	}{
		{"one key", oneKeyProblem},
		{"nested keys", func(d draw) *spread.Problem { return nestedProblem(d, false) }},
		{"crossing keys", func(d draw) *spread.Problem { return nestedProblem(d, true) }},
	}
	for _, tc := range tests {
		t.Run(tc.name, func(t *testing.T) {
			answered := 0
			rapid.Check(t, func(rt *rapid.T) {
				p := tc.draw(rapidDraw(rt))
				got, refusal := spread.Solve(p)
				want, ok := spread.SolveWithoutBounds(p)
				if refusal == nil && !ok || refusal != nil && refusal.Proven && ok {
					rt.Fatalf("refused: %v, an answer %v\nproblem %+v", refusal, want, *p)
				}
				if refusal != nil || !got.Proven {
					return
				}
				answered++
				if !slices.Equal(got.Chosen, want) {
					rt.Fatalf("chosen %v %+v, want %v\nproblem %+v", got.Chosen, got.Objective, want, *p)
				}
			})
			if answered == 0 {
				t.Error("no problem had an answer: the test says nothing")
			}
		})
	}
}

// BenchmarkSolveEqualClusters is the hardest case for the names: no cluster differs from another in anything else.
func BenchmarkSolveEqualClusters(b *testing.B) {
	for _, n := range []int{100, 1000, 5000} {
		b.Run(fmt.Sprintf("clusters=%d", n), func(b *testing.B) {
			p := &spread.Problem{Candidates: n, Replicas: 100, Divided: true, Capacity: make([]int64, n)}
			group := make([]int32, n)
			for i := range group {
				group[i], p.Capacity[i] = int32(i%30), 50
			}
			p.Keys = []spread.Key{{Name: "zone", Min: 3, Max: 6, Membership: spread.Membership{Group: group}}, {Name: "cluster", Min: 3, Max: 10}}
			var s spread.Solver
			for b.Loop() {
				if got, refusal := s.Solve(p); refusal != nil || !got.Proven {
					b.Fatalf("%v %v", got, refusal)
				}
			}
		})
	}
}
