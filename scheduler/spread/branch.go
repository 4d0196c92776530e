package spread

import (
	"math/bits"
	"slices"
)

// branchWidth bounds the groups of a key that is branched on, and so the
// subproblems: 70 at most, ten for two of five groups.
const branchWidth = 8

// branchShare is the part of the node limit that the undivided search gets when
// branching remains as another way.
const branchShare = 4

// branchKey is a key with a maximum whose few groups cross those of all other
// keys, -1 if there is none. Once its groups are fixed the others may nest.
func (m *model) branchKey() int {
	for i := range m.keys {
		k := &m.keys[i]
		if k.degree == 0 && k.wide == 1 && k.most != unbounded && k.groups <= branchWidth && len(m.keys) > 1 {
			return i
		}
	}
	return -1
}

// branch solves p once for each largest allowed set of groups of a crossing key
// and returns the best answer, known among them. Every allowed set lies within
// one of those sets of groups. False when there is no such key.
func (s *Solver) branch(p *Problem, known *Solution) (best *Solution, ok bool) {
	at := s.model.branchKey()
	if at < 0 {
		return known, false
	}
	answers, nodes, proven := []*Solution{known}, s.nodes, true
	key := &s.model.keys[at]
	index, most, groups := key.index, int(key.most), key.present()
	limit := max(1, s.limit(p)/subsets(len(groups), most))
	for mask := range uint(1) << len(groups) {
		if bits.OnesCount(mask) != most {
			continue
		}
		sub := p.within(index, func(g int32) bool { return mask>>slices.Index(groups, g)&1 == 1 })
		sub.NodeLimit = limit
		if s.decide(sub) {
			answer := s.solution()
			answers = append(answers, &answer)
		}
		nodes, proven = nodes+s.nodes, proven && s.proven
	}
	s.model.prepare(p)
	s.model.arrange(&s.buffers)
	s.nodes, s.proven = nodes, proven
	return s.bestOf(answers), true
}

// subsets counts the subsets of k out of n groups.
func subsets(n, k int) int {
	count := 0
	for mask := range uint(1) << n {
		if bits.OnesCount(mask) == k {
			count++
		}
	}
	return max(1, count)
}

// present lists the groups that have an active candidate.
func (k *keyModel) present() []int32 {
	var groups []int32
	for g, first := range k.first {
		if first >= 0 {
			groups = append(groups, int32(g))
		}
	}
	return groups
}

// within is p with the candidates whose group of key k is among those allowed.
func (p *Problem) within(k int, allowed func(g int32) bool) *Problem {
	sub := *p
	sub.Keys = slices.Clone(p.Keys)
	key := &sub.Keys[k]
	key.Max = 0
	group := make([]int32, p.Candidates)
	for i := range group {
		group[i] = NoGroup
		if of := key.Membership.of(int32(i)); len(of) == 1 && allowed(of[0]) {
			group[i] = of[0]
		}
	}
	key.Membership = Membership{Group: group}
	return &sub
}

// bestOf compares answers, which may be nil, under the model of the undivided
// problem.
func (s *Solver) bestOf(answers []*Solution) *Solution {
	var best *Solution
	for _, a := range answers {
		if a == nil {
			continue
		}
		s.set, s.seats = append(s.set[:0], a.Chosen...), append(s.seats[:0], a.Seats...)
		a.Objective = s.objective()
		if best != nil {
			order := a.Objective.Compare(best.Objective)
			if order < 0 || order == 0 && CompareNames(a.Chosen, best.Chosen) <= 0 {
				continue
			}
		}
		best = a
	}
	if best != nil {
		best.Nodes, best.Proven = s.nodes, s.proven
	}
	return best
}
