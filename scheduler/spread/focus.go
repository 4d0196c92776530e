package spread

// focus decides, before a sweep, which options can be part of an answer that
// reaches the target: a level may be used as long as no answer at all can beat
// the target at the levels before it. The rest are left out of the sweep
// (variable fixing by bounds; Kellerer, Pferschy and Pisinger, ch. 3.2).
func (s *search) focus() {
	p := s.plan
	s.live = resize(s.live, len(p.options))
	for o := range s.live {
		s.live[o] = true
	}
	s.start()
	s.load(0)
	s.look(0)
	for at, level := range s.target.levels {
		if value := s.layout.levels[at]; value < p.quantities() {
			s.fix(value, s.capAt(at), level)
		}
		if s.hope(at, true) > level {
			break
		}
	}
}

// capAt is the value at which a level is cut off.
func (s *search) capAt(at int) int64 {
	if s.plan.cutOff() && at <= s.plan.tiers {
		return s.plan.m.replicas
	}
	return -impossible
}

// fix drops the options with which quantity q cannot reach the target level.
func (s *search) fix(q int, limit, level int64) {
	p := s.plan
	for at := range p.steps {
		bound, capped := s.groupHope(q, at)
		for o := p.steps[at].options; o < s.optionEnd(at); o++ {
			spare := int64(p.m.size.most) - int64(p.options[o].size)
			hope := p.sums[int(o)*p.quantities()+q] + s.bounds.gain(q, 0, spare)
			if capped {
				hope = min(hope, bound)
			}
			if min(hope, limit) < level {
				s.live[o] = false
			}
		}
	}
}

// groupHope bounds quantity q over the answers that use the groups of a step.
func (s *search) groupHope(q, at int) (bound int64, ok bool) {
	b, p := &s.bounds, s.plan
	bound = -impossible
	for k := range p.m.keys {
		g := &b.group[k]
		others := int64(p.m.keys[k].most) - 1
		if !g.valid || others > int64(g.width) {
			continue
		}
		first := p.steps[g.steps[g.at[p.steps[at].row]]].row
		bound = min(bound, b.groupTotal(g, q, int(first))+g.top[q*(g.width+1)+int(others)])
		ok = true
	}
	return bound, ok
}

// groupTotal is everything in the group that starts at a row.
func (b *bounds) groupTotal(g *groupBounds, q, row int) int64 { return g.rest[row*b.nq+q] }

// idle reports whether a step has no option left.
func (s *search) idle(at int) bool {
	for o := s.plan.steps[at].options; o < s.optionEnd(at); o++ {
		if s.live[o] {
			return false
		}
	}
	return true
}
