// Package clusterlocality prefers the clusters where the request runs already.
package clusterlocality

import (
	"context"

	"github.com/longshore-project/longshore/scheduler/framework"
)

// Plugin is the score: 100 for clusters where the request runs already, 0 for all others.
type Plugin struct{}

// Name returns the name by which profiles know the plugin.
func (Plugin) Name() string { return "ClusterLocality" }

// Skips implements framework.SkippableScore.
func (Plugin) Skips(q *framework.Query) bool { return len(q.Request.Current) == 0 }

// DependsOn implements framework.Repeatable.
func (Plugin) DependsOn(*framework.Query) framework.Facts { return framework.FactMembership }

// Score rates the clusters.
func (Plugin) Score(_ context.Context, q *framework.Query, clusters framework.Bitset, scores []int64) error {
	for _, target := range q.Request.Current {
		if row, ok := q.Snapshot.Row(target.Cluster); ok && clusters.Has(row) {
			scores[row] = framework.MaxScore
		}
	}
	return nil
}
