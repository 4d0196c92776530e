package policy

import (
	"errors"
	"fmt"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	policyv1alpha1 "github.com/longshore-project/longshore/apis/policy/v1alpha1"
	"github.com/longshore-project/longshore/controllers/policy/selector"
)

// Validate returns why a policy cannot be applied as it stands, nil if it can. It checks what the CRD cannot say:
// label selectors that do not parse, and selectors that leave the policy's namespace.
func Validate(p policyv1alpha1.Policy) error {
	spec := p.PropagationSpec()
	if len(spec.ResourceSelectors) == 0 {
		return errors.New("spec.resourceSelectors is empty: name at least one kind to select")
	}
	if err := selector.Check(p.GetNamespace(), spec.ResourceSelectors); err != nil {
		return err
	}
	return validatePlacement(&spec.Placement)
}

func validatePlacement(placement *policyv1alpha1.Placement) error {
	if err := validateAffinity(placement.ClusterAffinity); err != nil {
		return fmt.Errorf("reading placement.clusterAffinity: %w", err)
	}
	for i := range placement.ClusterAffinities {
		if err := validateAffinity(&placement.ClusterAffinities[i].ClusterAffinity); err != nil {
			return fmt.Errorf("reading placement.clusterAffinities[%d]: %w", i, err)
		}
	}
	if placement.ReplicaScheduling == nil || placement.ReplicaScheduling.WeightPreference == nil {
		return nil
	}
	for i, weight := range placement.ReplicaScheduling.WeightPreference.StaticWeightList {
		if err := validateAffinity(&weight.TargetCluster); err != nil {
			return fmt.Errorf("reading placement.replicaScheduling.weightPreference.staticWeightList[%d].targetCluster: %w", i, err)
		}
	}
	return nil
}

func validateAffinity(affinity *policyv1alpha1.ClusterAffinity) error {
	if affinity == nil || affinity.LabelSelector == nil {
		return nil
	}
	if _, err := metav1.LabelSelectorAsSelector(affinity.LabelSelector); err != nil {
		return fmt.Errorf("its labelSelector does not parse: %w", err)
	}
	return nil
}
