package v1alpha1

import (
	apiextensionsv1 "k8s.io/apiextensions-apiserver/pkg/apis/apiextensions/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

// OverridePolicy changes templates of its own namespace on their way to a member.
//
// +kubebuilder:object:root=true
// +kubebuilder:resource:scope=Namespaced,shortName=op,categories=karmada-io
type OverridePolicy struct {
	metav1.TypeMeta   `json:",inline"`
	metav1.ObjectMeta `json:"metadata,omitempty"`

	// Spec says what is changed. A selector's namespace must be empty, which means the policy's own, or name the policy's own.
	// +required
	Spec OverrideSpec `json:"spec"`
}

// OverridePolicyList is a list of OverridePolicy.
//
// +kubebuilder:object:root=true
type OverridePolicyList struct {
	metav1.TypeMeta `json:",inline"`
	metav1.ListMeta `json:"metadata,omitempty"`
	Items           []OverridePolicy `json:"items"`
}

// ClusterOverridePolicy changes templates of any namespace, and cluster-scoped ones, on their way to a member. It is applied before every
// OverridePolicy.
//
// +kubebuilder:object:root=true
// +kubebuilder:resource:scope=Cluster,shortName=cop,categories=karmada-io
type ClusterOverridePolicy struct {
	metav1.TypeMeta   `json:",inline"`
	metav1.ObjectMeta `json:"metadata,omitempty"`

	// Spec says what is changed.
	// +required
	Spec OverrideSpec `json:"spec"`
}

// ClusterOverridePolicyList is a list of ClusterOverridePolicy.
//
// +kubebuilder:object:root=true
type ClusterOverridePolicyList struct {
	metav1.TypeMeta `json:",inline"`
	metav1.ListMeta `json:"metadata,omitempty"`
	Items           []ClusterOverridePolicy `json:"items"`
}

// OverrideSpec says which templates are changed, for which members and how.
//
// +kubebuilder:validation:XValidation:rule="!has(self.overrideRules) || size(self.overrideRules) == 0 || !has(self.targetCluster)",message="targetCluster is the deprecated form of overrideRules: move it into an entry of overrideRules"
// +kubebuilder:validation:XValidation:rule="!has(self.overrideRules) || size(self.overrideRules) == 0 || !has(self.overriders) || !(has(self.overriders.plaintext) || has(self.overriders.imageOverrider) || has(self.overriders.commandOverrider) || has(self.overriders.argsOverrider) || has(self.overriders.labelsOverrider) || has(self.overriders.annotationsOverrider) || has(self.overriders.fieldOverrider))",message="overriders is the deprecated form of overrideRules: move it into an entry of overrideRules"
type OverrideSpec struct {
	// ResourceSelectors say which templates are changed: those which any selector matches. Empty means all, in a namespaced policy all of
	// its namespace. At most 1000.
	// +kubebuilder:validation:MaxItems=1000
	// +listType=atomic
	// +optional
	ResourceSelectors []ResourceSelector `json:"resourceSelectors,omitempty"`
	// OverrideRules are applied in this order.
	// +listType=atomic
	// +optional
	OverrideRules []RuleWithCluster `json:"overrideRules,omitempty"`
	// TargetCluster picks the members for Overriders.
	//
	// Deprecated: use OverrideRules; readers use EffectiveRules, which accepts both.
	// +optional
	TargetCluster *ClusterAffinity `json:"targetCluster,omitempty"`
	// Overriders are the changes for TargetCluster.
	//
	// Deprecated: use OverrideRules; readers use EffectiveRules, which accepts both.
	// +optional
	Overriders *Overriders `json:"overriders,omitempty"`
}

// RuleWithCluster changes manifests for some members.
type RuleWithCluster struct {
	// TargetCluster picks the members. Nil means all.
	// +optional
	TargetCluster *ClusterAffinity `json:"targetCluster,omitempty"`
	// Overriders are the changes.
	// +required
	Overriders Overriders `json:"overriders"`
}

// Overriders are changes of a manifest, applied in this order: image, command, args, labels, annotations, field, plaintext.
type Overriders struct {
	// Plaintext changes any field by JSON patch.
	// +listType=atomic
	// +optional
	Plaintext []PlaintextOverrider `json:"plaintext,omitempty"`
	// ImageOverrider changes parts of image references.
	// +listType=atomic
	// +optional
	ImageOverrider []ImageOverrider `json:"imageOverrider,omitempty"`
	// CommandOverrider changes commands of containers.
	// +listType=atomic
	// +optional
	CommandOverrider []CommandArgsOverrider `json:"commandOverrider,omitempty"`
	// ArgsOverrider changes arguments of containers.
	// +listType=atomic
	// +optional
	ArgsOverrider []CommandArgsOverrider `json:"argsOverrider,omitempty"`
	// LabelsOverrider changes the manifest's own labels.
	// +listType=atomic
	// +optional
	LabelsOverrider []LabelAnnotationOverrider `json:"labelsOverrider,omitempty"`
	// AnnotationsOverrider changes the manifest's own annotations.
	// +listType=atomic
	// +optional
	AnnotationsOverrider []LabelAnnotationOverrider `json:"annotationsOverrider,omitempty"`
	// FieldOverrider changes a JSON or YAML document that is held in a string field.
	// +listType=atomic
	// +optional
	FieldOverrider []FieldOverrider `json:"fieldOverrider,omitempty"`
}

// OverriderOperator is what an overrider does with its value.
type OverriderOperator string

const (
	// OverriderAdd adds the value.
	OverriderAdd OverriderOperator = "add"
	// OverriderRemove removes what is there.
	OverriderRemove OverriderOperator = "remove"
	// OverriderReplace replaces what is there.
	OverriderReplace OverriderOperator = "replace"
)

// PlaintextOverrider is one operation of a JSON patch (RFC 6902).
type PlaintextOverrider struct {
	// Path is a JSON pointer (RFC 6901) into the manifest.
	// +required
	Path string `json:"path"`
	// Operator is what is done at Path.
	// +kubebuilder:validation:Enum=add;remove;replace
	// +required
	Operator OverriderOperator `json:"operator"`
	// Value is any JSON value. Nil means none, which add and replace refuse when the policy is applied.
	// +optional
	Value *apiextensionsv1.JSON `json:"value,omitempty"`
}

// ImageOverrider changes one part of image references.
type ImageOverrider struct {
	// Predicate picks the image. Nil means the image of every entry of containers, in the native kinds that run pods.
	// +optional
	Predicate *ImagePredicate `json:"predicate,omitempty"`
	// Component is the part that is changed.
	// +required
	Component ImageComponent `json:"component"`
	// Operator is what is done: add appends Value to the part, replace sets it, remove clears it.
	// +kubebuilder:validation:Enum=add;remove;replace
	// +required
	Operator OverriderOperator `json:"operator"`
	// Value is the text for add and replace.
	// +optional
	Value string `json:"value,omitempty"`
}

// ImagePredicate picks an image.
type ImagePredicate struct {
	// Path is a JSON pointer to the one string that holds the image.
	// +required
	Path string `json:"path"`
}

// ImageComponent is a part of an image reference.
//
// +kubebuilder:validation:Enum=Registry;Repository;Tag
type ImageComponent string

const (
	// ImageRegistry is the leading host, if there is one.
	ImageRegistry ImageComponent = "Registry"
	// ImageRepository is the path after the registry.
	ImageRepository ImageComponent = "Repository"
	// ImageTag is the tag or the digest.
	ImageTag ImageComponent = "Tag"
)

// CommandArgsOverrider changes the command or the arguments of containers.
type CommandArgsOverrider struct {
	// ContainerName picks the containers.
	// +required
	ContainerName string `json:"containerName"`
	// Operator is add, which appends Value, or remove, which drops every element equal to one of Value.
	// +kubebuilder:validation:Enum=add;remove
	// +required
	Operator OverriderOperator `json:"operator"`
	// Value holds the elements.
	// +listType=atomic
	// +optional
	Value []string `json:"value,omitempty"`
}

// LabelAnnotationOverrider changes labels or annotations.
type LabelAnnotationOverrider struct {
	// Operator is add, which creates or overwrites, replace, which overwrites keys that exist, or remove, which drops keys that exist.
	// +kubebuilder:validation:Enum=add;remove;replace
	// +required
	Operator OverriderOperator `json:"operator"`
	// Value holds the keys and values; remove looks at the keys only.
	// +required
	Value map[string]string `json:"value"`
}

// FieldOverrider changes a JSON or YAML document that is held in a string field.
//
// +kubebuilder:validation:XValidation:rule="(has(self.json) && size(self.json) > 0) != (has(self.yaml) && size(self.yaml) > 0)",message="a fieldOverrider reads its field either as JSON or as YAML: set exactly one of json and yaml"
type FieldOverrider struct {
	// FieldPath is a JSON pointer (RFC 6901) to the string field.
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:Pattern=`^/.*`
	// +required
	FieldPath string `json:"fieldPath"`
	// JSON reads the field as JSON and patches that.
	// +listType=atomic
	// +optional
	JSON []DocumentPatch `json:"json,omitempty"`
	// YAML reads the field as YAML and patches that.
	// +listType=atomic
	// +optional
	YAML []DocumentPatch `json:"yaml,omitempty"`
}

// DocumentPatch is one change of the document in a field.
type DocumentPatch struct {
	// SubPath is a JSON pointer (RFC 6901) into the document.
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:Pattern=`^/.*`
	// +required
	SubPath string `json:"subPath"`
	// Operator is what is done at SubPath.
	// +kubebuilder:validation:Enum=add;remove;replace
	// +required
	Operator OverriderOperator `json:"operator"`
	// Value is any JSON value: add and replace need one, remove must not have one. That is checked when the policy is applied, because a
	// CRD rule cannot see a value of any type.
	// +optional
	Value *apiextensionsv1.JSON `json:"value,omitempty"`
}
