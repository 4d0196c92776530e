package v1alpha1

import (
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

// ResourceInterpreterCustomization teaches the control plane to read one kind, with Lua scripts.
//
// +kubebuilder:object:root=true
// +kubebuilder:resource:scope=Cluster,shortName=ric,categories=karmada-io
// +kubebuilder:printcolumn:name="TARGET-API-VERSION",type=string,JSONPath=`.spec.target.apiVersion`
// +kubebuilder:printcolumn:name="TARGET-KIND",type=string,JSONPath=`.spec.target.kind`
// +kubebuilder:printcolumn:name="AGE",type=date,JSONPath=`.metadata.creationTimestamp`
type ResourceInterpreterCustomization struct {
	metav1.TypeMeta   `json:",inline"`
	metav1.ObjectMeta `json:"metadata,omitempty"`

	// Spec is the kind and its scripts.
	// +required
	Spec ResourceInterpreterCustomizationSpec `json:"spec"`
}

// ResourceInterpreterCustomizationList is a list of ResourceInterpreterCustomization.
//
// +kubebuilder:object:root=true
type ResourceInterpreterCustomizationList struct {
	metav1.TypeMeta `json:",inline"`
	metav1.ListMeta `json:"metadata,omitempty"`
	Items           []ResourceInterpreterCustomization `json:"items"`
}

// ResourceInterpreterCustomizationSpec is a kind and its scripts.
type ResourceInterpreterCustomizationSpec struct {
	// Target is the kind.
	// +required
	Target CustomizationTarget `json:"target"`
	// Customizations are the scripts.
	// +required
	Customizations CustomizationRules `json:"customizations"`
}

// CustomizationTarget is the kind that scripts are for.
type CustomizationTarget struct {
	// APIVersion such as example.io/v1.
	// +kubebuilder:validation:MinLength=1
	// +required
	APIVersion string `json:"apiVersion"`
	// Kind such as Workload.
	// +kubebuilder:validation:MinLength=1
	// +required
	Kind string `json:"kind"`
}

// CustomizationRules are scripts by operation. Nil leaves an operation to the next interpreter.
type CustomizationRules struct {
	// Retention defines Retain(desiredObj, observedObj), which returns desiredObj with the fields that the member's own controllers set.
	// +optional
	Retention *LuaRule `json:"retention,omitempty"`
	// ReplicaResource defines GetReplicas(obj), which returns the replicas and what one of them needs.
	// +optional
	ReplicaResource *LuaRule `json:"replicaResource,omitempty"`
	// ComponentResource defines GetComponents(obj), which returns the pod templates with their replicas and needs.
	// +optional
	ComponentResource *LuaRule `json:"componentResource,omitempty"`
	// ReplicaRevision defines ReviseReplica(obj, replica), which returns obj with that number of replicas.
	// +optional
	ReplicaRevision *LuaRule `json:"replicaRevision,omitempty"`
	// StatusReflection defines ReflectStatus(obj), which returns the part of the status that is carried back.
	// +optional
	StatusReflection *LuaRule `json:"statusReflection,omitempty"`
	// StatusAggregation defines AggregateStatus(obj, items), which returns obj with one status for all members.
	// +optional
	StatusAggregation *LuaRule `json:"statusAggregation,omitempty"`
	// HealthInterpretation defines InterpretHealth(obj), which returns a bool.
	// +optional
	HealthInterpretation *LuaRule `json:"healthInterpretation,omitempty"`
	// DependencyInterpretation defines GetDependencies(obj), which returns the objects that obj refers to.
	// +optional
	DependencyInterpretation *LuaRule `json:"dependencyInterpretation,omitempty"`
}

// LuaRule is a script for one operation.
type LuaRule struct {
	// LuaScript defines the function of the operation.
	// +kubebuilder:validation:MinLength=1
	// +required
	LuaScript string `json:"luaScript"`
}
