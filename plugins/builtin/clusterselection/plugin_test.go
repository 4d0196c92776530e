package clusterselection

import (
	"slices"
	"testing"

	"pgregory.net/rapid"

	"github.com/longshore-project/longshore/scheduler/framework"
)

// TestExchange checks what the walk promises: so many clusters as asked for, and room for the replicas whenever any such set has it.
func TestExchange(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		rooms := rapid.SliceOfN(rapid.Int64Range(0, 9), 1, 12).Draw(t, "rooms")
		available := make([]framework.Capacity, len(rooms))
		for i, n := range rooms {
			available[i] = framework.Capacity{Replicas: n, Known: true}
		}
		ranked := rapid.Permutation(rows(len(rooms))).Draw(t, "ranked")
		need := rapid.IntRange(1, len(rooms)).Draw(t, "need")
		replicas := rapid.Int64Range(0, 60).Draw(t, "replicas")
		before := slices.Clone(ranked)
		chosen, room := exchange(ranked, need, available, replicas)
		if !slices.Equal(before, ranked) {
			t.Fatal("the ranking was changed")
		}
		var sum int64
		for _, row := range chosen {
			sum += rooms[row]
		}
		sorted := slices.Clone(chosen)
		slices.Sort(sorted)
		if len(chosen) != need || len(slices.Compact(sorted)) != need || sum != room {
			t.Fatalf("chosen %v with room %d, said to be %d; want %d clusters", chosen, sum, room, need)
		}
		slices.Sort(rooms)
		var best int64
		for _, n := range rooms[len(rooms)-need:] {
			best += n
		}
		if room < replicas && room != best {
			t.Fatalf("room for %d of %d replicas, although %d is possible", room, replicas, best)
		}
		if plain := plainExchange(before, need, available, replicas); !slices.Equal(plain, chosen) {
			t.Fatalf("chosen %v, by the definition %v", chosen, plain)
		}
	})
}

// plainExchange is the definition: a walk from the last to the first, each time over all that are outside.
func plainExchange(ranked []int32, need int, available []framework.Capacity, replicas int64) []int32 {
	in, out := slices.Clone(ranked[:need]), slices.Clone(ranked[need:])
	room := func() (n int64) {
		for _, row := range in {
			n += available[row].Replicas
		}
		return n
	}
	at := func(row int32) int { return slices.Index(ranked, row) }
	for i := need - 1; i >= 0 && room() < replicas; i-- {
		best := -1
		for j, row := range out {
			more := available[row].Replicas > available[in[i]].Replicas
			if more && (best < 0 || available[row].Replicas > available[out[best]].Replicas ||
				available[row].Replicas == available[out[best]].Replicas && at(row) < at(out[best])) {
				best = j
			}
		}
		if best >= 0 {
			in[i], out[best] = out[best], in[i]
		}
	}
	return in
}

func rows(n int) []int32 {
	out := make([]int32, n)
	for i := range out {
		out[i] = int32(i)
	}
	return out
}
