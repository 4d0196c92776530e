package interpreter

import (
	"maps"
	"slices"
	"strings"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	workv1alpha1 "github.com/longshore-project/longshore/apis/work/v1alpha1"
)

// retainMetadata keeps what every member's object has of its own.
func retainMetadata(desired, observed *unstructured.Unstructured) {
	desired.SetResourceVersion(observed.GetResourceVersion())
	desired.SetFinalizers(observed.GetFinalizers())
	desired.SetOwnerReferences(observed.GetOwnerReferences())
	annotations := observed.GetAnnotations()
	if labels := retainKeys(desired.GetLabels(), observed.GetLabels(), annotations[workv1alpha1.ManagedLabelsAnnotation]); labels != nil {
		desired.SetLabels(labels)
	}
	if kept := retainKeys(desired.GetAnnotations(), annotations, annotations[workv1alpha1.ManagedAnnotationsAnnotation]); kept != nil {
		desired.SetAnnotations(kept)
	}
}

// retainKeys adds to desired the observed keys which the control plane never owned; managed is the list, separated by commas, of the keys
// which it owned when it wrote observed. A key that is in desired keeps desired's value.
func retainKeys(desired, observed map[string]string, managed string) map[string]string {
	owned := strings.Split(managed, ",")
	for key, value := range observed {
		if _, wanted := desired[key]; wanted || slices.Contains(owned, key) {
			continue
		}
		if desired == nil {
			desired = make(map[string]string, len(observed))
		}
		desired[key] = value
	}
	return desired
}

// ManagedKeys writes the keys of labels or annotations as the managed-labels and managed-annotations lists hold them: sorted and separated
// by commas.
func ManagedKeys(keys map[string]string) string {
	return strings.Join(slices.Sorted(maps.Keys(keys)), ",")
}
