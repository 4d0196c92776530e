// Package descheduler takes replicas away from members in which they find no node, so that the scheduler places them elsewhere. It never gives a
// member more, never takes a replica that is ready, and takes no more in one round than its budget.
//
//	list bindings ─► ask every estimator once about all that are in doubt ─► plan ─► one write for each binding that changes
//
// Only ResourceBindings are looked at: the kinds whose pending replicas can be told live in namespaces.
package descheduler

import (
	"encoding/json"
	"slices"

	"k8s.io/apimachinery/pkg/runtime"

	policyv1alpha1 "github.com/longshore-project/longshore/apis/policy/v1alpha1"
	workv1alpha2 "github.com/longshore-project/longshore/apis/work/v1alpha2"
)

// kinds are those of which estimators can tell pending replicas.
var kinds = []struct{ apiVersion, kind string }{
	{"apps/v1", "Deployment"}, {"apps/v1", "StatefulSet"}, {"apps/v1", "ReplicaSet"}, {"batch/v1", "Job"},
}

// Eligible reports whether the scheduler would place elsewhere what is taken away from the binding: its replicas are divided by what fits, by the
// placement that was applied, are of a kind that estimators judge, and all of them are placed. A binding that is short of replicas already waits
// for room, and a suspended one for its release: taking more from those moves nothing.
func Eligible(b workv1alpha2.Binding) bool {
	spec := b.BindingSpec()
	if b.GetDeletionTimestamp() != nil || !judged(&spec.Resource) || assigned(spec) < int64(spec.Replicas) ||
		spec.Suspension != nil && spec.Suspension.Scheduling != nil && *spec.Suspension.Scheduling {
		return false
	}
	return byWhatFits(b.GetAnnotations()[workv1alpha2.AppliedPlacementAnnotation])
}

func judged(r *workv1alpha2.ObjectReference) bool {
	return slices.ContainsFunc(kinds, func(k struct{ apiVersion, kind string }) bool {
		return k.apiVersion == r.APIVersion && k.kind == r.Kind
	})
}

func assigned(spec *workv1alpha2.ResourceBindingSpec) int64 {
	var n int64
	for i := range spec.Clusters {
		n += int64(spec.Clusters[i].Replicas)
	}
	return n
}

// byWhatFits reports whether a placement, as JSON, divides replicas by what fits. An empty text is none.
func byWhatFits(placement string) bool {
	var p policyv1alpha1.Placement
	if placement == "" || json.Unmarshal([]byte(placement), &p) != nil || p.ReplicaSchedulingType() != policyv1alpha1.Divided {
		return false
	}
	preference, _ := p.DivisionPreference()
	return preference == policyv1alpha1.Aggregated || preference == policyv1alpha1.Weighted &&
		p.ReplicaScheduling.WeightPreference != nil && p.ReplicaScheduling.WeightPreference.DynamicWeight != ""
}

// Doubtful returns the names of the members in which fewer replicas are ready than assigned.
func Doubtful(b workv1alpha2.Binding) []string {
	var out []string
	for _, t := range b.BindingSpec().Clusters {
		if o, reported := observedIn(b, t.Name); reported && o.ready < t.Replicas {
			out = append(out, t.Name)
		}
	}
	return out
}

// Plan returns the clusters with the unschedulable replicas taken away, in each
//
//	min(unschedulable − excess, assigned − ready)
//
// and no more than the budget in all. The excess is the replicas that a member has beyond what is assigned: it has not taken in the last change
// yet, or is rolling out, and pending replicas go first. Unschedulable is by name of the member. Members left with nothing are left out. Taken is
// 0 if nothing changes; postponed is how many more would have been taken with a larger budget.
func Plan(b workv1alpha2.Binding, unschedulable map[string]int32, budget int32) (clusters []workv1alpha2.TargetCluster, taken, postponed int32) {
	for _, t := range b.BindingSpec().Clusters {
		due := int32(0)
		if o, reported := observedIn(b, t.Name); reported {
			due = max(min(unschedulable[t.Name]-max(o.replicas-t.Replicas, 0), t.Replicas-o.ready), 0)
		}
		take := min(due, budget-taken)
		taken += take
		postponed += due - take
		if t.Replicas -= take; t.Replicas > 0 || take == 0 {
			clusters = append(clusters, t)
		}
	}
	return clusters, taken, postponed
}

// observed is what a member reports of a workload.
type observed struct {
	// replicas exist, ready or not.
	replicas int32
	// ready need no other node: they run or, of a Job, succeeded.
	ready int32
}

func observedIn(b workv1alpha2.Binding, member string) (o observed, reported bool) {
	items := b.BindingStatus().AggregatedStatus
	i := slices.IndexFunc(items, func(s workv1alpha2.AggregatedStatusItem) bool { return s.ClusterName == member })
	if i < 0 || items[i].Status == nil {
		return observed{}, false
	}
	return observedOf(b.BindingSpec().Resource.Kind, items[i].Status)
}

func observedOf(kind string, status *runtime.RawExtension) (o observed, ok bool) {
	var s struct{ Replicas, ReadyReplicas, Active, Succeeded, Ready int32 }
	if json.Unmarshal(status.Raw, &s) != nil {
		return observed{}, false
	}
	if kind == "Job" {
		return observed{replicas: s.Active, ready: s.Ready + s.Succeeded}, true
	}
	return observed{replicas: s.Replicas, ready: s.ReadyReplicas}, true
}
