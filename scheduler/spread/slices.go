package spread

import (
	"cmp"
	"slices"
)

// A slice of a problem is the candidates within some groups of every key but
// one. As long as the maximums of those keys are ignored its best set is a
// knapsack over the groups of the key that is left, and an upper bound for every
// allowed set in the slice. Where the set has too many groups of some key, one of
// them must go: the slice is divided by which (branch and bound; Land and Doig,
// doi:10.2307/1910129).

// Limits of the work on slices, in looks at a candidate: some milliseconds.
const (
	climbWork = 3 << 18
	sliceWork = climbWork + 3<<17
	leafWork  = 700 // what a knapsack costs beside its candidates and additions

	additionsPerLook = 2
	looksPerMember   = 12
)

// slicer looks at slices of the model of its solver, which must be arranged.
type slicer struct {
	s       *Solver
	m       *model
	fixed   []int // keys whose groups are fixed where one key is left, by position in m.keys
	last    int   // the key with the most groups
	chain   []int // it and those that it nests in, coarse first
	left    []int // the keys that are left
	divided []int // the keys by whose groups slices differ
	active  []int32
	index   []int     // by key: in Problem.Keys; m forgets it when a part is searched
	column  [][]int32 // by key: group of each candidate; of several the first
	laid    [][]int32 // by key: their memory where they had to be laid out
	groups  [][]int32 // by key: groups with a candidate
	allowed [][]bool  // by key, group: part of the slice
	forced  [][]bool  // by key, group: part of all that the slice is divided into
	values  []int64   // by group
	firsts  []int32   // by group of the key that is left
	rooms   []int64   // the largest
	lists   [][]int32 // by depth: candidates that are left
	leaf    model     // m with the candidates of a slice and the key that is left
	bound   Objective // of the slice looked at
	best    *Solution // best allowed set of all slices and before
	open    []openSlice
	work    int
	limit   int // of work
}

// enough reports whether there is an answer where any will do.
func (t *slicer) enough() bool { return t.s.search.any && t.best != nil }

// openSlice is a slice whose bound is not reached by a set of its own.
type openSlice struct {
	bound   Objective
	set     []int32 // that reaches it
	allowed [][]bool
}

// slice improves on the known answer, nil for none: by the combinations of the
// groups of the fixed keys where they are few, else first by exchanging one group
// for another and then by branch and bound. It leaves in s whether the result is
// proven. A problem that cannot be sliced keeps its known answer. The slicer is that
// of the model.
func (s *Solver) slice(p *Problem, known *Solution, climb, work int) *Solution {
	t := &s.slicer
	if !s.combines && (!s.model.sliceable() || !t.init(s)) {
		return known
	}
	t.best, t.work, t.limit, t.open = known, 0, work, t.open[:0]
	proven := t.provable()
	complete, able := s.combines, s.combines
	if able {
		complete, able = s.combiner.combine()
	}
	switch {
	case able:
		proven = proven && complete
	case !t.m.sliceable():
		return t.best
	default:
		t.lay() // anew, without what combinations have left
		t.open = t.open[:0]
		t.climb(climb)
		if t.enough() {
			return t.best
		}
		proven = proven && t.branchAll()
	}
	if t.enough() {
		return t.best
	}
	if proven && len(t.open) > 0 {
		proven = t.close(p)
		nodes := s.nodes
		s.model.prepare(p)
		s.model.arrange(&s.buffers)
		s.nodes = nodes
	}
	s.proven = proven
	if t.best != nil {
		t.best.Proven, t.best.Nodes = proven, s.nodes
	}
	return t.best
}

// provable reports whether bounds of slices say enough: what is kept beyond the replicas
// counts in them and for no set.
func (t *slicer) provable() bool { return t.m.held <= t.m.replicas || !t.m.p.Divided }

// branchAll is branch over everything.
func (t *slicer) branchAll() bool {
	t.divided = t.fixed
	t.leave(t.last)
	for _, f := range t.fixed {
		t.allowAll(f)
	}
	return t.branch(0, t.active)
}

// init prepares for a model. It chooses the key that is left, the one with the most
// groups, those that it nests in, and of the others those with a maximum. It reports
// whether slices say anything.
func (t *slicer) init(s *Solver) bool {
	m := &s.model
	t.s, t.m, t.last = s, m, 0
	c := &s.combiner
	t.fixed, c.slicer, c.keys = t.fixed[:0], t, c.keys[:0]
	if m.chain || len(m.tierRanks) > 1 {
		return false
	}
	for at := range m.keys {
		if m.keys[at].groups > m.keys[t.last].groups {
			t.last = at
		}
	}
	t.chain = m.longestChain(t.chain[:0], t.last)
	for at := range m.keys {
		if at == t.last || m.keys[at].most == unbounded {
			continue
		} else if m.keys[at].wide > 1 {
			return false
		}
		t.fixed = append(t.fixed, at)
		if !slices.Contains(t.chain, at) {
			c.keys = append(c.keys, at)
		}
	}
	t.lay()
	return true
}

// lay lays out the groups and the candidates of the model.
func (t *slicer) lay() {
	m, n := t.m, len(t.m.keys)
	t.index = t.index[:0]
	t.column, t.laid, t.groups = resize(t.column, n), resize(t.laid, n), resize(t.groups, n)
	t.allowed, t.forced = resize(t.allowed, n), resize(t.forced, n)
	for at := range m.keys {
		key := &m.keys[at]
		t.index = append(t.index, key.index)
		t.column[at] = m.p.Keys[key.index].Membership.column(&t.laid[at], m.active)
		t.groups[at] = key.present(t.groups[at][:0])
		t.allowed[at], t.forced[at] = resize(t.allowed[at], len(key.first)), resize(t.forced[at], len(key.first))
		clear(t.allowed[at])
		clear(t.forced[at])
	}
	t.active = append(t.active[:0], m.active...)
	t.bound = Objective{Groups: resize(t.bound.Groups, len(m.p.Keys))}
	keys, fixed := t.leaf.keys, t.leaf.fixed
	t.leaf = *m
	t.leaf.chain = true
	t.leaf.keys = keys[:0]
	t.leaf.fixed = resize(fixed, len(m.p.Keys))
	clear(t.leaf.fixed)
}

// leave makes key f, by its position in m.keys, the one that knapsacks decide.
func (t *slicer) leave(f int) {
	t.leaf.keys = append(t.leaf.keys[:0], t.m.keys[f])
	t.leaveOnly(f)
}

// leaveChain makes the keys of the chain those that knapsacks decide, over all
// candidates.
func (t *slicer) leaveChain() {
	t.leaf.keys = t.leaf.keys[:0]
	for _, f := range t.chain {
		t.leaf.keys = append(t.leaf.keys, t.m.keys[f])
	}
	t.leaf.active = t.active
	t.leaveOnly(t.chain...)
}

func (t *slicer) leaveOnly(keys ...int) {
	for at := range t.m.keys {
		t.leaf.fixed[t.m.keys[at].index] = !slices.Contains(keys, at)
	}
	t.left = append(t.left[:0], keys...)
}

// longestChain appends the keys that key f nests in, and that nest with each other, coarse
// first, and key f itself.
func (m *model) longestChain(chain []int, f int) []int {
	order := make([]int, 0, len(m.keys))
	for at := range m.keys {
		if at != f && m.keys[at].wide == 1 {
			order = append(order, at)
		}
	}
	slices.SortStableFunc(order, func(a, b int) int { return cmp.Compare(m.keys[b].groups, m.keys[a].groups) })
	chain = append(chain, f)
	for _, at := range order {
		if !slices.ContainsFunc(chain, func(finer int) bool { return !slices.Contains(m.keys[at].finer, finer) }) {
			chain = append(chain, at)
		}
	}
	slices.Reverse(chain)
	return chain
}

// sliceable reports whether slices say more than the search: where keys nest it
// is the search that is quick.
func (m *model) sliceable() bool {
	if len(m.keys) < 2 || m.laminar || len(m.tierRanks) > 1 {
		return false
	}
	limited := 0
	for k := range m.keys {
		if m.keys[k].wide != 1 {
			return false
		}
		if m.keys[k].most != unbounded {
			limited++
		}
	}
	return limited > 1
}

func (t *slicer) allowAll(f int) {
	for _, g := range t.groups[f] {
		t.allowed[f][g], t.forced[f][g] = true, false
	}
}

// branch looks at the slice with these candidates and divides it until nothing
// in it can be better than the best set. False when the work became too much.
func (t *slicer) branch(depth int, candidates []int32) bool {
	if t.work > t.limit || t.enough() {
		return false
	}
	t.work += len(candidates) + leafWork
	if len(candidates) == 0 || t.best == nil && t.lacksRoom(candidates) {
		return true
	}
	set, able := t.solve(candidates)
	switch {
	case !able:
		return false
	case set == nil || !t.beats(t.bound, set) || t.roomiest() && t.bound.Capacity < t.m.replicas:
		return true
	}
	f, used := t.excess(set)
	if f < 0 {
		t.take(set, true)
		return true
	}
	return t.divide(depth, f, used, candidates)
}

// lacksRoom reports whether as many of the candidates as there may be cannot hold the replicas.
func (t *slicer) lacksRoom(candidates []int32) bool {
	m := t.m
	if !m.p.Divided {
		return false
	}
	if m.size.most == unbounded {
		return m.sum(m.room, candidates) < m.replicas
	}
	t.rooms = resize(t.rooms, int(m.size.most))
	clear(t.rooms)
	for _, i := range candidates {
		push(t.rooms, m.room[i])
	}
	sum := int64(0)
	for _, room := range t.rooms {
		sum += room
	}
	return sum < m.replicas
}

// roomiest reports whether the knapsack's set has the most room of all in the slice: nothing comes before room.
func (t *slicer) roomiest() bool {
	k := &t.s.knapsack
	return t.m.p.Divided && k.plain && k.whole && len(k.tallies) == 0 && len(k.levels) == 1
}

// divide branches on the groups of a fixed key of which there are too many. As
// many of the first as may stay do, and all others go; or the last of those goes,
// and the ones before it stay; and so on.
func (t *slicer) divide(depth, f int, used, candidates []int32) bool {
	for len(t.lists) <= depth {
		t.lists = append(t.lists, nil)
	}
	allowed, forced := t.allowed[f], t.forced[f]
	left := int(t.m.keys[f].most)
	for _, g := range t.groups[f] {
		if forced[g] {
			left--
		}
	}
	free := slices.DeleteFunc(used, func(g int32) bool { return forced[g] })
	deeper := func() bool {
		t.lists[depth] = t.filter(t.lists[depth][:0], f, candidates)
		return t.branch(depth+1, t.lists[depth])
	}
	for _, g := range free[:left] {
		forced[g] = true
	}
	before := slices.Clone(allowed)
	copy(allowed, forced)
	complete := deeper() // a good answer early leaves less to look at
	copy(allowed, before)
	for at := left - 1; at >= 0; at-- {
		g := free[at]
		allowed[g], forced[g] = false, false
		complete = complete && deeper()
		allowed[g] = true
	}
	return complete
}

// excess returns the first fixed key of which the set has too many groups, with
// those groups, the most valuable first; -1 when there is none.
func (t *slicer) excess(set []int32) (f int, used []int32) {
	for _, f := range t.fixed {
		values := resize(t.values, len(t.allowed[f]))
		t.values = values
		clear(values)
		used = used[:0]
		for _, i := range set {
			g := t.column[f][i]
			if !slices.Contains(used, g) {
				used = append(used, g)
			}
			values[g] += t.s.knapsack.value(i)
		}
		if len(used) > int(t.m.keys[f].most) {
			slices.SortStableFunc(used, func(a, b int32) int { return cmp.Compare(values[b], values[a]) })
			return f, used
		}
	}
	return -1, nil
}

// filter appends the candidates whose group of a fixed key is allowed.
func (t *slicer) filter(dst []int32, f int, candidates []int32) []int32 {
	column, allowed := t.column[f], t.allowed[f]
	for _, i := range candidates {
		if allowed[column[i]] {
			dst = append(dst, i)
		}
	}
	t.work += len(candidates)
	return dst
}

// take keeps a set if it is allowed and the best so far, and reports whether it is as
// good as the bound of its slice. A slice that may hold something better stays open if
// it is to be remembered.
func (t *slicer) take(set []int32, remember bool) (reached bool) {
	answer, reached := t.judge(set)
	if remember && !reached {
		open := openSlice{bound: t.bound, set: slices.Clone(set)}
		open.bound.Groups = slices.Clone(t.bound.Groups)
		for _, allowed := range t.allowed {
			open.allowed = append(open.allowed, slices.Clone(allowed))
		}
		t.open = append(t.open, open)
	}
	if answer != nil && t.beats(answer.Objective, answer.Chosen) {
		t.best = answer
	}
	return reached
}

// beats reports whether a set is better than the best one.
func (t *slicer) beats(o Objective, set []int32) bool {
	if t.best == nil {
		return true
	}
	order := o.Compare(t.best.Objective)
	return order > 0 || order == 0 && CompareNames(set, t.best.Chosen) > 0
}

// solve runs the knapsack and leaves in t.bound what no set of the slice exceeds.
// The set is nil when there is none. Able is false when the knapsack is too large.
func (t *slicer) solve(candidates []int32) (set []int32, able bool) {
	m, k := t.m, &t.s.knapsack
	t.leaf.active = candidates
	key := &t.leaf.keys[0]
	key.first = t.firsts
	key.measure(&m.p.Keys[key.index].Membership, candidates)
	t.firsts = key.first
	found, able := k.solve(&t.leaf)
	t.work += k.table.work / additionsPerLook
	if !found {
		return nil, able
	}
	return t.found(candidates), able
}

// found takes the set that the knapsack has found, and leaves in t.bound what no
// set of the slice exceeds.
func (t *slicer) found(candidates []int32) []int32 {
	s, m, k := t.s, t.m, &t.s.knapsack
	s.set = k.best(s.set[:0], candidates)
	s.nodes += len(k.table.nodes)
	t.work += looksPerMember * len(s.set)
	t.bound.Kept, t.bound.Score, t.bound.Capacity = m.sum(m.keep, s.set), m.sum(m.score, s.set), m.sum(m.room, s.set)
	for at, counter := range m.counters {
		switch {
		case counter == len(m.keys):
			t.bound.Groups[at] = len(s.set)
		case slices.Contains(t.left, counter):
			t.bound.Groups[at] = s.covered(&m.p.Keys[at].Membership)
		default:
			t.bound.Groups[at] = m.mostGroups(counter)
		}
	}
	return s.set
}

// judge returns the set as an answer, nil when it is not allowed, and whether it
// is as good as the bound of its slice.
func (t *slicer) judge(set []int32) (answer *Solution, reached bool) {
	s, m := t.s, t.m
	_, ok := s.judge()
	s.seats = append(s.seats[:0], s.seating.seats...)
	o := s.objective()
	for at, counter := range m.counters {
		limits := &m.size
		if counter < len(m.keys) {
			limits = &m.keys[counter].limits
		}
		if n := int32(o.Groups[at]); n < limits.least || n > limits.most {
			return nil, false
		}
	}
	if !ok {
		s.cramped = s.cramped || o.Capacity < m.replicas
		return nil, false
	}
	answer = &Solution{Chosen: slices.Clone(set), Seats: append([]int32(nil), s.seats...), Objective: o}
	return answer, o.Compare(t.bound) == 0
}

// close searches the open slices that may still hold something better, the most
// promising first. It reports whether none is left.
func (t *slicer) close(p *Problem) bool {
	slices.SortStableFunc(t.open, func(a, b openSlice) int { return cmp.Or(b.bound.Compare(a.bound), CompareNames(b.set, a.set)) })
	s := t.s
	limit := s.limit(p)
	left := limit
	for i := range t.open {
		o := &t.open[i]
		if !t.beats(o.bound, o.set) {
			continue
		}
		if left <= 0 {
			return false
		}
		sub := t.within(p, o)
		sub.NodeLimit = max(1, left/2)
		s.search.strict = t.best != nil
		found := s.decide(sub, false)
		s.search.strict = false
		left -= s.nodes
		if found {
			if answer := s.solution(); t.beats(answer.Objective, answer.Chosen) {
				t.best = &answer
			}
		}
		if !s.proven {
			return false
		}
	}
	return true
}

// within is p with the candidates of an open slice.
func (t *slicer) within(p *Problem, o *openSlice) *Problem {
	sub := *p
	sub.Keys = slices.Clone(p.Keys)
	for _, f := range t.divided {
		group := slices.Repeat([]int32{NoGroup}, p.Candidates)
		for _, i := range t.active {
			if g := t.column[f][i]; o.allowed[f][g] {
				group[i] = g
			}
		}
		sub.Keys[t.index[f]].Membership = Membership{Group: group}
	}
	return &sub
}
