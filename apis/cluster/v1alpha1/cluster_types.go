package v1alpha1

import (
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/resource"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

// Cluster is a member of the fleet: how to reach it, where it stands, and what it last reported.
//
// +kubebuilder:object:root=true
// +kubebuilder:resource:scope=Cluster,categories=karmada-io
// +kubebuilder:subresource:status
// +kubebuilder:printcolumn:name="Version",type=string,JSONPath=`.status.kubernetesVersion`
// +kubebuilder:printcolumn:name="Mode",type=string,JSONPath=`.spec.syncMode`
// +kubebuilder:printcolumn:name="Ready",type=string,JSONPath=`.status.conditions[?(@.type=="Ready")].status`
// +kubebuilder:printcolumn:name="Age",type=date,JSONPath=`.metadata.creationTimestamp`
// +kubebuilder:printcolumn:name="Zones",type=string,priority=1,JSONPath=`.spec.zones`
// +kubebuilder:printcolumn:name="Region",type=string,priority=1,JSONPath=`.spec.region`
// +kubebuilder:printcolumn:name="Provider",type=string,priority=1,JSONPath=`.spec.provider`
// +kubebuilder:printcolumn:name="API-Endpoint",type=string,priority=1,JSONPath=`.spec.apiEndpoint`
// +kubebuilder:printcolumn:name="Proxy-URL",type=string,priority=1,JSONPath=`.spec.proxyURL`
// +kubebuilder:validation:XValidation:rule="size(self.metadata.name) <= 48 && self.metadata.name.matches('^[a-z0-9]([-a-z0-9]*[a-z0-9])?$')",message="metadata.name of a Cluster must have at most 48 characters and consist of lower case letters, digits and '-' (no dots), because it becomes part of the namespace karmada-es-<name>"
type Cluster struct {
	metav1.TypeMeta   `json:",inline"`
	metav1.ObjectMeta `json:"metadata,omitempty"`

	// Spec is written by who joins the member, and by the taint controllers.
	// +required
	Spec ClusterSpec `json:"spec"`
	// Status is what was last collected from the member.
	// +optional
	Status ClusterStatus `json:"status,omitempty"`
}

// ClusterList is a list of Cluster.
//
// +kubebuilder:object:root=true
type ClusterList struct {
	metav1.TypeMeta `json:",inline"`
	metav1.ListMeta `json:"metadata,omitempty"`
	Items           []Cluster `json:"items"`
}

// SyncMode says which side opens the connection between control plane and member.
//
// +kubebuilder:validation:Enum=Push;Pull
type SyncMode string

const (
	// Push means that the control plane connects to the member.
	Push SyncMode = "Push"
	// Pull means that an agent inside the member connects to the control plane.
	Pull SyncMode = "Pull"
)

// ClusterSpec says how to reach a member and where it stands.
//
// +kubebuilder:validation:XValidation:rule="!has(self.zone) || !has(self.zones) || size(self.zones) == 0 || self.zones == [self.zone]",message="zone and zones are mutually exclusive: remove the deprecated zone and list it in zones"
type ClusterSpec struct {
	// ID tells two members apart even if one is renamed; a second member with the same ID is refused by join. Empty means not yet known:
	// it is filled from the ClusterProperty cluster.clusterset.k8s.io or else from the UID of the member's kube-system namespace.
	// +kubebuilder:validation:MaxLength=128000
	// +optional
	ID string `json:"id,omitempty"`
	// SyncMode says which side opens the connection.
	// +required
	SyncMode SyncMode `json:"syncMode"`
	// APIEndpoint is the URL of the member's API server. Empty means that the member cannot be reached from the control plane.
	// +optional
	APIEndpoint string `json:"apiEndpoint,omitempty"`
	// SecretRef names the Secret with the keys token and caBundle which the control plane uses to reach the member.
	// +optional
	SecretRef *LocalSecretReference `json:"secretRef,omitempty"`
	// ImpersonatorSecretRef names the Secret with the token that may impersonate users when requests are proxied to the member.
	// +optional
	ImpersonatorSecretRef *LocalSecretReference `json:"impersonatorSecretRef,omitempty"`
	// InsecureSkipTLSVerification accepts any certificate of the member's API server; caBundle is then ignored.
	// +optional
	InsecureSkipTLSVerification bool `json:"insecureSkipTLSVerification,omitempty"`
	// ProxyURL is the proxy on the way to APIEndpoint: http, https or socks5. Empty means a direct connection.
	// +kubebuilder:validation:Pattern=`^(https?|socks5)://.+`
	// +optional
	ProxyURL string `json:"proxyURL,omitempty"`
	// ProxyHeader is sent to the proxy with each connection. A value may hold several header values separated by commas.
	// +optional
	ProxyHeader map[string]string `json:"proxyHeader,omitempty"`
	// Provider is who runs the member, a valid label value. Empty means unknown.
	// +kubebuilder:validation:MaxLength=63
	// +kubebuilder:validation:Pattern=`^([A-Za-z0-9]([-A-Za-z0-9_.]*[A-Za-z0-9])?)?$`
	// +optional
	Provider string `json:"provider,omitempty"`
	// Region is where the member stands, a valid label value. Empty means unknown.
	// +kubebuilder:validation:MaxLength=63
	// +kubebuilder:validation:Pattern=`^([A-Za-z0-9]([-A-Za-z0-9_.]*[A-Za-z0-9])?)?$`
	// +optional
	Region string `json:"region,omitempty"`
	// Zone is the member's only zone.
	//
	// Deprecated: use Zones; readers use EffectiveZones, which accepts both.
	// +kubebuilder:validation:MaxLength=63
	// +kubebuilder:validation:Pattern=`^([A-Za-z0-9]([-A-Za-z0-9_.]*[A-Za-z0-9])?)?$`
	// +optional
	Zone string `json:"zone,omitempty"`
	// Zones are all zones over which the member's nodes spread, each a valid label value. At most 256.
	// +kubebuilder:validation:MaxItems=256
	// +kubebuilder:validation:items:MaxLength=63
	// +kubebuilder:validation:items:Pattern=`^([A-Za-z0-9]([-A-Za-z0-9_.]*[A-Za-z0-9])?)?$`
	// +optional
	Zones []string `json:"zones,omitempty"`
	// Taints keep away bindings that do not tolerate them. Key and effect together are unique. At most 256.
	// +kubebuilder:validation:MaxItems=256
	// +kubebuilder:validation:XValidation:rule="self.all(t, t.effect == 'NoSchedule' || t.effect == 'PreferNoSchedule' || t.effect == 'NoExecute')",message="effect of a taint must be NoSchedule, PreferNoSchedule or NoExecute"
	// +kubebuilder:validation:XValidation:rule="self.all(t, t.key != '')",message="a taint needs a key"
	// +listType=map
	// +listMapKey=key
	// +listMapKey=effect
	// +optional
	Taints []corev1.Taint `json:"taints,omitempty"`
	// ResourceModels classify the member's nodes by their size. Empty means DefaultResourceModels. At most 64 grades.
	// +kubebuilder:validation:MaxItems=64
	// +kubebuilder:validation:XValidation:rule="self.all(m, self.exists_one(n, n.grade == m.grade))",message="every grade of resourceModels must be listed once: give each model its own grade"
	// +kubebuilder:validation:XValidation:rule="self.all(m, m.ranges.all(r, self[0].ranges.exists(s, s.name == r.name)) && size(m.ranges) == size(self[0].ranges))",message="all resourceModels must list the same resources in ranges"
	// +listType=atomic
	// +optional
	ResourceModels []ResourceModel `json:"resourceModels,omitempty"`
}

// LocalSecretReference names a Secret in the control plane.
type LocalSecretReference struct {
	// Namespace of the Secret.
	// +required
	Namespace string `json:"namespace"`
	// Name of the Secret.
	// +required
	Name string `json:"name"`
}

// ResourceModel is one class of nodes.
type ResourceModel struct {
	// Grade orders the classes: 0 is the smallest.
	// +kubebuilder:validation:Minimum=0
	// +required
	Grade int32 `json:"grade"`
	// Ranges hold the bounds of the class for each resource. At most 16.
	// +kubebuilder:validation:MaxItems=16
	// +listType=atomic
	// +required
	Ranges []ResourceModelRange `json:"ranges"`
}

// ResourceModelRange is a half-open interval [Min, Max) of one resource's allocatable amount on a node.
type ResourceModelRange struct {
	// Name of the resource, such as cpu.
	// +kubebuilder:validation:Type=string
	// +kubebuilder:validation:MaxLength=317
	// +required
	Name corev1.ResourceName `json:"name"`
	// Min is the smallest amount in the class. In the lowest grade it is read as 0.
	// +required
	Min resource.Quantity `json:"min"`
	// Max is the first amount above the class. In the highest grade it is read as unlimited.
	// +required
	Max resource.Quantity `json:"max"`
}

// ClusterStatus is what was last collected from a member.
type ClusterStatus struct {
	// KubernetesVersion is the gitVersion of the member's API server. Empty means never collected.
	// +optional
	KubernetesVersion string `json:"kubernetesVersion,omitempty"`
	// APIEnablements are the resources that the member serves. Whether the list is whole is said by condition CompleteAPIEnablements.
	// +listType=atomic
	// +optional
	APIEnablements []APIEnablement `json:"apiEnablements,omitempty"`
	// Conditions hold Ready, CompleteAPIEnablements and what external detectors add.
	// +listType=map
	// +listMapKey=type
	// +optional
	Conditions []metav1.Condition `json:"conditions,omitempty"`
	// NodeSummary counts the member's nodes. Nil means never collected.
	// +optional
	NodeSummary *NodeSummary `json:"nodeSummary,omitempty"`
	// ResourceSummary adds up the member's resources. Nil means never collected, which is not the same as no capacity.
	// +optional
	ResourceSummary *ResourceSummary `json:"resourceSummary,omitempty"`
	// RemedyActions are the remedies in force, such as TrafficControl.
	// +listType=atomic
	// +optional
	RemedyActions []string `json:"remedyActions,omitempty"`
}

// APIEnablement is what a member serves in one group and version.
type APIEnablement struct {
	// GroupVersion such as apps/v1.
	// +required
	GroupVersion string `json:"groupVersion"`
	// Resources served in it.
	// +listType=atomic
	// +optional
	Resources []APIResource `json:"resources,omitempty"`
}

// APIResource is one served resource.
type APIResource struct {
	// Name is the plural name, such as deployments.
	// +required
	Name string `json:"name"`
	// Kind such as Deployment.
	// +required
	Kind string `json:"kind"`
}

// NodeSummary counts nodes.
type NodeSummary struct {
	// TotalNum counts all nodes.
	// +optional
	TotalNum int32 `json:"totalNum,omitempty"`
	// ReadyNum counts the ready ones.
	// +optional
	ReadyNum int32 `json:"readyNum,omitempty"`
}

// ResourceSummary adds up the resources of a member.
type ResourceSummary struct {
	// Allocatable is the sum over the nodes that count.
	// +optional
	Allocatable corev1.ResourceList `json:"allocatable,omitempty"`
	// Allocating is what pods without a node request.
	// +optional
	Allocating corev1.ResourceList `json:"allocating,omitempty"`
	// Allocated is what pods with a node request.
	// +optional
	Allocated corev1.ResourceList `json:"allocated,omitempty"`
	// AllocatableModelings counts the nodes in each class of spec.resourceModels.
	// +listType=atomic
	// +optional
	AllocatableModelings []AllocatableModeling `json:"allocatableModelings,omitempty"`
}

// AllocatableModeling counts the nodes whose free resources fall into one class.
type AllocatableModeling struct {
	// Grade of the class, as in spec.resourceModels.
	// +kubebuilder:validation:Minimum=0
	// +required
	Grade int32 `json:"grade"`
	// Count of nodes.
	// +kubebuilder:validation:Minimum=0
	// +required
	Count int32 `json:"count"`
}

// EffectiveZones returns every zone of the member: Zones, or the deprecated Zone if Zones is empty. Nil means that no zone is known.
// The result shares memory with s.
func (s *ClusterSpec) EffectiveZones() []string {
	if len(s.Zones) == 0 && s.Zone != "" {
		return []string{s.Zone}
	}
	return s.Zones
}
