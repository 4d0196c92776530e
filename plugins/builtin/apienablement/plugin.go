// Package apienablement rejects clusters that do not serve the kind of the template.
package apienablement

import (
	"context"

	"github.com/longshore-project/longshore/scheduler/framework"
)

// Plugin is the filter. Where the request runs already is not rejected: a member's list of APIs may be incomplete for a while.
type Plugin struct{}

// Name returns the name by which profiles know the plugin.
func (Plugin) Name() string { return "APIEnablement" }

// KeepsTargets implements framework.LenientFilter.
func (Plugin) KeepsTargets() bool { return true }

// Reads implements framework.SharedFilter.
func (Plugin) Reads(*framework.Query) framework.Facts { return framework.FactAPIs }

// Filter rejects the clusters outside the API's set.
func (Plugin) Filter(_ context.Context, q *framework.Query, candidates framework.Bitset) ([]framework.Rejection, error) {
	api := q.Request.API
	serving := q.Snapshot.WithAPI(api)
	if candidates.IntersectionCount(serving) == candidates.Count() {
		return nil, nil
	}
	without := candidates.Clone()
	without.AndNot(serving)
	return []framework.Rejection{{
		Clusters: without,
		Status:   framework.NewStatus(framework.Unschedulable, "cluster(s) did not serve "+api.String()),
		Cures:    []framework.Cure{{Fact: framework.FactAPIs, Subject: api.String()}},
	}}, nil
}
