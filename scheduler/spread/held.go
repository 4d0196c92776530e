package spread

import "slices"

// held is what a set of a combination has to hold: some candidates, with all groups
// that they lie in. The set is to reach the bound of the combination, so that it has
// as many clusters as there may be if they have a price.
type held struct {
	clusters int
	levels   [maxLevels]heldGroups // of the chain
	places   []bool                // groups of the first level, by place
	n        int                   // of them
	worth    int64                 // of them
}

// heldGroups are the groups of one level that a set has to hold.
type heldGroups struct {
	groups  []int32
	inside  []int32 // by group: candidates of which it is the first group
	others  []int32 // by such a number: groups that need not be held
	holding int32   // candidates in groups
}

// layHeld begins with a set that has to hold nothing, of the candidates in c.ordered.
func (c *combiner) layHeld() {
	k, h := &c.s.knapsack, &c.held
	h.clusters, h.n, h.worth, h.places = 0, 0, 0, resize(h.places, len(c.total))
	clear(h.places)
	for at := range k.levels {
		l, key := &h.levels[at], k.keyOf(at)
		if l.groups, l.holding = l.groups[:0], 0; key == nil {
			continue
		}
		l.inside, l.others = resize(l.inside, len(key.first)), resize(l.others, len(c.ordered)+1)
		clear(l.inside)
		clear(l.others)
		for _, i := range c.ordered {
			g := k.groupsOf(at, i)[0]
			n := l.inside[g]
			l.inside[g]++
			l.others[n+1]++
			if n > 0 {
				l.others[n]--
			}
		}
	}
}

// mayHold reports whether a set that is as good as the best one may hold candidate i
// beside what it has to.
func (c *combiner) mayHold(i int32) bool {
	k, h := &c.s.knapsack, &c.held
	if h.clusters >= int(c.m.size.most) {
		return false
	}
	for at := range k.levels {
		if k.keyOf(at) != nil && !c.mayHoldGroups(at, i) {
			return false
		}
	}
	place := c.placeOf(i)
	return h.places[place] || c.mayHoldPlace(place)
}

// mayHoldGroups reports whether there may be as many groups of a level as that takes,
// and enough candidates in them and the largest others.
func (c *combiner) mayHoldGroups(level int, i int32) bool {
	k, l := &c.s.knapsack, &c.held.levels[level]
	limit, holding := k.levels[level].limit-len(l.groups), l.holding
	for _, g := range k.groupsOf(level, i) {
		if !slices.Contains(l.groups, g) {
			limit--
			holding += l.inside[g]
		}
	}
	if limit < 0 || k.whole || c.price <= 0 {
		return limit >= 0
	}
	for n := len(l.others) - 1; n > 0 && limit > 0; n-- {
		more := min(limit, int(l.others[n])) // One that is held now may count again.
		limit -= more
		holding += int32(more * n)
	}
	return int(holding) >= int(c.m.size.most)
}

// mayHoldPlace reports whether a set that holds a group of the first level too may be
// worth as much as the best one.
func (c *combiner) mayHoldPlace(place int) bool {
	h := &c.held
	more := len(c.window) - h.n - 1 // Not negative: there may be one more group of the level, and so one more place.
	window := c.window[:more]
	clear(window)
	for at, w := range c.total {
		if at != place && !h.places[at] && more > 0 && w > window[more-1] {
			push(window, w)
		}
	}
	return c.base+h.worth+c.total[place]+total(window) >= c.known
}

// hold makes candidate i one that the set has to hold.
func (c *combiner) hold(i int32) {
	k, h := &c.s.knapsack, &c.held
	h.clusters++
	for at := range k.levels {
		l := &h.levels[at]
		for _, g := range k.groupsOf(at, i) {
			if !slices.Contains(l.groups, g) {
				n := l.inside[g]
				l.groups, l.holding = append(l.groups, g), l.holding+n
				l.others[n]--
			}
		}
	}
	if place := c.placeOf(i); !h.places[place] {
		h.places[place] = true
		h.n++
		h.worth += c.total[place]
	}
}
