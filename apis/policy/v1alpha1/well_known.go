package v1alpha1

// Finalizers of policies.
const (
	// PropagationPolicyFinalizer stays on a PropagationPolicy until its claims are removed from templates and bindings.
	PropagationPolicyFinalizer = "karmada.io/propagation-policy-controller"
	// ClusterPropagationPolicyFinalizer is the same for a ClusterPropagationPolicy.
	ClusterPropagationPolicyFinalizer = "karmada.io/cluster-propagation-policy-controller"
)

// A policy claims a template by one label and the annotations, on the template, its binding and its manifests.
const (
	// PropagationPolicyPermanentIDLabel holds the UUID of the claiming PropagationPolicy, which carries the label too.
	PropagationPolicyPermanentIDLabel = "propagationpolicy.karmada.io/permanent-id"
	// PropagationPolicyNamespaceAnnotation and PropagationPolicyNameAnnotation name the claiming PropagationPolicy.
	PropagationPolicyNamespaceAnnotation = "propagationpolicy.karmada.io/namespace"
	PropagationPolicyNameAnnotation      = "propagationpolicy.karmada.io/name"
	// ClusterPropagationPolicyPermanentIDLabel holds the UUID of the claiming ClusterPropagationPolicy, which carries the label too.
	ClusterPropagationPolicyPermanentIDLabel = "clusterpropagationpolicy.karmada.io/permanent-id"
	// ClusterPropagationPolicyNameAnnotation names the claiming ClusterPropagationPolicy.
	ClusterPropagationPolicyNameAnnotation = "clusterpropagationpolicy.karmada.io/name"
)

// SkipAutoPropagationLabel with value "true", on a Namespace, keeps it out of the members.
const SkipAutoPropagationLabel = "namespace.karmada.io/skip-auto-propagation"

// Reasons of events on a template: …Succeed is Normal, …Failed is Warning.
const (
	EventApplyPolicySucceed         = "ApplyPolicySucceed"
	EventApplyPolicyFailed          = "ApplyPolicyFailed"
	EventPreemptPolicySucceed       = "PreemptPolicySucceed"
	EventPreemptPolicyFailed        = "PreemptPolicyFailed"
	EventGetDependenciesSucceed     = "GetDependenciesSucceed"
	EventGetDependenciesFailed      = "GetDependenciesFailed"
	EventGetReplicasSucceed         = "GetReplicasSucceed"
	EventGetReplicasFailed          = "GetReplicasFailed"
	EventGetComponentsSucceed       = "GetComponentsSucceed"
	EventGetComponentsFailed        = "GetComponentsFailed"
	EventApplyOverridePolicySucceed = "ApplyOverridePolicySucceed"
	EventApplyOverridePolicyFailed  = "ApplyOverridePolicyFailed"
)

// Reasons of events on a FederatedResourceQuota: …Succeed is Normal, …Failed is Warning.
const (
	EventQuotaSyncWorkSucceed             = "SyncWorkSucceed"
	EventQuotaSyncWorkFailed              = "SyncWorkFailed"
	EventQuotaAggregateStatusSucceed      = "AggregateStatusSucceed"
	EventQuotaAggregateStatusFailed       = "AggregateStatusFailed"
	EventQuotaCollectOverallStatusSucceed = "CollectOverallStatusSucceed"
	EventQuotaCollectOverallStatusFailed  = "CollectOverallStatusFailed"
)
