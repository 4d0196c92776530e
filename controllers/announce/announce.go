// Package announce holds what every controller needs to tell of events: notes that the API server accepts, and failures told once.
package announce

import (
	"fmt"
	"strings"
	"sync"

	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/client-go/tools/events"
)

// maxNote is the longest note in bytes that the API server takes, 1024, less room for an ellipsis and for what client-go's older recorder puts before
// the last of many similar events: "(combined from similar events): ". A longer one would be refused and lost.
const maxNote = 980

// Bounded returns a recorder that shortens notes which the API server would refuse.
func Bounded(recorder events.EventRecorder) events.EventRecorder { return bounded{recorder} }

type bounded struct{ events.EventRecorder }

func (b bounded) Eventf(regarding, related runtime.Object, kind, reason, action, note string, args ...any) {
	b.EventRecorder.Eventf(regarding, related, kind, reason, action, "%s", Shorten(fmt.Sprintf(note, args...)))
}

// Shorten returns the note, or so much of it as every version of the events API takes. It cuts between two characters.
func Shorten(note string) string {
	if len(note) <= maxNote {
		return note
	}
	return strings.ToValidUTF8(note[:maxNote], "") + " …"
}

// Failures remembers what was last told about each object that fails. The zero value remembers nothing. It is safe for concurrent use.
type Failures[K comparable] struct {
	mu   sync.Mutex
	last map[K]string
}

// News reports whether the failure differs from what was last told of key, and remembers it.
func (f *Failures[K]) News(key K, failure string) bool {
	f.mu.Lock()
	defer f.mu.Unlock()
	if last, failed := f.last[key]; failed && last == failure {
		return false
	}
	if f.last == nil {
		f.last = map[K]string{}
	}
	f.last[key] = failure
	return true
}

// Forget drops the last failure of key and reports whether there was one.
func (f *Failures[K]) Forget(key K) bool {
	f.mu.Lock()
	defer f.mu.Unlock()
	_, failed := f.last[key]
	delete(f.last, key)
	return failed
}
