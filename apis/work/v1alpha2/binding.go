package v1alpha2

import (
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
)

// Binding is a ResourceBinding or a ClusterResourceBinding, so that one code path serves both scopes.
//
// +kubebuilder:object:generate=false
type Binding interface {
	metav1.Object
	runtime.Object

	// BindingSpec returns the object's own spec, not a copy; never nil.
	BindingSpec() *ResourceBindingSpec
	// BindingStatus returns the object's own status, not a copy; never nil.
	BindingStatus() *ResourceBindingStatus
}

var (
	_ Binding = (*ResourceBinding)(nil)
	_ Binding = (*ClusterResourceBinding)(nil)
)

// BindingSpec implements Binding.
func (b *ResourceBinding) BindingSpec() *ResourceBindingSpec { return &b.Spec }

// BindingStatus implements Binding.
func (b *ResourceBinding) BindingStatus() *ResourceBindingStatus { return &b.Status }

// BindingSpec implements Binding.
func (b *ClusterResourceBinding) BindingSpec() *ResourceBindingSpec { return &b.Spec }

// BindingStatus implements Binding.
func (b *ClusterResourceBinding) BindingStatus() *ResourceBindingStatus { return &b.Status }

// IsWorkload reports whether the template runs replicas: it has some, or the interpreter knows what one needs, or it has components.
// A template that is no workload, such as a ConfigMap, is copied to every chosen cluster.
func (s *ResourceBindingSpec) IsWorkload() bool {
	return s.Replicas > 0 || s.ReplicaRequirements != nil || len(s.Components) > 0
}
