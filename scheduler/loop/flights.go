package loop

import (
	"sync"

	"k8s.io/apimachinery/pkg/types"

	"github.com/longshore-project/longshore/scheduler/queue"
)

// flights tells the loop's own writes from those of others when they come back through the watch.
//
// A write makes a new generation. Its event may arrive before the answer of the API server or after it:
//
//	depart ──► in flight ──land(g)──► expecting g ──observe(g)──► forgotten
//	              │  observe(n): remembered, judged at landing
//
// Whatever is later than the own generation is news. While an own write is expected the state that the watch has shown last is out of date,
// and nothing can be decided upon it.
type flights struct {
	mu       sync.Mutex
	inFlight map[queue.Key]*flight
	expected map[queue.Key]arrival
}

type flight struct {
	uid types.UID
	// seen is the latest generation that the watch has shown since the departure.
	seen int64
}

// arrival is an own write that the watch has not shown yet.
type arrival struct {
	uid        types.UID
	generation int64
	// again means that the binding is to be looked at as soon as the write has come back.
	again bool
}

func newFlights() *flights {
	return &flights{inFlight: map[queue.Key]*flight{}, expected: map[queue.Key]arrival{}}
}

// depart says that a write upon this generation is about to be made.
func (f *flights) depart(key queue.Key, uid types.UID, generation int64) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.inFlight[key] = &flight{uid: uid, seen: generation}
}

// land says that the write is over and the generation that it made, or the one that it was made upon if it did not change that. It reports
// whether somebody else has changed the binding since.
func (f *flights) land(key queue.Key, generation int64) (changed bool) {
	f.mu.Lock()
	defer f.mu.Unlock()
	flight, ok := f.inFlight[key]
	if !ok {
		return true // Deleted or replaced meanwhile.
	}
	delete(f.inFlight, key)
	if flight.seen < generation {
		f.expected[key] = arrival{uid: flight.uid, generation: generation}
	}
	return flight.seen > generation
}

// observe takes note of a generation that the watch shows, and reports whether the binding is to be decided because of it.
func (f *flights) observe(key queue.Key, uid types.UID, generation int64) bool {
	f.mu.Lock()
	defer f.mu.Unlock()
	if flight, ok := f.inFlight[key]; ok && flight.uid == uid {
		flight.seen = max(flight.seen, generation)
		return false
	}
	own, ok := f.expected[key]
	if !ok || own.uid != uid {
		delete(f.inFlight, key)
		delete(f.expected, key)
		return true
	}
	if generation < own.generation {
		return false
	}
	delete(f.expected, key)
	return generation > own.generation || own.again
}

// outdated reports whether an own write has not come back yet, and if so remembers that the binding is to be decided when it does.
func (f *flights) outdated(key queue.Key) bool {
	f.mu.Lock()
	defer f.mu.Unlock()
	own, ok := f.expected[key]
	if ok {
		own.again = true
		f.expected[key] = own
	}
	return ok
}

// pending reports whether an own write is under way or has not come back yet.
func (f *flights) pending(key queue.Key) bool {
	f.mu.Lock()
	defer f.mu.Unlock()
	_, underWay := f.inFlight[key]
	_, expected := f.expected[key]
	return underWay || expected
}

// forget says that the binding was deleted.
func (f *flights) forget(key queue.Key) {
	f.mu.Lock()
	defer f.mu.Unlock()
	delete(f.inFlight, key)
	delete(f.expected, key)
}
