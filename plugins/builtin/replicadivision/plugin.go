// Package replicadivision gives replicas to the selected clusters by the strategy of the placement.
package replicadivision

import (
	"context"
	"fmt"

	"github.com/longshore-project/longshore/scheduler/divide"
	"github.com/longshore-project/longshore/scheduler/framework"
)

// Plugin is the assignment.
type Plugin struct{}

// Name returns the name by which profiles know the plugin.
func (Plugin) Name() string { return "ReplicaDivision" }

// Assign divides the replicas, or repeats them on every cluster when the strategy is Duplicated. What has no replicas is only listed.
func (Plugin) Assign(_ context.Context, a *framework.Allotment) (framework.Division, framework.Status, error) {
	switch strategy := a.Request.Placement.Strategy; {
	case !a.Request.CountsReplicas():
		return framework.Division{Replicas: make([]int64, len(a.Selected))}, framework.Status{}, nil
	case strategy == framework.Duplicated:
		return duplicate(a), framework.Status{}, nil
	case strategy == framework.StaticWeight:
		return byWeight(a), framework.Status{}, nil
	case strategy.UsesCapacity():
		d, status := byRoom(a)
		return d, status, nil
	default:
		return framework.Division{}, framework.Status{}, fmt.Errorf("dividing replicas: unknown strategy %d", strategy)
	}
}

func duplicate(a *framework.Allotment) framework.Division {
	replicas := make([]int64, len(a.Selected))
	for i := range replicas {
		replicas[i] = a.Request.Replicas
	}
	return framework.Division{Replicas: replicas}
}

// byWeight divides all replicas anew by the static weights. If none of the selected clusters has a weight all weigh the same.
func byWeight(a *framework.Allotment) framework.Division {
	weights, any := make([]divide.Weight, len(a.Selected)), false
	for i, row := range a.Selected {
		if a.Weights != nil && a.Weights[row] > 0 {
			weights[i], any = divide.Weight(a.Weights[row]), true
		}
	}
	for i := range weights {
		if !any {
			weights[i] = 1
		}
	}
	return framework.Division{
		Replicas: divide.Apportion(a.Request.Replicas, weights, order(a.Request)),
		Weights:  plain(weights),
		Seats:    a.Request.Replicas,
	}
}

func byRoom(a *framework.Allotment) (framework.Division, framework.Status) {
	p := divide.Problem{
		Replicas: a.Request.Replicas,
		Previous: a.Current,
		Room:     make([]int64, len(a.Selected)),
		Order:    order(a.Request),
		Fresh:    a.Request.Fresh,
		Together: a.Request.Placement.Strategy == framework.Aggregated,
	}
	for i, row := range a.Selected {
		if a.Estimates != nil {
			p.Room[i] = a.Estimates[row].Room()
		}
	}
	r := solve(&p, a)
	d := framework.Division{Replicas: r.Replicas, Weights: plain(r.Weights), Seats: r.Seats, Unplaced: r.Unplaced}
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

func order(r *framework.Request) divide.Order {
	if r.NamesDescending {
		return divide.Descending
	}
	return divide.Ascending
}

func plain(weights []divide.Weight) []int64 {
	if weights == nil {
		return nil
	}
	out := make([]int64, len(weights))
	for i, w := range weights {
		out[i] = int64(w)
	}
	return out
}
