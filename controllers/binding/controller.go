package binding

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"slices"
	"time"

	"github.com/google/uuid"
	"golang.org/x/sync/errgroup"
	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/reconcile"

	clusterv1alpha1 "github.com/longshore-project/longshore/apis/cluster/v1alpha1"
	workv1alpha1 "github.com/longshore-project/longshore/apis/work/v1alpha1"
	workv1alpha2 "github.com/longshore-project/longshore/apis/work/v1alpha2"
	"github.com/longshore-project/longshore/controllers/template"
	"github.com/longshore-project/longshore/controllers/template/written"
)

// cacheDelay is when to look again at Works that the cache does not show yet.
const cacheDelay = 50 * time.Millisecond

// Controller keeps the Works of bindings of both scopes: a request without namespace means a ClusterResourceBinding.
type Controller struct {
	client    client.Client // reads from the cache
	store     *template.Store
	reviser   Reviser
	overrides *overrides
	announce  *announcer
	written   *written.Versions[types.NamespacedName] // Works
	options   Options
}

// Reconcile brings the Works of one binding to what binding, template and override policies say.
func (c *Controller) Reconcile(ctx context.Context, req reconcile.Request) (reconcile.Result, error) {
	b := New(req.Namespace, req.Name)
	err := c.client.Get(ctx, req.NamespacedName, b, client.UnsafeDisableDeepCopy)
	switch {
	case apierrors.IsNotFound(err):
		c.announce.forget(req.NamespacedName)
		return reconcile.Result{}, nil
	case err != nil:
		return reconcile.Result{}, fmt.Errorf("reading binding %s: %w", req.NamespacedName, err)
	}
	works, err := WorksOf(ctx, c.client, b)
	if err != nil {
		return reconcile.Result{}, err
	}
	if b.GetDeletionTimestamp() != nil {
		return reconcile.Result{}, c.remove(ctx, b, works)
	}
	if admitted, err := c.admit(ctx, b); admitted || err != nil {
		return reconcile.Result{}, err // its own write wakes the binding
	}
	behind, err := c.sync(ctx, b, works)
	if behind && err == nil {
		return reconcile.Result{RequeueAfter: cacheDelay}, nil
	}
	return reconcile.Result{}, err
}

// sync writes the plan. A template that is gone, or may be, leaves the Works to the garbage collector. behind tells that
// the cache does not show some of the Works as they were last written, so that they must be looked at again.
func (c *Controller) sync(ctx context.Context, b workv1alpha2.Binding, works []workv1alpha1.Work) (behind bool, err error) {
	obj, err := c.template(b)
	if apierrors.IsNotFound(err) || err == nil && obj.GetUID() != b.BindingSpec().Resource.UID && b.BindingSpec().Resource.UID != "" {
		return false, c.delete(ctx, b, Orphans(b.BindingSpec(), works))
	}
	if err != nil {
		return false, err
	}
	plan, err := c.plan(ctx, b, obj, works)
	if err != nil {
		c.announce.failed(b, obj, err)
		return false, nil // whatever cures it wakes the binding
	}
	behind = c.withhold(&plan)
	written, removed := c.execute(ctx, b, &plan)
	switch cause := errors.Join(joined(plan.Failed), written); {
	case cause == nil && removed == nil:
		c.announce.succeeded(b, obj)
	case cause != nil && !isTransient(written):
		c.announce.failed(b, obj, cause)
	}
	return behind, errors.Join(written, removed)
}

// withhold takes out of the plan what the cache only seems to lack, and reports whether there was any.
func (c *Controller) withhold(plan *Plan) (any bool) {
	before := len(plan.Create) + len(plan.Update)
	plan.Create = slices.DeleteFunc(plan.Create, func(w *workv1alpha1.Work) bool {
		return c.written.Ahead(client.ObjectKeyFromObject(w), "")
	})
	plan.Update = slices.DeleteFunc(plan.Update, func(u Update) bool {
		return c.written.Ahead(client.ObjectKeyFromObject(u.From), u.From.ResourceVersion)
	})
	return len(plan.Create)+len(plan.Update) < before
}

// isTransient reports whether trying again is all that is needed; nil is not.
func isTransient(err error) bool {
	return apierrors.IsAlreadyExists(err) || apierrors.IsConflict(err) || apierrors.IsTimeout(err) ||
		apierrors.IsServerTimeout(err) || apierrors.IsTooManyRequests(err)
}

func (c *Controller) template(b workv1alpha2.Binding) (*unstructured.Unstructured, error) {
	r := &b.BindingSpec().Resource
	ref, err := template.RefFrom(r.APIVersion, r.Kind, r.Namespace, r.Name)
	if err != nil {
		return nil, reconcile.TerminalError(err)
	}
	return c.store.Get(ref)
}

func (c *Controller) plan(ctx context.Context, b workv1alpha2.Binding, obj *unstructured.Unstructured, works []workv1alpha1.Work) (Plan, error) {
	matched, err := c.overrides.matching(obj)
	if err != nil {
		return Plan{}, err
	}
	builder, err := NewBuilder(b, obj, matched, c.reviser)
	if err != nil {
		return Plan{}, err
	}
	return PlanWorks(builder, works, func(name string) *clusterv1alpha1.Cluster {
		var cluster clusterv1alpha1.Cluster
		if c.client.Get(ctx, types.NamespacedName{Name: name}, &cluster, client.UnsafeDisableDeepCopy) != nil {
			return nil // the cache answers nothing but "not found"
		}
		return &cluster
	}), nil
}

// execute writes the plan, several Works at a time; one that fails does not keep back the others. The errors are those of
// the Works to write and those of the Works to remove.
func (c *Controller) execute(ctx context.Context, b workv1alpha2.Binding, plan *Plan) (written, removed error) {
	var group errgroup.Group
	group.SetLimit(c.options.parallelism())
	errs := make([]error, len(plan.Create)+len(plan.Update))
	for i, work := range plan.Create {
		group.Go(func() error {
			errs[i] = c.create(ctx, work)
			return nil
		})
	}
	for i, update := range plan.Update {
		group.Go(func() error {
			errs[len(plan.Create)+i] = c.update(ctx, update)
			return nil
		})
	}
	removed = c.delete(ctx, b, plan.Delete)
	_ = group.Wait() // the functions keep their errors in errs
	return errors.Join(errs...), removed
}

func (c *Controller) create(ctx context.Context, work *workv1alpha1.Work) error {
	key := client.ObjectKeyFromObject(work)
	err := c.client.Create(ctx, work, client.FieldOwner(fieldManager))
	switch {
	case apierrors.HasStatusCause(err, corev1.NamespaceTerminatingCause):
		return nil // the cluster is leaving
	case apierrors.IsAlreadyExists(err):
		return c.explainTaken(ctx, key, work, err)
	case err != nil:
		return fmt.Errorf("creating Work %s: %w", key, err)
	}
	c.written.Set(key, work.ResourceVersion)
	return nil
}

// explainTaken tells a Work of another binding from one of our own that the cache does not show yet.
func (c *Controller) explainTaken(ctx context.Context, key types.NamespacedName, want *workv1alpha1.Work, err error) error {
	var taken workv1alpha1.Work
	if c.client.Get(ctx, key, &taken, client.UnsafeDisableDeepCopy) != nil || slices.Equal(idsOfWork(&taken), idsOfWork(want)) {
		return fmt.Errorf("creating Work %s: %w", key, err)
	}
	owner, _ := RequestOf(&taken)
	return fmt.Errorf("creating Work %s: the name is taken by the Work of binding %s: rename one of the two templates", key, owner)
}

// update writes what differs, and nothing that others write meanwhile.
func (c *Controller) update(ctx context.Context, u Update) error {
	key := client.ObjectKeyFromObject(u.From)
	data, err := client.MergeFrom(u.From).Data(u.To)
	if err != nil {
		return fmt.Errorf("comparing Work %s: %w", key, err)
	}
	// The answer is decoded into an object of its own, because From and To share memory with the cache.
	var target workv1alpha1.Work
	target.Namespace, target.Name = key.Namespace, key.Name
	err = c.client.Patch(ctx, &target, client.RawPatch(types.MergePatchType, data), client.FieldOwner(fieldManager))
	if err != nil {
		return fmt.Errorf("updating Work %s: %w", key, err)
	}
	c.written.Set(key, target.ResourceVersion)
	return nil
}

func (c *Controller) delete(ctx context.Context, b workv1alpha2.Binding, works []*workv1alpha1.Work) error {
	var errs []error
	for _, work := range works {
		var target workv1alpha1.Work
		target.Namespace, target.Name = work.Namespace, work.Name
		uid := work.UID
		err := c.client.Delete(ctx, &target, client.Preconditions{UID: &uid})
		if err != nil && !apierrors.IsNotFound(err) {
			errs = append(errs, fmt.Errorf("deleting Work %s/%s: %w", work.Namespace, work.Name, err))
		}
	}
	err := errors.Join(errs...)
	c.announce.cleanedUp(b, err)
	return err
}

// remove lets a deleted binding go once its Works are gone. Each Work's deletion wakes the binding.
func (c *Controller) remove(ctx context.Context, b workv1alpha2.Binding, works []workv1alpha1.Work) error {
	ours := finalizer(b)
	if !slices.Contains(b.GetFinalizers(), ours) {
		return nil
	}
	if len(works) > 0 {
		var live []*workv1alpha1.Work
		for i := range works {
			if works[i].DeletionTimestamp == nil {
				live = append(live, &works[i])
			}
		}
		return c.delete(ctx, b, live)
	}
	rest := slices.DeleteFunc(slices.Clone(b.GetFinalizers()), func(f string) bool { return f == ours })
	return c.patchMetadata(ctx, b, map[string]any{"finalizers": rest})
}

// admit gives a binding that others made the permanent id and the finalizer that its Works rely on, and reports
// whether it had to. Bindings that package policy makes have both from the start.
func (c *Controller) admit(ctx context.Context, b workv1alpha2.Binding) (admitted bool, err error) {
	fields := map[string]any{}
	if b.GetLabels()[idLabel(b)] == "" {
		fields["labels"] = map[string]string{idLabel(b): uuid.NewString()}
	}
	if !slices.Contains(b.GetFinalizers(), finalizer(b)) {
		fields["finalizers"] = append(slices.Clone(b.GetFinalizers()), finalizer(b))
	}
	if len(fields) == 0 {
		return false, nil
	}
	return true, c.patchMetadata(ctx, b, fields)
}

// patchMetadata writes metadata fields, provided that nobody wrote the binding since it was read: lists are replaced
// as a whole.
func (c *Controller) patchMetadata(ctx context.Context, b workv1alpha2.Binding, fields map[string]any) error {
	fields["resourceVersion"] = b.GetResourceVersion()
	data, err := json.Marshal(map[string]any{"metadata": fields})
	if err != nil {
		return fmt.Errorf("encoding the patch of binding %s: %w", b.GetName(), err)
	}
	target := New(b.GetNamespace(), b.GetName())
	err = c.client.Patch(ctx, target, client.RawPatch(types.MergePatchType, data), client.FieldOwner(fieldManager))
	if err != nil && !apierrors.IsNotFound(err) {
		return fmt.Errorf("updating binding %s: %w", b.GetName(), err)
	}
	return nil
}

func finalizer(b workv1alpha2.Binding) string {
	if b.GetNamespace() == "" {
		return workv1alpha2.ClusterBindingFinalizer
	}
	return workv1alpha2.BindingFinalizer
}

// joined returns one error that lists the clusters in the order of their names, nil if there are none.
func joined(failed map[string]error) error {
	var errs []error
	for _, name := range slices.Sorted(maps.Keys(failed)) {
		errs = append(errs, failed[name])
	}
	return errors.Join(errs...)
}
