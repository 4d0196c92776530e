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

// span is the steps that touch a group.
type span struct {
	first, last int32
	cover, seat int32
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

// addRow makes the steps of one class: everything at once when the number of
// clusters has no maximum, for no level of the objective falls when a cluster
// joins; else growing prefixes of the best; or, in an exact search, where two
// members may be incomparable, one step each.
func (p *plan) addRow(sub int32, candidates []int32) {
	row := int32(len(p.rows))
	p.rows = append(p.rows, int32(len(p.steps)))
	most := int(p.m.size.most)
	if p.m.size.most == unbounded {
		p.addStep(row, sub, candidates)
		p.addOptions(len(candidates), len(candidates))
		return
	}
	if !p.cutOff() {
		p.sortBest(candidates, most)
		p.addStep(row, sub, candidates[:min(most, len(candidates))])
		p.addOptions(1, min(most, len(candidates)))
		return
	}
	slices.SortFunc(candidates, p.compareMembers)
	for at := range candidates {
		if !p.dominated(candidates[:at], candidates[at], most) {
			p.addStep(row, sub, candidates[at:at+1])
			p.addOptions(1, 1)
		}
	}
}

// sortBest sorts the best `most` candidates to the front. Insertion into a
// window: candidates mostly fail against its last entry.
func (p *plan) sortBest(candidates []int32, most int) {
	if most > 16 || len(candidates) <= 16 {
		slices.SortFunc(candidates, p.compareMembers)
		return
	}
	for at := 1; at < len(candidates); at++ {
		to := min(at, most)
		c := candidates[at]
		if to == most && p.compareMembers(c, candidates[most-1]) > 0 {
			continue
		}
		if to == most {
			candidates[at] = candidates[most-1]
			to--
		}
		for to > 0 && p.compareMembers(c, candidates[to-1]) < 0 {
			candidates[to] = candidates[to-1]
			to--
		}
		candidates[to] = c
	}
}

// compareMembers orders members of one class by their effect on the objective,
// best first, as far as sums without cut-offs can tell.
func (p *plan) compareMembers(a, b int32) int {
	m := p.m
	if m.keep[a] != m.keep[b] {
		return compare(m.keep[b], m.keep[a])
	}
	if p.tiers > 0 && m.p.Tier[a] != m.p.Tier[b] {
		return cmp.Compare(m.p.Tier[a], m.p.Tier[b])
	}
	return p.compareRest(a, b)
}

// compareRest orders by the levels that are never cut off.
func (p *plan) compareRest(a, b int32) int {
	m := p.m
	if m.score[a] != m.score[b] {
		return compare(m.score[b], m.score[a])
	}
	if m.room[a] != m.room[b] {
		return compare(m.room[b], m.room[a])
	}
	return cmp.Compare(a, b)
}

// dominated reports whether `most` of the better members are at least as good
// as c in every quantity alone, so that one of them is always free to replace c.
func (p *plan) dominated(better []int32, c int32, most int) bool {
	m := p.m
	room := min(m.room[c], m.replicas)
	for _, o := range better {
		if min(m.room[o], m.replicas) < room || m.p.tier(o) > m.p.tier(c) || p.compareRest(o, c) > 0 {
			continue
		}
		if most--; most == 0 {
			return true
		}
	}
	return false
}

func (p *plan) addStep(row, sub int32, members []int32) {
	s := step{row: row, members: int32(len(p.members)), size: int32(len(members)), options: int32(len(p.options)), touches: int32(len(p.touches))}
	s.room = !p.seats || sub&2 == 0
	s.holds = p.choose && sub&1 == 0
	p.members = append(p.members, members...)
	for i := range p.m.keys {
		k := &p.m.keys[i]
		for _, g := range p.m.p.Keys[k.index].Membership.of(members[0]) {
			p.touches = append(p.touches, touch{key: int32(i), group: g, cover: -1, seat: -1})
		}
	}
	s.touching = int32(len(p.touches)) - s.touches
	p.steps = append(p.steps, s)
}

// addOptions adds, for the last step, the options that take from..to members.
func (p *plan) addOptions(from, to int) {
	s := &p.steps[len(p.steps)-1]
	members := p.members[s.members : s.members+s.size]
	n := p.quantities()
	first := members[0]
	p.total = resize(p.total, n)
	clear(p.total)
	for j, i := range members {
		first = min(first, i)
		p.addMember(i)
		if j+1 < from || j+1 > to {
			continue
		}
		low, high := p.seatRange(s, int32(j+1))
		for seats := low; seats <= high; seats++ {
			o := option{size: int32(j + 1), seats: seats, first: first}
			if !s.holds {
				o.fresh = seats
			}
			p.options = append(p.options, o)
			p.sums = append(p.sums, p.total...)
		}
	}
}

// addMember adds candidate i to the running total of its step.
func (p *plan) addMember(i int32) {
	if p.m.size.most == unbounded {
		p.addQuantities(p.total, i)
		return
	}
	at := len(p.memberSums)
	p.memberSums = slices.Grow(p.memberSums, len(p.total))[:at+len(p.total)]
	clear(p.memberSums[at:])
	p.addQuantities(p.memberSums[at:], i)
	for q, v := range p.memberSums[at:] {
		p.total[q] += v
	}
}

// seatRange is the numbers of seats worth trying among size members.
func (p *plan) seatRange(s *step, size int32) (low, high int32) {
	switch {
	case !s.room:
		return 0, 0
	case !p.choose || s.holds && !p.scarce:
		return size, size
	}
	return 0, min(size, max(1, p.m.size.seats))
}

// addQuantities adds candidate i to sums.
func (p *plan) addQuantities(sums []int64, i int32) {
	m := p.m
	sums[quantityKeep] += m.keep[i]
	for t := range p.tiers {
		if m.p.tier(i) > m.tierRanks[t] {
			continue
		}
		if m.p.Divided {
			sums[1+t] += m.room[i]
		} else {
			sums[1+t]++
		}
	}
	sums[p.quantityScore()] += m.score[i]
	sums[p.quantityRoom()] += m.room[i]
	sums[p.quantitySize()]++
}

// span finds the steps between which each group is open and gives it slots for
// that time, reusing those of groups that are closed.
func (p *plan) span() {
	m := p.m
	p.base = p.base[:0]
	total := int32(0)
	for i := range m.keys {
		p.base = append(p.base, total)
		total += int32(len(m.keys[i].first))
	}
	p.base = append(p.base, total)
	p.spans = slices.Grow(p.spans[:0], int(total))[:total]
	for g := range p.spans {
		p.spans[g] = span{first: -1, cover: -1, seat: -1}
	}
	for s := range p.steps {
		for _, t := range p.touchesOf(s) {
			g := &p.spans[p.base[t.key]+t.group]
			if g.first < 0 {
				g.first = int32(s)
			}
			g.last = int32(s)
		}
	}
	p.assignSlots()
}

func (p *plan) touchesOf(s int) []touch {
	st := &p.steps[s]
	return p.touches[st.touches : st.touches+st.touching]
}

// assignSlots colours the interval graph of open groups, key by key, greedily
// from left to right, which is optimal (Golumbic, Algorithmic Graph Theory and
// Perfect Graphs, ch. 8). Slots of different keys never mix, so that a mask
// can select the slots of a key.
func (p *plan) assignSlots() {
	p.bits = 0
	p.closing = slices.Grow(p.closing[:0], len(p.steps)+1)[:len(p.steps)+1]
	clear(p.closing)
	for k := range p.m.keys {
		p.free = p.free[:0]
		for s := range p.steps {
			closes := p.touchSlots(k, s)
			p.closing[s] = p.closing[s] || closes
		}
	}
}

// touchSlots gives slots to the groups of key k that open at step s, then frees
// those of the groups that close there; it reports whether any does.
func (p *plan) touchSlots(k, s int) bool {
	touches, open := p.touchesOf(s), len(p.free)
	for at := range touches {
		t := &touches[at]
		if int(t.key) != k {
			continue
		}
		g := p.spanOf(t)
		if g.first == int32(s) && g.last > g.first {
			p.openSlots(k, g)
			open = len(p.free)
		}
		t.cover, t.seat = g.cover, g.seat
	}
	for _, t := range touches {
		if int(t.key) == k && t.cover >= 0 && p.spanOf(&t).last == int32(s) {
			p.free = append(p.free, t.cover)
		}
	}
	return len(p.free) > open
}

func (p *plan) spanOf(t *touch) *span { return &p.spans[p.base[t.key]+t.group] }

// openSlots gives group g a slot, and the next one for its seat where seats
// are counted apart.
func (p *plan) openSlots(k int, g *span) {
	if n := len(p.free); n > 0 {
		g.cover, p.free = p.free[n-1], p.free[:n-1]
	} else {
		g.cover = int32(p.bits)
		p.bits++
		if p.countsSeats(k) {
			p.bits++
		}
	}
	if p.countsSeats(k) {
		g.seat = g.cover + 1
	}
}

// countsSeats reports whether seats of key k are counted. A single one is not:
// whatever can hold a replica provides it.
func (p *plan) countsSeats(k int) bool { return p.seats && p.m.keys[k].seats > 1 }
