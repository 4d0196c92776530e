package template

import (
	"context"
	"errors"
	"sync"
	"time"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/util/wait"
	"k8s.io/client-go/tools/cache"
	"k8s.io/client-go/util/workqueue"
	"sigs.k8s.io/controller-runtime/pkg/source"
)

// Handler is told of every significant change. It must return quickly: it is called from the watch of the type.
// Changes of one template arrive in order; templates of different types arrive concurrently.
type Handler func(Event)

// subscription turns informer notifications into events of one handler.
type subscription struct {
	scope  *Scope
	handle Handler

	mu            sync.Mutex
	registrations map[*watched]cache.ResourceEventHandlerRegistration
}

// Subscribe reports every template that exists and every later change to handle.
func (s *Store) Subscribe(handle Handler) {
	s.subscribe(handle)
}

func (s *Store) subscribe(handle Handler) *subscription {
	sub := &subscription{
		scope: s.scope, handle: handle,
		registrations: map[*watched]cache.ResourceEventHandlerRegistration{},
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.subscribers = append(s.subscribers, sub)
	for _, k := range s.kinds {
		sub.attach(k)
	}
	return sub
}

func (sub *subscription) attach(k *watched) {
	registration, err := k.informer.AddEventHandler(sub)
	if err != nil {
		return // the informer was stopped meanwhile: there is nothing to hear from it
	}
	sub.mu.Lock()
	defer sub.mu.Unlock()
	sub.registrations[k] = registration
}

// detach forgets a type that is no longer watched.
func (sub *subscription) detach(k *watched) {
	sub.mu.Lock()
	defer sub.mu.Unlock()
	delete(sub.registrations, k)
}

// synced reports whether every type has delivered what existed, or has used up its patience.
func (sub *subscription) synced() bool {
	sub.mu.Lock()
	defer sub.mu.Unlock()
	for k, registration := range sub.registrations {
		if !registration.HasSynced() && time.Since(k.started) < syncPatience {
			return false
		}
	}
	return true
}

// OnAdd implements [cache.ResourceEventHandler].
func (sub *subscription) OnAdd(item any, initial bool) {
	if obj, ok := item.(*unstructured.Unstructured); ok && sub.scope.Includes(obj) {
		sub.handle(Event{Ref: RefOf(obj), New: obj, Initial: initial})
	}
}

// OnUpdate implements [cache.ResourceEventHandler].
func (sub *subscription) OnUpdate(before, after any) {
	old, ok := before.(*unstructured.Unstructured)
	if !ok {
		return
	}
	obj, ok := after.(*unstructured.Unstructured)
	if !ok {
		return
	}
	was, is := sub.scope.Includes(old), sub.scope.Includes(obj)
	switch {
	case was && !is:
		sub.handle(Event{Ref: RefOf(obj), Old: old})
	case !was && is:
		sub.handle(Event{Ref: RefOf(obj), New: obj})
	case is && Significant(old, obj):
		sub.handle(Event{Ref: RefOf(obj), Old: old, New: obj})
	}
}

// OnDelete implements [cache.ResourceEventHandler].
func (sub *subscription) OnDelete(item any) {
	if gone, ok := item.(cache.DeletedFinalStateUnknown); ok {
		item = gone.Obj
	}
	if obj, ok := item.(*unstructured.Unstructured); ok && sub.scope.Includes(obj) {
		sub.handle(Event{Ref: RefOf(obj), Old: obj})
	}
}

// Source returns a source that lets a controller enqueue requests for template events. The controller's workers start
// once every template that exists has been reported.
func Source[R comparable](s *Store, enqueue func(Event, workqueue.TypedRateLimitingInterface[R])) source.TypedSyncingSource[R] {
	return &storeSource[R]{store: s, enqueue: enqueue}
}

type storeSource[R comparable] struct {
	store        *Store
	enqueue      func(Event, workqueue.TypedRateLimitingInterface[R])
	subscription *subscription
}

// Start implements [source.TypedSource].
func (s *storeSource[R]) Start(_ context.Context, queue workqueue.TypedRateLimitingInterface[R]) error {
	s.subscription = s.store.subscribe(func(e Event) { s.enqueue(e, queue) })
	return nil
}

// WaitForSync implements [source.TypedSyncingSource].
func (s *storeSource[R]) WaitForSync(ctx context.Context) error {
	if s.subscription == nil {
		return errors.New("template source has not been started")
	}
	select {
	case <-s.store.discovered:
	case <-ctx.Done():
		return ctx.Err()
	}
	return wait.PollUntilContextCancel(ctx, 50*time.Millisecond, true, func(context.Context) (bool, error) {
		return s.subscription.synced(), nil
	})
}
