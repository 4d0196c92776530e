package v1alpha2

import (
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/types"

	policyv1alpha1 "github.com/longshore-project/longshore/apis/policy/v1alpha1"
	workv1alpha1 "github.com/longshore-project/longshore/apis/work/v1alpha1"
)

// ResourceBinding is the binding of a namespaced template. It lives in the template's namespace.
//
// +kubebuilder:object:root=true
// +kubebuilder:resource:scope=Namespaced,shortName=rb,categories=karmada-io
// +kubebuilder:subresource:status
// +kubebuilder:storageversion
// +kubebuilder:printcolumn:name="SCHEDULED",type=string,JSONPath=`.status.conditions[?(@.type=="Scheduled")].status`
// +kubebuilder:printcolumn:name="FULLYAPPLIED",type=string,JSONPath=`.status.conditions[?(@.type=="FullyApplied")].status`
// +kubebuilder:printcolumn:name="AGE",type=date,JSONPath=`.metadata.creationTimestamp`
type ResourceBinding struct {
	metav1.TypeMeta   `json:",inline"`
	metav1.ObjectMeta `json:"metadata,omitempty"`

	// Spec is what should run where.
	// +required
	Spec ResourceBindingSpec `json:"spec"`
	// Status is what runs where.
	// +optional
	Status ResourceBindingStatus `json:"status,omitempty"`
}

// ResourceBindingList is a list of ResourceBinding.
//
// +kubebuilder:object:root=true
type ResourceBindingList struct {
	metav1.TypeMeta `json:",inline"`
	metav1.ListMeta `json:"metadata,omitempty"`
	Items           []ResourceBinding `json:"items"`
}

// ClusterResourceBinding is the binding of a cluster-scoped template.
//
// +kubebuilder:object:root=true
// +kubebuilder:resource:scope=Cluster,shortName=crb,categories=karmada-io
// +kubebuilder:subresource:status
// +kubebuilder:storageversion
// +kubebuilder:printcolumn:name="SCHEDULED",type=string,JSONPath=`.status.conditions[?(@.type=="Scheduled")].status`
// +kubebuilder:printcolumn:name="FULLYAPPLIED",type=string,JSONPath=`.status.conditions[?(@.type=="FullyApplied")].status`
// +kubebuilder:printcolumn:name="AGE",type=date,JSONPath=`.metadata.creationTimestamp`
type ClusterResourceBinding struct {
	metav1.TypeMeta   `json:",inline"`
	metav1.ObjectMeta `json:"metadata,omitempty"`

	// Spec is what should run where.
	// +required
	Spec ResourceBindingSpec `json:"spec"`
	// Status is what runs where.
	// +optional
	Status ResourceBindingStatus `json:"status,omitempty"`
}

// ClusterResourceBindingList is a list of ClusterResourceBinding.
//
// +kubebuilder:object:root=true
type ClusterResourceBindingList struct {
	metav1.TypeMeta `json:",inline"`
	metav1.ListMeta `json:"metadata,omitempty"`
	Items           []ClusterResourceBinding `json:"items"`
}

// ResourceBindingSpec is what should run where. The policy controller writes all fields that come from template and policy, the scheduler
// writes Clusters, the eviction controllers GracefulEvictionTasks, and the dependency controller RequiredBy.
type ResourceBindingSpec struct {
	// Resource is the template.
	// +required
	Resource ObjectReference `json:"resource"`
	// PropagateDeps also ships the objects that the template refers to.
	// +optional
	PropagateDeps bool `json:"propagateDeps,omitempty"`
	// Replicas is the template's number of replicas as the interpreter reads it.
	// +optional
	Replicas int32 `json:"replicas,omitempty"`
	// ReplicaRequirements are what one replica needs. Nil means that the interpreter knows none.
	// +optional
	ReplicaRequirements *ReplicaRequirements `json:"replicaRequirements,omitempty"`
	// Components describe a template with several pod templates, instead of Replicas and ReplicaRequirements. At most 64.
	// +kubebuilder:validation:MaxItems=64
	// +kubebuilder:validation:XValidation:rule="self.all(c, self.exists_one(d, d.name == c.name))",message="every name of components must be used once: give each component its own name"
	// +listType=atomic
	// +optional
	Components []Component `json:"components,omitempty"`
	// Clusters is the scheduler's decision. Empty means that nothing is placed.
	// +listType=atomic
	// +optional
	Clusters []TargetCluster `json:"clusters,omitempty"`
	// Placement is copied from the policy. Nil on a binding that only follows others (RequiredBy).
	// +optional
	Placement *policyv1alpha1.Placement `json:"placement,omitempty"`
	// GracefulEvictionTasks are the clusters that the template is leaving.
	// +listType=atomic
	// +optional
	GracefulEvictionTasks []GracefulEvictionTask `json:"gracefulEvictionTasks,omitempty"`
	// RequiredBy lists the bindings whose templates refer to this one, with their clusters.
	// +listType=atomic
	// +optional
	RequiredBy []BindingSnapshot `json:"requiredBy,omitempty"`
	// SchedulerName is the scheduler that places the template. Empty means default-scheduler.
	// +optional
	SchedulerName string `json:"schedulerName,omitempty"`
	// Failover says when and how replicas leave a cluster.
	// +optional
	Failover *policyv1alpha1.FailoverBehavior `json:"failover,omitempty"`
	// ConflictResolution says what happens when an object that the control plane does not manage already exists in the member.
	// +kubebuilder:default=Abort
	// +optional
	ConflictResolution policyv1alpha1.ConflictResolution `json:"conflictResolution,omitempty"`
	// RescheduleTriggeredAt asks for a fresh decision if it is later than status.lastScheduledTime.
	// +optional
	RescheduleTriggeredAt *metav1.Time `json:"rescheduleTriggeredAt,omitempty"`
	// Suspension stops pushing or scheduling. Nil means that nothing is suspended.
	// +optional
	Suspension *Suspension `json:"suspension,omitempty"`
	// PreserveResourcesOnDeletion leaves the members' objects in place when the binding goes away. Nil means false.
	// +optional
	PreserveResourcesOnDeletion *bool `json:"preserveResourcesOnDeletion,omitempty"`
	// SchedulePriority orders bindings in the scheduler's queue. Nil means priority 0.
	// +optional
	SchedulePriority *SchedulePriority `json:"schedulePriority,omitempty"`
	// WorkloadAffinityGroups are computed from placement.workloadAffinity and the template's labels. Nil means no groups.
	// +optional
	WorkloadAffinityGroups *WorkloadAffinityGroups `json:"workloadAffinityGroups,omitempty"`
}

// ObjectReference names a template.
type ObjectReference struct {
	// APIVersion such as apps/v1.
	// +required
	APIVersion string `json:"apiVersion"`
	// Kind such as Deployment.
	// +required
	Kind string `json:"kind"`
	// Namespace of the template. Empty means cluster scoped.
	// +optional
	Namespace string `json:"namespace,omitempty"`
	// Name of the template.
	// +required
	Name string `json:"name"`
	// UID of the template.
	// +optional
	UID types.UID `json:"uid,omitempty"`
	// ResourceVersion of the template as last seen.
	// +optional
	ResourceVersion string `json:"resourceVersion,omitempty"`
}

// ReplicaRequirements are what one replica needs.
type ReplicaRequirements struct {
	// NodeClaim limits the nodes. Nil means any node.
	// +optional
	NodeClaim *NodeClaim `json:"nodeClaim,omitempty"`
	// ResourceRequest is what one replica requests.
	// +optional
	ResourceRequest corev1.ResourceList `json:"resourceRequest,omitempty"`
	// Namespace of the replica; set only while members' quotas are estimated.
	// +optional
	Namespace string `json:"namespace,omitempty"`
	// PriorityClassName of the replica; set only while members' quotas are estimated.
	// +optional
	PriorityClassName string `json:"priorityClassName,omitempty"`
}

// NodeClaim limits the nodes on which a replica can run.
type NodeClaim struct {
	// HardNodeAffinity is the pod's required node affinity. Nil means any node.
	// +optional
	HardNodeAffinity *corev1.NodeSelector `json:"hardNodeAffinity,omitempty"`
	// NodeSelector is the pod's node selector.
	// +optional
	NodeSelector map[string]string `json:"nodeSelector,omitempty"`
	// Tolerations are the pod's tolerations.
	// +listType=atomic
	// +optional
	Tolerations []corev1.Toleration `json:"tolerations,omitempty"`
}

// Component is one pod template of a template with several.
type Component struct {
	// Name of the component, unique in the binding.
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=32
	// +required
	Name string `json:"name"`
	// Replicas of the component.
	// +required
	Replicas int32 `json:"replicas"`
	// ReplicaRequirements are what one replica of the component needs. Nil means that the interpreter knows none.
	// +optional
	ReplicaRequirements *ComponentReplicaRequirements `json:"replicaRequirements,omitempty"`
}

// ComponentReplicaRequirements are what one replica of a component needs.
type ComponentReplicaRequirements struct {
	// NodeClaim limits the nodes. Nil means any node.
	// +optional
	NodeClaim *NodeClaim `json:"nodeClaim,omitempty"`
	// ResourceRequest is what one replica requests.
	// +optional
	ResourceRequest corev1.ResourceList `json:"resourceRequest,omitempty"`
	// PriorityClassName of the replica.
	// +optional
	PriorityClassName string `json:"priorityClassName,omitempty"`
}

// TargetCluster is one cluster of a decision.
type TargetCluster struct {
	// Name of the Cluster.
	// +required
	Name string `json:"name"`
	// Replicas in that cluster. 0 for a template that has no replicas.
	// +optional
	Replicas int32 `json:"replicas,omitempty"`
	// Components in that cluster, for a template with several pod templates.
	// +listType=atomic
	// +optional
	Components []TargetComponent `json:"components,omitempty"`
}

// TargetComponent is one component's share of a cluster.
type TargetComponent struct {
	// Name of the component.
	// +required
	Name string `json:"name"`
	// Replicas of the component in the cluster.
	// +required
	Replicas int32 `json:"replicas"`
}

// GracefulEvictionTask moves the template away from one cluster.
type GracefulEvictionTask struct {
	// FromCluster is the cluster that the template leaves.
	// +required
	FromCluster string `json:"fromCluster"`
	// PurgeMode says how the old replicas are removed. Empty means Gracefully.
	// +kubebuilder:validation:Enum=Directly;Gracefully;Never
	// +optional
	PurgeMode policyv1alpha1.PurgeMode `json:"purgeMode,omitempty"`
	// Replicas that ran there. Nil means that the template has none.
	// +optional
	Replicas *int32 `json:"replicas,omitempty"`
	// Reason is a word for programs, 1 to 32 characters.
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=32
	// +kubebuilder:validation:Pattern=`^[A-Za-z]([A-Za-z0-9_,:]*[A-Za-z0-9_])?$`
	// +required
	Reason string `json:"reason"`
	// Message is for people.
	// +kubebuilder:validation:MaxLength=1024
	// +optional
	Message string `json:"message,omitempty"`
	// Producer is the controller that asked for the eviction.
	// +required
	Producer string `json:"producer"`
	// GracePeriodSeconds is how long the old replicas may stay. Nil means the controller's own limit.
	// +optional
	GracePeriodSeconds *int32 `json:"gracePeriodSeconds,omitempty"`
	// SuppressDeletion, if true, keeps the old replicas until a user sets it to false. Nil means false.
	// +optional
	SuppressDeletion *bool `json:"suppressDeletion,omitempty"`
	// PreservedLabelState holds the labels that carry state to the new cluster.
	// +optional
	PreservedLabelState map[string]string `json:"preservedLabelState,omitempty"`
	// CreationTimestamp is when the task was made, by the clock of its producer.
	// +optional
	CreationTimestamp *metav1.Time `json:"creationTimestamp,omitempty"`
	// ClustersBeforeFailover are the clusters of the decision before the eviction.
	// +listType=atomic
	// +optional
	ClustersBeforeFailover []string `json:"clustersBeforeFailover,omitempty"`
}

// BindingSnapshot is another binding's decision.
type BindingSnapshot struct {
	// Namespace of the binding. Empty means a ClusterResourceBinding.
	// +optional
	Namespace string `json:"namespace,omitempty"`
	// Name of the binding.
	// +required
	Name string `json:"name"`
	// Clusters of its decision.
	// +listType=atomic
	// +optional
	Clusters []TargetCluster `json:"clusters,omitempty"`
}

// Suspension stops pushing to members, or scheduling.
type Suspension struct {
	policyv1alpha1.Suspension `json:",inline"`

	// Scheduling, if true, keeps the scheduler from deciding. Nil means false.
	// +optional
	Scheduling *bool `json:"scheduling,omitempty"`
}

// SchedulePriority orders bindings in the scheduler's queue.
type SchedulePriority struct {
	// Priority is better if greater.
	// +kubebuilder:default=0
	// +optional
	Priority int32 `json:"priority,omitempty"`
}

// WorkloadAffinityGroups are the groups, written key=value, of which a template is a member.
type WorkloadAffinityGroups struct {
	// AffinityGroup's members go to the same clusters. Empty means none.
	// +optional
	AffinityGroup string `json:"affinityGroup,omitempty"`
	// AntiAffinityGroup's members go to different clusters. Empty means none.
	// +optional
	AntiAffinityGroup string `json:"antiAffinityGroup,omitempty"`
}

// ResourceBindingStatus is what runs where. The scheduler writes the first three fields and condition Scheduled, the binding status
// controller the rest.
type ResourceBindingStatus struct {
	// SchedulerObservedGeneration is the generation seen by the last successful decision. 0 means that there was none.
	// +optional
	SchedulerObservedGeneration int64 `json:"schedulerObservedGeneration,omitempty"`
	// SchedulerObservedAffinityName is the term of placement.clusterAffinities in use. Empty means none.
	// +optional
	SchedulerObservedAffinityName string `json:"schedulerObservingAffinityName,omitempty"`
	// LastScheduledTime is when the last successful decision was made. Nil means never.
	// +optional
	LastScheduledTime *metav1.Time `json:"lastScheduledTime,omitempty"`
	// Conditions hold Scheduled and FullyApplied.
	// +listType=map
	// +listMapKey=type
	// +optional
	Conditions []metav1.Condition `json:"conditions,omitempty"`
	// AggregatedStatus is the state in each cluster, sorted by name.
	// +listType=atomic
	// +optional
	AggregatedStatus []AggregatedStatusItem `json:"aggregatedStatus,omitempty"`
}

// AggregatedStatusItem is the template's state in one cluster.
type AggregatedStatusItem struct {
	// ClusterName is the cluster.
	// +required
	ClusterName string `json:"clusterName"`
	// Status is what the interpreter reflects of the object's status there. Nil means nothing.
	// +kubebuilder:pruning:PreserveUnknownFields
	// +optional
	Status *runtime.RawExtension `json:"status,omitempty"`
	// Applied is true if the cluster accepted the object.
	// +optional
	Applied bool `json:"applied,omitempty"`
	// AppliedMessage says why not.
	// +optional
	AppliedMessage string `json:"appliedMessage,omitempty"`
	// Health is what the interpreter thinks of the object. Empty means not yet known.
	// +optional
	Health workv1alpha1.ResourceHealth `json:"health,omitempty"`
}

// ResourceHealth is what the interpreter thinks of an object in a member. It is the type that Works use, so that a Work's health can be
// copied into a binding as it is.
type ResourceHealth = workv1alpha1.ResourceHealth

const (
	// ResourceHealthy means that the object does what it should.
	ResourceHealthy = workv1alpha1.ResourceHealthy
	// ResourceUnhealthy means that it does not, or not yet.
	ResourceUnhealthy = workv1alpha1.ResourceUnhealthy
	// ResourceUnknown means that the interpreter cannot tell.
	ResourceUnknown = workv1alpha1.ResourceUnknown
)
