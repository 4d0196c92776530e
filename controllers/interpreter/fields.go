package interpreter

import (
	"fmt"
	"math"
	"strings"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime"
)

// The readers below return the zero value for an absent or null field, and an error, which names the path, for one of another type. They
// do not copy.

func fieldAt[T any](obj map[string]any, path ...string) (T, error) {
	var zero T
	found, exists, err := unstructured.NestedFieldNoCopy(obj, path...)
	if err != nil {
		return zero, fmt.Errorf("reading .%s: %w", strings.Join(path, "."), err)
	}
	if !exists || found == nil {
		return zero, nil
	}
	value, ok := found.(T)
	if !ok {
		return zero, fmt.Errorf("reading .%s: expected %T, found %T", strings.Join(path, "."), zero, found)
	}
	return value, nil
}

func mapAt(obj map[string]any, path ...string) (map[string]any, error) {
	return fieldAt[map[string]any](obj, path...)
}

func listAt(obj map[string]any, path ...string) ([]any, error) {
	return fieldAt[[]any](obj, path...)
}

func stringAt(obj map[string]any, path ...string) (string, error) {
	return fieldAt[string](obj, path...)
}

func boolAt(obj map[string]any, path ...string) (bool, error) {
	return fieldAt[bool](obj, path...)
}

// intAt accepts whole numbers in each form that the decoders in use produce.
func intAt(obj map[string]any, path ...string) (int64, error) {
	value, _, err := optionalIntAt(obj, path...)
	return value, err
}

func optionalIntAt(obj map[string]any, path ...string) (value int64, found bool, err error) {
	field, err := fieldAt[any](obj, path...)
	if err != nil || field == nil {
		return 0, false, err
	}
	value, ok := wholeNumber(field)
	if !ok {
		return 0, false, fmt.Errorf("reading .%s: expected a whole number, found %v (%T)", strings.Join(path, "."), field, field)
	}
	return value, true, nil
}

func wholeNumber(value any) (int64, bool) {
	switch v := value.(type) {
	case int64:
		return v, true
	case int:
		return int64(v), true
	case int32:
		return int64(v), true
	case float64:
		return int64(v), v == math.Trunc(v) && math.Abs(v) < 1<<53
	default:
		return 0, false
	}
}

// replicasAt reads a number of replicas; absent is 0.
func replicasAt(obj map[string]any, path ...string) (int32, error) {
	value, err := intAt(obj, path...)
	if err != nil {
		return 0, err
	}
	if value < 0 || value > math.MaxInt32 {
		return 0, fmt.Errorf("reading .%s: %d is not a number of replicas: it must lie between 0 and %d",
			strings.Join(path, "."), value, math.MaxInt32)
	}
	return int32(value), nil
}

// setField writes value at path, creating the maps on the way.
func setField(obj *unstructured.Unstructured, value any, path ...string) error {
	if err := unstructured.SetNestedField(obj.Object, value, path...); err != nil {
		return fmt.Errorf("setting .%s: %w", strings.Join(path, "."), err)
	}
	return nil
}

// copyField copies the field at path from src to dst; an absent or empty field is not copied.
func copyField(dst, src *unstructured.Unstructured, path ...string) error {
	value, err := fieldAt[any](src.Object, path...)
	if err != nil || isEmpty(value) {
		return err
	}
	return setField(dst, runtime.DeepCopyJSONValue(value), path...)
}

// removeEmpty drops the field at path if it holds nothing, so that a pruned object does not differ from one that never had it.
func removeEmpty(obj map[string]any, path ...string) {
	value, found, err := unstructured.NestedFieldNoCopy(obj, path...)
	if err == nil && found && isEmpty(value) {
		unstructured.RemoveNestedField(obj, path...)
	}
}

// isEmpty is true for what an API server would omit: null, zero, empty string, list and map.
func isEmpty(value any) bool {
	switch v := value.(type) {
	case nil:
		return true
	case map[string]any:
		return len(v) == 0
	case []any:
		return len(v) == 0
	case string:
		return v == ""
	case bool:
		return !v
	default:
		n, ok := wholeNumber(value)
		return ok && n == 0
	}
}

// entries returns the elements of a list that are objects; other elements cannot be interpreted and are an error.
func entries(list []any, field string) ([]map[string]any, error) {
	result := make([]map[string]any, 0, len(list))
	for i, element := range list {
		entry, ok := element.(map[string]any)
		if !ok {
			return nil, fmt.Errorf("reading %s[%d]: expected an object, found %T", field, i, element)
		}
		result = append(result, entry)
	}
	return result, nil
}
