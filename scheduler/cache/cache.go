// Package cache holds the state of the fleet between decisions: what members report and what decisions have promised since.
//
// A promise, or reservation, goes through these states:
//
//	Assume ──► in flight ──Confirm──► awaiting reports ──► released, as far as a report shows more in use, or after Patience
//	               │                 ▲      │
//	               │    Restore ─────┘      │
//	               └──Release, Forget───────┴──Forget──► released
//
// While it is in flight or awaits reports it counts against the capacity of its clusters, so two decisions never take the same room. What a
// member reports to be in use beyond its last report is taken to be what was promised there, the oldest promise first; so the sum of what is
// in use and what is promised stays the same while pods appear, however many reports that takes. A promise of which all pods have been Seen
// is released at the next report, even if other pods went away meanwhile and less is in use in all.
package cache

import (
	"slices"
	"sync"
	"time"

	"k8s.io/utils/clock"

	"github.com/longshore-project/longshore/scheduler/framework"
)

// Patience is how long a confirmed reservation waits for the member's reports to show it before it is assumed to be included.
const Patience = 5 * time.Minute

// Cache is the mutable state of the fleet. It is safe for concurrent use. Its snapshots are immutable and stay valid for ever.
type Cache struct {
	clock clock.PassiveClock

	mu         sync.Mutex
	clusters   map[string]*framework.Cluster
	reserved   *ledger
	tracksSeen bool
	generation framework.Generation
	snapshot   *framework.Snapshot
	// dirty names the clusters that differ from the snapshot. Moved means that the set of names differs, so that a new snapshot must be
	// built from nothing.
	dirty map[string]bool
	moved bool
}

// New returns an empty fleet.
func New(c clock.PassiveClock) *Cache {
	return &Cache{
		clock: c, clusters: map[string]*framework.Cluster{}, reserved: newLedger(), generation: 1,
		snapshot: framework.NewSnapshot(nil, 1), dirty: map[string]bool{},
	}
}

// SetCluster takes over what is known about a member now, and returns in which facts that differs from before: none for a report that says
// nothing new, all for a member that was unknown. The cache keeps the pointer; the caller must not change the cluster afterwards. What is reserved
// and estimated is overwritten.
func (c *Cache) SetCluster(cluster *framework.Cluster) framework.Facts {
	c.mu.Lock()
	defer c.mu.Unlock()
	old, known := c.clusters[cluster.Name]
	if !known {
		c.account(cluster)
		c.clusters[cluster.Name] = cluster
		c.moved = true
		return framework.AllFacts
	}
	cluster.Reserved, cluster.Unseen, cluster.SeenAt, cluster.Estimates = old.Reserved, old.Unseen, old.SeenAt, old.Estimates
	facts := framework.Differences(old, cluster)
	if facts == 0 {
		return 0
	}
	shareUnchanged(old, cluster, facts)
	if facts&framework.FactCapacity != 0 {
		c.reserved.reported(cluster.Name, growth(old.Summary, cluster.Summary))
		c.account(cluster)
	}
	c.clusters[cluster.Name] = cluster
	c.dirty[cluster.Name] = true
	return facts
}

// growth returns what is in use now beyond what was in use before: nothing where that is not known.
func growth(before, now *framework.Summary) framework.Resources {
	if before == nil || now == nil {
		return nil
	}
	return positive(now.Used.Minus(before.Used))
}

// shareUnchanged keeps the old slices where nothing changed, so that the long lists of APIs are held once.
func shareUnchanged(old, now *framework.Cluster, facts framework.Facts) {
	if facts&framework.FactAPIs == 0 {
		now.APIs = old.APIs
	}
	if facts&framework.FactLabels == 0 {
		now.Labels = old.Labels
	}
}

// RemoveCluster forgets a member and reports whether it was known.
func (c *Cache) RemoveCluster(name string) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	if _, known := c.clusters[name]; !known {
		return false
	}
	delete(c.clusters, name)
	delete(c.dirty, name)
	c.moved = true
	return true
}

// Cluster returns what is known about the member: read only.
func (c *Cache) Cluster(name string) (*framework.Cluster, bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	cluster, ok := c.clusters[name]
	return cluster, ok
}

// Snapshot returns the fleet as it is now, reservations included. If nothing changed since the last call it is the same snapshot.
func (c *Cache) Snapshot() *framework.Snapshot {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.touch(c.reserved.expire(c.clock.Now().Add(-Patience)))
	switch {
	case c.moved:
		c.generation++
		c.snapshot = framework.NewSnapshot(c.all(), c.generation)
	case len(c.dirty) > 0:
		c.generation++
		c.snapshot = c.snapshot.With(c.generation, c.changed()...)
	}
	c.moved = false
	clear(c.dirty)
	return c.snapshot
}

func (c *Cache) all() []*framework.Cluster {
	out := make([]*framework.Cluster, 0, len(c.clusters))
	for _, cluster := range c.clusters {
		out = append(out, cluster)
	}
	return out
}

// changed returns the dirty clusters in order of name, so that the log of changes does not depend on the order of a map.
func (c *Cache) changed() []*framework.Cluster {
	names := make([]string, 0, len(c.dirty))
	for name := range c.dirty {
		names = append(names, name)
	}
	slices.Sort(names)
	out := make([]*framework.Cluster, len(names))
	for i, name := range names {
		out[i] = c.clusters[name]
	}
	return out
}

// Reservation is room promised in one cluster.
type Reservation struct {
	Cluster   string
	Resources framework.Resources
}

// Ticket names the reservations of one decision. The zero ticket names none.
type Ticket uint64

// Assume counts the reservations of a decision about the binding called key against capacity, beside those of earlier decisions about it
// that no report includes yet.
func (c *Cache) Assume(key string, reservations []Reservation) Ticket {
	if len(reservations) == 0 {
		return 0
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	t, touched := c.reserved.put(key, reservations)
	c.touch(touched)
	return t
}

// Confirm says that the decision is written: from now on the members' reports are going to include it.
func (c *Cache) Confirm(t Ticket) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.reserved.confirm(t, c.clock.Now())
}

// Restore counts reservations that an earlier process made for the binding called key and confirmed at that time.
func (c *Cache) Restore(key string, reservations []Reservation, confirmed time.Time) {
	if len(reservations) == 0 {
		return
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	t, touched := c.reserved.put(key, reservations)
	c.reserved.confirm(t, confirmed)
	c.touch(touched)
}

// Seen says that all pods of the binding called key are known to exist in the cluster: its next changed report includes them, whatever else
// has changed there.
func (c *Cache) Seen(key, cluster string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.reserved.markSeen(key, cluster, c.clock.Now()) && c.tracksSeen {
		c.touch([]string{cluster})
	}
}

// TrackSeen makes clusters tell which reservations are for pods that are not known to exist. Without it Unseen is not kept up to date, which
// spares a change of the cluster for each binding whose pods exist.
func (c *Cache) TrackSeen() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.tracksSeen = true
}

// EstimatesChanged says that estimators answer differently about the members. Unknown ones are ignored.
func (c *Cache) EstimatesChanged(members []string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, name := range members {
		if old, ok := c.clusters[name]; ok {
			updated := *old
			updated.Estimates++
			c.clusters[name], c.dirty[name] = &updated, true
		}
	}
}

// Holds reports whether the binding called key has any reservations.
func (c *Cache) Holds(key string) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	return len(c.reserved.byBinding[key]) > 0
}

// Release gives back what a decision that came to nothing had reserved, and reports whether that was anything.
func (c *Cache) Release(t Ticket) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	released := c.reserved.remove(t)
	c.touch(released)
	return len(released) > 0
}

// Forget gives back everything that the binding has reserved, and reports whether that was anything.
func (c *Cache) Forget(key string) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	released := c.reserved.removeAll(key)
	c.touch(released)
	return len(released) > 0
}

// account fills in what is reserved in the cluster.
func (c *Cache) account(cluster *framework.Cluster) {
	cluster.Reserved = c.reserved.on(cluster.Name)
	if c.tracksSeen {
		cluster.Unseen, cluster.SeenAt = c.reserved.unseen(cluster.Name)
	}
}

// touch brings the clusters' sums of reservations up to date.
func (c *Cache) touch(names []string) {
	for _, name := range names {
		old, ok := c.clusters[name]
		if !ok {
			continue
		}
		updated := *old
		c.account(&updated)
		c.clusters[name] = &updated
		c.dirty[name] = true
	}
}

// Outstanding is the number of decisions whose reservations are not released.
type Outstanding struct{ InFlight, AwaitingReport int }

// Outstanding counts the decisions that hold reservations.
func (c *Cache) Outstanding() Outstanding {
	c.mu.Lock()
	defer c.mu.Unlock()
	return Outstanding{InFlight: len(c.reserved.byTicket) - c.reserved.confirmed, AwaitingReport: c.reserved.confirmed}
}
