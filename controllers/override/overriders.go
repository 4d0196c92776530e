package override

import (
	"fmt"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	policyv1alpha1 "github.com/longshore-project/longshore/apis/policy/v1alpha1"
)

// applyOverriders changes obj in place. The order is part of the API: later overriders see what earlier ones did.
func applyOverriders(obj *unstructured.Unstructured, overriders *policyv1alpha1.Overriders) error {
	for i := range overriders.ImageOverrider {
		if err := overrideImages(obj, &overriders.ImageOverrider[i]); err != nil {
			return fmt.Errorf("applying imageOverrider[%d]: %w", i, err)
		}
	}
	for i := range overriders.CommandOverrider {
		if err := overrideArguments(obj, "command", &overriders.CommandOverrider[i]); err != nil {
			return fmt.Errorf("applying commandOverrider[%d]: %w", i, err)
		}
	}
	for i := range overriders.ArgsOverrider {
		if err := overrideArguments(obj, "args", &overriders.ArgsOverrider[i]); err != nil {
			return fmt.Errorf("applying argsOverrider[%d]: %w", i, err)
		}
	}
	for i := range overriders.LabelsOverrider {
		if err := overrideKeys(obj, "labels", &overriders.LabelsOverrider[i]); err != nil {
			return fmt.Errorf("applying labelsOverrider[%d]: %w", i, err)
		}
	}
	for i := range overriders.AnnotationsOverrider {
		if err := overrideKeys(obj, "annotations", &overriders.AnnotationsOverrider[i]); err != nil {
			return fmt.Errorf("applying annotationsOverrider[%d]: %w", i, err)
		}
	}
	for i := range overriders.FieldOverrider {
		if err := overrideField(obj, &overriders.FieldOverrider[i]); err != nil {
			return fmt.Errorf("applying fieldOverrider[%d]: %w", i, err)
		}
	}
	if err := overridePlaintext(obj, overriders.Plaintext); err != nil {
		return fmt.Errorf("applying plaintext: %w", err)
	}
	return nil
}

// overrideKeys changes labels or annotations.
func overrideKeys(obj *unstructured.Unstructured, field string, o *policyv1alpha1.LabelAnnotationOverrider) error {
	present, _, err := unstructured.NestedStringMap(obj.Object, "metadata", field)
	if err != nil {
		return fmt.Errorf("reading .metadata.%s: %w", field, err)
	}
	if present == nil {
		present = make(map[string]string, len(o.Value))
	}
	for key, value := range o.Value {
		_, exists := present[key]
		switch {
		case o.Operator == policyv1alpha1.OverriderAdd:
			present[key] = value
		case o.Operator == policyv1alpha1.OverriderReplace:
			if exists {
				present[key] = value
			}
		case o.Operator == policyv1alpha1.OverriderRemove:
			delete(present, key)
		default:
			return fmt.Errorf("operator %q is unknown: use add, remove or replace", o.Operator)
		}
	}
	if len(present) == 0 {
		unstructured.RemoveNestedField(obj.Object, "metadata", field)
		return nil
	}
	return unstructured.SetNestedStringMap(obj.Object, present, "metadata", field)
}
