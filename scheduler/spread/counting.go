package spread

import "slices"

// pair explains by counting, without a search, that two constraints cannot be met together; nil when counting does not show it. Each of the two
// can be met alone where single explains nothing.
func (s *Solver) pair(p *Problem) *Infeasible {
	for k := range p.Keys {
		if p.Keys[k].Max <= 0 {
			continue
		}
		if e := s.tooLittleRoomWithin(k); e != nil {
			return e
		}
		for other := range p.Keys {
			if e := s.tooFewGroupsWithin(other, k); e != nil {
				return e
			}
		}
	}
	return nil
}

// tooLittleRoomWithin explains that as many groups of key k as there may be cannot hold the replicas, the roomiest ones taken.
func (s *Solver) tooLittleRoomWithin(k int) *Infeasible {
	m, key := &s.model, &s.model.p.Keys[k]
	if !m.p.Divided || m.p.Capacity == nil {
		return nil
	}
	rooms := s.nothing[:0]
	if key.Membership.own() {
		for _, i := range m.active {
			rooms = append(rooms, m.room[i])
		}
	} else {
		for _, i := range m.active {
			groups := key.Membership.of(i)
			if len(groups) > 1 {
				return nil // Its room would count several times.
			}
			for int(groups[0]) >= len(rooms) {
				rooms = append(rooms, 0)
			}
			rooms[groups[0]] += m.room[i]
		}
	}
	s.nothing = rooms
	have := sumOfLargest(rooms, key.Max)
	if have >= m.replicas {
		return nil
	}
	conflict := []Constraint{{Rule: Room, Value: m.replicas}, {Maximum, key.Name, int64(key.Max)}}
	return &Infeasible{Conflict: conflict, Need: m.replicas, Have: have, Message: describe(conflict, have)}
}

// sumOfLargest sorts the numbers.
func sumOfLargest(numbers []int64, count int) int64 {
	slices.Sort(numbers)
	sum := int64(0)
	for _, n := range numbers[max(0, len(numbers)-count):] {
		sum += n
	}
	return sum
}

// tooFewGroupsWithin explains that as many groups of key narrow as there may be touch too few of key wanted: for single clusters, and where every
// cluster has one group of narrow, which lies in one of wanted.
func (s *Solver) tooFewGroupsWithin(wanted, narrow int) *Infeasible {
	m := &s.model
	key, within := &m.p.Keys[wanted], &m.p.Keys[narrow]
	if wanted == narrow || key.least() <= within.Max || !s.liesIn(narrow, wanted) {
		return nil
	}
	conflict := []Constraint{{Minimum, key.Name, int64(key.least())}, {Maximum, within.Name, int64(within.Max)}}
	have := int64(within.Max)
	return &Infeasible{Conflict: conflict, Key: key.Name, Need: int64(key.least()), Have: have, Message: describe(conflict, have)}
}

// liesIn reports whether each candidate has one group of key fine, and each of those lies in one group of key coarse.
func (s *Solver) liesIn(fine, coarse int) bool {
	m := &s.model
	down, up := &m.p.Keys[fine].Membership, &m.p.Keys[coarse].Membership
	if up.own() {
		return false
	}
	s.set = s.set[:0] // by group of fine: the group of coarse that it lies in
	for _, i := range m.active {
		above := up.of(i)
		if len(above) != 1 {
			return false
		}
		if down.own() {
			continue
		}
		below := down.of(i)
		if len(below) != 1 {
			return false
		}
		g := below[0]
		for int(g) >= len(s.set) {
			s.set = append(s.set, -1)
		}
		if s.set[g] >= 0 && s.set[g] != above[0] {
			return false
		}
		s.set[g] = above[0]
	}
	return true
}
