package descheduler

import (
	"fmt"
	"testing"

	"github.com/google/go-cmp/cmp"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/utils/ptr"
	"pgregory.net/rapid"

	workv1alpha2 "github.com/longshore-project/longshore/apis/work/v1alpha2"
)

const dynamic = `{"replicaScheduling":{"replicaSchedulingType":"Divided","replicaDivisionPreference":"Weighted","weightPreference":{"dynamicWeight":"AvailableReplicas"}}}`

// bound returns a binding of a Deployment with so many assigned and ready replicas in members a, b, c …
func bound(assigned, ready []int32) *workv1alpha2.ResourceBinding {
	b := &workv1alpha2.ResourceBinding{ObjectMeta: metav1.ObjectMeta{Annotations: map[string]string{workv1alpha2.AppliedPlacementAnnotation: dynamic}}}
	b.Spec.Resource = workv1alpha2.ObjectReference{APIVersion: "apps/v1", Kind: "Deployment"}
	for i, n := range assigned {
		name := string(rune('a' + i))
		b.Spec.Clusters = append(b.Spec.Clusters, workv1alpha2.TargetCluster{Name: name, Replicas: n})
		if i < len(ready) {
			b.Status.AggregatedStatus = append(b.Status.AggregatedStatus, workv1alpha2.AggregatedStatusItem{
				ClusterName: name, Status: &runtime.RawExtension{Raw: fmt.Appendf(nil, `{"readyReplicas":%d}`, ready[i])},
			})
		}
	}
	return b
}

func TestPlan(t *testing.T) {
	target := func(name string, n int32) workv1alpha2.TargetCluster {
		return workv1alpha2.TargetCluster{Name: name, Replicas: n}
	}
	tests := []struct {
		name            string
		assigned, ready []int32
		unschedulable   map[string]int32
		budget          int32
		want            []workv1alpha2.TargetCluster
		taken, later    int32
	}{
		{"taken away", []int32{5, 3}, []int32{2, 3}, map[string]int32{"a": 2}, 9, []workv1alpha2.TargetCluster{target("a", 3), target("b", 3)}, 2, 0},
		{"ready ones stay", []int32{5, 3}, []int32{4, 3}, map[string]int32{"a": 3}, 9, []workv1alpha2.TargetCluster{target("a", 4), target("b", 3)}, 1, 0},
		{"budget", []int32{5, 5}, []int32{0, 0}, map[string]int32{"a": 3, "b": 3}, 4, []workv1alpha2.TargetCluster{target("a", 2), target("b", 4)}, 4, 2},
		{"no budget", []int32{5, 5}, []int32{0, 0}, map[string]int32{"a": 3, "b": 3}, 0, []workv1alpha2.TargetCluster{target("a", 5), target("b", 5)}, 0, 6},
		{"nothing is left", []int32{2, 3}, []int32{0, 3}, map[string]int32{"a": 2}, 9, []workv1alpha2.TargetCluster{target("b", 3)}, 2, 0},
		{"not reported", []int32{2}, nil, map[string]int32{"a": 2}, 9, []workv1alpha2.TargetCluster{target("a", 2)}, 0, 0},
		{"not known", []int32{2}, []int32{0}, nil, 9, []workv1alpha2.TargetCluster{target("a", 2)}, 0, 0},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			got, taken, later := Plan(bound(tt.assigned, tt.ready), tt.unschedulable, tt.budget)
			if diff := cmp.Diff(tt.want, got); diff != "" || taken != tt.taken || later != tt.later {
				t.Errorf("%d are taken and %d later, want %d and %d; clusters (-want +got):\n%s", taken, later, tt.taken, tt.later, diff)
			}
		})
	}
}

// TestPlanLeavesTheExcess: what a member has beyond its assignment goes by itself, pending replicas first.
func TestPlanLeavesTheExcess(t *testing.T) {
	tests := []struct {
		name, kind, status string
		want               int32
	}{
		{"as assigned", "Deployment", `{"replicas":4,"readyReplicas":1}`, 3},
		{"rolling out", "Deployment", `{"replicas":5,"readyReplicas":1}`, 2},
		{"has not shrunk yet", "Deployment", `{"replicas":7,"readyReplicas":1}`, 0},
		{"fewer exist yet", "StatefulSet", `{"replicas":3,"readyReplicas":1}`, 3},
		{"a Job", "Job", `{"active":4,"ready":1}`, 3},
		{"a Job with pods that are done", "Job", `{"active":3,"succeeded":2}`, 2},
		{"unreadable", "Deployment", `[]`, 0},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			b := bound([]int32{4}, []int32{0})
			b.Spec.Resource.Kind, b.Status.AggregatedStatus[0].Status.Raw = tt.kind, []byte(tt.status)
			if _, got, _ := Plan(b, map[string]int32{"a": 3}, 9); got != tt.want {
				t.Errorf("%d are taken, want %d", got, tt.want)
			}
		})
	}
}

// TestPlanNeverRaises: whatever is claimed to be unschedulable, no number grows, ready replicas stay and the budget holds.
func TestPlanNeverRaises(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		numbers := rapid.SliceOfN(rapid.Int32Range(0, 20), 3, 3)
		assigned, ready, claims := numbers.Draw(t, "assigned"), numbers.Draw(t, "ready"), rapid.SliceOfN(rapid.Int32Range(-5, 30), 3, 3).Draw(t, "claims")
		budget := rapid.Int32Range(0, 30).Draw(t, "budget")
		b := bound(assigned, ready)
		got, taken, later := Plan(b, map[string]int32{"a": claims[0], "b": claims[1], "c": claims[2]}, budget)
		after := map[string]int32{}
		for _, c := range got {
			after[c.Name] = c.Replicas
		}
		var gone int32
		for i, c := range b.Spec.Clusters {
			if after[c.Name] > assigned[i] || after[c.Name] < min(ready[i], assigned[i]) {
				t.Errorf("%s goes from %d, of which %d are ready, to %d", c.Name, assigned[i], ready[i], after[c.Name])
			}
			gone += assigned[i] - after[c.Name]
		}
		if later > 0 && taken != budget {
			t.Errorf("%d wait for a larger budget though only %d of %d are taken", later, taken, budget)
		}
		if gone != taken || taken > budget {
			t.Errorf("%d are gone, %d are said to be taken, of a budget of %d", gone, taken, budget)
		}
	})
}

func TestEligible(t *testing.T) {
	kind := func(apiVersion, kind string) *workv1alpha2.ResourceBinding {
		b := bound(nil, nil)
		b.Spec.Resource.APIVersion, b.Spec.Resource.Kind = apiVersion, kind
		return b
	}
	placed := func(placement string) *workv1alpha2.ResourceBinding {
		b := bound(nil, nil)
		b.Annotations[workv1alpha2.AppliedPlacementAnnotation] = placement
		return b
	}
	short := bound([]int32{3}, nil)
	short.Spec.Replicas = 4
	suspended, leaving := bound(nil, nil), bound(nil, nil)
	suspended.Spec.Suspension = &workv1alpha2.Suspension{Scheduling: ptr.To(true)}
	leaving.DeletionTimestamp = &metav1.Time{}
	tests := []struct {
		name    string
		binding *workv1alpha2.ResourceBinding
		want    bool
	}{
		{"dynamic", bound(nil, nil), true},
		{"aggregated", placed(`{"replicaScheduling":{"replicaSchedulingType":"Divided","replicaDivisionPreference":"Aggregated"}}`), true},
		{"static", placed(`{"replicaScheduling":{"replicaSchedulingType":"Divided","replicaDivisionPreference":"Weighted"}}`), false},
		{"duplicated", placed(`{}`), false},
		{"never placed", placed(``), false},
		{"StatefulSet", kind("apps/v1", "StatefulSet"), true},
		{"Job", kind("batch/v1", "Job"), true},
		{"DaemonSet", kind("apps/v1", "DaemonSet"), false},
		{"short of replicas already", short, false},
		{"suspended", suspended, false},
		{"being deleted", leaving, false},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			if got := Eligible(tt.binding); got != tt.want {
				t.Errorf("eligible: %t, want %t", got, tt.want)
			}
		})
	}
}
