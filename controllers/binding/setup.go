package binding

import (
	"fmt"

	"k8s.io/apimachinery/pkg/types"
	"k8s.io/client-go/util/workqueue"
	"sigs.k8s.io/controller-runtime/pkg/controller"
	"sigs.k8s.io/controller-runtime/pkg/manager"
	"sigs.k8s.io/controller-runtime/pkg/reconcile"
	"sigs.k8s.io/controller-runtime/pkg/source"

	clusterv1alpha1 "github.com/longshore-project/longshore/apis/cluster/v1alpha1"
	policyv1alpha1 "github.com/longshore-project/longshore/apis/policy/v1alpha1"
	workv1alpha1 "github.com/longshore-project/longshore/apis/work/v1alpha1"
	workv1alpha2 "github.com/longshore-project/longshore/apis/work/v1alpha2"
	"github.com/longshore-project/longshore/controllers/template"
	"github.com/longshore-project/longshore/controllers/template/written"
)

const (
	fieldManager       = "longshore-binding"
	eventSource        = "binding-controller"
	defaultConcurrency = 5
	defaultParallelism = 16
)

// Options tune the controller. The zero value is the default.
type Options struct {
	// Concurrency is how many bindings are worked on at once; 0 means 5.
	Concurrency int
	// Parallelism is how many Works of one binding are written at once; 0 means 16.
	Parallelism int
}

func (o Options) parallelism() int {
	if o.Parallelism > 0 {
		return o.Parallelism
	}
	return defaultParallelism
}

// Setup adds the controller to the manager, which must also run the store; [RegisterIndexes] comes first.
func Setup(mgr manager.Manager, store *template.Store, reviser Reviser, options Options) error {
	c := &Controller{
		client: mgr.GetClient(), store: store, reviser: reviser, overrides: newOverrides(),
		announce: newAnnouncer(mgr.GetEventRecorder(eventSource)), written: written.New[types.NamespacedName](), options: options,
	}
	concurrency := options.Concurrency
	if concurrency == 0 {
		concurrency = defaultConcurrency
	}
	ctrl, err := controller.New("binding", mgr, controller.Options{Reconciler: c, MaxConcurrentReconciles: concurrency})
	if err != nil {
		return fmt.Errorf("setting up the binding controller: %w", err)
	}
	cache := mgr.GetCache()
	for _, s := range []source.Source{
		source.TypedKind(cache, &workv1alpha2.ResourceBinding{}, bindingHandler[*workv1alpha2.ResourceBinding]()),
		source.TypedKind(cache, &workv1alpha2.ClusterResourceBinding{}, bindingHandler[*workv1alpha2.ClusterResourceBinding]()),
		source.TypedKind(cache, &workv1alpha1.Work{}, c.workHandler()),
		source.TypedKind(cache, &clusterv1alpha1.Cluster{}, c.clusterHandler()),
		source.TypedKind(cache, &policyv1alpha1.OverridePolicy{}, overrideHandler[*policyv1alpha1.OverridePolicy](c)),
		source.TypedKind(cache, &policyv1alpha1.ClusterOverridePolicy{}, overrideHandler[*policyv1alpha1.ClusterOverridePolicy](c)),
		template.Source(store, onTemplate),
	} {
		if err := ctrl.Watch(s); err != nil {
			return fmt.Errorf("setting up the binding controller: %w", err)
		}
	}
	return nil
}

func onTemplate(e template.Event, q workqueue.TypedRateLimitingInterface[reconcile.Request]) {
	if e.New != nil && !e.Initial { // what exists at the start is woken by its binding
		q.Add(RequestFor(e.Ref.Namespace, workv1alpha2.BindingName(e.Ref.Name, e.Ref.Kind.Kind)))
	}
}
