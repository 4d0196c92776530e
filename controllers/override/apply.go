package override

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	clusterv1alpha1 "github.com/longshore-project/longshore/apis/cluster/v1alpha1"
	policyv1alpha1 "github.com/longshore-project/longshore/apis/policy/v1alpha1"
)

// Matched are the policies that match one object, in the order in which they are applied. The zero value changes nothing. It refers to the
// policies it was made from and does not change them.
type Matched []match

type match struct {
	policy   policyv1alpha1.Override
	strength policyv1alpha1.MatchStrength
	rules    []policyv1alpha1.RuleWithCluster
}

// Apply changes obj in place for one cluster as those of the policies say that match obj, and returns what was applied. policies may be in
// any order and of both kinds. It is Match followed by Matched.Apply.
func Apply(obj *unstructured.Unstructured, cluster *clusterv1alpha1.Cluster, policies []policyv1alpha1.Override) (Applied, error) {
	matched, err := Match(obj, policies)
	if err != nil {
		return Applied{}, err
	}
	return matched.Apply(obj, cluster)
}

// Match picks those of the policies that match obj: ClusterOverridePolicies first, then the OverridePolicies of obj's namespace; in each
// kind those that fit more closely later, so that they win, and equals by name. It returns an error if a policy's selector is invalid.
func Match(obj *unstructured.Unstructured, policies []policyv1alpha1.Override) (Matched, error) {
	var matched Matched
	gvk := obj.GroupVersionKind()
	for _, policy := range policies {
		if policy.GetNamespace() != "" && policy.GetNamespace() != obj.GetNamespace() {
			continue
		}
		spec := policy.OverrideSpec()
		strength, err := spec.Match(gvk, obj)
		if err != nil {
			return nil, fmt.Errorf("matching %s: %w", describe(policy), err)
		}
		if strength != policyv1alpha1.MatchNone {
			matched = append(matched, match{policy: policy, strength: strength, rules: spec.EffectiveRules()})
		}
	}
	slices.SortFunc(matched, compare)
	return matched, nil
}

func compare(a, b match) int {
	return cmp.Or(
		strings.Compare(a.policy.GetNamespace(), b.policy.GetNamespace()), // Only "" and one namespace occur: cluster scope first.
		cmp.Compare(a.strength, b.strength),
		strings.Compare(a.policy.GetName(), b.policy.GetName()),
	)
}

// Touches says whether Apply would change anything for the cluster, so that a caller can share one object among the clusters that are not
// touched. It returns an error if the targetCluster of a rule is invalid.
func (m Matched) Touches(cluster *clusterv1alpha1.Cluster) (bool, error) {
	for i := range m {
		for j := range m[i].rules {
			touches, err := m[i].rules[j].TargetCluster.Matches(cluster)
			if err != nil || touches {
				return touches, m[i].explain(j, cluster, err)
			}
		}
	}
	return false, nil
}

// Apply changes obj in place for one cluster, by all rules whose targetCluster matches it, in order, and returns what was applied. After an
// error, which names policy, rule and cluster, obj may be changed in part and must not be used.
func (m Matched) Apply(obj *unstructured.Unstructured, cluster *clusterv1alpha1.Cluster) (Applied, error) {
	var applied Applied
	for i := range m {
		for j := range m[i].rules {
			rule := &m[i].rules[j]
			touches, err := rule.TargetCluster.Matches(cluster)
			if err == nil && touches {
				err = applyOverriders(obj, &rule.Overriders)
			}
			if err != nil {
				return Applied{}, m[i].explain(j, cluster, err)
			}
			if touches {
				applied.add(m[i].policy, rule.Overriders)
			}
		}
	}
	return applied, nil
}

// explain returns nil for a nil error.
func (m *match) explain(rule int, cluster *clusterv1alpha1.Cluster, err error) error {
	if err == nil {
		return nil
	}
	return fmt.Errorf("applying rule %d of %s for cluster %q: %w", rule, describe(m.policy), cluster.Name, err)
}

func describe(policy policyv1alpha1.Override) string {
	if ns := policy.GetNamespace(); ns != "" {
		return fmt.Sprintf("OverridePolicy %s/%s", ns, policy.GetName())
	}
	return "ClusterOverridePolicy " + policy.GetName()
}
