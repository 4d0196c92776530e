// Package v1alpha1 holds Work, the manifests of one template for one member, and the names derived for executing them.
//
// +kubebuilder:object:generate=true
// +groupName=work.karmada.io
package v1alpha1
