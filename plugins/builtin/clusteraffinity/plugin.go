// Package clusteraffinity rejects clusters outside the placement's affinity.
package clusteraffinity

import (
	"context"

	"github.com/longshore-project/longshore/scheduler/framework"
)

// Plugin is the filter. It also rejects where the request runs already: a cluster that is no longer meant is left at once.
type Plugin struct{}

var unmatched = framework.NewStatus(framework.UnschedulableAndUnresolvable, "cluster(s) did not match the placement's cluster affinity")

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
	outside := matching
	outside.Complement(candidates)
	if outside.Empty() {
		return nil, nil
	}
	return []framework.Rejection{{Clusters: outside, Status: unmatched, Cures: cures(p.Reads(q))}}, nil
}

// allCures is one cure for each fact on which a match may depend.
var allCures = []framework.Cure{{Fact: framework.FactLabels}, {Fact: framework.FactTopology}}

// cures lists the facts on which a match depends; a cluster joining is a cure of every rejection and needs no mention.
func cures(reads framework.Facts) []framework.Cure {
	labels, topology := reads&framework.FactLabels != 0, reads&framework.FactTopology != 0
	switch {
	case labels && topology:
		return allCures
	case labels:
		return allCures[:1:1]
	case topology:
		return allCures[1:]
	}
	return nil
}
