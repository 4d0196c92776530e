package override

import (
	"fmt"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	policyv1alpha1 "github.com/longshore-project/longshore/apis/policy/v1alpha1"
)

// overrideImages changes the image that the overrider's predicate points to, or without one those of all containers of the kinds that have
// containers. Init containers keep theirs, and so do containers whose image is empty, because something else will fill it in.
func overrideImages(obj *unstructured.Unstructured, o *policyv1alpha1.ImageOverrider) error {
	if o.Predicate != nil && o.Predicate.Path != "" {
		return editString(obj, o.Predicate.Path, func(text string) (string, error) { return overrideText(text, o) })
	}
	containers, err := containersOf(obj)
	if err != nil {
		return err
	}
	for _, container := range containers {
		text, _ := container["image"].(string)
		if text == "" {
			continue
		}
		if container["image"], err = overrideText(text, o); err != nil {
			return fmt.Errorf("changing the image of container %q: %w", container["name"], err)
		}
	}
	return nil
}
