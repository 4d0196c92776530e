package census

import (
	"maps"
	"slices"

	corev1 "k8s.io/api/core/v1"

	"github.com/longshore-project/longshore/estimator/fit"
	"github.com/longshore-project/longshore/estimator/fit/kube"
	"github.com/longshore-project/longshore/scheduler/framework"
)

// mostNewNodes bounds how many nodes of one group are thought of at once.
const mostNewNodes = 5000

// growth is what new nodes of the node groups would offer. It is made again when nodes, their sizes or daemons change.
type growth struct {
	known    bool
	growable uint64
	groups   []group
}

// group is a node group with its next node: as large, without the pods of DaemonSets, as the smallest of its nodes is in each resource; with the
// labels of the first node by name, but no hostname and none of its conditions.
type group struct {
	missing int64 // nodes that it may still get
	node    kube.Node
	amounts map[string]int64
	places  int64
	room    *fit.Room // one row: the next node
}

// canGrow reports whether any node tells of its group.
func (c *Census) canGrow() bool {
	if !c.growth.known || c.growth.growable != c.growable {
		c.growth = growth{known: true, growable: c.growable, groups: c.groups()}
	}
	return len(c.growth.groups) > 0
}

func (c *Census) groups() []group {
	members := map[string][]int32{}
	for _, i := range c.ordered() {
		if name := c.rows[i].node.group; name != "" {
			members[name] = append(members[name], i)
		}
	}
	var groups []group
	for _, name := range slices.Sorted(maps.Keys(members)) {
		groups = append(groups, c.group(members[name]))
	}
	return groups
}

// group returns the group with these nodes, at least one. The largest maximum that a node tells counts.
func (c *Census) group(nodes []int32) group {
	g := group{node: newNodeLike(c.rows[nodes[0]].node), amounts: map[string]int64{}}
	for n, i := range nodes {
		r := &c.rows[i]
		g.missing = max(g.missing, r.node.groupMax)
		g.shrink(r, n == 0)
	}
	g.missing = min(max(0, g.missing-int64(len(nodes))), mostNewNodes)
	g.room = c.room.Sibling()
	row := g.room.AddRow()
	g.room.Give(row, g.room.Need(g.amounts), g.places)
	return g
}

// shrink lowers what the next node offers to what r offers.
func (g *group) shrink(r *row, first bool) {
	places := r.node.places - r.daemons["pods"]
	if first {
		g.places = places
	}
	g.places = min(g.places, places)
	for name, amount := range r.node.amounts {
		left := amount - r.daemons[name]
		if before, ok := g.amounts[name]; first || ok && left < before {
			g.amounts[name] = left
		}
	}
	for name := range g.amounts {
		if _, ok := r.node.amounts[name]; !ok {
			delete(g.amounts, name)
		}
	}
}

// newNodeLike returns what a claim reads of a node that is like n, only new, ready and open.
func newNodeLike(n *Node) kube.Node {
	labels := maps.Clone(n.claims.Labels())
	delete(labels, corev1.LabelHostname)
	node := &corev1.Node{Status: corev1.NodeStatus{Conditions: []corev1.NodeCondition{{Type: corev1.NodeReady, Status: corev1.ConditionTrue}}}}
	node.Labels = labels
	node.Spec.Taints = n.claims.LastingTaints()
	return kube.NodeOf(node)
}

// grown returns how many copies of a shape the node groups could add.
func (c *Census) grown(t *tally, s *Shape) int64 {
	if t.growable == c.growable {
		return t.grown
	}
	t.grown, t.growable = 0, c.growable
	for i := range c.growth.groups {
		g := &c.growth.groups[i]
		if s.claim.Allows(&g.node) {
			t.grown = framework.SaturatingAdd(t.grown, framework.SaturatingMul(g.missing, g.room.CopiesOn(0, t.need)))
		}
	}
	return t.grown
}

// grownSets returns how many sets would fit with every group at its maximum.
func (c *Census) grownSets(components []fit.Component, q *Question) int64 {
	room, rows := c.room.Clone(), slices.Clone(c.ordered())
	components = slices.Clone(components)
	total := room.Rows()
	for _, g := range c.growth.groups {
		total += int(g.missing)
	}
	for i := range components {
		usable := framework.NewBitset(total)
		copy(usable, components[i].Usable)
		components[i].Usable = usable
	}
	for _, g := range c.growth.groups {
		need := room.Need(g.amounts)
		for range g.missing {
			row := room.AddRow()
			room.Give(row, need, g.places)
			rows = append(rows, int32(row))
			for i := range components {
				if q.Components[i].Shape.claim.Allows(&g.node) {
					components[i].Usable.Set(row)
				}
			}
		}
	}
	return room.Sets(components, rows).Sets
}
