package member

import (
	"context"
	"fmt"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/types"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/handler"

	clusterv1alpha1 "github.com/longshore-project/longshore/apis/cluster/v1alpha1"
)

// secretIndex finds the clusters that are reached with a Secret, by "namespace/name".
const secretIndex = "spec.secretRef"

// Controller opens and ends the sessions of a fleet as Clusters and their Secrets come, change and go. It writes nothing.
type Controller struct {
	Client client.Reader
	Fleet  *Fleet
}

// SetupWithManager registers the controller and the fleet, which then ends with the manager.
func (c *Controller) SetupWithManager(ctx context.Context, mgr ctrl.Manager) error {
	if err := mgr.GetFieldIndexer().IndexField(ctx, &clusterv1alpha1.Cluster{}, secretIndex, secretOf); err != nil {
		return fmt.Errorf("indexing clusters by their secret: %w", err)
	}
	if err := mgr.Add(c.Fleet); err != nil {
		return fmt.Errorf("adding the fleet: %w", err)
	}
	return ctrl.NewControllerManagedBy(mgr).
		Named("member").
		For(&clusterv1alpha1.Cluster{}).
		Watches(&corev1.Secret{}, handler.EnqueueRequestsFromMapFunc(c.clustersOf)).
		Complete(c)
}

// Reconcile brings the session of one cluster in line with its Cluster and Secret.
func (c *Controller) Reconcile(ctx context.Context, request ctrl.Request) (ctrl.Result, error) {
	cluster := &clusterv1alpha1.Cluster{}
	if err := c.Client.Get(ctx, request.NamespacedName, cluster); err != nil {
		if apierrors.IsNotFound(err) {
			c.Fleet.Leave(request.Name)
			return ctrl.Result{}, nil
		}
		return ctrl.Result{}, fmt.Errorf("reading the cluster: %w", err)
	}
	if cluster.Spec.SyncMode == clusterv1alpha1.Pull { // An agent inside the member does the work.
		c.Fleet.Leave(request.Name)
		return ctrl.Result{}, nil
	}
	secret, err := c.secret(ctx, cluster.Spec.SecretRef)
	if err != nil {
		return ctrl.Result{}, err
	}
	c.Fleet.Join(cluster, secret)
	return ctrl.Result{}, nil
}

// secret returns nil if ref names nothing.
func (c *Controller) secret(ctx context.Context, ref *clusterv1alpha1.LocalSecretReference) (*corev1.Secret, error) {
	if ref == nil {
		return nil, nil
	}
	secret := &corev1.Secret{}
	err := c.Client.Get(ctx, types.NamespacedName{Namespace: ref.Namespace, Name: ref.Name}, secret)
	if apierrors.IsNotFound(err) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("reading the secret of the cluster: %w", err)
	}
	return secret, nil
}

func (c *Controller) clustersOf(ctx context.Context, secret client.Object) []ctrl.Request {
	clusters := &clusterv1alpha1.ClusterList{}
	key := secret.GetNamespace() + "/" + secret.GetName()
	if err := c.Client.List(ctx, clusters, client.MatchingFields{secretIndex: key}, client.UnsafeDisableDeepCopy); err != nil {
		ctrl.LoggerFrom(ctx).Error(err, "Finding the clusters that use a secret", "secret", key)
		return nil
	}
	requests := make([]ctrl.Request, 0, len(clusters.Items))
	for i := range clusters.Items {
		requests = append(requests, ctrl.Request{NamespacedName: types.NamespacedName{Name: clusters.Items[i].Name}})
	}
	return requests
}

func secretOf(object client.Object) []string {
	ref := object.(*clusterv1alpha1.Cluster).Spec.SecretRef
	if ref == nil {
		return nil
	}
	return []string{ref.Namespace + "/" + ref.Name}
}

// TrimSecret is the cache transform for Secrets: it keeps the two keys that open a member and drops all other content, so that neither
// memory nor a heap dump holds what was never needed.
func TrimSecret(object any) (any, error) {
	secret, ok := object.(*corev1.Secret)
	if !ok {
		return object, nil // A tombstone.
	}
	data := map[string][]byte{}
	for _, key := range []string{clusterv1alpha1.SecretTokenKey, clusterv1alpha1.SecretCABundleKey} {
		if value, ok := secret.Data[key]; ok {
			data[key] = value
		}
	}
	secret.Data, secret.ManagedFields, secret.Annotations = data, nil, nil
	return secret, nil
}
