package interpreter

import (
	"fmt"
	"strings"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime"
	resourcehelper "k8s.io/component-helpers/resource"

	workv1alpha2 "github.com/longshore-project/longshore/apis/work/v1alpha2"
)

// requirementsOf returns what one pod of obj needs, nil if it asks for nothing.
func requirementsOf(obj *unstructured.Unstructured, path []string) (*workv1alpha2.ReplicaRequirements, error) {
	spec, err := podSpecAt(obj, path)
	if err != nil {
		return nil, err
	}
	claim, request := nodeClaimOf(spec), requestOf(spec)
	if len(request) == 0 {
		request = nil // As it comes back from the API server.
	}
	if claim == nil && request == nil {
		return nil, nil
	}
	return &workv1alpha2.ReplicaRequirements{NodeClaim: claim, ResourceRequest: request}, nil
}

// podSpecAt decodes the pod spec at path; an absent one is empty.
func podSpecAt(obj *unstructured.Unstructured, path []string) (*corev1.PodSpec, error) {
	found, err := mapAt(obj.Object, path...)
	if err != nil {
		return nil, err
	}
	spec := &corev1.PodSpec{}
	if found == nil {
		return spec, nil
	}
	if err := runtime.DefaultUnstructuredConverter.FromUnstructured(found, spec); err != nil {
		return nil, fmt.Errorf("decoding the pod spec at .%s: %w", strings.Join(path, "."), err)
	}
	return spec, nil
}

// nodeClaimOf returns nil if the pod accepts any node and tolerates nothing.
func nodeClaimOf(spec *corev1.PodSpec) *workv1alpha2.NodeClaim {
	claim := &workv1alpha2.NodeClaim{NodeSelector: spec.NodeSelector, Tolerations: spec.Tolerations}
	if spec.Affinity != nil && spec.Affinity.NodeAffinity != nil {
		claim.HardNodeAffinity = spec.Affinity.NodeAffinity.RequiredDuringSchedulingIgnoredDuringExecution
	}
	if claim.HardNodeAffinity == nil && len(claim.NodeSelector) == 0 && len(claim.Tolerations) == 0 {
		return nil
	}
	return claim
}

// requestOf returns what the member's scheduler will reserve for one pod, by the scheduler's own function: the sum over the containers and
// sidecars (init containers that restart), or what initialisation needs if that is more, or the pod's own request, plus overhead.
// It changes spec: requests that are not set are taken from the limits, which the API server does for pods but not for pod templates.
func requestOf(spec *corev1.PodSpec) corev1.ResourceList {
	for i := range spec.Containers {
		requestLimits(&spec.Containers[i].Resources)
	}
	for i := range spec.InitContainers {
		requestLimits(&spec.InitContainers[i].Resources)
	}
	requestPodLimits(spec)
	return resourcehelper.PodRequests(&corev1.Pod{Spec: *spec}, resourcehelper.PodResourcesOptions{})
}

func requestLimits(resources *corev1.ResourceRequirements) {
	for name, limit := range resources.Limits {
		if _, ok := resources.Requests[name]; ok {
			continue
		}
		if resources.Requests == nil {
			resources.Requests = corev1.ResourceList{}
		}
		resources.Requests[name] = limit
	}
}

// requestPodLimits completes the request of a pod that has limits of its own: what its containers request counts before its limit.
func requestPodLimits(spec *corev1.PodSpec) {
	if spec.Resources == nil {
		return
	}
	requested := resourcehelper.AggregateContainerRequests(&corev1.Pod{Spec: *spec}, resourcehelper.PodResourcesOptions{})
	limits := &corev1.ResourceRequirements{Requests: spec.Resources.Requests, Limits: corev1.ResourceList{}}
	for name, limit := range spec.Resources.Limits {
		if _, ok := requested[name]; !ok {
			limits.Limits[name] = limit
		}
	}
	requestLimits(limits)
	spec.Resources.Requests = limits.Requests
}
