package sdk_test

import (
	"context"

	"github.com/longshore-project/longshore/plugins/sdk"
	"github.com/longshore-project/longshore/scheduler/framework"
)

// quiet keeps workloads out of clusters that a label says to leave in peace.
type quiet struct{}

func (quiet) Name() string { return "quiet" }

func (quiet) Filter(_ context.Context, q *sdk.Query, candidates sdk.Bitset) ([]sdk.Rejection, error) {
	rejected := framework.NewBitset(q.Snapshot.Len())
	for row := range candidates.All() {
		if q.Snapshot.Cluster(row).Labels["quiet"] == "yes" {
			rejected.Set(row)
		}
	}
	return []sdk.Rejection{{
		Clusters: rejected,
		Status:   framework.NewStatus(framework.Unschedulable, "cluster(s) wanted to be left in peace"),
		Cures:    []sdk.Cure{{Fact: framework.FactLabels, Subject: "quiet"}},
	}}, nil
}

// A whole plugin: a type with a name and at least one ability, and a call of Serve.
func ExampleServe() {
	// In package main this is func main.
	main := func() { sdk.Serve(quiet{}) }
	_ = main
}
