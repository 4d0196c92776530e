package interpreter

import "k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

var disruptionCounters = counters{"currentHealthy", "desiredHealthy", "expectedPods", "disruptionsAllowed"}

type disruptionBudget struct{}

func (disruptionBudget) reflect(obj *unstructured.Unstructured) (any, error) {
	return pickStatus(obj, append([]string{"disruptedPods"}, disruptionCounters...)...)
}

func (disruptionBudget) aggregate(_ *unstructured.Unstructured, members []member) (map[string]any, error) {
	fields, err := disruptionCounters.sum(members)
	if err != nil {
		return nil, err
	}
	disrupted := map[string]any{}
	for _, m := range members {
		pods, err := mapAt(m.status, "disruptedPods")
		if err != nil {
			return nil, m.errorf("%w", err)
		}
		for name, since := range pods {
			disrupted[m.cluster+"/"+name] = since
		}
	}
	fields["disruptedPods"] = disrupted
	return fields, nil
}

func (disruptionBudget) healthy(obj *unstructured.Unstructured) (bool, error) {
	current, err := intAt(obj.Object, "status", "currentHealthy")
	if err != nil {
		return false, err
	}
	desired, err := intAt(obj.Object, "status", "desiredHealthy")
	return current >= desired, err
}
