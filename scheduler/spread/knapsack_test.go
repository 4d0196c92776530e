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

// TestOneKeyEqualsTheSearch asks the same question with the key stated twice, which only the search answers.
func TestOneKeyEqualsTheSearch(t *testing.T) {
	answered := 0
	rapid.Check(t, func(rt *rapid.T) {
		p := oneKeyProblem(rapidDraw(rt))
		twice := *p
		at := slices.IndexFunc(p.Keys, func(k spread.Key) bool { return k.Name == "region" })
		twice.Keys = slices.Insert(slices.Clone(p.Keys), at, p.Keys[at])
		got, refusal := spread.Solve(p)
		want, refusedToo := spread.Solve(&twice)
		if (refusal == nil) != (refusedToo == nil) {
			rt.Fatalf("refused: %v, with the key stated twice %v\nproblem %+v", refusal, refusedToo, *p)
		}
		if refusal != nil || !got.Proven || !want.Proven {
			return
		}
		answered++
		if !slices.Equal(got.Chosen, want.Chosen) || got.Objective.Kept != want.Objective.Kept {
			rt.Fatalf("chosen %v %+v, with the key stated twice %v %+v\nproblem %+v", got.Chosen, got.Objective, want.Chosen, want.Objective, *p)
		}
	})
	if answered == 0 {
		t.Error("no problem had an answer: the test says nothing")
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
