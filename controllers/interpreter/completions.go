package interpreter

import (
	"fmt"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	workv1alpha2 "github.com/longshore-project/longshore/apis/work/v1alpha2"
)

// Apportion divides total over parties in proportion to their Replicas and returns each party's share by name; a party without a share
// may be left out.
type Apportion func(total int64, parties []workv1alpha2.TargetCluster) map[string]int64

// DivideCompletions returns how many completions each cluster gets of a Job that sets spec.completions: in proportion to the clusters'
// replicas. ok is false for everything else: then spec.completions stays as it is. It is for templates whose replicas are divided; a
// duplicated Job keeps its completions in every cluster.
func DivideCompletions(
	template *unstructured.Unstructured, clusters []workv1alpha2.TargetCluster, apportion Apportion,
) (shares map[string]int64, ok bool, err error) {
	if kindOf(template) != jobKind {
		return nil, false, nil
	}
	completions, ok, err := optionalIntAt(template.Object, "spec", "completions")
	if err != nil {
		return nil, false, fmt.Errorf("dividing completions of %s: %w", describe(template), err)
	}
	if !ok {
		return nil, false, nil
	}
	return apportion(completions, clusters), true, nil
}

// ReviseCompletions sets in place the completions that one member's Job needs.
func ReviseCompletions(job *unstructured.Unstructured, completions int64) error {
	return setField(job, completions, "spec", "completions")
}
