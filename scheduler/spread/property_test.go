package spread_test

import (
	"fmt"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	"pgregory.net/rapid"

	"github.com/longshore-project/longshore/scheduler/spread"
)

func rapidDraw(t *rapid.T) draw {
	return func(n int) int { return rapid.IntRange(0, n-1).Draw(t, "n") }
}

func TestMoreCapacityNeverMakesARequestInfeasible(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		d := rapidDraw(t)
		p := smallProblem(d, 10)
		if _, refusal := spread.Solve(p); refusal != nil || p.Capacity == nil {
			return
		}
		p.Capacity = slices.Clone(p.Capacity)
		for i := range p.Capacity {
			p.Capacity[i] += int64(d(4))
		}
		if _, refusal := spread.Solve(p); refusal != nil {
			t.Fatalf("refused after capacity was added: %v", refusal)
		}
	})
}

func TestRelaxingAKeyNeverWorsensTheAnswer(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		d := rapidDraw(t)
		p := smallProblem(d, 10)
		if len(p.Keys) == 0 {
			return
		}
		strict, refusal := spread.Solve(p)
		if refusal != nil {
			return
		}
		tiers := len(newOracle(p).tiers)
		key := &p.Keys[d(len(p.Keys))]
		key.Min = max(0, key.Min-d(3))
		if key.Max > 0 {
			key.Max = []int{0, key.Max + 1 + d(2)}[d(2)]
		}
		relaxed, refusal := spread.Solve(p)
		if refusal != nil {
			t.Fatalf("refused after %s was relaxed: %v", key.Name, refusal)
		}
		if tiers != len(newOracle(p).tiers) {
			return // a candidate became eligible and brought a tier of its own
		}
		if relaxed.Objective.Compare(strict.Objective) < 0 {
			t.Fatalf("%s relaxed: from %+v to %+v", key.Name, strict.Objective, relaxed.Objective)
		}
	})
}

// Groups are only names: neither their numbers nor their order in a candidate's
// list matter.
func TestGroupNumbersDoNotMatter(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		d := rapidDraw(t)
		p := smallProblem(d, 10)
		want, refusal := spread.Solve(p)
		for k := range p.Keys {
			renumber(d, &p.Keys[k].Membership)
		}
		got, again := spread.Solve(p)
		if (refusal == nil) != (again == nil) {
			t.Fatalf("refusal %v became %v", refusal, again)
		}
		want.Nodes, got.Nodes = 0, 0
		want.Seats, got.Seats = nil, nil
		if d := cmp.Diff(want, got); d != "" {
			t.Fatalf("after renumbering (-want +got):\n%s", d)
		}
	})
}

func renumber(d draw, m *spread.Membership) {
	shift := int32(d(5))
	m.Group = slices.Clone(m.Group)
	for i, g := range m.Group {
		if g != spread.NoGroup {
			m.Group[i] = (12 - g) + shift
		}
	}
	for i := 0; i+1 < len(m.Start); i++ {
		slices.Reverse(m.Group[m.Start[i]:m.Start[i+1]])
	}
}

// The order of candidates decides nothing but ties.
func TestCandidateOrderOnlyBreaksTies(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		d := rapidDraw(t)
		p := smallProblem(d, 10)
		want, refusal := spread.Solve(p)
		got, again := spread.Solve(reversed(p))
		if (refusal == nil) != (again == nil) {
			t.Fatalf("refusal %v became %v", refusal, again)
		}
		if d := cmp.Diff(want.Objective, got.Objective); d != "" {
			t.Fatalf("after reversing (-want +got):\n%s", d)
		}
	})
}

func reversed(p *spread.Problem) *spread.Problem {
	q := *p
	q.Capacity, q.Current, q.Score, q.Tier = backwards(p.Capacity), backwards(p.Current), backwards(p.Score), backwards(p.Tier)
	q.Keys = slices.Clone(p.Keys)
	for k := range q.Keys {
		m := &q.Keys[k].Membership
		if m.Start == nil {
			m.Group = backwards(m.Group)
			continue
		}
		old := *m
		m.Start, m.Group = []int32{0}, nil
		for i := p.Candidates - 1; i >= 0; i-- {
			m.Group = append(m.Group, old.Group[old.Start[i]:old.Start[i+1]]...)
			m.Start = append(m.Start, int32(len(m.Group)))
		}
	}
	return &q
}

func backwards[T any](s []T) []T {
	s = slices.Clone(s)
	slices.Reverse(s)
	return s
}

// Dividing over the answer as it asks and solving again changes nothing.
func TestFeedingTheAnswerBackKeepsIt(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		p := smallProblem(rapidDraw(t), 10)
		want, refusal := spread.Solve(p)
		if refusal != nil {
			return
		}
		p.Current = divide(newOracle(p), want)
		got, refusal := spread.Solve(p)
		if refusal != nil {
			t.Fatalf("refused its own answer: %v", refusal)
		}
		if d := cmp.Diff(want.Chosen, got.Chosen); d != "" {
			t.Fatalf("chosen (-want +got):\n%s", d)
		}
		if p.Divided && got.Objective.Kept != p.Replicas {
			t.Fatalf("keeps %d of %d replicas", got.Objective.Kept, p.Replicas)
		}
	})
}

// divide gives each seat one replica, then keeps what it can, then fills up.
func divide(o *oracle, s spread.Solution) []int64 {
	current := make([]int64, o.p.Candidates)
	if !o.p.Divided {
		for _, i := range s.Chosen {
			current[i] = o.p.Replicas
		}
		return current
	}
	left := o.p.Replicas
	give := func(i int32, n int64) {
		n = max(0, min(n, left))
		current[i] += n
		left -= n
	}
	for _, i := range s.Seats {
		give(i, 1)
	}
	for _, i := range s.Chosen {
		give(i, o.keep(int(i))-current[i])
	}
	for _, i := range s.Chosen {
		give(i, o.room(int(i))-current[i])
	}
	return current
}

// A solver carries nothing over from one problem to the next.
func TestSolverReuseChangesNothing(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		d := rapidDraw(t)
		var s spread.Solver
		for range 3 {
			p := smallProblem(d, 10)
			got, refusal := s.Solve(p)
			want, fresh := spread.Solve(p)
			if diff := cmp.Diff(want, got) + cmp.Diff(fresh, refusal); diff != "" {
				t.Fatalf("reused solver (-want +got):\n%s", diff)
			}
		}
	})
}

// A conflict is a conflict, and a smallest one: brute force finds no set under
// its constraints, and one as soon as any of them is dropped.
func TestConflictsAreSmallest(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		p := mixedProblem(rapidDraw(t))
		_, refusal := spread.Solve(p)
		if refusal == nil {
			return
		}
		if hasAnswer(p, refusal.Conflict) {
			t.Fatalf("not a conflict: %+v", refusal)
		}
		for at := range refusal.Conflict {
			rest := slices.Delete(slices.Clone(refusal.Conflict), at, at+1)
			if !hasAnswer(p, rest) {
				t.Fatalf("constraint %d is not needed: %+v", at, refusal)
			}
		}
		if len(refusal.Conflict) == 0 {
			t.Fatalf("no conflict named: %+v", refusal)
		}
		relaxed := slices.Clone(refusal.Conflict)
		if relaxed[0].Rule == spread.Maximum {
			return
		}
		relaxed[0].Value = refusal.Have
		if refusal.Have > 0 && !hasAnswer(p, relaxed) {
			t.Fatalf("%d is not possible: %+v", refusal.Have, refusal)
		}
		relaxed[0].Value++
		if refusal.Need == refusal.Conflict[0].Value && hasAnswer(p, relaxed) {
			t.Fatalf("more than %d is possible: %+v", refusal.Have, refusal)
		}
	})
}

// hasAnswer asks the oracle about p with nothing but the given constraints.
func hasAnswer(p *spread.Problem, demands []spread.Constraint) bool {
	q := *p
	q.Capacity, q.Keys = nil, slices.Clone(p.Keys)
	for k := range q.Keys {
		q.Keys[k].Min, q.Keys[k].Max = 0, 0
		for _, c := range demands {
			switch {
			case c.Key != q.Keys[k].Name:
			case c.Rule == spread.Minimum:
				q.Keys[k].Min = int(c.Value)
			case c.Rule == spread.Maximum:
				q.Keys[k].Max = int(c.Value)
			}
		}
	}
	for _, c := range demands {
		if c.Rule == spread.Room {
			q.Capacity, q.Replicas = p.Capacity, c.Value
		}
	}
	_, ok := newOracle(&q).best()
	return ok
}

// Whatever the node limit, an answer is allowed and never better than the best.
func TestNodeLimitStillGivesAllowedAnswers(t *testing.T) {
	proven := 0
	rapid.Check(t, func(t *rapid.T) {
		d := rapidDraw(t)
		p := mixedProblem(d)
		if d(2) == 0 {
			p = smallProblem(d, 9)
		}
		p.NodeLimit = 1 + d(40)
		wrong, isProven := limitedDiff(p)
		if wrong != "" {
			t.Fatalf("%s\nproblem %+v", wrong, *p)
		}
		if isProven {
			proven++
		}
	})
	if proven == 0 {
		t.Error("no answer was proven: the test says little")
	}
}

// limitedDiff checks the answer to a problem with a node limit against brute force; empty means that nothing is wrong.
func limitedDiff(p *spread.Problem) (wrong string, proven bool) {
	o := newOracle(p)
	best, feasible := o.best()
	got, refusal := spread.Solve(p)
	mask := maskOf(got.Chosen)
	switch {
	case refusal != nil && feasible && refusal.Proven:
		return fmt.Sprintf("a wrong refusal claims to be proven: %v", refusal), false
	case refusal != nil:
		return "", refusal.Proven
	case mask == 0 || !o.allowed(mask):
		return fmt.Sprintf("not allowed: %+v", got), false
	case got.Proven && mask != best.mask:
		return fmt.Sprintf("%b claims to be the best, %b is", mask, best.mask), false
	}
	if d := cmp.Diff(o.objective(mask), got.Objective, cmpopts.EquateEmpty()); d != "" && got.Proven {
		return "objective (-want +got):\n" + d, false
	}
	if got.Proven {
		return seatsProblem(o, got), true
	}
	return "", false
}
