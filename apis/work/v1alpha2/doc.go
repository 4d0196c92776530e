// Package v1alpha2 holds the bindings: one object per template which carries its placement, the scheduler's decision and the
// members' states.
//
// +kubebuilder:object:generate=true
// +groupName=work.karmada.io
package v1alpha2
