package spread_test

import (
	"math/rand/v2"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/longshore-project/longshore/scheduler/spread"
)

func randomDraw(seed uint64) draw {
	r := rand.New(rand.NewPCG(seed, 1))
	return func(n int) int { return r.IntN(n) }
}

// diff compares the answer for p with brute force; empty means equal. It also
// returns whether an allowed set exists.
func diff(s *spread.Solver, p *spread.Problem) (string, bool) {
	o := newOracle(p)
	want, feasible := o.best()
	got, refusal := s.Solve(p)
	if !feasible || refusal != nil {
		if feasible == (refusal == nil) {
			return "", false
		}
		return cmp.Diff(feasible, refusal == nil), feasible
	}
	if d := cmp.Diff(members(want.mask), got.Chosen, cmpopts.EquateEmpty()); d != "" {
		return "chosen " + d + cmp.Diff(want.objective, got.Objective, cmpopts.EquateEmpty()), true
	}
	if d := cmp.Diff(want.objective, got.Objective, cmpopts.EquateEmpty()); d != "" {
		return "objective " + d, true
	}
	if !got.Proven {
		return "not proven", true
	}
	return seatsProblem(o, got), true
}

// seatsProblem checks that the seats do what Solution.Seats promises.
func seatsProblem(o *oracle, got spread.Solution) string {
	if !o.p.Divided || o.p.Replicas == 0 {
		return ""
	}
	seats, chosen := maskOf(got.Seats), maskOf(got.Chosen)
	if seats&^chosen != 0 {
		return "a seat is not chosen"
	}
	fresh := o.fresh(seats)
	if fresh == none {
		return "the seats do not meet the minimums"
	}
	keep := int64(0)
	for _, i := range got.Chosen {
		keep += o.keep(int(i))
	}
	if min(keep, o.p.Replicas-int64(fresh)) != got.Objective.Kept {
		return "the seats move more replicas than Kept says"
	}
	return ""
}

func TestSolveEqualsBruteForce(t *testing.T) {
	const problems = 6000
	var solver spread.Solver
	feasible := 0
	for seed := range uint64(problems) {
		most := 8
		if seed%10 == 0 {
			most = 12
		}
		p := smallProblem(randomDraw(seed), most)
		d, ok := diff(&solver, p)
		if d != "" {
			t.Fatalf("seed %d, -want +got:\n%s\nproblem %+v", seed, d, *p)
		}
		if ok {
			feasible++
		}
	}
	if feasible < problems/4 || feasible > problems*9/10 {
		t.Errorf("%d of %d problems have an answer: the generator has lost its bite", feasible, problems)
	}
}
