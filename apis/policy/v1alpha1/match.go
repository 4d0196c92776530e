package v1alpha1

import (
	"fmt"
	"slices"
	"strings"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime/schema"
)

// MatchStrength says how closely a selector fits an object. A greater value fits more closely.
type MatchStrength int

const (
	// MatchNone means that the selector does not match.
	MatchNone MatchStrength = iota
	// MatchAll means that the selector takes every object of the kind.
	MatchAll
	// MatchLabels means that it matches by its label selector, even if that is empty.
	MatchLabels
	// MatchName means that it names the object.
	MatchName
)

// Match returns how closely the selector fits an object. The object's own idea of its kind is not looked at, because typed objects do not
// carry one. An empty Namespace fits any namespace: the caller confines a namespaced policy to its own.
// It returns an error if the label selector is invalid.
func (s *ResourceSelector) Match(gvk schema.GroupVersionKind, obj metav1.Object) (MatchStrength, error) {
	switch {
	case s.Kind != gvk.Kind || !isGroupVersion(s.APIVersion, gvk):
		return MatchNone, nil
	case s.Namespace != "" && s.Namespace != obj.GetNamespace():
		return MatchNone, nil
	case s.Name != "":
		return strengthIf(s.Name == obj.GetName(), MatchName), nil
	case s.LabelSelector == nil:
		return MatchAll, nil
	}
	ok, err := labelsMatch(s.LabelSelector, obj.GetLabels())
	if err != nil {
		return MatchNone, fmt.Errorf("reading the labelSelector of the resourceSelector for %s %s: %w", s.APIVersion, s.Kind, err)
	}
	return strengthIf(ok, MatchLabels), nil
}

// BestMatch returns how closely the best of the selectors fits an object; MatchNone if there are no selectors. It returns an error if
// a label selector that had to be read is invalid.
func BestMatch(selectors []ResourceSelector, gvk schema.GroupVersionKind, obj metav1.Object) (MatchStrength, error) {
	best := MatchNone
	for i := range selectors {
		strength, err := selectors[i].Match(gvk, obj)
		if err != nil {
			return MatchNone, err
		}
		if best = max(best, strength); best == MatchName {
			break
		}
	}
	return best, nil
}

// Match returns how closely the policy fits an object: as BestMatch, but a policy without selectors fits everything.
func (s *OverrideSpec) Match(gvk schema.GroupVersionKind, obj metav1.Object) (MatchStrength, error) {
	if len(s.ResourceSelectors) == 0 {
		return MatchAll, nil
	}
	return BestMatch(s.ResourceSelectors, gvk, obj)
}

func strengthIf(ok bool, strength MatchStrength) MatchStrength {
	if ok {
		return strength
	}
	return MatchNone
}

// isGroupVersion compares without building the string that gvk.GroupVersion would allocate for every object and selector.
func isGroupVersion(apiVersion string, gvk schema.GroupVersionKind) bool {
	group, version, ok := strings.Cut(apiVersion, "/")
	if !ok {
		group, version = "", apiVersion
	}
	return group == gvk.Group && version == gvk.Version
}

// labelsMatch evaluates a label selector without compiling it, so that it costs no memory. A selector that metav1.LabelSelectorAsSelector
// accepts gives the same result here. Keys and values that no label can have are not refused; they match like any absent label.
func labelsMatch(selector *metav1.LabelSelector, labels map[string]string) (bool, error) {
	matched := true
	for key, want := range selector.MatchLabels {
		got, ok := labels[key]
		matched = matched && ok && got == want
	}
	for i := range selector.MatchExpressions {
		ok, err := expressionMatches(&selector.MatchExpressions[i], labels)
		if err != nil {
			return false, err // Also if an earlier expression already failed: an invalid selector is invalid for every object.
		}
		matched = matched && ok
	}
	return matched, nil
}

func expressionMatches(e *metav1.LabelSelectorRequirement, labels map[string]string) (bool, error) {
	value, ok := labels[e.Key]
	switch e.Operator {
	case metav1.LabelSelectorOpIn, metav1.LabelSelectorOpNotIn:
		if len(e.Values) == 0 {
			return false, fmt.Errorf("key %q: operator %s needs at least one value: add values, or use Exists or DoesNotExist", e.Key, e.Operator)
		}
		in := ok && slices.Contains(e.Values, value)
		return in == (e.Operator == metav1.LabelSelectorOpIn), nil
	case metav1.LabelSelectorOpExists, metav1.LabelSelectorOpDoesNotExist:
		if len(e.Values) > 0 {
			return false, fmt.Errorf("key %q: operator %s takes no values: remove values, or use In or NotIn", e.Key, e.Operator)
		}
		return ok == (e.Operator == metav1.LabelSelectorOpExists), nil
	default:
		return false, fmt.Errorf("key %q: operator %q is unknown: use In, NotIn, Exists or DoesNotExist", e.Key, e.Operator)
	}
}
