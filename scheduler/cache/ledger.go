package cache

import (
	"time"

	"github.com/longshore-project/longshore/scheduler/framework"
)

// ledger is the account of reservations: by binding, and summed up by cluster.
type ledger struct {
	byBinding map[string]*entry
	// byCluster indexes the entries by cluster, so that a report touches only those that concern it.
	byCluster map[string]map[string]*entry
	sums      map[string]framework.Resources
	// waiting holds the confirmed entries in the order of their confirmation; entries that are gone by now are skipped.
	waiting []*entry
}

type entry struct {
	key       string
	rooms     map[string]framework.Resources
	confirmed time.Time
}

func newLedger() *ledger {
	return &ledger{byBinding: map[string]*entry{}, byCluster: map[string]map[string]*entry{}, sums: map[string]framework.Resources{}}
}

// on returns what is reserved in the cluster, nil for nothing.
func (l *ledger) on(cluster string) framework.Resources { return l.sums[cluster] }

// put replaces the entry of the binding and returns the clusters in which something changed.
func (l *ledger) put(key string, reservations []Reservation) []string {
	touched := l.remove(key)
	if len(reservations) == 0 {
		return touched
	}
	e := &entry{key: key, rooms: make(map[string]framework.Resources, len(reservations))}
	for _, r := range reservations {
		e.rooms[r.Cluster] = e.rooms[r.Cluster].Plus(r.Resources)
		l.sums[r.Cluster] = l.sums[r.Cluster].Plus(r.Resources)
		if l.byCluster[r.Cluster] == nil {
			l.byCluster[r.Cluster] = map[string]*entry{}
		}
		l.byCluster[r.Cluster][key] = e
		touched = append(touched, r.Cluster)
	}
	l.byBinding[key] = e
	return touched
}

// remove drops the entry of the binding and returns the clusters in which something changed.
func (l *ledger) remove(key string) []string {
	e, ok := l.byBinding[key]
	if !ok {
		return nil
	}
	touched := make([]string, 0, len(e.rooms))
	for cluster := range e.rooms {
		touched = append(touched, cluster)
		l.release(e, cluster)
	}
	return touched
}

// release gives back what the entry holds in one cluster.
func (l *ledger) release(e *entry, cluster string) {
	l.sums[cluster] = nonZero(l.sums[cluster].Minus(e.rooms[cluster]))
	delete(e.rooms, cluster)
	delete(l.byCluster[cluster], e.key)
	if len(l.byCluster[cluster]) == 0 {
		delete(l.byCluster, cluster)
		delete(l.sums, cluster)
	}
	if len(e.rooms) == 0 && l.byBinding[e.key] == e {
		delete(l.byBinding, e.key)
	}
}

// nonZero leaves out what came to zero, so that a cluster without reservations equals one that never had any.
func nonZero(r framework.Resources) framework.Resources {
	var out framework.Resources
	for _, a := range r {
		if a.Amount != 0 {
			out = append(out, a)
		}
	}
	return out
}

func (l *ledger) confirm(key string, now time.Time) {
	if e, ok := l.byBinding[key]; ok && e.confirmed.IsZero() {
		e.confirmed = now
		l.waiting = append(l.waiting, e)
	}
}

// reported releases what confirmed entries hold in the cluster, whose report has changed and is taken to include them, and returns what is
// still reserved there.
func (l *ledger) reported(cluster string) framework.Resources {
	for _, e := range l.byCluster[cluster] {
		if !e.confirmed.IsZero() {
			l.release(e, cluster)
		}
	}
	return l.on(cluster)
}

// expire releases the entries that were confirmed at or before the deadline and returns the clusters in which something changed.
func (l *ledger) expire(deadline time.Time) []string {
	var touched []string
	for len(l.waiting) > 0 && !l.waiting[0].confirmed.After(deadline) {
		if e := l.waiting[0]; l.byBinding[e.key] == e {
			touched = append(touched, l.remove(e.key)...)
		}
		l.waiting = l.waiting[1:]
	}
	return touched
}
