package framework

import (
	"iter"
	"math/bits"
	"slices"
)

const wordBits = 64

// Bitset is a set of cluster rows, one bit a row. Its length is fixed when it is made. A nil Bitset is the empty set and may be read but
// not changed. Bits at or above the number of rows it was made for are always zero.
//
// Methods that change the receiver say so; no method keeps or changes its argument. An operand that is shorter than the receiver counts as
// padded with zeros; what a longer operand has more is ignored.
type Bitset []uint64

// NewBitset returns the empty set with room for rows 0 to n-1.
func NewBitset(n int) Bitset { return make(Bitset, (n+wordBits-1)/wordBits) }

// FullBitset returns the set of the rows 0 to n-1.
func FullBitset(n int) Bitset {
	b := NewBitset(n)
	for i := range b {
		b[i] = ^uint64(0)
	}
	if tail := n % wordBits; tail != 0 {
		b[len(b)-1] = 1<<tail - 1
	}
	return b
}

// Has reports whether row is in the set.
func (b Bitset) Has(row int) bool {
	w := row / wordBits
	return w < len(b) && b[w]&(1<<(row%wordBits)) != 0
}

// Set adds row to the receiver. It panics when the row is out of range.
func (b Bitset) Set(row int) { b[row/wordBits] |= 1 << (row % wordBits) }

// Unset removes row from the receiver. It panics when the row is out of range.
func (b Bitset) Unset(row int) { b[row/wordBits] &^= 1 << (row % wordBits) }

// Count returns the number of rows in the set.
func (b Bitset) Count() int {
	n := 0
	for _, w := range b {
		n += bits.OnesCount64(w)
	}
	return n
}

// Empty reports whether the set has no row.
func (b Bitset) Empty() bool {
	for _, w := range b {
		if w != 0 {
			return false
		}
	}
	return true
}

// Clone returns a copy that shares nothing with the receiver.
func (b Bitset) Clone() Bitset { return slices.Clone(b) }

// Equal reports whether both sets hold the same rows, whatever their lengths.
func (b Bitset) Equal(o Bitset) bool {
	if len(b) > len(o) {
		b, o = o, b
	}
	return slices.Equal(b, o[:len(b)]) && o[len(b):].Empty()
}

// And keeps in the receiver only what is in o too.
func (b Bitset) And(o Bitset) {
	n := min(len(b), len(o))
	for i, w := range o[:n] {
		b[i] &= w
	}
	clear(b[n:])
}

// AndAny keeps in the receiver only what is in one of the sets too.
func (b Bitset) AndAny(sets []Bitset) {
	for i := range b {
		var any uint64
		for _, set := range sets {
			if i < len(set) {
				any |= set[i]
			}
		}
		b[i] &= any
	}
}

// AndNot removes the rows of o from the receiver.
func (b Bitset) AndNot(o Bitset) {
	for i, w := range o[:min(len(b), len(o))] {
		b[i] &^= w
	}
}

// Complement makes the receiver the rows of all that it did not hold. Both must be of one length.
func (b Bitset) Complement(all Bitset) {
	for i, w := range all[:len(b)] {
		b[i] = w &^ b[i]
	}
}

// Or adds the rows of o to the receiver.
func (b Bitset) Or(o Bitset) {
	for i, w := range o[:min(len(b), len(o))] {
		b[i] |= w
	}
}

// IntersectionCount returns the number of rows that are in both sets.
func (b Bitset) IntersectionCount(o Bitset) int {
	n := 0
	for i, w := range o[:min(len(b), len(o))] {
		n += bits.OnesCount64(w & b[i])
	}
	return n
}

// All yields the rows in ascending order, which is the order of cluster names.
func (b Bitset) All() iter.Seq[int] {
	return func(yield func(int) bool) {
		for i, w := range b {
			for ; w != 0; w &= w - 1 {
				if !yield(i*wordBits + bits.TrailingZeros64(w)) {
					return
				}
			}
		}
	}
}

// AppendRows appends the rows in ascending order to rows and returns it.
func (b Bitset) AppendRows(rows []int32) []int32 {
	for i, w := range b {
		for ; w != 0; w &= w - 1 {
			rows = append(rows, int32(i*wordBits+bits.TrailingZeros64(w)))
		}
	}
	return rows
}
