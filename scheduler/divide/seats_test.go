package divide

import (
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	"pgregory.net/rapid"
)

func TestDivideWithSeats(t *testing.T) {
	tests := []struct {
		name    string
		problem Problem
		want    []int64
	}{
		{
			name:    "a seat that is held anyway changes nothing",
			problem: Problem{Replicas: 9, Previous: []int64{0, 0}, Room: []int64{10, 30}, Seats: []bool{true, true}},
			want:    []int64{2, 7},
		},
		{
			name:    "a small cluster gets its one replica",
			problem: Problem{Replicas: 4, Previous: []int64{0, 0}, Room: []int64{1, 99}, Seats: []bool{true, false}},
			want:    []int64{1, 3},
		},
		{
			name:    "an unchanged total gives up one replica for each empty seat",
			problem: Problem{Replicas: 6, Previous: []int64{4, 2, 0}, Room: []int64{9, 9, 9}, Seats: []bool{false, false, true}},
			want:    []int64{3, 2, 1},
		},
		{
			name:    "a scale-down keeps the last replica of a seat",
			problem: Problem{Replicas: 2, Previous: []int64{9, 1}, Room: []int64{0, 0}, Seats: []bool{false, true}},
			want:    []int64{1, 1},
		},
		{
			name:    "together still means few clusters",
			problem: Problem{Replicas: 6, Previous: []int64{0, 0, 0}, Room: []int64{2, 9, 8}, Seats: []bool{true, false, false}, Together: true},
			want:    []int64{1, 5, 0},
		},
		{
			name:    "fresh",
			problem: Problem{Replicas: 3, Previous: []int64{3, 0}, Room: []int64{96, 1}, Seats: []bool{false, true}, Fresh: true},
			want:    []int64{2, 1},
		},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			if diff := cmp.Diff(Result{Replicas: tt.want}, Divide(&tt.problem), cmpopts.IgnoreFields(Result{}, "Weights", "Seats")); diff != "" {
				t.Errorf("Divide (-want +got):\n%s", diff)
			}
		})
	}
}

// seatedOneAtATime is the definition: marked parties begin with a seat.
func seatedOneAtATime(seats int64, weights []Weight, seated []bool, order Order) []int64 {
	won := make([]int64, len(weights))
	for i, marked := range seated {
		if marked {
			won[i] = 1
			seats--
		}
	}
	for ; seats > 0; seats-- {
		best := -1
		for i, w := range weights {
			if w > 0 && (best < 0 || precedes(award{int32(i), won[i]}, award{int32(best), won[best]}, weights, order)) {
				best = i
			}
		}
		if best < 0 {
			break
		}
		won[best]++
	}
	return won
}

func TestApportionSeatedIsOneAtATime(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		n := rapid.IntRange(1, 8).Draw(t, "parties")
		weights := rapid.SliceOfN(rapid.Map(rapid.Int64Range(0, 30), func(w int64) Weight { return Weight(w) }), n, n).Draw(t, "weights")
		seated := rapid.SliceOfN(rapid.Bool(), n, n).Draw(t, "seated")
		order := Order(rapid.IntRange(0, 1).Draw(t, "order"))
		seats := rapid.Int64Range(marks(seated), 60).Draw(t, "seats")
		if diff := cmp.Diff(seatedOneAtATime(seats, weights, seated, order), ApportionSeated(seats, weights, seated, order)); diff != "" {
			t.Fatalf("%d seats over %v with %v (-definition +got):\n%s", seats, weights, seated, diff)
		}
	})
}

func marks(seated []bool) int64 {
	var n int64
	for _, marked := range seated {
		if marked {
			n++
		}
	}
	return n
}

// drawSeats marks clusters that have or can hold something, as many as there are replicas for.
func drawSeats(t *rapid.T, p *Problem) {
	p.Seats = rapid.SliceOfN(rapid.Bool(), len(p.Room), len(p.Room)).Draw(t, "seats")
	for i := range p.Seats {
		p.Seats[i] = p.Seats[i] && p.Room[i]+p.Previous[i] > 0
	}
	p.Replicas = max(p.Replicas, marks(p.Seats))
}

func TestSeatsProperties(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		p := drawProblem(t)
		drawSeats(t, p)
		tiers := make([]int, len(p.Room))
		if rapid.Bool().Draw(t, "tiered") {
			tiers = rapid.SliceOfN(rapid.IntRange(0, 2), len(p.Room), len(p.Room)).Draw(t, "tiers")
		}
		r := DivideTiers(p, tiers)
		if r.Unplaced > 0 {
			if !slices.Equal(r.Replicas, p.Previous) || sum(p.Room)+sum(p.Previous) >= p.Replicas {
				t.Fatalf("%d have no room: %v became %v", r.Unplaced, p.Previous, r.Replicas)
			}
			return
		}
		if got := sum(r.Replicas); got != p.Replicas {
			t.Fatalf("%d replicas placed, want %d", got, p.Replicas)
		}
		for i, n := range r.Replicas {
			if n > p.Previous[i]+p.Room[i] || p.Seats[i] && n == 0 {
				t.Fatalf("cluster %d holds %d with room for %d, seat %v", i, n, p.Previous[i]+p.Room[i], p.Seats[i])
			}
		}
		if slices.Max(tiers) == 0 {
			assertLeastMoved(t, p, r)
			assertFixedPoint(t, p, r)
		}
	})
}

// assertLeastMoved checks that as many replicas stay as the total and the empty seats allow.
func assertLeastMoved(t *rapid.T, p *Problem, r Result) {
	if p.Fresh {
		return
	}
	stayed, most := int64(0), p.Replicas
	for i, n := range r.Replicas {
		stayed += min(n, p.Previous[i])
		if p.Seats != nil && p.Seats[i] && p.Previous[i] == 0 {
			most--
		}
	}
	if want := min(most, sum(p.Previous)); stayed != want {
		t.Fatalf("%d replicas stayed, want %d: %v became %v", stayed, want, p.Previous, r.Replicas)
	}
}
