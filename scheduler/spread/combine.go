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

// combiner looks at the combinations of groups of the fixed keys.
type combiner struct {
	*slicer
	keys    []int     // fixed keys, the fewest groups first
	picks   []int     // by key: how many groups are combined
	rest    []int     // by key: cells of the keys after it
	rank    [][]int32 // by key, group: its place among those with candidates
	cell    []int32   // by candidate: one group of each fixed key
	start   []int32   // by cell: its first member, and the end of the last
	members []int32   // cell by cell
	values  []int64   // by cell: about what its members come to
	first   int       // groups of the first level of the chain
	worth   []int64   // by cell and group of the first level
	price   int64     // of a cluster
	sums    [][]int64 // by number of groups picked: the worth of what they leave
	picked  []int32   // groups picked of each key
	all     []combination
	chosen  []int32 // by combination: the groups picked
	known   int64   // packed value of the best set, if it has as many groups as there can be; -1: none
	inside  []int32
}

// combination is a choice of groups of every fixed key.
type combination struct {
	bound int64 // of the packed value
	at    int32 // in combiner.chosen
}

// combine looks at all combinations. Able is false when that is too much work;
// otherwise complete says whether no slice can hold a set better than the best
// one, but for those left open.
func (t *slicer) combine() (complete, able bool) {
	c := combiner{slicer: t, known: -1}
	if !c.init() {
		return false, false
	}
	c.layCells()
	c.guess()
	c.appraise()
	c.pick(0, 0, 0, 0)
	if len(c.all) == 0 {
		return true, true
	}
	best := 0
	for at := range c.all {
		if c.all[at].bound > c.all[best].bound {
			best = at
		}
	}
	if !c.look(c.chosen[c.all[best].at:][:len(c.picked)]) {
		return false, true
	}
	c.all = slices.DeleteFunc(c.all, func(o combination) bool { return o.bound < c.known })
	slices.SortFunc(c.all, func(a, b combination) int { return cmp.Or(cmp.Compare(b.bound, a.bound), cmp.Compare(a.at, b.at)) })
	for _, o := range c.all {
		if o.bound < c.known {
			break
		}
		if c.work > c.limit || c.enough() || !c.look(c.chosen[o.at:][:len(c.picked)]) {
			return false, true
		}
	}
	return true, true
}

// init reports whether the combinations are few enough.
func (c *combiner) init() bool {
	m := c.m
	c.keys = slices.Clone(c.fixed)
	slices.SortStableFunc(c.keys, func(a, b int) int { return cmp.Compare(m.keys[a].groups, m.keys[b].groups) })
	cells, combinations, picked := 1, 1, 0
	for _, f := range c.keys {
		n, most := len(c.groups[f]), int(m.keys[f].most)
		if m.keys[f].wide > 1 || cells*n > combinedCells {
			return false
		}
		cells *= n
		for i := range most {
			combinations = combinations * (n - i) / (i + 1)
			if combinations > combinedWork {
				return false
			}
		}
		picked += most
	}
	c.first = int(m.keys[c.chain[0]].groups)
	if combinations*c.first > combinedWork {
		return false
	}
	c.picked = make([]int32, picked)
	c.leaveChain()
	return c.s.knapsack.lay(&c.leaf)
}

// layCells sorts the candidates by cell.
func (c *combiner) layCells() {
	k := &c.s.knapsack
	n := len(c.keys)
	c.rest, c.picks, c.rank = make([]int, n), make([]int, n), make([][]int32, n)
	cells := 1
	for at := n - 1; at >= 0; at-- {
		f := c.keys[at]
		c.rest[at], c.picks[at] = cells, int(c.m.keys[f].most)
		cells *= len(c.groups[f])
		c.rank[at] = make([]int32, len(c.allowed[f]))
		for i, g := range c.groups[f] {
			c.rank[at][g] = int32(i)
		}
	}
	c.cell = make([]int32, c.m.p.Candidates)
	c.start = make([]int32, cells+1)
	c.values = make([]int64, cells)
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
	next := slices.Clone(c.start)
	c.members = make([]int32, len(c.active))
	for _, i := range c.active {
		c.members[next[c.cell[i]]] = i
		next[c.cell[i]]++
	}
	c.work += 2 * len(c.active)
}

// guess solves one combination, of the groups that are the most valuable by
// themselves, for the price of a cluster.
func (c *combiner) guess() {
	k := &c.s.knapsack
	var groups []int32
	for at, f := range c.keys {
		values := make([]int64, len(c.groups[f]))
		for cell, value := range c.values {
			values[cell/c.rest[at]%len(values)] += value
		}
		order := make([]int32, len(values))
		for i := range order {
			order[i] = int32(i)
		}
		slices.SortStableFunc(order, func(a, b int32) int { return cmp.Compare(values[b], values[a]) })
		groups = append(groups, order[:c.picks[at]]...)
	}
	c.look(groups)
	if k.whole || len(c.s.set) < int(c.m.size.most) {
		return
	}
	c.price = math.MaxInt64
	for _, i := range c.s.set {
		c.price = min(c.price, k.value(i))
	}
}

// appraise fills in what each cell is worth in each group of the first level.
func (c *combiner) appraise() {
	k := &c.s.knapsack
	top := c.chain[0]
	rank := make([]int32, len(c.allowed[top]))
	for i, g := range c.groups[top] {
		rank[g] = int32(i)
	}
	c.worth = make([]int64, len(c.start)*c.first)
	column := c.column[top]
	for _, i := range c.active {
		c.worth[int(c.cell[i])*c.first+int(rank[column[i]])] += max(0, k.value(i)-c.price)
	}
	c.work += 2 * len(c.active)
}

// pick adds groups of key number at to those picked, from group number from on,
// when so many are picked already, of all keys and of this one, and notes each
// combination with its bound.
func (c *combiner) pick(at, from, picked, ofKey int) {
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
func (c *combiner) note(worth []int64) {
	k := &c.s.knapsack
	k.relief.window = resize(k.relief.window, k.levels[0].limit)
	window := k.relief.window
	clear(window)
	for _, w := range worth {
		push(window, w)
	}
	bound := int64(0)
	if !k.whole {
		bound = c.price * int64(c.m.size.most)
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
func (c *combiner) look(groups []int32) bool {
	k := &c.s.knapsack
	c.inside = c.inside[:0]
	c.within(0, 0, groups)
	c.work += len(c.inside) + leafWork
	found, able := k.run(c.inside, c.known)
	c.work += k.table.work / additionsPerLook
	if !found {
		return able
	}
	set := c.found(c.inside)
	if !c.beats(c.bound, set) || c.roomiest() && c.bound.Capacity < c.m.replicas {
		return true
	}
	for at, f := range c.keys {
		clear(c.allowed[f])
		for _, g := range groups[:c.picks[at]] {
			c.allowed[f][c.groups[f][g]] = true
		}
		groups = groups[c.picks[at]:]
	}
	full, value := k.full, k.table.levels[0].cells[k.final()].value
	if _, reached := c.take(set, true); reached && full {
		c.known = max(c.known, value)
	}
	return true
}

// within gathers the members of the cells of a combination.
func (c *combiner) within(at, cell int, groups []int32) {
	if at == len(c.keys) {
		c.inside = append(c.inside, c.members[c.start[cell]:c.start[cell+1]]...)
		return
	}
	for _, g := range groups[:c.picks[at]] {
		c.within(at+1, cell+int(g)*c.rest[at], groups[c.picks[at]:])
	}
}
