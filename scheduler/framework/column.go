package framework

import "slices"

const chunkRows = 256

// Column holds one value a cluster row. Columns are immutable; a changed copy shares every chunk of 256 rows in which nothing changed.
type Column[T any] struct{ chunks []*[chunkRows]T }

func newColumn[T any](rows int) Column[T] {
	c := Column[T]{chunks: make([]*[chunkRows]T, (rows+chunkRows-1)/chunkRows)}
	for i := range c.chunks {
		c.chunks[i] = new([chunkRows]T)
	}
	return c
}

// At returns the value of row, which must be a row of the column's snapshot.
func (c Column[T]) At(row int) T { return c.chunks[row/chunkRows][row%chunkRows] }

// Chunk returns the values of the rows from first, a multiple of 256, up to and not including first+256. Values behind the last row of the
// snapshot are zero. The array is shared: read only. It panics when first is out of range.
func (c Column[T]) Chunk(first int) *[256]T { return c.chunks[first/chunkRows] }

// Cursor reads a column row by row, fast as long as the rows ascend.
type Cursor[T any] struct {
	column Column[T]
	chunk  *[chunkRows]T
	first  int
}

// Cursor returns a cursor on the column.
func (c Column[T]) Cursor() Cursor[T] { return Cursor[T]{column: c, first: -1} }

// At returns the value of row, which must be a row of the column's snapshot.
func (c *Cursor[T]) At(row int32) T {
	if first := int(row) &^ (chunkRows - 1); first != c.first {
		c.chunk, c.first = c.column.chunks[first/chunkRows], first
	}
	return c.chunk[row%chunkRows]
}

// columnEdit collects the changes that make a new column out of an old one.
type columnEdit[T any] struct {
	out   Column[T]
	owned []bool
}

func editColumn[T any](c Column[T]) *columnEdit[T] {
	return &columnEdit[T]{out: Column[T]{chunks: slices.Clone(c.chunks)}, owned: make([]bool, len(c.chunks))}
}

func (e *columnEdit[T]) set(row int, value T) {
	i := row / chunkRows
	if !e.owned[i] {
		fresh := *e.out.chunks[i]
		e.out.chunks[i], e.owned[i] = &fresh, true
	}
	e.out.chunks[i][row%chunkRows] = value
}

// postings maps a key to the clusters that have it. Postings are immutable; a changed copy shares the sets that did not change.
type postings[K comparable] map[K]Bitset

// postingsEdit collects the changes that make new postings out of old ones. Nothing is copied until something changes.
type postingsEdit[K comparable] struct {
	out   postings[K]
	owned map[K]bool
	rows  int
}

func editPostings[K comparable](p postings[K], rows int) *postingsEdit[K] {
	return &postingsEdit[K]{out: p, rows: rows}
}

func (e *postingsEdit[K]) set(key K, row int)   { e.writable(key).Set(row) }
func (e *postingsEdit[K]) unset(key K, row int) { e.writable(key).Unset(row) }

// done drops the keys that no cluster has any more and returns the postings.
func (e *postingsEdit[K]) done() postings[K] {
	for key := range e.owned {
		if e.out[key].Empty() {
			delete(e.out, key)
		}
	}
	return e.out
}

func (e *postingsEdit[K]) writable(key K) Bitset {
	if e.owned == nil {
		copied := make(postings[K], len(e.out)+1)
		for k, set := range e.out {
			copied[k] = set
		}
		e.out, e.owned = copied, map[K]bool{}
	}
	if e.owned[key] {
		return e.out[key]
	}
	set := NewBitset(e.rows)
	copy(set, e.out[key])
	e.out[key], e.owned[key] = set, true
	return set
}
