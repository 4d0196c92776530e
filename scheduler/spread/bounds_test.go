package spread_test

import (
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/longshore-project/longshore/scheduler/spread"
)

// Bounds, targets and the first pass only save work: on problems too large for
// brute force the plain dynamic programme finds the same sets.
func TestBoundsChangeNoAnswer(t *testing.T) {
	var solver spread.Solver
	feasible := 0
	for seed := range uint64(1500) {
		p := smallProblem(randomDraw(5_000_000+seed), 40)
		want, ok := spread.SolveWithoutBounds(p)
		got, refusal := solver.Solve(p)
		if ok != (refusal == nil) {
			t.Fatalf("seed %d: feasible %t, refusal %v", seed, ok, refusal)
		}
		if d := cmp.Diff(want, got.Chosen, cmpopts.EquateEmpty()); d != "" {
			t.Fatalf("seed %d: chosen (-want +got):\n%s", seed, d)
		}
		if ok {
			feasible++
		}
		if ok && !got.Proven {
			t.Errorf("seed %d: not proven after %d labels", seed, got.Nodes)
		}
	}
	if feasible < 300 {
		t.Errorf("only %d problems have an answer", feasible)
	}
}
