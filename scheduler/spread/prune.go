package spread

import "math/bits"

// view is what pruning needs to know about the next step, gathered once per
// step for all labels.
type view struct {
	next int
	row  int
	keys []keyView
}

type keyView struct {
	left  int64 // groups of the key that this or a later step touches
	cover int32 // slot of the group at the next step, -1 when it has none
	mask  []uint64
}

// look moves the view to step next.
func (s *search) look(next int) {
	v, p := &s.view, s.plan
	v.next, v.row = next, s.bounds.rows
	v.keys = resize(v.keys, len(p.m.keys))
	w := s.layout.slots
	for k := range v.keys {
		v.keys[k] = keyView{left: s.bounds.open[k*(len(p.steps)+1)+next], cover: -1, mask: s.masks[k*w : (k+1)*w]}
	}
	if next == len(p.steps) {
		return
	}
	v.row = int(p.steps[next].row)
	for _, t := range p.touchesOf(next) {
		v.keys[t.key].cover = t.cover
	}
}

// spareClusters is how many clusters the scratch label may still take.
func (s *search) spareClusters() int64 {
	return int64(s.plan.m.size.most) - s.scratch[s.layout.counts+len(s.plan.m.keys)]
}

// hopeless reports whether no completion of the scratch label is allowed and
// better than the known answer.
func (s *search) hopeless(lost, gained int32) bool {
	if !s.reachable() {
		return true
	}
	if !s.known.ok {
		return false
	}
	for at, level := range s.target.levels {
		if hope := s.hope(at, true); hope != level {
			return hope < level
		}
	}
	return !s.target.raised && lost <= min(gained, s.known.fresh[s.view.next])
}

// reachable reports whether the minimums, and the replicas where they are
// tracked, can still be met.
func (s *search) reachable() bool {
	l, p := &s.layout, s.plan
	spare := s.spareClusters()
	for k := range p.m.keys {
		key, v := &p.m.keys[k], &s.view.keys[k]
		reach := spare * int64(key.wide)
		if missing := int64(key.least) - s.scratch[l.counts+k]; missing > 0 && missing > min(reach, s.openGroups(v), s.finerLeft(key)) {
			return false
		}
		if p.countsSeats(k) && int64(key.seats)-s.scratch[l.seats+k] > min(reach, v.left) {
			return false
		}
	}
	return s.reachableSize(spare)
}

func (s *search) reachableSize(spare int64) bool {
	l, p := &s.layout, s.plan
	k := len(p.m.keys)
	more := min(spare, s.bounds.items[s.view.row])
	if s.scratch[l.counts+k]+more < int64(p.m.size.least) {
		return false
	}
	if p.seats && p.m.size.seats > 1 && s.scratch[l.seats+k]+more < int64(p.m.size.seats) {
		return false
	}
	if !p.cutOff() {
		return true
	}
	room := p.quantityRoom()
	return s.scratch[room]+s.gain(room, false) >= p.m.replicas
}

// openGroups is how many groups the label may newly cover.
func (s *search) openGroups(v *keyView) int64 {
	covered := 0
	for i, m := range v.mask {
		covered += bits.OnesCount64(s.words[i] & m)
	}
	return v.left - int64(covered)
}

// hope is an upper bound on one level over all completions; with tied, over
// those that equal the known answer at every level before.
func (s *search) hope(at int, tied bool) int64 {
	l, p := &s.layout, s.plan
	value := l.levels[at]
	v := s.scratch[value]
	if value >= p.quantities() {
		return s.hopeCount(value-l.counts, v)
	}
	v += s.gain(value, tied)
	switch {
	case !p.cutOff() || at > p.tiers:
		return v
	case at == 0:
		return min(v, p.m.replicas-l.cost(s.scratch))
	}
	return min(v, p.m.replicas)
}

func (s *search) hopeCount(k int, v int64) int64 {
	key := &s.plan.m.keys[k]
	more := min(s.openGroups(&s.view.keys[k]), s.spareClusters()*int64(key.wide), s.finerLeft(key))
	return min(v+more, int64(key.most))
}

// finerLeft bounds the new groups of a key by those that the maximums of finer
// keys leave: each needs a new group of every finer key.
func (s *search) finerLeft(key *keyModel) int64 {
	left := int64(unbounded)
	for _, f := range key.finer {
		left = min(left, int64(s.plan.m.keys[f].most)-s.scratch[s.layout.counts+f])
	}
	return left
}

// gain bounds what the label may still add to quantity q: the least of the
// bounds that each key gives alone.
func (s *search) gain(q int, tied bool) int64 {
	b, row, spare := &s.bounds, s.view.row, s.spareClusters()
	most := b.gain(q, row, spare)
	if most == 0 || row >= b.rows {
		return most
	}
	for k := range s.view.keys {
		count := s.scratch[s.layout.counts+k]
		if groups, ok := s.jointGroups(k, q, count); ok && tied {
			if v, ok := b.joint[k].gain(q, row, b.nq, groups, spare, s.coveredNext(k)); ok {
				most = min(most, v)
				continue
			}
		}
		if g := &b.group[k]; g.valid {
			groups := int64(s.plan.m.keys[k].most) - count
			if v, ok := g.gain(q, row, b.nq, groups, s.coveredNext(k)); ok {
				most = min(most, v)
			}
		}
	}
	return most
}

// jointGroups is how many more groups of key k the joint table of quantity q is
// asked for: exactly those that the known answer has where it is tied with it in
// all counts, else as many as the maximum leaves. False: there is no table.
func (s *search) jointGroups(k, q int, count int64) (int64, bool) {
	j := &s.bounds.joint[k]
	switch {
	case !j.valid || q == s.plan.quantitySize():
		return 0, false
	case q == s.plan.quantityRoom():
		return s.known.counted[k] - count, true
	}
	return int64(s.plan.m.keys[k].most) - count, j.capped
}

// coveredNext reports whether the group of key k at the next step is covered
// already.
func (s *search) coveredNext(k int) bool {
	slot := s.view.keys[k].cover
	return slot >= 0 && s.words[slot/64]>>(slot%64)&1 == 1
}
