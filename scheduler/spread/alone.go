package spread

import (
	"fmt"
	"slices"
)

// single explains by counting, without a search; nil when that is not enough.
func (s *Solver) single(p *Problem) *Infeasible {
	m := &s.model
	if grouped := p.grouped(); grouped == 0 {
		return noCandidate(p)
	} else if grouped > len(m.active) {
		return nil // some lie in more groups than a maximum allows: two constraints at least
	}
	for k := range p.Keys {
		if e := s.tooFewGroups(k); e != nil {
			return e
		}
	}
	if e := s.tooLittleRoom(); e != nil {
		return e
	}
	for k := range p.Keys {
		if e := s.tooFewWithRoom(k); e != nil {
			return e
		}
	}
	return nil
}

// tooLittleRoom explains that all candidates together cannot hold the replicas.
func (s *Solver) tooLittleRoom() *Infeasible {
	m := &s.model
	room := int64(0)
	for _, i := range m.active {
		room += m.p.room(i)
	}
	if !m.p.Divided || room >= m.replicas {
		return nil
	}
	who := fmt.Sprintf("the %d candidate clusters have", len(m.active))
	if len(m.active) == 1 {
		who = "the candidate cluster has"
	}
	return &Infeasible{
		Conflict: []Constraint{{Rule: Room, Value: m.replicas}}, Need: m.replicas, Have: room,
		Message: fmt.Sprintf("needs room for %s; %s room for %d", count(m.replicas, "replica"), who, room),
	}
}

// grouped counts the candidates with a group in every key.
func (p *Problem) grouped() int {
	n := 0
	for i := range int32(p.Candidates) {
		if !slices.ContainsFunc(p.Keys, func(k Key) bool { return !k.groups(i) }) {
			n++
		}
	}
	return n
}

// noCandidate names the key that the most candidates have no group for.
func noCandidate(p *Problem) *Infeasible {
	if p.Candidates == 0 {
		return &Infeasible{Message: "no candidate clusters"}
	}
	worst, fewest := 0, p.Candidates+1
	for k := range p.Keys {
		n := 0
		for i := range int32(p.Candidates) {
			if p.Keys[k].groups(i) {
				n++
			}
		}
		if n < fewest {
			worst, fewest = k, n
		}
	}
	key := &p.Keys[worst]
	return &Infeasible{
		Key: key.Name, Need: int64(key.least()),
		Message: fmt.Sprintf("needs %s; no candidate cluster has a value for every key (%s: %d of %d)",
			count(int64(key.least()), key.Name), key.Name, fewest, p.Candidates),
	}
}

// tooFewGroups explains a minimum that the maximum or the candidates rule out.
func (s *Solver) tooFewGroups(k int) *Infeasible {
	key := &s.model.p.Keys[k]
	need := int64(key.least())
	e := &Infeasible{Conflict: []Constraint{{Minimum, key.Name, need}}, Key: key.Name, Need: need}
	if key.Max > 0 && key.Max < key.least() {
		e.Have = int64(key.Max)
		e.Conflict = append(e.Conflict, Constraint{Maximum, key.Name, e.Have})
		e.Message = fmt.Sprintf("needs %s but allows at most %d", count(need, key.Name), key.Max)
		return e
	}
	e.Have = s.groupsOf(k, func(int32) bool { return true })
	if e.Have >= need {
		return nil
	}
	e.Message = fmt.Sprintf("needs %s; the candidate clusters have %d", count(need, key.Name), e.Have)
	return e
}

// tooFewWithRoom explains a minimum of groups that cannot each hold a replica.
func (s *Solver) tooFewWithRoom(k int) *Infeasible {
	p := s.model.p
	key, need := &p.Keys[k], int64(p.seatsNeeded(k))
	able := s.groupsOf(k, func(i int32) bool { return p.room(i) > 0 })
	if able >= need {
		return nil
	}
	groups := s.groupsOf(k, func(int32) bool { return true })
	return &Infeasible{
		Conflict: []Constraint{{Minimum, key.Name, int64(key.least())}, {Rule: Room, Value: s.model.replicas}},
		Key:      key.Name, Need: need, Have: able,
		Message: fmt.Sprintf("needs %s; %d of %d candidate %s have room", count(need, key.Name), able, groups, plural(key.Name)),
	}
}

// groupsOf counts the groups of key k with an active candidate that satisfies ok.
func (s *Solver) groupsOf(k int, ok func(int32) bool) int64 {
	s.set = s.set[:0]
	for _, i := range s.model.active {
		if ok(i) {
			s.set = append(s.set, i)
		}
	}
	return int64(s.covered(&s.model.p.Keys[k].Membership))
}
