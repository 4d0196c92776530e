package interpreter

import (
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime"

	workv1alpha2 "github.com/longshore-project/longshore/apis/work/v1alpha2"
)

var (
	// podTemplatePath leads to the pod spec inside the workload kinds.
	podTemplatePath = []string{"spec", "template", "spec"}
	podPath         = []string{"spec"}
)

type pod struct{}

func (pod) replicas(obj *unstructured.Unstructured) (int32, *workv1alpha2.ReplicaRequirements, error) {
	requirements, err := requirementsOf(obj, podPath)
	return 1, requirements, err
}

// retain keeps what the member's scheduler and admission plugins wrote into the spec, which is immutable.
func (pod) retain(desired, observed *unstructured.Unstructured) error {
	for _, field := range []string{"nodeName", "serviceAccountName", "volumes"} {
		if err := copyField(desired, observed, "spec", field); err != nil {
			return err
		}
	}
	for _, list := range []string{"containers", "initContainers"} {
		if err := retainMounts(desired, observed, list); err != nil {
			return err
		}
	}
	return nil
}

// retainMounts copies the volume mounts of containers of the same name.
func retainMounts(desired, observed *unstructured.Unstructured, list string) error {
	wanted, err := containersOf(desired, list)
	if err != nil {
		return err
	}
	running, err := containersOf(observed, list)
	if err != nil {
		return err
	}
	mounts := make(map[any]any, len(running))
	for _, container := range running {
		mounts[container["name"]] = container["volumeMounts"]
	}
	for _, container := range wanted {
		if found := mounts[container["name"]]; !isEmpty(found) {
			container["volumeMounts"] = runtime.DeepCopyJSONValue(found)
		}
	}
	return nil
}

func containersOf(obj *unstructured.Unstructured, list string) ([]map[string]any, error) {
	found, err := listAt(obj.Object, "spec", list)
	if err != nil {
		return nil, err
	}
	return entries(found, "spec."+list)
}

var (
	podPhases        = []string{"Failed", "Pending", "Running", "Succeeded"}
	podContainerList = []string{"initContainerStatuses", "containerStatuses", "ephemeralContainerStatuses"}
)

func (pod) aggregate(_ *unstructured.Unstructured, members []member) (map[string]any, error) {
	fields, err := firstPhase(members, podPhases)
	if err != nil {
		return nil, err
	}
	for _, list := range podContainerList {
		if fields[list], err = concatenate(members, list); err != nil {
			return nil, err
		}
	}
	return fields, nil
}

func (pod) healthy(obj *unstructured.Unstructured) (bool, error) {
	phase, err := stringAt(obj.Object, "status", "phase")
	if err != nil || phase == "Succeeded" {
		return err == nil, err
	}
	if phase != "Running" {
		return false, nil
	}
	list, err := listAt(obj.Object, "status", "conditions")
	if err != nil {
		return false, err
	}
	conditions, err := entries(list, "status.conditions")
	for _, condition := range conditions {
		if condition["type"] == "Ready" {
			return condition["status"] == "True", nil
		}
	}
	return false, err
}

func (pod) dependencies(obj *unstructured.Unstructured) ([]Dependency, error) {
	return podReferences(obj, podPath)
}

// firstPhase returns the phase of order that comes first among those that members report; nothing if none is reported.
func firstPhase(members []member, order []string) (map[string]any, error) {
	present := make(map[string]bool, len(members))
	for _, m := range members {
		phase, err := m.string("phase")
		if err != nil {
			return nil, err
		}
		present[phase] = true
	}
	for _, phase := range order {
		if present[phase] {
			return map[string]any{"phase": phase}, nil
		}
	}
	return map[string]any{}, nil
}
