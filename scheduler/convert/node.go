package convert

import (
	"maps"
	"slices"

	corev1 "k8s.io/api/core/v1"

	workv1alpha2 "github.com/longshore-project/longshore/apis/work/v1alpha2"
	"github.com/longshore-project/longshore/scheduler/framework"
)

// fromNodeClaim returns nil for a replica that may run on any node.
func fromNodeClaim(c *workv1alpha2.NodeClaim, priorityClass string) *framework.NodeClaim {
	if c == nil {
		if priorityClass == "" {
			return nil
		}
		return &framework.NodeClaim{PriorityClass: priorityClass}
	}
	out := &framework.NodeClaim{PriorityClass: priorityClass}
	for _, key := range slices.Sorted(maps.Keys(c.NodeSelector)) {
		out.Selector = append(out.Selector, framework.Label{Key: key, Value: c.NodeSelector[key]})
	}
	if c.HardNodeAffinity != nil {
		for _, t := range c.HardNodeAffinity.NodeSelectorTerms {
			out.Affinity = append(out.Affinity, framework.NodeTerm{
				Labels: fromNodeRequirements(t.MatchExpressions), Fields: fromNodeRequirements(t.MatchFields),
			})
		}
	}
	for _, t := range c.Tolerations {
		out.Tolerations = append(out.Tolerations, framework.NodeToleration{
			Key: t.Key, Operator: string(t.Operator), Value: t.Value, Effect: string(t.Effect),
		})
	}
	return out
}

func fromNodeRequirements(requirements []corev1.NodeSelectorRequirement) []framework.NodeRequirement {
	var out []framework.NodeRequirement
	for _, r := range requirements {
		out = append(out, framework.NodeRequirement{Key: r.Key, Operator: string(r.Operator), Values: r.Values})
	}
	return out
}
