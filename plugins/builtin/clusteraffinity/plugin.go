// Package clusteraffinity rejects clusters outside the placement's affinity.
package clusteraffinity

import (
	"context"

	"github.com/longshore-project/longshore/scheduler/framework"
)

// Plugin is the filter. It also rejects where the request runs already: a cluster that is no longer meant is left at once.
type Plugin struct{}

// Name returns the name by which profiles know the plugin.
func (Plugin) Name() string { return "ClusterAffinity" }

// Reads implements framework.SharedFilter.
func (Plugin) Reads(q *framework.Query) framework.Facts {
	facts := q.CurrentTerm().Affinity.Reads()
	for i := range q.CurrentTerm().Overflow {
		facts |= q.CurrentTerm().Overflow[i].Reads()
	}
	return facts
}

// Filter rejects the clusters that match neither the term's own affinity nor, for a workload, one of its overflow affinities.
func (p Plugin) Filter(_ context.Context, q *framework.Query, candidates framework.Bitset) ([]framework.Rejection, error) {
	term := q.CurrentTerm()
	matching := q.Snapshot.Match(&term.Affinity)
	if q.Request.Workload {
		for i := range term.Overflow {
			matching.Or(q.Snapshot.Match(&term.Overflow[i]))
		}
	}
	outside := candidates.Clone()
	outside.AndNot(matching)
	if outside.Empty() {
		return nil, nil
	}
	return []framework.Rejection{{
		Clusters: outside,
		Status:   framework.NewStatus(framework.UnschedulableAndUnresolvable, "cluster(s) did not match the placement's cluster affinity"),
		Cures:    cures(p.Reads(q)),
	}}, nil
}

// cures lists the facts on which a match depends; a cluster joining is a cure of every rejection and needs no mention.
func cures(reads framework.Facts) []framework.Cure {
	var out []framework.Cure
	for _, fact := range []framework.Facts{framework.FactLabels, framework.FactTopology} {
		if reads&fact != 0 {
			out = append(out, framework.Cure{Fact: fact})
		}
	}
	return out
}
