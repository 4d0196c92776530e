package spread

import "slices"

// Solve returns the best allowed set of p, or why there is none. Exactly one of
// the two results is meaningful: the Solution when the second is nil.
func Solve(p *Problem) (Solution, *Infeasible) { return new(Solver).Solve(p) }

// Solver solves problems and keeps its memory between them; results never
// depend on what was solved before and never alias that memory. The zero value
// is ready. Not for concurrent use.
type Solver struct {
	model   model
	buffers buffers
	plan    plan
	search  search
	seating seating
	set     []int32
	seats   []int32
	nodes   int
	proven  bool
}

// Solve is like the function Solve.
func (s *Solver) Solve(p *Problem) (Solution, *Infeasible) {
	if !s.decide(p) {
		return Solution{}, s.explain(p)
	}
	return s.solution(), nil
}

// decide leaves the best set and its seats in s; false when none was found,
// which is certain when s.proven.
func (s *Solver) decide(p *Problem) bool {
	s.nodes, s.proven = 0, true
	s.model.prepare(p, &s.buffers)
	m := &s.model
	if len(m.active) == 0 {
		return false
	}
	if !m.limited() && s.takeAll() {
		return true
	}
	first := s.pass(false, nil)
	if s.proven && !first {
		return false
	}
	if first && s.settled() {
		s.seats = append(s.seats[:0], s.seating.seats...)
		return true
	}
	var hint []int32
	if first {
		hint = slices.Clone(s.set)
	}
	return s.pass(true, hint) || first && s.fallBack(hint)
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
	if len(s.set) < int(m.size.least) || !s.settled() {
		return false
	}
	s.seats = append(s.seats[:0], s.seating.seats...)
	return true
}

// fallBack uses the answer of the first pass, if it is allowed, when the second
// stopped without any.
func (s *Solver) fallBack(set []int32) bool {
	room := int64(0)
	for _, i := range set {
		room += s.model.room[i]
	}
	if s.proven || room < s.model.replicas || !s.seating.assign(&s.model, set) {
		return false
	}
	s.plan.exact = false
	s.set = append(s.set[:0], set...)
	s.seats = append(s.seats[:0], s.seating.seats...)
	return true
}

// pass runs one search over the model.
func (s *Solver) pass(exact bool, hint []int32) bool {
	s.plan.build(&s.model, exact, &s.buffers)
	limit := s.model.p.NodeLimit
	if limit <= 0 {
		limit = DefaultNodeLimit
	}
	var ok bool
	s.set, s.seats, ok = s.search.run(&s.plan, limit, hint, s.set[:0], s.seats[:0])
	s.nodes += s.search.made
	s.proven = s.search.proven
	return ok
}

// settled reports whether the answer of the first pass, which ignored every
// cut-off, is the best answer: it keeps all that the pass counted as kept, and
// it reaches the best value of each level that the pass left out.
func (s *Solver) settled() bool {
	m := &s.model
	seated := s.seating.assign(m, s.set)
	if !m.p.Divided {
		return true
	}
	keep, room := int64(0), int64(0)
	for _, i := range s.set {
		keep += m.keep[i]
		room += m.room[i]
	}
	if !seated || room < m.replicas || keep > m.replicas {
		return false
	}
	if needsFresh := m.replicas > 0 && keep > 0; needsFresh && keep > m.replicas-s.seating.fresh {
		return false
	}
	for t := range len(m.tierRanks) - 1 {
		if m.heldBy(s.set, t) < m.heldBy(m.active, t) {
			return false
		}
	}
	return true
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
	return Solution{
		Chosen:    slices.Clone(s.set),
		Seats:     append([]int32(nil), s.seats...),
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
	var seen []bool
	n := 0
	for _, i := range s.set {
		for _, g := range mem.of(i) {
			for int(g) >= len(seen) {
				seen = append(seen, false)
			}
			if !seen[g] {
				seen[g] = true
				n++
			}
		}
	}
	return n
}
