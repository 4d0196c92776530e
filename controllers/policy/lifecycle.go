package policy

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"

	"github.com/google/uuid"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/reconcile"

	policyv1alpha1 "github.com/longshore-project/longshore/apis/policy/v1alpha1"
	workv1alpha2 "github.com/longshore-project/longshore/apis/work/v1alpha2"
	"github.com/longshore-project/longshore/controllers/template"
)

// lifecycle is the controller with one key per policy.
//
//	created ──► permanent id + finalizer (one write) ──► deleted by the user ──► nothing claimed ──► finalizer removed
type lifecycle struct {
	client   client.Client
	store    *template.Store
	announce *announcer[Key]
}

// Reconcile gives a policy what it needs to claim templates, or lets it go.
func (l *lifecycle) Reconcile(ctx context.Context, req reconcile.Request) (reconcile.Result, error) {
	key := Key{Namespace: req.Namespace, Name: req.Name}
	p := emptyPolicy(key)
	err := l.client.Get(ctx, req.NamespacedName, p, client.UnsafeDisableDeepCopy)
	switch {
	case apierrors.IsNotFound(err):
		l.announce.settle(key)
		return reconcile.Result{}, nil
	case err != nil:
		return reconcile.Result{}, fmt.Errorf("reading policy %s: %w", key, err)
	case p.GetDeletionTimestamp() != nil:
		return reconcile.Result{}, l.letGo(ctx, p)
	}
	if err := Validate(p); err != nil {
		l.announce.warn(key, p.DeepCopyObject(), applyFailed(err))
	} else {
		l.announce.settle(key)
	}
	return reconcile.Result{}, l.patch(ctx, p, admission(p))
}

// admission returns the patch that gives a policy its permanent id and finalizer, nil if it has both.
func admission(p policyv1alpha1.Policy) map[string]any {
	fields := map[string]any{}
	if permanentID(p) == "" {
		fields["labels"] = map[string]string{permanentIDLabel(p.GetNamespace()): uuid.NewString()}
	}
	if f := finalizer(p.GetNamespace()); !slices.Contains(p.GetFinalizers(), f) {
		fields["finalizers"] = append(slices.Clone(p.GetFinalizers()), f)
	}
	if len(fields) == 0 {
		return nil
	}
	return fields
}

func (l *lifecycle) letGo(ctx context.Context, p policyv1alpha1.Policy) error {
	ours := finalizer(p.GetNamespace())
	if !slices.Contains(p.GetFinalizers(), ours) {
		return nil
	}
	claimed, err := l.claimsAnything(ctx, permanentID(p))
	if err != nil || claimed {
		return err // the last release wakes the policy
	}
	rest := slices.DeleteFunc(slices.Clone(p.GetFinalizers()), func(f string) bool { return f == ours })
	return l.patch(ctx, p, map[string]any{"finalizers": rest})
}

func (l *lifecycle) claimsAnything(ctx context.Context, id string) (bool, error) {
	if id == "" {
		return false, nil
	}
	if len(l.store.Claimed(id)) > 0 {
		return true, nil
	}
	bindings, err := claimedBindings(ctx, l.client, id)
	return len(bindings) > 0, err
}

// patch writes metadata fields, provided that nobody else wrote the policy since it was read: both lists are replaced
// as a whole.
func (l *lifecycle) patch(ctx context.Context, p policyv1alpha1.Policy, fields map[string]any) error {
	if fields == nil {
		return nil
	}
	fields["resourceVersion"] = p.GetResourceVersion()
	data, err := json.Marshal(map[string]any{"metadata": fields})
	if err != nil {
		return fmt.Errorf("encoding the patch of policy %s: %w", KeyOf(p), err)
	}
	target := emptyPolicy(KeyOf(p))
	target.SetNamespace(p.GetNamespace())
	target.SetName(p.GetName())
	err = l.client.Patch(ctx, target, client.RawPatch(types.MergePatchType, data), client.FieldOwner(fieldManager))
	if err != nil && !apierrors.IsNotFound(err) {
		return fmt.Errorf("updating policy %s: %w", KeyOf(p), err)
	}
	return nil
}

func emptyPolicy(key Key) policyv1alpha1.Policy {
	if key.Namespace == "" {
		return &policyv1alpha1.ClusterPropagationPolicy{}
	}
	return &policyv1alpha1.PropagationPolicy{}
}

// claimIndex finds bindings by the permanent id of the policy that claims them.
const claimIndex = "policy.claim"

func claimsOfBinding(obj client.Object) []string { return policyv1alpha1.ClaimIDs(obj.GetLabels()) }

// claimedBindings returns the bindings that carry the permanent id of a policy, read-only.
func claimedBindings(ctx context.Context, reader client.Reader, id string) ([]workv1alpha2.Binding, error) {
	var namespaced workv1alpha2.ResourceBindingList
	if err := reader.List(ctx, &namespaced, client.MatchingFields{claimIndex: id}, client.UnsafeDisableDeepCopy); err != nil {
		return nil, fmt.Errorf("listing the bindings of policy %s: %w", id, err)
	}
	var cluster workv1alpha2.ClusterResourceBindingList
	if err := reader.List(ctx, &cluster, client.MatchingFields{claimIndex: id}, client.UnsafeDisableDeepCopy); err != nil {
		return nil, fmt.Errorf("listing the cluster bindings of policy %s: %w", id, err)
	}
	out := make([]workv1alpha2.Binding, 0, len(namespaced.Items)+len(cluster.Items))
	for i := range namespaced.Items {
		out = append(out, &namespaced.Items[i])
	}
	for i := range cluster.Items {
		out = append(out, &cluster.Items[i])
	}
	return out, nil
}
