package census

import (
	"math"
	"slices"
	"strings"

	corev1 "k8s.io/api/core/v1"

	"github.com/longshore-project/longshore/estimator/fit/kube"
	"github.com/longshore-project/longshore/scheduler/framework"
)

// quota is what a ResourceQuota still allows.
type quota struct {
	// left by resource name; pods under corev1.ResourcePods.
	left map[string]int64
	// classes must all match the priority class of a pod; none stands for every pod.
	classes []corev1.ScopedResourceSelectorRequirement
	// other scopes than the priority class are there: which pods count cannot be told from a shape.
	opaque bool
}

// quotaOf reads what is left from the status, where the member counts it. A resource without a status yet counts as unused.
func quotaOf(o *corev1.ResourceQuota) quota {
	q := quota{left: map[string]int64{}}
	for _, scope := range o.Spec.Scopes {
		q.addScope(corev1.ScopedResourceSelectorRequirement{ScopeName: scope, Operator: corev1.ScopeSelectorOpExists})
	}
	if o.Spec.ScopeSelector != nil {
		for _, requirement := range o.Spec.ScopeSelector.MatchExpressions {
			q.addScope(requirement)
		}
	}
	for name, hard := range o.Spec.Hard {
		resource, ok := requested(name)
		if !ok {
			continue
		}
		amount := kube.Amount(corev1.ResourceName(resource), hard)
		if used, ok := o.Status.Used[name]; ok {
			amount -= kube.Amount(corev1.ResourceName(resource), used)
		}
		if before, ok := q.left[resource]; !ok || amount < before {
			q.left[resource] = amount
		}
	}
	return q
}

func (q *quota) addScope(requirement corev1.ScopedResourceSelectorRequirement) {
	if requirement.ScopeName != corev1.ResourceQuotaScopePriorityClass {
		q.opaque = true
		return
	}
	q.classes = append(q.classes, requirement)
}

// requested returns which resource's requests the quota's resource name limits: cpu for cpu and requests.cpu, pods for pods and count/pods.
func requested(name corev1.ResourceName) (string, bool) {
	switch name {
	case "count/pods":
		return string(corev1.ResourcePods), true
	case corev1.ResourceRequestsStorage:
		return "", false // Of volume claims.
	case corev1.ResourcePods, corev1.ResourceCPU, corev1.ResourceMemory, corev1.ResourceEphemeralStorage:
		return string(name), true
	}
	if after, ok := strings.CutPrefix(string(name), corev1.DefaultResourceRequestsPrefix); ok {
		return after, true
	}
	return string(name), strings.HasPrefix(string(name), corev1.ResourceHugePagesPrefix)
}

// counts reports whether pods of the priority class count against the quota.
func (q *quota) counts(class string) bool {
	if q.opaque {
		return false
	}
	for _, requirement := range q.classes {
		if !matchesClass(requirement, class) {
			return false
		}
	}
	return true
}

func matchesClass(requirement corev1.ScopedResourceSelectorRequirement, class string) bool {
	switch requirement.Operator {
	case corev1.ScopeSelectorOpExists:
		return class != ""
	case corev1.ScopeSelectorOpDoesNotExist:
		return class == ""
	case corev1.ScopeSelectorOpIn:
		return slices.Contains(requirement.Values, class)
	case corev1.ScopeSelectorOpNotIn:
		return !slices.Contains(requirement.Values, class)
	}
	return false
}

// demand returns what one set asks of the quota, by resource name.
func (q *quota) demand(components []Component) map[string]int64 {
	demand := map[string]int64{}
	for _, c := range components {
		if !q.counts(c.Shape.priorityClass) {
			continue
		}
		pods := string(corev1.ResourcePods)
		demand[pods] = framework.SaturatingAdd(demand[pods], c.Replicas)
		for name, amount := range c.Shape.requests {
			demand[name] = framework.SaturatingAdd(demand[name], framework.SaturatingMul(amount, c.Replicas))
		}
	}
	return demand
}

// allows returns how many sets the quota allows after assumed was admitted; MaxInt64 when it does not concern them.
func (q *quota) allows(components []Component, assumed [][]Component) int64 {
	sets := int64(math.MaxInt64)
	for name, amount := range q.demand(components) {
		left, limited := q.left[name]
		if !limited || amount == 0 {
			continue
		}
		for _, a := range assumed {
			left -= q.demand(a)[name]
		}
		sets = min(sets, max(0, left)/amount)
	}
	return sets
}
