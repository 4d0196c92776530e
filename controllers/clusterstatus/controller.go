package clusterstatus

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/go-logr/logr"
	"k8s.io/apimachinery/pkg/api/equality"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/util/wait"
	"k8s.io/client-go/discovery"
	"k8s.io/client-go/util/retry"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/client"

	clusterv1alpha1 "github.com/longshore-project/longshore/apis/cluster/v1alpha1"
	"github.com/longshore-project/longshore/controllers/member"
)

const (
	// jitter spreads the heartbeats of many members.
	jitter = 0.1
	// firstListPatience is how long the first heartbeat waits for nodes and pods, to write one status instead of two.
	firstListPatience = 2 * time.Second
)

// Controller observes members. It is a member.Runner.
type Controller struct {
	// Client writes Clusters.
	Client client.Client
	// Frequency of heartbeats. Default 10 s.
	Frequency time.Duration
	// SuccessThreshold and FailureThreshold are how long a member must look ready or not before condition Ready changes.
	SuccessThreshold, FailureThreshold time.Duration
	// WithoutResources leaves out nodes, pods and what is computed from them.
	WithoutResources bool
}

var _ member.Runner = (*Controller)(nil)

// Run observes one member until ctx ends. A member that cannot be connected is recorded as such.
func (c *Controller) Run(ctx context.Context, m *member.Member) {
	o := &observer{Controller: c, member: m, damper: damper{success: c.SuccessThreshold, failure: c.FailureThreshold}}
	o.log = ctrl.LoggerFrom(ctx).WithName("clusterstatus").WithValues("cluster", m.Name())
	frequency := c.Frequency
	if frequency == 0 {
		frequency = 10 * time.Second
	}
	wait.JitterUntilWithContext(ctx, o.heartbeat, frequency, jitter, true)
}

// observer observes one member during one session.
type observer struct {
	*Controller
	member    *member.Member
	damper    damper
	inventory *inventory // nil until first needed
	tags      member.DiscoveryTags
	log       logr.Logger
}

func (o *observer) heartbeat(ctx context.Context) {
	seen := o.look(ctx)
	if ctx.Err() != nil {
		return
	}
	ready := o.damper.settle(time.Now(), seen.health.ready)
	if err := o.write(ctx, seen, ready); err != nil {
		o.log.Error(err, "Cluster status is not recorded")
	}
	if ready && o.member.Cluster().Spec.ID == "" {
		if err := o.identify(ctx); err != nil {
			o.log.Error(err, "Cluster has no id")
		}
	}
}

// look collects as much as the member tells.
func (o *observer) look(ctx context.Context) observation {
	clients, err := o.member.Clients()
	if err != nil {
		return observation{health: health{reason: clusterv1alpha1.ReasonStatusCollectionFailed, message: err.Error()}}
	}
	seen := observation{health: probe(ctx, clients.Discovery.RESTClient())}
	if !seen.health.ready {
		return seen
	}
	if version, err := clients.Discovery.ServerVersionWithContext(ctx); err == nil {
		seen.version = version.GitVersion
	} else {
		o.log.Error(err, "Version is unknown")
	}
	seen.apis = o.discover(ctx, clients)
	if !o.WithoutResources {
		o.count(ctx, clients, &seen)
	}
	return seen
}

func (o *observer) count(ctx context.Context, clients *member.Clients, seen *observation) {
	patience := time.Duration(0)
	if o.inventory == nil {
		i, err := watchInventory(ctx, clients.Core, o.watchFailed)
		if err != nil {
			o.log.Error(err, "Nodes and pods are not counted")
			return
		}
		o.inventory, patience = i, firstListPatience
	}
	if !o.inventory.complete(ctx, patience) {
		return
	}
	models := o.member.Cluster().Spec.ResourceModels
	if len(models) == 0 {
		models = clusterv1alpha1.DefaultResourceModels()
	}
	seen.nodes, seen.resources = o.inventory.totals.summarize(models)
}

// watchFailed tells of lasting refusals, such as missing rights. A member that does not answer has its condition.
func (o *observer) watchFailed(err error) {
	if apierrors.IsForbidden(err) || apierrors.IsUnauthorized(err) {
		o.log.Error(err, "Nodes and pods are not counted: grant list and watch of both to the token's user")
	}
}

// discover returns nil if the status already says what the member serves.
func (o *observer) discover(ctx context.Context, clients *member.Clients) *apis {
	tags, changed, err := clients.Revalidate(ctx, o.tags)
	if err != nil {
		return &apis{err: err}
	}
	if !changed && len(o.member.Cluster().Status.APIEnablements) > 0 {
		return nil
	}
	_, served, err := clients.Discovery.ServerGroupsAndResourcesWithContext(ctx)
	result := &apis{served: served}
	if partial := (*discovery.ErrGroupDiscoveryFailed)(nil); errors.As(err, &partial) {
		result.failed = partial.Groups
	} else {
		result.err = err
	}
	if result.err == nil {
		o.tags = tags // Taken before the answer, so that a change in between is seen next time.
	}
	return result
}

// write records what changed with one patch, and nothing if nothing did. It carries the resource version, because a patch of conditions
// replaces those of others too.
func (o *observer) write(ctx context.Context, seen observation, ready bool) error {
	return retry.RetryOnConflict(retry.DefaultBackoff, func() error {
		present := o.member.Cluster()
		next := nextStatus(present.Status, seen, ready)
		if equality.Semantic.DeepEqual(present.Status, next) {
			return nil
		}
		cluster := present.DeepCopy()
		cluster.Status = next
		patch := client.MergeFromWithOptions(present, client.MergeFromWithOptimisticLock{})
		if err := o.Client.Status().Patch(ctx, cluster, patch); client.IgnoreNotFound(err) != nil {
			return fmt.Errorf("writing the status: %w", err)
		}
		return nil
	})
}

// identify fills spec.id, once in the life of a Cluster that was joined without.
func (o *observer) identify(ctx context.Context) error {
	clients, err := o.member.Clients()
	if err != nil {
		return err
	}
	id, err := identityOf(ctx, clients)
	if err != nil {
		return err
	}
	present := o.member.Cluster()
	cluster := present.DeepCopy()
	cluster.Spec.ID = id
	if err := o.Client.Patch(ctx, cluster, client.MergeFrom(present)); client.IgnoreNotFound(err) != nil {
		return fmt.Errorf("writing spec.id: %w", err)
	}
	return nil
}

var clusterProperties = schema.GroupVersionResource{Group: "about.k8s.io", Version: "v1alpha1", Resource: "clusterproperties"}

// identityOf returns the ClusterProperty that names the member, or else the UID of its namespace kube-system.
func identityOf(ctx context.Context, clients *member.Clients) (string, error) {
	property, err := clients.Objects.Resource(clusterProperties).Get(ctx, clusterv1alpha1.PropertyClusterID, metav1.GetOptions{})
	if err == nil {
		if id, ok, err := unstructured.NestedString(property.Object, "spec", "value"); err == nil && ok && id != "" {
			return id, nil
		}
	} else if !apierrors.IsNotFound(err) {
		return "", fmt.Errorf("reading ClusterProperty %s: %w", clusterv1alpha1.PropertyClusterID, err)
	}
	namespace, err := clients.Core.Namespaces().Get(ctx, metav1.NamespaceSystem, metav1.GetOptions{})
	if err != nil {
		return "", fmt.Errorf("reading the UID of namespace %s: %w", metav1.NamespaceSystem, err)
	}
	return string(namespace.UID), nil
}
