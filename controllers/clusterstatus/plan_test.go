package clusterstatus

import (
	"errors"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime/schema"

	clusterv1alpha1 "github.com/longshore-project/longshore/apis/cluster/v1alpha1"
)

var (
	well = health{ready: true, reason: clusterv1alpha1.ReasonClusterReady, message: "well"}
	ill  = health{reason: clusterv1alpha1.ReasonClusterNotReachable, message: "ill"}

	served = []*metav1.APIResourceList{
		{GroupVersion: "v1", APIResources: []metav1.APIResource{{Name: "pods", Kind: "Pod"}, {Name: "pods/log", Kind: "Pod"}, {Name: "nodes", Kind: "Node"}}},
		{GroupVersion: "apps/v1", APIResources: []metav1.APIResource{{Name: "deployments", Kind: "Deployment"}}},
	}
	core = clusterv1alpha1.APIEnablement{GroupVersion: "v1", Resources: []clusterv1alpha1.APIResource{{Name: "nodes", Kind: "Node"}, {Name: "pods", Kind: "Pod"}}}
	apps = clusterv1alpha1.APIEnablement{GroupVersion: "apps/v1", Resources: []clusterv1alpha1.APIResource{{Name: "deployments", Kind: "Deployment"}}}
	old  = clusterv1alpha1.APIEnablement{GroupVersion: "metrics/v1", Resources: []clusterv1alpha1.APIResource{{Name: "nodes", Kind: "NodeMetrics"}}}
	gone = clusterv1alpha1.APIEnablement{GroupVersion: "old/v1", Resources: []clusterv1alpha1.APIResource{{Name: "things", Kind: "Thing"}}}
)

func condition(kind string, status metav1.ConditionStatus, reason, message string) metav1.Condition {
	return metav1.Condition{Type: kind, Status: status, Reason: reason, Message: message}
}

func TestNextStatus(t *testing.T) {
	ready := condition("Ready", metav1.ConditionTrue, "ClusterReady", "well")
	present := clusterv1alpha1.ClusterStatus{
		KubernetesVersion: "v1.36.0",
		APIEnablements:    []clusterv1alpha1.APIEnablement{old, gone},
		Conditions:        []metav1.Condition{ready, condition("ServiceDomainNameResolutionReady", metav1.ConditionTrue, "Other", "")},
		NodeSummary:       &clusterv1alpha1.NodeSummary{TotalNum: 1},
	}
	with := func(change func(*clusterv1alpha1.ClusterStatus)) clusterv1alpha1.ClusterStatus {
		next := *present.DeepCopy()
		change(&next)
		return next
	}
	for _, test := range []struct {
		name  string
		seen  observation
		ready bool
		want  clusterv1alpha1.ClusterStatus
	}{
		{"nothing new", observation{health: well}, true, present},
		{"a first failure changes nothing", observation{health: ill}, true, present},
		{"a lasting one changes Ready alone", observation{health: ill}, false, with(func(s *clusterv1alpha1.ClusterStatus) {
			s.Conditions[0] = condition("Ready", metav1.ConditionFalse, "ClusterNotReachable", "ill")
		})},
		{"a first success after failures changes nothing", observation{health: well, version: "v1.37.0"}, false, present},
		{"new numbers", observation{health: well, version: "v1.37.0", nodes: &clusterv1alpha1.NodeSummary{TotalNum: 2}}, true, with(func(s *clusterv1alpha1.ClusterStatus) {
			s.KubernetesVersion, s.NodeSummary = "v1.37.0", &clusterv1alpha1.NodeSummary{TotalNum: 2}
		})},
		{"all APIs, sorted, without subresources", observation{health: well, apis: &apis{served: served}}, true, with(func(s *clusterv1alpha1.ClusterStatus) {
			s.APIEnablements = []clusterv1alpha1.APIEnablement{apps, core}
			s.Conditions = append(s.Conditions, condition("CompleteAPIEnablements", metav1.ConditionTrue, "Complete", "Every API group answered."))
		})},
		{"a group that does not answer keeps what it had", observation{health: well, apis: &apis{
			served: served, failed: map[schema.GroupVersion]error{{Group: "metrics", Version: "v1"}: errors.New("no endpoints")},
		}}, true, with(func(s *clusterv1alpha1.ClusterStatus) {
			s.APIEnablements = []clusterv1alpha1.APIEnablement{apps, old, core}
			s.Conditions = append(s.Conditions, condition("CompleteAPIEnablements", metav1.ConditionFalse, "Partial", "These did not answer: metrics/v1: no endpoints"))
		})},
		{"no answer does not empty the list", observation{health: well, apis: &apis{err: errors.New("timed out")}}, true, with(func(s *clusterv1alpha1.ClusterStatus) {
			s.Conditions = append(s.Conditions, condition("CompleteAPIEnablements", metav1.ConditionFalse, "Empty", "No API group answered: timed out"))
		})},
	} {
		t.Run(test.name, func(t *testing.T) {
			before := present.DeepCopy()
			got := nextStatus(present, test.seen, test.ready)
			if diff := cmp.Diff(test.want, got, cmpopts.IgnoreFields(metav1.Condition{}, "LastTransitionTime")); diff != "" {
				t.Errorf("status (-want +got):\n%s", diff)
			}
			if diff := cmp.Diff(*before, present); diff != "" {
				t.Errorf("the argument was changed:\n%s", diff)
			}
		})
	}
}
