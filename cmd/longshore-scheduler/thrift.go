package main

import (
	"context"
	"os"
	"runtime"
	"time"
)

const (
	// thriftInterval is how often the load is looked at.
	thriftInterval = 500 * time.Millisecond
	// thriftAfter is how many looks in a row must find little to do before one processor has to do.
	thriftAfter = 4
)

// thrift lets one processor do while there is little to do. When messages come one by one, the Go runtime wakes a thread on another processor for
// nearly every one, which searches for work, finds it done, and goes to sleep again; that takes longer than the work. $GOMAXPROCS switches it off.
type thrift struct {
	busy func() bool
	// one and all set how many processors are used.
	one, all func()
	calm     int
}

func newThrift(busy func() bool) *thrift {
	return &thrift{busy: busy, one: func() { runtime.GOMAXPROCS(1) }, all: runtime.SetDefaultGOMAXPROCS}
}

// run looks at the load until ctx ends, and leaves the runtime with all processors.
func (t *thrift) run(ctx context.Context) {
	if os.Getenv("GOMAXPROCS") != "" {
		return
	}
	tick := time.NewTicker(thriftInterval)
	defer tick.Stop()
	for {
		select {
		case <-tick.C:
			t.look()
		case <-ctx.Done():
			if t.calm >= thriftAfter {
				t.all()
			}
			return
		}
	}
}

func (t *thrift) look() {
	if t.busy() {
		if t.calm >= thriftAfter {
			t.all()
		}
		t.calm = 0
		return
	}
	if t.calm++; t.calm == thriftAfter {
		t.one()
	}
}
