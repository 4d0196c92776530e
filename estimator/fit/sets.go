package fit

import (
	"cmp"
	"math"
	"slices"

	"github.com/longshore-project/longshore/scheduler/framework"
)

// Component is one part of a set.
type Component struct {
	// Need of one replica.
	Need Need
	// Usable rows.
	Usable framework.Bitset
	// Replicas in one set. A component with none is as good as absent.
	Replicas int64
}

// Bound is how many sets fit.
type Bound struct {
	// Sets for which a placement exists.
	Sets int64
	// Exact is true when no placement exists for one more.
	Exact bool
}

// Sets returns how many complete sets of components fit, or a number that fits for certain. rows lists every row of the room once, in the
// order in which they shall be tried; it changes the answer only where that is not exact. No components, or none with replicas, are 0 sets.
func (r *Room) Sets(components []Component, rows []int32) Bound {
	merged := merge(components)
	switch len(merged) {
	case 0:
		return Bound{Exact: true}
	case 1:
		return Bound{Sets: r.Copies(merged[0].Need, merged[0].Usable) / merged[0].Replicas, Exact: true}
	}
	p := newPacking(r, merged, rows)
	upper := p.upperBound()
	lower := p.placeable(upper)
	if lower == upper {
		return Bound{Sets: lower, Exact: true}
	}
	return p.search(lower, upper)
}

// merge joins components that need the same on the same rows, and drops those without replicas.
func merge(components []Component) []Component {
	var merged []Component
	for _, c := range components {
		if c.Replicas <= 0 {
			continue
		}
		same := slices.IndexFunc(merged, func(m Component) bool { return slices.Equal(m.Need, c.Need) && m.Usable.Equal(c.Usable) })
		if same >= 0 {
			merged[same].Replicas = framework.SaturatingAdd(merged[same].Replicas, c.Replicas)
			continue
		}
		merged = append(merged, c)
	}
	return merged
}

// packing is one question about several components.
type packing struct {
	room       *Room
	components []Component // at least two, the scarcest first
	copies     []int64     // of each component alone in the empty packing
	rows       []int32     // those that can hold a replica of any component
}

func newPacking(room *Room, components []Component, rows []int32) *packing {
	p := &packing{room: room}
	for _, row := range rows {
		if slices.ContainsFunc(components, func(c Component) bool { return c.Usable.Has(int(row)) && room.CopiesOn(int(row), c.Need) > 0 }) {
			p.rows = append(p.rows, row)
		}
	}
	type scarce struct {
		Component
		copies int64
	}
	ordered := make([]scarce, len(components))
	for i, c := range components {
		ordered[i] = scarce{c, room.Copies(c.Need, c.Usable)}
	}
	slices.SortStableFunc(ordered, func(a, b scarce) int { return cmp.Compare(a.copies/a.Replicas, b.copies/b.Replicas) })
	for _, c := range ordered {
		p.components, p.copies = append(p.components, c.Component), append(p.copies, c.copies)
	}
	return p
}

// upperBound returns the least of: the sets that each component would allow if it were alone, and the sets for which the sum of each
// resource, and of places, over all rows suffices.
func (p *packing) upperBound() int64 {
	bound := int64(math.MaxInt64)
	demand := map[int32]int64{}
	var replicas, places int64
	for i, c := range p.components {
		bound = min(bound, p.copies[i]/c.Replicas)
		replicas = framework.SaturatingAdd(replicas, c.Replicas)
		for _, a := range c.Need {
			demand[a.Column] = framework.SaturatingAdd(demand[a.Column], framework.SaturatingMul(a.Amount, c.Replicas))
		}
	}
	for _, row := range p.rows {
		places += p.room.places[row]
	}
	bound = min(bound, places/replicas)
	for column, amount := range demand {
		var free int64
		for _, row := range p.rows {
			free = framework.SaturatingAdd(free, max(0, p.room.freeAt(column, int(row))))
		}
		bound = min(bound, free/amount)
	}
	return bound
}

// placeable returns the largest number of sets up to upper for which one of the heuristics finds a placement.
func (p *packing) placeable(upper int64) int64 {
	if upper == 0 || p.scarcestFirst(upper) {
		return upper
	}
	lower, tooMany := int64(0), upper
	for lower+1 < tooMany {
		if k := lower + (tooMany-lower)/2; p.scarcestFirst(k) {
			lower = k
		} else {
			tooMany = k
		}
	}
	return max(lower, p.setBySet(upper))
}

// scarcestFirst reports whether k sets fit when the component with the least room is placed first.
func (p *packing) scarcestFirst(k int64) bool {
	room := p.room.Clone()
	for _, c := range p.components {
		n := framework.SaturatingMul(k, c.Replicas)
		if room.occupy(c, n, p.rows) < n {
			return false
		}
	}
	return true
}

// setBySet returns how many sets, at most limit, can be placed one after the other, each replica on the first row that holds it. A row that
// cannot hold a component will never again, so that each component passes every row once.
func (p *packing) setBySet(limit int64) int64 {
	room := p.room.Clone()
	next := make([]int, len(p.components))
	for placed := range limit {
		for i, c := range p.components {
			for left := c.Replicas; left > 0; {
				if next[i] == len(p.rows) {
					return placed
				}
				row := int(p.rows[next[i]])
				copies := int64(0)
				if c.Usable.Has(row) {
					copies = min(left, room.CopiesOn(row, c.Need))
				}
				if copies == 0 {
					next[i]++
					continue
				}
				room.takeCopies(row, c.Need, copies)
				left -= copies
			}
		}
	}
	return limit
}
