package v1alpha1

import (
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

// WorkloadRebalancer asks for a fresh decision about where templates run.
//
// +kubebuilder:object:root=true
// +kubebuilder:resource:scope=Cluster
// +kubebuilder:subresource:status
type WorkloadRebalancer struct {
	metav1.TypeMeta   `json:",inline"`
	metav1.ObjectMeta `json:"metadata,omitempty"`

	// Spec lists the templates.
	// +required
	Spec WorkloadRebalancerSpec `json:"spec"`
	// Status says which of them were asked for.
	// +optional
	Status WorkloadRebalancerStatus `json:"status,omitempty"`
}

// WorkloadRebalancerList is a list of WorkloadRebalancer.
//
// +kubebuilder:object:root=true
type WorkloadRebalancerList struct {
	metav1.TypeMeta `json:",inline"`
	metav1.ListMeta `json:"metadata,omitempty"`
	Items           []WorkloadRebalancer `json:"items"`
}

// WorkloadRebalancerSpec lists templates to place afresh.
type WorkloadRebalancerSpec struct {
	// Workloads are the templates, at least one.
	// +kubebuilder:validation:MinItems=1
	// +listType=atomic
	// +required
	Workloads []ObjectReference `json:"workloads"`
	// TTLSecondsAfterFinished is how long the object is kept once every template is done. Nil means for ever.
	// +kubebuilder:validation:Minimum=0
	// +optional
	TTLSecondsAfterFinished *int32 `json:"ttlSecondsAfterFinished,omitempty"`
}

// ObjectReference names a template.
type ObjectReference struct {
	// APIVersion such as apps/v1.
	// +kubebuilder:validation:MinLength=1
	// +required
	APIVersion string `json:"apiVersion"`
	// Kind such as Deployment.
	// +kubebuilder:validation:MinLength=1
	// +required
	Kind string `json:"kind"`
	// Namespace of the template. Empty means cluster scoped.
	// +optional
	Namespace string `json:"namespace,omitempty"`
	// Name of the template.
	// +kubebuilder:validation:MinLength=1
	// +required
	Name string `json:"name"`
}

// WorkloadRebalancerStatus says which templates were asked for.
type WorkloadRebalancerStatus struct {
	// ObservedWorkloads holds one entry for each template.
	// +listType=atomic
	// +optional
	ObservedWorkloads []ObservedWorkload `json:"observedWorkloads,omitempty"`
	// ObservedGeneration is the generation that the status belongs to.
	// +optional
	ObservedGeneration int64 `json:"observedGeneration,omitempty"`
	// FinishTime is when every template was done. Nil means not yet.
	// +optional
	FinishTime *metav1.Time `json:"finishTime,omitempty"`
}

// ObservedWorkload is the result for one template.
type ObservedWorkload struct {
	// Workload is the template.
	// +required
	Workload ObjectReference `json:"workload"`
	// Result is empty until the template is done.
	// +optional
	Result RebalanceResult `json:"result,omitempty"`
	// Reason says why Result is Failed.
	// +optional
	Reason RebalanceFailedReason `json:"reason,omitempty"`
}

// RebalanceResult is the result for one template.
//
// +kubebuilder:validation:Enum=Successful;Failed
type RebalanceResult string

const (
	// RebalanceSuccessful means that the template's binding was asked for a fresh decision.
	RebalanceSuccessful RebalanceResult = "Successful"
	// RebalanceFailed means that it could not be asked.
	RebalanceFailed RebalanceResult = "Failed"
)

// RebalanceFailedReason says why a template could not be placed afresh.
//
// +kubebuilder:validation:Enum=ReferencedBindingNotFound
type RebalanceFailedReason string

// ReferencedBindingNotFound means that the template has no binding.
const ReferencedBindingNotFound RebalanceFailedReason = "ReferencedBindingNotFound"
