package convert

import (
	"fmt"
	"math"
	"strings"

	workv1alpha2 "github.com/longshore-project/longshore/apis/work/v1alpha2"
	"github.com/longshore-project/longshore/scheduler/affinity"
	"github.com/longshore-project/longshore/scheduler/framework"
)

// FromBinding returns the request that the binding makes. Placement is the binding's own, converted: bindings with one placement share it.
func FromBinding(b workv1alpha2.Binding, placement *framework.Placement) *framework.Request {
	spec, status := b.BindingSpec(), b.BindingStatus()
	r := &framework.Request{
		Key:             strings.TrimPrefix(b.GetNamespace()+"/"+b.GetName(), "/"),
		API:             framework.API{GroupVersion: spec.Resource.APIVersion, Kind: spec.Resource.Kind},
		Replicas:        int64(spec.Replicas),
		Workload:        spec.IsWorkload(),
		Components:      fromComponents(spec.Components),
		Placement:       placement,
		ObservedTerm:    status.SchedulerObservedAffinityName,
		Current:         FromTargets(spec.Clusters),
		Fresh:           RescheduleRequested(b),
		NamesDescending: framework.DescendingFor(string(spec.Resource.UID)),
	}
	r.Namespace = spec.Resource.Namespace
	if spec.ReplicaRequirements != nil {
		r.Node = fromNodeClaim(spec.ReplicaRequirements.NodeClaim, spec.ReplicaRequirements.PriorityClassName)
		r.Requirements = FromResources(spec.ReplicaRequirements.ResourceRequest)
	}
	for i := range spec.GracefulEvictionTasks {
		r.Evicting = append(r.Evicting, spec.GracefulEvictionTasks[i].FromCluster)
	}
	r.Shape = shapeOf(r)
	return r
}

func fromComponents(components []workv1alpha2.Component) []framework.Component {
	if len(components) == 0 {
		return nil
	}
	out := make([]framework.Component, len(components))
	for i, c := range components {
		out[i] = framework.Component{Name: c.Name, Replicas: int64(c.Replicas)}
		if c.ReplicaRequirements != nil {
			out[i].Node = fromNodeClaim(c.ReplicaRequirements.NodeClaim, c.ReplicaRequirements.PriorityClassName)
			out[i].Requirements = FromResources(c.ReplicaRequirements.ResourceRequest)
		}
	}
	return out
}

// shapeOf is never empty, so that estimates for requests without requirements are shared too.
func shapeOf(r *framework.Request) string {
	var b strings.Builder
	b.WriteString("replica:")
	b.WriteString(r.Requirements.Shape())
	for _, c := range r.Components {
		fmt.Fprintf(&b, "component:%d×%s", c.Replicas, c.Requirements.Shape())
	}
	return b.String()
}

// RescheduleRequested reports whether somebody asked, after the last successful pass, to place the binding anew. A binding that was never
// placed has nothing to be placed anew.
func RescheduleRequested(b workv1alpha2.Binding) bool {
	asked, last := b.BindingSpec().RescheduleTriggeredAt, b.BindingStatus().LastScheduledTime
	return asked != nil && last != nil && asked.After(last.Time)
}

// ToMembership returns what the index of workload groups must know of the binding.
func ToMembership(b workv1alpha2.Binding) affinity.Membership {
	spec := b.BindingSpec()
	m := affinity.Membership{Namespace: b.GetNamespace()}
	if groups := spec.WorkloadAffinityGroups; groups != nil {
		m.Affinity, m.AntiAffinity = groups.AffinityGroup, groups.AntiAffinityGroup
	}
	if m.Affinity == "" && m.AntiAffinity == "" {
		return m
	}
	for i := range spec.Clusters {
		m.Targets = append(m.Targets, spec.Clusters[i].Name)
	}
	return m
}

// FromTargets returns the clusters of a result.
func FromTargets(targets []workv1alpha2.TargetCluster) []framework.Assignment {
	if len(targets) == 0 {
		return nil
	}
	out := make([]framework.Assignment, len(targets))
	for i, t := range targets {
		out[i] = framework.Assignment{Cluster: t.Name, Replicas: int64(t.Replicas)}
	}
	return out
}

// ToTargets returns the result of a decision about the request as it is written into the binding. Where a whole set of components was placed
// each target also lists them. Replicas beyond what an int32 holds cannot come out of a request, whose total is one; they are held at its limit.
func ToTargets(r *framework.Request, assignments []framework.Assignment) []workv1alpha2.TargetCluster {
	out := make([]workv1alpha2.TargetCluster, len(assignments))
	for i, a := range assignments {
		out[i].Name = a.Cluster
		if r.IsWholeSet() {
			out[i].Components = toComponents(r.Components)
		} else {
			out[i].Replicas = toInt32(a.Replicas)
		}
	}
	return out
}

func toComponents(components []framework.Component) []workv1alpha2.TargetComponent {
	out := make([]workv1alpha2.TargetComponent, len(components))
	for i, c := range components {
		out[i] = workv1alpha2.TargetComponent{Name: c.Name, Replicas: toInt32(c.Replicas)}
	}
	return out
}

func toInt32(n int64) int32 { return int32(min(n, math.MaxInt32)) }
