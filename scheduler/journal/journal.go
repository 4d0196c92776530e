// Package journal keeps the latest decision about each binding for as long as there is room, so that it can be explained when somebody asks.
package journal

import (
	"container/list"
	"sync"
	"time"

	"github.com/longshore-project/longshore/scheduler/framework"
)

// How much is kept. A decision takes some tens of bytes for each cluster of its fleet, and may be the last to hold its snapshot.
const (
	mostDecisions = 4096
	mostRows      = 1 << 19
)

// Journal holds decisions, each with its explanation yet unwritten. It is safe for concurrent use.
type Journal struct {
	now func() time.Time

	mu sync.Mutex
	// order is the entries, latest first; byBinding finds them.
	order     list.List
	byBinding map[string]*list.Element
	rows      int
}

// entry is the latest decision about one binding. It is read only.
type entry struct {
	binding, profile string
	at               time.Time
	made             framework.Decision
	rows             int
}

// New returns an empty journal that takes its times from now.
func New(now func() time.Time) *Journal {
	return &Journal{now: now, byBinding: map[string]*list.Element{}}
}

// Of returns what enters the decisions of the profile with that schedulerName.
func (j *Journal) Of(schedulerName string) Writer { return Writer{j, schedulerName} }

// Writer enters the decisions of one profile.
type Writer struct {
	journal *Journal
	profile string
}

// Observe enters the decision on the request in the place of the one before it. The oldest others go when there is no room.
func (w Writer) Observe(r *framework.Request, s *framework.Snapshot, d framework.Decision) {
	j := w.journal
	e := &entry{binding: r.Key, profile: w.profile, at: j.now(), made: d, rows: s.Len() * max(1, len(d.Attempts))}
	j.mu.Lock()
	defer j.mu.Unlock()
	if old, ok := j.byBinding[r.Key]; ok {
		j.drop(old)
	}
	j.byBinding[r.Key] = j.order.PushFront(e)
	j.rows += e.rows
	for j.order.Len() > 1 && (j.order.Len() > mostDecisions || j.rows > mostRows) {
		j.drop(j.order.Back())
	}
}

func (j *Journal) drop(at *list.Element) {
	e := j.order.Remove(at).(*entry)
	delete(j.byBinding, e.binding)
	j.rows -= e.rows
}

// Decision returns the latest decision about the binding, which is namespace/name or the name alone, with its explanation.
func (j *Journal) Decision(binding string) (d Decision, ok bool) {
	j.mu.Lock()
	at, ok := j.byBinding[binding]
	j.mu.Unlock()
	if !ok {
		return Decision{}, false
	}
	e := at.Value.(*entry)
	d = Describe(e.binding, e.profile, &e.made)
	d.Time = &e.at
	return d, true
}

// Decisions returns all decisions that are kept, the latest first, without explanations.
func (j *Journal) Decisions() []Decision {
	j.mu.Lock()
	entries := make([]*entry, 0, j.order.Len())
	for at := j.order.Front(); at != nil; at = at.Next() {
		entries = append(entries, at.Value.(*entry))
	}
	j.mu.Unlock()
	out := make([]Decision, len(entries))
	for i, e := range entries {
		out[i] = brief(e.binding, e.profile, &e.made)
		out[i].Time = &e.at
	}
	return out
}

// Describe returns a decision with its explanation, without a time.
func Describe(binding, profile string, made *framework.Decision) Decision {
	d := brief(binding, profile, made)
	d.Explanation = made.Explain()
	return d
}

func brief(binding, profile string, made *framework.Decision) Decision {
	return Decision{Binding: binding, Profile: profile, Outcome: made.Outcome.String(), Message: made.Message()}
}
