package namespace

import (
	"fmt"
	"regexp"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	policyv1alpha1 "github.com/longshore-project/longshore/apis/policy/v1alpha1"
	workv1alpha1 "github.com/longshore-project/longshore/apis/work/v1alpha1"
)

// DefaultSkipped are the patterns of namespaces that stay in the control plane.
var DefaultSkipped = []string{"kube-.*"}

// Skip says which namespaces are not propagated by pattern. The zero value has no pattern.
type Skip []*regexp.Regexp

// ParseSkip compiles patterns; each must match a whole name. The error names the first that is not a regular expression.
func ParseSkip(patterns []string) (Skip, error) {
	var skip Skip
	for _, pattern := range patterns {
		if pattern == "" {
			continue
		}
		expression, err := regexp.Compile("^(?:" + pattern + ")$")
		if err != nil {
			return nil, fmt.Errorf("%q is not a regular expression: %w", pattern, err)
		}
		skip = append(skip, expression)
	}
	return skip, nil
}

// Matches reports whether a namespace of that name is skipped.
func (s Skip) Matches(name string) bool {
	for _, expression := range s {
		if expression.MatchString(name) {
			return true
		}
	}
	return false
}

// propagates reports whether namespace goes to the members.
func (s Skip) propagates(namespace *corev1.Namespace) bool {
	return namespace.DeletionTimestamp.IsZero() && namespace.Name != metav1.NamespaceDefault &&
		!workv1alpha1.IsReservedNamespace(namespace.Name) && !s.Matches(namespace.Name) &&
		namespace.Labels[policyv1alpha1.SkipAutoPropagationLabel] != workv1alpha1.True
}
