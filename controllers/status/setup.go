package status

import (
	"context"
	"fmt"
	"time"

	"k8s.io/apimachinery/pkg/api/equality"
	"k8s.io/apimachinery/pkg/api/meta"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/client-go/metadata"
	"k8s.io/client-go/util/workqueue"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/controller"
	"sigs.k8s.io/controller-runtime/pkg/event"
	"sigs.k8s.io/controller-runtime/pkg/handler"
	"sigs.k8s.io/controller-runtime/pkg/manager"
	"sigs.k8s.io/controller-runtime/pkg/reconcile"
	"sigs.k8s.io/controller-runtime/pkg/source"

	workv1alpha1 "github.com/longshore-project/longshore/apis/work/v1alpha1"
	workv1alpha2 "github.com/longshore-project/longshore/apis/work/v1alpha2"
	"github.com/longshore-project/longshore/controllers/binding"
	"github.com/longshore-project/longshore/controllers/template"
	"github.com/longshore-project/longshore/controllers/template/written"
)

const (
	fieldManager       = "longshore-status"
	eventSource        = "status-controller"
	defaultConcurrency = 5
)

// Defaults of [Options].
const (
	DefaultWindow   = 200 * time.Millisecond
	DefaultProgress = time.Second
)

// Aggregator edits template's status in place so that it tells what the items say together; changed is false, and the
// template untouched, if it does already or the kind has no rule.
type Aggregator interface {
	Aggregate(template *unstructured.Unstructured, items []workv1alpha2.AggregatedStatusItem) (changed bool, err error)
}

// Options tune the controller. The zero value is the default.
type Options struct {
	// Concurrency is how many bindings are worked on at once; 0 means 5.
	Concurrency int
	// Window is how long changes of one binding's Works are collected before they are looked at; 0 means [DefaultWindow].
	Window time.Duration
	// Progress is how long intermediate states are held back, counted from the first; 0 means [DefaultProgress].
	Progress time.Duration
}

func (o Options) window() time.Duration {
	if o.Window > 0 {
		return o.Window
	}
	return DefaultWindow
}

func (o Options) progress() time.Duration {
	if o.Progress > 0 {
		return o.Progress
	}
	return DefaultProgress
}

// Setup adds the controller to the manager, which must also run the store; [binding.RegisterIndexes] comes first.
func Setup(mgr manager.Manager, store *template.Store, aggregator Aggregator, options Options) error {
	templates, err := metadata.NewForConfigAndClient(mgr.GetConfig(), mgr.GetHTTPClient())
	if err != nil {
		return fmt.Errorf("building the client for templates: %w", err)
	}
	c := &Controller{
		client: mgr.GetClient(), metadata: templates, store: store, aggregator: aggregator,
		announce: newAnnouncer(mgr.GetEventRecorder(eventSource)),
		bindings: written.New[client.ObjectKey](), templates: written.New[template.Ref](),
		progress: newProgress(options.progress()), now: time.Now, options: options,
	}
	concurrency := options.Concurrency
	if concurrency == 0 {
		concurrency = defaultConcurrency
	}
	ctrl, err := controller.New("status", mgr, controller.Options{Reconciler: c, MaxConcurrentReconciles: concurrency})
	if err != nil {
		return fmt.Errorf("setting up the status controller: %w", err)
	}
	cache, window := mgr.GetCache(), options.window()
	for _, s := range []source.Source{
		source.TypedKind(cache, &workv1alpha1.Work{}, workHandler(window)),
		source.TypedKind(cache, &workv1alpha2.ResourceBinding{}, bindingHandler[*workv1alpha2.ResourceBinding](window)),
		source.TypedKind(cache, &workv1alpha2.ClusterResourceBinding{}, bindingHandler[*workv1alpha2.ClusterResourceBinding](window)),
		template.Source(store, c.onTemplate),
	} {
		if err := ctrl.Watch(s); err != nil {
			return fmt.Errorf("setting up the status controller: %w", err)
		}
	}
	return nil
}

// onTemplate wakes the binding of a template that changed, and forgets what was written to one that is gone.
func (c *Controller) onTemplate(e template.Event, q requestQueue) {
	switch {
	case e.New == nil:
		c.templates.Forget(e.Ref)
	case !e.Initial: // what exists at the start is woken by its binding
		q.AddAfter(binding.RequestFor(e.Ref.Namespace, workv1alpha2.BindingName(e.Ref.Name, e.Ref.Kind.Kind)), c.options.window())
	}
}

type requestQueue = workqueue.TypedRateLimitingInterface[reconcile.Request]

// workHandler hears of everything that changes what a Work says.
func workHandler(window time.Duration) handler.TypedEventHandler[*workv1alpha1.Work, reconcile.Request] {
	enqueue := func(work *workv1alpha1.Work, q requestQueue) {
		if req, ok := binding.RequestOf(work); ok {
			q.AddAfter(req, window)
		}
	}
	return handler.TypedFuncs[*workv1alpha1.Work, reconcile.Request]{
		CreateFunc: func(_ context.Context, e event.TypedCreateEvent[*workv1alpha1.Work], q requestQueue) {
			enqueue(e.Object, q)
		},
		UpdateFunc: func(_ context.Context, e event.TypedUpdateEvent[*workv1alpha1.Work], q requestQueue) {
			deleted := (e.ObjectOld.DeletionTimestamp == nil) != (e.ObjectNew.DeletionTimestamp == nil)
			if deleted || !equality.Semantic.DeepEqual(&e.ObjectOld.Status, &e.ObjectNew.Status) {
				enqueue(e.ObjectNew, q)
			}
		},
		DeleteFunc: func(_ context.Context, e event.TypedDeleteEvent[*workv1alpha1.Work], q requestQueue) {
			enqueue(e.Object, q)
		},
	}
}

type bindingObject interface {
	client.Object
	workv1alpha2.Binding
}

// bindingHandler hears of a new expectation, of the first scheduling, and of a condition that another writer dropped.
func bindingHandler[B bindingObject](window time.Duration) handler.TypedEventHandler[B, reconcile.Request] {
	enqueue := func(b B, q requestQueue) { q.AddAfter(binding.RequestFor(b.GetNamespace(), b.GetName()), window) }
	return handler.TypedFuncs[B, reconcile.Request]{
		CreateFunc: func(_ context.Context, e event.TypedCreateEvent[B], q requestQueue) { enqueue(e.Object, q) },
		UpdateFunc: func(_ context.Context, e event.TypedUpdateEvent[B], q requestQueue) {
			was, is := e.ObjectOld.BindingStatus(), e.ObjectNew.BindingStatus()
			if e.ObjectOld.GetGeneration() != e.ObjectNew.GetGeneration() ||
				was.LastScheduledTime == nil && is.LastScheduledTime != nil ||
				meta.FindStatusCondition(was.Conditions, workv1alpha2.ConditionFullyApplied) != nil &&
					meta.FindStatusCondition(is.Conditions, workv1alpha2.ConditionFullyApplied) == nil {
				enqueue(e.ObjectNew, q)
			}
		},
		DeleteFunc: func(_ context.Context, e event.TypedDeleteEvent[B], q requestQueue) { enqueue(e.Object, q) },
	}
}
