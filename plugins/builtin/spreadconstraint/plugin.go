// Package spreadconstraint rejects clusters that belong to no group of a field or label over which the placement spreads.
package spreadconstraint

import (
	"context"

	"github.com/longshore-project/longshore/plugins/builtin/topology"
	"github.com/longshore-project/longshore/scheduler/framework"
)

// Plugin is the filter.
type Plugin struct{}

// Name returns the name by which profiles know the plugin.
func (Plugin) Name() string { return "SpreadConstraint" }

// Reads implements framework.SharedFilter.
func (Plugin) Reads(q *framework.Query) framework.Facts { return topology.Facts(q.Request.Placement) }

// Filter returns one rejection for each field or label of the spread constraints that some candidate leaves empty, in the order of the constraints.
func (Plugin) Filter(_ context.Context, q *framework.Query, candidates framework.Bitset) ([]framework.Rejection, error) {
	var out []framework.Rejection
	for _, c := range q.Request.Placement.Spread {
		member := members(q.Snapshot, c)
		if member == nil {
			continue
		}
		if candidates.IntersectionCount(member) == candidates.Count() {
			continue
		}
		without := candidates.Clone()
		without.AndNot(member)
		out = append(out, framework.Rejection{
			Clusters: without,
			Status:   framework.NewStatus(framework.UnschedulableAndUnresolvable, "cluster(s) had no "+topology.Name(c)+" to spread over"),
			Cures:    c.Cures(),
		})
	}
	return out, nil
}

// members returns the clusters that belong to a group of the constraint, nil where all do.
func members(s *framework.Snapshot, c framework.SpreadConstraint) framework.Bitset {
	switch {
	case c.Label != "":
		return s.WithLabel(c.Label)
	case c.Key == framework.SpreadByProvider:
		return s.WithProvider()
	case c.Key == framework.SpreadByRegion:
		return s.WithRegion()
	case c.Key == framework.SpreadByZone:
		return s.WithZone()
	}
	return nil
}
