package v1alpha1

import (
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

// ClusterTaintPolicy adds taints to members, and removes them, by the members' conditions.
//
// +kubebuilder:object:root=true
// +kubebuilder:resource:scope=Cluster
type ClusterTaintPolicy struct {
	metav1.TypeMeta   `json:",inline"`
	metav1.ObjectMeta `json:"metadata,omitempty"`

	// Spec says which taints, where and when.
	// +required
	Spec ClusterTaintPolicySpec `json:"spec"`
}

// ClusterTaintPolicyList is a list of ClusterTaintPolicy.
//
// +kubebuilder:object:root=true
type ClusterTaintPolicyList struct {
	metav1.TypeMeta `json:",inline"`
	metav1.ListMeta `json:"metadata,omitempty"`
	Items           []ClusterTaintPolicy `json:"items"`
}

// ClusterTaintPolicySpec says which taints come and go, where and when. Deleting the policy leaves the taints.
type ClusterTaintPolicySpec struct {
	// TargetClusters picks the members. Nil means all.
	// +optional
	TargetClusters *ClusterAffinity `json:"targetClusters,omitempty"`
	// AddOnConditions must all match for the taints to be added. Empty means that they are never added.
	// +listType=atomic
	// +optional
	AddOnConditions []MatchCondition `json:"addOnConditions,omitempty"`
	// RemoveOnConditions must all match for the taints to be removed. Empty means that they are never removed.
	// +listType=atomic
	// +optional
	RemoveOnConditions []MatchCondition `json:"removeOnConditions,omitempty"`
	// Taints to add and remove. Key and effect together are unique. 1 to 64.
	// +kubebuilder:validation:MinItems=1
	// +kubebuilder:validation:MaxItems=64
	// +kubebuilder:validation:XValidation:rule="self.all(t, self.exists_one(u, u.key == t.key && u.effect == t.effect))",message="taints must not repeat a key with the same effect: remove one of the two entries"
	// +listType=atomic
	// +required
	Taints []PolicyTaint `json:"taints"`
}

// MatchCondition is met or not by a condition of a Cluster. A condition that the Cluster does not have never meets it.
type MatchCondition struct {
	// ConditionType is the type of the condition, such as Ready.
	// +kubebuilder:validation:MinLength=1
	// +required
	ConditionType string `json:"conditionType"`
	// Operator relates the condition's status to StatusValues.
	// +required
	Operator ConditionOperator `json:"operator"`
	// StatusValues to compare with: True, False or Unknown.
	// +kubebuilder:validation:items:Enum=True;False;Unknown
	// +listType=atomic
	// +required
	StatusValues []metav1.ConditionStatus `json:"statusValues"`
}

// ConditionOperator relates a status to a set of values.
//
// +kubebuilder:validation:Enum=In;NotIn
type ConditionOperator string

const (
	// ConditionIn is met by a status in the set.
	ConditionIn ConditionOperator = "In"
	// ConditionNotIn is met by a status outside the set.
	ConditionNotIn ConditionOperator = "NotIn"
)

// PolicyTaint is a taint to add to a Cluster or to remove from it.
type PolicyTaint struct {
	// Key of the taint, a valid label key.
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=317
	// +kubebuilder:validation:Pattern=`^([a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*/)?[A-Za-z0-9]([-A-Za-z0-9_.]{0,61}[A-Za-z0-9])?$`
	// +required
	Key string `json:"key"`
	// Effect of the taint.
	// +kubebuilder:validation:Enum=NoSchedule;PreferNoSchedule;NoExecute
	// +required
	Effect corev1.TaintEffect `json:"effect"`
	// Value of the taint, a valid label value.
	// +kubebuilder:validation:MaxLength=63
	// +kubebuilder:validation:Pattern=`^([A-Za-z0-9]([-A-Za-z0-9_.]*[A-Za-z0-9])?)?$`
	// +optional
	Value string `json:"value,omitempty"`
}
