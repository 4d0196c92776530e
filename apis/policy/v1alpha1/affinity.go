package v1alpha1

import (
	"fmt"
	"maps"
	"slices"

	corev1 "k8s.io/api/core/v1"

	clusterv1alpha1 "github.com/longshore-project/longshore/apis/cluster/v1alpha1"
)

// Matches reports whether the affinity picks a cluster. Exclude is looked at first and always wins; then the label selector, the field
// selector and the list of names must all agree, where one that is not set agrees with every cluster. A nil affinity picks all clusters.
// It returns an error if a selector is invalid or uses an unknown key or operator.
func (a *ClusterAffinity) Matches(cluster *clusterv1alpha1.Cluster) (bool, error) {
	if a == nil {
		return true, nil
	}
	if slices.Contains(a.Exclude, cluster.Name) {
		return false, nil
	}
	byLabels, err := a.matchesLabels(cluster)
	if err != nil {
		return false, err
	}
	byFields, err := a.FieldSelector.Matches(cluster)
	if err != nil {
		return false, err
	}
	byName := len(a.ClusterNames) == 0 || slices.Contains(a.ClusterNames, cluster.Name)
	return byLabels && byFields && byName, nil
}

func (a *ClusterAffinity) matchesLabels(cluster *clusterv1alpha1.Cluster) (bool, error) {
	if a.LabelSelector == nil {
		return true, nil
	}
	ok, err := labelsMatch(a.LabelSelector, cluster.Labels)
	if err != nil {
		return false, fmt.Errorf("reading the labelSelector of a cluster affinity: %w", err)
	}
	return ok, nil
}

// AffinityInputsDiffer reports whether a cluster changed in anything that an affinity looks at: labels, provider, region or zones.
func AffinityInputsDiffer(before, after *clusterv1alpha1.Cluster) bool {
	return !maps.Equal(before.Labels, after.Labels) || before.Spec.Provider != after.Spec.Provider || before.Spec.Region != after.Spec.Region ||
		!slices.Equal(before.Spec.EffectiveZones(), after.Spec.EffectiveZones())
}

// Matches reports whether a cluster meets every requirement. A nil selector is met by all clusters.
// It returns an error if a requirement uses an unknown key or operator.
func (s *FieldSelector) Matches(cluster *clusterv1alpha1.Cluster) (bool, error) {
	if s == nil {
		return true, nil
	}
	matched := true
	for i := range s.MatchExpressions {
		ok, err := s.MatchExpressions[i].matches(cluster)
		if err != nil {
			return false, fmt.Errorf("reading the fieldSelector of a cluster affinity: %w", err)
		}
		matched = matched && ok
	}
	return matched, nil
}

// matches is true for In if the cluster has one of Values, and for NotIn if it has none. A field that is not set has no value.
func (r *FieldRequirement) matches(cluster *clusterv1alpha1.Cluster) (bool, error) {
	var has bool
	switch r.Key {
	case FieldProvider:
		has = r.lists(cluster.Spec.Provider)
	case FieldRegion:
		has = r.lists(cluster.Spec.Region)
	case FieldZone:
		has = slices.ContainsFunc(cluster.Spec.EffectiveZones(), r.lists)
	default:
		return false, fmt.Errorf("key %q is unknown: use provider, region or zone", r.Key)
	}
	switch r.Operator {
	case corev1.NodeSelectorOpIn:
		return has, nil
	case corev1.NodeSelectorOpNotIn:
		return !has, nil
	default:
		return false, fmt.Errorf("key %q: operator %q is unknown: use In or NotIn", r.Key, r.Operator)
	}
}

func (r *FieldRequirement) lists(value string) bool {
	return value != "" && slices.Contains(r.Values, value)
}
