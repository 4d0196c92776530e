package v1alpha1

import (
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
)

// Policy is a PropagationPolicy or a ClusterPropagationPolicy, so that one code path serves both scopes.
//
// +kubebuilder:object:generate=false
type Policy interface {
	metav1.Object
	runtime.Object

	// PropagationSpec returns the object's own spec, not a copy; never nil.
	PropagationSpec() *PropagationSpec
}

// Override is an OverridePolicy or a ClusterOverridePolicy, so that one code path serves both scopes.
//
// +kubebuilder:object:generate=false
type Override interface {
	metav1.Object
	runtime.Object

	// OverrideSpec returns the object's own spec, not a copy; never nil.
	OverrideSpec() *OverrideSpec
}

// ClaimIDs returns the permanent ids of the policies that claim the object with these labels: one, as a rule.
func ClaimIDs(labels map[string]string) []string {
	var ids []string
	for _, label := range []string{PropagationPolicyPermanentIDLabel, ClusterPropagationPolicyPermanentIDLabel} {
		if id := labels[label]; id != "" {
			ids = append(ids, id)
		}
	}
	return ids
}

var (
	_ Policy   = (*PropagationPolicy)(nil)
	_ Policy   = (*ClusterPropagationPolicy)(nil)
	_ Override = (*OverridePolicy)(nil)
	_ Override = (*ClusterOverridePolicy)(nil)
)

// PropagationSpec implements Policy.
func (p *PropagationPolicy) PropagationSpec() *PropagationSpec { return &p.Spec }

// PropagationSpec implements Policy.
func (p *ClusterPropagationPolicy) PropagationSpec() *PropagationSpec { return &p.Spec }

// OverrideSpec implements Override.
func (p *OverridePolicy) OverrideSpec() *OverrideSpec { return &p.Spec }

// OverrideSpec implements Override.
func (p *ClusterOverridePolicy) OverrideSpec() *OverrideSpec { return &p.Spec }
