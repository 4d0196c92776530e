package loop

import (
	"testing"

	"github.com/google/go-cmp/cmp"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/resource"
	"sigs.k8s.io/controller-runtime/pkg/client"

	clusterv1alpha1 "github.com/longshore-project/longshore/apis/cluster/v1alpha1"
	policyv1alpha1 "github.com/longshore-project/longshore/apis/policy/v1alpha1"
	workv1alpha2 "github.com/longshore-project/longshore/apis/work/v1alpha2"
)

// components makes a set of a leader with two processors and two workers with one each.
func components(s *workv1alpha2.ResourceBindingSpec) {
	asks := func(cpu string) *workv1alpha2.ComponentReplicaRequirements {
		return &workv1alpha2.ComponentReplicaRequirements{ResourceRequest: corev1.ResourceList{"cpu": resource.MustParse(cpu)}}
	}
	s.Replicas, s.ReplicaRequirements = 0, nil
	s.Components = []workv1alpha2.Component{
		{Name: "leader", Replicas: 1, ReplicaRequirements: asks("2")}, {Name: "worker", Replicas: 2, ReplicaRequirements: asks("1")},
	}
}

// wholeSet places all components together into one cluster that has room for them.
func wholeSet(s *workv1alpha2.ResourceBindingSpec) {
	onOneCluster(s)
	components(s)
}

func withCPU(cpu string) func(*clusterv1alpha1.Cluster) {
	return func(c *clusterv1alpha1.Cluster) {
		c.Status.ResourceSummary.Allocatable["cpu"] = resource.MustParse(cpu)
	}
}

func TestWholeSets(t *testing.T) {
	w := newWorld(t)
	w.member("a", withCPU("3"))
	w.member("b", withCPU("7"))
	first := w.binding("first", wholeSet)
	w.start()
	now := w.until(first, "it is placed", scheduledFor(workv1alpha2.ReasonSuccess))
	set := []workv1alpha2.TargetCluster{{
		Name: w.memberName("b"), Components: []workv1alpha2.TargetComponent{{Name: "leader", Replicas: 1}, {Name: "worker", Replicas: 2}},
	}}
	if diff := cmp.Diff(set, now.BindingSpec().Clusters); diff != "" {
		t.Errorf("clusters (-want +got):\n%s", diff)
	}
	// The set is not in the member's report yet, but its room is taken.
	second := w.binding("second", wholeSet)
	w.until(second, "it lacks room", func(b workv1alpha2.Binding) bool {
		return len(b.BindingStatus().Conditions) > 0 && len(b.BindingSpec().Clusters) == 0
	})

	// Scaling a component is nobody's business: one change of the spec, and the result stays as it is.
	now.BindingSpec().Components[1].Replicas = 3
	if err := w.client.Update(t.Context(), now.(client.Object)); err != nil {
		t.Fatal(err)
	}
	scaled := w.until(first, "it is looked at", scheduledFor(workv1alpha2.ReasonSuccess))
	if diff := cmp.Diff(set, scaled.BindingSpec().Clusters); diff != "" || scaled.GetGeneration() != 3 {
		t.Errorf("clusters at generation %d (-want +got):\n%s", scaled.GetGeneration(), diff)
	}
	if err := w.client.Delete(t.Context(), scaled.(client.Object)); err != nil {
		t.Fatal(err)
	}
	w.until(second, "it gets the room", scheduledFor(workv1alpha2.ReasonSuccess))
}

// TestSetsElsewhere sends what has several components to every selected cluster as it is.
func TestSetsElsewhere(t *testing.T) {
	w := newWorld(t)
	w.member("a", withCPU("1"))
	w.member("b")
	b := w.binding("nginx", divided(true), components)
	w.start()
	now := w.until(b, "it is placed", scheduledFor(workv1alpha2.ReasonSuccess))
	want := []workv1alpha2.TargetCluster{{Name: w.memberName("a")}, {Name: w.memberName("b")}}
	if diff := cmp.Diff(want, now.BindingSpec().Clusters); diff != "" {
		t.Errorf("clusters (-want +got):\n%s", diff)
	}
}

func TestTriggersOfComponents(t *testing.T) {
	tests := []struct {
		name   string
		change func(*workv1alpha2.ResourceBinding)
		want   trigger
	}{
		{name: "scaled", change: func(b *workv1alpha2.ResourceBinding) { b.Spec.Components[1].Replicas = 9 }},
		{name: "runs nowhere", change: func(b *workv1alpha2.ResourceBinding) { b.Spec.Clusters = nil }, want: replicasChanged},
		{name: "runs nowhere, and no strategy is stated", change: func(b *workv1alpha2.ResourceBinding) {
			b.Spec.Clusters, b.Spec.Placement = nil, &policyv1alpha1.Placement{}
			b.Annotations[workv1alpha2.AppliedPlacementAnnotation] = "{}"
		}, want: followsFleet},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			b := placed(func(b *workv1alpha2.ResourceBinding) { components(&b.Spec) }, tt.change)
			if got := triggerOf(b, appliedText(b), func(string) bool { return false }); got != tt.want {
				t.Errorf("trigger is %q, want %q", got, tt.want)
			}
		})
	}
}

// appliedText returns the placement as it was applied last.
func appliedText(b *workv1alpha2.ResourceBinding) string {
	return b.Annotations[workv1alpha2.AppliedPlacementAnnotation]
}
