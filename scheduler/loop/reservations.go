package loop

import (
	"cmp"
	"encoding/json"
	"slices"
	"time"

	"k8s.io/apimachinery/pkg/runtime"

	workv1alpha2 "github.com/longshore-project/longshore/apis/work/v1alpha2"
	"github.com/longshore-project/longshore/scheduler/cache"
	"github.com/longshore-project/longshore/scheduler/convert"
	"github.com/longshore-project/longshore/scheduler/framework"
)

// reservationsOf returns the room that the decision takes beyond what runs already: for each cluster the resources and pods of the replicas
// that are new there.
func reservationsOf(r *framework.Request, d *framework.Decision) []cache.Reservation {
	if d.Outcome != framework.Placed || !r.CountsReplicas() {
		return nil
	}
	running := slices.SortedFunc(slices.Values(r.Current), func(x, y framework.Assignment) int { return cmp.Compare(x.Cluster, y.Cluster) })
	var added []framework.Assignment
	for _, t := range d.Targets {
		for len(running) > 0 && running[0].Cluster < t.Cluster {
			running = running[1:]
		}
		if len(running) > 0 && running[0].Cluster == t.Cluster {
			t.Replicas -= running[0].Replicas
		}
		added = append(added, t)
	}
	return roomFor(r, added)
}

// roomFor returns the room that so many replicas of the request take.
func roomFor(r *framework.Request, replicas []framework.Assignment) []cache.Reservation {
	each := r.Requirements.Plus(framework.Resources{{Name: framework.ResourcePods, Amount: 1}})
	var out []cache.Reservation
	for _, a := range replicas {
		if a.Replicas > 0 {
			out = append(out, cache.Reservation{Cluster: a.Cluster, Resources: each.Times(a.Replicas)})
		}
	}
	return out
}

// unobserved returns for each cluster of the binding how many of the assigned replicas are not known to exist there, zero included.
func unobserved(b workv1alpha2.Binding) []framework.Assignment {
	items := b.BindingStatus().AggregatedStatus
	out := convert.FromTargets(b.BindingSpec().Clusters)
	for i := range out {
		at := slices.IndexFunc(items, func(s workv1alpha2.AggregatedStatusItem) bool { return s.ClusterName == out[i].Cluster })
		if at >= 0 {
			out[i].Replicas = missing(out[i].Replicas, &items[at])
		}
	}
	return out
}

// missing returns how many of the assigned replicas the reported status does not show. A status that does not count replicas shows all of them
// if it is healthy.
func missing(assigned int64, s *workv1alpha2.AggregatedStatusItem) int64 {
	if n, ok := reportedReplicas(s.Status); ok {
		return max(assigned-n, 0)
	}
	if s.Health == workv1alpha2.ResourceHealthy {
		return 0
	}
	return assigned
}

// replicaCount is the part of a template's status that counts the pods that exist, whether they are ready or not.
type replicaCount struct {
	Replicas *int64 `json:"replicas,omitempty"`
}

func reportedReplicas(status *runtime.RawExtension) (n int64, ok bool) {
	if status == nil {
		return 0, false
	}
	var count replicaCount
	if json.Unmarshal(status.Raw, &count) != nil || count.Replicas == nil {
		return 0, false
	}
	return *count.Replicas, true
}

// slimStatus keeps of a reported status what missing reads. Doing so twice changes nothing.
func slimStatus(s *workv1alpha2.AggregatedStatusItem) workv1alpha2.AggregatedStatusItem {
	slim := workv1alpha2.AggregatedStatusItem{ClusterName: s.ClusterName, Health: s.Health}
	if n, ok := reportedReplicas(s.Status); ok {
		raw, err := json.Marshal(replicaCount{&n})
		if err == nil { // Numbers always can be encoded.
			slim.Status = &runtime.RawExtension{Raw: raw}
		}
	}
	return slim
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
	if request := convert.FromBinding(b, nil); request.CountsReplicas() {
		r.reservations = roomFor(request, unobserved(b))
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
	if len(b.BindingStatus().AggregatedStatus) == 0 || !l.fleet.Holds(key.String()) || l.flights.pending(key) {
		return
	}
	for _, a := range unobserved(b) {
		if a.Replicas == 0 {
			l.fleet.Seen(key.String(), a.Cluster)
		}
	}
}
