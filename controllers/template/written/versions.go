// Package written remembers what a controller wrote until its cache shows it.
//
// A controller that reads from a cache may be asked again before its own write has come back. Deciding on the outdated
// object would repeat the write, so it looks here first and waits for the cache.
package written

import (
	"sync"
	"time"

	"k8s.io/apimachinery/pkg/util/resourceversion"
)

// expiry bounds how long a cache may be waited for: an object that was written and deleted while the watch was
// interrupted never appears.
const expiry = 10 * time.Second

// Versions holds the last version written of each object. It is safe for concurrent use.
type Versions[K comparable] struct {
	mu   sync.Mutex
	last map[K]write
	now  func() time.Time
}

type write struct {
	version string
	at      time.Time
}

// New returns an empty memory.
func New[K comparable]() *Versions[K] {
	return &Versions[K]{last: map[K]write{}, now: time.Now}
}

// Set records that the object was written and got that version.
func (v *Versions[K]) Set(key K, version string) {
	v.mu.Lock()
	defer v.mu.Unlock()
	v.last[key] = write{version: version, at: v.now()}
}

// Forget drops what is known of an object, for example because it was deleted.
func (v *Versions[K]) Forget(key K) {
	v.mu.Lock()
	defer v.mu.Unlock()
	delete(v.last, key)
}

// Ahead reports whether something was written that the cache, which shows the given version, does not show yet. An
// empty version means that the cache does not show the object at all.
func (v *Versions[K]) Ahead(key K, cached string) bool {
	v.mu.Lock()
	defer v.mu.Unlock()
	last, ok := v.last[key]
	if !ok {
		return false
	}
	if v.now().Sub(last.at) < expiry && older(cached, last.version) {
		return true
	}
	delete(v.last, key)
	return false
}

// older compares versions of one object; versions that cannot be compared are not older.
func older(version, than string) bool {
	if version == "" {
		return true
	}
	order, err := resourceversion.CompareResourceVersion(version, than)
	return err == nil && order < 0
}
