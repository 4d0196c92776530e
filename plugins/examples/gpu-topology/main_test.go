package main

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/longshore-project/longshore/plugins/conformance"
	"github.com/longshore-project/longshore/plugins/sdk/sdktest"
	"github.com/longshore-project/longshore/scheduler/framework"
)

func TestConformance(t *testing.T) {
	conformance.Run(t, func(t testing.TB) conformance.Subject {
		return conformance.Of(sdktest.Open(t, &plugin{}, map[string]any{"link": "nvlink"}))
	})
}

func TestFilterAndScore(t *testing.T) {
	gpus := func(name, perNode, link string) sdktest.Cluster {
		return sdktest.Cluster{Name: name, Labels: map[string]string{labelPerNode: perNode, labelLink: link}}
	}
	fleet := sdktest.Fleet(
		gpus("eight", "8", "nvlink"), gpus("four", "4", "nvlink"), gpus("nonsense", "many", "nvlink"),
		sdktest.Cluster{Name: "none"}, gpus("pcie", "8", "pcie"), gpus("six", "6", "nvlink"),
	)
	tests := []struct {
		name   string
		gpus   int64
		why    map[string]string
		scores map[string]int64
	}{
		{"no GPUs", 0, map[string]string{}, map[string]int64{}},
		{"one GPU needs no link", 1, map[string]string{
			"none": "cluster(s) had no node with 1 GPUs", "nonsense": "cluster(s) had no node with 1 GPUs",
		}, map[string]int64{"eight": 100, "four": 100, "pcie": 100, "six": 100}},
		{"four GPUs", 4, map[string]string{
			"none": "cluster(s) had no node with 4 GPUs", "nonsense": "cluster(s) had no node with 4 GPUs",
			"pcie": "cluster(s) did not connect their GPUs by nvlink",
		}, map[string]int64{"eight": 100, "four": 100, "pcie": 100, "six": 66}},
	}
	p := sdktest.Open(t, &plugin{}, map[string]any{"link": "nvlink"})
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			q := sdktest.Query(fleet)
			q.Request.Requirements = framework.NewResources(map[string]int64{"nvidia.com/gpu": tt.gpus})
			rejections, err := p.Filter().Filter(t.Context(), q, fleet.Candidates())
			if err != nil {
				t.Fatal(err)
			}
			why := map[string]string{}
			for _, r := range rejections {
				for row := range r.Clusters.All() {
					why[fleet.Name(row)] = r.Status.Message()
				}
			}
			if diff := cmp.Diff(tt.why, why); diff != "" {
				t.Errorf("rejections (-want +got):\n%s", diff)
			}
			column, scores := make([]int64, fleet.Len()), map[string]int64{}
			if err := p.Score().Score(t.Context(), q, fleet.Candidates(), column); err != nil {
				t.Fatal(err)
			}
			for row, s := range column {
				if s != 0 {
					scores[fleet.Name(row)] = s
				}
			}
			if diff := cmp.Diff(tt.scores, scores); diff != "" {
				t.Errorf("scores (-want +got):\n%s", diff)
			}
		})
	}
}
