package pipeline

import (
	"slices"

	"github.com/longshore-project/longshore/scheduler/framework"
)

// answersPerQuestion is how many decisions are kept for requests that differ only in what answer holds.
const answersPerQuestion = 4

// rowsOfAnswers bounds the memory of kept decisions, each of which takes some tens of bytes for each cluster of its fleet and may be the last
// to hold its snapshot. Beyond it all are forgotten at once.
const rowsOfAnswers = 1 << 19

// answer is a decision with what it depends on beside the question: the state of some facts and the rest of the request.
type answer struct {
	facts    framework.Facts
	at       framework.Generation
	replicas int64
	shape    string
	current  []framework.Assignment
	traits   traits
	made     framework.Decision
}

// traits is what requests with one placement may differ in beside numbers.
type traits struct{ fresh, descending, components bool }

func traitsOf(r *framework.Request) traits {
	return traits{r.Fresh, r.NamesDescending, len(r.Components) > 0}
}

// repeats reports whether the answer holds for the request, whose room depends on shape, and the fleet.
func (a *answer) repeats(s *framework.Snapshot, r *framework.Request, shape string) bool {
	return a.replicas == r.Replicas && a.shape == shape && a.traits == traitsOf(r) && slices.Equal(a.current, r.Current) &&
		a.at == s.Generation(a.facts)
}

// isRepeatable reports whether requests like this one are compared in full by repeats: what is rare is left out.
func isRepeatable(r *framework.Request) bool {
	return r.Placement.Fingerprint != "" && r.Shape != "" && len(r.Evicting) == 0 && r.Peers == nil
}

// answer returns the decision on an equal request, if the fleet did not change in anything that it depends on. It is shared: read only.
func (m *Memo) answer(p *Profile, s *framework.Snapshot, r *framework.Request) (framework.Decision, bool) {
	if m == nil || !isRepeatable(r) {
		return framework.Decision{}, false
	}
	key, shape := questionOf(r, r.StartTerm()), shapeOf(p.Estimates, r)
	m.mu.Lock()
	defer m.mu.Unlock()
	if known := m.questions[key]; known != nil {
		for i := len(known.answers) - 1; i >= 0; i-- {
			if a := &known.answers[i]; a.repeats(s, r, shape) {
				return a.made, true
			}
		}
	}
	return framework.Decision{}, false
}

// keep remembers a decision, unless some plugin may answer differently next time or did not answer at all.
func (m *Memo) keep(p *Profile, s *framework.Snapshot, r *framework.Request, d *framework.Decision) {
	if m == nil || !isRepeatable(r) || slices.ContainsFunc(d.Attempts, func(a framework.Attempt) bool { return len(a.Omissions) > 0 }) {
		return
	}
	facts, ok := p.facts(s, r, len(d.Attempts))
	if !ok || len(d.Omissions()) > 0 {
		return
	}
	a := answer{facts, s.Generation(facts), r.Replicas, shapeOf(p.Estimates, r), slices.Clone(r.Current), traitsOf(r), *d}
	key := questionOf(r, r.StartTerm())
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.rows += s.Len(); m.rows > rowsOfAnswers {
		for _, known := range m.questions {
			known.answers = nil
		}
		m.rows = s.Len()
	}
	known := m.remembered(key)
	if len(known.answers) == answersPerQuestion {
		m.rows -= known.answers[0].made.Attempts[0].Snapshot.Len()
		known.answers = slices.Delete(known.answers, 0, 1)
	}
	known.answers = append(known.answers, a)
}

// facts returns everything about the fleet on which the decision on r depends after so many terms were tried; ok is false when some plugin
// does not say on what it depends.
func (p *Profile) facts(s *framework.Snapshot, r *framework.Request, terms int) (facts framework.Facts, ok bool) {
	facts = framework.FactMembership
	for term := r.StartTerm(); terms > 0; term, terms = term+1, terms-1 {
		q := framework.Query{Snapshot: s, Request: r, Term: term}
		if !p.addFacts(&q, &facts) {
			return 0, false
		}
	}
	return facts, true
}

func (p *Profile) addFacts(q *framework.Query, facts *framework.Facts) bool {
	ok := true
	for _, f := range p.Filters {
		if shared, is := f.(framework.SharedFilter); is {
			*facts |= shared.Reads(q)
		} else {
			ok = ok && dependsOn(f, q, facts)
		}
	}
	for _, score := range p.Scores {
		if skippable, is := score.Plugin.(framework.SkippableScore); !is || !skippable.Skips(q) {
			ok = ok && dependsOn(score.Plugin, q, facts)
		}
	}
	if asksForRoom(q.Request) {
		*facts |= framework.FactCapacity
		ok = ok && perShape(p.Estimates)
	}
	if describes(q) {
		*facts |= describedBy
	}
	return ok && dependsOn(p.Select, q, facts) && dependsOn(p.Assign, q, facts)
}

func dependsOn(plugin any, q *framework.Query, facts *framework.Facts) bool {
	repeatable, ok := plugin.(framework.Repeatable)
	if ok {
		*facts |= repeatable.DependsOn(q)
	}
	return ok
}
