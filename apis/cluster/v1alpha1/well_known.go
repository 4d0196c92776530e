package v1alpha1

// ClusterFinalizer stays on a Cluster: it is removed after the member's execution namespace and everything placed in the member is gone.
const ClusterFinalizer = "karmada.io/cluster-controller"

// MaxNameLength is the greatest length of a Cluster's name, so that names derived from it stay inside the limit of 63 characters.
const MaxNameLength = 48

// Keys of taints on a Cluster.
const (
	// TaintNotReady is put on a member whose condition Ready is False. Its effect is NoSchedule.
	TaintNotReady = "cluster.karmada.io/not-ready"
	// TaintUnreachable is put on a member whose condition Ready is Unknown. Its effect is NoSchedule.
	TaintUnreachable = "cluster.karmada.io/unreachable"
	// TaintUnschedulable is put on a member by hand (longshore cordon) so that nothing new is placed there. Its effect is NoSchedule.
	TaintUnschedulable = "cluster.karmada.io/unschedulable"
)

// Keys of the Secrets that a Cluster refers to.
const (
	// SecretTokenKey holds the bearer token for the member's API server.
	SecretTokenKey = "token"
	// SecretCABundleKey holds the PEM certificates which the member's API server is checked against.
	SecretCABundleKey = "caBundle"
)

// PropertyClusterID is the name of the ClusterProperty in a member which, if present, holds its ID.
const PropertyClusterID = "cluster.clusterset.k8s.io"

// Types of the conditions of a Cluster.
const (
	// ConditionReady is True while the member's API server answers that it is healthy.
	ConditionReady = "Ready"
	// ConditionCompleteAPIEnablements is True if status.apiEnablements lists everything the member serves.
	ConditionCompleteAPIEnablements = "CompleteAPIEnablements"
	// ConditionServiceDomainNameResolutionReady is written by an external detector inside the member.
	ConditionServiceDomainNameResolutionReady = "ServiceDomainNameResolutionReady"
)

// Reasons of condition Ready.
const (
	// ReasonClusterReady (True): the member's health endpoint says ok.
	ReasonClusterReady = "ClusterReady"
	// ReasonClusterNotReady (False): the member answers that it is not healthy.
	ReasonClusterNotReady = "ClusterNotReady"
	// ReasonClusterNotReachable (False): the member does not answer.
	ReasonClusterNotReachable = "ClusterNotReachable"
	// ReasonStatusCollectionFailed (False): the member is healthy, but its state could not be read.
	ReasonStatusCollectionFailed = "StatusCollectionFailed"
	// ReasonClusterStatusUnknown (Unknown): the status was not refreshed within the grace period.
	ReasonClusterStatusUnknown = "ClusterStatusUnknown"
	// ReasonClusterStatusNeverUpdated (Unknown): the status was never written since the member joined.
	ReasonClusterStatusNeverUpdated = "ClusterStatusNeverUpdated"
)

// Reasons of condition CompleteAPIEnablements.
const (
	// ReasonAPIEnablementsComplete (True): every group answered.
	ReasonAPIEnablementsComplete = "Complete"
	// ReasonAPIEnablementsPartial (False): some groups did not answer.
	ReasonAPIEnablementsPartial = "Partial"
	// ReasonAPIEnablementsEmpty (False): no group answered.
	ReasonAPIEnablementsEmpty = "Empty"
)

// Reasons of events on a Cluster: …Succeed is Normal, …Failed is Warning.
const (
	EventCreateExecutionSpaceSucceed    = "CreateExecutionSpaceSucceed"
	EventCreateExecutionSpaceFailed     = "CreateExecutionSpaceFailed"
	EventRemoveExecutionSpaceSucceed    = "RemoveExecutionSpaceSucceed"
	EventRemoveExecutionSpaceFailed     = "RemoveExecutionSpaceFailed"
	EventTaintClusterSucceed            = "TaintClusterSucceed"
	EventTaintClusterFailed             = "TaintClusterFailed"
	EventSyncImpersonationConfigSucceed = "SyncImpersonationConfigSucceed"
	EventSyncImpersonationConfigFailed  = "SyncImpersonationConfigFailed"
)
