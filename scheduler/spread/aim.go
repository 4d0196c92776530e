package spread

import "math"

// raises are the parts of the gap between the known answer and the bound at
// the start by which the target stays below that bound, one attempt each.
var raises = [...]int64{0, 64, 16, 4}

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
	s.target.set(s.known.levels, false)
	if !s.known.ok {
		return false
	}
	s.start()
	s.load(0)
	s.look(0)
	at, bound := s.gap()
	found := at >= 0 && s.lower(at, bound)
	if !found {
		s.target.set(s.known.levels, false)
		s.proven = true
	}
	return found
}

// lower tries the raised targets, highest first. None may make more than its
// share of the labels: the ordinary sweep must keep most.
func (s *search) lower(at int, bound int64) bool {
	limit, previous := s.limit, int64(math.MaxInt64)
	defer func() { s.limit = limit }()
	for _, part := range raises {
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
		s.limit = s.made + limit/8
		if found := s.sweep(); found || !s.proven {
			return found && s.proven
		}
	}
	return false
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
	for at, known := range s.known.levels {
		if hope := s.hope(at, true); hope != known {
			return at, hope
		}
	}
	return -1, 0
}
