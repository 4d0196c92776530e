package queue

import (
	"cmp"
	"maps"
	"slices"

	"github.com/longshore-project/longshore/scheduler/framework"
)

// activeHeap orders by priority descending, then by enqueue time and arrival ascending.
type activeHeap []*item

func (h activeHeap) Len() int { return len(h) }
func (h activeHeap) Less(i, j int) bool {
	a, b := h[i], h[j]
	if a.Priority != b.Priority {
		return a.Priority > b.Priority
	}
	if !a.Enqueued.Equal(b.Enqueued) {
		return a.Enqueued.Before(b.Enqueued)
	}
	return a.arrival < b.arrival
}
func (h activeHeap) Swap(i, j int) { h[i], h[j] = h[j], h[i] }
func (h *activeHeap) Push(x any)   { *h = append(*h, x.(*item)) }
func (h *activeHeap) Pop() any     { return popLast((*[]*item)(h)) }

// dueHeap orders by the time at which an item becomes active by itself. Items know their index, to be removed early.
type dueHeap []*item

func (h dueHeap) Len() int           { return len(h) }
func (h dueHeap) Less(i, j int) bool { return h[i].at.Before(h[j].at) }
func (h dueHeap) Swap(i, j int) {
	h[i], h[j] = h[j], h[i]
	h[i].index, h[j].index = i, j
}
func (h *dueHeap) Push(x any) {
	it := x.(*item)
	it.index = len(*h)
	*h = append(*h, it)
}
func (h *dueHeap) Pop() any {
	it := popLast((*[]*item)(h))
	it.index = notInHeap
	return it
}

func popLast(items *[]*item) *item {
	last := len(*items) - 1
	it := (*items)[last]
	(*items)[last] = nil
	*items = (*items)[:last]
	return it
}

// parking indexes the parked items by what could cure them.
type parking struct {
	bySubject map[framework.Cure]map[*item]struct{}
	byFact    map[framework.Facts]map[*item]struct{}
}

func newParking() parking {
	return parking{bySubject: map[framework.Cure]map[*item]struct{}{}, byFact: map[framework.Facts]map[*item]struct{}{}}
}

func (p parking) add(it *item) {
	for _, cure := range it.cures {
		insert(p.bySubject, cure, it)
		insert(p.byFact, cure.Fact, it)
	}
}

func (p parking) remove(it *item) {
	for _, cure := range it.cures {
		discard(p.bySubject, cure, it)
		discard(p.byFact, cure.Fact, it)
	}
	it.cures = nil
}

// matching returns the items that wait for the change, in the order in which they once became active.
func (p parking) matching(change framework.Cure) []*item {
	found := map[*item]struct{}{}
	if change.Subject == "" {
		maps.Copy(found, p.byFact[change.Fact])
	} else {
		maps.Copy(found, p.bySubject[change])
		maps.Copy(found, p.bySubject[framework.Cure{Fact: change.Fact}])
	}
	return slices.SortedFunc(maps.Keys(found), byArrival)
}

// byArrival orders items by when they once became active.
func byArrival(a, b *item) int { return cmp.Compare(a.arrival, b.arrival) }

func insert[K comparable](index map[K]map[*item]struct{}, key K, it *item) {
	if index[key] == nil {
		index[key] = map[*item]struct{}{}
	}
	index[key][it] = struct{}{}
}

func discard[K comparable](index map[K]map[*item]struct{}, key K, it *item) {
	delete(index[key], it)
	if len(index[key]) == 0 {
		delete(index, key)
	}
}
