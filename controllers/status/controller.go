package status

import (
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"time"

	jsonpatch "github.com/evanphx/json-patch/v5"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/client-go/metadata"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/reconcile"

	workv1alpha2 "github.com/longshore-project/longshore/apis/work/v1alpha2"
	"github.com/longshore-project/longshore/controllers/binding"
	"github.com/longshore-project/longshore/controllers/template"
	"github.com/longshore-project/longshore/controllers/template/written"
)

// Controller keeps the status of bindings of both scopes and of their templates: a request without namespace means a
// ClusterResourceBinding.
type Controller struct {
	client     client.Client      // reads from the cache
	metadata   metadata.Interface // writes the status of templates of any kind
	store      *template.Store
	aggregator Aggregator
	announce   *announcer
	bindings   *written.Versions[types.NamespacedName]
	templates  *written.Versions[template.Ref]
	progress   *progress
	now        func() time.Time
	options    Options
}

// Reconcile brings the status of one binding and its template to what the Works say.
func (c *Controller) Reconcile(ctx context.Context, req reconcile.Request) (reconcile.Result, error) {
	b := binding.New(req.Namespace, req.Name)
	err := c.client.Get(ctx, req.NamespacedName, b, client.UnsafeDisableDeepCopy)
	switch {
	case apierrors.IsNotFound(err):
		c.bindings.Forget(req.NamespacedName)
		c.progress.done(req.NamespacedName)
		c.announce.failures.Forget(req.NamespacedName)
		return reconcile.Result{}, nil
	case err != nil:
		return reconcile.Result{}, fmt.Errorf("reading binding %s: %w", req.NamespacedName, err)
	case b.GetDeletionTimestamp() != nil:
		return reconcile.Result{}, nil
	case c.bindings.Ahead(req.NamespacedName, b.GetResourceVersion()):
		return reconcile.Result{RequeueAfter: c.options.window()}, nil
	}
	works, err := binding.WorksOf(ctx, c.client, b)
	if err != nil {
		return reconcile.Result{}, err
	}
	items, again := Items(works, c.now())
	change := PlanStatus(b, items, works, c.now())
	if change.ItemsChanged && !Settled(b.BindingSpec(), items) {
		if wait := c.progress.wait(req.NamespacedName, c.now()); wait > 0 {
			return reconcile.Result{RequeueAfter: wait}, nil
		}
	}
	c.progress.done(req.NamespacedName)
	err = c.writeBinding(ctx, b, change)
	if apierrors.IsConflict(err) {
		return reconcile.Result{RequeueAfter: c.options.window()}, nil // the cache is behind
	}
	if err != nil {
		return reconcile.Result{}, err
	}
	retry, err := c.writeTemplate(ctx, b, items)
	return reconcile.Result{RequeueAfter: earliest(again, change.Again, retry)}, err
}

// writeBinding writes the change, if any, in one patch. The list of conditions is shared with the scheduler and can
// only be replaced as a whole, so it is written only over the version that was read.
func (c *Controller) writeBinding(ctx context.Context, b workv1alpha2.Binding, change Change) error {
	if change.Empty() {
		return nil
	}
	status, patch := map[string]any{}, map[string]any{}
	if change.ItemsChanged {
		status["aggregatedStatus"] = change.Items
	}
	if change.Conditions != nil {
		status["conditions"] = change.Conditions
		patch["metadata"] = map[string]any{"resourceVersion": b.GetResourceVersion()}
	}
	patch["status"] = status
	data, err := json.Marshal(patch)
	if err != nil {
		return fmt.Errorf("encoding the status of binding %s: %w", b.GetName(), err)
	}
	target := binding.New(b.GetNamespace(), b.GetName())
	err = c.client.Status().Patch(ctx, target, client.RawPatch(types.MergePatchType, data), client.FieldOwner(fieldManager))
	if apierrors.IsNotFound(err) {
		return nil
	}
	if err != nil {
		return fmt.Errorf("writing the status of binding %s: %w", b.GetName(), err)
	}
	c.bindings.Set(client.ObjectKeyFromObject(b), target.GetResourceVersion())
	return nil
}

// writeTemplate writes the template's status if the kind has a rule and it changes. retry is when to look again
// because the cache is behind, 0 for not at all.
func (c *Controller) writeTemplate(ctx context.Context, b workv1alpha2.Binding, items []workv1alpha2.AggregatedStatusItem) (retry time.Duration, err error) {
	if b.BindingStatus().LastScheduledTime == nil {
		return 0, nil
	}
	r := &b.BindingSpec().Resource
	ref, err := template.RefFrom(r.APIVersion, r.Kind, r.Namespace, r.Name)
	if err != nil {
		return 0, reconcile.TerminalError(err)
	}
	obj, err := c.store.Get(ref)
	switch {
	case apierrors.IsNotFound(err):
		c.templates.Forget(ref)
		return 0, nil
	case err != nil:
		return 0, err
	case obj.GetDeletionTimestamp() != nil, r.UID != "" && obj.GetUID() != r.UID:
		return 0, nil
	case c.templates.Ahead(ref, obj.GetResourceVersion()):
		return c.options.window(), nil
	}
	patch, err := c.templatePatch(obj, items)
	if err != nil {
		c.announce.failed(b, obj, err)
		return 0, nil // the next status of a member, or the next template, is another chance
	}
	if patch != nil {
		if err := c.patchTemplate(ctx, ref, patch); err != nil {
			return 0, err
		}
	}
	c.announce.succeeded(b, obj)
	return 0, nil
}

// templatePatch returns the merge patch of the template's status, nil if nothing changes. The UID makes it fail on an
// object that has meanwhile taken the name.
func (c *Controller) templatePatch(obj *unstructured.Unstructured, items []workv1alpha2.AggregatedStatusItem) ([]byte, error) {
	edited := withOwnStatus(obj)
	changed, err := c.aggregator.Aggregate(edited, items)
	if err != nil || !changed {
		return nil, err
	}
	before, err := encodeStatus(obj)
	if err != nil {
		return nil, err
	}
	after, err := encodeStatus(edited)
	if err != nil {
		return nil, err
	}
	diff, err := jsonpatch.CreateMergePatch(before, after)
	if err != nil {
		return nil, fmt.Errorf("comparing the status of %s: %w", template.RefOf(obj), err)
	}
	if string(diff) == "{}" {
		return nil, nil
	}
	return json.Marshal(map[string]any{
		"metadata": map[string]any{"uid": obj.GetUID()},
		"status":   json.RawMessage(diff),
	})
}

// withOwnStatus copies of a shared template only what an aggregator may edit.
func withOwnStatus(obj *unstructured.Unstructured) *unstructured.Unstructured {
	object := maps.Clone(obj.Object)
	if status, ok := object["status"]; ok {
		object["status"] = runtime.DeepCopyJSONValue(status)
	}
	return &unstructured.Unstructured{Object: object}
}

func encodeStatus(obj *unstructured.Unstructured) ([]byte, error) {
	status, ok := obj.Object["status"]
	if !ok {
		return []byte("{}"), nil
	}
	data, err := json.Marshal(status)
	if err != nil {
		return nil, fmt.Errorf("encoding the status of %s: %w", template.RefOf(obj), err)
	}
	return data, nil
}

func (c *Controller) patchTemplate(ctx context.Context, ref template.Ref, patch []byte) error {
	resource, ok := c.store.Resource(ref.Kind)
	if !ok {
		return fmt.Errorf("writing the status of %s: %w", ref, template.ErrNotReady)
	}
	var subresources []string
	if resource.StatusSubresource {
		subresources = []string{"status"}
	}
	answer, err := c.metadata.Resource(resource.Name).Namespace(ref.Namespace).Patch(ctx, ref.Name, types.MergePatchType, patch,
		metav1.PatchOptions{FieldManager: fieldManager}, subresources...)
	if apierrors.IsNotFound(err) || apierrors.IsConflict(err) {
		return nil // it is gone, or another object has its name: an event follows
	}
	if err != nil {
		return fmt.Errorf("writing the status of %s: %w", ref, err)
	}
	c.templates.Set(ref, answer.GetResourceVersion())
	return nil
}

// earliest returns the smallest positive duration, 0 if there is none.
func earliest(durations ...time.Duration) time.Duration {
	var out time.Duration
	for _, d := range durations {
		if d > 0 && (out == 0 || d < out) {
			out = d
		}
	}
	return out
}
