package v1alpha2

import (
	"strings"

	workv1alpha1 "github.com/longshore-project/longshore/apis/work/v1alpha1"
)

// BindingName returns the name of the binding of a template. It is unique in a namespace but for names that differ in case or in ':' and
// '.', and but for a template whose name ends in another's kind.
func BindingName(name, kind string) string {
	return strings.ToLower(strings.ReplaceAll(name, ":", ".") + "-" + kind)
}

// DependedByKey returns what identifies a binding in the key of DependedByLabel. An empty namespace means a ClusterResourceBinding.
func DependedByKey(namespace, binding string) string {
	if namespace == "" {
		return workv1alpha1.HashSuffix(binding)
	}
	return workv1alpha1.HashSuffix(namespace + "/" + binding)
}

// DependedByLabel returns the label, on the binding of a dependency, whose value is the permanent id of a binding that needs it.
func DependedByLabel(namespace, binding string) string {
	return DependedByLabelPrefix + DependedByKey(namespace, binding)
}
