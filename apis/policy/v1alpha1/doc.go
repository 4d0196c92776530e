// Package v1alpha1 holds the kinds that say where templates run, how they differ from member to member, what they may
// use, and which taints follow from a member's conditions. It also holds the pure matching rules of those kinds.
//
// +kubebuilder:object:generate=true
// +groupName=policy.karmada.io
package v1alpha1
