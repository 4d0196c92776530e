package override

import (
	"fmt"
	"slices"
	"strings"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"

	policyv1alpha1 "github.com/longshore-project/longshore/apis/policy/v1alpha1"
)

var templateContainers = []string{"spec", "template", "spec", "containers"}

// containerPaths leads to the containers of the native kinds that run pods. Other kinds have no containers that an overrider could find.
var containerPaths = map[schema.GroupKind][]string{
	{Kind: "Pod"}:                        {"spec", "containers"},
	{Group: "apps", Kind: "ReplicaSet"}:  templateContainers,
	{Group: "apps", Kind: "Deployment"}:  templateContainers,
	{Group: "apps", Kind: "DaemonSet"}:   templateContainers,
	{Group: "apps", Kind: "StatefulSet"}: templateContainers,
	{Group: "batch", Kind: "Job"}:        templateContainers,
}

// containersOf returns obj's own containers, not copies; none for kinds without.
func containersOf(obj *unstructured.Unstructured) ([]map[string]any, error) {
	path, ok := containerPaths[obj.GroupVersionKind().GroupKind()]
	if !ok {
		return nil, nil
	}
	field, _, err := unstructured.NestedFieldNoCopy(obj.Object, path...)
	if err != nil {
		return nil, fmt.Errorf("reading .%s: %w", strings.Join(path, "."), err)
	}
	list, ok := field.([]any)
	if !ok && field != nil {
		return nil, fmt.Errorf("reading .%s: expected a list, found %T", strings.Join(path, "."), field)
	}
	containers := make([]map[string]any, 0, len(list))
	for i, element := range list {
		container, ok := element.(map[string]any)
		if !ok {
			return nil, fmt.Errorf("reading .%s[%d]: expected an object, found %T", strings.Join(path, "."), i, element)
		}
		containers = append(containers, container)
	}
	return containers, nil
}

// overrideArguments changes field, which is command or args, of the containers with the overrider's name.
func overrideArguments(obj *unstructured.Unstructured, field string, o *policyv1alpha1.CommandArgsOverrider) error {
	containers, err := containersOf(obj)
	if err != nil {
		return err
	}
	for _, container := range containers {
		if container["name"] != o.ContainerName {
			continue
		}
		present, ok := container[field].([]any)
		if !ok && container[field] != nil {
			return fmt.Errorf("reading %s of container %q: expected a list, found %T", field, o.ContainerName, container[field])
		}
		changed, err := changeArguments(present, o)
		if err != nil {
			return err
		}
		if len(changed) == 0 {
			delete(container, field)
			continue
		}
		container[field] = changed
	}
	return nil
}

func changeArguments(present []any, o *policyv1alpha1.CommandArgsOverrider) ([]any, error) {
	switch o.Operator {
	case policyv1alpha1.OverriderAdd:
		changed := slices.Clone(present)
		for _, value := range o.Value {
			changed = append(changed, value)
		}
		return changed, nil
	case policyv1alpha1.OverriderRemove:
		return slices.DeleteFunc(slices.Clone(present), func(element any) bool {
			text, ok := element.(string)
			return ok && slices.Contains(o.Value, text)
		}), nil
	default:
		return nil, fmt.Errorf("operator %q is unknown: use add or remove", o.Operator)
	}
}
