package cluster

import (
	"context"
	"fmt"
	"time"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/equality"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/tools/events"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/controller/controllerutil"

	clusterv1alpha1 "github.com/longshore-project/longshore/apis/cluster/v1alpha1"
	workv1alpha1 "github.com/longshore-project/longshore/apis/work/v1alpha1"
)

// recheck is how often a departing cluster is looked at if no event comes.
const recheck = 10 * time.Second

// Controller reconciles Clusters.
type Controller struct {
	// Client reads Clusters, Namespaces, Works and bindings from a cache and writes Clusters and Namespaces.
	Client client.Client
	// Events goes to Clusters.
	Events events.EventRecorder
}

// Reconcile brings one Cluster a step further in its life.
func (c *Controller) Reconcile(ctx context.Context, request ctrl.Request) (ctrl.Result, error) {
	cluster := &clusterv1alpha1.Cluster{}
	if err := c.Client.Get(ctx, request.NamespacedName, cluster); err != nil {
		return ctrl.Result{}, client.IgnoreNotFound(err)
	}
	if cluster.DeletionTimestamp.IsZero() {
		return ctrl.Result{}, c.join(ctx, cluster)
	}
	if !controllerutil.ContainsFinalizer(cluster, clusterv1alpha1.ClusterFinalizer) {
		return ctrl.Result{}, nil
	}
	done, err := c.depart(ctx, cluster)
	if err != nil || done {
		return ctrl.Result{}, err
	}
	return ctrl.Result{RequeueAfter: recheck}, nil
}

// join writes the Cluster if needed, and otherwise makes the namespace: without the finalizer nobody would remove it. One write at a time:
// its event starts the next, with caches that show the last.
func (c *Controller) join(ctx context.Context, cluster *clusterv1alpha1.Cluster) error {
	plan := planJoined(cluster, metav1.Now())
	if !equality.Semantic.DeepEqual(cluster, plan.cluster) {
		patch := client.MergeFromWithOptions(cluster, client.MergeFromWithOptimisticLock{})
		err := c.Client.Patch(ctx, plan.cluster, patch)
		if apierrors.IsConflict(err) || apierrors.IsNotFound(err) {
			return nil // The watch is about to show a newer Cluster.
		}
		if plan.tainted {
			c.report(cluster, tainted(plan.cluster, err))
		}
		if err != nil {
			return fmt.Errorf("writing finalizer and taints: %w", err)
		}
		return nil
	}
	return c.createNamespace(ctx, cluster)
}

func (c *Controller) createNamespace(ctx context.Context, cluster *clusterv1alpha1.Cluster) error {
	namespace := executionNamespace(cluster.Name)
	err := c.Client.Get(ctx, client.ObjectKeyFromObject(namespace), &corev1.Namespace{})
	if !apierrors.IsNotFound(err) {
		return err
	}
	err = c.Client.Create(ctx, namespace)
	if apierrors.IsAlreadyExists(err) {
		return nil
	}
	c.report(cluster, createdNamespace(namespace.Name, err))
	if err != nil {
		return fmt.Errorf("creating the execution namespace: %w", err)
	}
	return nil
}

// depart reports whether the Cluster is gone.
func (c *Controller) depart(ctx context.Context, cluster *clusterv1alpha1.Cluster) (bool, error) {
	if abandoned(cluster) {
		if err := c.abandonWorks(ctx, cluster); err != nil {
			return false, err
		}
	}
	gone, err := c.removeNamespace(ctx, cluster)
	if err != nil || !gone {
		return false, err
	}
	used, err := c.isUsed(ctx, cluster.Name)
	if err != nil || used {
		return false, err
	}
	before := cluster.DeepCopy()
	controllerutil.RemoveFinalizer(cluster, clusterv1alpha1.ClusterFinalizer)
	patch := client.MergeFromWithOptions(before, client.MergeFromWithOptimisticLock{})
	if err := c.Client.Patch(ctx, cluster, patch); client.IgnoreNotFound(err) != nil {
		return false, fmt.Errorf("removing the finalizer: %w", err)
	}
	return true, nil
}

// removeNamespace reports whether the execution namespace is gone.
func (c *Controller) removeNamespace(ctx context.Context, cluster *clusterv1alpha1.Cluster) (bool, error) {
	namespace := executionNamespace(cluster.Name)
	err := c.Client.Get(ctx, client.ObjectKeyFromObject(namespace), namespace)
	if apierrors.IsNotFound(err) {
		return true, nil
	}
	if err != nil || !namespace.DeletionTimestamp.IsZero() {
		return false, err
	}
	err = client.IgnoreNotFound(c.Client.Delete(ctx, namespace))
	c.report(cluster, removedNamespace(namespace.Name, err))
	if err != nil {
		return false, fmt.Errorf("deleting the execution namespace: %w", err)
	}
	return false, nil
}

// abandonWorks lets the Works go whose objects nobody can remove.
func (c *Controller) abandonWorks(ctx context.Context, cluster *clusterv1alpha1.Cluster) error {
	works := &workv1alpha1.WorkList{}
	if err := c.Client.List(ctx, works, client.InNamespace(workv1alpha1.ExecutionNamespace(cluster.Name))); err != nil {
		return fmt.Errorf("listing the works of the cluster: %w", err)
	}
	for i := range works.Items {
		work := &works.Items[i]
		before := work.DeepCopy()
		if work.DeletionTimestamp.IsZero() || !controllerutil.RemoveFinalizer(work, workv1alpha1.WorkFinalizer) {
			continue
		}
		if err := c.Client.Patch(ctx, work, client.MergeFromWithOptions(before, client.MergeFromWithOptimisticLock{})); client.IgnoreNotFound(err) != nil {
			return fmt.Errorf("removing the finalizer of work %s: %w", work.Name, err)
		}
	}
	return nil
}
