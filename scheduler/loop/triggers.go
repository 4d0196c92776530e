package loop

import (
	"slices"

	workv1alpha2 "github.com/longshore-project/longshore/apis/work/v1alpha2"
	"github.com/longshore-project/longshore/scheduler/framework"
	"github.com/longshore-project/longshore/scheduler/queue"
)

// Labels of the events that put bindings into the queue.
const (
	eventBindingAdd    = "BindingAdd"
	eventBindingUpdate = "BindingUpdate"
	eventClusterAdd    = "ClusterAdd"
	eventClusterUpdate = "ClusterUpdate"
	eventClusterDelete = "ClusterDelete"
	eventWake          = "Wake"
)

// bindingSeen takes over a state of a binding. Only a change of the spec is a reason to decide, and only
// if it is not our own.
func (l *Loop) bindingSeen(b workv1alpha2.Binding) {
	l.lineup.RLock()
	defer l.lineup.RUnlock()
	var old workv1alpha2.Binding
	if r, ok := l.bindings.get(keyOf(b)); ok {
		old = r.binding
	}
	l.arrange(old, b)
}

// arrange is bindingSeen for who holds the lineup. Old is nil for a binding that is new to its profile.
func (l *Loop) arrange(old, b workv1alpha2.Binding) {
	key := keyOf(b)
	profile := l.lineup.profiles[schedulerOf(b)]
	if profile == nil || !considered(b) {
		l.leave(b)
		return
	}
	_, known := l.bindings.get(key)
	l.metrics.lookup("placement", l.bindings.put(key, b))
	l.noteSeen(b)
	l.tellEstimators(profile, old, b)
	event := eventBindingAdd
	if old != nil && known {
		event = eventBindingUpdate
		if sameSpec(old, b) {
			return
		}
	}
	decide := l.flights.observe(key, b.GetUID(), b.GetGeneration())
	l.peers.show(key, b)
	if decide {
		l.enqueue(event, b)
	}
}

func (l *Loop) enqueue(event string, b workv1alpha2.Binding) {
	l.metrics.incoming.WithLabelValues(event).Inc()
	l.prefetch(b)
	l.queue.Add(keyOf(b), priorityOf(b))
}

func priorityOf(b workv1alpha2.Binding) int32 {
	if p := b.BindingSpec().SchedulePriority; p != nil {
		return p.Priority
	}
	return 0
}

// leave leaves the binding to others.
func (l *Loop) leave(b workv1alpha2.Binding) {
	key := keyOf(b)
	l.flights.forget(key)
	l.dismiss(key)
	l.peers.show(key, b)
}

// bindingDeleted forgets the binding and frees what it had reserved.
func (l *Loop) bindingDeleted(key queue.Key) {
	l.lineup.RLock()
	defer l.lineup.RUnlock()
	l.flights.forget(key)
	if r, ok := l.bindings.get(key); ok {
		l.tellEstimators(l.lineup.profiles[schedulerOf(r.binding)], r.binding, nil)
	}
	l.dismiss(key)
	l.peers.forget(key)
}

// dismiss forgets a binding that is not, or no longer, considered.
func (l *Loop) dismiss(key queue.Key) {
	if !l.bindings.delete(key) {
		return
	}
	l.queue.Add(key, 0) // Whatever state it is in, it is taken out and found to be gone.
	if l.fleet.Forget(key.String()) {
		l.wake(framework.Cure{Fact: framework.FactCapacity})
	}
}

// clusterSeen takes over a state of a member, puts the bindings into the queue that follow such a change, and wakes those that waited for it.
// A report that says nothing new does nothing.
func (l *Loop) clusterSeen(now *framework.Cluster) {
	l.lineup.RLock()
	defer l.lineup.RUnlock()
	if reported := l.lineup.reported.Load(); reported != nil {
		apart := *now
		reported.SetCluster(&apart)
	}
	before, known := l.fleet.Cluster(now.Name)
	facts := l.fleet.SetCluster(now)
	if facts == 0 {
		return
	}
	if !known {
		l.enqueueAll(eventClusterAdd, l.bindings.followersOf(now))
		l.wake(framework.Cure{Fact: framework.FactMembership})
		return
	}
	l.wake(cured(before, now, facts)...)
	l.enqueueAll(eventClusterUpdate, l.affected(before, now, facts))
}

// clusterDeleted decides again about whatever ran on the member.
func (l *Loop) clusterDeleted(name string) {
	l.lineup.RLock()
	defer l.lineup.RUnlock()
	if reported := l.lineup.reported.Load(); reported != nil {
		reported.RemoveCluster(name)
	}
	if l.fleet.RemoveCluster(name) {
		l.enqueueAll(eventClusterDelete, l.bindings.on(name))
		l.tellGone(name)
	}
}

func (l *Loop) wake(changes ...framework.Cure) { l.woke(l.queue.Wake(changes...)) }

// woke counts bindings that were woken.
func (l *Loop) woke(n int) {
	if n > 0 {
		l.metrics.incoming.WithLabelValues(eventWake).Add(float64(n))
	}
}

func (l *Loop) enqueueAll(event string, entries []*entry) {
	for _, r := range entries {
		l.enqueue(event, r.binding)
	}
}

// affected returns the bindings to decide again after a member changed:
//
//   - when its deletion began, those that run there;
//   - when its labels, taints or topology changed, those that follow the fleet and mean the member as it was or as it is;
//   - when it serves new kinds, those that follow the fleet, mean the member and are of such a kind.
func (l *Loop) affected(before, now *framework.Cluster, facts framework.Facts) []*entry {
	var out []*entry
	if facts&framework.FactMembership != 0 {
		out = l.bindings.on(now.Name)
	}
	if facts&(framework.FactLabels|framework.FactTaints|framework.FactTopology|framework.FactMembership) != 0 {
		return append(out, l.bindings.followersOf(before, now)...)
	}
	if facts&framework.FactAPIs != 0 {
		gained := gainedAPIs(before, now)
		for _, r := range l.bindings.followersOf(now) {
			template := r.binding.BindingSpec().Resource
			if slices.Contains(gained, framework.API{GroupVersion: template.APIVersion, Kind: template.Kind}) {
				out = append(out, r)
			}
		}
	}
	return out
}

// cured returns the changes from before to now that could cure a rejection.
func cured(before, now *framework.Cluster, facts framework.Facts) []framework.Cure {
	var out []framework.Cure
	for _, fact := range []framework.Facts{framework.FactMembership, framework.FactLabels, framework.FactTopology} {
		if facts&fact != 0 {
			out = append(out, framework.Cure{Fact: fact})
		}
	}
	if facts&framework.FactTaints != 0 {
		for _, t := range before.Taints {
			if !slices.Contains(now.Taints, t) {
				out = append(out, framework.Cure{Fact: framework.FactTaints, Subject: t.Key})
			}
		}
	}
	if facts&framework.FactAPIs != 0 {
		for _, api := range gainedAPIs(before, now) {
			out = append(out, framework.Cure{Fact: framework.FactAPIs, Subject: api.String()})
		}
	}
	if facts&framework.FactCapacity != 0 && gainsRoom(before, now) {
		out = append(out, framework.Cure{Fact: framework.FactCapacity})
	}
	return out
}

func gainedAPIs(before, now *framework.Cluster) []framework.API {
	var out []framework.API
	for _, api := range now.APIs {
		if !slices.Contains(before.APIs, api) {
			out = append(out, api)
		}
	}
	return out
}

// gainsRoom reports whether there is more of any resource, with or without what is reserved, or another resource model. Reservations that have
// become pods are a gain as well where estimators speak: what those said is less both, until the report that shows the pods.
func gainsRoom(before, now *framework.Cluster) bool {
	if now.Summary == nil {
		return false
	}
	if before.Summary == nil {
		return true
	}
	was, is := before.Summary.Allocatable.Minus(before.Summary.Used), now.Summary.Allocatable.Minus(now.Summary.Used)
	if exceeds(is, was) || exceeds(is.Minus(now.Reserved), was.Minus(before.Reserved)) {
		return true
	}
	if now.Estimates > 0 && exceeds(before.Reserved, now.Reserved) {
		return true
	}
	withGrades := framework.Summary{Grades: now.Summary.Grades}
	return !withGrades.Equal(framework.Summary{Grades: before.Summary.Grades})
}

// exceeds reports whether a has more of any resource that it lists.
func exceeds(a, b framework.Resources) bool {
	return slices.ContainsFunc(a, func(x framework.ResourceAmount) bool { return x.Amount > b.Amount(x.Name) })
}
