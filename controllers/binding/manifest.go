package binding

import (
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	clusterv1alpha1 "github.com/longshore-project/longshore/apis/cluster/v1alpha1"
	policyv1alpha1 "github.com/longshore-project/longshore/apis/policy/v1alpha1"
	workv1alpha1 "github.com/longshore-project/longshore/apis/work/v1alpha1"
	workv1alpha2 "github.com/longshore-project/longshore/apis/work/v1alpha2"
	"github.com/longshore-project/longshore/controllers/interpreter"
	"github.com/longshore-project/longshore/controllers/override"
	"github.com/longshore-project/longshore/scheduler/divide"
	"github.com/longshore-project/longshore/scheduler/framework"
)

// Reviser sets the number of replicas in a manifest, in place; ok is false for kinds without replicas.
type Reviser interface {
	ReviseReplicas(obj *unstructured.Unstructured, replicas int32) (ok bool, err error)
}

// Builder makes the manifests of one binding. Clusters that get the same but for the name of their Work share one
// copy of the template. It is not safe for concurrent use.
type Builder struct {
	template    *unstructured.Unstructured
	binding     workv1alpha2.Binding
	overrides   override.Matched
	reviser     Reviser
	workload    bool
	completions map[string]int64 // nil: the template's own stay
	variants    map[variant]*prepared
}

// variant is what makes manifests differ before overrides.
type variant struct {
	replicas, completions int64
}

// prepared is a manifest but for the values that differ from Work to Work.
type prepared struct {
	fields   map[string]any // top-level fields, encoded, without metadata
	metadata map[string]any
	applied  override.Applied
}

// NewBuilder returns a builder for the binding of template. Both are read-only, and so are the policies in overrides.
func NewBuilder(binding workv1alpha2.Binding, template *unstructured.Unstructured, overrides override.Matched, reviser Reviser) (*Builder, error) {
	spec := binding.BindingSpec()
	b := &Builder{
		template: template, binding: binding, overrides: overrides, reviser: reviser,
		workload: spec.IsWorkload(), variants: map[variant]*prepared{},
	}
	if spec.Placement.ReplicaSchedulingType() != policyv1alpha1.Divided {
		return b, nil
	}
	shares, ok, err := interpreter.DivideCompletions(template, spec.Clusters, apportionFor(string(template.GetUID())))
	if err != nil {
		return nil, err
	}
	if ok {
		b.completions = shares
	}
	return b, nil
}

// apportionFor divides as the scheduler does: names win ties in the order that the template's UID decides.
func apportionFor(uid string) interpreter.Apportion {
	return func(total int64, parties []workv1alpha2.TargetCluster) map[string]int64 {
		parties = slices.Clone(parties)
		slices.SortFunc(parties, func(a, b workv1alpha2.TargetCluster) int { return strings.Compare(a.Name, b.Name) })
		weights := make([]divide.Weight, len(parties))
		for i := range parties {
			weights[i] = divide.Weight(parties[i].Replicas)
		}
		shares := make(map[string]int64, len(parties))
		for i, n := range divide.Apportion(total, weights, divide.OrderFor(framework.DescendingFor(uid))) {
			shares[parties[i].Name] = n
		}
		return shares
	}
}

// Manifest returns the encoded manifest for a cluster and the overrides that were applied to it. workID is the
// permanent id of the Work.
func (b *Builder) Manifest(cluster *clusterv1alpha1.Cluster, target workv1alpha2.TargetCluster, workID string) ([]byte, override.Applied, error) {
	p, err := b.prepare(cluster, target)
	if err != nil {
		return nil, override.Applied{}, err
	}
	raw, err := p.encode(workv1alpha1.ExecutionNamespace(cluster.Name), workID)
	if err != nil {
		return nil, override.Applied{}, fmt.Errorf("encoding the manifest for cluster %s: %w", cluster.Name, err)
	}
	return raw, p.applied, nil
}

func (b *Builder) prepare(cluster *clusterv1alpha1.Cluster, target workv1alpha2.TargetCluster) (*prepared, error) {
	touched, err := b.overrides.Touches(cluster)
	if err != nil {
		return nil, err
	}
	key := b.variantOf(target)
	if shared := b.variants[key]; shared != nil && !touched {
		return shared, nil
	}
	obj, err := b.revised(key)
	if err != nil {
		return nil, err
	}
	var applied override.Applied
	if touched {
		if applied, err = b.overrides.Apply(obj, cluster); err != nil {
			return nil, err
		}
	}
	p, err := b.finish(obj, applied)
	if err == nil && !touched {
		b.variants[key] = p
	}
	return p, err
}

func (b *Builder) variantOf(target workv1alpha2.TargetCluster) variant {
	var v variant
	if b.workload {
		v.replicas = int64(target.Replicas)
	}
	if b.completions != nil {
		v.completions = b.completions[target.Name]
	}
	return v
}

// revised copies the template and sets what was divided over the clusters.
func (b *Builder) revised(v variant) (*unstructured.Unstructured, error) {
	obj := b.template.DeepCopy()
	if b.workload {
		if _, err := b.reviser.ReviseReplicas(obj, int32(v.replicas)); err != nil {
			return nil, err
		}
	}
	if b.completions != nil {
		if err := interpreter.ReviseCompletions(obj, v.completions); err != nil {
			return nil, err
		}
	}
	return obj, nil
}

// finish adds the control plane's labels and annotations, prunes, and records which keys the control plane owns: in
// this order, so that the record is right. The values that differ from Work to Work are filled in by encode.
func (b *Builder) finish(obj *unstructured.Unstructured, applied override.Applied) (*prepared, error) {
	obj.SetLabels(merged(obj.GetLabels(), b.labels()))
	obj.SetAnnotations(merged(obj.GetAnnotations(), b.annotations()))
	interpreter.Prune(obj)

	labels, annotations := obj.GetLabels(), obj.GetAnnotations()
	annotations[workv1alpha1.ManagedLabelsAnnotation] = interpreter.ManagedKeys(labels)
	annotations[workv1alpha1.ManagedAnnotationsAnnotation] = ""
	annotations[workv1alpha1.ManagedAnnotationsAnnotation] = interpreter.ManagedKeys(annotations)
	obj.SetAnnotations(annotations)

	metadata, _ := obj.Object["metadata"].(map[string]any)
	p := &prepared{fields: make(map[string]any, len(obj.Object)), metadata: metadata, applied: applied}
	for key, value := range obj.Object {
		if key == "metadata" {
			continue
		}
		raw, err := json.Marshal(value)
		if err != nil {
			return nil, fmt.Errorf("encoding field %s of %s %s: %w", key, obj.GetKind(), obj.GetName(), err)
		}
		p.fields[key] = json.RawMessage(raw)
	}
	return p, nil
}

// encode fills in what differs from Work to Work; p itself is shared and not changed.
func (p *prepared) encode(namespace, workID string) ([]byte, error) {
	metadata := maps.Clone(p.metadata)
	metadata["labels"] = with(metadata["labels"], workv1alpha1.PermanentIDLabel, workID)
	metadata["annotations"] = with(metadata["annotations"], workv1alpha1.NamespaceAnnotation, namespace)
	object := maps.Clone(p.fields)
	object["metadata"] = metadata
	return json.Marshal(object)
}

func with(m any, key, value string) map[string]any {
	old, _ := m.(map[string]any)
	out := maps.Clone(old)
	if out == nil {
		out = map[string]any{}
	}
	out[key] = value
	return out
}

// labels are what the control plane adds to every manifest of the binding.
func (b *Builder) labels() map[string]string {
	key := idLabel(b.binding)
	return map[string]string{
		workv1alpha1.ManagedLabel:     workv1alpha1.True,
		key:                           b.binding.GetLabels()[key],
		workv1alpha1.PermanentIDLabel: "",
	}
}

// annotations are what the control plane adds to every manifest of the binding.
func (b *Builder) annotations() map[string]string {
	out := backReference(b.binding)
	out[workv1alpha1.TemplateUIDAnnotation] = string(b.template.GetUID())
	if generation := b.template.GetGeneration(); generation > 0 {
		out[workv1alpha1.TemplateGenerationAnnotation] = strconv.FormatInt(generation, 10)
	}
	out[workv1alpha1.NameAnnotation] = workName(b.binding)
	out[workv1alpha1.NamespaceAnnotation] = ""
	out[workv1alpha1.ConflictResolutionAnnotation] = conflictResolution(b.template, b.binding)
	return out
}

// conflictResolution is the template's own wish, or else the binding's.
func conflictResolution(template *unstructured.Unstructured, binding workv1alpha2.Binding) string {
	switch wish := template.GetAnnotations()[workv1alpha1.ConflictResolutionAnnotation]; {
	case wish == workv1alpha1.ConflictResolutionAbort, wish == workv1alpha1.ConflictResolutionOverwrite:
		return wish
	case binding.BindingSpec().ConflictResolution == policyv1alpha1.ConflictOverwrite:
		return workv1alpha1.ConflictResolutionOverwrite
	default:
		return workv1alpha1.ConflictResolutionAbort
	}
}

// backReference leads from a Work or manifest to the binding.
func backReference(b workv1alpha2.Binding) map[string]string {
	if b.GetNamespace() == "" {
		return map[string]string{workv1alpha2.ClusterBindingNameAnnotation: b.GetName()}
	}
	return map[string]string{
		workv1alpha2.BindingNamespaceAnnotation: b.GetNamespace(),
		workv1alpha2.BindingNameAnnotation:      b.GetName(),
	}
}

func idLabel(b workv1alpha2.Binding) string {
	if b.GetNamespace() == "" {
		return workv1alpha2.ClusterBindingPermanentIDLabel
	}
	return workv1alpha2.BindingPermanentIDLabel
}

func workName(b workv1alpha2.Binding) string {
	r := &b.BindingSpec().Resource
	return workv1alpha1.WorkName(r.Namespace, r.Name, r.Kind)
}

// merged returns base with extra on top; base is changed.
func merged(base, extra map[string]string) map[string]string {
	if base == nil {
		return extra
	}
	maps.Copy(base, extra)
	return base
}
