package spread

import (
	"cmp"
	"slices"
)

// Local search finds good answers where there are too many slices to look at. It fixes the groups of all keys but one and chooses those of that
// key anew, which a knapsack does at once however many there are; then it leaves another key; until none of them helps any more (coordinate
// descent). From there it exchanges a single group, chooses the rest anew and goes on from the better one (iterated local search; Lourenço,
// Martin and Stützle, doi:10.1007/0-306-48056-5_11).

// climber is the state of a local search.
type climber struct {
	*slicer
	start      [][]int32 // by key, group: first of its members, and the end of the last
	members    [][]int32 // by key: candidates, group by group
	candidates []int32
	mixed      []int64   // by candidate: score and room
	now        Objective // of the set that the groups allowed come from
	next       Objective
	saved      [][]bool
	roomy      bool // the groups allowed come from a set with room for the replicas
	open       bool // the maximum of the key with the most groups is ignored
	seed       uint64
}

// climb spends so much work on improving the best answer.
func (t *slicer) climb(work int) {
	c := climber{slicer: t, seed: 1}
	c.init()
	c.begin(t.best)
	known := t.best
	c.improve(-1, true)
	if held := c.held(); held != nil {
		c.begin(held)
		c.improve(-1, false)
	}
	if t.best == known {
		c.balance(work)
	}
	for t.best != nil && c.goesOn(work) && c.kick() {
	}
	t.leaf.keep, t.leaf.score, t.leaf.largest = t.m.keep, t.m.score, t.m.largest
}

// goesOn reports whether there is work left, and something to search for.
func (c *climber) goesOn(work int) bool { return c.work < work && !c.enough() }

// mixtures is how finely score and room are balanced, and kicksPerMixture how long each balance is tried.
const (
	mixtures        = 64
	kicksPerMixture = 8
)

// balance looks for sets that have enough room where those that are best otherwise have not: with room as part of the score, first as all of it,
// then as little as possible, and from there more or less as the sets found lack room or have it (the price of a Lagrangian relaxation;
// strategic oscillation, Glover, doi:10.1111/j.1540-5915.1977.tb01074.x).
func (c *climber) balance(work int) {
	m := c.m
	c.mixed = make([]int64, len(m.score))
	c.leaf.keep, c.leaf.largest.keep = make([]int64, len(m.keep)), 0
	c.mix(mixtures)
	for c.best == nil && c.goesOn(work/2) && c.kick() {
	}
	if c.best == nil {
		return
	}
	c.leaf.keep, c.leaf.largest.keep = m.keep, m.largest.keep
	low, high := 0, mixtures
	for high-low > 1 && c.goesOn(work) {
		part := (low + high) / 2
		if c.mix(part); c.roomy {
			high = part
		} else {
			low = part
		}
	}
	part := high
	for c.goesOn(work) {
		c.mix(part)
		for range kicksPerMixture {
			if !c.kick() {
				return
			}
		}
		if c.roomy {
			part = max(part-1, 0)
		} else {
			part = min(part+1, mixtures)
		}
	}
}

// mix makes room so many parts of mixtures of the score, and improves.
func (c *climber) mix(part int) {
	m := c.m
	perScore, perRoom := max(1, m.largest.room/max(1, m.largest.score)), max(1, m.largest.score/max(1, m.largest.room)) // alike in size
	c.leaf.score, c.leaf.largest.score = c.mixed, 0
	for _, i := range c.active {
		score := int64(mixtures-part)*m.score[i]*perScore + int64(part)*m.room[i]*perRoom
		c.mixed[i] = score
		c.leaf.largest.score = max(c.leaf.largest.score, score)
	}
	c.improve(-1, true)
}

// held returns a set that keeps as much as any can under the maximums, whatever else there is to meet; nil if nothing runs.
func (c *climber) held() *Solution {
	m := c.m
	if m.held == 0 {
		return nil
	}
	var rows []int32
	sub := Problem{Replicas: quantityLimit, NodeLimit: heldLimit}
	for _, i := range c.active {
		if m.keep[i] > 0 {
			rows, sub.Current = append(rows, i), append(sub.Current, m.keep[i])
		}
	}
	if len(rows) == len(c.active) {
		return nil // It is this very question.
	}
	sub.Candidates = len(rows)
	for k := range m.p.Keys {
		key := Key{Name: m.p.Keys[k].Name, Max: m.p.Keys[k].Max}
		if mem := &m.p.Keys[k].Membership; !mem.own() {
			for _, i := range rows {
				key.Membership.Group = append(key.Membership.Group, mem.of(i)[0])
			}
		}
		sub.Keys = append(sub.Keys, key)
	}
	best, refusal := Solve(&sub)
	if refusal != nil {
		return nil
	}
	for at, i := range best.Chosen {
		best.Chosen[at] = rows[i]
	}
	return &best
}

// heldLimit bounds the search for what can be kept.
const heldLimit = 2000

// init lays out the members of each group.
func (c *climber) init() {
	m := c.m
	c.now.Groups, c.next.Groups = make([]int, len(m.p.Keys)), make([]int, len(m.p.Keys))
	for k := range m.keys {
		start := make([]int32, len(c.allowed[k])+1)
		for _, i := range c.active {
			start[c.column[k][i]+1]++
		}
		for g := range c.allowed[k] {
			start[g+1] += start[g]
		}
		members, at := make([]int32, len(c.active)), slices.Clone(start)
		for _, i := range c.active {
			g := c.column[k][i]
			members[at[g]] = i
			at[g]++
		}
		c.start, c.members = append(c.start, start), append(c.members, members)
		c.saved = append(c.saved, make([]bool, len(c.allowed[k])))
	}
}

// reset forgets how good the groups allowed are.
func (c *climber) reset() {
	groups := c.now.Groups
	clear(groups)
	c.now = Objective{Kept: -1, Groups: groups}
}

// limited reports whether key k has a maximum that counts.
func (c *climber) limited(k int) bool {
	return c.m.keys[k].most != unbounded && !(c.open && k == c.last)
}

// improve descends from the groups allowed, first with an open choice of the groups of the last key if so wanted: what the others offer together
// does not show within the few that are allowed.
func (c *climber) improve(except int, open bool) {
	if open {
		c.open = true
		c.reset()
		c.descend(except)
		c.open = false
	}
	c.reset()
	if except != c.last {
		c.choose(c.last)
	}
	c.descend(except)
}

// begin allows the groups of a set, which may be nil, and the most valuable beside them.
func (c *climber) begin(from *Solution) {
	for k := range c.m.keys {
		c.beginKey(k, from)
	}
}

func (c *climber) beginKey(k int, from *Solution) {
	allowed := c.allowed[k]
	if !c.limited(k) {
		c.allowAll(k)
		return
	}
	clear(allowed)
	left := int(c.m.keys[k].most)
	if from != nil {
		for _, i := range from.Chosen {
			if g := c.column[k][i]; !allowed[g] && left > 0 {
				allowed[g] = true
				left--
			}
		}
	}
	var values [3][]int64
	for at, column := range [...][]int64{c.m.keep, c.m.score, c.m.room} {
		values[at] = make([]int64, len(allowed))
		for _, i := range c.active {
			values[at][c.column[k][i]] += column[i]
		}
	}
	order := slices.Clone(c.groups[k])
	slices.SortStableFunc(order, func(a, b int32) int {
		return cmp.Or(cmp.Compare(values[0][b], values[0][a]), cmp.Compare(values[1][b], values[1][a]), cmp.Compare(values[2][b], values[2][a]))
	})
	for _, g := range order {
		if !allowed[g] && left > 0 {
			allowed[g] = true
			left--
		}
	}
}

// descend chooses the groups of one key after the other anew until nothing improves any more. The key except, -1 for none, comes last.
func (c *climber) descend(except int) {
	settled := 0
	for round := 0; settled < len(c.m.keys); round++ {
		k := (except + 1 + round) % len(c.m.keys)
		settled++
		if c.limited(k) && c.choose(k) {
			settled = 1
		}
	}
}

// choose chooses the groups of one key anew, and reports whether that is better.
func (c *climber) choose(k int) bool {
	candidates := c.within(k)
	if len(candidates) == 0 {
		return false
	}
	c.leave(k)
	c.work += len(candidates) + leafWork
	set, _ := c.solve(candidates)
	if set == nil {
		return false
	}
	c.next.Kept, c.next.Score, c.next.Capacity = c.leaf.sum(c.leaf.keep, set), c.leaf.sum(c.leaf.score, set), c.bound.Capacity
	for at := range c.m.p.Keys {
		c.next.Groups[at] = c.s.covered(&c.m.p.Keys[at].Membership)
	}
	if c.next.Compare(c.now) <= 0 {
		return false
	}
	c.now, c.next = c.next, c.now
	c.allow(k, set)
	c.roomy = c.bound.Capacity >= c.m.replicas
	if c.beats(c.bound, set) {
		c.take(set, false)
	}
	return true
}

// allow allows the groups of the set for key k, and of those allowed before as many beside as there may be.
func (c *climber) allow(k int, set []int32) {
	allowed, before := c.allowed[k], c.saved[k]
	copy(before, allowed)
	clear(allowed)
	left := int(c.m.keys[k].most)
	for _, i := range set {
		if g := c.column[k][i]; !allowed[g] {
			allowed[g] = true
			left--
		}
	}
	for _, g := range c.groups[k] {
		if left > 0 && before[g] && !allowed[g] {
			allowed[g] = true
			left--
		}
	}
}

// withinWork is what it costs to look for candidates even where there are none.
const withinWork = 32

// within returns the candidates in the groups allowed for all keys but one.
func (c *climber) within(k int) []int32 {
	narrow, fewest := -1, int32(len(c.active))+1
	for other := range c.m.keys {
		if other == k || !c.limited(other) {
			continue
		}
		n := int32(0)
		for _, g := range c.groups[other] {
			if c.allowed[other][g] {
				n += c.start[other][g+1] - c.start[other][g]
			}
		}
		if n < fewest {
			narrow, fewest = other, n
		}
	}
	if narrow < 0 {
		return c.active
	}
	out := c.candidates[:0]
	for _, g := range c.groups[narrow] {
		if !c.allowed[narrow][g] {
			continue
		}
		from := len(out)
		out = append(out, c.members[narrow][c.start[narrow][g]:c.start[narrow][g+1]]...)
		for other := range c.m.keys {
			if other == k || other == narrow || !c.limited(other) {
				continue
			}
			column, allowed, kept := c.column[other], c.allowed[other], from
			for _, i := range out[from:] {
				if allowed[column[i]] {
					out[kept] = i
					kept++
				}
			}
			out = out[:kept]
		}
	}
	c.work += int(fewest) + withinWork
	c.candidates = out
	return out
}

// kick exchanges one group of a key, chooses those of the others anew and then its own. What is worse than before is undone. It reports whether
// there is a group to exchange.
func (c *climber) kick() bool {
	k, out, in := c.draw()
	if k < 0 {
		return false
	}
	before := make([][]bool, len(c.allowed))
	for at := range before {
		before[at] = slices.Clone(c.allowed[at])
	}
	now := c.now
	now.Groups = slices.Clone(now.Groups)
	c.allowed[k][out], c.allowed[k][in] = false, true
	c.improve(k, c.number(2) == 0)
	if c.now.Compare(now) < 0 {
		c.now = now
		for at := range before {
			copy(c.allowed[at], before[at])
		}
	}
	return true
}

// draw returns a key with a group that is allowed and one that is not; key -1 if there is none.
func (c *climber) draw() (k int, out, in int32) {
	first := c.number(len(c.m.keys))
	for at := range c.m.keys {
		k = (first + at) % len(c.m.keys)
		if !c.limited(k) {
			continue
		}
		out, in = -1, -1
		groups := c.groups[k]
		from := c.number(len(groups))
		for g := range groups {
			g := groups[(from+g)%len(groups)]
			if c.allowed[k][g] && out < 0 {
				out = g
			}
		}
		from = c.number(len(groups))
		for g := range groups {
			g := groups[(from+g)%len(groups)]
			if !c.allowed[k][g] && in < 0 {
				in = g
			}
		}
		if out >= 0 && in >= 0 {
			return k, out, in
		}
	}
	return -1, 0, 0
}

// number returns a number from 0 to n-1 from a sequence that is the same for every problem (Knuth, TAOCP vol. 2, 3.3.4, table 1, line 26).
func (c *climber) number(n int) int {
	c.seed = c.seed*6364136223846793005 + 1
	return int((c.seed >> 33) % uint64(n))
}
