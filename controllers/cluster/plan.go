package cluster

import (
	"slices"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/controller/controllerutil"

	clusterv1alpha1 "github.com/longshore-project/longshore/apis/cluster/v1alpha1"
	workv1alpha1 "github.com/longshore-project/longshore/apis/work/v1alpha1"
)

// plan is how a living Cluster should look and what of it is worth an event.
type plan struct {
	cluster *clusterv1alpha1.Cluster
	// tainted is true if the automatic taints differ from those of the present Cluster.
	tainted bool
}

// planJoined adds what is missing to a copy of present: the finalizer, the automatic taints, and the time at which a NoExecute taint was
// seen first, from which tolerationSeconds count.
func planJoined(present *clusterv1alpha1.Cluster, now metav1.Time) plan {
	cluster := present.DeepCopy()
	controllerutil.AddFinalizer(cluster, clusterv1alpha1.ClusterFinalizer)
	cluster.Spec.Taints = automaticTaints(cluster)
	tainted := !slices.EqualFunc(cluster.Spec.Taints, present.Spec.Taints, sameTaint)
	for i := range cluster.Spec.Taints {
		taint := &cluster.Spec.Taints[i]
		if taint.Effect == corev1.TaintEffectNoExecute && taint.TimeAdded == nil {
			taint.TimeAdded = &now
		}
	}
	return plan{cluster: cluster, tainted: tainted}
}

// automaticTaints returns the taints of cluster with exactly the automatic one that condition Ready calls for. Taints of users stay, in
// their order, also those with the same key and another effect.
func automaticTaints(cluster *clusterv1alpha1.Cluster) []corev1.Taint {
	wanted := readinessTaint(cluster)
	var taints []corev1.Taint
	present := false
	for _, taint := range cluster.Spec.Taints {
		if !isAutomatic(taint) {
			taints = append(taints, taint)
		} else if taint.Key == wanted {
			taints, present = append(taints, taint), true
		}
	}
	if wanted != "" && !present {
		taints = append(taints, corev1.Taint{Key: wanted, Effect: corev1.TaintEffectNoSchedule})
	}
	return taints
}

// readinessTaint returns the key of the automatic taint, empty for a ready cluster.
func readinessTaint(cluster *clusterv1alpha1.Cluster) string {
	ready := meta.FindStatusCondition(cluster.Status.Conditions, clusterv1alpha1.ConditionReady)
	switch {
	case ready == nil || ready.Status == metav1.ConditionFalse:
		return clusterv1alpha1.TaintNotReady
	case ready.Status == metav1.ConditionUnknown:
		return clusterv1alpha1.TaintUnreachable
	default:
		return ""
	}
}

func isAutomatic(taint corev1.Taint) bool {
	return taint.Effect == corev1.TaintEffectNoSchedule &&
		(taint.Key == clusterv1alpha1.TaintNotReady || taint.Key == clusterv1alpha1.TaintUnreachable)
}

func sameTaint(a, b corev1.Taint) bool { return a.Key == b.Key && a.Effect == b.Effect }

// executionNamespace is where the Works of the named cluster live.
func executionNamespace(cluster string) *corev1.Namespace {
	return &corev1.Namespace{ObjectMeta: metav1.ObjectMeta{
		Name:   workv1alpha1.ExecutionNamespace(cluster),
		Labels: map[string]string{workv1alpha1.SystemLabel: workv1alpha1.True},
	}}
}

// abandoned reports whether nobody is left who could remove the Works' objects from a departing member: it is in Pull mode, so that only
// its own agent could, and the agent is silent. For Push mode package execution decides the same for each Work.
func abandoned(cluster *clusterv1alpha1.Cluster) bool {
	return cluster.Spec.SyncMode == clusterv1alpha1.Pull && readinessTaint(cluster) != ""
}
