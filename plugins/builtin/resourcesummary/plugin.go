// Package resourcesummary estimates from what members report about their resources as a whole how many replicas fit.
//
// For a member without a report the answer is unknown. Otherwise it is the number of free pods, bounded by the resources that one replica
// requests:
//
//   - with a resource model: every grade stands for Count nodes which offer the grade's minimum and 110 pods each; a resource that the model
//     does not list is not there. Equal replicas fill such nodes one after the other, so the first-fit placement of one replica at a time
//     comes to Σ count·min(110, min(minimum/request)). Replicas promised by decisions that the report does not include are taken off.
//   - without a model: the least of free/request over the requested resources.
//
// A workload with several components is counted in whole sets: bounded by the free pods and by the second rule for what a set requests in all
// and, with a model, by the sets whose replicas find room on its nodes. What is promised is taken off in both.
package resourcesummary

import (
	"context"
	"math/bits"
	"slices"

	"github.com/longshore-project/longshore/scheduler/framework"
)

// podsOfModelNode is how many pods a node of a resource model holds: the kubelet's default.
const podsOfModelNode = 110

// Plugin is the estimate.
type Plugin struct{}

// Name returns the name by which profiles know the plugin.
func (Plugin) Name() string { return "ResourceSummary" }

// PerShape implements framework.SharedEstimate.
func (Plugin) PerShape() bool { return true }

// Estimate writes how many replicas, or sets of components, fit.
func (Plugin) Estimate(_ context.Context, q *framework.Query, rows []int32, out []framework.Capacity) error {
	demand, pods := Demand(q.Request)
	isSet := len(q.Request.Components) > 0
	boundByPods(q.Snapshot, rows, out, pods)
	for _, d := range demand {
		boundByFree(q.Snapshot, rows, out, d, !isSet)
	}
	if len(demand) > 0 {
		boundByModel(q, rows, out, demand)
	}
	return nil
}

// Demand returns the resources and the pods of one replica, or of one set of components. Resources of which nothing is requested are left
// out.
func Demand(r *framework.Request) (demand framework.Resources, pods int64) {
	demand, pods = r.Requirements, 1
	if len(r.Components) > 0 {
		demand, pods = nil, 0
		for _, c := range r.Components {
			demand = demand.Plus(c.Requirements.Times(c.Replicas))
			pods = framework.SaturatingAdd(pods, c.Replicas)
		}
	}
	return positive(demand), max(pods, 1)
}

// positive leaves out what is not above zero.
func positive(demand framework.Resources) framework.Resources {
	idle := func(d framework.ResourceAmount) bool { return d.Amount <= 0 }
	if !slices.ContainsFunc(demand, idle) {
		return demand
	}
	return slices.DeleteFunc(slices.Clone(demand), idle)
}

func boundByPods(s *framework.Snapshot, rows []int32, out []framework.Capacity, pods int64) {
	free, offered := s.Free(framework.ResourcePods)
	summarized, at := s.Summarized(), free.Cursor()
	for i, row := range rows {
		if !summarized.Has(int(row)) {
			continue
		}
		fits := int64(0)
		if offered {
			fits = max(at.At(row), 0)
		}
		if pods > 1 {
			fits /= pods
		}
		out[i] = framework.Capacity{Replicas: fits, Known: true}
	}
}

// boundByFree applies the rule without a model: to all clusters, or only to those that have none.
func boundByFree(s *framework.Snapshot, rows []int32, out []framework.Capacity, d framework.ResourceAmount, onlyUnmodelled bool) {
	free, offered := s.Free(d.Name)
	modelled := s.Modelled()
	if modelled.Empty() {
		onlyUnmodelled = false
	}
	at := free.Cursor()
	for i, row := range rows {
		fits := out[i].Replicas
		if fits == 0 || onlyUnmodelled && modelled.Has(int(row)) {
			continue
		}
		out[i].Replicas = 0
		if offered {
			out[i].Replicas = least(fits, max(at.At(row), 0), d.Amount)
		}
	}
}

// least returns the lesser of fits and free/amount. Dividing takes longer than all the rest, so it divides only where that is the answer.
func least(fits, free, amount int64) int64 {
	if hi, lo := bits.Mul64(uint64(fits), uint64(amount)); hi == 0 && lo <= uint64(free) {
		return fits
	}
	return free / amount
}

// boundByModel applies the rule with a model, to the clusters that have one.
func boundByModel(q *framework.Query, rows []int32, out []framework.Capacity, demand framework.Resources) {
	modelled, components := q.Snapshot.Modelled(), q.Request.Components
	if modelled.Empty() {
		return
	}
	for i, row := range rows {
		if out[i].Replicas == 0 || !modelled.Has(int(row)) {
			continue
		}
		c := q.Snapshot.Cluster(int(row))
		taken := Promised(c.Reserved, demand)
		var fits int64
		if len(components) > 0 {
			fits = setsOnModel(c.Summary.Grades, components, framework.SaturatingAdd(out[i].Replicas, taken))
		} else {
			fits = onModelNodes(c.Summary.Grades, demand)
		}
		out[i].Replicas = min(out[i].Replicas, max(framework.SaturatingAdd(fits, -taken), 0))
	}
}

func onModelNodes(grades []framework.Grade, demand framework.Resources) int64 {
	var fits int64
	for _, g := range grades {
		if g.Count <= 0 {
			continue
		}
		perNode := int64(podsOfModelNode)
		for _, d := range demand {
			perNode = min(perNode, g.Min.Amount(d.Name)/d.Amount)
		}
		fits = framework.SaturatingAdd(fits, framework.SaturatingMul(g.Count, perNode))
	}
	return fits
}

// Promised returns to how many replicas of this demand, which is positive, the reservations come, rounded up.
func Promised(reserved, demand framework.Resources) int64 {
	var n int64
	for _, d := range demand {
		if amount := reserved.Amount(d.Name); amount > 0 {
			n = max(n, (amount-1)/d.Amount+1)
		}
	}
	return n
}
