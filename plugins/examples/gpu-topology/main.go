// Command gpu-topology is a placement plugin for workloads that need several GPUs in one replica. Free GPUs of a cluster are worth nothing to
// them unless enough sit in one node, behind a fast link; the plugin reads both from labels of the cluster.
package main

import (
	"context"
	"fmt"
	"strconv"

	"github.com/longshore-project/longshore/plugins/sdk"
	"github.com/longshore-project/longshore/scheduler/framework"
)

// Labels of a cluster.
const (
	// labelPerNode is how many GPUs one node has.
	labelPerNode = "gpu.example.com/per-node"
	// labelLink is what connects the GPUs of a node, for example nvlink or pcie.
	labelLink = "gpu.example.com/link"
)

func main() { sdk.Serve(&plugin{}) }

type plugin struct{ resource, link string }

func (*plugin) Name() string           { return "gpu-topology" }
func (*plugin) Version() string        { return "v1" }
func (*plugin) Facts() framework.Facts { return framework.FactLabels }

// Configure takes the name of the GPU resource and the link that replicas with more than one GPU need; both may be left out.
func (p *plugin) Configure(_ context.Context, args sdk.Arguments) error {
	a := struct{ Resource, Link string }{Resource: "nvidia.com/gpu"}
	if err := args.Decode(&a); err != nil {
		return err
	}
	p.resource, p.link = a.Resource, a.Link
	return nil
}

// wanted returns how many GPUs one replica needs.
func (p *plugin) wanted(q *sdk.Query) int64 { return q.Request.Requirements.Amount(p.resource) }

// perNode returns how many GPUs one node of the cluster has, zero when the label is absent or no number.
func perNode(c *sdk.Cluster) int64 {
	n, err := strconv.ParseInt(c.Labels[labelPerNode], 10, 64)
	if err != nil {
		return 0
	}
	return max(n, 0)
}

// Filter rejects clusters whose nodes have too few GPUs for a replica, or connect them too slowly. Requests without GPUs are not its business.
func (p *plugin) Filter(_ context.Context, q *sdk.Query, candidates sdk.Bitset) ([]sdk.Rejection, error) {
	wanted := p.wanted(q)
	if wanted == 0 {
		return nil, sdk.ErrSkip
	}
	small, slow := framework.NewBitset(q.Snapshot.Len()), framework.NewBitset(q.Snapshot.Len())
	for row := range candidates.All() {
		switch c := q.Snapshot.Cluster(row); {
		case perNode(c) < wanted:
			small.Set(row)
		case wanted > 1 && p.link != "" && c.Labels[labelLink] != p.link:
			slow.Set(row)
		}
	}
	var out []sdk.Rejection
	if !small.Empty() {
		out = append(out, reject(small, fmt.Sprintf("cluster(s) had no node with %d GPUs", wanted), labelPerNode))
	}
	if !slow.Empty() {
		out = append(out, reject(slow, "cluster(s) did not connect their GPUs by "+p.link, labelLink))
	}
	return out, nil
}

func reject(clusters sdk.Bitset, reason, label string) sdk.Rejection {
	return sdk.Rejection{
		Clusters: clusters, Status: framework.NewStatus(framework.UnschedulableAndUnresolvable, reason),
		Cures: []sdk.Cure{{Fact: framework.FactLabels, Subject: label}},
	}
}

// Score rates a cluster by the part of a node's GPUs that replicas of this size can use: 100 when none is left over.
func (p *plugin) Score(_ context.Context, q *sdk.Query, clusters sdk.Bitset, scores []int64) error {
	wanted := p.wanted(q)
	if wanted == 0 {
		return sdk.ErrSkip
	}
	for row := range clusters.All() {
		if n := perNode(q.Snapshot.Cluster(row)); n > 0 {
			scores[row] = framework.MaxScore * (n - n%wanted) / n
		}
	}
	return nil
}
