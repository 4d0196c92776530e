package spread

// advance makes the labels after a step from those before it.
func (s *search) advance(at int) {
	s.then.reset()
	s.table.reset(2 * s.now.len())
	s.look(at + 1)
	clear(s.closed)
	s.closeSlots(at, s.closed)
	first, last := s.plan.steps[at].options, s.optionEnd(at)
	for l := range s.now.len() {
		if s.now.dead[l] {
			continue
		}
		s.skip(at, l)
		for o := first; o < last; o++ {
			if s.live[o] {
				s.take(at, l, o)
			}
		}
	}
	clear(s.stale)
	s.now, s.then = s.then, s.now
}

func (s *search) optionEnd(at int) int32 {
	if at+1 < len(s.plan.steps) {
		return s.plan.steps[at+1].options
	}
	return int32(len(s.plan.options))
}

// closeSlots adds the slots of the groups that end at a step to a mask.
func (s *search) closeSlots(at int, mask []uint64) {
	if !s.plan.closing[at] {
		return
	}
	for _, t := range s.plan.touchesOf(at) {
		if t.cover >= 0 && s.plan.spanOf(&t).last == int32(at) {
			mask[t.cover/64] |= 1 << (t.cover % 64)
			if t.seat >= 0 {
				mask[t.seat/64] |= 1 << (t.seat % 64)
			}
		}
	}
}

// load copies label l into the scratch label.
func (s *search) load(l int) {
	v, w := s.layout.values, s.layout.words
	copy(s.scratch, s.now.values[l*v:(l+1)*v])
	copy(s.words, s.now.words[l*w:(l+1)*w])
	for at, mask := range s.stale {
		s.words[at] &^= mask
	}
}

func (s *search) skip(at, l int) {
	s.load(l)
	lost := s.now.lost[l]
	if taken := s.known.taken[at]; taken > 0 {
		lost = min(lost, s.firstMember(at, 0, taken))
	}
	s.offer(at, s.now.node[l], -1, lost, s.now.gained[l])
}

func (s *search) take(at, l int, o int32) {
	s.load(l)
	option := &s.plan.options[o]
	if !s.add(at, o, option) {
		return
	}
	lost, gained := s.now.lost[l], s.now.gained[l]
	if taken := s.known.taken[at]; taken != option.size {
		lost = min(lost, s.firstMember(at, option.size, taken))
		gained = min(gained, s.firstMember(at, taken, option.size))
	}
	s.offer(at, s.now.node[l], o, lost, gained)
}

// add applies an option to the scratch label; false when a maximum forbids it.
func (s *search) add(at int, o int32, option *option) bool {
	p, l := s.plan, &s.layout
	q := p.quantities()
	for i, v := range p.sums[int(o)*q : int(o+1)*q] {
		s.scratch[i] += v
	}
	k := len(p.m.keys)
	s.scratch[l.counts+k] += int64(option.size)
	s.scratch[l.seats+k] += int64(option.seats)
	s.scratch[l.seated] += int64(option.seats)
	s.scratch[l.fresh] += int64(option.fresh)
	if s.scratch[l.counts+k] > int64(p.m.size.most) || p.scarce && s.scratch[l.seated] > p.m.replicas {
		return false
	}
	for _, t := range p.touchesOf(at) {
		if s.set(t.cover) {
			s.scratch[l.counts+int(t.key)]++
		}
		if option.seats > 0 && s.set(t.seat) {
			s.scratch[l.seats+int(t.key)]++
		}
		if s.scratch[l.counts+int(t.key)] > int64(p.m.keys[t.key].most) {
			return false
		}
	}
	return true
}

// set marks a slot and reports whether it was unmarked. A group without a slot
// is touched by one step alone.
func (s *search) set(slot int32) bool {
	if slot < 0 {
		return true
	}
	bit := uint64(1) << (slot % 64)
	old := s.words[slot/64]
	s.words[slot/64] = old | bit
	return old&bit == 0
}

// offer adds the scratch label to the next generation unless it is hopeless or
// dominated.
func (s *search) offer(at int, parent, option, lost, gained int32) {
	for at, mask := range s.closed {
		s.words[at] &^= mask
	}
	if s.hopeless(lost, gained) {
		return
	}
	s.sign()
	s.made++
	label := parent
	if option >= 0 {
		label = int32(len(s.nodes))
		s.nodes = append(s.nodes, node{parent, int32(at), option})
	}
	if !s.insert(label, lost, gained) && option >= 0 {
		s.nodes = s.nodes[:label]
	}
}

// sign writes the counts into the signature.
func (s *search) sign() {
	clear(s.words[s.layout.slots:])
	for _, f := range s.layout.fields {
		s.words[f.word] |= uint64(min(s.scratch[f.value], f.cap)) << f.shift
	}
}

// insert adds the scratch label to its front.
func (s *search) insert(n, lost, gained int32) bool {
	v, w := s.layout.values, s.layout.words
	slot := s.table.find(s.words, s.then.words)
	head := s.table.front(slot)
	for at := head; at >= 0; at = s.then.next[at] {
		if s.then.dead[at] {
			continue
		}
		old := s.then.values[int(at)*v : int(at+1)*v]
		if s.dominates(old, s.scratch, s.then.node[at], n) {
			return false
		}
		if s.dominates(s.scratch, old, n, s.then.node[at]) {
			s.then.dead[at] = true
		}
	}
	at := int32(s.then.len())
	s.then.values = append(s.then.values, s.scratch...)
	s.then.words = append(s.then.words, s.words...)
	s.then.node = append(s.then.node, n)
	s.then.lost = append(s.then.lost, lost)
	s.then.gained = append(s.then.gained, gained)
	s.then.next = append(s.then.next, head)
	s.then.dead = append(s.then.dead, false)
	s.table.put(slot, at, s.then.words, w)
	return true
}

// dominates reports whether label a is at least as good as b whatever both add:
// no worse in each quantity that is cut off, and no worse in the order of the
// levels that are not.
func (s *search) dominates(a, b []int64, nodeA, nodeB int32) bool {
	l, p := &s.layout, s.plan
	from := 0
	if p.cutOff() {
		from = 1 + p.tiers
		r := p.m.replicas
		for q := range from {
			if min(a[q], r) < min(b[q], r) {
				return false
			}
		}
		room := p.quantityRoom()
		if min(a[room], r) < min(b[room], r) || p.choose && a[l.fresh] > b[l.fresh] || p.scarce && a[l.seated] > b[l.seated] {
			return false
		}
	}
	for _, at := range l.levels[from:] {
		if a[at] != b[at] {
			return a[at] > b[at]
		}
	}
	return s.compareNames(nodeA, nodeB) >= 0
}
