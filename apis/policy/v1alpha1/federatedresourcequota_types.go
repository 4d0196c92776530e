package v1alpha1

import (
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

// FederatedResourceQuota limits what its namespace may use over all members together.
//
// +kubebuilder:object:root=true
// +kubebuilder:resource:scope=Namespaced,categories=karmada-io
// +kubebuilder:subresource:status
// +kubebuilder:printcolumn:name="OVERALL",type=string,JSONPath=`.status.overall`
// +kubebuilder:printcolumn:name="OVERALL_USED",type=string,JSONPath=`.status.overallUsed`
// +kubebuilder:validation:XValidation:rule="size(self.metadata.name) <= 63",message="metadata.name of a FederatedResourceQuota must have at most 63 characters, because it is the value of a label"
type FederatedResourceQuota struct {
	metav1.TypeMeta   `json:",inline"`
	metav1.ObjectMeta `json:"metadata,omitempty"`

	// Spec is the allowance.
	// +required
	Spec FederatedResourceQuotaSpec `json:"spec"`
	// Status is what is used.
	// +optional
	Status FederatedResourceQuotaStatus `json:"status,omitempty"`
}

// FederatedResourceQuotaList is a list of FederatedResourceQuota.
//
// +kubebuilder:object:root=true
type FederatedResourceQuotaList struct {
	metav1.TypeMeta `json:",inline"`
	metav1.ListMeta `json:"metadata,omitempty"`
	Items           []FederatedResourceQuota `json:"items"`
}

// FederatedResourceQuotaSpec is the allowance of a namespace.
//
// +kubebuilder:validation:XValidation:rule="!has(self.staticAssignments) || self.staticAssignments.all(a, a.hard.all(r, r in self.overall))",message="every resource in staticAssignments must appear in overall: add it to overall"
type FederatedResourceQuotaSpec struct {
	// Overall is the allowance of the namespace over all members. At most 128 resources.
	// +kubebuilder:validation:MaxProperties=128
	// +required
	Overall corev1.ResourceList `json:"overall"`
	// StaticAssignments give members a ResourceQuota of their own. At most 1000. For each resource their sum must not exceed Overall, which
	// admission does not check: a CRD rule that adds up quantities costs more than an API server allows.
	// +kubebuilder:validation:MaxItems=1000
	// +listType=atomic
	// +optional
	StaticAssignments []StaticClusterAssignment `json:"staticAssignments,omitempty"`
}

// StaticClusterAssignment is the share of one member.
type StaticClusterAssignment struct {
	// ClusterName is the member.
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=48
	// +required
	ClusterName string `json:"clusterName"`
	// Hard is the limit in that member.
	// +kubebuilder:validation:MaxProperties=128
	// +required
	Hard corev1.ResourceList `json:"hard"`
}

// FederatedResourceQuotaStatus is what is used of the allowance.
type FederatedResourceQuotaStatus struct {
	// Overall is spec.overall as last seen.
	// +optional
	Overall corev1.ResourceList `json:"overall,omitempty"`
	// OverallUsed is the sum over the members.
	// +optional
	OverallUsed corev1.ResourceList `json:"overallUsed,omitempty"`
	// AggregatedStatus comes from the members' ResourceQuotas.
	// +listType=atomic
	// +optional
	AggregatedStatus []ClusterQuotaStatus `json:"aggregatedStatus,omitempty"`
}

// ClusterQuotaStatus is the state of the ResourceQuota in one member.
type ClusterQuotaStatus struct {
	// ClusterName is the member.
	// +required
	ClusterName string `json:"clusterName"`

	corev1.ResourceQuotaStatus `json:",inline"`
}
