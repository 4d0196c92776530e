package v1alpha2

// Finalizers of bindings.
const (
	// BindingFinalizer stays on a ResourceBinding until its Works are removed.
	BindingFinalizer = "karmada.io/binding-controller"
	// ClusterBindingFinalizer stays on a ClusterResourceBinding until its Works are removed.
	ClusterBindingFinalizer = "karmada.io/cluster-resource-binding-controller"
	// DependenciesFinalizer stays on a ResourceBinding with dependencies until their bindings no longer refer to it.
	DependenciesFinalizer = "karmada.io/binding-dependencies-distributor"
)

// Labels and annotations of bindings and of what is made from them.
const (
	// BindingPermanentIDLabel holds the UUID of a ResourceBinding: on itself, its Works, manifests and member objects.
	BindingPermanentIDLabel = "resourcebinding.karmada.io/permanent-id"
	// ClusterBindingPermanentIDLabel is the same for a ClusterResourceBinding.
	ClusterBindingPermanentIDLabel = "clusterresourcebinding.karmada.io/permanent-id"
	// BindingNamespaceAnnotation and BindingNameAnnotation lead from a Work or manifest to its ResourceBinding.
	BindingNamespaceAnnotation = "resourcebinding.karmada.io/namespace"
	BindingNameAnnotation      = "resourcebinding.karmada.io/name"
	// ClusterBindingNameAnnotation leads from a Work or manifest to its ClusterResourceBinding.
	ClusterBindingNameAnnotation = "clusterresourcebinding.karmada.io/name"
	// DependedByLabelPrefix begins the label, on the binding of a dependency, of a binding that needs it: see DependedByLabel.
	DependedByLabelPrefix = "resourcebinding.karmada.io/depended-by-"
	// DependenciesAnnotation holds the JSON list of references to the objects that a binding's template needs.
	DependenciesAnnotation = "resourcebinding.karmada.io/dependencies"
	// ManagedByLabel names the API that made a binding without a policy; such a binding is scheduled too.
	ManagedByLabel = "binding.karmada.io/managed-by"
	// AppliedPlacementAnnotation holds the JSON of the placement of the last successful decision.
	AppliedPlacementAnnotation = "policy.karmada.io/applied-placement"
)

// Types of the conditions of a binding.
const (
	// ConditionScheduled is True if spec.clusters is the decision for the present spec.
	ConditionScheduled = "Scheduled"
	// ConditionFullyApplied is True if every cluster that should have the template, and no other, reports that it is applied.
	ConditionFullyApplied = "FullyApplied"
)

// Reasons of condition Scheduled.
const (
	// ReasonSuccess (True).
	ReasonSuccess = "Success"
	// ReasonNoClusterFit (False): no cluster passes the filters.
	ReasonNoClusterFit = "NoClusterFit"
	// ReasonUnschedulable (False): the clusters that fit cannot hold the replicas.
	ReasonUnschedulable = "Unschedulable"
	// ReasonSchedulerError (False): the scheduler could not decide; it tries again.
	ReasonSchedulerError = "SchedulerError"
	// ReasonQuotaExceeded (False): a FederatedResourceQuota refuses the decision.
	ReasonQuotaExceeded = "QuotaExceeded"
)

// Reasons of condition FullyApplied.
const (
	// ReasonFullyAppliedSuccess (True).
	ReasonFullyAppliedSuccess = "FullyAppliedSuccess"
	// ReasonFullyAppliedFailed (False): something is missing, refused, or not scheduled.
	ReasonFullyAppliedFailed = "FullyAppliedFailed"
)

// Reasons of events on a binding, most of them also on its template: …Succeed is Normal, the others are Warning.
const (
	EventScheduleBindingSucceed                  = "ScheduleBindingSucceed"
	EventScheduleBindingFailed                   = "ScheduleBindingFailed"
	EventDescheduleBindingSucceed                = "DescheduleBindingSucceed"
	EventDescheduleBindingFailed                 = "DescheduleBindingFailed"
	EventEvictWorkloadFromClusterSucceed         = "EvictWorkloadFromClusterSucceed"
	EventEvictWorkloadFromClusterFailed          = "EvictWorkloadFromClusterFailed"
	EventSyncWorkSucceed                         = "SyncWorkSucceed"
	EventSyncWorkFailed                          = "SyncWorkFailed"
	EventAggregateStatusSucceed                  = "AggregateStatusSucceed"
	EventAggregateStatusFailed                   = "AggregateStatusFailed"
	EventCleanupWorkFailed                       = "CleanupWorkFailed"
	EventSyncScheduleResultToDependenciesSucceed = "SyncScheduleResultToDependenciesSucceed"
	EventSyncScheduleResultToDependenciesFailed  = "SyncScheduleResultToDependenciesFailed"
	EventDependencyPolicyConflict                = "DependencyPolicyConflict"
)
