package fit

import (
	"cmp"
	"slices"

	"github.com/longshore-project/longshore/scheduler/framework"
)

// Amount is so much of the resource of one column of a Room: cpu in thousandths of a core, everything else in whole units.
type Amount struct {
	Column int32
	Amount int64
}

// Need is a vector of positive amounts, sorted by column, each column at most once. What is not listed is not needed.
type Need []Amount

// Room is what nodes have left: a row for each node, a column for each resource, and the places for pods. Rows and columns are numbered
// from 0 and never move. Free amounts may be negative, when a node shrank below what runs on it. Not safe for concurrent use.
type Room struct {
	columns map[string]int32
	free    [][]int64 // by column, then row; what is beyond an end is nothing
	places  []int64   // by row
}

// NewRoom returns a room without nodes.
func NewRoom() *Room { return &Room{columns: map[string]int32{}} }

// Rows returns how many rows there are.
func (r *Room) Rows() int { return len(r.places) }

// AddRow returns the number of a new row without anything.
func (r *Room) AddRow() int {
	r.places = append(r.places, 0)
	return len(r.places) - 1
}

// Need returns amounts as a vector of this room's columns, and makes columns for resources that were never heard of. Amounts of zero or
// less are left out: nobody refuses what asks for nothing.
func (r *Room) Need(amounts map[string]int64) Need {
	need := make(Need, 0, len(amounts))
	for name, amount := range amounts {
		if amount > 0 {
			need = append(need, Amount{Column: r.column(name), Amount: amount})
		}
	}
	slices.SortFunc(need, func(a, b Amount) int { return cmp.Compare(a.Column, b.Column) })
	return need
}

func (r *Room) column(name string) int32 {
	column, ok := r.columns[name]
	if !ok {
		column = int32(len(r.columns))
		r.columns[name] = column
	}
	return column
}

// Give adds to what a row has free.
func (r *Room) Give(row int, amounts Need, places int64) { r.add(row, amounts, places, 1) }

// Take removes from what a row has free.
func (r *Room) Take(row int, amounts Need, places int64) { r.add(row, amounts, places, -1) }

func (r *Room) add(row int, amounts Need, places, factor int64) {
	r.places[row] += factor * places
	for _, a := range amounts {
		for int(a.Column) >= len(r.free) {
			r.free = append(r.free, nil)
		}
		column := r.free[a.Column]
		if row >= len(column) {
			column = append(column, make([]int64, len(r.places)-len(column))...)
			r.free[a.Column] = column
		}
		column[row] = framework.SaturatingAdd(column[row], factor*a.Amount)
	}
}

// Sibling returns a room without rows. A Need of either room means the same in the other, and new resources are heard of by both.
func (r *Room) Sibling() *Room { return &Room{columns: r.columns} }

// Clone returns a sibling with the same rows, which can be changed without changing r.
func (r *Room) Clone() *Room {
	free := make([][]int64, len(r.free))
	for i, column := range r.free {
		free[i] = slices.Clone(column)
	}
	return &Room{columns: r.columns, free: free, places: slices.Clone(r.places)}
}

func (r *Room) freeAt(column int32, row int) int64 {
	if int(column) >= len(r.free) || row >= len(r.free[column]) {
		return 0
	}
	return r.free[column][row]
}

// CopiesOn returns how many copies fit on one row.
func (r *Room) CopiesOn(row int, need Need) int64 {
	n := r.places[row]
	for _, a := range need {
		n = min(n, r.freeAt(a.Column, row)/a.Amount)
	}
	return max(n, 0)
}

// Copies returns how many copies fit on the usable rows together. Exact.
func (r *Room) Copies(need Need, usable framework.Bitset) int64 {
	var total int64
	for row := range usable.All() {
		total = framework.SaturatingAdd(total, r.CopiesOn(row, need))
	}
	return total
}

// Occupy takes the room of the components' replicas: one component after the other, on the first of the given rows that can hold a replica.
// Replicas that fit nowhere take nothing. It returns how many replicas of each component were placed.
func (r *Room) Occupy(components []Component, rows []int32) []int64 {
	placed := make([]int64, len(components))
	for i, c := range components {
		placed[i] = r.occupy(c, c.Replicas, rows)
	}
	return placed
}

// occupy places up to n replicas and returns how many.
func (r *Room) occupy(c Component, n int64, rows []int32) int64 {
	left := n
	for _, row := range rows {
		if left == 0 {
			break
		}
		if !c.Usable.Has(int(row)) {
			continue
		}
		if copies := min(left, r.CopiesOn(int(row), c.Need)); copies > 0 {
			r.takeCopies(int(row), c.Need, copies)
			left -= copies
		}
	}
	return n - left
}

func (r *Room) takeCopies(row int, need Need, copies int64) {
	r.places[row] -= copies
	for _, a := range need {
		r.free[a.Column][row] -= copies * a.Amount
	}
}
