// Package clusterselection chooses clusters under a spread constraint on the field cluster. Constraints on zone and provider beside it act as
// filters only; constraints that it cannot enforce are refused.
package clusterselection

import (
	"container/heap"
	"context"
	"fmt"

	"github.com/longshore-project/longshore/scheduler/framework"
)

// Plugin is the selection. Without constraints everything that is feasible goes on.
type Plugin struct{}

// Name returns the name by which profiles know the plugin.
func (Plugin) Name() string { return "ClusterSelection" }

// Select returns the best clusters, as many as the constraint allows. If replicas are to be divided by room and those clusters have too
// little, it exchanges the worst of them for ones with more until the replicas fit.
func (Plugin) Select(_ context.Context, s *framework.Selection) ([]int32, framework.Status, error) {
	placement := s.Request.Placement
	if len(placement.Spread) == 0 {
		return s.Ranked, framework.Status{}, nil
	}
	c, ok := placement.SpreadFor(framework.SpreadByCluster)
	if status := supported(placement, ok); !status.IsSuccess() {
		return nil, status, nil
	}
	ranked := eligible(s)
	if int64(len(ranked)) < c.MinGroups {
		return nil, framework.NewStatus(framework.Unschedulable,
			fmt.Sprintf("spread constraint needs %d clusters; %d are feasible", c.MinGroups, len(ranked))), nil
	}
	need := int(min(int64(len(ranked)), c.Max()))
	if s.Available == nil || !s.Request.DividesReplicas() || !placement.Strategy.UsesCapacity() {
		return ranked[:need], framework.Status{}, nil
	}
	chosen, room := exchange(ranked, need, s.Available, s.Request.Replicas)
	if room < s.Request.Replicas {
		return nil, framework.NewStatus(framework.Unschedulable,
			fmt.Sprintf("no %d clusters have room for %d replicas; the largest have room for %d", need, s.Request.Replicas, room)), nil
	}
	return chosen, framework.Status{}, nil
}

// supported refuses the constraints that this selection cannot enforce.
func supported(p *framework.Placement, byCluster bool) framework.Status {
	for _, c := range p.Spread {
		if c.Label != "" {
			return framework.NewStatus(framework.Error, "spreading by label "+c.Label+" is not supported by plugin ClusterSelection")
		}
		if c.Key == framework.SpreadByRegion {
			return framework.NewStatus(framework.Error, "spreading by region is not supported by plugin ClusterSelection")
		}
	}
	if !byCluster {
		return framework.NewStatus(framework.Error, "spreading by zone or provider needs a spread constraint on cluster beside it")
	}
	return framework.Status{}
}

// eligible returns the ranking without the clusters that the static weights would leave empty.
func eligible(s *framework.Selection) []int32 {
	var weighted []int32
	for _, row := range s.Ranked {
		if s.Weights != nil && s.Weights[row] > 0 {
			weighted = append(weighted, row)
		}
	}
	if len(weighted) > 0 {
		return weighted
	}
	return s.Ranked
}

// exchange starts with the first need clusters of the ranking. While they have too little room for the replicas it walks them from the last
// to the first and swaps each for the cluster with the most room outside, if that has more: the first such in the ranking on ties. A complete
// walk ends with the clusters of the largest room, so if that is not enough no set of this size is. It returns the clusters and their room.
func exchange(ranked []int32, need int, available []framework.Capacity, replicas int64) (chosen []int32, room int64) {
	chosen = append([]int32(nil), ranked[:need]...)
	for _, row := range chosen {
		room = framework.SaturatingAdd(room, available[row].Room())
	}
	if room >= replicas {
		return chosen, room
	}
	outside := &roomiest{available: available, rows: append([]int32(nil), ranked[need:]...), position: positions(ranked)}
	heap.Init(outside)
	for i := need - 1; i >= 0 && room < replicas && outside.Len() > 0; i-- {
		mine, best := available[chosen[i]].Room(), available[outside.rows[0]].Room()
		if best <= mine {
			continue
		}
		chosen[i], outside.rows[0] = outside.rows[0], chosen[i]
		heap.Fix(outside, 0)
		room = framework.SaturatingAdd(room, best-mine)
	}
	return chosen, room
}

func positions(ranked []int32) map[int32]int {
	out := make(map[int32]int, len(ranked))
	for i, row := range ranked {
		out[row] = i
	}
	return out
}

// roomiest is a heap of clusters, the one with the most room first.
type roomiest struct {
	available []framework.Capacity
	rows      []int32
	position  map[int32]int
}

func (h *roomiest) Len() int      { return len(h.rows) }
func (h *roomiest) Swap(i, j int) { h.rows[i], h.rows[j] = h.rows[j], h.rows[i] }
func (h *roomiest) Push(x any)    { h.rows = append(h.rows, x.(int32)) }
func (h *roomiest) Pop() any {
	last := h.rows[len(h.rows)-1]
	h.rows = h.rows[:len(h.rows)-1]
	return last
}

func (h *roomiest) Less(i, j int) bool {
	a, b := h.available[h.rows[i]].Room(), h.available[h.rows[j]].Room()
	if a != b {
		return a > b
	}
	return h.position[h.rows[i]] < h.position[h.rows[j]]
}
