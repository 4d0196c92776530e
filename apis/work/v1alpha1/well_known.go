package v1alpha1

// WorkFinalizer stays on a Work until the member's objects are removed, or are to be preserved.
const WorkFinalizer = "karmada.io/execution-controller"

// Labels and annotations of Works, and of the manifests and member objects made from them.
const (
	// PermanentIDLabel holds the UUID of a Work, on the Work and on the member objects.
	PermanentIDLabel = "work.karmada.io/permanent-id"
	// NameAnnotation and NamespaceAnnotation lead back from a manifest or member object to its Work.
	NameAnnotation      = "work.karmada.io/name"
	NamespaceAnnotation = "work.karmada.io/namespace"
	// ConflictResolutionAnnotation holds ConflictResolutionAbort or ConflictResolutionOverwrite, on a template (by the user), a Work or a
	// manifest.
	ConflictResolutionAnnotation = "work.karmada.io/conflict-resolution"
	// AppliedOverridesAnnotation, on a Work, holds the JSON list [{policyName, overriders}] of the OverridePolicies that changed its
	// manifest, sorted by name.
	AppliedOverridesAnnotation = "policy.karmada.io/applied-overrides"
	// AppliedClusterOverridesAnnotation is the same for ClusterOverridePolicies.
	AppliedClusterOverridesAnnotation = "policy.karmada.io/applied-cluster-overrides"
	// ManagedLabel with value True marks member objects that belong to the control plane.
	ManagedLabel = "karmada.io/managed"
	// SystemLabel with value True marks objects of the control plane itself, such as execution namespaces.
	SystemLabel = "karmada.io/system"
)

// Values of ConflictResolutionAnnotation.
const (
	// ConflictResolutionAbort leaves an object alone that the control plane does not manage.
	ConflictResolutionAbort = "abort"
	// ConflictResolutionOverwrite adopts it.
	ConflictResolutionOverwrite = "overwrite"
)

// True is the value of labels that mark an object.
const True = "true"

// Labels and annotations that lead from a Work or manifest to a template, or steer a template.
const (
	// TemplateUIDAnnotation, on a manifest, holds the template's UID.
	TemplateUIDAnnotation = "resourcetemplate.karmada.io/uid"
	// TemplateGenerationAnnotation, on a manifest, holds the template's generation; it is left out if that is 0.
	TemplateGenerationAnnotation = "resourcetemplate.karmada.io/generation"
	// ManagedLabelsAnnotation, on a manifest, holds the sorted keys, separated by commas, of the labels that the control plane owns.
	ManagedLabelsAnnotation = "resourcetemplate.karmada.io/managed-labels"
	// ManagedAnnotationsAnnotation is the same for annotations.
	ManagedAnnotationsAnnotation = "resourcetemplate.karmada.io/managed-annotations"
	// RetainReplicasLabel with value True, on a Deployment template, keeps the member's spec.replicas.
	RetainReplicasLabel = "resourcetemplate.karmada.io/retain-replicas"
	// ClaimedByLabel, if not empty, says that another API owns the template, so that policies ignore it.
	ClaimedByLabel = "resourcetemplate.karmada.io/claimed-by"
	// DeletionProtectedLabel with value DeletionProtectedAlways refuses deletion of the template.
	DeletionProtectedLabel = "resourcetemplate.karmada.io/deletion-protected"
	// DeletionProtectedAlways is the only value of DeletionProtectedLabel with a meaning.
	DeletionProtectedAlways = "Always"
)

// Labels of a Work that holds a member's share of a FederatedResourceQuota.
const (
	QuotaNamespaceLabel = "federatedresourcequota.karmada.io/namespace"
	QuotaNameLabel      = "federatedresourcequota.karmada.io/name"
)

// Types of the conditions of a Work.
const (
	// ConditionApplied is True if the member accepted every manifest.
	ConditionApplied = "Applied"
	// ConditionDispatching is False while pushing to the member is suspended.
	ConditionDispatching = "Dispatching"
)

// Reasons of the conditions of a Work.
const (
	// ReasonAppliedSuccessful (Applied is True).
	ReasonAppliedSuccessful = "AppliedSuccessful"
	// ReasonAppliedFailed (Applied is False): the message holds the number applied, the total, and the errors.
	ReasonAppliedFailed = "AppliedFailed"
	// ReasonDispatching (Dispatching is True).
	ReasonDispatching = "Dispatching"
	// ReasonSuspendDispatching (Dispatching is False).
	ReasonSuspendDispatching = "SuspendDispatching"
)

// Reasons of events on a Work, the first three also on its template: …Failed is Warning, the others are Normal.
const (
	EventSyncSucceed            = "SyncSucceed"
	EventSyncFailed             = "SyncFailed"
	EventWorkDispatching        = "WorkDispatching"
	EventReflectStatusSucceed   = "ReflectStatusSucceed"
	EventReflectStatusFailed    = "ReflectStatusFailed"
	EventInterpretHealthSucceed = "InterpretHealthSucceed"
	EventInterpretHealthFailed  = "InterpretHealthFailed"
)

// Namespaces of the control plane itself. Nothing in them is a template.
const (
	// SystemNamespace holds the control plane's own components.
	SystemNamespace = "karmada-system"
	// ClusterNamespace holds the Secrets of members.
	ClusterNamespace = "karmada-cluster"
	// ExecutionNamespacePrefix begins the name of each member's execution namespace.
	ExecutionNamespacePrefix = "karmada-es-"
)
