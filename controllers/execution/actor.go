package execution

import (
	"context"
	"errors"
	"fmt"

	"github.com/go-logr/logr"
	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/types"
	toolscache "k8s.io/client-go/tools/cache"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/controller/controllerutil"

	clusterv1alpha1 "github.com/longshore-project/longshore/apis/cluster/v1alpha1"
	workv1alpha1 "github.com/longshore-project/longshore/apis/work/v1alpha1"
	"github.com/longshore-project/longshore/controllers/member"
)

// actor executes the Works of one member during one session.
type actor struct {
	*Controller
	member    *member.Member
	namespace string
	queue     *member.Queue[string] // names of Works
	informers *member.Informers     // nil without a connection
	ledger    *ledger
	log       logr.Logger
}

func newActor(ctx context.Context, c *Controller, m *member.Member) *actor {
	a := &actor{
		Controller: c, member: m, namespace: workv1alpha1.ExecutionNamespace(m.Name()),
		queue: member.NewQueue[string](c.Workers), ledger: newLedger(),
		log: ctrl.LoggerFrom(ctx).WithName("execution").WithValues("cluster", m.Name()),
	}
	if clients, err := m.Clients(); err == nil {
		a.informers = member.NewInformers(ctx, member.InformersConfig{
			Client:   clients.Streams,
			Selector: workv1alpha1.ManagedLabel + "=" + workv1alpha1.True,
			Handler:  a.objectEvents,
			Wake:     a.queue.Add,
		})
	}
	return a
}

func (a *actor) enqueueAll(ctx context.Context) error {
	works := &workv1alpha1.WorkList{}
	if err := a.Client.List(ctx, works, client.InNamespace(a.namespace), client.UnsafeDisableDeepCopy); err != nil {
		return fmt.Errorf("listing the works of the cluster: %w", err)
	}
	for i := range works.Items {
		a.queue.Add(works.Items[i].Name)
	}
	return nil
}

// clusterChanged brings parked Works back when they have a chance.
func (a *actor) clusterChanged(_, _ *clusterv1alpha1.Cluster) {
	if a.member.Ready() || a.member.Deleting() {
		for _, name := range a.ledger.unpark() {
			a.queue.Add(name)
		}
	}
}

// park sets a Work aside until the Cluster changes. Asking again after parking closes the gap to a change in between.
func (a *actor) park(name string, due func() bool) {
	a.ledger.park(name)
	if due() {
		a.clusterChanged(nil, nil)
	}
}

// objectEvents leads the events of member objects back to their Works.
func (a *actor) objectEvents(schema.GroupVersionResource) toolscache.ResourceEventHandler {
	return toolscache.ResourceEventHandlerDetailedFuncs{
		AddFunc: func(object any, initial bool) {
			if !initial { // The first list is no news: every Work is looked at when the session begins.
				a.objectChanged(object, true)
			}
		},
		UpdateFunc: func(old, new any) {
			a.objectChanged(new, changedOnlyStatus(old.(*unstructured.Unstructured), new.(*unstructured.Unstructured)))
		},
		DeleteFunc: func(object any) { a.objectChanged(object, false) },
	}
}

func (a *actor) objectChanged(object any, statusOnly bool) {
	if tombstone, ok := object.(toolscache.DeletedFinalStateUnknown); ok {
		object = tombstone.Obj
	}
	u, ok := object.(*unstructured.Unstructured)
	if !ok {
		return
	}
	namespace, name := workOf(u)
	switch {
	case namespace != a.namespace || name == "":
	case statusOnly:
		a.queue.AddAfter(name, a.Window)
	default:
		a.queue.Add(name)
	}
}

// process is one pass over one Work.
func (a *actor) process(ctx context.Context, name string) error {
	work := &workv1alpha1.Work{}
	if err := a.Client.Get(ctx, types.NamespacedName{Namespace: a.namespace, Name: name}, work); err != nil {
		if apierrors.IsNotFound(err) {
			a.ledger.forget(name)
			return nil
		}
		return fmt.Errorf("reading the work: %w", err)
	}
	if !work.DeletionTimestamp.IsZero() {
		return a.finish(ctx, work)
	}
	if !a.member.Ready() {
		a.park(name, a.member.Ready)
		return nil
	}
	if err := a.claim(ctx, work); err != nil {
		return err
	}
	return a.sync(ctx, work)
}

// claim adds the finalizer if the author of the Work left it out. Ours never do.
func (a *actor) claim(ctx context.Context, work *workv1alpha1.Work) error {
	before := work.DeepCopy()
	if !controllerutil.AddFinalizer(work, workv1alpha1.WorkFinalizer) {
		return nil
	}
	patch := client.MergeFromWithOptions(before, client.MergeFromWithOptimisticLock{})
	if err := a.Client.Patch(ctx, work, patch); err != nil {
		return fmt.Errorf("adding the finalizer: %w", err)
	}
	return nil
}

// sync applies the manifests and records how they fared.
func (a *actor) sync(ctx context.Context, work *workv1alpha1.Work) error {
	known := a.ledger.of(work.Name)
	outcomes := make([]outcome, len(work.Spec.Workload.Manifests))
	sent, failed := false, error(nil)
	for i := range outcomes {
		outcomes[i] = a.manifest(ctx, work, i, known)
		if errors.Is(outcomes[i].err, member.ErrNotSynced) {
			return nil // The informer wakes this Work.
		}
		sent = sent || outcomes[i].sent
		failed = errors.Join(failed, outcomes[i].err)
	}
	if ctx.Err() != nil { // The session ended: errors tell nothing about the member.
		return ctx.Err()
	}
	if sent && failed == nil && !known.settling {
		known.settling = true
		a.queue.AddAfter(work.Name, a.Window)
		return nil
	}
	if failed == nil {
		known.retries = 0
	} else if known.retries++; known.retries <= silentRetries(work, failed) {
		return failed
	}
	known.settling = false
	return errors.Join(failed, a.record(ctx, work, known, outcomes))
}

// record writes the status if it changed, and reports the change as an event.
func (a *actor) record(ctx context.Context, work *workv1alpha1.Work, known *memory, outcomes []outcome) error {
	present := known.status(work)
	next, err := nextStatus(a.Interpreter, work, present, outcomes)
	if err != nil {
		a.report(work, known, corev1.EventTypeWarning, workv1alpha1.EventReflectStatusFailed, err.Error())
	}
	if sameStatus(present, next) {
		return nil
	}
	data, err := statusPatch(next)
	if err != nil {
		return err
	}
	base := work.ResourceVersion
	err = a.Client.Status().Patch(ctx, work, client.RawPatch(types.MergePatchType, data))
	if apierrors.IsNotFound(err) {
		return nil
	}
	if err != nil {
		return fmt.Errorf("writing the status of work %s: %w", work.Name, err)
	}
	known.written, known.base = &work.Status, base
	for _, e := range eventsOf(present, next) {
		a.Events.Eventf(work, nil, e.kind, e.reason, "Sync", "%s", e.note)
	}
	return nil
}

// report emits an event unless it is the same as last time.
func (a *actor) report(work *workv1alpha1.Work, known *memory, kind, reason, note string) {
	if known.failure == note {
		return
	}
	known.failure = note
	a.Events.Eventf(work, nil, kind, reason, "Sync", "%s", note)
}
