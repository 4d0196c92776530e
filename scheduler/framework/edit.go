package framework

import "maps"

// edit collects the changes that turn a snapshot into its successor. Columns and sets are copied on their first change.
type edit struct {
	next      *Snapshot
	clusters  *columnEdit[*Cluster]
	labels    *postingsEdit[Label]
	labelKeys *postingsEdit[string]
	taints    *postingsEdit[Taint]
	apis      *postingsEdit[API]
	providers *postingsEdit[string]
	regions   *postingsEdit[string]
	zones     *postingsEdit[string]
	free      map[string]*columnEdit[int64]
	// copied is the facts whose plain sets (candidates, zoned, summarized) are already the successor's own.
	copied Facts
}

func (s *Snapshot) edit() *edit {
	next, n := *s, len(s.names)
	return &edit{
		next: &next, clusters: editColumn(s.clusters),
		labels: editPostings(s.labels, n), labelKeys: editPostings(s.labelKeys, n), taints: editPostings(s.taints, n),
		apis: editPostings(s.apis, n), providers: editPostings(s.providers, n), regions: editPostings(s.regions, n),
		zones: editPostings(s.zones, n), free: map[string]*columnEdit[int64]{},
	}
}

// replace puts now in the place of old in one row, for the facts in which they differ.
func (e *edit) replace(row int, old, now *Cluster, facts Facts) {
	e.clusters.set(row, now)
	if facts&FactMembership != 0 {
		assign(e.own(FactMembership, &e.next.candidates), row, !now.Deleting)
	}
	if facts&FactLabels != 0 {
		e.replaceLabels(row, old.Labels, now.Labels)
	}
	if facts&FactTaints != 0 {
		replaceKeys(e.taints, row, old.Taints, now.Taints)
	}
	if facts&FactAPIs != 0 {
		replaceKeys(e.apis, row, old.APIs, now.APIs)
	}
	if facts&FactTopology != 0 {
		replaceKeys(e.providers, row, []string{old.Provider}, []string{now.Provider})
		replaceKeys(e.regions, row, []string{old.Region}, []string{now.Region})
		replaceKeys(e.zones, row, old.Zones, now.Zones)
		assign(e.own(FactTopology, &e.next.zoned), row, len(now.Zones) > 0)
	}
	if facts&FactCapacity != 0 {
		if e.copied&FactCapacity == 0 {
			e.next.modelled = e.next.modelled.Clone()
		}
		assign(e.own(FactCapacity, &e.next.summarized), row, now.Summary != nil)
		assign(e.next.modelled, row, now.Summary != nil && len(now.Summary.Grades) > 0)
		e.replaceFree(row, old, now)
	}
}

// own makes sure that the set is not shared with the predecessor.
func (e *edit) own(fact Facts, set *Bitset) Bitset {
	if e.copied&fact == 0 {
		*set, e.copied = set.Clone(), e.copied|fact
	}
	return *set
}

func assign(set Bitset, row int, in bool) {
	if in {
		set.Set(row)
	} else {
		set.Unset(row)
	}
}

// replaceKeys takes the row out of the sets of the old keys and then puts it into those of the new ones; the order matters for keys in both.
func replaceKeys[K comparable](p *postingsEdit[K], row int, old, now []K) {
	for _, k := range old {
		if _, ok := p.out[k]; ok {
			p.unset(k, row)
		}
	}
	for _, k := range now {
		p.set(k, row)
	}
}

func (e *edit) replaceLabels(row int, old, now map[string]string) {
	for k, v := range old {
		if w, ok := now[k]; !ok || w != v {
			e.labels.unset(Label{k, v}, row)
			e.labelKeys.unset(k, row)
		}
	}
	for k, v := range now {
		if w, ok := old[k]; !ok || w != v {
			e.labels.set(Label{k, v}, row)
			e.labelKeys.set(k, row)
		}
	}
}

// replaceFree writes what is free now and zeroes the resources that the cluster no longer offers.
func (e *edit) replaceFree(row int, old, now *Cluster) {
	before, after := freeOf(old), freeOf(now)
	for _, a := range before {
		if after.Amount(a.Name) != a.Amount {
			e.column(a.Name).set(row, after.Amount(a.Name))
		}
	}
	for _, a := range after {
		if _, known := e.next.free[a.Name]; !known || before.Amount(a.Name) != a.Amount {
			e.column(a.Name).set(row, a.Amount)
		}
	}
}

// freeOf returns allocatable less used less reserved for the resources that the cluster offers.
func freeOf(c *Cluster) Resources {
	if c.Summary == nil {
		return nil
	}
	taken := c.Summary.Used.Plus(c.Reserved)
	out := make(Resources, len(c.Summary.Allocatable))
	for i, a := range c.Summary.Allocatable {
		out[i] = ResourceAmount{Name: a.Name, Amount: SaturatingAdd(a.Amount, SaturatingMul(taken.Amount(a.Name), -1))}
	}
	return out
}

func (e *edit) column(resource string) *columnEdit[int64] {
	c, ok := e.free[resource]
	if !ok {
		base, known := e.next.free[resource]
		if !known {
			base = newColumn[int64](len(e.next.names))
		}
		c = editColumn(base)
		e.free[resource] = c
	}
	return c
}

// done returns the successor, in which the given facts have changed at generation g.
func (e *edit) done(facts Facts, g Generation, capacityRows []int32) *Snapshot {
	s := e.next
	s.clusters = e.clusters.out
	s.labels, s.labelKeys, s.taints, s.apis = e.labels.done(), e.labelKeys.done(), e.taints.done(), e.apis.done()
	s.providers, s.regions, s.zones = e.providers.done(), e.regions.done(), e.zones.done()
	if len(e.free) > 0 {
		s.free = maps.Clone(s.free)
		if s.free == nil {
			s.free = map[string]Column[int64]{}
		}
		for resource, c := range e.free {
			s.free[resource] = c.out
		}
	}
	if facts&FactTaints != 0 {
		s.repelling = s.repellingTaints()
	}
	if facts&FactTopology != 0 {
		s.provided, s.regioned = s.nonEmpty(s.providers), s.nonEmpty(s.regions)
	}
	if facts&(FactTopology|FactLabels) != 0 {
		s.groups = &groupCache{}
	}
	s.latest = g
	for i := range s.generations {
		if facts&(1<<i) != 0 {
			s.generations[i] = g
		}
	}
	if len(capacityRows) > 0 {
		s.capacityLog = s.capacityLog.then(g, capacityRows)
	}
	return s
}

// capacityLogLength bounds how many changes of capacity are remembered; who is further behind computes everything again.
const capacityLogLength = 512

// capacityChange is one link of the chain of recent changes, latest first.
type capacityChange struct {
	at       Generation
	rows     []int32
	previous *capacityChange
	length   int
	// complete is the generation after which the chain misses nothing.
	complete Generation
}

// then returns the chain with one more change. A chain that grew too long is dropped and starts again.
func (c *capacityChange) then(g Generation, rows []int32) *capacityChange {
	if c == nil {
		return &capacityChange{at: g, rows: rows, length: 1, complete: 0}
	}
	if c.length >= capacityLogLength {
		return &capacityChange{at: g, rows: rows, length: 1, complete: c.at}
	}
	return &capacityChange{at: g, rows: rows, previous: c, length: c.length + 1, complete: c.complete}
}

// CapacityChangedSince appends to rows those whose capacity changed after generation g, each at least once, in no order. Ok is false when
// that is no longer known, or when the rows of that time mean other clusters now.
func (s *Snapshot) CapacityChangedSince(g Generation, rows []int32) (changed []int32, ok bool) {
	if s.membersAt() > g || s.capacityLog != nil && s.capacityLog.complete > g {
		return rows, false
	}
	for c := s.capacityLog; c != nil && c.at > g; c = c.previous {
		rows = append(rows, c.rows...)
	}
	return rows, true
}

// membersAt returns when the rows got their present meaning, or a later time.
func (s *Snapshot) membersAt() Generation { return s.Generation(FactMembership) }
