package divide

import (
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	"pgregory.net/rapid"
)

func TestDivide(t *testing.T) {
	tests := []struct {
		name    string
		problem Problem
		want    Result
	}{
		{
			name:    "dynamic scale-up adds by room",
			problem: Problem{Replicas: 8, Previous: []int64{3, 3}, Room: []int64{1, 9}},
			want:    Result{Replicas: []int64{3, 5}},
		},
		{
			name:    "dynamic scale-down in proportion to what runs",
			problem: Problem{Replicas: 4, Previous: []int64{3, 3}, Room: []int64{0, 0}},
			want:    Result{Replicas: []int64{2, 2}},
		},
		{
			name:    "aggregated scale-down keeps the shortest prefix",
			problem: Problem{Replicas: 3, Previous: []int64{4, 2}, Room: []int64{0, 0}, Together: true},
			want:    Result{Replicas: []int64{3, 0}},
		},
		{
			name:    "aggregated scale-up starts where it runs, then the largest",
			problem: Problem{Replicas: 7, Previous: []int64{0, 4, 0}, Room: []int64{5, 2, 1}, Together: true},
			want:    Result{Replicas: []int64{2, 5, 0}},
		},
		{
			name:    "not enough room leaves everything",
			problem: Problem{Replicas: 9, Previous: []int64{3, 3}, Room: []int64{1, 1}},
			want:    Result{Replicas: []int64{3, 3}, Unplaced: 1},
		},
		{
			name:    "unchanged total moves nothing, whatever the room",
			problem: Problem{Replicas: 6, Previous: []int64{5, 1}, Room: []int64{0, 100}},
			want:    Result{Replicas: []int64{5, 1}},
		},
		{
			name:    "fresh counts what runs as room",
			problem: Problem{Replicas: 6, Previous: []int64{5, 1}, Room: []int64{0, 100}, Fresh: true},
			want:    Result{Replicas: []int64{0, 6}},
		},
		{
			name:    "fresh and together takes the largest",
			problem: Problem{Replicas: 6, Previous: []int64{5, 0}, Room: []int64{0, 4}, Fresh: true, Together: true},
			want:    Result{Replicas: []int64{3, 3}},
		},
		{
			name:    "equal sizes in order of name",
			problem: Problem{Replicas: 2, Previous: []int64{0, 0}, Room: []int64{2, 2}, Order: Descending, Together: true},
			want:    Result{Replicas: []int64{2, 0}},
		},
		{
			name:    "first placement by room",
			problem: Problem{Replicas: 12, Previous: []int64{0, 0, 0}, Room: []int64{18, 12, 6}},
			want:    Result{Replicas: []int64{6, 4, 2}},
		},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			got := Divide(&tt.problem)
			if diff := cmp.Diff(tt.want, got, cmpopts.IgnoreFields(Result{}, "Weights", "Seats")); diff != "" {
				t.Errorf("Divide (-want +got):\n%s", diff)
			}
		})
	}
}

func TestDivideTiers(t *testing.T) {
	tests := []struct {
		name    string
		problem Problem
		tiers   []int
		want    Result
	}{
		{
			name:    "the first tier fills before the second",
			problem: Problem{Replicas: 10, Previous: []int64{0, 0, 0}, Room: []int64{3, 5, 9}},
			tiers:   []int{0, 0, 1},
			want:    Result{Replicas: []int64{3, 5, 2}},
		},
		{
			name:    "scale-down shrinks the last tier first",
			problem: Problem{Replicas: 9, Previous: []int64{3, 5, 2}, Room: []int64{0, 0, 9}},
			tiers:   []int{0, 0, 1},
			want:    Result{Replicas: []int64{3, 5, 1}},
		},
		{
			name:    "what overflowed returns when the first tier has room",
			problem: Problem{Replicas: 10, Previous: []int64{3, 5, 2}, Room: []int64{4, 0, 9}},
			tiers:   []int{0, 0, 1},
			want:    Result{Replicas: []int64{5, 5, 0}},
		},
		{
			name:    "no room after the last tier",
			problem: Problem{Replicas: 20, Previous: []int64{1, 0}, Room: []int64{3, 5}},
			tiers:   []int{0, 2},
			want:    Result{Replicas: []int64{1, 0}, Unplaced: 11},
		},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			if diff := cmp.Diff(tt.want, DivideTiers(&tt.problem, tt.tiers)); diff != "" {
				t.Errorf("DivideTiers (-want +got):\n%s", diff)
			}
		})
	}
}

func drawProblem(t *rapid.T) *Problem {
	n := rapid.IntRange(1, 12).Draw(t, "clusters")
	amounts := rapid.SliceOfN(rapid.Int64Range(0, 20), n, n)
	return &Problem{
		Replicas: rapid.Int64Range(0, 120).Draw(t, "replicas"),
		Previous: amounts.Draw(t, "previous"),
		Room:     amounts.Draw(t, "room"),
		Order:    Order(rapid.IntRange(0, 1).Draw(t, "order")),
		Fresh:    rapid.Bool().Draw(t, "fresh"),
		Together: rapid.Bool().Draw(t, "together"),
	}
}

func TestDivideProperties(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		p := drawProblem(t)
		before := Problem{Previous: slices.Clone(p.Previous), Room: slices.Clone(p.Room)}
		r := Divide(p)
		if !slices.Equal(before.Previous, p.Previous) || !slices.Equal(before.Room, p.Room) {
			t.Fatal("an argument was changed")
		}
		if r.Unplaced > 0 {
			if !slices.Equal(r.Replicas, p.Previous) {
				t.Fatalf("no room for %d, yet %v became %v", r.Unplaced, p.Previous, r.Replicas)
			}
			return
		}
		if got := sum(r.Replicas); got != p.Replicas {
			t.Fatalf("%d replicas placed, want %d", got, p.Replicas)
		}
		for i, n := range r.Replicas {
			if n > p.Previous[i]+p.Room[i] {
				t.Fatalf("cluster %d holds %d with room for %d", i, n, p.Previous[i]+p.Room[i])
			}
			if !p.Fresh && sum(p.Previous) > p.Replicas && n > p.Previous[i] {
				t.Fatalf("scale-down raised cluster %d from %d to %d", i, p.Previous[i], n)
			}
			if !p.Fresh && sum(p.Previous) < p.Replicas && n < p.Previous[i] {
				t.Fatalf("scale-up lowered cluster %d from %d to %d", i, p.Previous[i], n)
			}
		}
		assertLeastMoved(t, p, r)
		assertFixedPoint(t, p, r)
	})
}

// assertFixedPoint feeds the result back, with the room that is left.
func assertFixedPoint(t *rapid.T, p *Problem, r Result) {
	again := *p
	again.Previous, again.Room = r.Replicas, make([]int64, len(p.Room))
	for i := range again.Room {
		again.Room[i] = p.Previous[i] + p.Room[i] - r.Replicas[i]
	}
	if diff := cmp.Diff(r.Replicas, Divide(&again).Replicas); diff != "" {
		t.Fatalf("fed back (-first +second):\n%s", diff)
	}
}

func TestDivideTiersProperties(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		p := drawProblem(t)
		tiers := rapid.SliceOfN(rapid.IntRange(0, 3), len(p.Room), len(p.Room)).Draw(t, "tiers")
		r := DivideTiers(p, tiers)
		if got := sum(r.Replicas); r.Unplaced == 0 && got != p.Replicas {
			t.Fatalf("%d replicas placed, want %d", got, p.Replicas)
		}
		if r.Unplaced > 0 && sum(p.Room)+sum(p.Previous) >= p.Replicas {
			t.Fatalf("%d unplaced although there is room", r.Unplaced)
		}
		for i, n := range r.Replicas {
			for j := range r.Replicas {
				spare := p.Room[j] + p.Previous[j] - r.Replicas[j]
				if r.Unplaced == 0 && tiers[j] < tiers[i] && n > 0 && spare > 0 {
					t.Fatalf("cluster %d of tier %d runs %d while cluster %d of tier %d has room for %d", i, tiers[i], n, j, tiers[j], spare)
				}
			}
		}
	})
}
