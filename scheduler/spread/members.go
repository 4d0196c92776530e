package spread

import (
	"cmp"
	"slices"
)

// addRow makes the steps of one class: everything at once when the number of
// clusters has no maximum, for no level of the objective falls when a cluster
// joins; else growing prefixes of the best; or, in an exact search, where two
// members may be incomparable, one step each.
func (p *plan) addRow(sub int32, candidates []int32) {
	row := int32(len(p.rows))
	p.rows = append(p.rows, int32(len(p.steps)))
	most := int(p.m.size.most)
	if p.m.size.most == unbounded {
		p.addStep(row, sub, candidates)
		p.addOptions(len(candidates), len(candidates))
		return
	}
	if !p.cutOff() {
		p.sortBest(candidates, most)
		p.addStep(row, sub, candidates[:min(most, len(candidates))])
		p.addOptions(1, min(most, len(candidates)))
		return
	}
	slices.SortFunc(candidates, p.compareMembers)
	for at := range candidates {
		if !p.dominated(candidates[:at], candidates[at], most) {
			p.addStep(row, sub, candidates[at:at+1])
			p.addOptions(1, 1)
		}
	}
}

// sortBest sorts the best `most` candidates to the front. Insertion into a
// window: candidates mostly fail against its last entry.
func (p *plan) sortBest(candidates []int32, most int) {
	if most > 16 || len(candidates) <= 16 {
		slices.SortFunc(candidates, p.compareMembers)
		return
	}
	for at := 1; at < len(candidates); at++ {
		to := min(at, most)
		c := candidates[at]
		if to == most && p.compareMembers(c, candidates[most-1]) > 0 {
			continue
		}
		if to == most {
			candidates[at] = candidates[most-1]
			to--
		}
		for to > 0 && p.compareMembers(c, candidates[to-1]) < 0 {
			candidates[to] = candidates[to-1]
			to--
		}
		candidates[to] = c
	}
}

// compareMembers orders members of one class by their effect on the objective,
// best first, as far as sums without cut-offs can tell.
func (p *plan) compareMembers(a, b int32) int {
	m := p.m
	if m.keep[a] != m.keep[b] {
		return compare(m.keep[b], m.keep[a])
	}
	if p.tiers > 0 && m.p.Tier[a] != m.p.Tier[b] {
		return cmp.Compare(m.p.Tier[a], m.p.Tier[b])
	}
	return p.compareRest(a, b)
}

// compareRest orders by the levels that are never cut off.
func (p *plan) compareRest(a, b int32) int {
	m := p.m
	if m.score[a] != m.score[b] {
		return compare(m.score[b], m.score[a])
	}
	if m.room[a] != m.room[b] {
		return compare(m.room[b], m.room[a])
	}
	return cmp.Compare(a, b)
}

// dominated reports whether `most` of the better members are at least as good
// as c in every quantity alone, so that one of them is always free to replace c.
func (p *plan) dominated(better []int32, c int32, most int) bool {
	m := p.m
	room := min(m.room[c], m.replicas)
	for _, o := range better {
		if min(m.room[o], m.replicas) < room || m.p.tier(o) > m.p.tier(c) || p.compareRest(o, c) > 0 {
			continue
		}
		if most--; most == 0 {
			return true
		}
	}
	return false
}

func (p *plan) addStep(row, sub int32, members []int32) {
	s := step{row: row, members: int32(len(p.members)), size: int32(len(members)), options: int32(len(p.options)), touches: int32(len(p.touches))}
	s.room = !p.seats || sub&2 == 0
	s.holds = p.choose && sub&1 == 0
	p.members = append(p.members, members...)
	for i := range p.m.keys {
		k := &p.m.keys[i]
		for _, g := range p.m.p.Keys[k.index].Membership.of(members[0]) {
			p.touches = append(p.touches, touch{key: int32(i), group: g, cover: -1, seat: -1})
		}
	}
	s.touching = int32(len(p.touches)) - s.touches
	p.steps = append(p.steps, s)
}

// addOptions adds, for the last step, the options that take from..to members.
func (p *plan) addOptions(from, to int) {
	s := &p.steps[len(p.steps)-1]
	members := p.members[s.members : s.members+s.size]
	n := p.quantities()
	first := members[0]
	p.total = resize(p.total, n)
	clear(p.total)
	for j, i := range members {
		first = min(first, i)
		p.addMember(i)
		if j+1 < from || j+1 > to {
			continue
		}
		low, high := p.seatRange(s, int32(j+1))
		for seats := low; seats <= high; seats++ {
			o := option{size: int32(j + 1), seats: seats, first: first}
			if !s.holds {
				o.fresh = seats
			}
			p.options = append(p.options, o)
			p.sums = append(p.sums, p.total...)
		}
	}
}

// addMember adds candidate i to the running total of its step.
func (p *plan) addMember(i int32) {
	if p.m.size.most == unbounded {
		p.addQuantities(p.total, i)
		return
	}
	at := len(p.memberSums)
	p.memberSums = slices.Grow(p.memberSums, len(p.total))[:at+len(p.total)]
	clear(p.memberSums[at:])
	p.addQuantities(p.memberSums[at:], i)
	for q, v := range p.memberSums[at:] {
		p.total[q] += v
	}
}

// seatRange is the numbers of seats worth trying among size members.
func (p *plan) seatRange(s *step, size int32) (low, high int32) {
	switch {
	case !s.room:
		return 0, 0
	case !p.choose || s.holds && !p.scarce:
		return size, size
	}
	return 0, min(size, max(1, p.m.size.seats))
}

// addQuantities adds candidate i to sums.
func (p *plan) addQuantities(sums []int64, i int32) {
	m := p.m
	sums[quantityKeep] += m.keep[i]
	for t := range p.tiers {
		if m.p.tier(i) > m.tierRanks[t] {
			continue
		}
		if m.p.Divided {
			sums[1+t] += m.room[i]
		} else {
			sums[1+t]++
		}
	}
	sums[p.quantityScore()] += m.score[i]
	sums[p.quantityRoom()] += m.room[i]
	sums[p.quantitySize()]++
}
