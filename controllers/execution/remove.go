package execution

import (
	"context"
	"errors"
	"fmt"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/utils/ptr"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/controller/controllerutil"

	workv1alpha1 "github.com/longshore-project/longshore/apis/work/v1alpha1"
	"github.com/longshore-project/longshore/controllers/member"
)

// finish removes what a deleted Work left in the member and then lets the Work go. It waits for a member that is not ready, unless that
// is leaving the fleet: nobody will come back for its objects then.
func (a *actor) finish(ctx context.Context, work *workv1alpha1.Work) error {
	if !controllerutil.ContainsFinalizer(work, workv1alpha1.WorkFinalizer) {
		return nil
	}
	if !a.member.Ready() && !a.member.Deleting() {
		a.park(work.Name, func() bool { return a.member.Ready() || a.member.Deleting() })
		return nil
	}
	if !a.member.Ready() {
		return a.letGo(ctx, work)
	}
	if err := a.removeAll(ctx, work); err != nil {
		if ctx.Err() == nil {
			a.report(work, a.ledger.of(work.Name), corev1.EventTypeWarning, workv1alpha1.EventSyncFailed, err.Error())
		}
		return err
	}
	return a.letGo(ctx, work)
}

// removeAll goes on after an error, so that one stubborn object does not keep the others.
func (a *actor) removeAll(ctx context.Context, work *workv1alpha1.Work) error {
	var failed error
	for i := range work.Spec.Workload.Manifests {
		t, err := a.target(ctx, work, i)
		if err == nil {
			err = a.remove(ctx, t)
		}
		if t == nil || errors.Is(err, member.ErrUnknownKind) || errors.Is(err, errNoNamespace) {
			continue // What cannot be read or is not served was never applied, or is gone with its kind.
		}
		if err != nil {
			failed = errors.Join(failed, fmt.Errorf("%s: %w", describe(t.identifier(i)), err))
		}
	}
	return failed
}

// remove deletes or releases the object of one manifest. The request holds the UID or resource version it was decided for.
func (a *actor) remove(ctx context.Context, t *target) error {
	observed, err := a.cached(t)
	if err != nil || observed == nil { // The cache may be behind our own create.
		if observed, err = t.live(ctx); err != nil {
			return err
		}
	}
	for range attempts {
		if err = t.dismiss(ctx, observed); !apierrors.IsConflict(err) {
			break
		}
		if observed, err = t.live(ctx); err != nil {
			return err
		}
	}
	if err = client.IgnoreNotFound(err); err != nil {
		return fmt.Errorf("removing it from the member: %w", err)
	}
	return nil
}

func (t *target) dismiss(ctx context.Context, observed *unstructured.Unstructured) error {
	switch planRemoval(t.work, observed) {
	case erase:
		return t.client.Delete(ctx, observed.GetName(), metav1.DeleteOptions{
			PropagationPolicy: ptr.To(metav1.DeletePropagationBackground),
			Preconditions:     &metav1.Preconditions{UID: ptr.To(observed.GetUID())},
		})
	case release:
		_, err := t.client.Update(ctx, released(observed), metav1.UpdateOptions{})
		return err
	default:
		return nil
	}
}

// letGo takes the finalizer off.
func (c *Controller) letGo(ctx context.Context, work *workv1alpha1.Work) error {
	before := work.DeepCopy()
	if !controllerutil.RemoveFinalizer(work, workv1alpha1.WorkFinalizer) {
		return nil
	}
	patch := client.MergeFromWithOptions(before, client.MergeFromWithOptimisticLock{})
	if err := c.Client.Patch(ctx, work, patch); client.IgnoreNotFound(err) != nil {
		return fmt.Errorf("removing the finalizer of work %s: %w", work.Name, err)
	}
	return nil
}
