package status

import (
	"sync"
	"time"

	"k8s.io/apimachinery/pkg/types"
)

// progress holds back intermediate states of bindings until a window after the first of them has passed. It is safe for
// concurrent use.
type progress struct {
	window time.Duration
	mu     sync.Mutex
	since  map[types.NamespacedName]time.Time
}

func newProgress(window time.Duration) *progress {
	return &progress{window: window, since: map[types.NamespacedName]time.Time{}}
}

// wait returns how long to hold back the present intermediate state, 0 or less if it is due.
func (p *progress) wait(key types.NamespacedName, now time.Time) time.Duration {
	p.mu.Lock()
	defer p.mu.Unlock()
	since, ok := p.since[key]
	if !ok {
		p.since[key] = now
		since = now
	}
	return p.window - now.Sub(since)
}

// done ends the window: the state is written, or there is nothing to write.
func (p *progress) done(key types.NamespacedName) {
	p.mu.Lock()
	defer p.mu.Unlock()
	delete(p.since, key)
}
