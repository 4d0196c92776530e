package execution

import (
	"context"
	"fmt"
	"maps"
	"sync"
	"time"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/types"
	toolscache "k8s.io/client-go/tools/cache"
	"k8s.io/client-go/tools/events"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/cache"
	"sigs.k8s.io/controller-runtime/pkg/client"

	clusterv1alpha1 "github.com/longshore-project/longshore/apis/cluster/v1alpha1"
	workv1alpha1 "github.com/longshore-project/longshore/apis/work/v1alpha1"
	workv1alpha2 "github.com/longshore-project/longshore/apis/work/v1alpha2"
	"github.com/longshore-project/longshore/controllers/member"
)

// DefaultWindow is how long changes of member status are gathered. It bounds the writes of a Work's status to five a second.
const DefaultWindow = 200 * time.Millisecond

// Interpreter knows what the fields of a kind mean. It is safe for concurrent use.
type Interpreter interface {
	// Retain copies into desired what the member owns in observed.
	Retain(desired, observed *unstructured.Unstructured) error
	// Reflect returns what of a member object's status goes up; nil means nothing.
	Reflect(object *unstructured.Unstructured) (*runtime.RawExtension, error)
	// Health judges a member object.
	Health(object *unstructured.Unstructured) (workv1alpha2.ResourceHealth, error)
}

// Controller executes Works. It is a member.Runner: each session with a member gets an actor, and Work events are routed to the actor of
// their execution namespace.
type Controller struct {
	// Client reads Works and Clusters from a cache and writes Works.
	Client client.Client
	// Interpreter of the kinds in manifests.
	Interpreter Interpreter
	// Events goes to Works.
	Events events.EventRecorder
	// Workers is how many Works of one member are handled at a time. Default 5.
	Workers int
	// Window gathers changes of member status. Default DefaultWindow.
	Window time.Duration

	mu       sync.RWMutex
	actors   map[string]*actor // by execution namespace
	homeless *member.Queue[types.NamespacedName]
}

var _ member.Runner = (*Controller)(nil)

// SetupWithManager subscribes to Works. Sessions begin with Run, which the fleet calls.
func (c *Controller) SetupWithManager(ctx context.Context, mgr ctrl.Manager) error {
	if c.Workers == 0 {
		c.Workers = 5
	}
	if c.Window == 0 {
		c.Window = DefaultWindow
	}
	c.actors = map[string]*actor{}
	c.homeless = member.NewQueue[types.NamespacedName](1)
	informer, err := mgr.GetCache().GetInformer(ctx, &workv1alpha1.Work{}, cache.BlockUntilSynced(false))
	if err != nil {
		return fmt.Errorf("watching works: %w", err)
	}
	if _, err := informer.AddEventHandler(c.workEvents()); err != nil {
		return fmt.Errorf("watching works: %w", err)
	}
	if err := mgr.Add(c); err != nil {
		return fmt.Errorf("adding the execution controller: %w", err)
	}
	return nil
}

// Start cleans up Works without a member until ctx ends.
func (c *Controller) Start(ctx context.Context) error {
	c.homeless.Run(ctx, c.shelter)
	return nil
}

// NeedLeaderElection is true: only the leader writes Works.
func (c *Controller) NeedLeaderElection() bool { return true }

// Run executes the Works of one member until ctx ends.
func (c *Controller) Run(ctx context.Context, m *member.Member) {
	a := newActor(ctx, c, m)
	c.mu.Lock()
	c.actors[a.namespace] = a
	c.mu.Unlock()
	defer c.remove(a)
	m.OnChange(a.clusterChanged)
	if err := a.enqueueAll(ctx); err != nil {
		ctrl.LoggerFrom(ctx).Error(err, "Works are not executed", "cluster", m.Name())
		return
	}
	a.queue.Run(ctx, a.process)
}

func (c *Controller) remove(a *actor) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.actors[a.namespace] == a {
		delete(c.actors, a.namespace)
	}
}

// actorOf finds the actor of a Work in constant time, however many members there are.
func (c *Controller) actorOf(namespace string) *actor {
	c.mu.RLock()
	defer c.mu.RUnlock()
	return c.actors[namespace]
}

func (c *Controller) workEvents() toolscache.ResourceEventHandler {
	return toolscache.ResourceEventHandlerFuncs{
		AddFunc: func(object any) { c.route(object.(*workv1alpha1.Work)) },
		UpdateFunc: func(old, new any) {
			if work := new.(*workv1alpha1.Work); concerns(old.(*workv1alpha1.Work), work) {
				c.route(work)
			}
		},
		DeleteFunc: func(object any) {
			if tombstone, ok := object.(toolscache.DeletedFinalStateUnknown); ok {
				object = tombstone.Obj
			}
			if work, ok := object.(*workv1alpha1.Work); ok {
				c.route(work)
			}
		},
	}
}

// concerns reports whether a changed Work must be looked at. Status is written here only, so its changes are our own.
func concerns(old, new *workv1alpha1.Work) bool {
	return old.Generation != new.Generation || old.DeletionTimestamp.IsZero() != new.DeletionTimestamp.IsZero() ||
		!maps.Equal(old.Annotations, new.Annotations)
}

func (c *Controller) route(work *workv1alpha1.Work) {
	if a := c.actorOf(work.Namespace); a != nil {
		a.queue.Add(work.Name)
		return
	}
	if !work.DeletionTimestamp.IsZero() {
		c.homeless.Add(client.ObjectKeyFromObject(work))
	}
}

// shelter lets go a deleted Work whose Cluster no longer exists: nobody is left who could remove its objects. While the Cluster exists, the
// actor that starts with its session does the work.
func (c *Controller) shelter(ctx context.Context, key types.NamespacedName) error {
	name, ok := workv1alpha1.ClusterOf(key.Namespace)
	if !ok {
		return nil
	}
	err := c.Client.Get(ctx, types.NamespacedName{Name: name}, &clusterv1alpha1.Cluster{})
	if !apierrors.IsNotFound(err) {
		return err
	}
	work := &workv1alpha1.Work{}
	if err := c.Client.Get(ctx, key, work); err != nil {
		return client.IgnoreNotFound(err)
	}
	return c.letGo(ctx, work)
}
