package execution

import (
	"encoding/json"
	"errors"
	"fmt"
	"hash/fnv"
	"reflect"
	"strings"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime"

	workv1alpha1 "github.com/longshore-project/longshore/apis/work/v1alpha1"
	"github.com/longshore-project/longshore/controllers/interpreter"
)

// step is what a manifest's object in the member needs.
type step int

const (
	keep step = iota
	create
	update
)

// applied remembers what the last accepted request was made from and what the member made of it. Defaults and webhooks of the member may
// make an object differ for ever from its manifest; while both digests stay the same, sending it again would change nothing. The zero
// value remembers nothing.
type applied struct {
	manifest, observed uint64
}

// planApply decides what to send for manifest, given the member's object (nil if there is none) and what was applied last. The returned
// object is what to send; it is nil for keep. The error says why nothing may be sent.
func planApply(in Interpreter, work *workv1alpha1.Work, manifest, observed *unstructured.Unstructured, last applied) (step, *unstructured.Unstructured, error) {
	if observed == nil {
		return create, manifest, nil
	}
	if !isManaged(observed, work) && !overwrites(work, manifest) {
		return keep, nil, conflictError(observed)
	}
	desired := manifest.DeepCopy()
	if err := in.Retain(desired, observed); err != nil {
		return keep, nil, fmt.Errorf("retaining the member's fields: %w", err)
	}
	if reflect.DeepEqual(pruned(desired), pruned(observed)) || last == remember(manifest, observed) {
		return keep, nil, nil
	}
	return update, desired, nil
}

func remember(manifest, observed *unstructured.Unstructured) applied {
	return applied{manifest: digest(manifest.Object), observed: digest(pruned(observed))}
}

// pruned is what of an object decides whether it has to be sent: without status and what API servers set.
func pruned(object *unstructured.Unstructured) map[string]any {
	clone := object.DeepCopy()
	interpreter.Prune(clone)
	delete(clone.Object, "status")
	return clone.Object
}

// digest is a 64-bit hash of the JSON form, whose keys are sorted.
func digest(content map[string]any) uint64 {
	hash := fnv.New64a()
	if err := json.NewEncoder(hash).Encode(content); err != nil {
		panic(err) // Decoded JSON can be encoded.
	}
	return hash.Sum64()
}

// isManaged reports whether the member's object is under the control plane: by its label, or, if somebody removed that, because it still
// points to this very Work.
func isManaged(observed *unstructured.Unstructured, work *workv1alpha1.Work) bool {
	return observed.GetLabels()[workv1alpha1.ManagedLabel] == workv1alpha1.True || belongsTo(observed, work)
}

func belongsTo(observed *unstructured.Unstructured, work *workv1alpha1.Work) bool {
	namespace, name := workOf(observed)
	return namespace == work.Namespace && name == work.Name
}

// workOf returns the Work that object was made from, empty if it does not say.
func workOf(object *unstructured.Unstructured) (namespace, name string) {
	annotations := object.GetAnnotations()
	return annotations[workv1alpha1.NamespaceAnnotation], annotations[workv1alpha1.NameAnnotation]
}

func overwrites(work *workv1alpha1.Work, manifest *unstructured.Unstructured) bool {
	resolution, ok := manifest.GetAnnotations()[workv1alpha1.ConflictResolutionAnnotation]
	if !ok {
		resolution = work.Annotations[workv1alpha1.ConflictResolutionAnnotation]
	}
	return resolution == workv1alpha1.ConflictResolutionOverwrite
}

func conflictError(observed *unstructured.Unstructured) error {
	return fmt.Errorf("it exists in the member and is not managed by this control plane: delete it there, or let the policy take it over with conflictResolution: Overwrite (annotation %s: %s on the template)",
		workv1alpha1.ConflictResolutionAnnotation, workv1alpha1.ConflictResolutionOverwrite)
}

// decode reads one manifest of a Work.
func decode(raw runtime.RawExtension) (*unstructured.Unstructured, error) {
	manifest := &unstructured.Unstructured{}
	if err := manifest.UnmarshalJSON(raw.Raw); err != nil {
		return nil, fmt.Errorf("reading the manifest: %w", err)
	}
	if manifest.GetName() == "" || manifest.GetAPIVersion() == "" {
		return nil, errors.New("reading the manifest: apiVersion, kind and metadata.name must be set")
	}
	return manifest, nil
}

// removal is what deleting a Work means for one object in the member.
type removal int

const (
	leave removal = iota // Not ours, or gone.
	erase
	release // Keep the object without the control plane's marks.
)

// planRemoval decides what happens to the member's object (nil if there is none) when work goes away. An object that meanwhile belongs to
// another Work is left to that one.
func planRemoval(work *workv1alpha1.Work, observed *unstructured.Unstructured) removal {
	if observed == nil || observed.GetLabels()[workv1alpha1.ManagedLabel] != workv1alpha1.True {
		return leave
	}
	if _, owner := workOf(observed); owner != "" && !belongsTo(observed, work) {
		return leave
	}
	if keep := work.Spec.PreserveResourcesOnDeletion; keep != nil && *keep {
		return release
	}
	if observed.GetDeletionTimestamp() != nil {
		return leave
	}
	return erase
}

// released returns observed without the labels and annotations whose keys belong to the control plane.
func released(observed *unstructured.Unstructured) *unstructured.Unstructured {
	object := observed.DeepCopy()
	object.SetLabels(withoutOurs(object.GetLabels()))
	object.SetAnnotations(withoutOurs(object.GetAnnotations()))
	return object
}

func withoutOurs(entries map[string]string) map[string]string {
	for key := range entries {
		if domain, _, _ := strings.Cut(key, "/"); domain == "karmada.io" || strings.HasSuffix(domain, ".karmada.io") {
			delete(entries, key)
		}
	}
	return entries
}

// changedOnlyStatus reports whether an update of a member object left everything alone but status and bookkeeping, which cannot be drift.
func changedOnlyStatus(old, new *unstructured.Unstructured) bool {
	if old.GetGeneration() != new.GetGeneration() {
		return false
	}
	if new.GetGeneration() == 0 { // Kinds without generation, such as ConfigMap.
		return reflect.DeepEqual(pruned(old), pruned(new))
	}
	return reflect.DeepEqual(old.GetLabels(), new.GetLabels()) && reflect.DeepEqual(old.GetAnnotations(), new.GetAnnotations())
}
