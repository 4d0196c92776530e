package v1alpha1

// FailoverBehavior says when and how replicas leave a cluster.
type FailoverBehavior struct {
	// Application moves replicas away from a cluster where the application is unhealthy. Nil means that it stays.
	// +optional
	Application *ApplicationFailoverBehavior `json:"application,omitempty"`
	// Cluster says how replicas leave a cluster because of a NoExecute taint. Nil means Gracefully.
	// +optional
	Cluster *ClusterFailoverBehavior `json:"cluster,omitempty"`
}

// ApplicationFailoverBehavior says when an unhealthy application is moved and what becomes of the old replicas.
//
// +kubebuilder:validation:XValidation:rule="!has(self.gracePeriodSeconds) || self.purgeMode == 'Gracefully'",message="gracePeriodSeconds has a meaning only with purgeMode Gracefully: remove gracePeriodSeconds, or set purgeMode to Gracefully"
type ApplicationFailoverBehavior struct {
	// DecisionConditions say when the application has failed.
	// +required
	DecisionConditions DecisionConditions `json:"decisionConditions"`
	// PurgeMode says how the failed replicas are removed.
	// +kubebuilder:default=Gracefully
	// +kubebuilder:validation:Enum=Directly;Gracefully;Never
	// +optional
	PurgeMode PurgeMode `json:"purgeMode,omitempty"`
	// GracePeriodSeconds is how long the old replicas may stay until the new ones are healthy; only with purgeMode Gracefully.
	// Nil means DefaultGracePeriodSeconds: read it through EffectiveGracePeriodSeconds.
	// +kubebuilder:validation:Minimum=1
	// +optional
	GracePeriodSeconds *int32 `json:"gracePeriodSeconds,omitempty"`
	// StatePreservation carries state of the failed application to the new cluster. Nil carries nothing.
	// +optional
	StatePreservation *StatePreservation `json:"statePreservation,omitempty"`
}

// DecisionConditions say when an application has failed.
type DecisionConditions struct {
	// TolerationSeconds is how long the health Unhealthy is tolerated. Nil means DefaultTolerationSeconds.
	// +kubebuilder:default=300
	// +kubebuilder:validation:Minimum=0
	// +optional
	TolerationSeconds *int32 `json:"tolerationSeconds,omitempty"`
}

const (
	// DefaultTolerationSeconds is how long an unhealthy application is tolerated.
	DefaultTolerationSeconds int32 = 300
	// DefaultGracePeriodSeconds is how long replicas may stay where they fail.
	DefaultGracePeriodSeconds int32 = 600
)

// ClusterFailoverBehavior says how replicas leave a cluster because of a NoExecute taint.
type ClusterFailoverBehavior struct {
	// PurgeMode says how the replicas are removed.
	// +kubebuilder:default=Gracefully
	// +kubebuilder:validation:Enum=Directly;Gracefully
	// +optional
	PurgeMode PurgeMode `json:"purgeMode,omitempty"`
	// StatePreservation carries state of the application to the new cluster. Nil carries nothing.
	// +optional
	StatePreservation *StatePreservation `json:"statePreservation,omitempty"`
}

// PurgeMode says how replicas are removed from a cluster that they leave.
type PurgeMode string

const (
	// PurgeDirectly removes the old replicas at once.
	PurgeDirectly PurgeMode = "Directly"
	// PurgeGracefully removes the old replicas when the new ones are healthy or the grace period has passed.
	PurgeGracefully PurgeMode = "Gracefully"
	// PurgeNever leaves the old replicas to the user.
	PurgeNever PurgeMode = "Never"
)

// StatePreservation carries state to the new cluster as labels of the new object.
type StatePreservation struct {
	// Rules name the pieces of state. At most 100.
	// +kubebuilder:validation:MaxItems=100
	// +listType=atomic
	// +required
	Rules []StatePreservationRule `json:"rules"`
}

// StatePreservationRule copies one value of the member object's status into a label.
type StatePreservationRule struct {
	// AliasLabelName is the key of the label on the new object.
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=317
	// +kubebuilder:validation:Pattern=`^([a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*/)?[A-Za-z0-9]([-A-Za-z0-9_.]{0,61}[A-Za-z0-9])?$`
	// +required
	AliasLabelName string `json:"aliasLabelName"`
	// JSONPath finds the value, relative to the member object's status, such as {.jobID}.
	// +kubebuilder:validation:MinLength=1
	// +required
	JSONPath string `json:"jsonPath"`
}

// EffectiveGracePeriodSeconds returns how long the old replicas may stay, and whether there is such a time at all: there is none unless
// PurgeMode is Gracefully or empty.
func (a *ApplicationFailoverBehavior) EffectiveGracePeriodSeconds() (seconds int32, ok bool) {
	switch {
	case a.PurgeMode != PurgeGracefully && a.PurgeMode != "":
		return 0, false
	case a.GracePeriodSeconds == nil:
		return DefaultGracePeriodSeconds, true
	default:
		return *a.GracePeriodSeconds, true
	}
}
