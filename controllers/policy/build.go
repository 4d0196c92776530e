package policy

import (
	"fmt"
	"maps"
	"slices"

	"github.com/google/uuid"
	"k8s.io/apimachinery/pkg/api/equality"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/utils/ptr"

	policyv1alpha1 "github.com/longshore-project/longshore/apis/policy/v1alpha1"
	workv1alpha2 "github.com/longshore-project/longshore/apis/work/v1alpha2"
)

// Inputs are what a binding is built from. All objects are read-only.
type Inputs struct {
	Template *unstructured.Unstructured
	// Policy claims the template.
	Policy policyv1alpha1.Policy
	// Replicas and Requirements are what the interpreter reads from the template; 0 and nil if the kind has none.
	Replicas     int32
	Requirements *workv1alpha2.ReplicaRequirements
	// Priority is the value of the PriorityClass that the policy names; nil if it names none.
	Priority *int32
}

// OwnedByAnotherError says that the binding's name is taken by the binding of another object: usually the previous
// template of that name, until the garbage collector has removed it.
type OwnedByAnotherError struct {
	Binding string
	Owner   metav1.OwnerReference
}

// Error implements error.
func (e *OwnedByAnotherError) Error() string {
	return fmt.Sprintf("binding %s belongs to %s %s with UID %s: it is rebuilt once that object and its binding are gone",
		e.Binding, e.Owner.Kind, e.Owner.Name, e.Owner.UID)
}

// NewBinding returns a new binding: complete, so that creating it is one write.
func NewBinding(in Inputs) workv1alpha2.Binding {
	binding := empty(in.Template.GetNamespace())
	binding.SetNamespace(in.Template.GetNamespace())
	binding.SetName(workv1alpha2.BindingName(in.Template.GetName(), in.Template.GetKind()))
	fill(binding, in)
	return binding
}

// UpdateBinding returns the binding with everything that comes from template and policy renewed and all else kept, and
// whether that changes anything. existing is not changed; the result may share memory with it. The error is an
// [OwnedByAnotherError] if the binding belongs to another object.
func UpdateBinding(existing workv1alpha2.Binding, in Inputs) (updated workv1alpha2.Binding, changed bool, err error) {
	if owner := metav1.GetControllerOf(existing); owner != nil && owner.UID != in.Template.GetUID() {
		return nil, false, &OwnedByAnotherError{Binding: existing.GetName(), Owner: *owner}
	}
	updated = shallow(existing)
	fill(updated, in)
	// The template's resourceVersion is recorded when something else is written and never worth a write of its own.
	if equalButResourceVersion(existing, updated) {
		return existing, false, nil
	}
	return updated, true, nil
}

// ReleaseBinding returns the binding without its claim, and whether that changes anything.
func ReleaseBinding(existing workv1alpha2.Binding) (released workv1alpha2.Binding, changed bool) {
	released = shallow(existing)
	setClaim(released, Claim{})
	return released, !sameMetadata(metadataOf(existing), metadataOf(released))
}

func empty(namespace string) workv1alpha2.Binding {
	if namespace == "" {
		return &workv1alpha2.ClusterResourceBinding{}
	}
	return &workv1alpha2.ResourceBinding{}
}

// shallow copies a binding so that fields can be replaced, but not edited in place.
func shallow(b workv1alpha2.Binding) workv1alpha2.Binding {
	switch b := b.(type) {
	case *workv1alpha2.ResourceBinding:
		c := *b
		return &c
	case *workv1alpha2.ClusterResourceBinding:
		c := *b
		return &c
	default:
		panic(fmt.Sprintf("unknown kind of binding %T", b))
	}
}

// fill replaces every field that template and policy determine.
func fill(b workv1alpha2.Binding, in Inputs) {
	setClaim(b, Claim{ID: permanentID(in.Policy), Policy: KeyOf(in.Policy)})
	setIdentity(b)
	setOwner(b, in.Template)

	from, spec := in.Policy.PropagationSpec(), b.BindingSpec()
	spec.Resource = workv1alpha2.ObjectReference{
		APIVersion:      in.Template.GetAPIVersion(),
		Kind:            in.Template.GetKind(),
		Namespace:       in.Template.GetNamespace(),
		Name:            in.Template.GetName(),
		UID:             in.Template.GetUID(),
		ResourceVersion: in.Template.GetResourceVersion(),
	}
	spec.Replicas, spec.ReplicaRequirements = in.Replicas, in.Requirements
	spec.PropagateDeps = from.PropagatesDependencies()
	spec.Placement = &from.Placement
	spec.SchedulerName = from.SchedulerName
	if spec.SchedulerName == "" {
		spec.SchedulerName = policyv1alpha1.DefaultSchedulerName
	}
	spec.Failover = from.Failover
	spec.ConflictResolution = from.ConflictResolution
	if spec.ConflictResolution == "" {
		spec.ConflictResolution = policyv1alpha1.ConflictAbort
	}
	spec.Suspension = suspension(from.Suspension, spec.Suspension)
	spec.PreserveResourcesOnDeletion = from.PreserveResourcesOnDeletion
	spec.SchedulePriority = nil
	if in.Priority != nil {
		spec.SchedulePriority = &workv1alpha2.SchedulePriority{Priority: *in.Priority}
	}
	spec.WorkloadAffinityGroups = affinityGroups(from.Placement.WorkloadAffinity, in.Template.GetLabels())
}

// suspension takes dispatching from the policy and keeps scheduling, which belongs to others.
func suspension(fromPolicy *policyv1alpha1.Suspension, existing *workv1alpha2.Suspension) *workv1alpha2.Suspension {
	out := &workv1alpha2.Suspension{}
	if fromPolicy != nil {
		out.Suspension = *fromPolicy
	}
	if existing != nil {
		out.Scheduling = existing.Scheduling
	}
	if fromPolicy == nil && out.Scheduling == nil {
		return nil
	}
	return out
}

func affinityGroups(affinity *policyv1alpha1.WorkloadAffinity, labels map[string]string) *workv1alpha2.WorkloadAffinityGroups {
	if affinity == nil {
		return nil
	}
	var groups workv1alpha2.WorkloadAffinityGroups
	if affinity.Affinity != nil {
		groups.AffinityGroup = group(affinity.Affinity.GroupByLabelKey, labels)
	}
	if affinity.AntiAffinity != nil {
		groups.AntiAffinityGroup = group(affinity.AntiAffinity.GroupByLabelKey, labels)
	}
	if groups == (workv1alpha2.WorkloadAffinityGroups{}) {
		return nil
	}
	return &groups
}

func group(key string, labels map[string]string) string {
	value, ok := labels[key]
	if !ok {
		return ""
	}
	return key + "=" + value
}

func setClaim(b workv1alpha2.Binding, claim Claim) {
	b.SetLabels(replaced(b.GetLabels(), claim.labels(), claimLabels))
	b.SetAnnotations(replaced(b.GetAnnotations(), claim.annotations(), claimAnnotations))
}

// replaced returns m with the given keys taken from want alone; m itself is not changed.
func replaced(m, want map[string]string, keys []string) map[string]string {
	out := maps.Clone(m)
	for _, key := range keys {
		delete(out, key)
	}
	if out == nil && len(want) > 0 {
		out = map[string]string{}
	}
	maps.Copy(out, want)
	return out
}

// setIdentity gives the binding its permanent id and finalizer unless it has them.
func setIdentity(b workv1alpha2.Binding) {
	label, finalizer := workv1alpha2.BindingPermanentIDLabel, workv1alpha2.BindingFinalizer
	if b.GetNamespace() == "" {
		label, finalizer = workv1alpha2.ClusterBindingPermanentIDLabel, workv1alpha2.ClusterBindingFinalizer
	}
	if b.GetLabels()[label] == "" {
		b.SetLabels(replaced(b.GetLabels(), map[string]string{label: uuid.NewString()}, nil))
	}
	if !slices.Contains(b.GetFinalizers(), finalizer) {
		b.SetFinalizers(append(slices.Clone(b.GetFinalizers()), finalizer))
	}
}

// setOwner makes the template the controlling owner, so that the binding goes when the template does.
func setOwner(b workv1alpha2.Binding, template *unstructured.Unstructured) {
	if metav1.IsControlledBy(b, template) {
		return
	}
	b.SetOwnerReferences(append(slices.Clone(b.GetOwnerReferences()), metav1.OwnerReference{
		APIVersion:         template.GetAPIVersion(),
		Kind:               template.GetKind(),
		Name:               template.GetName(),
		UID:                template.GetUID(),
		Controller:         ptr.To(true),
		BlockOwnerDeletion: ptr.To(true),
	}))
}

type bindingMetadata struct {
	labels, annotations map[string]string
	finalizers          []string
	owners              []metav1.OwnerReference
}

func metadataOf(b workv1alpha2.Binding) bindingMetadata {
	return bindingMetadata{labels: b.GetLabels(), annotations: b.GetAnnotations(), finalizers: b.GetFinalizers(), owners: b.GetOwnerReferences()}
}

func equalButResourceVersion(a, b workv1alpha2.Binding) bool {
	if !sameMetadata(metadataOf(a), metadataOf(b)) {
		return false
	}
	x, y := *a.BindingSpec(), *b.BindingSpec()
	x.Resource.ResourceVersion, y.Resource.ResourceVersion = "", ""
	return equality.Semantic.DeepEqual(&x, &y)
}

func sameMetadata(a, b bindingMetadata) bool {
	return maps.Equal(a.labels, b.labels) && maps.Equal(a.annotations, b.annotations) &&
		slices.Equal(a.finalizers, b.finalizers) && equality.Semantic.DeepEqual(a.owners, b.owners)
}
