// Package queue says which binding is decided next.
//
// A binding is in one of four states:
//
//	         Add, Wake, Resume, time
//	   ┌───────────────────────────────┐
//	   ▼                               │
//	active ──Pop──► in hand ──Retry──► backoff ◄─┐
//	   ▲               │ └────Park───► parked ───┘ Wake, too soon
//	   └──Add in hand──┤
//	                  Done ► gone
//
// What is added while it is in hand becomes active again when it is put down, and so does what is parked although a change that could have
// cured it came while it was in hand.
//
// The first change that could cure a binding wakes it at once. If the attempt was in vain, the next ones wake it no earlier than 1, 2, 4, 8, 10,
// 10, … seconds after the attempt before, however many changes there are: a fleet in motion does not keep the scheduler busy with what does not
// fit. Done ends the row.
//
// A binding that backs off because the attempt lacked something, such as an answer of a plugin or room in a quota, becomes active as soon as Resume
// says that it is back: at once if only one attempt was in vain, else no earlier than FirstBackoff after the latest one.
package queue

import (
	"container/heap"
	"context"
	"maps"
	"math/bits"
	"slices"
	"sync"
	"time"

	"k8s.io/utils/clock"

	"github.com/longshore-project/longshore/scheduler/framework"
)

// Waiting times.
const (
	// FirstBackoff is the wait after the first failure; it doubles with each further one.
	FirstBackoff = time.Second
	// LongestBackoff bounds the wait.
	LongestBackoff = 10 * time.Second
	// FlushAfter is how long a parked binding waits when no change wakes it.
	FlushAfter = 5 * time.Minute
)

// Key names a binding. A cluster-scoped binding has no namespace.
type Key struct{ Namespace, Name string }

// String returns namespace/name, or the name alone.
func (k Key) String() string {
	if k.Namespace == "" {
		return k.Name
	}
	return k.Namespace + "/" + k.Name
}

// Item is a binding that was taken from the queue.
type Item struct {
	Key Key
	// Priority is that with which it was queued.
	Priority int32
	// Enqueued is when it was queued for this attempt.
	Enqueued time.Time
	// Attempts counts how often it was taken from the queue since it was last Done, this time included.
	Attempts int
	// Turn counts what was ever taken from the queue, this included.
	Turn uint64
}

// Queue holds bindings in order of priority, then of enqueue time, then of their arrival. It is safe for concurrent use.
type Queue struct {
	clock clock.Clock

	mu       sync.Mutex
	items    map[Key]*item
	active   activeHeap
	due      dueHeap
	parked   parking
	arrivals uint64
	turns    uint64
	// changes counts, for each fact, the changes that Wake was told about.
	changes factCounts
	// lacking is who backs off for want of what, resumes what came back when: at which count of all that came back.
	lacking map[string]map[*item]struct{}
	resumes map[string]uint64
	resumed uint64
	// manyResumes is how many names in resumes are reason to look which are of no use any more.
	manyResumes int
	// ready has a token whenever a Pop that waits should look again.
	ready chan struct{}
}

type state int

const (
	active state = iota
	inHand
	backoff
	parked
)

type item struct {
	Item
	state   state
	arrival uint64
	// taken is when it was taken last.
	taken time.Time
	// again means that it was added while it was in hand.
	again bool
	// seen is the count of changes, and back that of what had come back, when it was taken in hand.
	seen  factCounts
	back  uint64
	cures []framework.Cure
	// lacked is what it backs off for want of; empty for nothing that has a name.
	lacked string
	// at is when it becomes active by itself; only items in the due heap have a time.
	at    time.Time
	index int
}

const (
	notInHeap = -1
	// fewResumes is how many names are kept without a look.
	fewResumes = 1024
)

// New returns an empty queue.
func New(c clock.Clock) *Queue {
	return &Queue{clock: c, items: map[Key]*item{}, parked: newParking(), lacking: map[string]map[*item]struct{}{}, resumes: map[string]uint64{}, manyResumes: fewResumes, ready: make(chan struct{}, 1)}
}

// Add makes the binding active with this priority. If it is active already it keeps its place and its priority.
func (q *Queue) Add(key Key, priority int32) {
	q.mu.Lock()
	defer q.mu.Unlock()
	it, known := q.items[key]
	switch {
	case !known:
		it = &item{Item: Item{Key: key}, index: notInHeap, state: inHand}
		q.items[key] = it
	case it.state == active:
		return
	case it.state == inHand:
		it.Priority, it.again = priority, true
		return
	}
	it.Priority = priority
	q.activate(it)
}

// Pop takes the first active binding and waits for one if there is none. It fails only when ctx ends.
func (q *Queue) Pop(ctx context.Context) (Item, error) {
	for {
		it, wait, ok := q.take()
		if ok {
			return it, nil
		}
		if err := q.wait(ctx, wait); err != nil {
			return Item{}, err
		}
	}
}

// take returns the first active binding, or how long it takes until one becomes active by itself: zero if none does.
func (q *Queue) take() (Item, time.Duration, bool) {
	q.mu.Lock()
	defer q.mu.Unlock()
	now := q.clock.Now()
	for len(q.due) > 0 && !q.due[0].at.After(now) {
		q.activate(q.due[0])
	}
	if len(q.active) > 0 {
		it := heap.Pop(&q.active).(*item)
		it.state, it.again, it.seen, it.back, it.taken = inHand, false, q.changes, q.resumed, now
		it.Attempts++
		q.turns++
		it.Turn = q.turns
		if len(q.active) > 0 {
			q.signal()
		}
		return it.Item, 0, true
	}
	if len(q.due) > 0 {
		return Item{}, q.due[0].at.Sub(now), false
	}
	return Item{}, 0, false
}

func (q *Queue) wait(ctx context.Context, at time.Duration) error {
	var timeUp <-chan time.Time
	if at > 0 {
		timer := q.clock.NewTimer(at)
		defer timer.Stop()
		timeUp = timer.C()
	}
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-q.ready:
	case <-timeUp:
	}
	return nil
}

// Done puts down a binding that needs nothing more, or that no longer exists.
func (q *Queue) Done(key Key) {
	q.mu.Lock()
	defer q.mu.Unlock()
	it := q.putDown(key)
	if it == nil {
		return
	}
	it.Attempts = 0
	if it.again {
		q.activate(it)
		return
	}
	delete(q.items, key)
}

// Retry puts down a binding that is to be tried again after a while, or as soon as that comes back which the attempt lacked; empty for nothing of
// which Resume is told.
func (q *Queue) Retry(key Key, lacked string) {
	q.mu.Lock()
	defer q.mu.Unlock()
	it := q.putDown(key)
	if it == nil {
		return
	}
	if it.again {
		q.activate(it)
		return
	}
	if lacked != "" && q.resumes[lacked] > it.back {
		q.rouse(it, resumedAt(it))
		return
	}
	if it.lacked = lacked; lacked != "" {
		insert(q.lacking, lacked, it)
	}
	it.state = backoff
	q.schedule(it, q.clock.Now().Add(backoffFor(it.Attempts)))
}

func backoffFor(attempts int) time.Duration {
	return min(FirstBackoff<<min(max(attempts-1, 0), 10), LongestBackoff)
}

// Park puts down a binding until a change wakes it that is one of cures or, if flush is true, until FlushAfter has passed.
func (q *Queue) Park(key Key, cures []framework.Cure, flush bool) {
	q.mu.Lock()
	defer q.mu.Unlock()
	it := q.putDown(key)
	if it == nil {
		return
	}
	if it.again {
		q.activate(it)
		return
	}
	if q.changes.advanced(it.seen, cures) {
		q.rouse(it, wokenAt(it))
		return
	}
	it.state, it.cures = parked, cures
	q.parked.add(it)
	if flush {
		q.schedule(it, q.clock.Now().Add(FlushAfter))
	}
}

// putDown returns the item if it is in hand.
func (q *Queue) putDown(key Key) *item {
	it, ok := q.items[key]
	if !ok || it.state != inHand {
		return nil
	}
	return it
}

// Wake makes the parked bindings active that one of the changes could cure, those that were woken in vain just before after a while, and
// returns their number. A change without a subject wakes whatever waits for its fact.
func (q *Queue) Wake(changes ...framework.Cure) int { return q.WakeAfter(0, changes...) }

// WakeAfter is Wake, but leaves parked what was taken no later than in that turn: it was decided about when things were as they are again.
func (q *Queue) WakeAfter(turn uint64, changes ...framework.Cure) int {
	q.mu.Lock()
	defer q.mu.Unlock()
	woken := 0
	for _, change := range changes {
		q.changes.count(change.Fact)
		for _, it := range q.parked.matching(change) {
			if it.Turn > turn {
				q.rouse(it, wokenAt(it))
				woken++
			}
		}
	}
	return woken
}

// Resume says that what attempts lacked is back, makes those active that back off for want of it, those that were tried again in vain just before
// after a while, and returns their number.
func (q *Queue) Resume(lacked string) int {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.resumed++
	q.resumes[lacked] = q.resumed
	q.forgetResumes()
	waiting := slices.SortedFunc(maps.Keys(q.lacking[lacked]), byArrival)
	resumed := 0
	for _, it := range waiting {
		if at := resumedAt(it); at.Before(it.at) {
			q.rouse(it, at)
			resumed++
		}
	}
	return resumed
}

// forgetResumes drops what came back before all that is in hand was taken: nobody will ask for it. It looks each time that as many names again have been
// added as were left.
func (q *Queue) forgetResumes() {
	if len(q.resumes) < q.manyResumes {
		return
	}
	oldest := q.resumed
	for _, it := range q.items {
		if it.state == inHand {
			oldest = min(oldest, it.back)
		}
	}
	maps.DeleteFunc(q.resumes, func(_ string, at uint64) bool { return at <= oldest })
	q.manyResumes = max(fewResumes, 2*len(q.resumes))
}

// resumedAt returns when an item is tried again whose lack has ended: however often that happens, not twice within FirstBackoff after it was in vain
// once.
func resumedAt(it *item) time.Time {
	if it.Attempts <= 1 {
		return it.taken
	}
	return it.taken.Add(FirstBackoff)
}

// wokenAt returns when an item is tried again after a change that could cure it.
func wokenAt(it *item) time.Time { return it.taken.Add(paceFor(it.Attempts)) }

// rouse makes the item active, at once or when that time has come.
func (q *Queue) rouse(it *item, at time.Time) {
	if !at.After(q.clock.Now()) {
		q.activate(it)
		return
	}
	q.parked.remove(it)
	if it.index != notInHeap {
		heap.Remove(&q.due, it.index)
	}
	it.state = backoff
	q.schedule(it, at)
}

// paceFor returns how long after its last attempt a binding is left alone although something changed.
func paceFor(attempts int) time.Duration {
	if attempts <= 1 {
		return 0
	}
	return backoffFor(attempts - 1)
}

// activate takes the item from wherever it is and puts it into the active heap.
func (q *Queue) activate(it *item) {
	if it.index != notInHeap {
		heap.Remove(&q.due, it.index)
	}
	if it.state == parked {
		q.parked.remove(it)
	}
	if it.lacked != "" {
		discard(q.lacking, it.lacked, it)
		it.lacked = ""
	}
	it.state, it.again, it.Enqueued = active, false, q.clock.Now()
	q.arrivals++
	it.arrival = q.arrivals
	heap.Push(&q.active, it)
	q.signal()
}

func (q *Queue) schedule(it *item, at time.Time) {
	it.at = at
	heap.Push(&q.due, it)
	q.signal()
}

func (q *Queue) signal() {
	select {
	case q.ready <- struct{}{}:
	default:
	}
}

// Ready returns how many bindings can be taken.
func (q *Queue) Ready() int {
	q.mu.Lock()
	defer q.mu.Unlock()
	return len(q.active)
}

// Depth is the number of bindings in each state.
type Depth struct{ Active, InHand, Backoff, Parked int }

// Depth counts the bindings.
func (q *Queue) Depth() Depth {
	q.mu.Lock()
	defer q.mu.Unlock()
	var d Depth
	for _, it := range q.items {
		switch it.state {
		case active:
			d.Active++
		case inHand:
			d.InHand++
		case backoff:
			d.Backoff++
		case parked:
			d.Parked++
		}
	}
	return d
}

// factCounts counts changes by fact.
type factCounts [8]uint64

func (c *factCounts) count(fact framework.Facts) { c[bits.TrailingZeros8(uint8(fact))]++ }

// advanced reports whether a fact that one of the cures names has changed since the counts were as before.
func (c *factCounts) advanced(before factCounts, cures []framework.Cure) bool {
	for _, cure := range cures {
		i := bits.TrailingZeros8(uint8(cure.Fact))
		if c[i] != before[i] {
			return true
		}
	}
	return false
}
