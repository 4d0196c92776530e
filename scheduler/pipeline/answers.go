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
	shape := shapeOf(p.Estimates, r)
	key := questionOf(r, r.StartTerm())
	m.mu.Lock()
	defer m.mu.Unlock()
	if known, ok := m.questions.get(key); ok {
		for i := len(known.answers) - 1; i >= 0; i-- {
			if a := &known.answers[i]; a.repeats(s, r, shape) {
				return a.made, true
			}
		}
	}
	return framework.Decision{}, false
}

// basis is what a decision depends on beside its question, as far as the attempts go that were made.
type basis struct {
	facts framework.Facts
	// known is false when some plugin may answer differently next time, or did not answer at all.
	known bool
}

// add takes in an attempt.
func (b *basis) add(a *attempt) {
	b.known = b.known && len(a.Omissions) == 0 && a.profile.addFacts(&a.query, &b.facts)
}

// keep remembers a decision that depends on those facts.
func (m *Memo) keep(p *Profile, s *framework.Snapshot, r *framework.Request, d *framework.Decision, facts framework.Facts) {
	a := answer{facts, s.Generation(facts), r.Replicas, shapeOf(p.Estimates, r), slices.Clone(r.Current), traitsOf(r), *d}
	key := questionOf(r, r.StartTerm())
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.rows += s.Len(); m.rows > rowsOfAnswers {
		m.questions.all((*memory).forgetAnswers)
		m.rows = s.Len()
	}
	known := m.remembered(key, nil)
	if len(known.answers) == answersPerQuestion {
		m.rows -= known.answers[0].made.Attempts[0].Snapshot.Len()
		known.answers = slices.Delete(known.answers, 0, 1)
	}
	known.keep(a)
}

// keep adds the latest answer.
func (k *memory) keep(a answer) {
	switch len(k.answers) {
	case 0:
		k.oneAnswer[0] = a
		k.answers = k.oneAnswer[:]
	case 1:
		k.answers, k.oneAnswer = append(make([]answer, 0, answersPerQuestion), k.answers[0], a), [1]answer{}
	default:
		k.answers = append(k.answers, a)
	}
}

func (k *memory) forgetAnswers() { k.answers, k.oneAnswer = nil, [1]answer{} }

// addFacts adds everything about the fleet on which the attempt at the query's term depends; it returns false when some plugin does not say on
// what it depends.
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
