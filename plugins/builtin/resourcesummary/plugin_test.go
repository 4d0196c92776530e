package resourcesummary

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/longshore-project/longshore/scheduler/framework"
)

func res(cpu, pods int64) framework.Resources {
	return framework.NewResources(map[string]int64{"cpu": cpu, "pods": pods})
}

func TestEstimate(t *testing.T) {
	cpu := func(n int64) framework.Resources { return framework.NewResources(map[string]int64{"cpu": n}) }
	replica := func(needs framework.Resources) *framework.Request {
		return &framework.Request{Replicas: 1, Requirements: needs}
	}
	model := []framework.Grade{{Count: 2, Min: cpu(3000)}, {Count: 0, Min: cpu(99000)}, {Count: 1, Min: cpu(1000)}}
	tests := []struct {
		name    string
		cluster framework.Cluster
		request *framework.Request
		want    framework.Capacity
	}{
		{name: "no report", request: replica(cpu(1)), want: framework.Capacity{}},
		{
			name: "no requirements: free pods", request: replica(nil), want: framework.Capacity{Replicas: 7, Known: true},
			cluster: framework.Cluster{Summary: &framework.Summary{Allocatable: res(0, 10), Used: res(0, 3)}},
		},
		{
			name: "the scarcest resource", request: replica(cpu(300)), want: framework.Capacity{Replicas: 2, Known: true},
			cluster: framework.Cluster{Summary: &framework.Summary{Allocatable: res(1000, 10), Used: res(200, 3)}},
		},
		{
			name: "pods are scarcest", request: replica(cpu(1)), want: framework.Capacity{Replicas: 7, Known: true},
			cluster: framework.Cluster{Summary: &framework.Summary{Allocatable: res(1000, 10), Used: res(200, 3)}},
		},
		{
			name: "reserved room is taken", request: replica(cpu(300)), want: framework.Capacity{Replicas: 1, Known: true},
			cluster: framework.Cluster{Summary: &framework.Summary{Allocatable: res(1000, 10)}, Reserved: res(500, 1)},
		},
		{
			name: "an unknown resource", request: replica(framework.NewResources(map[string]int64{"gpu": 1})), want: framework.Capacity{Known: true},
			cluster: framework.Cluster{Summary: &framework.Summary{Allocatable: res(1000, 10)}},
		},
		{
			name: "more used than there is", request: replica(cpu(1)), want: framework.Capacity{Known: true},
			cluster: framework.Cluster{Summary: &framework.Summary{Allocatable: res(1000, 10), Used: res(2000, 1)}},
		},
		{
			name: "nothing of a resource is requested", request: replica(cpu(0)), want: framework.Capacity{Replicas: 10, Known: true},
			cluster: framework.Cluster{Summary: &framework.Summary{Allocatable: res(0, 10)}},
		},
		{
			name: "model: whole nodes", request: replica(cpu(2000)), want: framework.Capacity{Replicas: 2, Known: true},
			cluster: framework.Cluster{Summary: &framework.Summary{Allocatable: res(7000, 100), Grades: model}},
		},
		{
			name: "model: a node holds no more pods than it does", request: replica(cpu(1)), want: framework.Capacity{Replicas: 330, Known: true},
			cluster: framework.Cluster{Summary: &framework.Summary{Allocatable: res(7000, 1000), Grades: model}},
		},
		{
			name: "model: promised replicas", request: replica(cpu(1000)), want: framework.Capacity{Replicas: 5, Known: true},
			cluster: framework.Cluster{Summary: &framework.Summary{Allocatable: res(7000, 100), Grades: model}, Reserved: res(1500, 1)},
		},
		{
			name: "model: free pods bound it", request: replica(cpu(1000)), want: framework.Capacity{Replicas: 4, Known: true},
			cluster: framework.Cluster{Summary: &framework.Summary{Allocatable: res(7000, 4), Grades: model}},
		},
		{
			name: "model: a resource that it does not list", request: replica(framework.NewResources(map[string]int64{"gpu": 1})), want: framework.Capacity{Known: true},
			cluster: framework.Cluster{Summary: &framework.Summary{Allocatable: framework.NewResources(map[string]int64{"gpu": 8, "pods": 9}), Grades: model}},
		},
		{
			name: "whole sets of components", want: framework.Capacity{Replicas: 2, Known: true},
			request: &framework.Request{Components: []framework.Component{{Replicas: 1, Requirements: cpu(1000)}, {Replicas: 2, Requirements: cpu(500)}}},
			cluster: framework.Cluster{Summary: &framework.Summary{Allocatable: res(7000, 8), Grades: model}},
		},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			tt.cluster.Name = "a"
			q := &framework.Query{Snapshot: framework.NewSnapshot([]*framework.Cluster{&tt.cluster}, 1), Request: tt.request}
			got := make([]framework.Capacity, 1)
			if err := (Plugin{}).Estimate(t.Context(), q, []int32{0}, got); err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(tt.want, got[0]); diff != "" {
				t.Errorf("Estimate (-want +got):\n%s", diff)
			}
		})
	}
}
