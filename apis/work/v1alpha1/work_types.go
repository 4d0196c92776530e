package v1alpha1

import (
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
)

// Work holds the manifests of one template for one member. It lives in the member's execution namespace.
//
// +kubebuilder:object:root=true
// +kubebuilder:resource:scope=Namespaced,shortName=wk,categories=karmada-io
// +kubebuilder:subresource:status
// +kubebuilder:printcolumn:name="WORKLOAD-KIND",type=string,JSONPath=`.spec.workload.manifests[*].kind`
// +kubebuilder:printcolumn:name="APPLIED",type=string,JSONPath=`.status.conditions[?(@.type=="Applied")].status`
// +kubebuilder:printcolumn:name="AGE",type=date,JSONPath=`.metadata.creationTimestamp`
type Work struct {
	metav1.TypeMeta   `json:",inline"`
	metav1.ObjectMeta `json:"metadata,omitempty"`

	// Spec is what the member should hold.
	// +required
	Spec WorkSpec `json:"spec"`
	// Status is what the member holds.
	// +optional
	Status WorkStatus `json:"status,omitempty"`
}

// WorkList is a list of Work.
//
// +kubebuilder:object:root=true
type WorkList struct {
	metav1.TypeMeta `json:",inline"`
	metav1.ListMeta `json:"metadata,omitempty"`
	Items           []Work `json:"items"`
}

// WorkSpec is what a member should hold.
type WorkSpec struct {
	// Workload holds the manifests.
	// +optional
	Workload WorkloadTemplate `json:"workload,omitempty"`
	// SuspendDispatching, if true, stops pushing to the member. Nil means false.
	// +optional
	SuspendDispatching *bool `json:"suspendDispatching,omitempty"`
	// PreserveResourcesOnDeletion, if true, leaves the member's objects in place when the Work goes away. Nil means false.
	// +optional
	PreserveResourcesOnDeletion *bool `json:"preserveResourcesOnDeletion,omitempty"`
}

// WorkloadTemplate holds manifests.
type WorkloadTemplate struct {
	// Manifests are whole objects. In practice there is exactly one.
	// +kubebuilder:validation:items:XPreserveUnknownFields
	// +listType=atomic
	// +optional
	Manifests []runtime.RawExtension `json:"manifests,omitempty"`
}

// WorkStatus is what a member holds.
type WorkStatus struct {
	// Conditions hold Applied and Dispatching.
	// +listType=map
	// +listMapKey=type
	// +optional
	Conditions []metav1.Condition `json:"conditions,omitempty"`
	// ManifestStatuses hold the state of each manifest's object in the member.
	// +listType=atomic
	// +optional
	ManifestStatuses []ManifestStatus `json:"manifestStatuses,omitempty"`
}

// ManifestStatus is the state of one manifest's object in the member.
type ManifestStatus struct {
	// Identifier says which manifest.
	// +required
	Identifier ResourceIdentifier `json:"identifier"`
	// Status is what the interpreter reflects of the object's status. Nil means nothing.
	// +kubebuilder:pruning:PreserveUnknownFields
	// +optional
	Status *runtime.RawExtension `json:"status,omitempty"`
	// Health is what the interpreter thinks of the object. Empty means not yet known.
	// +optional
	Health ResourceHealth `json:"health,omitempty"`
}

// ResourceIdentifier names one manifest of a Work.
type ResourceIdentifier struct {
	// Ordinal is the index in the Work's manifests.
	// +required
	Ordinal int `json:"ordinal"`
	// Group is the API group. Empty is the core group.
	// +optional
	Group string `json:"group,omitempty"`
	// Version is the API version.
	// +required
	Version string `json:"version"`
	// Kind of the object.
	// +required
	Kind string `json:"kind"`
	// Resource is the plural name of the kind.
	// +required
	Resource string `json:"resource"`
	// Namespace of the object. Empty means cluster scoped.
	// +optional
	Namespace string `json:"namespace,omitempty"`
	// Name of the object.
	// +required
	Name string `json:"name"`
}

// ResourceHealth is what the interpreter thinks of an object in a member.
//
// +kubebuilder:validation:Enum=Healthy;Unhealthy;Unknown
type ResourceHealth string

const (
	// ResourceHealthy means that the object does what it should.
	ResourceHealthy ResourceHealth = "Healthy"
	// ResourceUnhealthy means that it does not, or not yet.
	ResourceUnhealthy ResourceHealth = "Unhealthy"
	// ResourceUnknown means that the interpreter cannot tell.
	ResourceUnknown ResourceHealth = "Unknown"
)
