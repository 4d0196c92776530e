package spread

// rowOf is the row in which step `next` lies, or one past the last.
func (s *search) rowOf(next int) int {
	if next < len(s.plan.steps) {
		return int(s.plan.steps[next].row)
	}
	return s.bounds.rows
}

// spareClusters is how many clusters the scratch label may still take.
func (s *search) spareClusters() int64 {
	return int64(s.plan.m.size.most) - s.scratch[s.layout.counts+len(s.plan.m.keys)]
}

// hopeless reports whether no completion of the scratch label from step next on
// is allowed and better than the known answer.
func (s *search) hopeless(next int, lost, gained int32) bool {
	if !s.reachable(next) {
		return true
	}
	if !s.known.ok {
		return false
	}
	for at, known := range s.known.levels {
		if hope := s.hope(at, next); hope != known {
			return hope < known
		}
	}
	return lost <= min(gained, s.known.fresh[next])
}

// reachable reports whether the minimums, and the replicas where they are
// tracked, can still be met.
func (s *search) reachable(next int) bool {
	l, p := &s.layout, s.plan
	spare := s.spareClusters()
	for k := range p.m.keys {
		key := &p.m.keys[k]
		more := min(s.openGroups(k, next), spare*int64(key.wide))
		if s.scratch[l.counts+k]+more < int64(key.least) {
			return false
		}
		if p.countsSeats(k) && s.scratch[l.seats+k]+min(s.groupsLeft(k, next), spare*int64(key.wide)) < int64(key.seats) {
			return false
		}
	}
	return s.reachableSize(next, spare)
}

func (s *search) reachableSize(next int, spare int64) bool {
	l, p, row := &s.layout, s.plan, s.rowOf(next)
	k := len(p.m.keys)
	more := min(spare, s.bounds.items[row])
	if s.scratch[l.counts+k]+more < int64(p.m.size.least) {
		return false
	}
	if p.seats && p.m.size.seats > 1 && s.scratch[l.seats+k]+more < int64(p.m.size.seats) {
		return false
	}
	if !p.exact || !p.m.p.Divided {
		return true
	}
	room := p.quantityRoom()
	return s.scratch[room]+s.gain(room, next) >= p.m.replicas
}

// groupsLeft is how many groups of key k have a step from next on.
func (s *search) groupsLeft(k, next int) int64 {
	return s.bounds.open[k*(len(s.plan.steps)+1)+next]
}

// openGroups is how many groups of key k the label may newly cover.
func (s *search) openGroups(k, next int) int64 {
	return s.groupsLeft(k, next) - s.openCovered(k)
}

// hope is an upper bound on one level over all completions.
func (s *search) hope(at, next int) int64 {
	l, p := &s.layout, s.plan
	value := l.levels[at]
	v := s.scratch[value]
	switch {
	case value < p.quantities():
		v += s.gain(value, next)
	case value-l.counts == len(p.m.keys):
		return v + min(s.spareClusters(), s.bounds.items[s.rowOf(next)])
	default:
		k := value - l.counts
		key := &p.m.keys[k]
		more := min(s.openGroups(k, next), s.spareClusters()*int64(key.wide))
		return min(v+more, int64(key.most))
	}
	if !p.exact || !p.m.p.Divided || at > p.tiers {
		return v
	}
	if at == 0 {
		return min(v, p.m.replicas-l.cost(s.scratch))
	}
	return min(v, p.m.replicas)
}

// gain bounds what the label may still add to quantity q: the least over the
// bounds that each maximum gives alone.
func (s *search) gain(q, next int) int64 {
	row := s.rowOf(next)
	most := s.bounds.gain(q, row, s.spareClusters())
	for k := range s.plan.m.keys {
		g := &s.bounds.group[k]
		if !g.valid || row >= s.bounds.rows {
			continue
		}
		spare := int64(s.plan.m.keys[k].most) - s.scratch[s.layout.counts+k]
		if v, ok := g.gain(q, row, s.bounds.nq, spare, s.coveredAt(k, next)); ok {
			most = min(most, v)
		}
	}
	return most
}

// coveredAt reports whether the group of key k at step next is covered already.
func (s *search) coveredAt(k, next int) bool {
	for _, t := range s.plan.touchesOf(next) {
		if int(t.key) == k {
			return t.cover >= 0 && s.words[t.cover/64]>>(t.cover%64)&1 == 1
		}
	}
	return false
}
