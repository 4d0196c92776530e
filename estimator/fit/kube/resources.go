package kube

import (
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/resource"
	resourcehelper "k8s.io/component-helpers/resource"
)

// Amount returns quantity as kube-scheduler counts it: cpu in thousandths of a core, everything else in whole units; fractions round up.
func Amount(name corev1.ResourceName, quantity resource.Quantity) int64 {
	if name == corev1.ResourceCPU {
		return quantity.MilliValue()
	}
	return quantity.Value()
}

// Amounts returns the amounts of list by name, places for pods left out.
func Amounts(list corev1.ResourceList) map[string]int64 {
	amounts := make(map[string]int64, len(list))
	for name, quantity := range list {
		if name != corev1.ResourcePods {
			amounts[string(name)] = Amount(name, quantity)
		}
	}
	return amounts
}

// Allocatable returns what node offers to pods, and how many pods it takes.
func Allocatable(node *corev1.Node) (amounts map[string]int64, places int64) {
	return Amounts(node.Status.Allocatable), node.Status.Allocatable.Pods().Value()
}

// PodRequests returns what a pod takes from its node: containers and restartable init containers together, or an init container beside those
// that started before it if that is more, or what is set for the pod as a whole; plus the overhead. A resize under way counts with the larger of
// what was asked for and what is in force.
func PodRequests(pod *corev1.Pod) map[string]int64 {
	return Amounts(resourcehelper.PodRequests(pod, resourcehelper.PodResourcesOptions{
		UseStatusResources: true, InPlacePodLevelResourcesVerticalScalingEnabled: true,
	}))
}

// HoldsRoom reports whether pod takes room on its node: it has one, and has not ended.
func HoldsRoom(pod *corev1.Pod) bool {
	return pod.Spec.NodeName != "" && pod.Status.Phase != corev1.PodSucceeded && pod.Status.Phase != corev1.PodFailed
}
