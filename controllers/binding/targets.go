// Package binding turns bindings into Works: one Work, in the execution namespace, for each cluster that should hold
// the template.
//
//	binding, template, override policies, clusters ──► plan: Works to create, update, delete ──► one write each
package binding

import (
	"slices"

	"k8s.io/apimachinery/pkg/util/sets"

	policyv1alpha1 "github.com/longshore-project/longshore/apis/policy/v1alpha1"
	workv1alpha2 "github.com/longshore-project/longshore/apis/work/v1alpha2"
)

// Targets returns the clusters that should hold the template: those the scheduler chose, then those that other bindings
// require it in. The first mention of a cluster decides its replicas.
func Targets(spec *workv1alpha2.ResourceBindingSpec) []workv1alpha2.TargetCluster {
	if len(spec.RequiredBy) == 0 {
		return spec.Clusters
	}
	seen := sets.New[string]()
	var out []workv1alpha2.TargetCluster
	add := func(clusters []workv1alpha2.TargetCluster) {
		for _, c := range clusters {
			if !seen.Has(c.Name) {
				seen.Insert(c.Name)
				out = append(out, c)
			}
		}
	}
	add(spec.Clusters)
	for i := range spec.RequiredBy {
		add(spec.RequiredBy[i].Clusters)
	}
	return out
}

// Expected returns the clusters whose Works stay: the targets, and those being evicted gracefully.
func Expected(spec *workv1alpha2.ResourceBindingSpec) sets.Set[string] {
	out := sets.New[string]()
	for _, target := range Targets(spec) {
		out.Insert(target.Name)
	}
	for i := range spec.GracefulEvictionTasks {
		if spec.GracefulEvictionTasks[i].PurgeMode != policyv1alpha1.PurgeDirectly {
			out.Insert(spec.GracefulEvictionTasks[i].FromCluster)
		}
	}
	return out
}

// purgedFirst returns the clusters whose Works must be gone before any other Work of the binding is written.
func purgedFirst(spec *workv1alpha2.ResourceBindingSpec) sets.Set[string] {
	out := sets.New[string]()
	for i := range spec.GracefulEvictionTasks {
		if spec.GracefulEvictionTasks[i].PurgeMode == policyv1alpha1.PurgeDirectly {
			out.Insert(spec.GracefulEvictionTasks[i].FromCluster)
		}
	}
	return out
}

// suspended reports whether nothing may be pushed to the cluster for now.
func suspended(spec *workv1alpha2.ResourceBindingSpec, cluster string) bool {
	s := spec.Suspension
	if s == nil {
		return false
	}
	if s.Dispatching != nil && *s.Dispatching {
		return true
	}
	return s.DispatchingOnClusters != nil && slices.Contains(s.DispatchingOnClusters.ClusterNames, cluster)
}
