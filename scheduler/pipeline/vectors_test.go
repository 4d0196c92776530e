package pipeline_test

import (
	"testing"

	"github.com/longshore-project/longshore/plugins/builtin"
	"github.com/longshore-project/longshore/scheduler/framework"
	"github.com/longshore-project/longshore/scheduler/pipeline"
)

func runs(targets map[string]int64) func(*framework.Request) {
	return func(r *framework.Request) {
		for name, n := range targets {
			r.Current = append(r.Current, framework.Assignment{Cluster: name, Replicas: n})
		}
	}
}

// overflows tries clusters in tiers, the first of which is the term's own affinity.
func overflows(tiers ...[]string) func(*framework.Request) {
	return func(r *framework.Request) {
		r.Placement.Terms = []framework.Term{{Affinity: framework.Affinity{Names: tiers[0]}}}
		for _, names := range tiers[1:] {
			r.Placement.Terms[0].Overflow = append(r.Placement.Terms[0].Overflow, framework.Affinity{Names: names})
		}
	}
}

// components makes a set of two workers of one cpu and a leader of two.
func components(r *framework.Request) {
	r.Components = []framework.Component{
		{Name: "worker", Replicas: 2, Requirements: framework.NewResources(map[string]int64{"cpu": 1000})},
		{Name: "leader", Replicas: 1, Requirements: framework.NewResources(map[string]int64{"cpu": 2000})},
	}
	r.Replicas, r.Requirements, r.Shape = 0, nil, "one set"
}

// TestVectors holds common situations as users describe them, one answer each.
func TestVectors(t *testing.T) {
	abc := []*framework.Cluster{member("a", 10), member("b", 5), member("c", 50)}
	tests := []struct {
		name     string
		clusters []*framework.Cluster
		request  *framework.Request
		keep     bool
		want     string
	}{
		{
			name: "cluster constraint takes the largest that suffice", clusters: abc, want: "{a:5, c:25}",
			request: request(30, framework.DynamicWeight, spread(framework.SpreadByCluster, 2, 2)),
		},
		{
			name: "cluster constraint without maximum takes all", clusters: abc, want: "{a:2, b:1, c:10}",
			request: request(13, framework.DynamicWeight, spread(framework.SpreadByCluster, 2, 0)),
		},
		{
			name: "scale-up by allocatable", clusters: []*framework.Cluster{member("a", 1), member("b", 9)}, want: "{a:3, b:5}",
			request: request(8, framework.DynamicWeight, runs(map[string]int64{"a": 3, "b": 3})),
		},
		{
			name: "aggregated scale-up prefers where it runs", clusters: []*framework.Cluster{member("a", 5), member("b", 2), member("c", 1)}, want: "{a:2, b:5}",
			request: request(7, framework.Aggregated, runs(map[string]int64{"b": 4})),
		},
		{
			name: "aggregated under a minimum still uses as many groups", clusters: abc, want: "{a:1, b:1, c:2}",
			request: request(4, framework.Aggregated, spread(framework.SpreadByCluster, 3, 0)),
		},
		{
			name: "static weights without the filtered cluster", clusters: []*framework.Cluster{member("a", 0), member("b", 0), member("c", 0, tainted("k"))},
			request: request(6, framework.StaticWeight, weights(map[string]int64{"a": 1, "b": 2, "c": 1})), want: "{a:2, b:4}",
		},
		{
			name: "static weights respect spread", want: "{a:2, b:1}",
			clusters: []*framework.Cluster{member("a", 9, in("eu")), member("b", 9, in("us")), member("c", 9, in("us"))},
			request: request(3, framework.StaticWeight, weights(map[string]int64{"a": 9, "b": 1, "c": 1}), spread(framework.SpreadByRegion, 2, 0),
				spread(framework.SpreadByCluster, 2, 2)),
		},
		{
			name: "overflow fills the first tier first", clusters: abc, want: "{a:10, b:5, c:5}",
			request: request(20, framework.DynamicWeight, overflows([]string{"a"}, []string{"b"}, []string{"c"})),
		},
		{
			name: "overflow returns when the first tier has room", clusters: abc, want: "{a:8}",
			request: request(8, framework.DynamicWeight, overflows([]string{"a"}, []string{"b"}), runs(map[string]int64{"b": 3, "a": 5})),
		},
		{
			name: "overflow still spreads", clusters: abc, want: "{a:9, b:1}",
			request: request(10, framework.DynamicWeight, overflows([]string{"a"}, []string{"b"}), spread(framework.SpreadByCluster, 2, 0)),
		},
		{
			name: "a set of components goes where it fits", clusters: []*framework.Cluster{member("a", 3), member("b", 4), member("c", 3)}, want: "{b:0}",
			request: request(0, framework.DynamicWeight, components, spread(framework.SpreadByCluster, 1, 1)),
		},
		{
			name: "a set of components stays where it runs", clusters: []*framework.Cluster{member("a", 0), member("b", 40)}, want: "{a:0}",
			request: request(0, framework.DynamicWeight, components, spread(framework.SpreadByCluster, 1, 1), runs(map[string]int64{"a": 0})),
		},
		{
			name: "no cluster can hold the set", clusters: []*framework.Cluster{member("a", 3)}, want: "no cluster has room for a whole set of the components",
			request: request(0, framework.Aggregated, components, spread(framework.SpreadByCluster, 1, 1)),
		},
		{
			name: "duplicated sets look at no room", clusters: []*framework.Cluster{member("a", 0), member("b", 0)}, want: "{a:0}",
			request: request(0, framework.Duplicated, components, spread(framework.SpreadByCluster, 1, 1)),
		},
		{
			name: "sets without that constraint go everywhere", clusters: []*framework.Cluster{member("a", 0), member("b", 9)}, want: "{a:0, b:0}",
			request: request(0, framework.DynamicWeight, components),
		},
		{
			name: "scaled to nothing", clusters: abc, want: "{}",
			request: request(0, framework.DynamicWeight, runs(map[string]int64{"a": 2})),
		},
		{
			name: "scaled to nothing but kept", clusters: abc, keep: true, want: "{a:0, b:0, c:0}",
			request: request(0, framework.DynamicWeight, runs(map[string]int64{"a": 2})),
		},
		{
			name: "what gets no replica is kept too", clusters: []*framework.Cluster{member("a", 9), member("b", 0)}, keep: true, want: "{a:3, b:0}",
			request: request(3, framework.Aggregated),
		},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			p := builtin.Profile()
			p.KeepEmpty = tt.keep
			d, err := pipeline.Schedule(t.Context(), p, fleet(tt.clusters...), tt.request)
			if err != nil {
				t.Fatal(err)
			}
			if d.Message() != tt.want {
				t.Errorf("decision %s, want %s\n%s", d.Message(), tt.want, d.Explain())
			}
		})
	}
}
