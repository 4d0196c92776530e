package replicadivision

import (
	"github.com/longshore-project/longshore/plugins/builtin/topology"
	"github.com/longshore-project/longshore/scheduler/framework"
	"github.com/longshore-project/longshore/scheduler/spread"
)

// spreads reports whether enough groups of every key hold a replica.
func spreads(a *framework.Allotment, replicas []int64) bool {
	for _, c := range a.Request.Placement.Spread {
		if c.MinGroups < 2 {
			continue // Some cluster holds a replica, if there is any.
		}
		n, _ := topology.Covered(a.Snapshot, c, a.Selected, func(i int) bool { return replicas[i] > 0 })
		if n < min(c.MinGroups, a.Request.Replicas) {
			return false
		}
	}
	return true
}

// seats marks the selected clusters that are to hold at least one replica. The set is already chosen, so no maximum counts any more.
func seats(a *framework.Allotment) ([]bool, framework.Status) {
	p := &spread.Problem{
		Candidates: len(a.Selected), Replicas: a.Request.Replicas, Divided: true, Capacity: rooms(a),
		Keys: topology.Keys(a.Snapshot, topology.Constraints(a.Request.Placement), a.Selected),
	}
	for k := range p.Keys {
		p.Keys[k].Max = 0
	}
	if !a.Request.Fresh && a.Request.Placement.Strategy.UsesCapacity() {
		p.Current = a.Current
	}
	best, refusal := spread.Solve(p)
	if refusal != nil {
		return nil, framework.NewStatus(framework.Unschedulable, "the selected clusters cannot hold the replicas in enough groups: "+refusal.Message)
	}
	marked := make([]bool, len(a.Selected))
	for _, i := range best.Seats {
		marked[i] = true
	}
	return marked, framework.Status{}
}

// rooms is how many replicas each selected cluster can be given. With static weights that is all or, without a weight, none.
func rooms(a *framework.Allotment) []int64 {
	out := make([]int64, len(a.Selected))
	if a.Request.Placement.Strategy == framework.StaticWeight {
		for i, w := range weightsOf(a) {
			out[i] = min(int64(w), 1) * a.Request.Replicas
		}
		return out
	}
	for i, row := range a.Selected {
		out[i] = a.Current[i]
		if a.Estimates != nil {
			out[i] = framework.SaturatingAdd(out[i], a.Estimates[row].Room())
		}
	}
	return out
}
