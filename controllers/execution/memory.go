package execution

import (
	"sync"

	workv1alpha1 "github.com/longshore-project/longshore/apis/work/v1alpha1"
)

// memory is what an actor knows of a Work beyond what the caches show. Losing it costs requests, never correctness. One pass at a time
// uses the memory of one Work, so its fields need no lock.
type memory struct {
	// applied by the ordinal of the manifest.
	applied map[int]applied
	// settling is true while the pass that records an accepted request is due.
	settling bool
	// retries counts the failed passes since the last success.
	retries int
	// written is the status last written while the cache still shows resource version base.
	written *workv1alpha1.WorkStatus
	base    string
	// failure is the message of the last failed pass, to report each once.
	failure string
}

// status returns the newest status known: the one written, until the cache has moved on.
func (m *memory) status(work *workv1alpha1.Work) workv1alpha1.WorkStatus {
	if m.written != nil && m.base == work.ResourceVersion {
		return *m.written
	}
	m.written = nil
	return work.Status
}

// ledger holds the memories and the parked Works of one member.
type ledger struct {
	mu       sync.Mutex
	memories map[string]*memory
	parked   map[string]struct{}
}

func newLedger() *ledger {
	return &ledger{memories: map[string]*memory{}, parked: map[string]struct{}{}}
}

func (l *ledger) of(name string) *memory {
	l.mu.Lock()
	defer l.mu.Unlock()
	m, ok := l.memories[name]
	if !ok {
		m = &memory{applied: map[int]applied{}}
		l.memories[name] = m
	}
	return m
}

func (l *ledger) forget(name string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	delete(l.memories, name)
	delete(l.parked, name)
}

func (l *ledger) park(name string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.parked[name] = struct{}{}
}

// unpark empties the parking place and returns what stood there.
func (l *ledger) unpark() []string {
	l.mu.Lock()
	defer l.mu.Unlock()
	names := make([]string, 0, len(l.parked))
	for name := range l.parked {
		names = append(names, name)
	}
	clear(l.parked)
	return names
}
