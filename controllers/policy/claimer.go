package policy

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"

	corev1 "k8s.io/api/core/v1"
	schedulingv1 "k8s.io/api/scheduling/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/client-go/metadata"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/reconcile"

	policyv1alpha1 "github.com/longshore-project/longshore/apis/policy/v1alpha1"
	workv1alpha2 "github.com/longshore-project/longshore/apis/work/v1alpha2"
	"github.com/longshore-project/longshore/controllers/template"
)

// claimer is the controller with one key per template.
type claimer struct {
	client   client.Client      // reads from the cache
	metadata metadata.Interface // writes claims on templates of any kind
	store    *template.Store
	replicas Replicas
	catalog  *Catalog
	waiting  *waiting
	triggers *triggers
	announce *announcer[template.Ref]
	options  Options
}

// blockedError is a cause that the user can cure: it is told as an event on the template.
type blockedError struct {
	notice notice
	retry  bool // nothing wakes the template when the cause is gone, so it must be tried again
}

func (e *blockedError) Error() string { return e.notice.note }

// Reconcile brings the claim of one template, and its binding, to what the policies say.
func (c *claimer) Reconcile(ctx context.Context, ref template.Ref) (reconcile.Result, error) {
	trigger := c.triggers.take(ref)
	err := c.reconcile(ctx, ref, trigger)
	if err != nil {
		c.triggers.add(ref, trigger)
	}
	return reconcile.Result{}, err
}

func (c *claimer) reconcile(ctx context.Context, ref template.Ref, trigger Trigger) error {
	obj, err := c.store.Get(ref)
	if apierrors.IsNotFound(err) {
		return c.forget(ctx, ref)
	}
	if err != nil {
		return err
	}
	if obj.GetDeletionTimestamp() != nil {
		c.waiting.remove(ref)
		return nil
	}
	// Wait first and decide then: a policy that arrives in between finds the template in the list.
	c.waiting.add(ref)
	decision := c.catalog.Decide(obj, trigger, c.options.Preemption)
	err = c.act(ctx, ref, obj, decision, trigger)
	blocked, isBlocked := errors.AsType[*blockedError](err)
	if !decision.Waits && !isBlocked {
		c.waiting.remove(ref)
	}
	if !isBlocked {
		return err
	}
	c.announce.warn(ref, obj, blocked.notice)
	if blocked.retry {
		return err
	}
	return nil
}

// forget drops what is remembered of a template that is gone. Its binding goes with it, but a claim of a policy that
// is being deleted must not keep the policy until then.
func (c *claimer) forget(ctx context.Context, ref template.Ref) error {
	c.waiting.remove(ref)
	c.announce.settle(ref)
	binding, err := c.binding(ctx, ref)
	if err != nil || binding == nil {
		return err
	}
	claim := ClaimOf(binding)
	if record := c.catalog.Get(claim.Policy); claim == (Claim{}) || record != nil && record.Policy.GetDeletionTimestamp() == nil {
		return nil
	}
	return c.releaseBinding(ctx, binding)
}

func (c *claimer) act(ctx context.Context, ref template.Ref, obj *unstructured.Unstructured, d Decision, trigger Trigger) error {
	switch d.Action {
	case Apply:
		return c.apply(ctx, ref, obj, d, trigger)
	case Release:
		return c.release(ctx, ref, obj)
	default:
		return nil
	}
}

func (c *claimer) release(ctx context.Context, ref template.Ref, obj *unstructured.Unstructured) error {
	if _, err := c.claim(ctx, obj, Claim{}); err != nil {
		return err
	}
	binding, err := c.binding(ctx, ref)
	if err != nil || binding == nil {
		return err
	}
	return c.releaseBinding(ctx, binding)
}

func (c *claimer) releaseBinding(ctx context.Context, binding workv1alpha2.Binding) error {
	released, changed := ReleaseBinding(binding)
	if !changed {
		return nil
	}
	return c.patch(ctx, binding, released)
}

// apply claims the template and writes the binding. What the binding needs is gathered first, so that nothing is
// written when something is missing.
func (c *claimer) apply(ctx context.Context, ref template.Ref, obj *unstructured.Unstructured, d Decision, trigger Trigger) error {
	in, err := c.gather(ctx, obj, d.Policy)
	if err != nil {
		return err
	}
	claimed, err := c.claim(ctx, obj, Claim{ID: permanentID(d.Policy), Policy: KeyOf(d.Policy)})
	if err != nil {
		return err
	}
	if !postpones(d.Policy, trigger) {
		if err := c.write(ctx, ref, in); err != nil {
			return err
		}
	}
	if recovered := c.announce.settle(ref); claimed || recovered {
		c.announce.emit(obj, applied(d.Policy))
	}
	if d.Preempted != (Key{}) {
		c.announce.emit(obj, preempted(d.Policy, d.Preempted))
	}
	return nil
}

func (c *claimer) gather(ctx context.Context, obj *unstructured.Unstructured, p policyv1alpha1.Policy) (Inputs, error) {
	if err := c.checkOverrides(ctx, p); err != nil {
		return Inputs{}, err
	}
	priority, err := c.priority(ctx, p.PropagationSpec().SchedulePriority)
	if err != nil {
		return Inputs{}, err
	}
	replicas, requirements, _, err := c.replicas.Replicas(obj)
	if err != nil {
		return Inputs{}, &blockedError{notice: replicasFailed(fmt.Errorf("reading the replicas of the template: %w", err))}
	}
	return Inputs{
		Template: obj, Policy: p, Replicas: replicas, Requirements: requirements,
		Priority: priority, WorkloadAffinity: c.options.WorkloadAffinity,
	}, nil
}

// checkOverrides reports the first override policy that the policy waits for. Its creation wakes the template.
func (c *claimer) checkOverrides(ctx context.Context, p policyv1alpha1.Policy) error {
	for _, name := range p.PropagationSpec().DependentOverrides {
		var override client.Object = &policyv1alpha1.ClusterOverridePolicy{}
		kind := "ClusterOverridePolicy"
		if p.GetNamespace() != "" {
			override, kind = &policyv1alpha1.OverridePolicy{}, "OverridePolicy"
		}
		key := types.NamespacedName{Namespace: p.GetNamespace(), Name: name}
		err := c.client.Get(ctx, key, override, client.UnsafeDisableDeepCopy)
		if apierrors.IsNotFound(err) {
			return &blockedError{notice: applyFailed(fmt.Errorf("policy %s waits for the %s %s that its dependentOverrides name: create it, or remove the name", KeyOf(p), kind, key.Name))}
		}
		if err != nil {
			return fmt.Errorf("reading %s %s: %w", kind, key, err)
		}
	}
	return nil
}

func (c *claimer) priority(ctx context.Context, from *policyv1alpha1.SchedulePriority) (*int32, error) {
	if from == nil {
		return nil, nil
	}
	var class schedulingv1.PriorityClass
	err := c.client.Get(ctx, types.NamespacedName{Name: from.PriorityClassName}, &class, client.UnsafeDisableDeepCopy)
	if apierrors.IsNotFound(err) {
		return nil, &blockedError{retry: true, notice: applyFailed(fmt.Errorf("PriorityClass %s that schedulePriority names does not exist: create it, or name another", from.PriorityClassName))}
	}
	if err != nil {
		return nil, fmt.Errorf("reading PriorityClass %s: %w", from.PriorityClassName, err)
	}
	return &class.Value, nil
}

// claim writes the claim on the template if it differs, in one metadata patch, and reports whether it did.
func (c *claimer) claim(ctx context.Context, obj *unstructured.Unstructured, claim Claim) (changed bool, err error) {
	patch := claimPatch(obj, claim)
	if patch == nil {
		return false, nil
	}
	resource, ok := c.store.Resource(obj.GroupVersionKind())
	if !ok {
		return false, fmt.Errorf("claiming %s: %w", template.RefOf(obj), template.ErrNotReady)
	}
	_, err = c.metadata.Resource(resource.Name).Namespace(obj.GetNamespace()).
		Patch(ctx, obj.GetName(), types.MergePatchType, patch, metav1.PatchOptions{FieldManager: fieldManager})
	if err != nil && !apierrors.IsNotFound(err) {
		return false, refused(fmt.Errorf("claiming %s: %w", template.RefOf(obj), err))
	}
	return err == nil, nil
}

// claimPatch returns the merge patch that gives obj the claim, nil if it has it. The UID makes the patch fail on an
// object that has meanwhile taken the name.
func claimPatch(obj metav1.Object, claim Claim) []byte {
	labels := edits(obj.GetLabels(), claim.labels(), claimLabels)
	annotations := edits(obj.GetAnnotations(), claim.annotations(), claimAnnotations)
	if labels == nil && annotations == nil {
		return nil
	}
	fields := map[string]any{"uid": obj.GetUID()}
	if labels != nil {
		fields["labels"] = labels
	}
	if annotations != nil {
		fields["annotations"] = annotations
	}
	patch, err := json.Marshal(map[string]any{"metadata": fields})
	if err != nil {
		panic(err) // strings and nils always marshal
	}
	return patch
}

// write creates or updates the binding, if that changes anything.
func (c *claimer) write(ctx context.Context, ref template.Ref, in Inputs) error {
	existing, err := c.binding(ctx, ref)
	switch {
	case err != nil:
		return err
	case existing == nil:
		return c.create(ctx, NewBinding(in))
	case existing.GetDeletionTimestamp() != nil:
		return nil // its deletion wakes the template
	}
	updated, changed, err := UpdateBinding(existing, in)
	if owned, ok := errors.AsType[*OwnedByAnotherError](err); ok {
		if owned.Owner.Kind == ref.Kind.Kind && owned.Owner.Name == ref.Name {
			return nil // left by the template's predecessor: its deletion wakes the template
		}
		return &blockedError{retry: true, notice: applyFailed(err)}
	}
	if err != nil || !changed {
		return err
	}
	return c.patch(ctx, existing, updated)
}

func (c *claimer) create(ctx context.Context, binding workv1alpha2.Binding) error {
	err := c.client.Create(ctx, binding, client.FieldOwner(fieldManager))
	if apierrors.HasStatusCause(err, corev1.NamespaceTerminatingCause) {
		return nil // the template goes with its namespace
	}
	if err != nil {
		return refused(fmt.Errorf("creating binding %s: %w", binding.GetName(), err))
	}
	return nil
}

// patch writes what differs, and nothing that others write meanwhile.
func (c *claimer) patch(ctx context.Context, from, to workv1alpha2.Binding) error {
	data, err := client.MergeFrom(from).Data(to)
	if err != nil {
		return fmt.Errorf("comparing binding %s: %w", from.GetName(), err)
	}
	// The answer is decoded into an object of its own, because from and to share memory with the cache.
	target := empty(from.GetNamespace())
	target.SetNamespace(from.GetNamespace())
	target.SetName(from.GetName())
	err = c.client.Patch(ctx, target, client.RawPatch(types.MergePatchType, data), client.FieldOwner(fieldManager))
	if err != nil && !apierrors.IsNotFound(err) {
		return refused(fmt.Errorf("updating binding %s: %w", from.GetName(), err))
	}
	return nil
}

// binding returns the template's binding, read-only; nil if it does not exist.
func (c *claimer) binding(ctx context.Context, ref template.Ref) (workv1alpha2.Binding, error) {
	binding := empty(ref.Namespace)
	key := types.NamespacedName{Namespace: ref.Namespace, Name: workv1alpha2.BindingName(ref.Name, ref.Kind.Kind)}
	err := c.client.Get(ctx, key, binding, client.UnsafeDisableDeepCopy)
	if apierrors.IsNotFound(err) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("reading binding %s: %w", key, err)
	}
	return binding, nil
}

// refused tells the user of an answer that trying again will not change.
func refused(err error) error {
	if apierrors.IsInvalid(err) || apierrors.IsForbidden(err) || apierrors.IsBadRequest(err) {
		return &blockedError{notice: applyFailed(err), retry: true}
	}
	return err
}
