// Package v1alpha1 holds ResourceInterpreterCustomization, which teaches the control plane to read a kind that it does not know.
//
// +kubebuilder:object:generate=true
// +groupName=config.karmada.io
package v1alpha1
