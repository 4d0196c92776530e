package replicadivision

import (
	"slices"

	"github.com/longshore-project/longshore/plugins/builtin/topology"
	"github.com/longshore-project/longshore/scheduler/divide"
	"github.com/longshore-project/longshore/scheduler/framework"
	"github.com/longshore-project/longshore/scheduler/spread"
)

// needsSeats reports whether the placement asks for more than one group of some key.
func needsSeats(a *framework.Allotment) bool {
	return a.Request.Replicas > 0 && slices.ContainsFunc(a.Request.Placement.Spread, func(c framework.SpreadConstraint) bool { return c.MinGroups > 1 })
}

// spreads reports whether enough groups of every key hold a replica.
func spreads(a *framework.Allotment, replicas []int64) bool {
	for _, c := range a.Request.Placement.Spread {
		if c.MinGroups < 2 {
			continue // Some cluster holds a replica, if there is any.
		}
		if !topology.Reaches(a.Snapshot, c, min(c.MinGroups, a.Request.Replicas), a.Selected, func(i int) bool { return replicas[i] > 0 }) {
			return false
		}
	}
	return true
}

// seats marks the selected clusters that are to hold at least one replica. The set is already chosen, so no maximum counts any more, and of a
// minimum only what the replicas can fill. Seats lie in the first tiers in which there are enough of them, since what overflows returns as
// soon as it can.
//
// Without tiers the seats are those for which the fewest replicas move. With tiers they are as few as possible of the last of the tiers needed,
// not counting those where something runs: replicas move between tiers anyway, and this way they come to rest.
func seats(a *framework.Allotment) ([]bool, framework.Status) {
	p := &spread.Problem{
		Candidates: len(a.Selected), Replicas: a.Request.Replicas, Divided: true,
		Keys: topology.Keys(a.Snapshot, topology.Constraints(a.Request.Placement), a.Selected, new(topology.Memory)),
	}
	for k := range p.Keys {
		p.Keys[k].Min, p.Keys[k].Max = int(min(int64(p.Keys[k].Min), a.Request.Replicas)), 0
	}
	if a.Tiers == nil && !a.Request.Fresh && a.Request.Placement.Strategy.UsesCapacity() {
		p.Current = a.Current
	}
	last := 0
	for _, row := range a.Selected {
		last = max(last, tierOf(a, row))
	}
	for tier := 0; ; tier++ {
		p.Capacity = seatable(a, tier)
		if a.Tiers != nil {
			p.Current = seatable(a, tier-1)
			for i, row := range a.Selected {
				if tierOf(a, row) == tier {
					p.Current[i] = a.Current[i]
				}
			}
		}
		best, refusal := spread.Solve(p)
		switch {
		case refusal == nil:
			return marked(best.Seats, len(a.Selected)), framework.Status{}
		case tier == last:
			return nil, framework.NewStatus(framework.Unschedulable, "the selected clusters cannot hold the replicas in enough groups: "+refusal.Message)
		}
	}
}

func marked(seats []int32, n int) []bool {
	out := make([]bool, n)
	for _, i := range seats {
		out[i] = true
	}
	return out
}

func tierOf(a *framework.Allotment, row int32) int {
	if a.Tiers == nil {
		return 0
	}
	return a.Tiers[row]
}

// seatable gives room for everything to the selected clusters that can hold a replica at all and lie in no later tier, and none to the
// others: a seat asks for no more, and whether all replicas fit is settled.
func seatable(a *framework.Allotment, tier int) []int64 {
	out := make([]int64, len(a.Selected))
	var weights []divide.Weight
	if a.Request.Placement.Strategy == framework.StaticWeight {
		weights = divide.WeightsOf(a.Selected, a.Weights)
	}
	for i, row := range a.Selected {
		holds := a.Current[i] > 0 || a.Estimates != nil && a.Estimates[row].Room() > 0
		if weights != nil {
			holds = weights[i] > 0
		}
		if holds && tierOf(a, row) <= tier {
			out[i] = a.Request.Replicas
		}
	}
	return out
}
