package spread

import "math"

// scoutWidth is the number of labels that a beam keeps when it only looks for
// a better known answer.
const scoutWidth = 8

// target is what the value of a label must be able to reach.
type target struct {
	levels []int64
	raised bool // above the known answer: names do not matter yet
}

// aim sweeps with targets that may be too high: the nearer the target to the
// optimum, the fewer labels survive, and a sweep that finds an answer at or
// above its target has found the best one. After a failure the target falls
// towards the known answer, as the limit of iterative deepening does (Korf,
// doi:10.1016/0004-3702(85)90084-0). False leaves the target at the known
// answer for an ordinary sweep.
func (s *search) aim() bool {
	found := s.known.ok && (s.lower(0, 64, 16) || s.scout() && s.lower(64, 16, 4))
	if !found {
		s.target.set(s.known.levels, false)
		s.proven = true
	}
	return found
}

// lower tries raised targets, highest first: those that stay below the bound at
// the start by a part of its distance from the known answer, 0 being the bound
// itself. None may make more than its share of the labels: the ordinary sweep
// must keep most.
func (s *search) lower(parts ...int64) bool {
	at, bound := s.gap()
	if at < 0 {
		return false
	}
	limit, strict, previous := s.limit, s.strict, int64(math.MaxInt64)
	defer func() { s.limit, s.strict = limit, strict }()
	s.strict = true
	for _, part := range parts {
		level := bound
		if part > 0 {
			level -= (bound - s.known.levels[at]) / part
		}
		if level >= previous {
			continue
		}
		previous = level
		s.target.set(s.known.levels, true)
		s.target.raise(at, level)
		s.limit = s.made + limit/4
		if found := s.sweep(); found || !s.proven {
			found = found && s.proven
			s.proven = true
			return found
		}
	}
	return false
}

// scout runs a narrow beam and makes its answer the known one. It reports
// whether higher targets are worth another try.
func (s *search) scout() bool {
	if at, _ := s.gap(); at < 0 {
		return false
	}
	limit, width, strict := s.limit, s.width, s.strict
	s.limit, s.width, s.strict = 0, min(width, scoutWidth), false
	s.target.set(s.known.levels, false)
	found := s.sweep()
	s.limit, s.width, s.strict, s.proven = limit, width, strict, true
	if !found {
		return true
	}
	set, _, _ := s.unwind(nil, nil)
	s.known.improve(s, set)
	s.bounds.initJoint(&s.known)
	return true
}

func (t *target) set(levels []int64, raised bool) {
	t.levels, t.raised = append(t.levels[:0], levels...), raised
}

// raise asks for a higher value at one level, whatever comes after it.
func (t *target) raise(at int, level int64) {
	t.levels[at] = level
	for later := at + 1; later < len(t.levels); later++ {
		t.levels[later] = math.MinInt64
	}
}

// gap finds the first level at which the bound at the start exceeds the known
// answer; -1 when there is none.
func (s *search) gap() (int, int64) {
	s.start()
	s.load(0)
	s.look(0)
	for at, known := range s.known.levels {
		if hope := s.hope(at, true); hope != known {
			return at, hope
		}
	}
	return -1, 0
}
