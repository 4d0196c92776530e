package spread

import "math"

// noIndex is larger than every candidate index.
const noIndex int32 = math.MaxInt32

// layout says where a label keeps what. All values of one search have the same
// layout; the quantities of an option come first.
type layout struct {
	plan   *plan
	values int // values per label
	counts int // groups covered by key, then the clusters chosen
	fresh  int // seats that keep nothing
	seated int // seats in all
	seats  int // groups seated by key, then the seats
	words  int // signature words per label
	slots  int // of them, words that hold the open groups
	fields []field
	levels []int // value that decides each level; level 0 is quantityKeep
}

// field packs min(value, cap) into the signature.
type field struct {
	value int
	cap   int64
	word  int
	shift uint
}

func (l *layout) init(p *plan) {
	q := len(p.m.keys)
	l.plan = p
	l.counts = p.quantities()
	l.fresh = l.counts + q + 1
	l.seated = l.fresh + 1
	l.seats = l.seated + 1
	l.values = l.seats + q + 1
	l.slots = (p.bits + 63) / 64
	l.words = l.slots
	l.fields = l.fields[:0]
	used := uint(64)
	for k := range q {
		lim := p.m.keys[k].limits
		used = l.limit(lim, k, p.countsSeats(k), used)
	}
	l.limit(p.m.size, q, p.seats && p.m.size.seats > 1, used)
	l.initLevels()
}

// limit adds the fields that key k needs: the exact count under a maximum, the
// count up to the minimum otherwise, and the seats up to their minimum.
func (l *layout) limit(lim limits, k int, seats bool, used uint) uint {
	switch {
	case lim.most != unbounded:
		used = l.pack(l.counts+k, int64(lim.most), used)
	case lim.least > 1:
		used = l.pack(l.counts+k, int64(lim.least), used)
	}
	if seats {
		used = l.pack(l.seats+k, int64(lim.seats), used)
	}
	return used
}

func (l *layout) pack(value int, limit int64, used uint) uint {
	width := uint(0)
	for limit>>width > 0 {
		width++
	}
	if used+width > 64 {
		l.words, used = l.words+1, 0
	}
	l.fields = append(l.fields, field{value, limit, l.words - 1, used})
	return used + width
}

func (l *layout) initLevels() {
	p := l.plan
	l.levels = append(l.levels[:0], quantityKeep)
	for t := range p.tiers {
		l.levels = append(l.levels, 1+t)
	}
	l.levels = append(l.levels, p.quantityScore())
	for _, c := range p.m.counters {
		if c == len(p.m.keys) {
			l.levels = append(l.levels, p.quantitySize())
			continue
		}
		l.levels = append(l.levels, l.counts+c)
	}
	l.levels = append(l.levels, p.quantityRoom())
}

// level returns the value of a complete label at one level of the objective.
// The same function on optimistic values gives an upper bound.
func (l *layout) level(at int, values []int64) int64 {
	v := values[l.levels[at]]
	p := l.plan
	if !p.cutOff() || at > p.tiers {
		return v
	}
	if at == 0 {
		return min(v, p.m.replicas-l.cost(values))
	}
	return min(v, p.m.replicas)
}

// cost is the number of replicas that seats take from where they run.
func (l *layout) cost(values []int64) int64 {
	if l.plan.choose {
		return values[l.fresh]
	}
	return 0
}

// node records that a label took an option; nodes form a tree by parent.
type node struct {
	parent int32 // -1 at the root
	step   int32
	option int32
}

// labels are partial answers after one step, structure of arrays.
type labels struct {
	values []int64
	words  []uint64
	node   []int32
	lost   []int32 // smallest candidate of the known answer that it passed over
	gained []int32 // smallest candidate taken that the known answer lacks
	next   []int32 // next label of the same signature, -1 at the end
	dead   []bool  // displaced by a better one
}

func (s *labels) reset() {
	s.values, s.words, s.node = s.values[:0], s.words[:0], s.node[:0]
	s.lost, s.gained, s.next, s.dead = s.lost[:0], s.gained[:0], s.next[:0], s.dead[:0]
}

func (s *labels) len() int { return len(s.node) }

// compareNames tells which of two label chains holds the smallest candidate
// that the other lacks: 1 for a, -1 for b, 0 when they hold the same.
func (s *search) compareNames(a, b int32) int {
	onlyA, onlyB := noIndex, noIndex
	for a != b {
		x, y := s.nodeAt(a), s.nodeAt(b)
		switch {
		case x.step > y.step:
			onlyA, a = min(onlyA, s.plan.options[x.option].first), x.parent
		case y.step > x.step:
			onlyB, b = min(onlyB, s.plan.options[y.option].first), y.parent
		default:
			i, j := s.plan.options[x.option].size, s.plan.options[y.option].size
			onlyA = min(onlyA, s.firstMember(int(x.step), j, i))
			onlyB = min(onlyB, s.firstMember(int(x.step), i, j))
			a, b = x.parent, y.parent
		}
	}
	return compare(int64(onlyB), int64(onlyA))
}

func (s *search) nodeAt(n int32) node {
	if n < 0 {
		return node{parent: -1, step: -1}
	}
	return s.nodes[n]
}

// firstMember is the smallest of the members [from, to) of a step.
func (s *search) firstMember(step int, from, to int32) int32 {
	first := noIndex
	start := s.plan.steps[step].members
	for at := from; at < to; at++ {
		first = min(first, s.plan.members[start+at])
	}
	return first
}
