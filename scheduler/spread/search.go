package spread

import "slices"

// search runs one plan.
type search struct {
	plan   *plan
	layout layout
	bounds bounds
	known  incumbent
	target target
	beam   beam

	nodes     []node
	now, then labels
	table     frontTable
	masks     []uint64 // by key: slots of covered groups
	closed    []uint64 // slots that close at the current step
	stale     []uint64 // slots that closed at idle steps since the labels were made
	scratch   []int64
	words     []uint64
	any       bool // any allowed set will do
	view      view
	live      []bool // by option: part of this sweep
	limit     int    // labels after which a sweep becomes a beam
	width     int    // of the beam
	strict    bool   // a sweep ends at the limit instead: a beam's answer would be of no use
	made      int
	proven    bool
}

// run appends the best allowed set to dst, with its seats to seats; ok is false
// when no set is allowed, or unproven when none was found. hints are sets that
// may serve as the first known answer.
func (s *search) run(p *plan, limit int, hints [][]int32, dst, seats []int32) (set, seated []int32, ok bool) {
	s.plan, s.limit, s.made, s.proven = p, limit, 0, true
	s.width = max(1, min(beamWidth, limit/(2*(len(p.steps)+len(p.options)+1))))
	s.layout.init(p)
	s.known.init(s, hints)
	if s.any && s.known.ok {
		return append(dst, s.known.set...), append(seats, s.known.seats...), true
	}
	s.initMasks()
	s.bounds.init(p)
	s.bounds.initJoint(&s.known)
	if s.aim() || s.sweep() {
		return s.unwind(dst, seats)
	}
	return append(dst, s.known.set...), append(seats, s.known.seats...), s.known.ok
}

// sweep advances through all steps and reports whether a label is left: one
// that reaches the target and, unless that was raised, beats the known answer.
func (s *search) sweep() bool {
	s.focus()
	s.nodes = s.nodes[:0]
	s.start()
	for at := range s.plan.steps {
		if s.idle(at) {
			s.closeSlots(at, s.stale)
			continue
		}
		s.advance(at)
		if s.made <= s.limit {
			continue
		}
		if s.strict {
			s.proven = false
			return false
		}
		s.narrow()
	}
	return s.finish()
}

// finish holds the labels after the last step against all that is demanded.
func (s *search) finish() bool {
	s.look(len(s.plan.steps))
	left := false
	for l := range s.now.len() {
		if s.now.dead[l] {
			continue
		}
		s.load(l)
		s.now.dead[l] = s.hopeless(s.now.lost[l], s.now.gained[l])
		left = left || !s.now.dead[l]
	}
	return left
}

// best is the best of the last labels.
func (s *search) best() int {
	best, v := -1, s.layout.values
	for l := range s.now.len() {
		if !s.now.dead[l] && (best < 0 || s.better(s.now.values[l*v:(l+1)*v], s.now.values[best*v:(best+1)*v], l, best)) {
			best = l
		}
	}
	return best
}

func (s *search) better(a, b []int64, labelA, labelB int) bool {
	for at := range s.layout.levels {
		if x, y := s.layout.level(at, a), s.layout.level(at, b); x != y {
			return x > y
		}
	}
	return s.compareNames(s.now.node[labelA], s.now.node[labelB]) > 0
}

// unwind appends the candidates of the best label and those of them to seat,
// both ascending.
func (s *search) unwind(set, seats []int32) (chosen, seated []int32, ok bool) {
	for n := s.now.node[s.best()]; n >= 0; n = s.nodes[n].parent {
		st, o := &s.plan.steps[s.nodes[n].step], &s.plan.options[s.nodes[n].option]
		members := s.plan.members[st.members : st.members+o.size]
		set = append(set, members...)
		seats = append(seats, members[:o.seats]...)
	}
	slices.Sort(set)
	slices.Sort(seats)
	return set, seats, true
}

func (s *search) start() {
	s.closed = resize(s.closed, s.layout.slots)
	s.stale = resize(s.stale, s.layout.slots)
	clear(s.stale)
	s.now.reset()
	s.scratch = resize(s.scratch, s.layout.values)
	s.words = resize(s.words, s.layout.words)
	clear(s.scratch)
	clear(s.words)
	s.now.values = append(s.now.values, s.scratch...)
	s.now.words = append(s.now.words, s.words...)
	s.now.node = append(s.now.node, -1)
	s.now.lost = append(s.now.lost, noIndex)
	s.now.gained = append(s.now.gained, noIndex)
	s.now.next = append(s.now.next, -1)
	s.now.dead = append(s.now.dead, false)
}

// initMasks collects the cover slots of each key.
func (s *search) initMasks() {
	w := s.layout.slots
	s.masks = resize(s.masks, w*len(s.plan.m.keys))
	clear(s.masks)
	for _, t := range s.plan.touches {
		if t.cover >= 0 {
			s.masks[int(t.key)*w+int(t.cover)/64] |= 1 << (t.cover % 64)
		}
	}
}

func resize[T any](s []T, n int) []T { return slices.Grow(s[:0], n)[:n] }
