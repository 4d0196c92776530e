// Package clustereviction rejects clusters from which the request is being evicted.
package clustereviction

import (
	"context"

	"github.com/longshore-project/longshore/scheduler/framework"
)

// Plugin is the filter. Its verdict belongs to one binding and is never shared.
type Plugin struct{}

// Name returns the name by which profiles know the plugin.
func (Plugin) Name() string { return "ClusterEviction" }

// DependsOn implements framework.Repeatable.
func (Plugin) DependsOn(*framework.Query) framework.Facts { return framework.FactMembership }

// Filter rejects the clusters that the request names as being left.
func (Plugin) Filter(_ context.Context, q *framework.Query, _ framework.Bitset) ([]framework.Rejection, error) {
	if len(q.Request.Evicting) == 0 {
		return nil, nil
	}
	leaving := framework.NewBitset(q.Snapshot.Len())
	for _, name := range q.Request.Evicting {
		if row, ok := q.Snapshot.Row(name); ok {
			leaving.Set(row)
		}
	}
	return []framework.Rejection{{
		Clusters: leaving,
		Status:   framework.NewStatus(framework.Unschedulable, "cluster(s) were being evicted from"),
	}}, nil
}
