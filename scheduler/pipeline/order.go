package pipeline

import (
	"cmp"
	"math/bits"
	"slices"
	"sync"

	"github.com/longshore-project/longshore/scheduler/framework"
)

// Sorting by digits takes about as long as comparing for so few rows or so many digits.
const (
	digitBits     = 8
	fewRows       = 64
	manyDigitBits = 4 * digitBits
)

// sortMemory holds keys between sorts.
var sortMemory = sync.Pool{New: func() any { return new([]uint64) }}

// sortByRoom sorts rows by what fits, descending, then by row, which is by name. Rows must be in ascending order at first.
//
// Rooms are small numbers, so their differences to the largest are sorted digit by digit, lowest first (radix sort; Knuth, TAOCP vol. 3,
// 5.2.5). Each pass is stable, hence equal rooms stay in order of row.
func sortByRoom(rows []int32, fits []framework.Capacity) {
	memory := sortMemory.Get().(*[]uint64)
	defer sortMemory.Put(memory)
	*memory = slices.Grow((*memory)[:0], 2*len(rows))
	keys := (*memory)[:2*len(rows)]
	from, to := keys[:len(rows)], keys[len(rows):]
	largest, smallest := int64(0), int64(0)
	for i, row := range rows {
		room := fits[row].Room()
		from[i] = uint64(room)
		largest, smallest = max(largest, room), min(smallest, room)
	}
	width := bits.Len64(uint64(largest - smallest))
	if len(rows) < fewRows || smallest < 0 || width > manyDigitBits {
		slices.SortFunc(rows, func(x, y int32) int { return compareRoom(fits, x, y) })
		return
	}
	for i, row := range rows {
		from[i] = (uint64(largest)-from[i])<<manyDigitBits | uint64(row)
	}
	passes := max(1, (width+digitBits-1)/digitBits)
	digit := (width + passes - 1) / passes // no wider than it must be: few rows have few digits
	for shift := manyDigitBits; shift < manyDigitBits+width; shift += digit {
		sortByDigit(from, to, shift, digit)
		from, to = to, from
	}
	for i, key := range from {
		rows[i] = int32(key & (1<<manyDigitBits - 1))
	}
}

// sortByDigit writes the keys to to in order of the digit of so many bits at shift, equal ones in the order in which they were.
func sortByDigit(from, to []uint64, shift, bits int) {
	var counts [1 << digitBits]int32
	next, mask := counts[:1<<bits], uint64(1)<<bits-1
	for _, key := range from {
		next[key>>shift&mask]++
	}
	at := int32(0)
	for digit, n := range next {
		next[digit], at = at, at+n
	}
	for _, key := range from {
		digit := key >> shift & mask
		to[next[digit]] = key
		next[digit]++
	}
}

func compareRoom(fits []framework.Capacity, x, y int32) int {
	return cmp.Or(cmp.Compare(fits[y].Room(), fits[x].Room()), cmp.Compare(x, y))
}
