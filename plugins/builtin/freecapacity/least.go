package freecapacity

import (
	"context"
	"errors"
	"fmt"

	"github.com/longshore-project/longshore/plugins/builtin/arguments"
	"github.com/longshore-project/longshore/scheduler/framework"
)

// LeastAllocated is the score that prefers the clusters of which the largest share stays free:
//
//	score = ⌊Σ weight · ⌊100 · free / allocatable⌋ / Σ weight⌋
//
// over the resources, where free is what is left after the request was placed, at least 0. A resource that a cluster does not offer counts as
// 0 if the request asks for it and is left out if not.
type LeastAllocated struct{ resources []weighted }

// weighted is a resource and how much it matters beside the others.
type weighted struct {
	name   string
	weight int64
}

// WeightedResource names a resource and says how much it matters beside the others.
type WeightedResource struct {
	// Name of the resource: cpu, memory, pods or that of an extended resource.
	Name string `json:"name"`
	// Weight is 1 to 100. Default 1.
	Weight *int64 `json:"weight"`
}

// LeastAllocatedArguments are the arguments of LeastAllocated.
type LeastAllocatedArguments struct {
	// Resources are what is looked at. Default: cpu and memory, with weight 1 each.
	Resources []WeightedResource `json:"resources"`
}

// maxWeight is the highest weight of a resource, as in kube-scheduler.
const maxWeight = 100

// Name returns the name by which profiles know the plugin.
func (LeastAllocated) Name() string { return "LeastAllocated" }

// Facts tells that the answer depends on capacity only.
func (LeastAllocated) Facts() framework.Facts { return framework.FactCapacity }

// DependsOn implements framework.Repeatable: what is free, and who reported it, is capacity.
func (p LeastAllocated) DependsOn(*framework.Query) framework.Facts { return p.Facts() }

// Configure returns the plugin with those arguments.
func (LeastAllocated) Configure(raw []byte) (interface{ Name() string }, error) {
	var a LeastAllocatedArguments
	if err := arguments.Decode(raw, &a); err != nil {
		return nil, err
	}
	var p LeastAllocated
	var faults []error
	seen := map[string]bool{}
	for i, r := range a.Resources {
		faults = append(faults, checkName(seen, i, r.Name))
		w := weighted{name: r.Name, weight: 1}
		if r.Weight != nil {
			w.weight = *r.Weight
		}
		if w.weight < 1 || w.weight > maxWeight {
			faults = append(faults, arguments.Faultf(fmt.Sprintf("resources[%d].weight", i), "%d is not a weight: write 1 to %d", w.weight, maxWeight))
		}
		p.resources = append(p.resources, w)
	}
	return p, errors.Join(faults...)
}

// listed returns the resources to look at.
func (p LeastAllocated) listed() []weighted {
	if len(p.resources) > 0 {
		return p.resources
	}
	return []weighted{{framework.ResourceCPU, 1}, {framework.ResourceMemory, 1}}
}

// Score rates the clusters.
func (p LeastAllocated) Score(_ context.Context, q *framework.Query, clusters framework.Bitset, scores []int64) error {
	demand, resources := demandOf(q.Request), p.listed()
	loads := make([]load, len(resources))
	for i, r := range resources {
		loads[i] = loadOf(q, r.name, demand)
	}
	rate(q, clusters, scores, func(c *framework.Cluster, row int, more int64) int64 {
		var sum, weights int64
		for i := range loads {
			free, offers, counts := loads[i].after(c, row, more)
			if !counts {
				continue
			}
			weights += resources[i].weight
			if offers > 0 {
				sum += resources[i].weight * framework.Fraction(framework.MaxScore, free, offers)
			}
		}
		if weights == 0 {
			return 0
		}
		return sum / weights
	})
	return nil
}

// Remarks names the clusters that never reported their resources.
func (LeastAllocated) Remarks(q *framework.Query, clusters framework.Bitset) []framework.ScoreRemark {
	return remark(q, clusters)
}
