package namespace

import (
	"context"
	"fmt"
	"time"

	"github.com/google/uuid"
	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/client-go/util/workqueue"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/builder"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/controller"
	"sigs.k8s.io/controller-runtime/pkg/event"
	"sigs.k8s.io/controller-runtime/pkg/handler"
	"sigs.k8s.io/controller-runtime/pkg/predicate"

	clusterv1alpha1 "github.com/longshore-project/longshore/apis/cluster/v1alpha1"
	policyv1alpha1 "github.com/longshore-project/longshore/apis/policy/v1alpha1"
	workv1alpha1 "github.com/longshore-project/longshore/apis/work/v1alpha1"
	"github.com/longshore-project/longshore/controllers/template/written"
)

// Pair is the unit of work: one namespace in one member.
type Pair struct {
	Namespace, Cluster string
}

// Controller reconciles pairs.
type Controller struct {
	// Client reads Namespaces, Clusters, ClusterOverridePolicies and Works from a cache and writes Works.
	Client client.Client
	// Skip says which namespaces stay in the control plane.
	Skip Skip
	// Workers is how many pairs are handled at a time. Default 1.
	Workers int

	written *written.Versions[types.NamespacedName] // Works
}

// cacheDelay is when to look again at a Work that the cache does not show yet.
const cacheDelay = 50 * time.Millisecond

// SetupWithManager registers the controller.
func (c *Controller) SetupWithManager(mgr ctrl.Manager) error {
	c.written = written.New[types.NamespacedName]()
	return builder.TypedControllerManagedBy[Pair](mgr).
		Named("namespace").
		WithOptions(controller.TypedOptions[Pair]{MaxConcurrentReconciles: c.Workers}).
		Watches(&corev1.Namespace{}, handler.TypedEnqueueRequestsFromMapFunc(c.pairsOf), builder.WithPredicates(metadataChanged())).
		Watches(&clusterv1alpha1.Cluster{}, handler.TypedEnqueueRequestsFromMapFunc(c.pairsWith), builder.WithPredicates(targetChanged())).
		Watches(&policyv1alpha1.ClusterOverridePolicy{}, handler.TypedEnqueueRequestsFromMapFunc(c.everyPair)).
		Watches(&workv1alpha1.Work{}, c.workHandler()).
		Complete(c)
}

// Reconcile creates or updates the Work of one pair. Nothing is ever deleted here: the Work goes with its Namespace or with the execution
// namespace.
func (c *Controller) Reconcile(ctx context.Context, pair Pair) (ctrl.Result, error) {
	namespace := &corev1.Namespace{}
	if err := c.Client.Get(ctx, types.NamespacedName{Name: pair.Namespace}, namespace, client.UnsafeDisableDeepCopy); err != nil {
		return ctrl.Result{}, client.IgnoreNotFound(err)
	}
	cluster := &clusterv1alpha1.Cluster{}
	if err := c.Client.Get(ctx, types.NamespacedName{Name: pair.Cluster}, cluster, client.UnsafeDisableDeepCopy); err != nil {
		return ctrl.Result{}, client.IgnoreNotFound(err)
	}
	if !c.Skip.propagates(namespace) || !cluster.DeletionTimestamp.IsZero() {
		return ctrl.Result{}, nil
	}
	if ready, err := c.hasRoom(ctx, pair.Cluster); err != nil || !ready {
		return ctrl.Result{}, err
	}
	policies, err := c.policies(ctx)
	if err != nil {
		return ctrl.Result{}, err
	}
	behind, err := c.ensure(ctx, namespace, cluster, policies)
	if behind {
		return ctrl.Result{RequeueAfter: cacheDelay}, nil
	}
	return ctrl.Result{}, err
}

// hasRoom reports whether the execution namespace exists and stays. When it appears, its event brings the pairs of the cluster back.
func (c *Controller) hasRoom(ctx context.Context, cluster string) (bool, error) {
	namespace := &corev1.Namespace{}
	key := types.NamespacedName{Name: workv1alpha1.ExecutionNamespace(cluster)}
	if err := c.Client.Get(ctx, key, namespace, client.UnsafeDisableDeepCopy); err != nil {
		return false, client.IgnoreNotFound(err)
	}
	return namespace.DeletionTimestamp.IsZero(), nil
}

// ensure writes the Work unless it is as it should be. Behind says that the cache does not show yet what was written last.
func (c *Controller) ensure(
	ctx context.Context, namespace *corev1.Namespace, cluster *clusterv1alpha1.Cluster, policies []policyv1alpha1.Override,
) (behind bool, err error) {
	present := &workv1alpha1.Work{}
	key := types.NamespacedName{Namespace: workv1alpha1.ExecutionNamespace(cluster.Name), Name: workName(namespace.Name)}
	err = c.Client.Get(ctx, key, present, client.UnsafeDisableDeepCopy)
	if client.IgnoreNotFound(err) != nil {
		return false, fmt.Errorf("reading the work of the namespace: %w", err)
	}
	if c.written.Ahead(key, present.ResourceVersion) {
		return true, nil
	}
	id := present.Labels[workv1alpha1.PermanentIDLabel]
	if id == "" {
		id = uuid.NewString()
	}
	desired, planErr := planWork(namespace, cluster, policies, id)
	if planErr != nil {
		return false, planErr
	}
	if apierrors.IsNotFound(err) {
		return false, c.noted("creating", desired, c.Client.Create(ctx, desired), apierrors.IsAlreadyExists)
	}
	if !present.DeletionTimestamp.IsZero() {
		return false, nil // Made again when it is gone.
	}
	if work, changed := merge(present, desired); changed {
		return false, c.noted("updating", work, c.Client.Update(ctx, work), apierrors.IsNotFound)
	}
	return false, nil
}

// noted remembers the Work if it was written. Failures that pass by themselves are none.
func (c *Controller) noted(doing string, work *workv1alpha1.Work, err error, passes func(error) bool) error {
	switch {
	case err == nil:
		c.written.Set(client.ObjectKeyFromObject(work), work.ResourceVersion)
		return nil
	case passes(err):
		return nil
	}
	return fmt.Errorf("%s the work of the namespace: %w", doing, err)
}

func (c *Controller) policies(ctx context.Context) ([]policyv1alpha1.Override, error) {
	list := &policyv1alpha1.ClusterOverridePolicyList{}
	if err := c.Client.List(ctx, list, client.UnsafeDisableDeepCopy); err != nil {
		return nil, fmt.Errorf("listing cluster override policies: %w", err)
	}
	policies := make([]policyv1alpha1.Override, 0, len(list.Items))
	for i := range list.Items {
		policies = append(policies, &list.Items[i])
	}
	return policies, nil
}

// pairsOf leads from a namespace to the pairs it concerns: its own, or, from an execution namespace, those of the cluster.
func (c *Controller) pairsOf(ctx context.Context, namespace client.Object) []Pair {
	if cluster, ok := workv1alpha1.ClusterOf(namespace.GetName()); ok {
		return c.everyNamespace(ctx, cluster)
	}
	if !c.Skip.propagates(namespace.(*corev1.Namespace)) {
		return nil
	}
	clusters := &clusterv1alpha1.ClusterList{}
	if err := c.Client.List(ctx, clusters, client.UnsafeDisableDeepCopy); err != nil {
		ctrl.LoggerFrom(ctx).Error(err, "Listing clusters", "namespace", namespace.GetName())
	}
	pairs := make([]Pair, 0, len(clusters.Items))
	for i := range clusters.Items {
		pairs = append(pairs, Pair{Namespace: namespace.GetName(), Cluster: clusters.Items[i].Name})
	}
	return pairs
}

func (c *Controller) pairsWith(ctx context.Context, cluster client.Object) []Pair {
	return c.everyNamespace(ctx, cluster.GetName())
}

func (c *Controller) everyNamespace(ctx context.Context, cluster string) []Pair {
	namespaces := &corev1.NamespaceList{}
	if err := c.Client.List(ctx, namespaces, client.UnsafeDisableDeepCopy); err != nil {
		ctrl.LoggerFrom(ctx).Error(err, "Listing namespaces", "cluster", cluster)
	}
	var pairs []Pair
	for i := range namespaces.Items {
		if c.Skip.propagates(&namespaces.Items[i]) {
			pairs = append(pairs, Pair{Namespace: namespaces.Items[i].Name, Cluster: cluster})
		}
	}
	return pairs
}

// everyPair follows a changed policy. Which pairs it used to change is not known any more, and looking at one is cheap.
func (c *Controller) everyPair(ctx context.Context, _ client.Object) []Pair {
	clusters := &clusterv1alpha1.ClusterList{}
	if err := c.Client.List(ctx, clusters, client.UnsafeDisableDeepCopy); err != nil {
		ctrl.LoggerFrom(ctx).Error(err, "Listing clusters")
	}
	var pairs []Pair
	for i := range clusters.Items {
		pairs = append(pairs, c.everyNamespace(ctx, clusters.Items[i].Name)...)
	}
	return pairs
}

// workHandler leads from a Work of a namespace that somebody edited or deleted back to its pair.
func (c *Controller) workHandler() handler.TypedEventHandler[client.Object, Pair] {
	type queue = workqueue.TypedRateLimitingInterface[Pair]
	return handler.TypedFuncs[client.Object, Pair]{
		UpdateFunc: func(_ context.Context, e event.TypedUpdateEvent[client.Object], q queue) {
			if pair, ok := pairOf(e.ObjectNew); ok && e.ObjectOld.GetGeneration() != e.ObjectNew.GetGeneration() {
				q.Add(pair)
			}
		},
		DeleteFunc: func(_ context.Context, e event.TypedDeleteEvent[client.Object], q queue) {
			if pair, ok := pairOf(e.Object); ok {
				c.written.Forget(client.ObjectKeyFromObject(e.Object))
				q.Add(pair)
			}
		},
	}
}

func pairOf(work client.Object) (Pair, bool) {
	cluster, ok := workv1alpha1.ClusterOf(work.GetNamespace())
	if !ok {
		return Pair{}, false
	}
	for _, owner := range work.GetOwnerReferences() {
		if owner.Kind == kind.Kind && owner.APIVersion == kind.GroupVersion().String() {
			return Pair{Namespace: owner.Name, Cluster: cluster}, true
		}
	}
	return Pair{}, false
}

// metadataChanged passes what reaches members: labels and annotations.
func metadataChanged() predicate.Predicate {
	return predicate.Or[client.Object](predicate.LabelChangedPredicate{}, predicate.AnnotationChangedPredicate{})
}

// targetChanged passes new clusters and changes that an override policy can select by; heartbeats do not pass.
func targetChanged() predicate.Predicate {
	return predicate.Funcs{
		UpdateFunc: func(e event.UpdateEvent) bool {
			return policyv1alpha1.AffinityInputsDiffer(e.ObjectOld.(*clusterv1alpha1.Cluster), e.ObjectNew.(*clusterv1alpha1.Cluster))
		},
		DeleteFunc: func(event.DeleteEvent) bool { return false },
	}
}
