// Package cordon keeps new workloads away from a cluster by a taint on its Cluster object.
package cordon

import (
	"slices"

	corev1 "k8s.io/api/core/v1"

	clusterv1alpha1 "github.com/longshore-project/longshore/apis/cluster/v1alpha1"
)

// Taint is what a cordoned cluster carries. What runs there stays: its effect is NoSchedule.
var Taint = corev1.Taint{Key: clusterv1alpha1.TaintUnschedulable, Effect: corev1.TaintEffectNoSchedule}

// isTaint ignores the value: key and effect are what make a taint unique.
func isTaint(t corev1.Taint) bool { return t.MatchTaint(&Taint) }

// Cordoned reports whether the taints hold Taint.
func Cordoned(taints []corev1.Taint) bool { return slices.ContainsFunc(taints, isTaint) }

// plan returns the taints of a cluster that is cordoned, or not, as wanted. Other taints and their order stay. The argument is not changed.
func plan(taints []corev1.Taint, wanted bool) []corev1.Taint {
	switch {
	case wanted == Cordoned(taints):
		return taints
	case wanted:
		return append(slices.Clip(taints), Taint)
	default:
		return slices.DeleteFunc(slices.Clone(taints), isTaint)
	}
}
