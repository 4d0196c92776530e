package cache

import (
	"time"

	"github.com/longshore-project/longshore/scheduler/framework"
)

// ledger is the account of reservations: by ticket, by binding, and summed up by cluster.
type ledger struct {
	issued    Ticket
	byTicket  map[Ticket]*entry
	byBinding map[string]map[Ticket]*entry
	// byCluster indexes the entries by cluster, so that a report touches only those that concern it.
	byCluster map[string]map[Ticket]*entry
	sums      map[string]framework.Resources
	// waiting holds the confirmed entries in the order of their confirmation; entries that are gone by now are skipped.
	waiting []*entry
}

type entry struct {
	ticket    Ticket
	key       string
	rooms     map[string]framework.Resources
	confirmed time.Time
}

func newLedger() *ledger {
	return &ledger{
		byTicket: map[Ticket]*entry{}, byBinding: map[string]map[Ticket]*entry{}, byCluster: map[string]map[Ticket]*entry{},
		sums: map[string]framework.Resources{},
	}
}

// on returns what is reserved in the cluster, nil for nothing.
func (l *ledger) on(cluster string) framework.Resources { return l.sums[cluster] }

// put makes an entry and returns its ticket and the clusters in which something changed.
func (l *ledger) put(key string, reservations []Reservation) (Ticket, []string) {
	l.issued++
	e := &entry{ticket: l.issued, key: key, rooms: make(map[string]framework.Resources, len(reservations))}
	touched := make([]string, 0, len(reservations))
	for _, r := range reservations {
		e.rooms[r.Cluster] = e.rooms[r.Cluster].Plus(r.Resources)
		l.sums[r.Cluster] = l.sums[r.Cluster].Plus(r.Resources)
		file(l.byCluster, r.Cluster, e)
		touched = append(touched, r.Cluster)
	}
	l.byTicket[e.ticket] = e
	file(l.byBinding, key, e)
	return e.ticket, touched
}

// remove drops the entry and returns the clusters in which something changed.
func (l *ledger) remove(t Ticket) []string {
	e, ok := l.byTicket[t]
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

// removeAll drops the entries of the binding.
func (l *ledger) removeAll(key string) []string {
	var touched []string
	for t := range l.byBinding[key] {
		touched = append(touched, l.remove(t)...)
	}
	return touched
}

// release gives back what the entry holds in one cluster.
func (l *ledger) release(e *entry, cluster string) {
	l.sums[cluster] = nonZero(l.sums[cluster].Minus(e.rooms[cluster]))
	delete(e.rooms, cluster)
	if unfile(l.byCluster, cluster, e); len(l.byCluster[cluster]) == 0 {
		delete(l.sums, cluster)
	}
	if len(e.rooms) == 0 {
		delete(l.byTicket, e.ticket)
		unfile(l.byBinding, e.key, e)
	}
}

func file(index map[string]map[Ticket]*entry, key string, e *entry) {
	if index[key] == nil {
		index[key] = map[Ticket]*entry{}
	}
	index[key][e.ticket] = e
}

func unfile(index map[string]map[Ticket]*entry, key string, e *entry) {
	delete(index[key], e.ticket)
	if len(index[key]) == 0 {
		delete(index, key)
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

func (l *ledger) confirm(t Ticket, now time.Time) {
	if e, ok := l.byTicket[t]; ok && e.confirmed.IsZero() {
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
		touched = append(touched, l.remove(l.waiting[0].ticket)...)
		l.waiting = l.waiting[1:]
	}
	return touched
}
