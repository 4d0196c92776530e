package framework

import (
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"
)

// rowsOf is the plain reading of a set.
func rowsOf(b Bitset, n int) []int {
	var out []int
	for row := range n {
		if b.Has(row) {
			out = append(out, row)
		}
	}
	return out
}

func drawSet(t *rapid.T, n int, label string) Bitset {
	b := NewBitset(n)
	for _, row := range rapid.SliceOf(rapid.IntRange(0, n-1)).Draw(t, label) {
		b.Set(row)
	}
	return b
}

func TestBitsetIsASet(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		n := rapid.IntRange(1, 200).Draw(t, "n")
		x, y := drawSet(t, n, "x"), drawSet(t, n, "y")
		before := y.Clone()
		operations := []struct {
			name string
			do   func(Bitset)
			in   func(x, y bool) bool
		}{
			{"And", func(b Bitset) { b.And(y) }, func(x, y bool) bool { return x && y }},
			{"AndNot", func(b Bitset) { b.AndNot(y) }, func(x, y bool) bool { return x && !y }},
			{"Or", func(b Bitset) { b.Or(y) }, func(x, y bool) bool { return x || y }},
			{"AndAny", func(b Bitset) { b.AndAny([]Bitset{nil, y}) }, func(x, y bool) bool { return x && y }},
			{"Complement", func(b Bitset) { b.Complement(y) }, func(x, y bool) bool { return y && !x }},
			{"And nil", func(b Bitset) { b.And(nil) }, func(bool, bool) bool { return false }},
			{"Or nil", func(b Bitset) { b.Or(nil) }, func(x, _ bool) bool { return x }},
		}
		for _, op := range operations {
			got := x.Clone()
			op.do(got)
			for row := range n {
				if want := op.in(x.Has(row), y.Has(row)); got.Has(row) != want {
					t.Fatalf("%s: row %d is in the result: %v, want %v", op.name, row, got.Has(row), want)
				}
			}
		}
		if !y.Equal(before) {
			t.Fatal("an operand was changed")
		}
		want := rowsOf(x, n)
		if got := slices.Collect(x.All()); !slices.Equal(got, want) || x.Count() != len(want) || x.Empty() != (len(want) == 0) {
			t.Fatalf("All %v, Count %d, Empty %v; want %v", got, x.Count(), x.Empty(), want)
		}
		common := x.Clone()
		common.And(y)
		if got := x.IntersectionCount(y); got != common.Count() {
			t.Fatalf("IntersectionCount %d, want %d", got, common.Count())
		}
	})
}

func TestFullBitset(t *testing.T) {
	for _, n := range []int{0, 1, 63, 64, 65, 128, 130} {
		b := FullBitset(n)
		if b.Count() != n || b.Has(n) {
			t.Errorf("FullBitset(%d) has %d rows", n, b.Count())
		}
	}
}

func TestResources(t *testing.T) {
	a := NewResources(map[string]int64{"cpu": 3, "memory": 1 << 62})
	b := NewResources(map[string]int64{"memory": 1 << 62, "pods": 2})
	if diff := cmp.Diff(Resources{{"cpu", 3}, {"memory", 1<<63 - 1}, {"pods", 2}}, a.Plus(b)); diff != "" {
		t.Errorf("Plus (-want +got):\n%s", diff)
	}
	if diff := cmp.Diff(Resources{{"cpu", 3}, {"memory", 0}, {"pods", -2}}, a.Minus(b)); diff != "" {
		t.Errorf("Minus (-want +got):\n%s", diff)
	}
	if diff := cmp.Diff(Resources{{"cpu", 12}, {"memory", 1<<63 - 1}}, a.Times(4)); diff != "" {
		t.Errorf("Times (-want +got):\n%s", diff)
	}
}
