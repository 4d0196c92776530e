package main

import (
	"context"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"
)

// TestThrift uses one processor after a calm while, all as soon as there is much to do, and leaves all.
func TestThrift(t *testing.T) {
	t.Setenv("GOMAXPROCS", "")
	synctest.Test(t, func(t *testing.T) {
		var busy atomic.Bool
		busy.Store(true)
		var mu sync.Mutex
		var calls []string
		note := func(call string) {
			mu.Lock()
			defer mu.Unlock()
			calls = append(calls, call)
		}
		x := &thrift{busy: busy.Load, one: func() { note("one") }, all: func() { note("all") }}
		ctx, stop := context.WithCancel(t.Context())
		go x.run(ctx)
		after := func(looks int, want ...string) {
			t.Helper()
			time.Sleep(time.Duration(looks) * thriftInterval)
			synctest.Wait()
			mu.Lock()
			defer mu.Unlock()
			if !slices.Equal(calls, want) {
				t.Fatalf("calls %v, want %v", calls, want)
			}
		}
		after(10)
		busy.Store(false)
		after(thriftAfter - 1)
		busy.Store(true)
		after(1)
		busy.Store(false)
		after(thriftAfter - 1)
		after(1, "one")
		after(10, "one")
		busy.Store(true)
		after(1, "one", "all")
		after(1, "one", "all")
		busy.Store(false)
		after(thriftAfter, "one", "all", "one")
		stop()
		after(0, "one", "all", "one", "all")
	})
}

// TestNoThrift leaves alone what the user has set.
func TestNoThrift(t *testing.T) {
	t.Setenv("GOMAXPROCS", "2")
	synctest.Test(t, func(t *testing.T) {
		x := &thrift{busy: func() bool { return false }, one: func() { t.Error("the number of processors is changed") }}
		x.run(t.Context())
	})
}
