package spread_test

import (
	"fmt"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/longshore-project/longshore/scheduler/spread"
)

func Example() {
	p := &spread.Problem{
		Candidates: 4, Replicas: 6, Divided: true,
		Capacity: []int64{5, 4, 3, 9},
		Keys: []spread.Key{
			{Name: "region", Min: 2, Max: 2, Membership: spread.Membership{Group: []int32{0, 0, 1, 2}}},
			{Name: "cluster", Max: 2},
		},
	}
	best, refusal := spread.Solve(p)
	fmt.Println(best.Chosen, best.Objective.Capacity, refusal == nil)

	p.Keys[0].Min, p.Keys[0].Max = 4, 0
	_, refusal = spread.Solve(p)
	fmt.Println(refusal)
	// Output:
	// [0 3] 14 true
	// needs 4 regions; the candidate clusters have 3
}

func TestSolvePrefers(t *testing.T) {
	two := []spread.Key{{Name: "cluster", Min: 2, Max: 2}}
	tests := []struct {
		name string
		p    spread.Problem
		want []int32
	}{
		{
			name: "everything without a maximum",
			p:    spread.Problem{Candidates: 3, Replicas: 1, Divided: true, Capacity: []int64{0, 1, 0}},
			want: []int32{0, 1, 2},
		},
		{
			name: "room for the replicas over score",
			p:    spread.Problem{Candidates: 3, Replicas: 30, Divided: true, Capacity: []int64{10, 5, 50}, Score: []int64{100, 100, 0}, Keys: two},
			want: []int32{0, 2},
		},
		{
			name: "duplicated replicas ignore room",
			p:    spread.Problem{Candidates: 3, Replicas: 30, Capacity: []int64{10, 5, 50}, Score: []int64{100, 100, 0}, Keys: two},
			want: []int32{0, 1},
		},
		{
			name: "staying over lower tiers",
			p:    spread.Problem{Candidates: 3, Replicas: 4, Divided: true, Current: []int64{0, 1, 3}, Tier: []int32{0, 1, 1}, Keys: two},
			want: []int32{1, 2},
		},
		{
			name: "lower tiers over score",
			p:    spread.Problem{Candidates: 3, Replicas: 4, Divided: true, Capacity: []int64{2, 2, 4}, Score: []int64{0, 0, 100}, Tier: []int32{0, 0, 1}, Keys: two},
			want: []int32{0, 1},
		},
		{
			name: "score over groups",
			p: spread.Problem{Candidates: 3, Replicas: 4, Divided: true, Score: []int64{1, 1, 0}, Keys: []spread.Key{
				{Name: "region", Membership: groups(0, 0, 1)}, two[0],
			}},
			want: []int32{0, 1},
		},
		{
			name: "coarse groups over fine groups",
			p: spread.Problem{Candidates: 4, Keys: []spread.Key{
				{Name: "region", Membership: groups(0, 0, 0, 1)},
				{Name: "zone", Membership: groups(0, 1, 2, 1)},
				{Name: "cluster", Max: 3},
			}},
			want: []int32{0, 2, 3},
		},
		{
			name: "groups over capacity",
			p: spread.Problem{Candidates: 3, Replicas: 2, Divided: true, Capacity: []int64{9, 9, 1}, Keys: []spread.Key{
				{Name: "region", Membership: groups(0, 0, 1)}, two[0],
			}},
			want: []int32{0, 2},
		},
		{
			name: "capacity over names",
			p:    spread.Problem{Candidates: 3, Replicas: 2, Divided: true, Capacity: []int64{3, 4, 5}, Keys: two},
			want: []int32{1, 2},
		},
		{
			name: "names last",
			p:    spread.Problem{Candidates: 3, Replicas: 2, Divided: true, Keys: two},
			want: []int32{0, 1},
		},
		{
			name: "each zone of a cluster, for the minimum",
			p: spread.Problem{Candidates: 3, Keys: []spread.Key{
				{Name: "zone", Min: 3, Membership: spread.Membership{Start: []int32{0, 1, 2, 4}, Group: []int32{0, 1, 1, 2}}},
				two[0],
			}},
			want: []int32{0, 2},
		},
		{
			name: "each zone of a cluster, for the maximum",
			p: spread.Problem{Candidates: 3, Keys: []spread.Key{
				{Name: "zone", Max: 2, Membership: spread.Membership{Start: []int32{0, 1, 2, 4}, Group: []int32{0, 1, 1, 2}}},
			}},
			want: []int32{0, 1},
		},
		{
			name: "a seat in a second region over a cluster without room",
			p: spread.Problem{Candidates: 3, Replicas: 3, Divided: true, Capacity: []int64{9, 0, 1}, Score: []int64{9, 9, 0}, Keys: []spread.Key{
				{Name: "region", Min: 2, Membership: groups(0, 1, 2)}, two[0],
			}},
			want: []int32{0, 2},
		},
	}
	for _, tc := range tests {
		t.Run(tc.name, func(t *testing.T) {
			got, refusal := spread.Solve(&tc.p)
			if refusal != nil {
				t.Fatal(refusal)
			}
			if d := cmp.Diff(tc.want, got.Chosen); d != "" {
				t.Errorf("chosen (-want +got):\n%s", d)
			}
		})
	}
}

func TestSolvePanicsOnMisalignedColumns(t *testing.T) {
	defer func() {
		if recover() == nil {
			t.Error("a column of the wrong length went unnoticed")
		}
	}()
	spread.Solve(&spread.Problem{Candidates: 2, Score: []int64{1}})
}

func TestSolveAllocatesLittleWhenReused(t *testing.T) {
	f := newFleet(1000, true)
	p := f.problem(
		spread.Key{Name: "region", Min: 2, Max: 3, Membership: f.region},
		spread.Key{Name: "cluster", Min: 3, Max: 5},
	)
	var s spread.Solver
	s.Solve(p)
	if n := testing.AllocsPerRun(20, func() { s.Solve(p) }); n > 20 {
		t.Errorf("%.0f allocations, want at most 20", n)
	}
}
