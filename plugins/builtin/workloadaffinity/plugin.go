// Package workloadaffinity keeps workloads of one affinity group on the same clusters, and those of one anti-affinity group on different ones.
package workloadaffinity

import (
	"context"

	"github.com/longshore-project/longshore/scheduler/framework"
)

// Affinity is the filter for affinity groups: a cluster passes when every other scheduled member of the group runs there, or when no other
// is scheduled. Where the request runs already is not rejected.
type Affinity struct{}

// Name returns the name by which profiles know the plugin.
func (Affinity) Name() string { return "WorkloadAffinity" }

// KeepsTargets implements framework.LenientFilter.
func (Affinity) KeepsTargets() bool { return true }

// Filter returns at most one rejection.
func (Affinity) Filter(_ context.Context, q *framework.Query, candidates framework.Bitset) ([]framework.Rejection, error) {
	p := q.Request.Peers
	if p == nil || p.AffinityGroup == "" || !p.Bound {
		return nil, nil
	}
	outside := candidates.Clone()
	outside.AndNot(rows(q.Snapshot, p.Together))
	return reject(outside, "cluster(s) did not run every workload of affinity group "+p.AffinityGroup, p.Namespace, p.AffinityGroup), nil
}

// AntiAffinity is the filter for anti-affinity groups: a cluster passes when no other member of the group is scheduled there. Where the
// request runs already is not rejected.
type AntiAffinity struct{}

// Name returns the name by which profiles know the plugin.
func (AntiAffinity) Name() string { return "WorkloadAntiAffinity" }

// KeepsTargets implements framework.LenientFilter.
func (AntiAffinity) KeepsTargets() bool { return true }

// Filter returns at most one rejection.
func (AntiAffinity) Filter(_ context.Context, q *framework.Query, candidates framework.Bitset) ([]framework.Rejection, error) {
	p := q.Request.Peers
	if p == nil || p.AntiAffinityGroup == "" {
		return nil, nil
	}
	taken := rows(q.Snapshot, p.Apart)
	taken.And(candidates)
	return reject(taken, "cluster(s) ran a workload of anti-affinity group "+p.AntiAffinityGroup, p.Namespace, p.AntiAffinityGroup), nil
}

func rows(s *framework.Snapshot, names []string) framework.Bitset {
	out := framework.NewBitset(s.Len())
	for _, name := range names {
		if row, ok := s.Row(name); ok {
			out.Set(row)
		}
	}
	return out
}

func reject(clusters framework.Bitset, reason, namespace, group string) []framework.Rejection {
	if clusters.Empty() {
		return nil
	}
	return []framework.Rejection{{
		Clusters: clusters,
		Status:   framework.NewStatus(framework.Unschedulable, reason),
		Cures:    []framework.Cure{{Fact: framework.FactPeers, Subject: framework.PeersSubject(namespace, group)}},
	}}
}
