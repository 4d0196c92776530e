package spread

import "slices"

// Solve returns the best allowed set of p, or why there is none. Exactly one of
// the two results is meaningful: the Solution when the second is nil.
func Solve(p *Problem) (Solution, *Infeasible) { return new(Solver).Solve(p) }

// Solver solves problems and keeps its memory between them; results never
// depend on what was solved before and never alias that memory. The zero value
// is ready. Not for concurrent use.
type Solver struct {
	model    model
	buffers  buffers
	plan     plan
	search   search
	slicer   slicer
	combiner combiner
	seating  seating
	// knapsack is for models with at most one key.
	knapsack knapsack
	set      []int32
	seats    []int32
	seen     []bool    // by group
	hints    [][]int32 // sets that a later pass may start from
	nothing  []int64   // zeros
	nodes    int
	proven   bool
	combines bool
	rough    *Solution // allowed, of the keys that nest, where those that cross them may have more groups; nil: none
	// cramped means that slices hold sets that are allowed but for their room.
	cramped bool
	// questions is the work left for the questions of an explanation.
	questions int
	// impossible says that one of the questions was proven to have no answer.
	impossible bool
}

// Solve is like the function Solve.
func (s *Solver) Solve(p *Problem) (Solution, *Infeasible) {
	found := s.decide(p, true)
	if found && s.proven {
		return s.solution(), nil
	}
	answer := s.rough
	if found {
		if known := s.solution(); answer == nil || known.beats(answer) {
			answer = &known
		}
	}
	if !s.proven {
		answer = s.slice(p, answer, climbWork, sliceWork)
	}
	if !s.proven && s.unsearched(answer) {
		if s.searchAnew() {
			if better := s.solution(); answer == nil || better.Proven || better.beats(answer) {
				answer = &better
			}
		}
	}
	if answer == nil {
		return Solution{}, s.explain(p)
	}
	return *answer, nil
}

// unsearched reports whether the search is worth a try after slices gave this answer, nil for none.
func (s *Solver) unsearched(answer *Solution) bool {
	if s.hopeless() {
		return answer == nil && !s.cramped
	}
	return s.combines
}

// searchAnew searches with the whole limit.
func (s *Solver) searchAnew() bool {
	nodes := s.nodes
	s.nodes = 0
	found := s.lookFor()
	s.nodes += nodes
	return found
}

// sliceShare is the part of the node limit that the search gets where slices are
// another way, lastShare where they found nothing and the search is the last.
const (
	sliceShare = 4
	lastShare  = 32
)

// limit is the node limit of p.
func (s *Solver) limit(p *Problem) int {
	if p.NodeLimit > 0 {
		return p.NodeLimit
	}
	return DefaultNodeLimit
}

// decide leaves the best set and its seats in s; false when none was found,
// which is certain when s.proven. Where s.combines the combinations are to be looked
// at instead, if split allows it.
func (s *Solver) decide(p *Problem, split bool) bool {
	s.nodes, s.proven, s.cramped, s.hints, s.combines, s.rough = 0, true, false, nil, false, nil
	m := &s.model
	m.prepare(p)
	if len(m.active) == 0 {
		return false
	}
	if len(m.keys) > 1 {
		m.arrange(&s.buffers)
	}
	if !m.limited() && s.takeAll() {
		return true
	}
	switch found, possible := s.quick(); {
	case !possible:
		return false
	case found && s.settle(m.sum(m.keep, s.set)), m.held > m.replicas && !s.hopeless() && s.ignoringKept():
		return true
	}
	if len(m.keys) < 2 {
		m.arrange(&s.buffers)
	}
	if split && len(m.keys) > 1 {
		s.combines = s.slicer.init(s) && s.combiner.few()
		if s.combines && len(s.combiner.keys) == 0 {
			s.combines = false // Nothing is to be combined: either that is the answer or says nothing.
			if found, certain := s.asChain(); certain {
				return found
			}
			s.rough = s.slicer.best
		} else if s.combines {
			s.proven = false
			return false
		}
	}
	if s.pair(p) != nil {
		return false
	}
	if s.hopeless() {
		s.proven = false
		return false
	}
	return s.lookFor()
}

// asChain looks for the best set as if only the keys that nest mattered. If it meets
// the minimums of the others and has as many groups of them as there are, no other is
// better.
func (s *Solver) asChain() (found, certain bool) {
	t := &s.slicer
	t.best, t.work, t.limit, t.open = nil, 0, sliceWork, t.open[:0]
	complete, able := s.combiner.combine()
	if !able || !complete || len(t.open) > 0 || !t.provable() {
		return false, false
	}
	if t.best != nil {
		s.set, s.seats = append(s.set[:0], t.best.Chosen...), append(s.seats[:0], t.best.Seats...)
		s.plan.exact = false
	}
	return t.best != nil, true
}

// lookFor searches as decide promises.
func (s *Solver) lookFor() bool {
	m := &s.model
	first := s.pass(false)
	if s.proven && !first {
		return false
	}
	if first && s.settle(m.sum(m.keep, s.set)) {
		return true
	}
	if first {
		s.hints = append(s.hints, slices.Clone(s.set))
	}
	return s.pass(true) || first && s.fallBack(s.hints[len(s.hints)-1])
}

// labelsPerClass is how many labels a search should be able to make for each class of candidates, or else is not begun where slices serve.
const labelsPerClass = 64

// hopeless reports whether a search would soon reach its limit, so that slices are the better way.
func (s *Solver) hopeless() bool {
	if !s.model.sliceable() {
		return false
	}
	s.model.classify(&s.buffers)
	return len(s.model.classes) > s.limit(s.model.p)/labelsPerClass
}

// settle reports whether the answer of a pass that ignored every cut-off is
// allowed, reaches the best value of each level that the pass left out and keeps
// so many replicas; then it takes the seats that show it.
func (s *Solver) settle(keep int64) bool {
	kept, ok := s.judge()
	if !ok || kept != keep {
		return false
	}
	s.seats = append(s.seats[:0], s.seating.seats...)
	return true
}

// takeAll tries all active candidates, which no other set beats where no
// maximum can exclude one.
func (s *Solver) takeAll() bool {
	m := &s.model
	s.plan.exact = false
	s.set = append(s.set[:0], m.active...)
	for i := range m.keys {
		if m.keys[i].groups < m.keys[i].least {
			return false
		}
	}
	kept, ok := s.judge()
	if len(s.set) < int(m.size.least) || !ok || kept < min(m.held, m.replicas) {
		return false
	}
	s.seats = append(s.seats[:0], s.seating.seats...)
	return true
}

// ignoringKept looks for the best set as if nothing ran anywhere. That is the
// best set at all when it happens to keep every replica wanted, as after a
// scale-down.
func (s *Solver) ignoringKept() bool {
	m := &s.model
	if !m.p.Divided {
		return false
	}
	keep := m.keep
	s.nothing = resize(s.nothing, len(keep))
	clear(s.nothing)
	m.keep = s.nothing
	quick, _ := s.quick()
	m.keep = keep
	if quick && s.settle(m.replicas) {
		return true
	}
	if len(m.keys) < 2 {
		m.arrange(&s.buffers)
	}
	m.keep = s.nothing
	found := s.pass(false)
	m.keep = keep
	if !found {
		return false
	}
	if !s.settle(m.replicas) {
		s.hints = append(s.hints, slices.Clone(s.set))
		return false
	}
	return true
}

// fallBack uses the answer of the first pass, if it is allowed, when the second
// stopped without any.
func (s *Solver) fallBack(set []int32) bool {
	if s.proven || s.model.sum(s.model.room, set) < s.model.replicas || !s.seating.assign(&s.model, set) {
		return false
	}
	s.plan.exact = false
	s.set = append(s.set[:0], set...)
	s.seats = append(s.seats[:0], s.seating.seats...)
	return true
}

// pass runs one search over the model.
func (s *Solver) pass(exact bool) bool {
	s.model.classify(&s.buffers)
	s.plan.build(&s.model, exact, &s.buffers)
	limit := s.limit(s.model.p)
	limit = max(1, limit/4, limit-s.nodes)
	switch {
	case s.hopeless():
		limit = max(1, limit/lastShare)
	case s.model.sliceable():
		limit = max(1, limit/sliceShare)
	}
	var ok bool
	s.set, s.seats, ok = s.search.run(&s.plan, limit, s.hints, s.set[:0], s.seats[:0])
	s.nodes += s.search.made
	s.proven = s.search.proven
	return ok
}

// judge looks at the answer of a pass that ignored every cut-off. It returns
// how many replicas the set surely keeps; ok means that the set is allowed and
// reaches the best value of each level that the pass left out, so that it is
// the best set if no other keeps more.
func (s *Solver) judge() (kept int64, ok bool) {
	m := &s.model
	seated := s.seating.assign(m, s.set)
	keep := m.sum(m.keep, s.set)
	if !m.p.Divided {
		return keep, true
	}
	if !seated || m.sum(m.room, s.set) < m.replicas {
		return 0, false
	}
	for t := range len(m.tierRanks) - 1 {
		if m.heldBy(s.set, t) < m.heldBy(m.active, t) {
			return 0, false
		}
	}
	return min(keep, m.replicas-s.seating.fresh), true
}

// sum adds up a column over a set.
func (m *model) sum(column []int64, set []int32) int64 {
	total := int64(0)
	for _, i := range set {
		total += column[i]
	}
	return total
}

// heldBy is what the tiers up to rank t can hold of the replicas.
func (m *model) heldBy(set []int32, t int) int64 {
	sum := int64(0)
	for _, i := range set {
		if m.p.tier(i) <= m.tierRanks[t] {
			sum += m.room[i]
		}
	}
	return min(sum, m.replicas)
}

// solution describes the set in s.
func (s *Solver) solution() Solution {
	m := &s.model
	if s.plan.exact && !s.plan.scarce {
		s.seating.assign(m, s.trim())
		s.seats = append(s.seats[:0], s.seating.seats...)
	}
	if !m.p.Divided || m.replicas == 0 {
		s.seats = s.seats[:0]
	}
	n := len(s.set)
	both := append(append(make([]int32, 0, n+len(s.seats)), s.set...), s.seats...)
	return Solution{
		Chosen:    both[:n:n],
		Seats:     both[n:],
		Objective: s.objective(),
		Proven:    s.proven,
		Nodes:     s.nodes,
	}
}

// trim is the set within which the final seats are looked for: the seats of the
// label where they were a choice, else all of the chosen.
func (s *Solver) trim() []int32 {
	if s.plan.choose {
		return slices.Clone(s.seats)
	}
	return s.set
}

func (s *Solver) objective() Objective {
	m := &s.model
	o := Objective{Groups: make([]int, len(m.p.Keys))}
	for _, i := range s.set {
		o.Kept += m.keep[i]
		o.Score += m.score[i]
		o.Capacity += m.room[i]
	}
	if m.p.Divided {
		o.Kept = min(o.Kept, m.replicas-s.freshSeats())
	}
	for t := range max(0, len(m.tierRanks)-1) {
		o.Tiers = append(o.Tiers, s.tierLevel(t))
	}
	for k := range m.p.Keys {
		o.Groups[k] = s.covered(&m.p.Keys[k].Membership)
	}
	return o
}

func (s *Solver) tierLevel(t int) int64 {
	m := &s.model
	if m.p.Divided {
		return m.heldBy(s.set, t)
	}
	n := int64(0)
	for _, i := range s.set {
		if m.p.tier(i) <= m.tierRanks[t] {
			n++
		}
	}
	return n
}

func (s *Solver) freshSeats() int64 {
	n := int64(0)
	for _, i := range s.seats {
		if s.model.keep[i] == 0 {
			n++
		}
	}
	return n
}

// covered is the number of groups that the set touches.
func (s *Solver) covered(mem *Membership) int {
	if mem.own() {
		return len(s.set)
	}
	s.seen = s.seen[:0]
	n := 0
	for _, i := range s.set {
		for _, g := range mem.of(i) {
			for int(g) >= len(s.seen) {
				s.seen = append(s.seen, false)
			}
			if !s.seen[g] {
				s.seen[g] = true
				n++
			}
		}
	}
	return n
}
