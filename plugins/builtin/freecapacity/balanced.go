package freecapacity

import (
	"context"
	"errors"
	"math"

	"github.com/longshore-project/longshore/plugins/builtin/arguments"
	"github.com/longshore-project/longshore/scheduler/framework"
)

// BalancedAllocation is the score that prefers the clusters whose resources are used evenly, so that none runs out while others idle:
//
//	score = ⌊100 · (1 − σ)⌋,  σ = √(Σ (used − mean)² / n)
//
// where used is the share of each of the n resources that is taken after the request was placed, from 0 to 1 in millionths, and mean is the
// average of these shares; the root is exact. A resource that a cluster does not offer counts as used up if the request asks for it and is
// left out if not.
type BalancedAllocation struct{ resources []Resource }

// Resource names a resource.
type Resource struct {
	// Name of the resource: cpu, memory, pods or that of an extended resource.
	Name string `json:"name"`
}

// BalancedAllocationArguments are the arguments of BalancedAllocation.
type BalancedAllocationArguments struct {
	// Resources are what is looked at; fewer than two are always in balance. Default: cpu and memory.
	Resources []Resource `json:"resources"`
}

// Name returns the name by which profiles know the plugin.
func (BalancedAllocation) Name() string { return "BalancedAllocation" }

// Facts tells that the answer depends on capacity only.
func (BalancedAllocation) Facts() framework.Facts { return framework.FactCapacity }

// DependsOn implements framework.Repeatable: what is free, and who reported it, is capacity.
func (p BalancedAllocation) DependsOn(*framework.Query) framework.Facts { return p.Facts() }

// Configure returns the plugin with those arguments.
func (BalancedAllocation) Configure(raw []byte) (interface{ Name() string }, error) {
	var a BalancedAllocationArguments
	if err := arguments.Decode(raw, &a); err != nil {
		return nil, err
	}
	var faults []error
	seen := map[string]bool{}
	for i, r := range a.Resources {
		faults = append(faults, checkName(seen, i, r.Name))
	}
	return BalancedAllocation{a.Resources}, errors.Join(faults...)
}

// listed returns the resources to look at.
func (p BalancedAllocation) listed() []Resource {
	if len(p.resources) > 0 {
		return p.resources
	}
	return []Resource{{Name: framework.ResourceCPU}, {Name: framework.ResourceMemory}}
}

// whole is a share of 1 in millionths.
const whole = 1_000_000

// Score rates the clusters.
func (p BalancedAllocation) Score(_ context.Context, q *framework.Query, clusters framework.Bitset, scores []int64) error {
	demand, resources := demandOf(q.Request), p.listed()
	loads := make([]load, len(resources))
	for i, r := range resources {
		loads[i] = loadOf(q, r.Name, demand)
	}
	rate(q, clusters, scores, func(c *framework.Cluster, row int, more int64) int64 {
		var n, sum, squares int64
		for i := range loads {
			free, offers, counts := loads[i].after(c, row, more)
			if !counts {
				continue
			}
			used := int64(whole)
			if offers > 0 {
				used = framework.Fraction(whole, offers-free, offers)
			}
			n, sum, squares = n+1, sum+used, squares+used*used
		}
		return balance(n, sum, squares)
	})
	return nil
}

// balance returns the score of n shares with that sum and that sum of squares. With n·σ = √(n·squares − sum²), which is rounded up so that the
// score is rounded down, nothing is lost before the last division.
func balance(n, sum, squares int64) int64 {
	if n == 0 {
		return 0
	}
	return (n*whole - rootUp(n*squares-sum*sum)) * framework.MaxScore / (n * whole)
}

// rootUp returns the smallest integer whose square is at least x, which is not negative and below 2^62.
func rootUp(x int64) int64 {
	root := int64(math.Sqrt(float64(x)))
	for root*root < x {
		root++
	}
	for root > 0 && (root-1)*(root-1) >= x {
		root--
	}
	return root
}

// Remarks names the clusters that never reported their resources.
func (BalancedAllocation) Remarks(q *framework.Query, clusters framework.Bitset) []framework.ScoreRemark {
	return remark(q, clusters)
}
