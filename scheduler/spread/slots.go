package spread

import "slices"

// span is the steps that touch a group.
type span struct {
	first, last int32
	cover, seat int32
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
