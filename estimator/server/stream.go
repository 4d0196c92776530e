package server

import (
	"context"
	"errors"
	"fmt"
	"net/url"
	"sync"
	"time"

	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/util/wait"
	"k8s.io/apimachinery/pkg/watch"
	"k8s.io/client-go/tools/cache"

	"github.com/longshore-project/longshore/estimator/census"
)

// stream is the watch of one resource of a member. It implements cache.ReflectorStore, cache.TransformingStore and cache.ReflectorBookmarkStore:
// what it is told goes to the census, and it keeps nothing but when it was told.
type stream struct {
	resource string
	put      func(object any)
	remove   func(namespace, name string)
	retain   func(keys map[string]struct{})

	mu        sync.Mutex
	complete  bool      // there was a complete list
	connected bool      // the last list or watch was not refused
	heard     time.Time // when the stream was last known to be up to date
	err       error     // of the last list or watch, nil when connected
}

// streamState is a moment of a stream.
type streamState struct {
	complete bool
	heard    time.Time
	err      error
}

func (s *stream) state() streamState {
	s.mu.Lock()
	defer s.mu.Unlock()
	return streamState{complete: s.complete, heard: s.heard, err: s.err}
}

// alive records that the member gave a sign of life, which proves the stream to be up to date if it is connected.
func (s *stream) alive() {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.connected {
		s.heard = time.Now()
	}
}

func (s *stream) connect() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.connected, s.err = true, nil
}

func (s *stream) fail(err error) {
	// What went wrong, without the long URL that was asked.
	if whole, ok := errors.AsType[*url.Error](err); ok {
		err = whole.Err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.connected, s.err = false, fmt.Errorf("listing %s: %w", s.resource, err)
}

// Add implements cache.ReflectorStore.
func (s *stream) Add(object any) error {
	trimmed, err := census.Trim(object)
	if err != nil {
		return err
	}
	s.put(trimmed)
	s.alive()
	return nil
}

// Update implements cache.ReflectorStore.
func (s *stream) Update(object any) error { return s.Add(object) }

// Delete implements cache.ReflectorStore.
func (s *stream) Delete(object any) error {
	accessor, err := meta.Accessor(object)
	if err != nil {
		return err
	}
	s.remove(accessor.GetNamespace(), accessor.GetName())
	s.alive()
	return nil
}

// Replace implements cache.ReflectorStore.
func (s *stream) Replace(objects []any, _ string) error {
	keys := make(map[string]struct{}, len(objects))
	for _, object := range objects {
		key, err := cache.MetaNamespaceKeyFunc(object)
		if err != nil {
			return err
		}
		keys[key] = struct{}{}
		trimmed, err := census.Trim(object)
		if err != nil {
			return err
		}
		s.put(trimmed)
	}
	s.retain(keys)
	s.mu.Lock()
	defer s.mu.Unlock()
	s.complete, s.connected, s.heard, s.err = true, true, time.Now(), nil
	return nil
}

// Resync implements cache.ReflectorStore.
func (s *stream) Resync() error { return nil }

// Bookmark implements cache.ReflectorBookmarkStore.
func (s *stream) Bookmark(string) error {
	s.alive()
	return nil
}

// Transformer implements cache.TransformingStore: what a list is collected in is trimmed, too.
func (s *stream) Transformer() cache.TransformFunc { return census.Trim }

// source lists and watches one resource.
type source struct {
	list  func(context.Context, metav1.ListOptions) (runtime.Object, error)
	watch func(context.Context, metav1.ListOptions) (watch.Interface, error)
	// client says whether lists may arrive as a stream.
	client any
	object runtime.Object
}

// run watches until ctx ends.
func (s *stream) run(ctx context.Context, from source) {
	lw := cache.ToListWatcherWithWatchListSemantics(&cache.ListWatch{
		ListWithContextFunc: func(ctx context.Context, options metav1.ListOptions) (runtime.Object, error) {
			list, err := from.list(ctx, options)
			if err != nil {
				s.fail(err)
			}
			return list, err
		},
		WatchFuncWithContext: func(ctx context.Context, options metav1.ListOptions) (watch.Interface, error) {
			watch, err := from.watch(ctx, options)
			if err != nil {
				s.fail(err)
			} else {
				s.connect()
			}
			return watch, err
		},
	}, from.client)
	reflector := cache.NewReflectorWithOptions(lw, from.object, s, cache.ReflectorOptions{
		Name: s.resource,
		// A member that comes back is heard again within seconds.
		Backoff: &wait.Backoff{Duration: 500 * time.Millisecond, Factor: 2, Jitter: 0.5, Steps: 10, Cap: 5 * time.Second},
	})
	reflector.RunWithContext(ctx)
}
