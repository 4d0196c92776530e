package binding

import (
	"context"
	"maps"
	"slices"

	"k8s.io/client-go/util/workqueue"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/event"
	"sigs.k8s.io/controller-runtime/pkg/handler"
	"sigs.k8s.io/controller-runtime/pkg/reconcile"

	clusterv1alpha1 "github.com/longshore-project/longshore/apis/cluster/v1alpha1"
	policyv1alpha1 "github.com/longshore-project/longshore/apis/policy/v1alpha1"
	workv1alpha1 "github.com/longshore-project/longshore/apis/work/v1alpha1"
	workv1alpha2 "github.com/longshore-project/longshore/apis/work/v1alpha2"
)

type requestQueue = workqueue.TypedRateLimitingInterface[reconcile.Request]

// bindingHandler ignores status.
func bindingHandler[B client.Object]() handler.TypedEventHandler[B, reconcile.Request] {
	return handler.TypedFuncs[B, reconcile.Request]{
		CreateFunc: func(_ context.Context, e event.TypedCreateEvent[B], q requestQueue) {
			q.Add(RequestFor(e.Object.GetNamespace(), e.Object.GetName()))
		},
		UpdateFunc: func(_ context.Context, e event.TypedUpdateEvent[B], q requestQueue) {
			if changed(e.ObjectOld, e.ObjectNew) {
				q.Add(RequestFor(e.ObjectNew.GetNamespace(), e.ObjectNew.GetName()))
			}
		},
		DeleteFunc: func(_ context.Context, e event.TypedDeleteEvent[B], q requestQueue) {
			q.Add(RequestFor(e.Object.GetNamespace(), e.Object.GetName()))
		},
	}
}

// workHandler wakes a binding whose Work somebody changed or removed.
func (c *Controller) workHandler() handler.TypedEventHandler[*workv1alpha1.Work, reconcile.Request] {
	enqueue := func(work *workv1alpha1.Work, q requestQueue) {
		if req, ok := RequestOf(work); ok {
			q.Add(req)
		}
	}
	return handler.TypedFuncs[*workv1alpha1.Work, reconcile.Request]{
		UpdateFunc: func(_ context.Context, e event.TypedUpdateEvent[*workv1alpha1.Work], q requestQueue) {
			if changed(e.ObjectOld, e.ObjectNew) {
				enqueue(e.ObjectOld, q)
			}
		},
		DeleteFunc: func(_ context.Context, e event.TypedDeleteEvent[*workv1alpha1.Work], q requestQueue) {
			c.written.Forget(client.ObjectKeyFromObject(e.Object))
			enqueue(e.Object, q)
		},
	}
}

// changed reports whether anything but status differs.
func changed(before, after client.Object) bool {
	return before.GetUID() != after.GetUID() || before.GetGeneration() != after.GetGeneration() ||
		(before.GetDeletionTimestamp() == nil) != (after.GetDeletionTimestamp() == nil) ||
		!maps.Equal(before.GetLabels(), after.GetLabels()) || !maps.Equal(before.GetAnnotations(), after.GetAnnotations()) ||
		!slices.Equal(before.GetFinalizers(), after.GetFinalizers())
}

// clusterHandler wakes the bindings of a cluster that joined, and those that override policies may now change in
// another way.
func (c *Controller) clusterHandler() handler.TypedEventHandler[*clusterv1alpha1.Cluster, reconcile.Request] {
	return handler.TypedFuncs[*clusterv1alpha1.Cluster, reconcile.Request]{
		CreateFunc: func(ctx context.Context, e event.TypedCreateEvent[*clusterv1alpha1.Cluster], q requestQueue) {
			c.wakeWhere(ctx, client.MatchingFields{clusterIndex: e.Object.Name}, q, func(workv1alpha2.Binding) bool { return true })
		},
		UpdateFunc: func(ctx context.Context, e event.TypedUpdateEvent[*clusterv1alpha1.Cluster], q requestQueue) {
			if !c.overrides.empty() && policyv1alpha1.AffinityInputsDiffer(e.ObjectOld, e.ObjectNew) {
				c.wakeWhere(ctx, client.MatchingFields{clusterIndex: e.ObjectNew.Name}, q, c.isOverridden)
			}
		},
	}
}

func (c *Controller) isOverridden(b workv1alpha2.Binding) bool {
	obj, err := c.template(b)
	if err != nil {
		return true // let the controller find out
	}
	matched, err := c.overrides.matching(obj)
	return err != nil || len(matched) > 0
}

type overrideObject interface {
	client.Object
	policyv1alpha1.Override
}

// overrideHandler takes policies in before it wakes the bindings that they concern, so that the workers, which start
// after all handlers have seen what exists, never build a manifest with half of the policies.
func overrideHandler[O overrideObject](c *Controller) handler.TypedEventHandler[O, reconcile.Request] {
	set := func(policy O) {
		if err := c.overrides.set(policy); err != nil {
			c.announce.invalid(policy, err)
		}
	}
	return handler.TypedFuncs[O, reconcile.Request]{
		CreateFunc: func(ctx context.Context, e event.TypedCreateEvent[O], q requestQueue) {
			set(e.Object)
			c.wakeSelected(ctx, e.Object, q)
		},
		UpdateFunc: func(ctx context.Context, e event.TypedUpdateEvent[O], q requestQueue) {
			if e.ObjectOld.GetGeneration() == e.ObjectNew.GetGeneration() {
				return
			}
			set(e.ObjectNew)
			c.wakeSelected(ctx, e.ObjectOld, q)
			c.wakeSelected(ctx, e.ObjectNew, q)
		},
		DeleteFunc: func(ctx context.Context, e event.TypedDeleteEvent[O], q requestQueue) {
			c.overrides.delete(e.Object)
			c.wakeSelected(ctx, e.Object, q)
		},
	}
}

// wakeSelected wakes the bindings whose template the policy may select; labels are left to the controller.
func (c *Controller) wakeSelected(ctx context.Context, p policyv1alpha1.Override, q requestQueue) {
	selectors := p.OverrideSpec().ResourceSelectors
	if len(selectors) == 0 {
		c.wakeWhere(ctx, nil, q, func(b workv1alpha2.Binding) bool {
			return p.GetNamespace() == "" || p.GetNamespace() == b.GetNamespace()
		})
	}
	for _, s := range selectors {
		c.wakeWhere(ctx, client.MatchingFields{resourceIndex: kindKey(s.APIVersion, s.Kind)}, q, func(b workv1alpha2.Binding) bool {
			r := &b.BindingSpec().Resource
			return (p.GetNamespace() == "" || p.GetNamespace() == r.Namespace) &&
				(s.Namespace == "" || s.Namespace == r.Namespace) && (s.Name == "" || s.Name == r.Name)
		})
	}
}

// wakeWhere wakes the bindings of both scopes that the index and the condition pick; nil fields mean all.
func (c *Controller) wakeWhere(ctx context.Context, fields client.MatchingFields, q requestQueue, condition func(workv1alpha2.Binding) bool) {
	options := []client.ListOption{client.UnsafeDisableDeepCopy}
	if fields != nil {
		options = append(options, fields)
	}
	var namespaced workv1alpha2.ResourceBindingList
	var cluster workv1alpha2.ClusterResourceBindingList
	if c.client.List(ctx, &namespaced, options...) != nil || c.client.List(ctx, &cluster, options...) != nil {
		return // the cache is going away, and the queue with it
	}
	wake := func(b workv1alpha2.Binding) {
		if condition(b) {
			q.Add(RequestFor(b.GetNamespace(), b.GetName()))
		}
	}
	for i := range namespaced.Items {
		wake(&namespaced.Items[i])
	}
	for i := range cluster.Items {
		wake(&cluster.Items[i])
	}
}
