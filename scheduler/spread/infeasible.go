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
	// allowed set may exist after all. Where only what is nearest was not found
	// out to the end, Message says so.
	Proven bool
}

// Error returns Message.
func (e *Infeasible) Error() string { return e.Message }

// explain finds the conflict of a problem that decide could not solve: first
// what one constraint cannot have alone, then a smallest joint conflict. It is proven
// when the search went to its end, or some of the constraints were proven to exclude
// one another.
func (s *Solver) explain(p *Problem) *Infeasible {
	certain := s.proven
	s.proven, s.impossible, s.questions = true, false, questionsWork
	e := s.single(p)
	if e == nil && p.grouped() == len(s.model.active) { // else a maximum alone may be what cannot be met
		e = s.pair(p)
	}
	if e != nil { // It is counted.
		e.Proven = true
		return e
	}
	e = s.joint(p)
	switch e.Proven = certain && s.proven || s.impossible; {
	case !e.Proven:
		e.Message += " (the search stopped at its node limit)"
	case !s.proven:
		e.Message += " (as far as the search went: it stopped at its node limit)"
	}
	return e
}

// joint drops one constraint after the other and keeps those without which a
// set exists: the deletion filter (Chinneck and Dravnieks,
// doi:10.1287/ijoc.3.2.157). What remains is a smallest conflict.
func (s *Solver) joint(p *Problem) *Infeasible {
	kept := s.oneKey(p, p.constraints())
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

// oneKey returns the demands on the first key that cannot be met together with
// those on clusters and on room, all if there is no such key. It is asked first
// because one key needs no search.
func (s *Solver) oneKey(p *Problem, all []Constraint) []Constraint {
	single := func(name string) bool {
		return name == "" || p.Keys[slices.IndexFunc(p.Keys, func(k Key) bool { return k.Name == name })].Membership.own()
	}
	for k := range p.Keys {
		if single(p.Keys[k].Name) {
			continue
		}
		some := slices.DeleteFunc(slices.Clone(all), func(c Constraint) bool { return c.Key != p.Keys[k].Name && !single(c.Key) })
		if len(some) < len(all) && !s.feasible(p, some) {
			return some
		}
	}
	return all
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

// explainShare is the part of the node limit that one of the many questions gets
// of which an explanation is made.
const explainShare = 8

// questionsWork is the work on slices for all questions of an explanation together, of which each may take a part of what is left.
const (
	questionsWork = 1 << 17
	questionPart  = 8
)

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
	relaxed.NodeLimit = max(1, s.limit(p)/explainShare)
	proven := s.proven
	s.search.any, s.search.strict = true, true
	ok := s.decide(&relaxed, true) || s.rough != nil
	if !ok && !s.proven {
		work := s.questions / questionPart
		ok = s.slice(&relaxed, nil, work/2, work) != nil
		s.questions -= work
		if !ok && !s.proven && s.combines && !s.hopeless() {
			ok = s.searchAnew()
		}
	}
	s.search.any, s.search.strict = false, false
	s.impossible = s.impossible || !ok && s.proven
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
