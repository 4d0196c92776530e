package spread

import (
	"cmp"
	"math"
	"slices"
)

// Where some keys nest and few groups of the others may be combined, every
// combination of those is looked at: the candidates in it are a slice, and its
// best set is a knapsack over the keys that nest. A bound that is quickly found
// for all combinations at once, with the price of a cluster taken from a known
// answer, leaves few of them to solve.

const (
	// combinedWork bounds the additions for the bounds of all combinations.
	combinedWork = 1 << 18
	// combinedCells bounds the groups of the keys that are combined, multiplied.
	combinedCells = 1 << 10
)

// combiner is the memory for the combinations of groups of some keys.
type combiner struct {
	keys    []int     // combined keys, the fewest groups first, by position in model.keys
	picks   []int     // by key: how many groups are combined
	rest    []int     // by key: cells of the keys after it
	rank    [][]int32 // by key, group: its place among those with candidates
	cells   int
	cell    []int32 // by candidate: one group of each combined key
	start   []int32 // by cell: its first member, and the end of the last
	next    []int32
	members []int32   // cell by cell
	values  []int64   // by cell, or group: about what its members come to
	first   int       // groups of the first level of the chain
	place   []int32   // by group of the first level: its place among those with candidates
	worth   []int64   // by cell and group of the first level
	price   int64     // of a cluster
	sums    [][]int64 // by number of groups picked: the worth of what they leave
	picked  []int32   // groups picked of each key
	all     []combination
	chosen  []int32 // by combination: the groups picked
	known   int64   // packed value of the best set, if it has as many groups as there can be; -1: none
	inside  []int32
}

// combination is a choice of groups of every combined key.
type combination struct {
	bound int64 // of the packed value
	at    int32 // in combiner.chosen
}

// few reports whether there are few enough combinations to look at all.
func (t *slicer) few() bool {
	m := t.m
	slices.SortStableFunc(t.keys, func(a, b int) int { return cmp.Compare(m.keys[a].groups, m.keys[b].groups) })
	cells, combinations, picked := 1, 1, 0
	for _, f := range t.keys {
		n, most := len(t.groups[f]), int(m.keys[f].most)
		if cells *= n; cells > combinedCells {
			return false
		}
		for i := range most {
			if combinations = combinations * (n - i) / (i + 1); combinations > combinedWork {
				return false
			}
		}
		picked += most
	}
	t.cells, t.first = cells, int(m.keys[t.chain[0]].groups)
	t.picked = resize(t.picked, picked)
	return combinations*t.first <= combinedWork
}

// combine looks at all combinations. Able is false when that is too much work;
// otherwise complete says whether no slice can hold a set better than the best
// one, but for those left open.
func (t *slicer) combine() (complete, able bool) {
	t.leaveChain()
	t.divided = t.keys
	if !t.s.knapsack.lay(&t.leaf) {
		return false, false
	}
	if t.s.knapsack.levels[0].key < 0 {
		t.first = 1
	}
	t.known, t.price, t.all, t.chosen = -1, 0, t.all[:0], t.chosen[:0]
	t.layCells()
	if !t.guess() {
		return false, false
	}
	if len(t.keys) == 0 {
		return true, true
	}
	t.appraise()
	t.pick(0, 0, 0, 0)
	best := 0
	for at := range t.all {
		if t.all[at].bound > t.all[best].bound {
			best = at
		}
	}
	if len(t.all) == 0 || !t.look(t.chosen[t.all[best].at:][:len(t.picked)]) {
		return len(t.all) == 0, true
	}
	t.all[best].bound = -1
	t.all = slices.DeleteFunc(t.all, func(o combination) bool { return o.bound < max(0, t.known) })
	slices.SortFunc(t.all, func(a, b combination) int { return cmp.Or(cmp.Compare(b.bound, a.bound), cmp.Compare(a.at, b.at)) })
	for _, o := range t.all {
		if o.bound < t.known {
			break
		}
		if t.work > t.limit || t.enough() || !t.look(t.chosen[o.at:][:len(t.picked)]) {
			return false, true
		}
	}
	return true, true
}

// layCells sorts the candidates by cell.
func (c *slicer) layCells() {
	k := &c.s.knapsack
	n := len(c.keys)
	c.rest, c.picks = resize(c.rest, n), resize(c.picks, n)
	for len(c.rank) < n {
		c.rank = append(c.rank, nil)
	}
	cells := 1
	for at := n - 1; at >= 0; at-- {
		f := c.keys[at]
		c.rest[at], c.picks[at] = cells, int(c.m.keys[f].most)
		cells *= len(c.groups[f])
		c.rank[at] = c.places(c.rank[at], f)
	}
	c.cell = resize(c.cell, c.m.p.Candidates)
	c.start, c.values = resize(c.start, cells+1), resize(c.values, cells)
	clear(c.start)
	clear(c.values)
	for _, i := range c.active {
		cell := int32(0)
		for at, f := range c.keys {
			cell += c.rank[at][c.column[f][i]] * int32(c.rest[at])
		}
		c.cell[i] = cell
		c.start[cell+1]++
		c.values[cell] += k.value(i) >> 16
	}
	for at := range cells {
		c.start[at+1] += c.start[at]
	}
	c.next = append(c.next[:0], c.start...)
	c.members = resize(c.members, len(c.active))
	for _, i := range c.active {
		c.members[c.next[c.cell[i]]] = i
		c.next[c.cell[i]]++
	}
	c.work += 2 * len(c.active)
}

// places fills memory with the place of each group of key f among those with candidates.
func (c *slicer) places(memory []int32, f int) []int32 {
	memory = resize(memory, len(c.allowed[f]))
	for i, g := range c.groups[f] {
		memory[g] = int32(i)
	}
	return memory
}

// guess solves one combination, of the groups that are the most valuable by
// themselves, for the price of a cluster.
func (c *slicer) guess() bool {
	k := &c.s.knapsack
	var groups []int32
	for at, f := range c.keys {
		order := make([]int32, len(c.groups[f]))
		for i := range order {
			order[i] = int32(i)
		}
		values := make([]int64, len(order))
		for cell, value := range c.values {
			values[cell/c.rest[at]%len(values)] += value
		}
		slices.SortStableFunc(order, func(a, b int32) int { return cmp.Compare(values[b], values[a]) })
		groups = append(groups, order[:c.picks[at]]...)
	}
	c.s.set = c.s.set[:0]
	if !c.look(groups) {
		return false
	}
	if k.whole || len(c.s.set) < int(c.m.size.most) {
		return true
	}
	c.price = math.MaxInt64
	for _, i := range c.s.set {
		c.price = min(c.price, k.value(i))
	}
	return true
}

// appraise fills in what each cell is worth in each group of the first level.
func (c *slicer) appraise() {
	k := &c.s.knapsack
	c.worth = resize(c.worth, c.cells*c.first)
	clear(c.worth)
	top := c.chain[0]
	c.place = c.places(c.place, top)
	rank, column := c.place, c.column[top]
	for _, i := range c.active {
		at := 0
		if c.first > 1 {
			at = int(rank[column[i]])
		}
		c.worth[int(c.cell[i])*c.first+at] += max(0, k.value(i)-c.price)
	}
	c.work += 2 * len(c.active)
}

// pick adds groups of key number at to those picked, from group number from on,
// when so many are picked already, of all keys and of this one, and notes each
// combination with its bound.
func (c *slicer) pick(at, from, picked, ofKey int) {
	worth := c.worth
	if picked > 0 {
		worth = c.sums[picked-1]
	}
	if at < len(c.keys) && ofKey == c.picks[at] {
		c.pick(at+1, 0, picked, 0)
		return
	}
	if at == len(c.keys) {
		c.note(worth[:c.first])
		return
	}
	f := c.keys[at]
	base := worth // what groups of this key are picked from
	if ofKey > 0 {
		base = c.worth
		if picked > ofKey {
			base = c.sums[picked-ofKey-1]
		}
	}
	size := c.rest[at] * c.first
	for len(c.sums) <= picked {
		c.sums = append(c.sums, nil)
	}
	c.sums[picked] = resize(c.sums[picked], size)
	for g := from; g <= len(c.groups[f])-(c.picks[at]-ofKey); g++ {
		sum, row := c.sums[picked][:size], base[g*size:][:size]
		if ofKey == 0 {
			copy(sum, row)
		} else {
			before := worth[:size]
			for i := range sum {
				sum[i] = before[i] + row[i]
			}
		}
		c.picked[picked] = int32(g)
		c.pick(at, g+1, picked+1, ofKey+1)
	}
}

// note keeps a combination if its bound reaches the best set.
func (c *slicer) note(worth []int64) {
	k := &c.s.knapsack
	k.relief.window = resize(k.relief.window, k.levels[0].limit)
	window := k.relief.window
	clear(window)
	for _, w := range worth {
		push(window, w)
	}
	bound := k.tallyBound()
	if !k.whole {
		bound += c.price * int64(c.m.size.most)
	}
	for _, w := range window {
		bound += w
	}
	if bound < c.known {
		return
	}
	c.all = append(c.all, combination{bound, int32(len(c.chosen))})
	c.chosen = append(c.chosen, c.picked...)
}

// look solves a combination, given the places of its groups. False when it is too
// large.
func (c *slicer) look(groups []int32) bool {
	k := &c.s.knapsack
	c.inside = c.inside[:0]
	c.gather(0, 0, groups)
	c.work += len(c.inside) + leafWork
	found, able := k.run(c.inside, c.known)
	c.work += k.table.work / additionsPerLook
	if !found {
		return able
	}
	set := c.found(c.inside)
	if !c.beats(c.bound, set) || c.roomiest() && c.bound.Capacity < c.m.replicas {
		return able
	}
	for at, f := range c.keys {
		clear(c.allowed[f])
		for _, g := range groups[:c.picks[at]] {
			c.allowed[f][c.groups[f][g]] = true
		}
		groups = groups[c.picks[at]:]
	}
	full, value := k.full, k.table.levels[0].cells[k.cell].value
	if _, reached := c.take(set, true); reached && full {
		c.known = max(c.known, value)
	}
	return able
}

// gather adds the members of the cells of a combination to those inside.
func (c *slicer) gather(at, cell int, groups []int32) {
	if at == len(c.keys) {
		c.inside = append(c.inside, c.members[c.start[cell]:c.start[cell+1]]...)
		return
	}
	for _, g := range groups[:c.picks[at]] {
		c.gather(at+1, cell+int(g)*c.rest[at], groups[c.picks[at]:])
	}
}
