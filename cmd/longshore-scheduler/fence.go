package main

import (
	"context"
	"sync"
	"time"

	"k8s.io/client-go/tools/leaderelection/resourcelock"
)

// fence is the lock of a leader election that knows whether this process may write. The election alone notices late that it lost the lease: a
// process that was stopped, or starved, and goes on does what it was about to do first, and a leader that finds the lease in other hands keeps
// trying until its deadline.
//
//	not held ──lease written, as ours──► held ──another holder seen, or given back──► not held
//	                                      │ ▲
//	                       limit has passed │ written again
//	                                      ▼ │
//	                                     expired
//
// Others take the lease no earlier than the lease duration after its last renewal, which is longer than the limit: by the difference a write may be
// under way before one of them decides. What arrives later still meets the guard of the write, which lets it through only upon the spec that was
// decided about. It is safe for concurrent use.
type fence struct {
	resourcelock.Interface
	// limit is for how long after a renewal this process may write.
	limit time.Duration
	// lost is called when the lease is found in other hands that this process held.
	lost func()

	mu   sync.Mutex
	held bool
	// renewed is when the latest renewal that succeeded was begun.
	renewed time.Time
}

// holds reports whether this process may write.
func (f *fence) holds() bool {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.held && time.Since(f.renewed) < f.limit
}

// Get implements resourcelock.Interface.
func (f *fence) Get(ctx context.Context) (*resourcelock.LeaderElectionRecord, []byte, error) {
	record, raw, err := f.Interface.Get(ctx)
	if err == nil && record.HolderIdentity != f.Identity() && f.drop() {
		f.lost()
	}
	return record, raw, err
}

// Create implements resourcelock.Interface.
func (f *fence) Create(ctx context.Context, r resourcelock.LeaderElectionRecord) error {
	return f.write(r, func() error { return f.Interface.Create(ctx, r) })
}

// Update implements resourcelock.Interface. A lease that is given back counts as lost before others can know.
func (f *fence) Update(ctx context.Context, r resourcelock.LeaderElectionRecord) error {
	if r.HolderIdentity != f.Identity() {
		f.drop()
	}
	return f.write(r, func() error { return f.Interface.Update(ctx, r) })
}

func (f *fence) write(r resourcelock.LeaderElectionRecord, write func() error) error {
	began := time.Now()
	if err := write(); err != nil {
		return err
	}
	if r.HolderIdentity == f.Identity() {
		f.mu.Lock()
		f.held, f.renewed = true, began
		f.mu.Unlock()
	}
	return nil
}

// drop reports whether this process held the lease until now.
func (f *fence) drop() bool {
	f.mu.Lock()
	defer f.mu.Unlock()
	held := f.held
	f.held = false
	return held
}
