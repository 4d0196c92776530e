package template

import (
	"slices"

	"k8s.io/apimachinery/pkg/api/equality"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
)

// Event is one change of a template. Objects are shared and read-only.
type Event struct {
	Ref Ref
	// Old is the template before the change; nil when it was added.
	Old *unstructured.Unstructured
	// New is the template after the change; nil when it was deleted or stopped being a template.
	New *unstructured.Unstructured
	// Initial tells that the template existed before the subscriber did.
	Initial bool
}

// Significant reports whether an update changed anything but status, metadata.managedFields and
// metadata.resourceVersion.
func Significant(before, after *unstructured.Unstructured) bool {
	return differ(before.Object, after.Object, "status", "metadata") ||
		differ(metadataOf(before), metadataOf(after), "managedFields", "resourceVersion")
}

func metadataOf(obj *unstructured.Unstructured) map[string]any {
	metadata, _ := obj.Object["metadata"].(map[string]any)
	return metadata
}

// differ compares two maps without the ignored keys.
func differ(a, b map[string]any, ignored ...string) bool {
	count := func(m map[string]any) int {
		n := len(m)
		for _, key := range ignored {
			if _, ok := m[key]; ok {
				n--
			}
		}
		return n
	}
	if count(a) != count(b) {
		return true
	}
	for key, value := range a {
		if slices.Contains(ignored, key) {
			continue
		}
		other, ok := b[key]
		if !ok || !equality.Semantic.DeepEqual(value, other) {
			return true
		}
	}
	return false
}
