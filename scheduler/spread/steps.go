package spread

import (
	"cmp"
	"slices"
)

// plan is the sequence of steps of one search: each step may add some
// candidates of one class, and its options are the sets worth adding.
type plan struct {
	m *model
	// exact tracks what the first pass ignores: capacity, tiers when divided,
	// and which seats cost a kept replica.
	exact bool
	// seats: the groups that hold a replica are counted apart from those
	// chosen, because some candidate may be chosen and hold none.
	seats bool
	// choose: seats are a choice, because each may cost a kept replica or
	// their number may exceed the replicas.
	choose bool
	// scarce: the number of seats may exceed the replicas.
	scarce bool
	tiers  int // tier levels tracked

	steps   []step
	rows    []int32 // by row (class in order): its first step; one more at the end
	members []int32 // candidates by class, in the order in which they are taken
	options []option
	sums    []int64 // quantities of each option, stride quantities()

	memberSums []int64 // quantities of each of members; empty when taken whole

	touches []touch
	spans   []span // by key, then group
	base    []int32
	total   []int64
	free    []int32
	closing []bool // by step: some group closes there
	bits    int    // slots in use at most
}

// step offers the options [options, next step's options) of one class.
type step struct {
	row      int32
	members  int32 // first in plan.members
	size     int32 // members that may be taken
	options  int32
	touches  int32
	touching int32
	room     bool // each member can hold a replica
	holds    bool // each member keeps a replica
}

// option takes the first size members of a step and seats some of them.
type option struct {
	size, seats, fresh int32 // fresh: seats that keep nothing
	first              int32 // smallest candidate taken
}

// touch is one group that taking any member of a step covers.
type touch struct {
	key         int32
	group       int32
	cover, seat int32 // slots while the group is open; -1 when one step holds all of it
}

// The quantities of an option or label come first in its values.
const quantityKeep = 0

func (p *plan) quantities() int    { return 4 + p.tiers }
func (p *plan) quantityScore() int { return 1 + p.tiers }
func (p *plan) quantityRoom() int  { return 2 + p.tiers }
func (p *plan) quantitySize() int  { return 3 + p.tiers }

// cutOff reports whether levels that end at the replicas are tracked as such.
func (p *plan) cutOff() bool { return p.exact && p.m.p.Divided }

// build lays out the steps for m; exact selects the second pass.
func (p *plan) build(m *model, exact bool, b *buffers) {
	p.m, p.exact = m, exact
	p.tiers = 0
	if exact || !m.p.Divided {
		p.tiers = max(0, len(m.tierRanks)-1)
	}
	needsSeats := m.size.seats > 1
	for i := range m.keys {
		needsSeats = needsSeats || m.keys[i].seats > 1
	}
	p.scarce = exact && needsSeats && !m.laminar && m.replicas < m.seatsBound
	p.choose = exact && needsSeats && (p.scarce || m.held > m.replicas-m.seatsBound)
	p.seats = needsSeats && (!m.hasRoom || p.choose)
	p.steps, p.options, p.sums = p.steps[:0], p.options[:0], p.sums[:0]
	p.touches, p.rows, p.members, p.memberSums = p.touches[:0], p.rows[:0], p.members[:0], p.memberSums[:0]
	p.group(b)
	p.span()
}

// group splits the classes by what seats need to know, orders them so that
// the groups of each key stay together, and makes their steps.
func (p *plan) group(b *buffers) {
	m := p.m
	subs := 4 * len(m.classes)
	count := slices.Grow(b.count[:0], subs+1)[:subs+1]
	clear(count)
	for _, i := range m.active {
		count[p.sub(i)+1]++
	}
	b.order = b.order[:0]
	for s := range subs {
		if count[s+1] > 0 {
			b.order = append(b.order, int32(s))
		}
		count[s+1] += count[s]
	}
	sorted := slices.Grow(b.subs[:0], len(m.active))[:len(m.active)]
	for _, i := range m.active {
		s := p.sub(i)
		sorted[count[s]] = i
		count[s]++
	}
	b.count, b.subs = count, sorted
	slices.SortFunc(b.order, p.compareSubs)
	for _, s := range b.order {
		start := int32(0)
		if s > 0 {
			start = count[s-1]
		}
		p.addRow(s, sorted[start:count[s]])
	}
	p.rows = append(p.rows, int32(len(p.steps)))
}

// sub is four times the class of i, plus a number for what seats distinguish.
func (p *plan) sub(i int32) int32 {
	s := 4 * p.m.classOf[i]
	if p.seats && p.m.room[i] == 0 {
		s += 2
	}
	if p.choose && p.m.keep[i] == 0 {
		s++
	}
	return s
}

func (p *plan) compareSubs(a, b int32) int {
	m := p.m
	x, y := m.classes[a/4].member, m.classes[b/4].member
	for i := range m.keys {
		k := &m.keys[i]
		mem := &m.p.Keys[k.index].Membership
		c := slices.CompareFunc(mem.of(x), mem.of(y), func(g, h int32) int {
			return cmp.Compare(k.first[g], k.first[h])
		})
		if c != 0 {
			return c
		}
	}
	return cmp.Or(cmp.Compare(x, y), cmp.Compare(a, b))
}

// full returns the quantities of a step taken whole.
func (p *plan) full(step int) []int64 {
	end, n := len(p.options), p.quantities()
	if step+1 < len(p.steps) {
		end = int(p.steps[step+1].options)
	}
	return p.sums[(end-1)*n : end*n]
}
