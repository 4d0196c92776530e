package policy

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/controller-runtime/pkg/client"

	workv1alpha2 "github.com/longshore-project/longshore/apis/work/v1alpha2"
	"github.com/longshore-project/longshore/controllers/template"
)

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
	answer, err := c.metadata.Resource(resource.Name).Namespace(obj.GetNamespace()).
		Patch(ctx, obj.GetName(), types.MergePatchType, patch, metav1.PatchOptions{FieldManager: fieldManager})
	if apierrors.IsNotFound(err) {
		return false, nil // its deletion wakes the template
	}
	if err != nil {
		return false, refused(fmt.Errorf("claiming %s: %w", template.RefOf(obj), err))
	}
	c.claims.Set(template.RefOf(obj), answer.GetResourceVersion())
	return true, nil
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

// write creates or updates the binding, if that changes anything. existing is nil if there is none.
func (c *claimer) write(ctx context.Context, ref template.Ref, existing workv1alpha2.Binding, in Inputs) error {
	switch {
	case existing == nil:
		return c.create(ctx, ref, NewBinding(in))
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
	return c.patch(ctx, ref, existing, updated)
}

func (c *claimer) create(ctx context.Context, ref template.Ref, binding workv1alpha2.Binding) error {
	err := c.client.Create(ctx, binding, client.FieldOwner(fieldManager))
	if apierrors.HasStatusCause(err, corev1.NamespaceTerminatingCause) {
		return nil // the template goes with its namespace
	}
	if err != nil {
		return refused(fmt.Errorf("creating binding %s: %w", binding.GetName(), err))
	}
	c.bindings.Set(ref, binding.GetResourceVersion())
	return nil
}

// patch writes what differs, and nothing that others write meanwhile.
func (c *claimer) patch(ctx context.Context, ref template.Ref, from, to workv1alpha2.Binding) error {
	data, err := client.MergeFrom(from).Data(to)
	if err != nil {
		return fmt.Errorf("comparing binding %s: %w", from.GetName(), err)
	}
	// The answer is decoded into an object of its own, because from and to share memory with the cache.
	target := empty(from.GetNamespace())
	target.SetNamespace(from.GetNamespace())
	target.SetName(from.GetName())
	err = c.client.Patch(ctx, target, client.RawPatch(types.MergePatchType, data), client.FieldOwner(fieldManager))
	if apierrors.IsNotFound(err) {
		return nil // its deletion wakes the template
	}
	if err != nil {
		return refused(fmt.Errorf("updating binding %s: %w", from.GetName(), err))
	}
	c.bindings.Set(ref, target.GetResourceVersion())
	return nil
}

// binding returns the template's binding, read-only; nil if it does not exist. The error is errBehind if the cache does
// not show it as it was last written.
func (c *claimer) binding(ctx context.Context, ref template.Ref) (workv1alpha2.Binding, error) {
	binding := empty(ref.Namespace)
	key := types.NamespacedName{Namespace: ref.Namespace, Name: workv1alpha2.BindingName(ref.Name, ref.Kind.Kind)}
	err := c.client.Get(ctx, key, binding, client.UnsafeDisableDeepCopy)
	exists := err == nil
	if client.IgnoreNotFound(err) != nil {
		return nil, fmt.Errorf("reading binding %s: %w", key, err)
	}
	if c.bindings.Ahead(ref, binding.GetResourceVersion()) {
		return nil, errBehind
	}
	if !exists {
		return nil, nil
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
