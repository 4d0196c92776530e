package workloadaffinity_test

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/longshore-project/longshore/plugins/builtin"
	"github.com/longshore-project/longshore/scheduler/framework"
	"github.com/longshore-project/longshore/scheduler/pipeline"
)

func TestFilters(t *testing.T) {
	pods := framework.API{GroupVersion: "v1", Kind: "Pod"}
	var clusters []*framework.Cluster
	for _, name := range []string{"a", "b", "c"} {
		clusters = append(clusters, &framework.Cluster{Name: name, APIs: []framework.API{pods}})
	}
	s := framework.NewSnapshot(clusters, 1)
	tests := []struct {
		name    string
		peers   *framework.Peers
		running []framework.Assignment
		want    string
		cures   []framework.Cure
	}{
		{name: "in no group", want: "{a:0, b:0, c:0}"},
		{name: "the first of its group goes anywhere", peers: &framework.Peers{AffinityGroup: "app=web"}, want: "{a:0, b:0, c:0}"},
		{
			name: "together with all others", want: "{b:0}",
			peers: &framework.Peers{AffinityGroup: "app=web", Bound: true, Together: []string{"b", "gone"}},
		},
		{
			name: "existing targets are exempt", want: "{a:0, b:0}", running: []framework.Assignment{{Cluster: "a"}},
			peers: &framework.Peers{AffinityGroup: "app=web", Bound: true, Together: []string{"b"}},
		},
		{
			name: "the others have nothing in common", peers: &framework.Peers{Namespace: "n", AffinityGroup: "app=web", Bound: true},
			want:  "0/3 clusters are available: 3 cluster(s) did not run every workload of affinity group app=web",
			cures: []framework.Cure{{Fact: framework.FactMembership}, {Fact: framework.FactPeers, Subject: "n/app=web"}},
		},
		{name: "apart from the others", peers: &framework.Peers{AntiAffinityGroup: "app=db", Apart: []string{"a"}}, want: "{b:0, c:0}"},
		{
			name: "nowhere left", peers: &framework.Peers{Namespace: "n", AntiAffinityGroup: "app=db", Apart: []string{"a", "b", "c"}},
			want:  "0/3 clusters are available: 3 cluster(s) ran a workload of anti-affinity group app=db",
			cures: []framework.Cure{{Fact: framework.FactMembership}, {Fact: framework.FactPeers, Subject: "n/app=db"}},
		},
		{
			name: "together with some and apart from others", want: "{b:0}",
			peers: &framework.Peers{AffinityGroup: "g", Bound: true, Together: []string{"a", "b"}, AntiAffinityGroup: "h", Apart: []string{"a"}},
		},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			d, err := pipeline.Schedule(t.Context(), builtin.Profile(), s, &framework.Request{
				API: pods, Placement: &framework.Placement{Terms: []framework.Term{{}}}, Peers: tt.peers, Current: tt.running,
			})
			if err != nil {
				t.Fatal(err)
			}
			if d.Message() != tt.want {
				t.Errorf("decision %s, want %s", d.Message(), tt.want)
			}
			if diff := cmp.Diff(tt.cures, d.Cures()); diff != "" {
				t.Errorf("cures (-want +got):\n%s", diff)
			}
		})
	}
}
