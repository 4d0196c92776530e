package policy

import (
	"context"
	"fmt"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/client-go/metadata"
	"k8s.io/client-go/util/workqueue"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/controller"
	"sigs.k8s.io/controller-runtime/pkg/handler"
	"sigs.k8s.io/controller-runtime/pkg/manager"
	"sigs.k8s.io/controller-runtime/pkg/reconcile"
	"sigs.k8s.io/controller-runtime/pkg/source"

	policyv1alpha1 "github.com/longshore-project/longshore/apis/policy/v1alpha1"
	workv1alpha2 "github.com/longshore-project/longshore/apis/work/v1alpha2"
	"github.com/longshore-project/longshore/controllers/announce"
	"github.com/longshore-project/longshore/controllers/template"
	"github.com/longshore-project/longshore/controllers/template/written"
)

const (
	fieldManager       = "longshore-policy"
	eventSource        = "policy-controller"
	defaultConcurrency = 5
)

// Replicas reads how many replicas a template asks for and what each of them needs; ok is false for kinds without
// replicas. It must not edit obj.
type Replicas interface {
	Replicas(obj *unstructured.Unstructured) (replicas int32, requirements *workv1alpha2.ReplicaRequirements, ok bool, err error)
}

// Options tune the controllers of this package. The zero value is the default.
type Options struct {
	// Concurrency is how many templates are worked on at once; 0 means 5.
	Concurrency int
	// Preemption is the gate PropagationPolicyPreemption.
	Preemption bool
}

// Setup adds the claim and the lifecycle controller to the manager. The manager must also run the store; its scheme
// must know the policy and work kinds and scheduling.k8s.io.
func Setup(ctx context.Context, mgr manager.Manager, store *template.Store, replicas Replicas, options Options) error {
	for _, kind := range []client.Object{&workv1alpha2.ResourceBinding{}, &workv1alpha2.ClusterResourceBinding{}} {
		if err := mgr.GetFieldIndexer().IndexField(ctx, kind, claimIndex, claimsOfBinding); err != nil {
			return fmt.Errorf("indexing bindings by policy: %w", err)
		}
	}
	templates, err := metadata.NewForConfigAndClient(mgr.GetConfig(), mgr.GetHTTPClient())
	if err != nil {
		return fmt.Errorf("building the client for templates: %w", err)
	}
	recorder := announce.Bounded(mgr.GetEventRecorder(eventSource))
	c := &claimer{
		client: mgr.GetClient(), metadata: templates, store: store, replicas: replicas,
		catalog: NewCatalog(), waiting: newWaiting(), triggers: newTriggers(),
		announce: newAnnouncer[template.Ref](recorder),
		claims:   written.New[template.Ref](), bindings: written.New[template.Ref](), options: options,
	}
	if err := c.setup(mgr); err != nil {
		return fmt.Errorf("setting up the claim controller: %w", err)
	}
	l := &lifecycle{client: mgr.GetClient(), store: store, announce: newAnnouncer[Key](recorder)}
	if err := l.setup(mgr); err != nil {
		return fmt.Errorf("setting up the policy lifecycle controller: %w", err)
	}
	return nil
}

func (c *claimer) setup(mgr manager.Manager) error {
	concurrency := c.options.Concurrency
	if concurrency == 0 {
		concurrency = defaultConcurrency
	}
	ctrl, err := controller.NewTyped("claim", mgr, controller.TypedOptions[template.Ref]{
		Reconciler: c, MaxConcurrentReconciles: concurrency,
	})
	if err != nil {
		return err
	}
	cache := mgr.GetCache()
	return watch(ctrl,
		template.Source(c.store, c.onTemplate),
		source.TypedKind(cache, &policyv1alpha1.PropagationPolicy{}, policyHandler[*policyv1alpha1.PropagationPolicy](c)),
		source.TypedKind(cache, &policyv1alpha1.ClusterPropagationPolicy{}, policyHandler[*policyv1alpha1.ClusterPropagationPolicy](c)),
		source.TypedKind(cache, &workv1alpha2.ResourceBinding{}, bindingHandler[*workv1alpha2.ResourceBinding](c)),
		source.TypedKind(cache, &workv1alpha2.ClusterResourceBinding{}, bindingHandler[*workv1alpha2.ClusterResourceBinding](c)),
		source.TypedKind(cache, &policyv1alpha1.OverridePolicy{}, overrideHandler[*policyv1alpha1.OverridePolicy](c)),
		source.TypedKind(cache, &policyv1alpha1.ClusterOverridePolicy{}, overrideHandler[*policyv1alpha1.ClusterOverridePolicy](c)),
	)
}

func (l *lifecycle) setup(mgr manager.Manager) error {
	ctrl, err := controller.New("policy-lifecycle", mgr, controller.Options{Reconciler: l})
	if err != nil {
		return err
	}
	cache := mgr.GetCache()
	return watch(ctrl,
		template.Source(l.store, onRelease),
		source.Kind(cache, &policyv1alpha1.PropagationPolicy{}, &handler.TypedEnqueueRequestForObject[*policyv1alpha1.PropagationPolicy]{}),
		source.Kind(cache, &policyv1alpha1.ClusterPropagationPolicy{}, &handler.TypedEnqueueRequestForObject[*policyv1alpha1.ClusterPropagationPolicy]{}),
		source.TypedKind(cache, &workv1alpha2.ResourceBinding{}, releaseHandler[*workv1alpha2.ResourceBinding]()),
		source.TypedKind(cache, &workv1alpha2.ClusterResourceBinding{}, releaseHandler[*workv1alpha2.ClusterResourceBinding]()),
	)
}

func watch[R comparable](ctrl controller.TypedController[R], sources ...source.TypedSource[R]) error {
	for _, s := range sources {
		if err := ctrl.Watch(s); err != nil {
			return err
		}
	}
	return nil
}

// onRelease wakes the policy that a template was claimed by.
func onRelease(e template.Event, q workqueue.TypedRateLimitingInterface[reconcile.Request]) {
	if e.Old == nil {
		return
	}
	claim := ClaimOf(e.Old)
	if claim != (Claim{}) && (e.New == nil || ClaimOf(e.New) != claim) {
		q.Add(requestFor(claim.Policy))
	}
}

func requestFor(key Key) reconcile.Request {
	return reconcile.Request{NamespacedName: types.NamespacedName{Namespace: key.Namespace, Name: key.Name}}
}
