package convert

import (
	"testing"

	"github.com/google/go-cmp/cmp"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	workv1alpha2 "github.com/longshore-project/longshore/apis/work/v1alpha2"
	"github.com/longshore-project/longshore/scheduler/affinity"
	"github.com/longshore-project/longshore/scheduler/framework"
)

func TestToMembership(t *testing.T) {
	b := &workv1alpha2.ResourceBinding{ObjectMeta: metav1.ObjectMeta{Namespace: "shop", Name: "web"}}
	b.Spec.Clusters = []workv1alpha2.TargetCluster{{Name: "a"}, {Name: "b", Replicas: 2}}
	if diff := cmp.Diff(affinity.Membership{Namespace: "shop"}, ToMembership(b)); diff != "" {
		t.Errorf("in no group (-want +got):\n%s", diff)
	}
	b.Spec.WorkloadAffinityGroups = &workv1alpha2.WorkloadAffinityGroups{AntiAffinityGroup: "app=web"}
	want := affinity.Membership{Namespace: "shop", AntiAffinity: "app=web", Targets: []string{"a", "b"}}
	if diff := cmp.Diff(want, ToMembership(b)); diff != "" {
		t.Errorf("in a group (-want +got):\n%s", diff)
	}
}

func TestToTargets(t *testing.T) {
	one := framework.SpreadConstraint{Key: framework.SpreadByCluster, MinGroups: 1, MaxGroups: 1}
	two := framework.SpreadConstraint{Key: framework.SpreadByCluster, MinGroups: 1, MaxGroups: 2}
	set := []framework.Component{{Name: "leader", Replicas: 1}, {Name: "worker", Replicas: 3}}
	tests := []struct {
		name    string
		request *framework.Request
		want    workv1alpha2.TargetCluster
	}{
		{name: "replicas", request: &framework.Request{Placement: &framework.Placement{Spread: []framework.SpreadConstraint{one}}}, want: workv1alpha2.TargetCluster{Name: "a", Replicas: 4}},
		{
			name:    "a whole set",
			request: &framework.Request{Components: set, Placement: &framework.Placement{Spread: []framework.SpreadConstraint{one}}},
			want:    workv1alpha2.TargetCluster{Name: "a", Components: []workv1alpha2.TargetComponent{{Name: "leader", Replicas: 1}, {Name: "worker", Replicas: 3}}},
		},
		{
			name:    "several clusters",
			request: &framework.Request{Components: set, Placement: &framework.Placement{Spread: []framework.SpreadConstraint{two}}},
			want:    workv1alpha2.TargetCluster{Name: "a", Replicas: 4},
		},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			got := ToTargets(tt.request, []framework.Assignment{{Cluster: "a", Replicas: 4}})
			if diff := cmp.Diff([]workv1alpha2.TargetCluster{tt.want}, got); diff != "" {
				t.Errorf("targets (-want +got):\n%s", diff)
			}
		})
	}
}
