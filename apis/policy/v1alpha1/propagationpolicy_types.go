package v1alpha1

import (
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

// PropagationPolicy says where the templates of its own namespace run.
//
// +kubebuilder:object:root=true
// +kubebuilder:resource:scope=Namespaced,shortName=pp,categories=karmada-io
// +kubebuilder:printcolumn:name="CONFLICT-RESOLUTION",type=string,JSONPath=`.spec.conflictResolution`
// +kubebuilder:printcolumn:name="PRIORITY",type=integer,JSONPath=`.spec.priority`
// +kubebuilder:printcolumn:name="AGE",type=date,JSONPath=`.metadata.creationTimestamp`
type PropagationPolicy struct {
	metav1.TypeMeta   `json:",inline"`
	metav1.ObjectMeta `json:"metadata,omitempty"`

	// Spec is the desired placement. A selector's namespace must be empty, which means the policy's own, or name the policy's own.
	// +required
	Spec PropagationSpec `json:"spec"`
}

// PropagationPolicyList is a list of PropagationPolicy.
//
// +kubebuilder:object:root=true
type PropagationPolicyList struct {
	metav1.TypeMeta `json:",inline"`
	metav1.ListMeta `json:"metadata,omitempty"`
	Items           []PropagationPolicy `json:"items"`
}

// ClusterPropagationPolicy says where cluster-scoped templates run, and namespaced ones of any namespace that no PropagationPolicy selects.
//
// +kubebuilder:object:root=true
// +kubebuilder:resource:scope=Cluster,shortName=cpp,categories=karmada-io
// +kubebuilder:printcolumn:name="CONFLICT-RESOLUTION",type=string,JSONPath=`.spec.conflictResolution`
// +kubebuilder:printcolumn:name="PRIORITY",type=integer,JSONPath=`.spec.priority`
// +kubebuilder:printcolumn:name="AGE",type=date,JSONPath=`.metadata.creationTimestamp`
type ClusterPropagationPolicy struct {
	metav1.TypeMeta   `json:",inline"`
	metav1.ObjectMeta `json:"metadata,omitempty"`

	// Spec is the desired placement.
	// +required
	Spec PropagationSpec `json:"spec"`
}

// ClusterPropagationPolicyList is a list of ClusterPropagationPolicy.
//
// +kubebuilder:object:root=true
type ClusterPropagationPolicyList struct {
	metav1.TypeMeta `json:",inline"`
	metav1.ListMeta `json:"metadata,omitempty"`
	Items           []ClusterPropagationPolicy `json:"items"`
}

// PropagationSpec says which templates are propagated, where to and how.
//
// +kubebuilder:validation:XValidation:rule="self.preemption != 'Always' || self.resourceSelectors.all(s, has(s.name) && size(s.name) > 0)",message="preemption Always takes templates away from other policies, so every resourceSelector must have a name: set name, or set preemption to Never"
// +kubebuilder:validation:XValidation:rule="!has(self.failover) || !has(self.failover.application) || (has(self.propagateDeps) && self.propagateDeps) || self.resourceSelectors.exists(s, s.apiVersion == 'multicluster.x-k8s.io/v1alpha1' && s.kind == 'ServiceImport')",message="failover.application moves a template together with what it depends on: set propagateDeps to true"
type PropagationSpec struct {
	// ResourceSelectors say which templates the policy targets: those which any selector matches. 1 to 1000 selectors.
	// +kubebuilder:validation:MinItems=1
	// +kubebuilder:validation:MaxItems=1000
	// +listType=atomic
	// +required
	ResourceSelectors []ResourceSelector `json:"resourceSelectors"`
	// Association has no effect.
	//
	// Deprecated: use PropagateDeps.
	// +optional
	Association bool `json:"association,omitempty"`
	// PropagateDeps also ships the objects that a template refers to, such as its ConfigMaps. Read it through PropagatesDependencies.
	// +optional
	PropagateDeps bool `json:"propagateDeps,omitempty"`
	// Placement says where the templates run. Empty means a full copy in every cluster.
	// +optional
	Placement Placement `json:"placement,omitempty"`
	// Priority decides between policies that match one template: the higher one wins.
	// +kubebuilder:default=0
	// +optional
	Priority int32 `json:"priority,omitempty"`
	// Preemption says whether this policy may take templates away from policies of lower priority.
	// +kubebuilder:default=Never
	// +optional
	Preemption PreemptionBehavior `json:"preemption,omitempty"`
	// DependentOverrides name override policies which must exist before propagation starts.
	// +listType=atomic
	// +optional
	DependentOverrides []string `json:"dependentOverrides,omitempty"`
	// SchedulerName is the scheduler that places the templates. It cannot be changed.
	// +kubebuilder:default=default-scheduler
	// +kubebuilder:validation:XValidation:rule="self == oldSelf",message="schedulerName is immutable: delete the policy and create it with the new schedulerName"
	// +optional
	SchedulerName string `json:"schedulerName,omitempty"`
	// Failover says when and how replicas leave a cluster. Nil means that an unhealthy application stays.
	// +optional
	Failover *FailoverBehavior `json:"failover,omitempty"`
	// ConflictResolution says what happens when an object that the control plane does not manage already exists in the member.
	// +kubebuilder:default=Abort
	// +optional
	ConflictResolution ConflictResolution `json:"conflictResolution,omitempty"`
	// ActivationPreference says when a change of the policy takes effect. Empty means at once.
	// +optional
	ActivationPreference ActivationPreference `json:"activationPreference,omitempty"`
	// Suspension stops pushing to members. Nil means that nothing is suspended.
	// +optional
	Suspension *Suspension `json:"suspension,omitempty"`
	// PreserveResourcesOnDeletion leaves the members' objects in place when the template goes away. Nil means false.
	// +optional
	PreserveResourcesOnDeletion *bool `json:"preserveResourcesOnDeletion,omitempty"`
	// SchedulePriority orders the templates in the scheduler's queue. Nil means priority 0.
	// +optional
	SchedulePriority *SchedulePriority `json:"schedulePriority,omitempty"`
}

// PreemptionBehavior says whether a policy may take templates away from other policies.
//
// +kubebuilder:validation:Enum=Always;Never
type PreemptionBehavior string

const (
	// PreemptAlways takes matching templates away from policies of lower priority.
	PreemptAlways PreemptionBehavior = "Always"
	// PreemptNever leaves claimed templates alone.
	PreemptNever PreemptionBehavior = "Never"
)

// ConflictResolution says what happens when an object that the control plane does not manage already exists in the member.
//
// +kubebuilder:validation:Enum=Abort;Overwrite
type ConflictResolution string

const (
	// ConflictAbort leaves the member's object as it is and reports the conflict.
	ConflictAbort ConflictResolution = "Abort"
	// ConflictOverwrite adopts the member's object and overwrites it.
	ConflictOverwrite ConflictResolution = "Overwrite"
)

// ActivationPreference says when a change of a policy takes effect.
//
// +kubebuilder:validation:Enum=Lazy
type ActivationPreference string

// LazyActivation delays a change of the policy until the template itself changes.
const LazyActivation ActivationPreference = "Lazy"

// DefaultSchedulerName is the scheduler of policies that name none.
const DefaultSchedulerName = "default-scheduler"

// Suspension stops pushing to members. What is there already stays.
//
// +kubebuilder:validation:XValidation:rule="!(has(self.dispatching) && self.dispatching && has(self.dispatchingOnClusters) && has(self.dispatchingOnClusters.clusterNames) && size(self.dispatchingOnClusters.clusterNames) > 0)",message="suspension.dispatching true already stops every cluster: remove dispatchingOnClusters, or remove dispatching to stop only the listed clusters"
type Suspension struct {
	// Dispatching, if true, stops pushing to every cluster. Nil means false.
	// +optional
	Dispatching *bool `json:"dispatching,omitempty"`
	// DispatchingOnClusters stops pushing to the listed clusters only.
	// +optional
	DispatchingOnClusters *SuspendClusters `json:"dispatchingOnClusters,omitempty"`
}

// SuspendClusters lists clusters to which nothing is pushed.
type SuspendClusters struct {
	// ClusterNames are names of Clusters.
	// +listType=atomic
	// +optional
	ClusterNames []string `json:"clusterNames,omitempty"`
}

// SchedulePriority says where the priority in the scheduler's queue comes from.
type SchedulePriority struct {
	// PriorityClassSource is the kind of the class.
	// +required
	PriorityClassSource PriorityClassSource `json:"priorityClassSource"`
	// PriorityClassName is the class; it must exist, or else the template waits.
	// +kubebuilder:validation:MinLength=1
	// +required
	PriorityClassName string `json:"priorityClassName"`
}

// PriorityClassSource is the kind of a priority class.
//
// +kubebuilder:validation:Enum=KubePriorityClass
type PriorityClassSource string

// KubePriorityClass is scheduling.k8s.io/v1 PriorityClass in the control plane.
const KubePriorityClass PriorityClassSource = "KubePriorityClass"
