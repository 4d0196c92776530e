package spread

import "slices"

// incumbent is a known allowed answer against which labels are pruned.
type incumbent struct {
	ok      bool
	levels  []int64
	counted []int64 // groups covered by key, then clusters
	taken   []int32 // by step: members taken
	fresh   []int32 // by step: smallest member from there on that is not taken
	set     []int32 // ascending
	seats   []int32

	trial   []int32
	values  []int64
	covered []bool
	counts  []int64
	newly   []int64 // by key: groups that the step looked at would newly cover
	gain    []int64
	best    []int64
	seating seating
}

// init tries the obvious answers: the greedy one by the objective, the greedy
// one by capacity where that is tracked, and the hints.
func (c *incumbent) init(s *search, hints [][]int32) {
	p := s.plan
	c.ok, c.levels = false, nil
	c.taken = resize(c.taken, len(p.steps))
	c.trial = resize(c.trial, len(p.steps))
	clear(c.taken)
	c.greedy(s, false)
	c.judge(s)
	if p.cutOff() {
		c.greedy(s, true)
		c.judge(s)
	}
	for _, hint := range hints {
		if c.follow(p, hint) {
			c.judge(s)
		}
	}
	c.initFresh(s)
}

// improve judges a set that a sweep has found.
func (c *incumbent) improve(s *search, set []int32) {
	if c.follow(s.plan, set) {
		c.judge(s)
	}
	c.initFresh(s)
}

func (c *incumbent) initFresh(s *search) {
	steps := s.plan.steps
	c.fresh = resize(c.fresh, len(steps)+1)
	c.fresh[len(steps)] = noIndex
	for at := len(steps) - 1; at >= 0; at-- {
		c.fresh[at] = min(c.fresh[at+1], s.firstMember(at, c.taken[at], steps[at].size))
	}
}

// follow fills the trial with a set, if its steps can express it.
func (c *incumbent) follow(p *plan, set []int32) bool {
	found := 0
	for at := range p.steps {
		st := &p.steps[at]
		c.trial[at] = 0
		for _, i := range p.members[st.members : st.members+st.size] {
			if _, ok := slices.BinarySearch(set, i); !ok {
				break
			}
			c.trial[at]++
		}
		if p.m.size.most == unbounded && c.trial[at] < st.size {
			c.trial[at] = 0
		}
		found += int(c.trial[at])
	}
	return found == len(set)
}

// judge makes the trial the known answer when it is allowed and better.
func (c *incumbent) judge(s *search) {
	p, l := s.plan, &s.layout
	set := c.collect(p)
	if !c.allowed(s, set) {
		return
	}
	levels := make([]int64, len(l.levels))
	for at := range levels {
		levels[at] = l.level(at, c.values)
	}
	order := slices.Compare(levels, c.levels)
	if c.ok && (order < 0 || order == 0 && CompareNames(set, c.set) <= 0) {
		return
	}
	c.ok, c.levels = true, levels
	c.counted = append(c.counted[:0], c.counts...)
	c.set = append(c.set[:0], set...)
	c.seats = append(c.seats[:0], c.seating.seats...)
	c.taken = append(c.taken[:0], c.trial...)
}

func (c *incumbent) collect(p *plan) []int32 {
	var set []int32
	for at, n := range c.trial {
		start := p.steps[at].members
		set = append(set, p.members[start:start+n]...)
	}
	slices.Sort(set)
	return set
}

// allowed checks every rule and leaves the values of the set in c.values.
func (c *incumbent) allowed(s *search, set []int32) bool {
	p, l := s.plan, &s.layout
	m := p.m
	c.start(p)
	c.values = resize(c.values, l.values)
	clear(c.values)
	for _, i := range set {
		p.addQuantities(c.values[:p.quantities()], i)
	}
	for at, n := range c.trial {
		if n > 0 {
			c.cover(p, at, n)
		}
	}
	copy(c.values[l.counts:], c.counts)
	for k := range m.keys {
		if c.counts[k] < int64(m.keys[k].least) || c.counts[k] > int64(m.keys[k].most) {
			return false
		}
	}
	size := c.counts[len(m.keys)]
	if size < int64(m.size.least) || size > int64(m.size.most) {
		return false
	}
	ok := c.seating.assign(m, set)
	if !p.exact || !m.p.Divided {
		return ok || !m.p.Divided
	}
	c.values[l.fresh] = c.seating.fresh
	return ok && c.values[p.quantityRoom()] >= m.replicas
}

func (c *incumbent) start(p *plan) {
	c.covered = resize(c.covered, int(p.base[len(p.m.keys)]))
	clear(c.covered)
	c.counts = resize(c.counts, len(p.m.keys)+1)
	clear(c.counts)
}

func (c *incumbent) cover(p *plan, at int, n int32) {
	for _, t := range p.touchesOf(at) {
		if id := p.base[t.key] + t.group; !c.covered[id] {
			c.covered[id] = true
			c.counts[t.key]++
		}
	}
	c.counts[len(p.m.keys)] += int64(n)
}

// greedy adds, one at a time, whatever improves the objective most at once, as
// long as the maximums hold and the clusters left can still meet the minimums.
func (c *incumbent) greedy(s *search, roomFirst bool) {
	p := s.plan
	clear(c.trial)
	c.start(p)
	n := len(s.layout.levels)
	c.gain, c.best = resize(c.gain, n+1), resize(c.best, n+1)
	for {
		chosen := -1
		for at := range p.steps {
			if !c.admissible(p, at) { // leaves in c.newly what measure reads
				continue
			}
			c.measure(s, at, roomFirst)
			if chosen < 0 || slices.Compare(c.gain, c.best) > 0 {
				chosen = at
				c.gain, c.best = c.best, c.gain
			}
		}
		if chosen < 0 {
			return
		}
		n := c.portion(p, chosen)
		c.trial[chosen] += n
		c.cover(p, chosen, n)
		if p.m.size.most == unbounded {
			c.addFree(p)
		}
	}
}

// addFree takes every step that no maximum stands against: without a maximum of
// clusters that is never worse.
func (c *incumbent) addFree(p *plan) {
	for at := range p.steps {
		if c.trial[at] == 0 && c.free(p, at) {
			c.trial[at] = p.steps[at].size
			c.cover(p, at, c.trial[at])
		}
	}
}

// free reports whether a step covers no new group of a key with a maximum.
func (c *incumbent) free(p *plan, at int) bool {
	for k := range p.m.keys {
		if p.m.keys[k].most != unbounded && c.fresher(p, at, k) > 0 {
			return false
		}
	}
	return true
}

// portion is how many members of a step are added at once.
func (c *incumbent) portion(p *plan, at int) int32 {
	if p.m.size.most == unbounded {
		return p.steps[at].size
	}
	return 1
}

func (c *incumbent) admissible(p *plan, at int) bool {
	size := &p.m.size
	if c.trial[at] >= p.steps[at].size || c.counts[len(p.m.keys)] >= int64(size.most) {
		return false
	}
	spare := int64(size.most) - c.counts[len(p.m.keys)] - 1
	c.newly = resize(c.newly, len(p.m.keys)+1)
	clear(c.newly)
	for _, t := range p.touchesOf(at) {
		if !c.covered[p.base[t.key]+t.group] {
			c.newly[t.key]++
		}
	}
	for k := range p.m.keys {
		key := &p.m.keys[k]
		covered := c.counts[k] + c.newly[k]
		if covered > int64(key.most) || int64(key.least)-covered > spare*int64(key.wide) {
			return false
		}
	}
	return true
}

// fresher counts the groups of key k that a step would newly cover.
func (c *incumbent) fresher(p *plan, at, k int) int64 {
	n := int64(0)
	for _, t := range p.touchesOf(at) {
		if int(t.key) == k && !c.covered[p.base[k]+t.group] {
			n++
		}
	}
	return n
}

// measure fills c.gain with what the next portion of a step adds per level.
func (c *incumbent) measure(s *search, at int, roomFirst bool) {
	p, l := s.plan, &s.layout
	sums := p.full(at)
	st := &p.steps[at]
	if p.m.size.most != unbounded {
		sums = p.memberSums[int(st.members+c.trial[at])*p.quantities():][:p.quantities()]
	}
	c.gain[0] = 0
	if roomFirst {
		c.gain[0] = min(sums[p.quantityRoom()], p.m.replicas)
	}
	for level, value := range l.levels {
		if value < p.quantities() {
			c.gain[level+1] = sums[value]
		} else {
			c.gain[level+1] = c.newly[value-l.counts]
		}
	}
}
