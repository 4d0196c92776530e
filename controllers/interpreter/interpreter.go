package interpreter

import (
	"encoding/json"
	"fmt"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/schema"

	workv1alpha2 "github.com/longshore-project/longshore/apis/work/v1alpha2"
)

// Interpreter answers questions about objects of any kind. It holds no state and is safe for concurrent use.
type Interpreter struct {
	kinds map[schema.GroupKind]any
}

// New returns an Interpreter that knows the native kinds.
func New() *Interpreter {
	return &Interpreter{kinds: native}
}

// Replicas returns how many replicas obj asks for and what one of them needs; nil requirements mean that nothing is known about them.
// ok is false if the kind has no replicas. The error names the field that cannot be read.
func (i *Interpreter) Replicas(
	obj *unstructured.Unstructured,
) (replicas int32, requirements *workv1alpha2.ReplicaRequirements, ok bool, err error) {
	rule, ok := i.kinds[kindOf(obj)].(replicaReader)
	if !ok {
		return 0, nil, false, nil
	}
	replicas, requirements, err = rule.replicas(obj)
	if err != nil {
		return 0, nil, true, fmt.Errorf("reading replicas of %s: %w", describe(obj), err)
	}
	return replicas, requirements, true, nil
}

// ReviseReplicas sets in place the number of replicas that one member shall run. ok is false, and obj untouched, if the kind has no rule.
func (i *Interpreter) ReviseReplicas(obj *unstructured.Unstructured, replicas int32) (ok bool, err error) {
	rule, ok := i.kinds[kindOf(obj)].(reviser)
	if !ok {
		return false, nil
	}
	if err := rule.revise(obj, replicas); err != nil {
		return true, fmt.Errorf("setting replicas of %s: %w", describe(obj), err)
	}
	return true, nil
}

// Retain edits desired, so that replacing observed, the member's object, by it keeps what the member decided: resourceVersion,
// finalizers, ownerReferences, labels and annotations that the control plane never owned, and the fields that the kind leaves to the
// member. observed is not changed and not aliased.
func (i *Interpreter) Retain(desired, observed *unstructured.Unstructured) error {
	// The kind goes first: it must see the template's own labels, not those that the member added.
	if rule, ok := i.kinds[kindOf(desired)].(retainer); ok {
		if err := rule.retain(desired, observed); err != nil {
			return fmt.Errorf("retaining the member's fields of %s: %w", describe(desired), err)
		}
	}
	retainMetadata(desired, observed)
	return nil
}

// Reflect returns what Work.status records of the status of obj, a member's object. Nil means that there is nothing to record. Kinds
// without a rule record their whole status.
func (i *Interpreter) Reflect(obj *unstructured.Unstructured) (*runtime.RawExtension, error) {
	status, err := i.statusOf(obj)
	if err != nil {
		return nil, fmt.Errorf("reflecting status of %s: %w", describe(obj), err)
	}
	if isEmpty(status) {
		return nil, nil
	}
	raw, err := json.Marshal(status)
	if err != nil {
		return nil, fmt.Errorf("encoding status of %s: %w", describe(obj), err)
	}
	return &runtime.RawExtension{Raw: raw}, nil
}

func (i *Interpreter) statusOf(obj *unstructured.Unstructured) (any, error) {
	if rule, ok := i.kinds[kindOf(obj)].(reflector); ok {
		return rule.reflect(obj)
	}
	return obj.Object["status"], nil
}

// Aggregate edits template's status in place, so that it tells what items, one for each cluster in any order, say together. changed is
// false if the status already said so; the template is then untouched, as it is after an error. Fields that no rule computes keep their
// values. Items with nil status count as members that have not reported yet. Kinds without a rule give false, nil.
//
// The error names the member whose status cannot be read.
func (i *Interpreter) Aggregate(template *unstructured.Unstructured, items []workv1alpha2.AggregatedStatusItem) (changed bool, err error) {
	rule, ok := i.kinds[kindOf(template)].(aggregator)
	if !ok {
		return false, nil
	}
	members, err := decodeMembers(items)
	if err != nil {
		return false, fmt.Errorf("aggregating status of %s: %w", describe(template), err)
	}
	fields, err := rule.aggregate(template, members)
	if err != nil {
		return false, fmt.Errorf("aggregating status of %s: %w", describe(template), err)
	}
	changed, err = mergeStatus(template, fields)
	if err != nil {
		return false, fmt.Errorf("aggregating status of %s: %w", describe(template), err)
	}
	return changed, nil
}

// Health says whether obj, a member's object, does what it should. Kinds without a rule are healthy; with an error it is Unknown.
func (i *Interpreter) Health(obj *unstructured.Unstructured) (workv1alpha2.ResourceHealth, error) {
	rule, ok := i.kinds[kindOf(obj)].(healthJudge)
	if !ok {
		return workv1alpha2.ResourceHealthy, nil
	}
	healthy, err := rule.healthy(obj)
	switch {
	case err != nil:
		return workv1alpha2.ResourceUnknown, fmt.Errorf("judging health of %s: %w", describe(obj), err)
	case healthy:
		return workv1alpha2.ResourceHealthy, nil
	default:
		return workv1alpha2.ResourceUnhealthy, nil
	}
}

// Dependencies lists the objects that obj refers to, sorted and without duplicates. Kinds without a rule have none.
func (i *Interpreter) Dependencies(obj *unstructured.Unstructured) ([]Dependency, error) {
	rule, ok := i.kinds[kindOf(obj)].(dependent)
	if !ok {
		return nil, nil
	}
	found, err := rule.dependencies(obj)
	if err != nil {
		return nil, fmt.Errorf("reading references of %s: %w", describe(obj), err)
	}
	return sortDependencies(found), nil
}

// describe names an object in errors: kind and namespaced name.
func describe(obj *unstructured.Unstructured) string {
	if ns := obj.GetNamespace(); ns != "" {
		return fmt.Sprintf("%s %s/%s", obj.GetKind(), ns, obj.GetName())
	}
	return fmt.Sprintf("%s %s", obj.GetKind(), obj.GetName())
}
