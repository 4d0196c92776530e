package v1alpha1

import (
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

// ResourceSelector picks templates of one kind.
type ResourceSelector struct {
	// APIVersion of the templates, such as apps/v1; matched exactly.
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=317
	// +required
	APIVersion string `json:"apiVersion"`
	// Kind of the templates, such as Deployment; matched exactly.
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=63
	// +required
	Kind string `json:"kind"`
	// Namespace of the templates. Empty means any; in a namespaced policy it means the policy's own.
	// +kubebuilder:validation:MaxLength=63
	// +optional
	Namespace string `json:"namespace,omitempty"`
	// Name of the template. Empty means any. If it is set, LabelSelector is ignored.
	// +kubebuilder:validation:MaxLength=253
	// +optional
	Name string `json:"name,omitempty"`
	// LabelSelector picks templates by their labels. Nil means any.
	// +optional
	LabelSelector *metav1.LabelSelector `json:"labelSelector,omitempty"`
}

// ClusterAffinity picks clusters. A cluster is picked if it is not excluded and meets every other part that is set; a nil or empty
// ClusterAffinity picks all clusters.
type ClusterAffinity struct {
	// LabelSelector selects by labels of the Cluster. Nil means any.
	// +optional
	LabelSelector *metav1.LabelSelector `json:"labelSelector,omitempty"`
	// FieldSelector selects by provider, region and zone of the Cluster. Nil means any.
	// +optional
	FieldSelector *FieldSelector `json:"fieldSelector,omitempty"`
	// ClusterNames lists the Clusters to pick from. Empty means any.
	// +listType=atomic
	// +optional
	ClusterNames []string `json:"clusterNames,omitempty"`
	// Exclude lists Clusters that are never picked, whatever the other parts say.
	// +listType=atomic
	// +optional
	Exclude []string `json:"exclude,omitempty"`
}

// FieldSelector selects clusters by their fields. All requirements must be met.
type FieldSelector struct {
	// MatchExpressions are the requirements.
	// +listType=atomic
	// +optional
	MatchExpressions []FieldRequirement `json:"matchExpressions,omitempty"`
}

// FieldRequirement is one requirement on a field of a Cluster.
type FieldRequirement struct {
	// Key is the field.
	// +required
	Key ClusterField `json:"key"`
	// Operator relates the field to Values. For key zone, In is met if the cluster has at least one of Values among its zones, and NotIn
	// if it has none of them.
	// +kubebuilder:validation:Enum=In;NotIn
	// +required
	Operator corev1.NodeSelectorOperator `json:"operator"`
	// Values to compare with.
	// +listType=atomic
	// +optional
	Values []string `json:"values,omitempty"`
}

// ClusterField is a field of a Cluster that a FieldRequirement can use.
//
// +kubebuilder:validation:Enum=provider;region;zone
type ClusterField string

const (
	// FieldProvider is Cluster.spec.provider.
	FieldProvider ClusterField = "provider"
	// FieldRegion is Cluster.spec.region.
	FieldRegion ClusterField = "region"
	// FieldZone is Cluster.spec.zones.
	FieldZone ClusterField = "zone"
)
