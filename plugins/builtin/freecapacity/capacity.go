// Package freecapacity scores clusters by what would be free in them after the request was placed: by how much, or by how evenly. The formulas
// are those of kube-scheduler's LeastAllocated strategy and NodeResourcesBalancedAllocation plugin (docs: Scheduler Configuration, Resource Bin
// Packing), with a cluster's resource summary in place of a node and the scheduler's reservations counted as used.
//
// What the request would add to a cluster is: all replicas if each cluster gets all, one replica if they are divided, for how many a cluster
// will get is not known when it is scored, or one whole set of components; in each case less what runs there already, which the member's
// report includes.
package freecapacity

import (
	"fmt"

	"github.com/longshore-project/longshore/plugins/builtin/arguments"
	"github.com/longshore-project/longshore/scheduler/framework"
)

// maxResources bounds the list of resources, so that sums over it stay far from the limits of int64.
const maxResources = 100

// checkName returns what is wrong with the i-th of the resources, of which names holds those before it.
func checkName(names map[string]bool, i int, name string) error {
	path := fmt.Sprintf("resources[%d].name", i)
	switch {
	case name == "":
		return arguments.Faultf(path, "names no resource: write cpu, memory, pods or the name of an extended resource")
	case names[name]:
		return arguments.Faultf(path, "%s is listed twice", name)
	case i >= maxResources:
		return arguments.Faultf(path, "is one too many: at most %d resources", maxResources)
	}
	names[name] = true
	return nil
}

// load is how much of one resource the clusters offer and would have free.
type load struct {
	name    string
	free    framework.Column[int64]
	offered bool
	// demand is what one replica, or one set, takes.
	demand int64
}

// loadOf returns the load of the resource under the request.
func loadOf(q *framework.Query, name string, demand framework.Resources) load {
	l := load{name: name, demand: max(demand.Amount(name), 0)}
	l.free, l.offered = q.Snapshot.Free(name)
	return l
}

// after returns what the cluster in row offers of the resource and what of it would be free after so many more replicas, or sets. Counts is
// false when the resource does not matter: the cluster does not offer it and the request does not want it.
func (l *load) after(c *framework.Cluster, row int, more int64) (free, offers int64, counts bool) {
	if l.offered {
		offers = max(c.Summary.Allocatable.Amount(l.name), 0)
	}
	if offers == 0 {
		return 0, 0, l.demand > 0
	}
	free = framework.SaturatingAdd(l.free.At(row), -framework.SaturatingMul(l.demand, more))
	return min(max(free, 0), offers), offers, true
}

// demandOf returns what one replica takes, or one set of components: the resources that it requests, and its pods.
func demandOf(r *framework.Request) framework.Resources {
	if !r.Workload {
		return nil
	}
	if len(r.Components) == 0 {
		return r.Requirements.Plus(onePod)
	}
	var sum framework.Resources
	for _, c := range r.Components {
		sum = sum.Plus(c.Requirements.Plus(onePod).Times(c.Replicas))
	}
	return sum
}

var onePod = framework.Resources{{Name: framework.ResourcePods, Amount: 1}}

// additions returns how many replicas, or sets, the request would add to each cluster, by row.
func additions(q *framework.Query) (elsewhere int64, where map[int]int64) {
	r := q.Request
	each := int64(1)
	if r.CountsReplicas() && !r.DividesReplicas() {
		each = r.Replicas
	}
	if r.CountsReplicas() {
		each = min(each, r.Replicas)
	}
	where = make(map[int]int64, len(r.Current))
	for _, t := range r.Current {
		if row, ok := q.Snapshot.Row(t.Cluster); ok {
			running := t.Replicas
			if !r.CountsReplicas() {
				running = each
			}
			where[row] = max(each-running, 0)
		}
	}
	return each, where
}

// rate writes the score of each cluster: what of says, or 0 for a cluster that never reported its resources.
func rate(q *framework.Query, clusters framework.Bitset, scores []int64, of func(c *framework.Cluster, row int, more int64) int64) {
	elsewhere, where := additions(q)
	for row := range clusters.All() {
		c := q.Snapshot.Cluster(row)
		more, runs := where[row]
		if !runs {
			more = elsewhere
		}
		scores[row] = 0
		if c.Summary != nil {
			scores[row] = of(c, row, more)
		}
	}
}

// remark tells which of the clusters never reported their resources, if any are.
func remark(q *framework.Query, clusters framework.Bitset) []framework.ScoreRemark {
	silent := clusters.Clone()
	silent.AndNot(q.Snapshot.Summarized())
	if silent.Empty() {
		return nil
	}
	return []framework.ScoreRemark{{Clusters: silent, Text: "have not reported their resources and get 0"}}
}
