package member

import (
	"context"
	"errors"
	"fmt"
	"sync"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/client-go/dynamic"
	"k8s.io/client-go/dynamic/dynamicinformer"
	"k8s.io/client-go/tools/cache"
)

// ErrNotSynced is returned by Informers.Object while the first list of a resource is under way. The caller is woken when it is done.
var ErrNotSynced = errors.New("first list is not complete")

// Informers cache the objects of one member that match a label selector, without managedFields. A resource is listed and watched from the
// first time it is asked for until the session ends. Safe for concurrent use.
//
//	unknown ──Object──► listing (ErrNotSynced; callers wait) ──done──► synced (callers woken once)
//	                       └── list refused (error; callers woken) ──retry──► listing
type Informers struct {
	ctx      context.Context // Of the session: informers outlive the call that starts them.
	client   dynamic.Interface
	selector string
	handler  func(schema.GroupVersionResource) cache.ResourceEventHandler
	wake     func(key string)

	mu      sync.Mutex
	started map[schema.GroupVersionResource]*watched
}

type watched struct {
	informer cache.SharedIndexInformer

	mu      sync.Mutex
	err     error // of the last list or watch, until the first sync
	waiting map[string]struct{}
}

// InformersConfig is what NewInformers needs.
type InformersConfig struct {
	// Client without a timeout, since watches last.
	Client dynamic.Interface
	// Selector is the label selector of what is cached.
	Selector string
	// Handler makes the event handler of a resource. It must not block.
	Handler func(schema.GroupVersionResource) cache.ResourceEventHandler
	// Wake is called with the key of each Object call that returned ErrNotSynced, when asking again makes sense.
	Wake func(key string)
}

// NewInformers returns informers that stop with ctx. Nothing is watched yet.
func NewInformers(ctx context.Context, config InformersConfig) *Informers {
	return &Informers{
		ctx: ctx, client: config.Client, selector: config.Selector, handler: config.Handler, wake: config.Wake,
		started: map[schema.GroupVersionResource]*watched{},
	}
}

// Object returns the cached object, nil if there is none. The object is shared and must not be changed. The error is ErrNotSynced (key is
// woken later) or says why the resource cannot be listed.
func (i *Informers) Object(resource schema.GroupVersionResource, namespace, name, key string) (*unstructured.Unstructured, error) {
	w, err := i.watch(resource)
	if err != nil {
		return nil, err
	}
	if err := w.ready(key); err != nil {
		return nil, err
	}
	id := name
	if namespace != "" {
		id = namespace + "/" + name
	}
	item, exists, err := w.informer.GetIndexer().GetByKey(id)
	if err != nil || !exists {
		return nil, err
	}
	return item.(*unstructured.Unstructured), nil
}

// watch returns the running informer of resource and starts it if needed.
func (i *Informers) watch(resource schema.GroupVersionResource) (*watched, error) {
	i.mu.Lock()
	defer i.mu.Unlock()
	if w, ok := i.started[resource]; ok {
		return w, nil
	}
	w := &watched{waiting: map[string]struct{}{}}
	w.informer = dynamicinformer.NewFilteredDynamicInformer(i.client, resource, metav1.NamespaceAll, 0, cache.Indexers{}, func(options *metav1.ListOptions) {
		options.LabelSelector = i.selector
	}).Informer()
	if err := i.prepare(resource, w); err != nil {
		return nil, fmt.Errorf("preparing the watch of %s: %w", resource, err)
	}
	i.started[resource] = w
	go w.informer.RunWithContext(i.ctx)
	go func() {
		if cache.WaitForCacheSync(i.ctx.Done(), w.informer.HasSynced) {
			i.wakeAll(w, nil)
		}
	}()
	return w, nil
}

func (i *Informers) prepare(resource schema.GroupVersionResource, w *watched) error {
	if err := w.informer.SetTransform(stripManagedFields); err != nil {
		return err
	}
	err := w.informer.SetWatchErrorHandlerWithContext(func(_ context.Context, _ *cache.Reflector, err error) {
		// Not logged: a member that is gone has many watches, and one condition that tells why.
		if !w.informer.HasSynced() {
			i.wakeAll(w, fmt.Errorf("listing %s in the member: %w", resource.GroupResource(), err))
		}
	})
	if err != nil {
		return err
	}
	_, err = w.informer.AddEventHandler(i.handler(resource))
	return err
}

// wakeAll records how listing went and wakes who waits for it.
func (i *Informers) wakeAll(w *watched, err error) {
	w.mu.Lock()
	w.err = err
	waiting := w.waiting
	w.waiting = map[string]struct{}{}
	w.mu.Unlock()
	for key := range waiting {
		i.wake(key)
	}
}

// ready returns nil once the cache is complete. Asking and registering are one step under the lock, so that a wake-up cannot slip between.
func (w *watched) ready(key string) error {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.informer.HasSynced() {
		return nil
	}
	if w.err != nil {
		return w.err
	}
	w.waiting[key] = struct{}{}
	return ErrNotSynced
}

// stripManagedFields is a cache transform. managedFields are often half of an object and never read here.
func stripManagedFields(object any) (any, error) {
	if u, ok := object.(*unstructured.Unstructured); ok {
		u.SetManagedFields(nil)
	}
	return object, nil
}
