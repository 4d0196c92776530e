package status

import (
	"sync"

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
