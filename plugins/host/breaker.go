package host

import (
	"sync"
	"time"
)

// Limits of the circuit breaker and of restarts.
const (
	// tripAfter is how many calls in a row must fail before the plugin is left alone for a while.
	tripAfter = 5
	// firstPause and longestPause bound how long it is left alone, and how long a restart waits; each time takes twice as long as the last.
	firstPause   = 500 * time.Millisecond
	longestPause = 30 * time.Second
	// steady is how long a plugin must have run for its next restart to be at once again.
	steady = time.Minute
)

// pause returns how long to wait after the nth failure in a row, counted from 1.
func pause(n int) time.Duration {
	d := firstPause
	for ; n > 1 && d < longestPause; n-- {
		d *= 2
	}
	return min(d, longestPause)
}

// breaker keeps calls away from a plugin that fails every one of them, so that each costs no deadline. After a pause one call is let through;
// if it succeeds, all are. It is safe for concurrent use.
//
//	closed ──tripAfter failures──► open ──pause──► probing ──success──► closed
//	                                 ▲───────────failure──────┘
type breaker struct {
	mu       sync.Mutex
	failures int
	trips    int
	until    time.Time
	probing  bool
}

// allow reports whether a call may be made at this time. Each call that was allowed must be reported to done.
func (b *breaker) allow(now time.Time) bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.trips == 0 {
		return true
	}
	if b.probing || now.Before(b.until) {
		return false
	}
	b.probing = true
	return true
}

// done takes in the result of a call. It returns true if the plugin is to be left alone from now on.
func (b *breaker) done(now time.Time, ok bool) (tripped bool) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if ok {
		b.failures, b.trips, b.probing = 0, 0, false
		return false
	}
	b.failures++
	if b.failures < tripAfter && !b.probing || now.Before(b.until) {
		return false
	}
	b.trips++
	b.probing, b.until = false, now.Add(pause(b.trips))
	return true
}

// release takes back a call that says nothing about the plugin, because who asked went away.
func (b *breaker) release() {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.probing = false
}

// open reports whether calls are kept away.
func (b *breaker) open() bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.trips > 0
}

// reset forgets everything: the plugin is another process now.
func (b *breaker) reset() {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.failures, b.trips, b.probing, b.until = 0, 0, false, time.Time{}
}
