package loop

import (
	"cmp"
	"encoding/json"
	"slices"
	"time"

	workv1alpha2 "github.com/longshore-project/longshore/apis/work/v1alpha2"
	"github.com/longshore-project/longshore/scheduler/cache"
	"github.com/longshore-project/longshore/scheduler/convert"
	"github.com/longshore-project/longshore/scheduler/framework"
)

// reservationsOf returns the room that the decision takes beyond what runs already: for each cluster the resources and pods of the replicas
// that are new there, or of the whole set of components.
func reservationsOf(r *framework.Request, d *framework.Decision) []cache.Reservation {
	if d.Outcome != framework.Placed || !takesRoom(r) {
		return nil
	}
	added := units(r, d.Targets)
	for _, running := range units(r, r.Current) {
		i, found := slices.BinarySearchFunc(added, running.Cluster, func(a framework.Assignment, name string) int { return cmp.Compare(a.Cluster, name) })
		if found {
			added[i].Replicas -= running.Replicas
		}
	}
	return roomFor(r, added)
}

// takesRoom reports whether the request is for something that runs.
func takesRoom(r *framework.Request) bool { return r.CountsReplicas() || len(r.Components) > 0 }

// units returns a copy of the assignments that counts what takes room as a whole: replicas, or one set of components in each cluster.
func units(r *framework.Request, assignments []framework.Assignment) []framework.Assignment {
	out := slices.Clone(assignments)
	if len(r.Components) > 0 {
		for i := range out {
			out[i].Replicas = 1
		}
	}
	return out
}

// unitOf returns the resources and pods of one replica, or of one set of components.
func unitOf(r *framework.Request) framework.Resources {
	if len(r.Components) == 0 {
		return podOf(r.Requirements)
	}
	var sum framework.Resources
	for _, c := range r.Components {
		sum = sum.Plus(podOf(c.Requirements).Times(c.Replicas))
	}
	return sum
}

func podOf(requirements framework.Resources) framework.Resources {
	return requirements.Plus(framework.Resources{{Name: framework.ResourcePods, Amount: 1}})
}

// roomFor returns the room that so many units of the request take.
func roomFor(r *framework.Request, units []framework.Assignment) []cache.Reservation {
	each := unitOf(r)
	var out []cache.Reservation
	for _, a := range units {
		if a.Replicas > 0 {
			out = append(out, cache.Reservation{Cluster: a.Cluster, Resources: each.Times(a.Replicas)})
		}
	}
	return out
}

// unobserved returns for each cluster of the request's result how many of the assigned units are not known to exist there, zero included. Of
// sets of components all pods are known to exist when the template is healthy there.
func unobserved(r *framework.Request, items []workv1alpha2.AggregatedStatusItem) []framework.Assignment {
	out := units(r, r.Current)
	for i := range out {
		at := slices.IndexFunc(items, func(s workv1alpha2.AggregatedStatusItem) bool { return s.ClusterName == out[i].Cluster })
		switch {
		case at < 0:
		case len(r.Components) == 0:
			out[i].Replicas = missing(out[i].Replicas, &items[at])
		case items[at].Health == workv1alpha2.ResourceHealthy:
			out[i].Replicas = 0
		}
	}
	return out
}

// missing returns how many of the assigned replicas the reported status does not show. A status that does not count replicas shows all of them
// if it is healthy.
func missing(assigned int64, s *workv1alpha2.AggregatedStatusItem) int64 {
	if n, ok := reportedReplicas(rawOf(s)); ok {
		return max(assigned-n, 0)
	}
	if s.Health == workv1alpha2.ResourceHealthy {
		return 0
	}
	return assigned
}

func rawOf(s *workv1alpha2.AggregatedStatusItem) []byte {
	if s.Status == nil {
		return nil
	}
	return s.Status.Raw
}

// replicaCount is the part of a template's status that counts the pods that exist, whether they are ready or not.
type replicaCount struct {
	Replicas *int64 `json:"replicas,omitempty"`
}

func reportedReplicas(status []byte) (n int64, ok bool) {
	if len(status) == 0 {
		return 0, false
	}
	var count replicaCount
	if json.Unmarshal(status, &count) != nil || count.Replicas == nil {
		return 0, false
	}
	return *count.Replicas, true
}

// confirmedAt returns when the result in the binding was written. What is not in the status yet was written just before the process ended that
// decided, so it counts as written now.
func confirmedAt(b workv1alpha2.Binding, now time.Time) time.Time {
	s := b.BindingStatus()
	if s.SchedulerObservedGeneration != b.GetGeneration() || s.LastScheduledTime == nil {
		return now
	}
	return s.LastScheduledTime.Time
}

// restored is what an earlier process had reserved for a binding.
type restored struct {
	key          string
	reservations []cache.Reservation
	confirmed    time.Time
}

// restoredOf returns what the binding's result holds of room that no report is known to include. An earlier process would have lost its
// patience with results as old as cache.Patience.
func restoredOf(b workv1alpha2.Binding, now time.Time) restored {
	r := restored{key: keyOf(b).String(), confirmed: confirmedAt(b, now)}
	if now.Sub(r.confirmed) >= cache.Patience {
		return r
	}
	if request := convert.FromBinding(b, nil); takesRoom(request) {
		r.reservations = roomFor(request, unobserved(request, b.BindingStatus().AggregatedStatus))
	}
	return r
}

// restoreReservations counts what earlier processes have decided and members may not report yet.
func (l *Loop) restoreReservations() {
	l.lineup.RLock()
	defer l.lineup.RUnlock()
	now := l.clock.Now()
	var found []restored
	for _, r := range l.bindings.all() {
		if p := l.lineup.profiles[schedulerOf(r.binding)]; p == nil || p.IgnoresReservations {
			continue
		}
		if x := restoredOf(r.binding, now); len(x.reservations) > 0 {
			found = append(found, x)
		}
	}
	slices.SortFunc(found, func(a, b restored) int { return a.confirmed.Compare(b.confirmed) })
	for _, x := range found {
		l.fleet.Restore(x.key, x.reservations, x.confirmed)
	}
}

// noteSeen tells the fleet in which clusters all pods of the binding are known to exist. A state from before the loop's own latest write says
// nothing about what that write has asked for.
func (l *Loop) noteSeen(b workv1alpha2.Binding) {
	key := keyOf(b)
	items := b.BindingStatus().AggregatedStatus
	if len(items) == 0 || !l.fleet.Holds(key.String()) || l.flights.pending(key) {
		return
	}
	for _, a := range unobserved(convert.FromBinding(b, nil), items) {
		if a.Replicas == 0 {
			l.fleet.Seen(key.String(), a.Cluster)
		}
	}
}
