package server

import (
	"context"
	"maps"
	"slices"
	"strings"
	"sync"
	"time"

	estimatorv1 "github.com/longshore-project/longshore/estimator/proto/v1"
)

// DefaultPatience is how long a member may be silent before it is unknown, as long as Karmada takes to call a cluster not ready.
const DefaultPatience = 40 * time.Second

// Members are the members that are observed. Safe for concurrent use.
type Members struct {
	patience time.Duration

	mu      sync.RWMutex
	members map[string]*member
}

// NewMembers returns no members. One that was silent for longer than patience is unknown.
func NewMembers(patience time.Duration) *Members {
	return &Members{patience: patience, members: map[string]*member{}}
}

// Observe observes a member until ctx ends, and then forgets it. Of two observations with one name the later one counts.
func (m *Members) Observe(ctx context.Context, name string, access Access) {
	observed := newMember(name, m.patience)
	m.put(observed)
	defer m.drop(observed)
	observed.observe(ctx, access)
}

// Refuse makes a member known about which nothing can be known, until ctx ends. err says why.
func (m *Members) Refuse(ctx context.Context, name string, err error) {
	refused := newMember(name, m.patience)
	refused.err = err
	m.put(refused)
	defer m.drop(refused)
	<-ctx.Done()
}

func (m *Members) put(observed *member) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.members[observed.name] = observed
}

func (m *Members) drop(observed *member) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.members[observed.name] == observed {
		delete(m.members, observed.name)
	}
}

func (m *Members) member(name string) (*member, bool) {
	m.mu.RLock()
	defer m.mu.RUnlock()
	found, ok := m.members[name]
	return found, ok
}

// Names returns the names of all members, sorted.
func (m *Members) Names() []string {
	m.mu.RLock()
	defer m.mu.RUnlock()
	return slices.Sorted(maps.Keys(m.members))
}

// States returns the states of the named members, of all for no names. A name that is not observed has a state, too.
func (m *Members) States(names []string) []*estimatorv1.MemberState {
	if len(names) == 0 {
		names = m.Names()
	}
	states := make([]*estimatorv1.MemberState, len(names))
	for i, name := range names {
		if found, ok := m.member(name); ok {
			states[i] = found.state()
		} else {
			states[i] = m.stranger(name)
		}
	}
	return states
}

// stranger is the state of a member that is not observed.
func (m *Members) stranger(name string) *estimatorv1.MemberState {
	return &estimatorv1.MemberState{Member: name, Unknown: estimatorv1.Reason_REASON_NOT_SERVED, Message: m.notServed(name)}
}

// notServed says that name is not observed, and what is.
func (m *Members) notServed(name string) string {
	names := m.Names()
	const some = 5
	list := strings.Join(names[:min(some, len(names))], ", ")
	switch {
	case len(names) == 0:
		list = "none"
	case len(names) > some:
		list += ", …"
	}
	return "member " + name + " is not observed here; observed: " + list
}

// Settled reports whether every member was synced or has told why it is not: from then on waiting does not make answers better.
func (m *Members) Settled() bool {
	m.mu.RLock()
	defer m.mu.RUnlock()
	for _, found := range m.members {
		if !found.settled() {
			return false
		}
	}
	return true
}
