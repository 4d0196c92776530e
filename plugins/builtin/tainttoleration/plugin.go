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
		refusal := refuse(taint, q.Snapshot.WithTaint(taint))
		if out == nil {
			out = refusal // The only one, as a rule.
		} else {
			out = append(out, refusal...)
		}
	}
	return out, nil
}

// refuse returns the rejection of the clusters with a taint, in one piece of memory.
func refuse(taint framework.Taint, clusters framework.Bitset) []framework.Rejection {
	r := new(struct {
		rejection [1]framework.Rejection
		reason    [1]string
		cure      [1]framework.Cure
	})
	r.reason[0] = "cluster(s) had untolerated taint {" + taint.String() + "}"
	r.cure[0] = framework.Cure{Fact: framework.FactTaints, Subject: taint.Key}
	r.rejection[0] = framework.Rejection{Clusters: clusters, Status: framework.NewStatus(framework.Unschedulable, r.reason[:]...), Cures: r.cure[:]}
	return r.rejection[:]
}

func tolerated(taint framework.Taint, tolerations []framework.Toleration) bool {
	return slices.ContainsFunc(tolerations, func(t framework.Toleration) bool { return t.Tolerates(taint) })
}
