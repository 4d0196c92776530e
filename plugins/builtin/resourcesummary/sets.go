package resourcesummary

import (
	"math"
	"slices"

	"github.com/longshore-project/longshore/scheduler/framework"
)

// part is one component of a set.
type part struct {
	replicas int64
	// needs is what one replica takes of a node, by resource index; pods are the last one.
	needs []int64
}

// node is one virtual node of a resource model: what is left of it, by resource index.
type node []int64

// take is so many replicas of one component on one node.
type take struct {
	node, part int
	replicas   int64
}

// setsOnModel returns how many complete sets of components find room on the nodes that the grades stand for, if the replicas of one set after
// the other are placed in the order of the components, each on the first node with room. At most limit is returned.
//
// Replicas are not placed one by one. First, equal replicas go to a node as many at a time as it holds. Second, a node only ever loses room.
// So once a set was placed, the next one goes to the very same nodes as long as each of them has what this set took there: a replica that
// found no room on an earlier node finds none later. All those sets are taken at once, after which at least one of the nodes cannot take the
// same again. Nodes that limit sets can never reach are not made. So the work grows with the nodes and the components, not with the replicas.
func setsOnModel(grades []framework.Grade, components []framework.Component, limit int64) int64 {
	names := resourcesOf(components)
	parts := partsOf(components, names)
	nodes := nodesOf(grades, names, reachable(parts, limit))
	// first is for each component a node before which none has room for it.
	first := make([]int, len(parts))
	var sets int64
	for sets < limit {
		takes, ok := placeSet(nodes, parts, first)
		if !ok {
			return sets
		}
		times := min(repetitions(nodes, parts, takes), limit-sets-1)
		for _, t := range takes {
			nodes[t.node].take(parts[t.part].needs, framework.SaturatingMul(t.replicas, times))
		}
		sets += times + 1
	}
	return sets
}

// resourcesOf returns the names of all requested resources but pods, sorted.
func resourcesOf(components []framework.Component) []string {
	var names []string
	for _, c := range components {
		for _, a := range c.Requirements {
			if a.Amount > 0 && a.Name != framework.ResourcePods {
				names = append(names, a.Name)
			}
		}
	}
	slices.Sort(names)
	return slices.Compact(names)
}

func partsOf(components []framework.Component, names []string) []part {
	var out []part
	for _, c := range components {
		if c.Replicas > 0 {
			out = append(out, part{c.Replicas, append(vector(c.Requirements, names), 1)})
		}
	}
	return out
}

func vector(r framework.Resources, names []string) []int64 {
	out := make([]int64, len(names), len(names)+1)
	for i, name := range names {
		out[i] = max(r.Amount(name), 0)
	}
	return out
}

// reachable is a number of nodes that so many sets cannot exceed.
func reachable(parts []part, sets int64) int64 {
	var pods int64
	for _, p := range parts {
		pods = framework.SaturatingAdd(pods, p.replicas)
	}
	return framework.SaturatingMul(pods, sets)
}

// nodesOf makes the nodes in the order of the grades, of each grade no more than most.
func nodesOf(grades []framework.Grade, names []string, most int64) []node {
	var out []node
	for _, g := range grades {
		for range min(g.Count, most) {
			out = append(out, append(vector(g.Min, names), podsOfModelNode))
		}
	}
	return out
}

// fits returns how many replicas with these needs the node has room for.
func (n node) fits(needs []int64) int64 {
	most := int64(math.MaxInt64)
	for i, need := range needs {
		if need > 0 {
			most = min(most, n[i]/need)
		}
	}
	return most
}

func (n node) take(needs []int64, replicas int64) {
	for i, need := range needs {
		n[i] -= need * replicas
	}
}

// placeSet takes the room of one set and returns where. If there is not enough, ok is false and the nodes are of no use any more.
func placeSet(nodes []node, parts []part, first []int) (takes []take, ok bool) {
	for p := range parts {
		left := parts[p].replicas
		for at := first[p]; left > 0; at++ {
			if at == len(nodes) {
				return nil, false
			}
			replicas := min(nodes[at].fits(parts[p].needs), left)
			if replicas == 0 {
				if at == first[p] {
					first[p]++
				}
				continue
			}
			nodes[at].take(parts[p].needs, replicas)
			takes, left = append(takes, take{at, p, replicas}), left-replicas
		}
	}
	return takes, true
}

// repetitions returns how often the nodes can bear the same takes again.
func repetitions(nodes []node, parts []part, takes []take) int64 {
	byNode := map[int]node{}
	for _, t := range takes {
		if byNode[t.node] == nil {
			byNode[t.node] = make(node, len(nodes[t.node]))
		}
		for i, need := range parts[t.part].needs {
			byNode[t.node][i] = framework.SaturatingAdd(byNode[t.node][i], framework.SaturatingMul(need, t.replicas))
		}
	}
	most := int64(math.MaxInt64)
	for at, needs := range byNode {
		most = min(most, nodes[at].fits(needs))
	}
	return most
}
