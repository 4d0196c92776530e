package divide

import (
	"math/rand/v2"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"
)

func TestApportion(t *testing.T) {
	tests := []struct {
		name    string
		seats   int64
		weights []Weight
		order   Order
		want    []int64
	}{
		{name: "nine over 1:3", seats: 9, weights: []Weight{1, 3}, want: []int64{2, 7}},
		{name: "ten over three equals", seats: 10, weights: []Weight{1, 1, 1}, want: []int64{4, 3, 3}},
		{name: "ten over three equals, descending", seats: 10, weights: []Weight{1, 1, 1}, order: Descending, want: []int64{3, 3, 4}},
		{name: "five over 1:2", seats: 5, weights: []Weight{1, 2}, want: []int64{2, 3}},
		{name: "seven over 3:2:2", seats: 7, weights: []Weight{3, 2, 2}, want: []int64{3, 2, 2}},
		{name: "three over 1:1", seats: 3, weights: []Weight{1, 1}, want: []int64{2, 1}},
		{name: "six over 2:1", seats: 6, weights: []Weight{2, 1}, want: []int64{4, 2}},
		{name: "hundred over 1:2:4", seats: 100, weights: []Weight{1, 2, 4}, want: []int64{14, 29, 57}},
		{name: "twelve over 6:4:2", seats: 12, weights: []Weight{6, 4, 2}, want: []int64{6, 4, 2}},
		{name: "no weight at all", seats: 5, weights: []Weight{0, 0}, want: []int64{0, 0}},
		{name: "zero weight gets nothing", seats: 5, weights: []Weight{0, 1}, want: []int64{0, 5}},
		{name: "no seats", seats: 0, weights: []Weight{1, 2}, want: []int64{0, 0}},
		{name: "negative counts as zero", seats: 3, weights: []Weight{-4, 2}, want: []int64{0, 3}},
		{name: "no parties", seats: 3, want: []int64{}},
		{name: "weights that need 128 bits", seats: 1 << 40, weights: []Weight{1 << 46, 3 << 45, 1 << 45}, want: []int64{366503875925, 549755813888, 183251937963}},
		{name: "fewer seats first", seats: 2, weights: []Weight{3, 1}, want: []int64{1, 1}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			if diff := cmp.Diff(tt.want, Apportion(tt.seats, tt.weights, tt.order)); diff != "" {
				t.Errorf("Apportion (-want +got):\n%s", diff)
			}
		})
	}
}

func TestWeightsOf(t *testing.T) {
	tests := []struct {
		name    string
		weights []int64
		want    []Weight
	}{
		{name: "those of the rows", weights: []int64{9, 0, 3, 5}, want: []Weight{5, 0}},
		{name: "negative weighs nothing", weights: []int64{9, -1, 3, 5}, want: []Weight{5, 0}},
		{name: "the rows weigh nothing", weights: []int64{9, 0, 3, 0}, want: []Weight{1, 1}},
		{name: "nobody has a weight", want: []Weight{1, 1}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			if diff := cmp.Diff(tt.want, WeightsOf([]int32{3, 1}, tt.weights)); diff != "" {
				t.Errorf("WeightsOf (-want +got):\n%s", diff)
			}
		})
	}
}

// oneAtATime is the definition.
func oneAtATime(seats int64, weights []Weight, order Order) []int64 {
	won := make([]int64, len(weights))
	for range seats {
		best := -1
		for i, w := range weights {
			if w > 0 && (best < 0 || precedes(award{int32(i), won[i]}, award{int32(best), won[best]}, weights, order)) {
				best = i
			}
		}
		if best >= 0 {
			won[best]++
		}
	}
	return won
}

func FuzzApportionIsOneAtATime(f *testing.F) {
	f.Add(int64(9), []byte{1, 3}, false)
	f.Add(int64(200), []byte{7, 7, 7, 0, 255}, true)
	f.Add(int64(1000), []byte{1, 1, 1, 1, 1, 1, 2, 2, 2, 2}, true)
	f.Fuzz(func(t *testing.T, seats int64, raw []byte, descending bool) {
		if seats < 0 || seats > 5000 || len(raw) > 64 {
			t.Skip()
		}
		weights := make([]Weight, len(raw))
		for i, b := range raw {
			weights[i] = Weight(b)
		}
		order := Ascending
		if descending {
			order = Descending
		}
		if diff := cmp.Diff(oneAtATime(seats, weights, order), Apportion(seats, weights, order)); diff != "" {
			t.Errorf("%d seats over %v, order %v (-definition +fast):\n%s", seats, weights, order, diff)
		}
	})
}

func TestApportionProperties(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		raw := rapid.SliceOfN(rapid.Int64Range(0, 1000), 1, 30).Draw(t, "weights")
		weights := make([]Weight, len(raw))
		for i, w := range raw {
			weights[i] = Weight(w)
		}
		seats := rapid.Int64Range(0, 3000).Draw(t, "seats")
		order := Order(rapid.IntRange(0, 1).Draw(t, "order"))
		won := Apportion(seats, weights, order)
		all := total(weights)
		if got := sum(won); all > 0 && got != seats {
			t.Fatalf("%d seats handed out, want %d", got, seats)
		}
		more := Apportion(seats+1, weights, order)
		for i := range won {
			if seats <= all && won[i] > int64(weights[i]) {
				t.Fatalf("party %d with weight %d has %d seats", i, weights[i], won[i])
			}
			if more[i] < won[i] {
				t.Fatalf("one seat more took one from party %d", i)
			}
		}
		if diff := cmp.Diff(oneAtATime(seats, weights, order), won); diff != "" {
			t.Fatalf("(-definition +fast):\n%s", diff)
		}
	})
}

func TestApportionLargeFleet(t *testing.T) {
	rng := rand.New(rand.NewPCG(1, 2))
	weights := make([]Weight, 5000)
	for i := range weights {
		weights[i] = Weight(rng.Int64N(1000))
	}
	won := Apportion(1_000_000, weights, Descending)
	if got := sum(won); got != 1_000_000 {
		t.Errorf("%d seats handed out, want 1000000", got)
	}
	last, next := award{party: -1}, award{party: -1}
	for i, w := range weights {
		if a := (award{int32(i), won[i]}); w > 0 && (next.party < 0 || precedes(a, next, weights, Descending)) {
			next = a
		}
		if a := (award{int32(i), won[i] - 1}); won[i] > 0 && (last.party < 0 || precedes(last, a, weights, Descending)) {
			last = a
		}
	}
	if !precedes(last, next, weights, Descending) {
		t.Errorf("seat %d of party %d should have been seat %d of party %d", last.has, last.party, next.has, next.party)
	}
}

func BenchmarkApportion(b *testing.B) {
	rng := rand.New(rand.NewPCG(1, 2))
	weights := make([]Weight, 5000)
	for i := range weights {
		weights[i] = Weight(rng.Int64N(1000) + 1)
	}
	for b.Loop() {
		if won := Apportion(1_000_000, weights, Ascending); len(won) != 5000 {
			b.Fatal("wrong length")
		}
	}
}
