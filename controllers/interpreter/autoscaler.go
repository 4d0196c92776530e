package interpreter

import "k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

var autoscalerCounters = counters{"currentReplicas", "desiredReplicas"}

type autoscaler struct{}

func (autoscaler) reflect(obj *unstructured.Unstructured) (any, error) {
	return pickStatus(obj, autoscalerCounters...)
}

func (autoscaler) aggregate(_ *unstructured.Unstructured, members []member) (map[string]any, error) {
	return autoscalerCounters.sum(members)
}
