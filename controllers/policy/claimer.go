package policy

import (
	"context"
	"errors"
	"fmt"
	"time"

	schedulingv1 "k8s.io/api/scheduling/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/client-go/metadata"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/reconcile"

	policyv1alpha1 "github.com/longshore-project/longshore/apis/policy/v1alpha1"
	workv1alpha2 "github.com/longshore-project/longshore/apis/work/v1alpha2"
	"github.com/longshore-project/longshore/controllers/template"
	"github.com/longshore-project/longshore/controllers/template/written"
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
	claims   *written.Versions[template.Ref] // templates
	bindings *written.Versions[template.Ref]
	options  Options
}

// errBehind says that the cache does not show yet what was written: nothing can be decided on it.
var errBehind = errors.New("the cache is behind")

// cacheDelay is when to look again at what the cache does not show yet.
const cacheDelay = 50 * time.Millisecond

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
	if err == nil {
		return reconcile.Result{}, nil
	}
	c.triggers.add(ref, trigger)
	if errors.Is(err, errBehind) {
		return reconcile.Result{RequeueAfter: cacheDelay}, nil
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
		if c.isLeaving(ClaimOf(obj)) {
			return c.release(ctx, ref, obj) // it may take long to go, and must not keep the policy until then
		}
		return nil
	}
	if c.claims.Ahead(ref, obj.GetResourceVersion()) {
		return errBehind
	}
	// Wait first and decide then, and wait on until the claim is seen on the template: a policy that changes in between
	// finds the template in the list.
	c.waiting.add(ref)
	decision := c.catalog.Decide(obj, trigger, c.options.Preemption)
	err = c.act(ctx, ref, obj, decision, trigger)
	blocked, isBlocked := errors.AsType[*blockedError](err)
	if ClaimOf(obj) != (Claim{}) && !decision.Waits && !isBlocked {
		c.waiting.remove(ref)
	}
	if isBlocked || decision.Action == Hold && decision.Waits {
		c.triggers.add(ref, trigger) // the policy is found; what happened counts when it can be applied
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
	c.claims.Forget(ref)
	binding, err := c.binding(ctx, ref)
	if err != nil || binding == nil {
		return err
	}
	if !c.isLeaving(ClaimOf(binding)) {
		return nil
	}
	return c.releaseBinding(ctx, ref, binding)
}

// isLeaving reports whether there is a claim whose policy is gone or being deleted.
func (c *claimer) isLeaving(claim Claim) bool {
	record := c.catalog.Get(claim.Policy)
	return claim != (Claim{}) && (record == nil || record.Policy.GetDeletionTimestamp() != nil)
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
	return c.releaseBinding(ctx, ref, binding)
}

func (c *claimer) releaseBinding(ctx context.Context, ref template.Ref, binding workv1alpha2.Binding) error {
	released, changed := ReleaseBinding(binding)
	if !changed {
		return nil
	}
	return c.patch(ctx, ref, binding, released)
}

// apply claims the template and writes the binding. What the binding needs is gathered first, so that nothing is
// written when something is missing.
func (c *claimer) apply(ctx context.Context, ref template.Ref, obj *unstructured.Unstructured, d Decision, trigger Trigger) error {
	in, err := c.gather(ctx, obj, d.Policy)
	if err != nil {
		return err
	}
	existing, err := c.binding(ctx, ref)
	if err != nil {
		return err
	}
	claimed, err := c.claim(ctx, obj, Claim{ID: permanentID(d.Policy), Policy: KeyOf(d.Policy)})
	if err != nil {
		return err
	}
	if claimed {
		c.announce.expect(ref)
	}
	if !postpones(d.Policy, trigger) {
		if err := c.write(ctx, ref, existing, in); err != nil {
			return err
		}
	}
	if c.announce.settle(ref) {
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
		Priority: priority,
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
