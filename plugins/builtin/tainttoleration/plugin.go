// Package tainttoleration rejects clusters with a NoSchedule or NoExecute taint that the placement does not tolerate.
package tainttoleration

import (
	"context"
	"slices"

	"github.com/longshore-project/longshore/scheduler/framework"
)

// Plugin is the filter. Where the request runs already is not rejected: driving it away is the business of eviction.
type Plugin struct{}

// Name returns the name by which profiles know the plugin.
func (Plugin) Name() string { return "TaintToleration" }

// KeepsTargets implements framework.LenientFilter.
func (Plugin) KeepsTargets() bool { return true }

// Reads implements framework.SharedFilter.
func (Plugin) Reads(*framework.Query) framework.Facts { return framework.FactTaints }

// Filter returns one rejection for each taint that is not tolerated, in order of key, value and effect.
func (Plugin) Filter(_ context.Context, q *framework.Query, candidates framework.Bitset) ([]framework.Rejection, error) {
	var out []framework.Rejection
	for _, taint := range q.Snapshot.RepellingTaints() {
		if tolerated(taint, q.Request.Placement.Tolerations) || candidates.IntersectionCount(q.Snapshot.WithTaint(taint)) == 0 {
			continue
		}
		out = append(out, framework.Rejection{
			Clusters: q.Snapshot.WithTaint(taint),
			Status:   framework.NewStatus(framework.Unschedulable, "cluster(s) had untolerated taint {"+taint.String()+"}"),
			Cures:    []framework.Cure{{Fact: framework.FactTaints, Subject: taint.Key}},
		})
	}
	return out, nil
}

func tolerated(taint framework.Taint, tolerations []framework.Toleration) bool {
	return slices.ContainsFunc(tolerations, func(t framework.Toleration) bool { return t.Tolerates(taint) })
}
