// Package spreadconstraint rejects clusters that belong to no group of a field over which the placement spreads.
package spreadconstraint

import (
	"context"

	"github.com/longshore-project/longshore/scheduler/framework"
)

// Plugin is the filter.
type Plugin struct{}

// Name returns the name by which profiles know the plugin.
func (Plugin) Name() string { return "SpreadConstraint" }

// Reads implements framework.SharedFilter.
func (Plugin) Reads(*framework.Query) framework.Facts { return framework.FactTopology }

// Filter returns one rejection for each field of the spread constraints that some candidate leaves empty, in the order of the constraints.
func (Plugin) Filter(_ context.Context, q *framework.Query, candidates framework.Bitset) ([]framework.Rejection, error) {
	var out []framework.Rejection
	for _, c := range q.Request.Placement.Spread {
		without := candidates.Clone()
		switch c.Key {
		case framework.SpreadByProvider:
			without.AndNot(q.Snapshot.WithProvider())
		case framework.SpreadByRegion:
			without.AndNot(q.Snapshot.WithRegion())
		case framework.SpreadByZone:
			without.AndNot(q.Snapshot.WithZone())
		default:
			continue
		}
		if !without.Empty() {
			out = append(out, framework.Rejection{
				Clusters: without,
				Status:   framework.NewStatus(framework.UnschedulableAndUnresolvable, "cluster(s) had no "+string(c.Key)+" to spread over"),
				Cures:    []framework.Cure{{Fact: framework.FactTopology}},
			})
		}
	}
	return out, nil
}
