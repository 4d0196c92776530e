package spread

import (
	"fmt"
	"slices"
	"strings"
)

// Rule names what a Constraint limits.
type Rule int

// The rules that a set can break.
const (
	// Minimum of groups of a key.
	Minimum Rule = iota
	// Maximum of groups of a key.
	Maximum
	// Room for the replicas. It belongs to no key.
	Room
)

// Constraint is one demand of a Problem.
type Constraint struct {
	Rule  Rule
	Key   string // empty for Room
	Value int64  // groups, or replicas for Room
}

// Infeasible says why no allowed set exists. It implements error.
type Infeasible struct {
	// Conflict is a smallest part of the problem that cannot be met: without
	// any one of these constraints the others can be. A constraint that cannot
	// be met by itself stands alone. Empty when no candidate has a group in
	// every key.
	Conflict []Constraint
	// Key of the constraint to look at first; empty for room.
	Key string
	// Need is what that constraint asks for and Have the most that is possible
	// (for a maximum, the least) while the rest of the conflict holds: groups, or
	// replicas for room.
	Need, Have int64
	// Message for people: "needs 3 zones; 2 of 5 candidate zones have room".
	Message string
	// Proven is false when a search stopped at its node limit, so that an
	// allowed set may exist after all.
	Proven bool
}

// Error returns Message.
func (e *Infeasible) Error() string { return e.Message }

// explain finds the conflict of a problem that decide could not solve: first
// what one constraint cannot have alone, then a smallest joint conflict.
func (s *Solver) explain(p *Problem) *Infeasible {
	proven := s.proven
	e := s.single(p)
	if e == nil {
		e = s.joint(p)
	}
	e.Proven = proven && s.proven
	if !e.Proven {
		e.Message += " (the search stopped at its node limit)"
	}
	return e
}

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

// joint drops one constraint after the other and keeps those without which a
// set exists: the deletion filter (Chinneck and Dravnieks,
// doi:10.1287/ijoc.3.2.157). What remains is a smallest conflict.
func (s *Solver) joint(p *Problem) *Infeasible {
	kept := p.constraints()
	for at := len(kept) - 1; at >= 0; at-- {
		fewer := slices.Delete(slices.Clone(kept), at, at+1)
		if !s.feasible(p, fewer) {
			kept = fewer
		}
	}
	e := &Infeasible{Conflict: kept}
	if len(kept) == 0 {
		e.Message = "no allowed set of clusters was found"
		return e
	}
	e.Key, e.Need = kept[0].Key, kept[0].Value
	e.Have = s.nearest(p, kept)
	e.Message = describe(kept, e.Have)
	return e
}

// constraints lists the demands that can bind: minimums coarse before fine,
// then room, then the maximums. The first of a conflict is the one to explain.
func (p *Problem) constraints() []Constraint {
	var list []Constraint
	for k := range p.Keys {
		if p.Keys[k].least() > 1 {
			list = append(list, Constraint{Minimum, p.Keys[k].Name, int64(p.Keys[k].Min)})
		}
	}
	if p.Divided && p.replicas() > 0 && p.Capacity != nil {
		list = append(list, Constraint{Rule: Room, Value: p.replicas()})
	}
	for k := range p.Keys {
		if p.Keys[k].Max > 0 {
			list = append(list, Constraint{Maximum, p.Keys[k].Name, int64(p.Keys[k].Max)})
		}
	}
	return list
}

// feasible reports whether p has an allowed set when it demands only these
// constraints. What is better or worse plays no role.
func (s *Solver) feasible(p *Problem, demands []Constraint) bool {
	relaxed := *p
	relaxed.Current, relaxed.Score, relaxed.Tier = nil, nil, nil
	relaxed.Capacity = nil
	relaxed.Keys = slices.Clone(p.Keys)
	for k := range relaxed.Keys {
		relaxed.Keys[k].Min, relaxed.Keys[k].Max = 0, 0
	}
	for _, d := range demands {
		if d.Rule == Room {
			relaxed.Capacity, relaxed.Replicas = p.Capacity, d.Value
			continue
		}
		key := &relaxed.Keys[slices.IndexFunc(p.Keys, func(k Key) bool { return k.Name == d.Key })]
		if d.Rule == Minimum {
			key.Min = int(d.Value)
		} else {
			key.Max = int(d.Value)
		}
	}
	proven := s.proven
	ok := s.decide(&relaxed)
	s.proven = proven && (ok || s.proven)
	return ok
}

// nearest is the value of the first constraint nearest to the demanded one that
// the others allow, by bisection.
func (s *Solver) nearest(p *Problem, conflict []Constraint) int64 {
	trial := slices.Clone(conflict)
	good, bad := int64(0), conflict[0].Value
	if conflict[0].Rule == Maximum {
		good = int64(p.widest())
	}
	for max(good-bad, bad-good) > 1 {
		trial[0].Value = (good + bad) / 2
		if s.feasible(p, trial) {
			good = trial[0].Value
		} else {
			bad = trial[0].Value
		}
	}
	return good
}

// widest is the largest number of groups that a candidate has in one key: only
// candidates in several groups can break a maximum alone.
func (p *Problem) widest() int {
	n := 1
	for k := range p.Keys {
		start := p.Keys[k].Membership.Start
		for i := 1; i < len(start); i++ {
			n = max(n, int(start[i]-start[i-1]))
		}
	}
	return n
}

// describe puts a joint conflict into words.
func describe(conflict []Constraint, have int64) string {
	var b strings.Builder
	switch first := conflict[0]; first.Rule {
	case Room:
		fmt.Fprintf(&b, "needs room for %s; %d fit", count(first.Value, "replica"), have)
	case Minimum:
		fmt.Fprintf(&b, "needs %s; %d possible", count(first.Value, first.Key), have)
	case Maximum:
		fmt.Fprintf(&b, "allows at most %s; every candidate cluster needs %d", count(first.Value, first.Key), have)
	}
	for at, c := range conflict[1:] {
		b.WriteString([]string{" with ", " and "}[min(at, 1)])
		switch c.Rule {
		case Minimum:
			fmt.Fprintf(&b, "at least %s", count(c.Value, c.Key))
		case Maximum:
			fmt.Fprintf(&b, "at most %s", count(c.Value, c.Key))
		case Room:
			fmt.Fprintf(&b, "room for %s", count(c.Value, "replica"))
		}
	}
	return b.String()
}

func count(n int64, name string) string {
	if n == 1 {
		return "1 " + name
	}
	return fmt.Sprintf("%d %s", n, plural(name))
}

// plural of a key name; label keys are not words.
func plural(name string) string {
	if strings.ContainsAny(name, "./-_") {
		return "values of " + name
	}
	return name + "s"
}
