package spread

import "slices"

// seating finds seats within a chosen set: clusters that each get a replica, so
// that enough groups of every key hold one.
type seating struct {
	seats []int32 // ascending
	fresh int64   // of them, those that keep nothing

	counts  []int32
	covered [][]bool
	taken   []bool
}

// assign seats a subset of set, clusters that keep replicas first. It reports
// whether all minimums are met with no more seats than replicas. Where keys nest it
// meets them whenever it is possible, with the fewest seats; otherwise it may fail
// although seats exist.
func (s *seating) assign(m *model, set []int32) bool {
	s.reset(m, set)
	return !m.p.Divided || m.replicas == 0 || s.byKey(m, set) || !m.laminar && len(m.keys) > 1 && s.byReach(m, set)
}

// byReach seats what serves the most keys that lack groups, one after the other
// (greedy covering; Chvátal, doi:10.1287/moor.4.3.233).
func (s *seating) byReach(m *model, set []int32) bool {
	s.reset(m, set)
	for int64(len(s.seats)) < m.replicas {
		best, most := -1, int32(0)
		for at, i := range set {
			if s.taken[at] || m.room[i] == 0 {
				continue
			}
			reach := 2 * s.reach(m, i)
			if m.keep[i] > 0 {
				reach++
			}
			if reach > max(1, most) {
				best, most = at, reach
			}
		}
		if best < 0 {
			break
		}
		s.take(m, best, set[best])
	}
	slices.Sort(s.seats)
	for k := range m.keys {
		if s.counts[k] < m.keys[k].seats {
			return false
		}
	}
	return s.counts[len(m.keys)] >= m.size.seats
}

// reach is how many groups that are still needed cluster i would seat.
func (s *seating) reach(m *model, i int32) int32 {
	n := min(1, max(0, m.size.seats-s.counts[len(m.keys)]))
	for k := range m.keys {
		needed := max(0, m.keys[k].seats-s.counts[k])
		for _, g := range m.p.Keys[m.keys[k].index].Membership.of(i) {
			if needed > 0 && !s.covered[k][g] {
				n++
				needed--
			}
		}
	}
	return n
}

// byKey seats key by key, from coarse to fine.
func (s *seating) byKey(m *model, set []int32) bool {
	ok := true
	for k := range m.keys {
		key := &m.keys[k]
		ok = (s.fill(m, set, k, key.seats, true) || s.fill(m, set, k, key.seats, false)) && ok
	}
	k := len(m.keys)
	ok = (s.fill(m, set, k, m.size.seats, true) || s.fill(m, set, k, m.size.seats, false)) && ok
	slices.Sort(s.seats)
	return ok && int64(len(s.seats)) <= m.replicas
}

func (s *seating) reset(m *model, set []int32) {
	s.seats, s.fresh = s.seats[:0], 0
	s.counts = resize(s.counts, len(m.keys)+1)
	clear(s.counts)
	s.taken = resize(s.taken, len(set))
	clear(s.taken)
	for len(s.covered) < len(m.keys) {
		s.covered = append(s.covered, nil)
	}
	for k := range m.keys {
		s.covered[k] = resize(s.covered[k], len(m.keys[k].first))
		clear(s.covered[k])
	}
}

// fill seats clusters that cover a new group of key k until there are enough.
func (s *seating) fill(m *model, set []int32, k int, enough int32, keeping bool) bool {
	for at, i := range set {
		if s.counts[k] >= enough {
			return true
		}
		if s.taken[at] || m.room[i] == 0 || keeping != (m.keep[i] > 0) {
			continue
		}
		if k == len(m.keys) || s.covers(m, k, i) {
			s.take(m, at, i)
		}
	}
	return s.counts[k] >= enough
}

func (s *seating) covers(m *model, k int, i int32) bool {
	for _, g := range m.p.Keys[m.keys[k].index].Membership.of(i) {
		if !s.covered[k][g] {
			return true
		}
	}
	return false
}

func (s *seating) take(m *model, at int, i int32) {
	s.taken[at] = true
	s.seats = append(s.seats, i)
	if m.keep[i] == 0 {
		s.fresh++
	}
	s.counts[len(m.keys)]++
	for k := range m.keys {
		for _, g := range m.p.Keys[m.keys[k].index].Membership.of(i) {
			if !s.covered[k][g] {
				s.covered[k][g] = true
				s.counts[k]++
			}
		}
	}
}
