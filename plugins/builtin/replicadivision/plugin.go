// Package replicadivision gives replicas to the selected clusters by the strategy of the placement.
//
// Where the placement spreads over groups, at least min(minGroups, replicas) groups of every key hold a replica afterwards. The replicas are
// first divided as if there were no such rule, and mostly that is the answer. Otherwise seats are chosen, the fewest clusters moved, that
// together are in enough groups; each holds at least one replica, which counts as its first when the rest is divided as ever.
package replicadivision

import (
	"context"
	"fmt"
	"slices"

	"github.com/longshore-project/longshore/plugins/builtin/topology"
	"github.com/longshore-project/longshore/scheduler/divide"
	"github.com/longshore-project/longshore/scheduler/framework"
)

// Plugin is the assignment.
type Plugin struct{}

// Name returns the name by which profiles know the plugin.
func (Plugin) Name() string { return "ReplicaDivision" }

// DependsOn implements framework.Repeatable. The room of clusters is part of what it is given.
func (Plugin) DependsOn(q *framework.Query) framework.Facts {
	return topology.Facts(q.Request.Placement)
}

// Assign divides the replicas, or repeats them on every cluster when the strategy is Duplicated. What has no replicas is only listed.
func (Plugin) Assign(_ context.Context, a *framework.Allotment) (framework.Division, framework.Status, error) {
	switch strategy := a.Request.Placement.Strategy; {
	case !a.Request.CountsReplicas():
		return framework.Division{Replicas: make([]int64, len(a.Selected))}, framework.Status{}, nil
	case strategy == framework.Duplicated:
		return duplicate(a), framework.Status{}, nil
	case strategy == framework.StaticWeight || strategy.UsesCapacity():
		d, status := divided(a)
		return d, status, nil
	default:
		return framework.Division{}, framework.Status{}, fmt.Errorf("dividing replicas: unknown strategy %d", strategy)
	}
}

// divided divides once, and again with seats where the first division left too many groups empty. With tiers it always takes seats where
// several groups are wanted, for which seats are needed must not depend on where the request runs.
func divided(a *framework.Allotment) (framework.Division, framework.Status) {
	by := byRoom
	if a.Request.Placement.Strategy == framework.StaticWeight {
		by = byWeight
	}
	d, status := by(a, nil)
	if !status.IsSuccess() || !needsSeats(a) || a.Tiers == nil && spreads(a, d.Replicas) {
		return d, status
	}
	seats, status := seats(a)
	if !status.IsSuccess() {
		return d, status
	}
	return by(a, seats)
}

func duplicate(a *framework.Allotment) framework.Division {
	replicas := make([]int64, len(a.Selected))
	for i := range replicas {
		replicas[i] = a.Request.Replicas
	}
	return framework.Division{Replicas: replicas}
}

// byWeight divides all replicas anew by the static weights.
func byWeight(a *framework.Allotment, seats []bool) (framework.Division, framework.Status) {
	weights, order := divide.WeightsOf(a.Selected, a.Weights), divide.OrderFor(a.Request.NamesDescending)
	var replicas []int64
	if seats == nil {
		replicas = divide.Apportion(a.Request.Replicas, weights, order)
	} else {
		replicas = divide.ApportionSeated(a.Request.Replicas, weights, seats, order)
	}
	return framework.Division{Replicas: replicas, Weights: plain(weights, nil), Seats: a.Request.Replicas}, framework.Status{}
}

func byRoom(a *framework.Allotment, seats []bool) (framework.Division, framework.Status) {
	p := divide.Problem{
		Replicas: a.Request.Replicas,
		Previous: a.Current,
		Room:     make([]int64, len(a.Selected)),
		Order:    divide.OrderFor(a.Request.NamesDescending),
		Fresh:    a.Request.Fresh,
		Together: a.Request.Placement.Strategy == framework.Aggregated,
		Seats:    seats,
	}
	for i, row := range a.Selected {
		if a.Estimates != nil {
			p.Room[i] = a.Estimates[row].Room()
		}
	}
	r := solve(&p, a)
	d := framework.Division{Replicas: r.Replicas, Weights: plain(r.Weights, p.Room), Seats: r.Seats, Unplaced: r.Unplaced}
	if r.Unplaced > 0 {
		return d, framework.NewStatus(framework.Unschedulable,
			fmt.Sprintf("clusters lack room for %d of %d replicas%s", r.Unplaced, p.Replicas, unknowns(a)))
	}
	return d, framework.Status{}
}

func solve(p *divide.Problem, a *framework.Allotment) divide.Result {
	if a.Tiers == nil {
		return divide.Divide(p)
	}
	tiers := make([]int, len(a.Selected))
	for i, row := range a.Selected {
		tiers[i] = a.Tiers[row]
	}
	return divide.DivideTiers(p, tiers)
}

// unknowns mentions the clusters on which nothing could be counted because they reported nothing.
func unknowns(a *framework.Allotment) string {
	n := 0
	for _, row := range a.Selected {
		if a.Estimates != nil && !a.Estimates[row].Known {
			n++
		}
	}
	if n == 0 {
		return ""
	}
	return fmt.Sprintf("; the capacity of %d of %d clusters is unknown", n, len(a.Selected))
}

// plain returns the weights as numbers, laid out in memory if that is long enough.
func plain(weights []divide.Weight, memory []int64) []int64 {
	if weights == nil {
		return nil
	}
	out := slices.Grow(memory[:0], len(weights))
	for _, w := range weights {
		out = append(out, int64(w))
	}
	return out
}
