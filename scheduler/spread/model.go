package spread

import (
	"math"
	"slices"
)

// unbounded stands for "no maximum" in counts.
const unbounded int32 = math.MaxInt32

// model is a Problem reduced to what the search reads: the candidates that may
// be chosen, the keys in search order, and the classes of candidates that
// belong to the same groups.
type model struct {
	p        *Problem
	replicas int64
	active   []int32 // candidates that may be chosen, ascending

	keys     []keyModel // keys with groups of several clusters, in search order
	size     limits     // all keys whose groups are single clusters, merged
	hasSize  bool
	counters []int  // counter of each Problem key: index in keys, or len(keys) for size
	fixed    []bool // by Problem key: not in keys, and the same for all sets; nil: none
	chain    bool   // keys nest: each group lies in one group of the key before
	laminar  bool   // a chain, and each candidate has one group of every key

	classified bool
	classOf    []int32 // by candidate; valid for active ones once classified
	classes    []class // without order
	keep       []int64 // by candidate, as room and score; valid for active ones
	room       []int64
	score      []int64
	tierRanks  []int32 // distinct tiers, ascending
	held       int64   // Σ keep over the active
	largest    quantities
	hasRoom    bool  // every active candidate has room
	seatsBound int64 // no valid answer needs more seats than this
}

// quantities of one candidate, or the largest of each over several.
type quantities struct{ keep, score, room int64 }

// limits of one key: covered groups in [least, most], and at least seats of
// them with a replica.
type limits struct{ least, most, seats int32 }

type keyModel struct {
	limits
	index  int     // in Problem.Keys
	groups int32   // groups with an active candidate
	wide   int32   // most groups of one candidate
	first  []int32 // by group id: smallest active candidate, or none (-1)
	degree int     // keys that nest with this one
	finer  []int   // keys whose groups each lie in one group of this one
}

// class is the set of candidates with the same groups in all of model.keys.
type class struct{ member int32 }

// prepare fills m from p but for what arrange fills, reusing the slices that m
// holds.
func (m *model) prepare(p *Problem) {
	p.check()
	m.p, m.replicas, m.fixed, m.classified = p, p.replicas(), nil, false
	m.active = activeCandidates(p, m.active[:0])
	m.measure()
	m.tierRanks = m.distinctTiers(m.tierRanks[:0])
	m.splitKeys()
}

// arrange fills in what only the search and several keys need.
func (m *model) arrange(b *buffers) {
	m.orderKeys(b)
	m.seatsBound = m.boundSeats()
}

// activeCandidates appends to dst those that have a group in every key and not
// more of them than the key's maximum.
func activeCandidates(p *Problem, dst []int32) []int32 {
	dst = resize(dst, p.Candidates)
	for i := range dst {
		dst[i] = int32(i)
	}
	for k := range p.Keys {
		if key := &p.Keys[k]; !key.Membership.own() && !key.usableByAll() {
			dst = slices.DeleteFunc(dst, func(i int32) bool { return !key.usable(i) })
		}
	}
	return dst
}

// usableByAll reports whether every candidate has a group, and not too many.
func (k *Key) usableByAll() bool {
	m := &k.Membership
	if m.Start == nil {
		return !slices.Contains(m.Group, NoGroup)
	}
	most := int32(math.MaxInt32)
	if k.Max > 0 {
		most = int32(min(k.Max, math.MaxInt32))
	}
	for i, end := range m.Start[1:] {
		if n := end - m.Start[i]; n == 0 || n > most {
			return false
		}
	}
	return true
}

// groups reports whether candidate i has a group.
func (k *Key) groups(i int32) bool { return k.Membership.own() || len(k.Membership.of(i)) > 0 }

// usable reports whether candidate i has a group, and not too many.
func (k *Key) usable(i int32) bool {
	m := &k.Membership
	if m.Start == nil {
		return m.Group[i] != NoGroup
	}
	n := int(m.Start[i+1] - m.Start[i])
	return n > 0 && (k.Max <= 0 || n <= k.Max)
}

// measure fills the columns that members are compared by.
func (m *model) measure() {
	p, r := m.p, m.p.replicas()
	m.hasRoom, m.held, m.largest = true, 0, quantities{}
	m.keep, m.score, m.room = resize(m.keep, p.Candidates), resize(m.score, p.Candidates), resize(m.room, p.Candidates)
	for _, i := range m.active {
		room := r
		if p.Capacity != nil {
			room = clamp(p.Capacity[i])
		}
		m.room[i] = room
		m.largest.room = max(m.largest.room, room)
		m.hasRoom = m.hasRoom && (room > 0 || !p.Divided)
	}
	clear(m.keep)
	if p.Current != nil {
		for _, i := range m.active {
			m.keep[i] = p.keep(i)
			m.largest.keep = max(m.largest.keep, m.keep[i])
			m.held += m.keep[i]
		}
	}
	clear(m.score)
	if p.Score != nil {
		for _, i := range m.active {
			m.score[i] = clamp(p.Score[i])
			m.largest.score = max(m.largest.score, m.score[i])
		}
	}
}

func (m *model) distinctTiers(dst []int32) []int32 {
	if m.p.Tier == nil {
		return append(dst, 0)
	}
	for _, i := range m.active {
		t := m.p.Tier[i]
		if at, ok := slices.BinarySearch(dst, t); !ok {
			dst = slices.Insert(dst, at, t)
		}
	}
	return dst
}

// splitKeys separates keys whose groups are single clusters, which are only a
// count of clusters, from the rest.
func (m *model) splitKeys() {
	m.keys = m.keys[:0]
	m.size, m.hasSize = limits{least: 1, most: unbounded}, false
	m.counters = slices.Grow(m.counters[:0], len(m.p.Keys))[:len(m.p.Keys)]
	for k := range m.p.Keys {
		key := &m.p.Keys[k]
		lim := limits{int32(key.least()), unbounded, int32(m.p.seatsNeeded(k))}
		if key.Max > 0 {
			lim.most = int32(min(key.Max, int(unbounded)))
		}
		if key.Membership.own() {
			m.mergeSize(k, lim)
			continue
		}
		if n := len(m.keys); n < cap(m.keys) {
			m.keys = m.keys[:n+1]
		} else {
			m.keys = append(m.keys, keyModel{})
		}
		km := &m.keys[len(m.keys)-1]
		km.limits, km.index, km.degree, km.finer = lim, k, 0, km.finer[:0]
		km.measure(&key.Membership, m.active)
		if km.wide == 1 && int(km.groups) == len(m.active) {
			m.keys = m.keys[:len(m.keys)-1]
			m.mergeSize(k, lim)
		}
	}
	for i := range m.keys {
		if km := &m.keys[i]; km.most >= km.groups {
			km.most = unbounded
		}
	}
	if int(m.size.most) >= len(m.active) {
		m.size.most = unbounded
	}
	m.chain = len(m.keys) < 2
}

func (m *model) mergeSize(k int, lim limits) {
	m.hasSize = true
	m.counters[k] = -1
	m.size.least = max(m.size.least, lim.least)
	m.size.most = min(m.size.most, lim.most)
	m.size.seats = max(m.size.seats, lim.seats)
}

// measure counts the groups and finds the first candidate of each.
func (k *keyModel) measure(mem *Membership, active []int32) {
	k.first, k.groups, k.wide = k.first[:0], 0, 0
	if mem.Start == nil {
		for at := len(active) - 1; at >= 0; at-- {
			i := active[at]
			k.note(mem.Group[i], i)
		}
		k.wide = min(1, int32(len(active)))
	} else {
		for at := len(active) - 1; at >= 0; at-- {
			i := active[at]
			groups := mem.of(i)
			k.wide = max(k.wide, int32(len(groups)))
			for _, g := range groups {
				k.note(g, i)
			}
		}
	}
	for _, first := range k.first {
		if first >= 0 {
			k.groups++
		}
	}
}

// note makes candidate i the first of group g; it comes before those noted so far.
func (k *keyModel) note(g, i int32) {
	for int(g) >= len(k.first) {
		k.first = append(k.first, -1)
	}
	k.first[g] = i
}

// boundSeats bounds the seats of a smallest T: one chain of seats serves all
// nested keys; in general the first seat serves every key and each further one
// at least the key it is chosen for.
func (m *model) boundSeats() int64 {
	largest, sum := int64(m.size.seats), int64(max(0, m.size.seats-1))
	for i := range m.keys {
		largest = max(largest, int64(m.keys[i].seats))
		sum += int64(max(0, m.keys[i].seats-1))
	}
	if m.laminar {
		return largest
	}
	return sum + 1
}

// isFixed reports whether key k of the problem is the same for all sets.
func (m *model) isFixed(k int) bool { return m.fixed != nil && m.fixed[k] }

// mostGroups is the most groups of a key, by its position in m.keys, that any set has.
func (m *model) mostGroups(key int) int {
	k := &m.keys[key]
	n := min(k.most, k.groups)
	if m.size.most < n {
		n = int32(min(int64(n), int64(m.size.most)*int64(k.wide)))
	}
	return int(n)
}

// limited reports whether any maximum can exclude a candidate.
func (m *model) limited() bool {
	for i := range m.keys {
		if m.keys[i].most != unbounded {
			return true
		}
	}
	return m.size.most != unbounded
}

// present appends the groups that have an active candidate.
func (k *keyModel) present(groups []int32) []int32 {
	for g, first := range k.first {
		if first >= 0 {
			groups = append(groups, int32(g))
		}
	}
	return groups
}
