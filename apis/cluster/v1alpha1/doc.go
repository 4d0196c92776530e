// Package v1alpha1 holds Cluster, a member of the fleet.
//
// +kubebuilder:object:generate=true
// +groupName=cluster.karmada.io
package v1alpha1
