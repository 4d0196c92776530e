package cluster

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	clusterv1alpha1 "github.com/longshore-project/longshore/apis/cluster/v1alpha1"
)

var (
	notReady    = corev1.Taint{Key: clusterv1alpha1.TaintNotReady, Effect: corev1.TaintEffectNoSchedule}
	unreachable = corev1.Taint{Key: clusterv1alpha1.TaintUnreachable, Effect: corev1.TaintEffectNoSchedule}
	users       = corev1.Taint{Key: "dedicated", Effect: corev1.TaintEffectNoSchedule}
	evicting    = corev1.Taint{Key: clusterv1alpha1.TaintNotReady, Effect: corev1.TaintEffectNoExecute}
)

func newCluster(ready metav1.ConditionStatus, taints ...corev1.Taint) *clusterv1alpha1.Cluster {
	c := &clusterv1alpha1.Cluster{ObjectMeta: metav1.ObjectMeta{Name: "member1"}, Spec: clusterv1alpha1.ClusterSpec{SyncMode: clusterv1alpha1.Push, Taints: taints}}
	if ready != "" {
		c.Status.Conditions = []metav1.Condition{{Type: clusterv1alpha1.ConditionReady, Status: ready}}
	}
	return c
}

func TestAutomaticTaints(t *testing.T) {
	for _, test := range []struct {
		name    string
		cluster *clusterv1alpha1.Cluster
		want    []corev1.Taint
	}{
		{"never observed", newCluster(""), []corev1.Taint{notReady}},
		{"ready", newCluster(metav1.ConditionTrue), nil},
		{"ready again", newCluster(metav1.ConditionTrue, notReady, users, unreachable), []corev1.Taint{users}},
		{"not ready", newCluster(metav1.ConditionFalse, users), []corev1.Taint{users, notReady}},
		{"still not ready", newCluster(metav1.ConditionFalse, notReady, users), []corev1.Taint{notReady, users}},
		{"silent after not ready", newCluster(metav1.ConditionUnknown, notReady), []corev1.Taint{unreachable}},
		{"a user's taint with the same key and another effect stays", newCluster(metav1.ConditionTrue, evicting), []corev1.Taint{evicting}},
		{"twice the same is once", newCluster(metav1.ConditionFalse, notReady), []corev1.Taint{notReady}},
	} {
		t.Run(test.name, func(t *testing.T) {
			if diff := cmp.Diff(test.want, automaticTaints(test.cluster)); diff != "" {
				t.Errorf("taints (-want +got):\n%s", diff)
			}
		})
	}
}

func TestPlanJoined(t *testing.T) {
	now := metav1.NewTime(time.Unix(1000, 0))
	present := newCluster(metav1.ConditionTrue, evicting)
	untouched := present.DeepCopy()
	got := planJoined(present, now)
	if diff := cmp.Diff(untouched, present); diff != "" {
		t.Errorf("the argument was changed:\n%s", diff)
	}
	if got.tainted {
		t.Error("stamping a time counts as tainting")
	}
	want := newCluster(metav1.ConditionTrue, corev1.Taint{Key: evicting.Key, Effect: evicting.Effect, TimeAdded: &now})
	want.Finalizers = []string{clusterv1alpha1.ClusterFinalizer}
	if diff := cmp.Diff(want, got.cluster); diff != "" {
		t.Errorf("cluster (-want +got):\n%s", diff)
	}
	again := planJoined(got.cluster, metav1.NewTime(now.Add(time.Hour)))
	if diff := cmp.Diff(got.cluster, again.cluster); diff != "" {
		t.Errorf("planning again changes (-first +second):\n%s", diff)
	}
}
