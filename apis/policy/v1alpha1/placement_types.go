package v1alpha1

import (
	corev1 "k8s.io/api/core/v1"
)

// Placement says which clusters are chosen and how the replicas are shared among them. The zero value puts a full copy in every cluster.
//
// +kubebuilder:validation:XValidation:rule="!(has(self.clusterAffinity) && has(self.clusterAffinities) && size(self.clusterAffinities) > 0)",message="clusterAffinity and clusterAffinities are mutually exclusive: write clusterAffinity as the first term of clusterAffinities, or remove clusterAffinities"
// +kubebuilder:validation:XValidation:rule="!has(self.clusterAffinities) || self.clusterAffinities.all(t, !has(t.overflowAffinities) || size(t.overflowAffinities) == 0) || (has(self.replicaScheduling) && self.replicaScheduling.replicaSchedulingType == 'Divided' && ((has(self.replicaScheduling.replicaDivisionPreference) && self.replicaScheduling.replicaDivisionPreference == 'Aggregated') || (has(self.replicaScheduling.weightPreference) && has(self.replicaScheduling.weightPreference.dynamicWeight))))",message="overflowAffinities need replicas that can be divided by free capacity: set replicaScheduling to Divided with Aggregated, or to Divided with Weighted and weightPreference.dynamicWeight AvailableReplicas"
type Placement struct {
	// ClusterAffinity picks the candidate clusters. Nil means all. It excludes ClusterAffinities.
	// +optional
	ClusterAffinity *ClusterAffinity `json:"clusterAffinity,omitempty"`
	// ClusterAffinities are groups of candidate clusters, tried in this order until one can hold the replicas. At most 64.
	// +kubebuilder:validation:MaxItems=64
	// +kubebuilder:validation:XValidation:rule="self.all(a, self.exists_one(b, b.affinityName == a.affinityName))",message="every affinityName of clusterAffinities must be used once: give each term its own name"
	// +listType=atomic
	// +optional
	ClusterAffinities []ClusterAffinityTerm `json:"clusterAffinities,omitempty"`
	// ClusterTolerations let the templates run in clusters with matching taints. At most 256.
	// +kubebuilder:validation:MaxItems=256
	// +kubebuilder:validation:XValidation:rule="self.all(t, !has(t.operator) || t.operator == '' || t.operator == 'Exists' || t.operator == 'Equal')",message="operator of a clusterToleration must be Exists or Equal: cluster taints cannot be compared with Lt or Gt"
	// +kubebuilder:validation:XValidation:rule="self.all(t, (has(t.key) && t.key != '') || (has(t.operator) && t.operator == 'Exists'))",message="a clusterToleration without a key must have operator Exists, which tolerates every taint"
	// +kubebuilder:validation:XValidation:rule="self.all(t, !has(t.operator) || t.operator != 'Exists' || !has(t.value) || t.value == '')",message="a clusterToleration with operator Exists must not have a value: remove value, or use operator Equal"
	// +kubebuilder:validation:XValidation:rule="self.all(t, !has(t.effect) || t.effect == '' || t.effect == 'NoSchedule' || t.effect == 'PreferNoSchedule' || t.effect == 'NoExecute')",message="effect of a clusterToleration must be NoSchedule, PreferNoSchedule or NoExecute, or empty for all of them"
	// +kubebuilder:validation:XValidation:rule="self.all(t, !has(t.tolerationSeconds) || (has(t.effect) && t.effect == 'NoExecute'))",message="tolerationSeconds of a clusterToleration has a meaning only with effect NoExecute: set effect to NoExecute, or remove tolerationSeconds"
	// +listType=atomic
	// +optional
	ClusterTolerations []corev1.Toleration `json:"clusterTolerations,omitempty"`
	// SpreadConstraints are all enforced together. At most 32.
	// +kubebuilder:validation:MaxItems=32
	// +kubebuilder:validation:XValidation:rule="['cluster', 'region', 'zone', 'provider'].all(f, self.filter(c, (has(c.spreadByField) ? c.spreadByField : (has(c.spreadByLabel) ? '' : 'cluster')) == f).size() <= 1)",message="spreadConstraints must not use the same spreadByField twice (an entry without spreadByField and spreadByLabel means cluster): merge the entries into one"
	// +listType=atomic
	// +optional
	SpreadConstraints []SpreadConstraint `json:"spreadConstraints,omitempty"`
	// ReplicaScheduling says how replicas are shared. Nil means Duplicated.
	// +optional
	ReplicaScheduling *ReplicaSchedulingStrategy `json:"replicaScheduling,omitempty"`
	// WorkloadAffinity places templates relative to each other. Nil means independently.
	// +optional
	WorkloadAffinity *WorkloadAffinity `json:"workloadAffinity,omitempty"`
}

// ClusterAffinityTerm is one group of candidate clusters, with spill-over tiers.
//
// +kubebuilder:validation:XValidation:rule="!has(self.overflowAffinities) || size(self.overflowAffinities) == 0 || has(self.labelSelector) || has(self.fieldSelector) || (has(self.clusterNames) && size(self.clusterNames) > 0) || (has(self.exclude) && size(self.exclude) > 0)",message="a term with overflowAffinities must pick its primary clusters: set labelSelector, fieldSelector, clusterNames or exclude beside overflowAffinities"
// +kubebuilder:validation:XValidation:rule="!has(self.overflowAffinities) || self.overflowAffinities.all(o, o.affinityName != self.affinityName && self.overflowAffinities.exists_one(p, p.affinityName == o.affinityName))",message="every affinityName of overflowAffinities must differ from the others and from the term's own affinityName"
type ClusterAffinityTerm struct {
	// AffinityName names the group: 1 to 32 characters, a valid label key, unique in the placement.
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=32
	// +kubebuilder:validation:Pattern=`^([a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*/)?[A-Za-z0-9]([-A-Za-z0-9_.]*[A-Za-z0-9])?$`
	// +required
	AffinityName string `json:"affinityName"`

	ClusterAffinity `json:",inline"`

	// OverflowAffinities are tiers of further clusters, used in this order for the replicas that the primary group cannot hold. At most 32.
	// +kubebuilder:validation:MaxItems=32
	// +listType=atomic
	// +optional
	OverflowAffinities []OverflowTerm `json:"overflowAffinities,omitempty"`
}

// OverflowTerm is one spill-over tier.
type OverflowTerm struct {
	// AffinityName names the tier: 1 to 32 characters, a valid label key, unique in the term.
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=32
	// +kubebuilder:validation:Pattern=`^([a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*/)?[A-Za-z0-9]([-A-Za-z0-9_.]*[A-Za-z0-9])?$`
	// +required
	AffinityName string `json:"affinityName"`

	ClusterAffinity `json:",inline"`
}

// SpreadConstraint bounds the number of groups over which the chosen clusters spread.
//
// +kubebuilder:validation:XValidation:rule="!(has(self.spreadByField) && has(self.spreadByLabel) && size(self.spreadByLabel) > 0)",message="spreadByField and spreadByLabel are mutually exclusive: write one spreadConstraint for each"
// +kubebuilder:validation:XValidation:rule="!has(self.maxGroups) || self.maxGroups == 0 || self.maxGroups >= self.minGroups",message="minGroups must not exceed maxGroups: lower minGroups, raise maxGroups, or remove maxGroups to have no upper bound"
type SpreadConstraint struct {
	// SpreadByField groups clusters by a field. Empty means cluster, unless SpreadByLabel is set: read it through EffectiveField.
	// +optional
	SpreadByField SpreadField `json:"spreadByField,omitempty"`
	// SpreadByLabel groups clusters by the value of a label of the Cluster.
	// +kubebuilder:validation:MaxLength=317
	// +kubebuilder:validation:Pattern=`^(([a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*/)?[A-Za-z0-9]([-A-Za-z0-9_.]{0,61}[A-Za-z0-9])?)?$`
	// +optional
	SpreadByLabel string `json:"spreadByLabel,omitempty"`
	// MinGroups is the least number of groups. 0 means 1: read it through EffectiveMinGroups.
	// +kubebuilder:default=1
	// +kubebuilder:validation:Minimum=0
	// +optional
	MinGroups int `json:"minGroups,omitempty"`
	// MaxGroups is the greatest number of groups. 0 means no upper bound.
	// +kubebuilder:validation:Minimum=0
	// +optional
	MaxGroups int `json:"maxGroups,omitempty"`
}

// SpreadField is a field of a Cluster by which clusters are grouped.
//
// +kubebuilder:validation:Enum=cluster;region;zone;provider
type SpreadField string

const (
	// SpreadByCluster makes each cluster a group.
	SpreadByCluster SpreadField = "cluster"
	// SpreadByRegion groups by Cluster.spec.region.
	SpreadByRegion SpreadField = "region"
	// SpreadByZone groups by Cluster.spec.zones; a cluster in several zones belongs to several groups.
	SpreadByZone SpreadField = "zone"
	// SpreadByProvider groups by Cluster.spec.provider.
	SpreadByProvider SpreadField = "provider"
)

// ReplicaSchedulingStrategy says how replicas are shared among the chosen clusters.
type ReplicaSchedulingStrategy struct {
	// ReplicaSchedulingType says whether replicas are copied or divided.
	// +kubebuilder:default=Divided
	// +optional
	ReplicaSchedulingType ReplicaSchedulingType `json:"replicaSchedulingType,omitempty"`
	// ReplicaDivisionPreference says how replicas are divided; only for Divided, where empty means Weighted: read it through
	// Placement.DivisionPreference.
	// +optional
	ReplicaDivisionPreference ReplicaDivisionPreference `json:"replicaDivisionPreference,omitempty"`
	// WeightPreference holds the weights; only for Weighted, where nil means equal weights.
	// +optional
	WeightPreference *ClusterPreferences `json:"weightPreference,omitempty"`
}

// ReplicaSchedulingType says whether replicas are copied or divided.
//
// +kubebuilder:validation:Enum=Duplicated;Divided
type ReplicaSchedulingType string

const (
	// Duplicated gives every chosen cluster all replicas.
	Duplicated ReplicaSchedulingType = "Duplicated"
	// Divided shares the replicas among the chosen clusters.
	Divided ReplicaSchedulingType = "Divided"
)

// ReplicaDivisionPreference says how replicas are divided.
//
// +kubebuilder:validation:Enum=Aggregated;Weighted
type ReplicaDivisionPreference string

const (
	// Aggregated uses as few clusters as can hold the replicas.
	Aggregated ReplicaDivisionPreference = "Aggregated"
	// Weighted divides by weight.
	Weighted ReplicaDivisionPreference = "Weighted"
)

// ClusterPreferences hold the weights for dividing replicas.
type ClusterPreferences struct {
	// StaticWeightList gives clusters fixed weights. It is ignored if DynamicWeight is set.
	// +listType=atomic
	// +optional
	StaticWeightList []StaticClusterWeight `json:"staticWeightList,omitempty"`
	// DynamicWeight derives the weights from the clusters' state. Empty means StaticWeightList.
	// +optional
	DynamicWeight DynamicWeightFactor `json:"dynamicWeight,omitempty"`
}

// StaticClusterWeight gives all clusters that it picks the same weight.
type StaticClusterWeight struct {
	// TargetCluster picks the clusters.
	// +required
	TargetCluster ClusterAffinity `json:"targetCluster"`
	// Weight is at least 1. Where several entries pick a cluster, the greatest weight holds.
	// +kubebuilder:validation:Minimum=1
	// +required
	Weight int64 `json:"weight"`
}

// DynamicWeightFactor is what dynamic weights are derived from.
//
// +kubebuilder:validation:Enum=AvailableReplicas
type DynamicWeightFactor string

// DynamicWeightByAvailableReplicas weighs each cluster by how many more replicas it can hold.
const DynamicWeightByAvailableReplicas DynamicWeightFactor = "AvailableReplicas"

// WorkloadAffinity places templates relative to each other, by the value of one of their labels.
//
// +kubebuilder:validation:XValidation:rule="!has(self.affinity) || !has(self.antiAffinity) || self.affinity.groupByLabelKey != self.antiAffinity.groupByLabelKey",message="affinity and antiAffinity with the same groupByLabelKey contradict each other: use two different label keys"
type WorkloadAffinity struct {
	// Affinity puts templates with the same label value into the same clusters. Nil means no such wish.
	// +optional
	Affinity *WorkloadAffinityTerm `json:"affinity,omitempty"`
	// AntiAffinity puts templates with the same label value into different clusters. Nil means no such wish.
	// +optional
	AntiAffinity *WorkloadAffinityTerm `json:"antiAffinity,omitempty"`
}

// WorkloadAffinityTerm names the label that groups templates.
type WorkloadAffinityTerm struct {
	// GroupByLabelKey is a key of the templates' own labels.
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=317
	// +kubebuilder:validation:Pattern=`^([a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*/)?[A-Za-z0-9]([-A-Za-z0-9_.]{0,61}[A-Za-z0-9])?$`
	// +required
	GroupByLabelKey string `json:"groupByLabelKey"`
}
