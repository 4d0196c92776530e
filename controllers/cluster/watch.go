package cluster

import (
	"context"
	"fmt"
	"slices"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/client-go/util/workqueue"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/controller"
	"sigs.k8s.io/controller-runtime/pkg/event"
	"sigs.k8s.io/controller-runtime/pkg/handler"

	clusterv1alpha1 "github.com/longshore-project/longshore/apis/cluster/v1alpha1"
	workv1alpha1 "github.com/longshore-project/longshore/apis/work/v1alpha1"
	workv1alpha2 "github.com/longshore-project/longshore/apis/work/v1alpha2"
)

// targetIndex finds the bindings that list a cluster in spec.clusters.
const targetIndex = "spec.clusters.name"

// concurrency lets many members join at once; each needs a few writes that wait for the API server.
const concurrency = 5

// SetupWithManager registers the controller and the index it needs.
func (c *Controller) SetupWithManager(ctx context.Context, mgr ctrl.Manager) error {
	for _, kind := range []client.Object{&workv1alpha2.ResourceBinding{}, &workv1alpha2.ClusterResourceBinding{}} {
		if err := mgr.GetFieldIndexer().IndexField(ctx, kind, targetIndex, targetsOf); err != nil {
			return fmt.Errorf("indexing bindings by cluster: %w", err)
		}
	}
	return ctrl.NewControllerManagedBy(mgr).
		Named("cluster").
		WithOptions(controller.Options{MaxConcurrentReconciles: concurrency}).
		For(&clusterv1alpha1.Cluster{}).
		Watches(&corev1.Namespace{}, handler.EnqueueRequestsFromMapFunc(ownerOf)).
		Watches(&workv1alpha2.ResourceBinding{}, whenReleased()).
		Watches(&workv1alpha2.ClusterResourceBinding{}, whenReleased()).
		Complete(c)
}

// isUsed asks the index whether any binding lists the cluster; the cost does not grow with the number of bindings.
func (c *Controller) isUsed(ctx context.Context, cluster string) (bool, error) {
	match, one := client.MatchingFields{targetIndex: cluster}, client.Limit(1)
	bindings := &workv1alpha2.ResourceBindingList{}
	if err := c.Client.List(ctx, bindings, match, one, client.UnsafeDisableDeepCopy); err != nil {
		return false, fmt.Errorf("finding resource bindings that list the cluster: %w", err)
	}
	if len(bindings.Items) > 0 {
		return true, nil
	}
	clusterBindings := &workv1alpha2.ClusterResourceBindingList{}
	if err := c.Client.List(ctx, clusterBindings, match, one, client.UnsafeDisableDeepCopy); err != nil {
		return false, fmt.Errorf("finding cluster resource bindings that list the cluster: %w", err)
	}
	return len(clusterBindings.Items) > 0, nil
}

func targetsOf(object client.Object) []string {
	targets := object.(workv1alpha2.Binding).BindingSpec().Clusters
	names := make([]string, len(targets))
	for i := range targets {
		names[i] = targets[i].Name
	}
	return names
}

// ownerOf leads from an execution namespace to its cluster.
func ownerOf(_ context.Context, namespace client.Object) []ctrl.Request {
	cluster, ok := workv1alpha1.ClusterOf(namespace.GetName())
	if !ok {
		return nil
	}
	return []ctrl.Request{{NamespacedName: types.NamespacedName{Name: cluster}}}
}

// whenReleased wakes the clusters that a binding no longer lists; one of them may be waiting to depart.
func whenReleased() handler.EventHandler {
	type queue = workqueue.TypedRateLimitingInterface[ctrl.Request]
	return handler.Funcs{
		UpdateFunc: func(_ context.Context, e event.UpdateEvent, q queue) {
			old, new := e.ObjectOld.(workv1alpha2.Binding).BindingSpec().Clusters, e.ObjectNew.(workv1alpha2.Binding).BindingSpec().Clusters
			for _, target := range old {
				if !lists(new, target.Name) {
					q.Add(ctrl.Request{NamespacedName: types.NamespacedName{Name: target.Name}})
				}
			}
		},
		DeleteFunc: func(_ context.Context, e event.DeleteEvent, q queue) {
			for _, name := range targetsOf(e.Object) {
				q.Add(ctrl.Request{NamespacedName: types.NamespacedName{Name: name}})
			}
		},
	}
}

func lists(targets []workv1alpha2.TargetCluster, name string) bool {
	return slices.ContainsFunc(targets, func(t workv1alpha2.TargetCluster) bool { return t.Name == name })
}
