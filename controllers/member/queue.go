package member

import (
	"context"
	"time"

	"k8s.io/client-go/util/workqueue"
)

// Backoff of a failing key: doubles from firstRetry to lastRetry, so that a refused object costs one request every two minutes.
const (
	firstRetry = 500 * time.Millisecond
	lastRetry  = 2 * time.Minute
)

// Queue holds the keys that wait for one member's workers. A key is worked on by one worker at a time; adding it meanwhile queues it once
// more. Idle queues cost one goroutine, whatever the number of workers.
type Queue[T comparable] struct {
	keys    workqueue.TypedRateLimitingInterface[T]
	workers int
}

// NewQueue returns an empty queue for at most workers keys at a time.
func NewQueue[T comparable](workers int) *Queue[T] {
	limiter := workqueue.NewTypedItemExponentialFailureRateLimiter[T](firstRetry, lastRetry)
	return &Queue[T]{keys: workqueue.NewTypedRateLimitingQueue(limiter), workers: max(workers, 1)}
}

// Add makes key due now.
func (q *Queue[T]) Add(key T) { q.keys.Add(key) }

// AddAfter makes key due after delay. Of several delays for one key the earliest counts, which makes a delay a batching window.
func (q *Queue[T]) AddAfter(key T, delay time.Duration) { q.keys.AddAfter(key, delay) }

// Run passes due keys to process until ctx ends, and returns when the last call has. A key whose call returns an error is tried again with
// backoff; nil resets its backoff.
func (q *Queue[T]) Run(ctx context.Context, process func(context.Context, T) error) {
	slots := make(chan struct{}, q.workers)
	stop := context.AfterFunc(ctx, q.keys.ShutDown)
	defer stop()
	for {
		key, shutdown := q.keys.Get()
		if shutdown {
			break
		}
		slots <- struct{}{}
		go func() {
			defer func() { <-slots }()
			q.work(ctx, key, process)
		}()
	}
	for range q.workers { // Every slot taken means that every worker has returned.
		slots <- struct{}{}
	}
}

func (q *Queue[T]) work(ctx context.Context, key T, process func(context.Context, T) error) {
	defer q.keys.Done(key)
	if err := process(ctx, key); err != nil {
		q.keys.AddRateLimited(key)
		return
	}
	q.keys.Forget(key)
}
