package loop

import (
	workv1alpha2 "github.com/longshore-project/longshore/apis/work/v1alpha2"
	"github.com/longshore-project/longshore/scheduler/convert"
	"github.com/longshore-project/longshore/scheduler/framework"
)

// EstimatesChanged is to be called when the estimators of a profile answer differently about members. What was computed from the old answers is
// forgotten; nothing that runs is moved. Roomier means that more fits somewhere than was known: then bindings that lacked room are decided
// again. It takes no lock on the profiles, so estimators may call it while they are told of a binding.
func (l *Loop) EstimatesChanged(members []string, roomier bool) {
	l.fleet.EstimatesChanged(members)
	if reported := l.lineup.reported.Load(); reported != nil {
		reported.EstimatesChanged(members)
	}
	if roomier {
		l.wake(framework.Cure{Fact: framework.FactCapacity})
	}
}

// MemberLeaver is an optional ability of Estimators.
type MemberLeaver interface {
	// MemberGone is told that a member is not part of the fleet any more. It must return at once.
	MemberGone(name string)
}

// tellGone says that a member is gone. The lineup must be held.
func (l *Loop) tellGone(name string) {
	for _, p := range l.lineup.profiles {
		if e, ok := p.Estimators.(MemberLeaver); ok {
			e.MemberGone(name)
		}
	}
}

// tellEstimators says what a binding was and is. Old and now are nil interfaces for one that did not, or does not, exist.
func (l *Loop) tellEstimators(p *Profile, old, now workv1alpha2.Binding) {
	if p != nil && p.Estimators != nil {
		p.Estimators.BindingChanged(old, now)
	}
}

// prefetch has estimators answer while the binding waits in the queue. The lineup must be held.
func (l *Loop) prefetch(b workv1alpha2.Binding) {
	if p := l.lineup.profiles[schedulerOf(b)]; p != nil && p.Estimators != nil {
		p.Estimators.Prefetch(convert.FromBinding(b, nil))
	}
}
