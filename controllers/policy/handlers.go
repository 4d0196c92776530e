package policy

import (
	"context"

	"k8s.io/client-go/util/workqueue"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/event"
	"sigs.k8s.io/controller-runtime/pkg/handler"
	"sigs.k8s.io/controller-runtime/pkg/reconcile"

	policyv1alpha1 "github.com/longshore-project/longshore/apis/policy/v1alpha1"
	workv1alpha2 "github.com/longshore-project/longshore/apis/work/v1alpha2"
	"github.com/longshore-project/longshore/controllers/template"
)

type refQueue = workqueue.TypedRateLimitingInterface[template.Ref]

func (c *claimer) onTemplate(e template.Event, q refQueue) {
	c.triggers.add(e.Ref, triggerOf(e))
	q.Add(e.Ref)
}

// policyHandler takes policies into the catalog before it wakes the templates that they concern, so that the workers,
// which start after all handlers have seen what exists, never decide on half of the policies.
func policyHandler[P policyObject](c *claimer) handler.TypedEventHandler[P, template.Ref] {
	return handler.TypedFuncs[P, template.Ref]{
		CreateFunc: func(ctx context.Context, e event.TypedCreateEvent[P], q refQueue) {
			c.onPolicy(ctx, e.Object, q)
		},
		UpdateFunc: func(ctx context.Context, e event.TypedUpdateEvent[P], q refQueue) {
			if policyDiffers(e.ObjectOld, e.ObjectNew) {
				c.onPolicy(ctx, e.ObjectNew, q)
				c.wake(c.waiting.of(e.ObjectOld), q) // it may be about to claim what it selected until now
			}
		},
		DeleteFunc: func(ctx context.Context, e event.TypedDeleteEvent[P], q refQueue) {
			c.catalog.Delete(KeyOf(e.Object))
			c.wake(c.waiting.of(e.Object), q)
			c.wakeClaimed(ctx, permanentID(e.Object), q)
		},
	}
}

type policyObject interface {
	client.Object
	policyv1alpha1.Policy
}

func policyDiffers(before, after policyv1alpha1.Policy) bool {
	return before.GetGeneration() != after.GetGeneration() || before.GetUID() != after.GetUID() ||
		permanentID(before) != permanentID(after) ||
		(before.GetDeletionTimestamp() == nil) != (after.GetDeletionTimestamp() == nil)
}

func (c *claimer) onPolicy(ctx context.Context, p policyv1alpha1.Policy, q refQueue) {
	_ = c.catalog.Set(p) // the lifecycle controller tells the user of an invalid policy
	c.wake(c.waiting.of(p), q)
	c.wakeClaimed(ctx, permanentID(p), q)
	if c.options.Preemption && p.PropagationSpec().Preemption == policyv1alpha1.PreemptAlways {
		c.wake(c.named(p), q)
	}
}

// named returns the templates that the selectors of a policy name.
func (c *claimer) named(p policyv1alpha1.Policy) []template.Ref {
	var out []template.Ref
	for _, s := range p.PropagationSpec().ResourceSelectors {
		ref, err := template.RefFrom(s.APIVersion, s.Kind, s.Namespace, s.Name)
		if err != nil {
			continue // it selects nothing that exists
		}
		for _, candidate := range c.store.Named(ref.Kind, s.Name) {
			if mightSelect(p.GetNamespace(), &s, candidate) {
				out = append(out, candidate)
			}
		}
	}
	return out
}

func (c *claimer) wake(refs []template.Ref, q refQueue) {
	for _, ref := range refs {
		c.triggers.add(ref, PolicyChanged)
		q.Add(ref)
	}
}

// wakeClaimed wakes the templates that carry the permanent id, and those whose bindings do.
func (c *claimer) wakeClaimed(ctx context.Context, id string, q refQueue) {
	if id == "" {
		return
	}
	c.wake(c.store.Claimed(id), q)
	bindings, err := claimedBindings(ctx, c.client, id)
	if err != nil {
		return // the cache is going away, and the queue with it
	}
	for _, b := range bindings {
		if ref, ok := templateOf(b); ok {
			c.wake([]template.Ref{ref}, q)
		}
	}
}

func templateOf(b workv1alpha2.Binding) (template.Ref, bool) {
	r := &b.BindingSpec().Resource
	ref, err := template.RefFrom(r.APIVersion, r.Kind, r.Namespace, r.Name)
	return ref, err == nil
}

type bindingObject interface {
	client.Object
	workv1alpha2.Binding
}

// bindingHandler wakes the template of a binding that somebody else changed or deleted.
func bindingHandler[B bindingObject](c *claimer) handler.TypedEventHandler[B, template.Ref] {
	return handler.TypedFuncs[B, template.Ref]{
		UpdateFunc: func(_ context.Context, e event.TypedUpdateEvent[B], q refQueue) {
			if ref, ok := templateOf(e.ObjectNew); ok && policyPartDiffers(e.ObjectOld, e.ObjectNew) {
				q.Add(ref)
			}
		},
		DeleteFunc: func(_ context.Context, e event.TypedDeleteEvent[B], q refQueue) {
			if ref, ok := templateOf(e.Object); ok {
				c.bindings.Forget(ref)
				c.triggers.add(ref, TemplateChanged) // what was there comes back, lazy or not
				q.Add(ref)
			}
		},
	}
}

// policyPartDiffers ignores what the scheduler and the status controller write.
func policyPartDiffers(before, after workv1alpha2.Binding) bool {
	if before.GetGeneration() == after.GetGeneration() {
		return !sameMetadata(metadataOf(before), metadataOf(after))
	}
	was, is := shallow(before), shallow(after)
	was.BindingSpec().Clusters, is.BindingSpec().Clusters = nil, nil
	was.SetAnnotations(nil)
	is.SetAnnotations(nil)
	return ClaimOf(before) != ClaimOf(after) || !equalButResourceVersion(was, is)
}

// overrideHandler wakes the templates that wait for a new override policy.
func overrideHandler[O client.Object](c *claimer) handler.TypedEventHandler[O, template.Ref] {
	return handler.TypedFuncs[O, template.Ref]{
		CreateFunc: func(_ context.Context, e event.TypedCreateEvent[O], q refQueue) {
			for _, p := range c.catalog.DependingOn(e.Object.GetNamespace(), e.Object.GetName()) {
				c.wake(c.waiting.of(p), q)
			}
		},
	}
}

// releaseHandler wakes the policy that a binding was claimed by.
func releaseHandler[B bindingObject]() handler.TypedEventHandler[B, reconcile.Request] {
	return handler.TypedFuncs[B, reconcile.Request]{
		UpdateFunc: func(_ context.Context, e event.TypedUpdateEvent[B], q workqueue.TypedRateLimitingInterface[reconcile.Request]) {
			if claim := ClaimOf(e.ObjectOld); claim != (Claim{}) && claim != ClaimOf(e.ObjectNew) {
				q.Add(requestFor(claim.Policy))
			}
		},
		DeleteFunc: func(_ context.Context, e event.TypedDeleteEvent[B], q workqueue.TypedRateLimitingInterface[reconcile.Request]) {
			if claim := ClaimOf(e.Object); claim != (Claim{}) {
				q.Add(requestFor(claim.Policy))
			}
		},
	}
}
