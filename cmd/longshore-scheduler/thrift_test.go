package main

import (
	"context"
	"slices"
	"testing"
	"testing/synctest"
	"time"
)

// TestThrift uses one processor after a calm while, all as soon as there is much to do, and leaves all.
func TestThrift(t *testing.T) {
	t.Setenv("GOMAXPROCS", "")
	synctest.Test(t, func(t *testing.T) {
		busy, calls := true, []string{}
		x := &thrift{
			busy: func() bool { return busy }, one: func() { calls = append(calls, "one") }, all: func() { calls = append(calls, "all") },
		}
		ctx, stop := context.WithCancel(t.Context())
		go x.run(ctx)
		after := func(looks int, want ...string) {
			t.Helper()
			time.Sleep(time.Duration(looks) * thriftInterval)
			synctest.Wait()
			if !slices.Equal(calls, want) {
				t.Fatalf("calls %v, want %v", calls, want)
			}
		}
		after(10)
		busy = false
		after(thriftAfter - 1)
		busy = true
		after(1)
		busy = false
		after(thriftAfter - 1)
		after(1, "one")
		after(10, "one")
		busy = true
		after(1, "one", "all")
		after(1, "one", "all")
		busy = false
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
