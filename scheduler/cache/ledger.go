package cache

import (
	"cmp"
	"maps"
	"slices"
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
	// seen is the part of sums of which the pods are known to exist, and seenAt when that was last found out.
	seen   map[string]framework.Resources
	seenAt map[string]time.Time
	// waiting holds the confirmed entries in the order of their confirmation; entries that are gone by now are skipped.
	waiting []*entry
	// confirmed counts the confirmed entries that are not gone.
	confirmed int
}

// entry is what one decision holds.
type entry struct {
	ticket Ticket
	key    string
	// rooms is what is still held in each cluster.
	rooms map[string]framework.Resources
	// seen names the clusters whose next report includes the entry.
	seen map[string]bool
	// confirmed is zero for an entry in flight.
	confirmed time.Time
}

func newLedger() *ledger {
	return &ledger{
		byTicket: map[Ticket]*entry{}, byBinding: map[string]map[Ticket]*entry{}, byCluster: map[string]map[Ticket]*entry{},
		sums: map[string]framework.Resources{}, seen: map[string]framework.Resources{}, seenAt: map[string]time.Time{},
	}
}

// unseen returns what is reserved in the cluster for pods that are not known to exist, and when pods of the rest were last found to exist.
func (l *ledger) unseen(cluster string) (framework.Resources, time.Time) {
	return nonZero(l.sums[cluster].Minus(l.seen[cluster])), l.seenAt[cluster]
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
	l.shrink(e, cluster, e.rooms[cluster])
	delete(e.rooms, cluster)
	if unfile(l.byCluster, cluster, e); len(l.byCluster[cluster]) == 0 {
		delete(l.sums, cluster)
		delete(l.seen, cluster)
		delete(l.seenAt, cluster)
	}
	if len(e.rooms) == 0 {
		delete(l.byTicket, e.ticket)
		unfile(l.byBinding, e.key, e)
		if !e.confirmed.IsZero() {
			l.confirmed--
		}
	}
}

// shrink takes the part from what the entry holds in one cluster.
func (l *ledger) shrink(e *entry, cluster string, part framework.Resources) {
	e.rooms[cluster] = nonZero(e.rooms[cluster].Minus(part))
	l.sums[cluster] = nonZero(l.sums[cluster].Minus(part))
	if e.seen[cluster] {
		l.seen[cluster] = nonZero(l.seen[cluster].Minus(part))
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

// positive leaves out what is not above zero.
func positive(r framework.Resources) framework.Resources {
	var out framework.Resources
	for _, a := range r {
		if a.Amount > 0 {
			out = append(out, a)
		}
	}
	return out
}

// overlap returns for each resource the lower amount.
func overlap(a, b framework.Resources) framework.Resources {
	var out framework.Resources
	for _, x := range a {
		if amount := min(x.Amount, b.Amount(x.Name)); amount > 0 {
			out = append(out, framework.ResourceAmount{Name: x.Name, Amount: amount})
		}
	}
	return out
}

// confirm says when the entry was written. Entries are confirmed in the order of time, except for those of an earlier process.
func (l *ledger) confirm(t Ticket, now time.Time) {
	e, ok := l.byTicket[t]
	if !ok || !e.confirmed.IsZero() {
		return
	}
	e.confirmed = now
	l.confirmed++
	at := len(l.waiting)
	for at > 0 && l.waiting[at-1].confirmed.After(now) {
		at--
	}
	l.waiting = slices.Insert(l.waiting, at, e)
}

// markSeen says that the next report of the cluster includes what the binding holds there. It reports whether that is news.
func (l *ledger) markSeen(key, cluster string, now time.Time) (news bool) {
	for _, e := range l.byBinding[key] {
		room, holds := e.rooms[cluster]
		if !holds || e.confirmed.IsZero() || e.seen[cluster] {
			continue
		}
		if e.seen == nil {
			e.seen = map[string]bool{}
		}
		e.seen[cluster], news = true, true
		l.seen[cluster], l.seenAt[cluster] = l.seen[cluster].Plus(room), now
	}
	return news
}

// reported releases what a changed report of the cluster includes, which shows so much more in use than the one before: first what is known to
// be included, then from the oldest entry to the latest as far as the growth goes.
func (l *ledger) reported(cluster string, growth framework.Resources) {
	entries := l.awaiting(cluster)
	for _, e := range entries {
		if e.seen[cluster] {
			growth = nonZero(growth.Minus(overlap(growth, e.rooms[cluster])))
			l.release(e, cluster)
		}
	}
	for _, e := range entries {
		if len(growth) == 0 {
			return
		}
		if _, holds := e.rooms[cluster]; !holds {
			continue
		}
		included := overlap(e.rooms[cluster], growth)
		growth = nonZero(growth.Minus(included))
		if l.shrink(e, cluster, included); len(e.rooms[cluster]) == 0 {
			l.release(e, cluster)
		}
	}
}

// awaiting returns the confirmed entries that hold room in the cluster, the oldest first.
func (l *ledger) awaiting(cluster string) []*entry {
	var out []*entry
	for e := range maps.Values(l.byCluster[cluster]) {
		if !e.confirmed.IsZero() {
			out = append(out, e)
		}
	}
	slices.SortFunc(out, func(a, b *entry) int {
		return cmp.Or(a.confirmed.Compare(b.confirmed), cmp.Compare(a.ticket, b.ticket))
	})
	return out
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
