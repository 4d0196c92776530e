package v1alpha1

import (
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime/schema"
	kubeschedulerv1 "k8s.io/kube-scheduler/config/v1"
)

// GroupVersion is the API group and version of this package's kind.
var GroupVersion = schema.GroupVersion{Group: "scheduler.longshore.dev", Version: "v1alpha1"}

// Kind is the kind of the configuration file.
const Kind = "SchedulerConfiguration"

// +kubebuilder:object:root=true

// SchedulerConfiguration says how longshore-scheduler decides.
type SchedulerConfiguration struct {
	metav1.TypeMeta `json:",inline"`

	// Profiles are ways to decide. A binding is decided by the profile whose name is its schedulerName; bindings that name no profile of this
	// file are left to other schedulers. Without any there is one with the default name and the default plugins.
	// +optional
	Profiles []SchedulerProfile `json:"profiles,omitempty"`
}

// SchedulerProfile is one way to decide.
type SchedulerProfile struct {
	// SchedulerName is the name by which bindings choose the profile. Default: default-scheduler.
	// +optional
	SchedulerName string `json:"schedulerName,omitempty"`
	// Reservations says whether what is decided counts as taken before the members report it.
	// +optional
	Reservations Reservations `json:"reservations,omitempty"`
	// Plugins says which plugins decide, in which order, and what their scores weigh.
	// +optional
	Plugins Plugins `json:"plugins,omitempty"`
	// PluginConfig holds the arguments of plugins by name. A plugin that is not listed gets none.
	// +optional
	PluginConfig []kubeschedulerv1.PluginConfig `json:"pluginConfig,omitempty"`
	// ExternalPlugins are plugins that run outside the scheduler's process. Plugins refers to them by name.
	// +optional
	ExternalPlugins []ExternalPlugin `json:"externalPlugins,omitempty"`
	// Estimators are asked how many replicas fit on the nodes of members. Without them the members' summaries are all that is known.
	// +optional
	Estimators *Estimators `json:"estimators,omitempty"`
	// Shadow decides about the same bindings beside the profile, and only how its decisions differ is told.
	// +optional
	Shadow *Shadow `json:"shadow,omitempty"`
}

// Shadow is another set of plugins. It starts from the default plugins, as a profile does, and takes over nothing from the one that it is the
// shadow of: to make it decide, write its content in place of the profile's.
type Shadow struct {
	// Plugins says which plugins decide, in which order, and what their scores weigh.
	// +optional
	Plugins Plugins `json:"plugins,omitempty"`
	// PluginConfig holds the arguments of plugins by name. A plugin that is not listed gets none.
	// +optional
	PluginConfig []kubeschedulerv1.PluginConfig `json:"pluginConfig,omitempty"`
	// ExternalPlugins are plugins that run outside the scheduler's process, apart from those of the profile, even if they have the same names.
	// +optional
	ExternalPlugins []ExternalPlugin `json:"externalPlugins,omitempty"`
}

// Reservations configures the account of room that is promised and not yet reported as used.
type Reservations struct {
	// Enabled is true by default. With false the room in a member is what the member reports, and two decisions between two reports can take
	// the same room.
	// +optional
	Enabled *bool `json:"enabled,omitempty"`
}

// Plugins is a set of plugins for each extension point, in the shape of kube-scheduler's configuration. Enabled plugins run after the default
// ones, in the order given; a default plugin that is enabled again keeps its place and takes the new weight; to move it, disable it as well.
// Disabled: [{name: "*"}] disables all default ones.
type Plugins struct {
	// Filter plugins refuse clusters.
	// +optional
	Filter kubeschedulerv1.PluginSet `json:"filter,omitempty"`
	// Score plugins rate clusters from 0 to 100. Only here a weight means something; its default is 1.
	// +optional
	Score kubeschedulerv1.PluginSet `json:"score,omitempty"`
	// Estimate plugins say how many replicas fit into a cluster. Of several the lowest known answer counts.
	// +optional
	Estimate kubeschedulerv1.PluginSet `json:"estimate,omitempty"`
	// Select chooses the set of clusters. Exactly one plugin does: one that is enabled takes the place of the default one.
	// +optional
	Select kubeschedulerv1.PluginSet `json:"select,omitempty"`
	// Assign divides the replicas. Exactly one plugin does: one that is enabled takes the place of the default one.
	// +optional
	Assign kubeschedulerv1.PluginSet `json:"assign,omitempty"`
}

// FailurePolicy is what a call of an external plugin means that had no valid answer in time.
type FailurePolicy string

const (
	// FailurePolicyFail makes no decision without the plugin.
	FailurePolicyFail FailurePolicy = "fail"
	// FailurePolicySkip decides as if the plugin did not apply, and says so.
	FailurePolicySkip FailurePolicy = "skip"
)

// ExternalPlugin is a plugin in a process of its own. The scheduler starts the binary at path, or dials what listens at address.
type ExternalPlugin struct {
	// Name is how plugins and pluginConfig refer to it.
	Name string `json:"name"`
	// Path is the absolute path of the binary to run. It excludes address.
	// +optional
	Path string `json:"path,omitempty"`
	// SHA256 is the hash that the binary must have, 64 hexadecimal digits. Empty accepts any.
	// +optional
	SHA256 string `json:"sha256,omitempty"`
	// Args are the arguments of the binary.
	// +optional
	Args []string `json:"args,omitempty"`
	// Environment names the variables of the scheduler's environment that the binary may see. It sees no others.
	// +optional
	Environment []string `json:"environment,omitempty"`
	// PlainSocket leaves out the exchange of certificates with the process, for plugins that are not written in Go. The socket lies in a
	// directory that only the scheduler's user can enter.
	// +optional
	PlainSocket bool `json:"plainSocket,omitempty"`
	// Address is where a plugin listens that somebody else runs: unix:///path, or dns:///host:port, which needs tls. It excludes path.
	// +optional
	Address string `json:"address,omitempty"`
	// TLS names the files for mutual TLS with the plugin at address.
	// +optional
	TLS *TLS `json:"tls,omitempty"`
	// Deadline bounds each call. Default: 1s.
	// +optional
	Deadline metav1.Duration `json:"deadline,omitempty"`
	// StartTimeout bounds a start until the plugin has taken its arguments. Default: 10s.
	// +optional
	StartTimeout metav1.Duration `json:"startTimeout,omitempty"`
	// FailurePolicy is fail or skip. Default: fail.
	// +optional
	FailurePolicy FailurePolicy `json:"failurePolicy,omitempty"`
}

// TLS names PEM files.
type TLS struct {
	// CAFile signed the plugin's certificate.
	CAFile string `json:"caFile"`
	// CertFile is the scheduler's own certificate.
	CertFile string `json:"certFile"`
	// KeyFile is the key of the scheduler's own certificate.
	KeyFile string `json:"keyFile"`
	// ServerName is the name in the plugin's certificate. Default: the host in the address.
	// +optional
	ServerName string `json:"serverName,omitempty"`
}
