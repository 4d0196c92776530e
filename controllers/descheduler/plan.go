// Package descheduler takes replicas away from members in which they find no node, so that the scheduler places them elsewhere. It never gives a
// member more, never takes a replica that is ready, and takes no more in one round than its budget.
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

// Eligible reports whether the binding's replicas are divided by what fits, by the placement that was applied, and of a kind that estimators
// judge. Others would not be placed elsewhere.
func Eligible(b workv1alpha2.Binding) bool {
	spec := b.BindingSpec()
	if b.GetDeletionTimestamp() != nil || !slices.ContainsFunc(kinds, func(k struct{ apiVersion, kind string }) bool {
		return k.apiVersion == spec.Resource.APIVersion && k.kind == spec.Resource.Kind
	}) {
		return false
	}
	var p policyv1alpha1.Placement
	applied, ok := b.GetAnnotations()[workv1alpha2.AppliedPlacementAnnotation]
	if !ok || json.Unmarshal([]byte(applied), &p) != nil || p.ReplicaSchedulingType() != policyv1alpha1.Divided {
		return false
	}
	preference, _ := p.DivisionPreference()
	return preference == policyv1alpha1.Aggregated || preference == policyv1alpha1.Weighted &&
		p.ReplicaScheduling.WeightPreference != nil && p.ReplicaScheduling.WeightPreference.DynamicWeight != ""
}

// Doubtful returns the members in which fewer replicas are ready than assigned, by their place in spec.clusters.
func Doubtful(b workv1alpha2.Binding) []int {
	var out []int
	for i, t := range b.BindingSpec().Clusters {
		if ready, reported := readyIn(b, t.Name); reported && ready < t.Replicas {
			out = append(out, i)
		}
	}
	return out
}

// Plan returns the clusters with the unschedulable replicas taken away: assigned − unschedulable, but no fewer than are ready, and no more than
// the budget in all. Unschedulable is by name of the member. Members left with nothing are left out. Taken is 0 if nothing changes.
func Plan(b workv1alpha2.Binding, unschedulable map[string]int32, budget int32) (clusters []workv1alpha2.TargetCluster, taken int32) {
	for _, t := range b.BindingSpec().Clusters {
		ready, reported := readyIn(b, t.Name)
		take := int32(0)
		if reported {
			take = max(min(unschedulable[t.Name], t.Replicas-ready, budget-taken), 0)
		}
		taken += take
		if t.Replicas -= take; t.Replicas > 0 || take == 0 {
			clusters = append(clusters, t)
		}
	}
	return clusters, taken
}

// readyIn returns how many replicas the member reports ready. Those of a Job that succeeded count, too: they need no node any more.
func readyIn(b workv1alpha2.Binding, member string) (ready int32, reported bool) {
	items := b.BindingStatus().AggregatedStatus
	i := slices.IndexFunc(items, func(s workv1alpha2.AggregatedStatusItem) bool { return s.ClusterName == member })
	if i < 0 || items[i].Status == nil {
		return 0, false
	}
	return readyOf(b.BindingSpec().Resource.Kind, items[i].Status)
}

func readyOf(kind string, status *runtime.RawExtension) (int32, bool) {
	var s struct{ ReadyReplicas, Succeeded, Ready int32 }
	if json.Unmarshal(status.Raw, &s) != nil {
		return 0, false
	}
	if kind == "Job" {
		return s.Ready + s.Succeeded, true
	}
	return s.ReadyReplicas, true
}
