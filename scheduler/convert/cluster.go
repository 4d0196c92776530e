// Package convert turns API objects into the values that decisions are made of, and results back. Everything is pure. This is where
// resource.Quantity stops.
package convert

import (
	"cmp"
	"slices"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/resource"

	clusterv1alpha1 "github.com/longshore-project/longshore/apis/cluster/v1alpha1"
	"github.com/longshore-project/longshore/scheduler/framework"
)

// FromCluster returns what the scheduler needs to know about the member. The result shares the label map with the object and nothing else.
func FromCluster(c *clusterv1alpha1.Cluster) *framework.Cluster {
	return &framework.Cluster{
		Name:     c.Name,
		Labels:   c.Labels,
		Taints:   fromTaints(c.Spec.Taints),
		Provider: c.Spec.Provider,
		Region:   c.Spec.Region,
		Zones:    slices.Clone(c.Spec.EffectiveZones()),
		APIs:     fromEnablements(c.Status.APIEnablements),
		Summary:  fromSummary(c),
		Pull:     c.Spec.SyncMode == clusterv1alpha1.Pull,
		Deleting: c.DeletionTimestamp != nil,
	}
}

func fromTaints(taints []corev1.Taint) []framework.Taint {
	if len(taints) == 0 {
		return nil
	}
	out := make([]framework.Taint, len(taints))
	for i, t := range taints {
		out[i] = framework.Taint{Key: t.Key, Value: t.Value, Effect: string(t.Effect)}
	}
	return out
}

// fromEnablements returns the kinds in a fixed order and without the duplicates that subresources cause.
func fromEnablements(enablements []clusterv1alpha1.APIEnablement) []framework.API {
	var out []framework.API
	for _, e := range enablements {
		for _, r := range e.Resources {
			out = append(out, framework.API{GroupVersion: e.GroupVersion, Kind: r.Kind})
		}
	}
	slices.SortFunc(out, func(a, b framework.API) int {
		return cmp.Or(cmp.Compare(a.GroupVersion, b.GroupVersion), cmp.Compare(a.Kind, b.Kind))
	})
	return slices.Compact(out)
}

// fromSummary returns nil for a member that has reported nothing yet.
func fromSummary(c *clusterv1alpha1.Cluster) *framework.Summary {
	s := c.Status.ResourceSummary
	if s == nil {
		return nil
	}
	return &framework.Summary{
		Allocatable: FromResources(s.Allocatable),
		Used:        FromResources(s.Allocated).Plus(FromResources(s.Allocating)),
		Grades:      fromModels(c.Spec.ResourceModels, s.AllocatableModelings),
	}
}

// fromModels gives each counted grade the minimum of its ranges. The lowest one has nothing, whatever its minimum says: whoever counts the nodes
// puts all smaller ones there, too. A count for a grade that the spec does not define says nothing and is left out.
func fromModels(models []clusterv1alpha1.ResourceModel, counts []clusterv1alpha1.AllocatableModeling) []framework.Grade {
	var out []framework.Grade
	for _, count := range counts {
		i := slices.IndexFunc(models, func(m clusterv1alpha1.ResourceModel) bool { return m.Grade == count.Grade })
		if i < 0 {
			continue
		}
		lowest := !slices.ContainsFunc(models, func(m clusterv1alpha1.ResourceModel) bool { return m.Grade < count.Grade })
		least := make(map[string]int64, len(models[i].Ranges))
		for _, r := range models[i].Ranges {
			least[string(r.Name)] = 0
			if !lowest {
				least[string(r.Name)] = amountOf(r.Name, r.Min)
			}
		}
		out = append(out, framework.Grade{Count: int64(count.Count), Min: framework.NewResources(least)})
	}
	return out
}

// FromResources returns the vector of the list.
func FromResources(list corev1.ResourceList) framework.Resources {
	amounts := make(map[string]int64, len(list))
	for name, q := range list {
		amounts[string(name)] = amountOf(name, q)
	}
	return framework.NewResources(amounts)
}

// amountOf returns cpu in thousandths and everything else in whole units, rounded up.
func amountOf(name corev1.ResourceName, q resource.Quantity) int64 {
	if name == corev1.ResourceCPU {
		return q.MilliValue()
	}
	return q.Value()
}
