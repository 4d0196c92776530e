package status

import (
	"sync"
	"time"

	"k8s.io/apimachinery/pkg/types"
	"k8s.io/apimachinery/pkg/util/resourceversion"
)

// written remembers the last version that was written of each object until the cache shows it, so that a status is
// not computed from, and not written over, an outdated one. It is safe for concurrent use.
type written[K comparable] struct {
	mu       sync.Mutex
	versions map[K]string
}

func newWritten[K comparable]() *written[K] {
	return &written[K]{versions: map[K]string{}}
}

func (w *written[K]) set(key K, version string) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.versions[key] = version
}

func (w *written[K]) forget(key K) {
	w.mu.Lock()
	defer w.mu.Unlock()
	delete(w.versions, key)
}

// ahead reports whether something was written that the given version of the object does not show yet.
func (w *written[K]) ahead(key K, version string) bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	last, ok := w.versions[key]
	if !ok {
		return false
	}
	if order, err := resourceversion.CompareResourceVersion(version, last); err == nil && order < 0 {
		return true
	}
	delete(w.versions, key)
	return false
}

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
