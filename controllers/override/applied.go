package override

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"

	policyv1alpha1 "github.com/longshore-project/longshore/apis/policy/v1alpha1"
	workv1alpha1 "github.com/longshore-project/longshore/apis/work/v1alpha1"
)

// Applied is what was applied to one manifest for one cluster, in that order. The zero value means that nothing was.
type Applied struct {
	// Cluster is what ClusterOverridePolicies did.
	Cluster []Record
	// Namespaced is what OverridePolicies did.
	Namespaced []Record
}

// Record is one rule that was applied.
type Record struct {
	// PolicyName is the policy of the rule.
	PolicyName string `json:"policyName"`
	// Overriders are the rule's changes.
	Overriders policyv1alpha1.Overriders `json:"overriders"`
}

func (a *Applied) add(policy policyv1alpha1.Override, overriders policyv1alpha1.Overriders) {
	record := Record{PolicyName: policy.GetName(), Overriders: overriders}
	if policy.GetNamespace() == "" {
		a.Cluster = append(a.Cluster, record)
		return
	}
	a.Namespaced = append(a.Namespaced, record)
}

// AnnotationKeys are the keys of all annotations that Annotations may return. A Work that has one which was not returned tells of overrides that
// no longer apply.
var AnnotationKeys = []string{workv1alpha1.AppliedOverridesAnnotation, workv1alpha1.AppliedClusterOverridesAnnotation}

// Annotations returns the annotations with which a Work tells what was applied to its manifest: for each kind of policy a JSON list sorted
// by policy name, rules of one policy in their order. A kind of which nothing was applied has no annotation; nil means that nothing was.
func (a Applied) Annotations() (map[string]string, error) {
	var annotations map[string]string
	for key, records := range map[string][]Record{
		workv1alpha1.AppliedOverridesAnnotation:        a.Namespaced,
		workv1alpha1.AppliedClusterOverridesAnnotation: a.Cluster,
	} {
		if len(records) == 0 {
			continue
		}
		sorted := slices.Clone(records)
		slices.SortStableFunc(sorted, func(a, b Record) int { return strings.Compare(a.PolicyName, b.PolicyName) })
		text, err := json.Marshal(sorted)
		if err != nil {
			return nil, fmt.Errorf("encoding annotation %s: %w", key, err)
		}
		if annotations == nil {
			annotations = make(map[string]string, 2)
		}
		annotations[key] = string(text)
	}
	return annotations, nil
}
