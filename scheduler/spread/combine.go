package spread

import (
	"cmp"
	"math"
	"math/bits"
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
	*slicer
	keys    []int     // combined keys, the fewest groups first, by position in model.keys
	picks   []int     // by key: how many groups are combined
	rest    []int     // by key: cells of the keys after it
	rank    [][]int32 // by key, group: its place among those with candidates
	cells   int
	cell    []int32 // by candidate: one group of each combined key
	start   []int32 // by cell: its first member, and the end of the last
	next    []int32
	members []int32   // cell by cell
	nothing []int64   // zeros
	packed  []int64   // index-aligned with members: their values
	least   int64     // value of candidates that may be part of a better set
	values  []float64 // by cell: about what its members come to
	first   int       // groups of the first level of the chain
	place   []int32   // by group of the first level: its place among those with candidates
	worth   []int64   // by cell and group of the first level
	price   int64     // of a cluster
	base    int64     // what each bound contains
	window  []int64   // the largest worths of a combination
	sums    [][]int64 // by number of groups picked: the worth of what they leave
	pairs   []int64   // by two groups of the last key: the largest worths of both together
	filled  []uint64  // by group of the last key: the groups of the first level in which it is worth anything
	words   int       // of filled, for each group
	union   []uint64
	picked  []int32 // groups picked of each key
	all     []combination
	chosen  []int32 // by combination: the groups picked
	known   int64   // packed value of the best set, if it has as many groups as there can be; -1: none
	total   []int64 // by group of the first level: what a combination is worth
	inside  []int32
	ordered []int32 // those inside by name
	held    held
}

// combination is a choice of groups of every combined key.
type combination struct {
	bound int64 // of the packed value
	at    int32 // in combiner.chosen
}

// byBound sorts the highest bound first.
func byBound(a, b combination) int {
	return cmp.Or(cmp.Compare(b.bound, a.bound), cmp.Compare(a.at, b.at))
}

// few reports whether there are few enough combinations to look at all.
func (c *combiner) few() bool {
	m := c.m
	slices.SortStableFunc(c.keys, func(a, b int) int { return cmp.Compare(m.keys[a].groups, m.keys[b].groups) })
	cells, combinations, picked := 1, 1, 0
	for _, f := range c.keys {
		n, most := len(c.groups[f]), int(m.keys[f].most)
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
	c.cells, c.first = cells, int(m.keys[c.chain[0]].groups)
	c.picked = resize(c.picked, picked)
	return combinations*c.first <= combinedWork
}

// combine looks at all combinations. Able is false when that is too much work;
// otherwise complete says whether no slice can hold a set better than the best
// one, but for those left open.
func (c *combiner) combine() (complete, able bool) {
	c.leaveChain()
	c.divided = c.keys
	if !c.begin() {
		return false, false
	}
	if c.best == nil && c.m.p.Divided && c.m.sum(c.m.room, c.s.set) < c.m.replicas {
		if complete, able := c.combineRoom(); able && complete && c.best == nil {
			return true, true
		}
		if !c.begin() {
			return false, false
		}
	}
	if len(c.keys) == 0 {
		return true, true // That was the only one.
	}
	c.appraise()
	c.pick(0, c.worth, 0)
	best := 0
	for at := range c.all {
		if c.all[at].bound > c.all[best].bound {
			best = at
		}
	}
	if len(c.all) == 0 {
		return true, true
	}
	if !c.look(c.groupsOf(c.all[best]), c.all[best].bound) {
		return false, false
	}
	c.all[best].bound = -1
	c.reappraise()
	c.all = slices.DeleteFunc(c.all, func(o combination) bool { return o.bound < max(0, c.known) })
	slices.SortFunc(c.all, byBound)
	for _, o := range c.all {
		if o.bound < c.known {
			break
		}
		if c.work > c.limit || c.enough() {
			return false, true
		}
		if !c.look(c.groupsOf(o), o.bound) {
			return false, false
		}
	}
	return true, true
}

// begin lays out the chain and solves a first combination. False when it is too
// large.
func (c *combiner) begin() bool {
	if !c.s.knapsack.lay(&c.leaf) {
		return false
	}
	if c.s.knapsack.levels[0].key < 0 {
		c.first = 1
	}
	c.known, c.price, c.all, c.chosen, c.open = -1, 0, c.all[:0], c.chosen[:0], c.open[:0]
	c.layCells()
	return c.guess()
}

// combineRoom looks for any set that has room for the replicas, and stops with the
// first that is allowed. Complete says that there is none where none was found.
func (c *combiner) combineRoom() (complete, able bool) {
	m, k := c.m, &c.s.knapsack
	c.nothing = resize(c.nothing, len(m.room))
	clear(c.nothing)
	c.leaf.keep, c.leaf.score, c.leaf.largest, k.roomFirst = c.nothing, c.nothing, quantities{room: m.largest.room}, true
	defer func() { c.leaf.keep, c.leaf.score, c.leaf.largest, k.roomFirst = m.keep, m.score, m.largest, false }()
	if !c.begin() {
		return false, false
	}
	c.known = m.replicas
	c.appraise()
	c.pick(0, c.worth, 0)
	slices.SortFunc(c.all, byBound)
	complete = true
	for _, o := range c.all {
		if c.best != nil {
			return true, true
		} else if c.work > c.limit {
			return false, true
		}
		found, able := c.inspect(c.groupsOf(o), o.bound)
		if !able {
			return false, true
		}
		if found {
			c.take(c.s.set, false)
			complete = false // It has room and may lack something else.
		}
	}
	return complete, true
}

// reappraise bounds the combinations that are left anew, with the price that the last
// one solved has led to.
func (c *combiner) reappraise() {
	k := &c.s.knapsack
	price := k.relief.cluster
	if c.known < 0 || k.whole || price == c.price || price <= 0 {
		return
	}
	c.price = price
	c.appraise()
	for at := range c.all {
		if o := &c.all[at]; o.bound >= c.known {
			o.bound = c.base + c.largest(c.sum(c.groupsOf(*o)), nil)
		}
	}
	c.work += len(c.all) * c.first
}

// groupsOf returns the places of the groups of a combination.
func (c *combiner) groupsOf(o combination) []int32 { return c.chosen[o.at:][:len(c.picked)] }

// layCells sorts the candidates by cell.
func (c *combiner) layCells() {
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
	clear(c.cell)
	clear(c.start)
	clear(c.values)
	for at, f := range c.keys {
		rank, column, rest, cell := c.rank[at], c.column[f], int32(c.rest[at]), c.cell
		for _, i := range c.active {
			cell[i] += rank[column[i]] * rest
		}
	}
	for _, i := range c.active {
		c.start[c.cell[i]+1]++
	}
	for at := range cells {
		c.start[at+1] += c.start[at]
	}
	c.next = append(c.next[:0], c.start...)
	c.members, c.packed = resize(c.members, len(c.active)), resize(c.packed, len(c.active))
	for _, i := range c.active {
		cell, value := c.cell[i], k.value(i)
		at := c.next[cell]
		c.next[cell]++
		c.members[at], c.packed[at] = i, value
		c.values[cell] += float64(value)
	}
	c.work += 2 * len(c.active)
}

// places fills memory with the place of each group of key f among those with candidates.
func (c *combiner) places(memory []int32, f int) []int32 {
	memory = resize(memory, len(c.allowed[f]))
	for i, g := range c.groups[f] {
		memory[g] = int32(i)
	}
	return memory
}

// guess solves one combination, of the groups that are the most valuable by
// themselves, for the price of a cluster.
func (c *combiner) guess() bool {
	k := &c.s.knapsack
	var groups []int32
	for at, f := range c.keys {
		order := make([]int32, len(c.groups[f]))
		for i := range order {
			order[i] = int32(i)
		}
		values := make([]float64, len(order))
		for cell, value := range c.values {
			values[cell/c.rest[at]%len(values)] += value
		}
		slices.SortStableFunc(order, func(a, b int32) int { return cmp.Compare(values[b], values[a]) })
		groups = append(groups, order[:c.picks[at]]...)
	}
	c.s.set = c.s.set[:0]
	if k.roomFirst {
		if _, able := c.inspect(groups, math.MaxInt64); !able {
			return false
		}
	} else if !c.look(groups, math.MaxInt64) {
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
func (c *combiner) appraise() {
	k := &c.s.knapsack
	c.window = resize(c.window, k.levels[0].limit)
	c.base = k.tallyBound()
	if !k.whole {
		c.base += c.price * int64(c.m.size.most)
	}
	c.worth = resize(c.worth, c.cells*c.first)
	clear(c.worth)
	top := c.chain[0]
	c.place = c.places(c.place, top)
	for cell := range c.cells {
		worth := c.worth[cell*c.first:][:c.first]
		start, end := c.start[cell], c.start[cell+1]
		for at, value := range c.packed[start:end] {
			if value > c.price {
				worth[c.placeOf(c.members[int(start)+at])] += value - c.price
			}
		}
	}
	c.work += len(c.active)
}

// pick notes each combination of groups of key number at and of those after it with
// its bound. The worth is by cell of these keys and group of the first level; so many
// groups of the keys before are picked.
func (c *combiner) pick(at int, worth []int64, picked int) {
	if at == len(c.keys) {
		c.note(c.base + c.largest(worth[:c.first], nil))
		return
	}
	if groups := len(c.groups[c.keys[at]]); c.paired(at) {
		c.layFilled(worth, groups)
		c.appraisePairs(worth, groups)
	}
	c.choose(at, worth, nil, 0, picked, c.picks[at], 0)
}

// paired reports whether the combinations of key number at are bounded by pairs first.
func (c *combiner) paired(at int) bool { return at == len(c.keys)-1 && c.picks[at] > 2 }

// layFilled marks where the groups of the last key are worth anything: with the price of
// a cluster few are in most groups of the first level.
func (c *combiner) layFilled(worth []int64, groups int) {
	c.words = (c.first + 63) / 64
	c.filled, c.union = resize(c.filled, groups*c.words), resize(c.union, c.words)
	clear(c.filled)
	for g := range groups {
		filled := c.filled[g*c.words:][:c.words]
		for i, w := range worth[g*c.first:][:c.first] {
			if w > 0 {
				filled[i/64] |= 1 << (i % 64)
			}
		}
	}
}

// unite returns where any of some groups of the last key is worth anything.
func (c *combiner) unite(groups ...int32) []uint64 {
	clear(c.union)
	for _, g := range groups {
		for at, word := range c.filled[int(g)*c.words:][:c.words] {
			c.union[at] |= word
		}
	}
	return c.union
}

// appraisePairs fills in what any two groups of the last key bring at most. The worth of
// n groups is that of all pairs of them over n−1, so that no combination brings more
// than what its pairs bring over n−1.
func (c *combiner) appraisePairs(worth []int64, groups int) {
	c.pairs = resize(c.pairs, groups*groups)
	for a := range groups {
		row := worth[a*c.first:][:c.first]
		for b := range a {
			c.pairs[a*groups+b] = c.largestIn(c.unite(int32(a), int32(b)), row, worth[b*c.first:][:c.first])
		}
	}
}

// choose picks so many more groups of key number at, from group number from on. The
// sum is that of the worth of those picked; brought, for the last key, what their
// pairs bring.
func (c *combiner) choose(at int, worth, sum []int64, from, picked, more int, brought int64) {
	last, groups := at == len(c.keys)-1, len(c.groups[c.keys[at]])
	size := c.rest[at] * c.first
	for len(c.sums) <= picked {
		c.sums = append(c.sums, nil)
	}
	next := resize(c.sums[picked], size)
	c.sums[picked] = next
	for g := from; g <= groups-more; g++ {
		row, all := worth[g*size:][:size], brought
		c.picked[picked] = int32(g)
		if c.paired(at) {
			all += c.bring(g, groups, picked, at)
			if !c.mayReach(at, g, groups, picked, more, all) {
				continue
			}
		}
		if last && more == 1 {
			c.note(c.boundOf(at, row, sum))
			continue
		}
		if sum == nil {
			copy(next, row)
		} else {
			before := sum[:len(row)]
			for i, w := range row {
				next[i] = before[i] + w
			}
		}
		if more > 1 {
			c.choose(at, worth, next, g+1, picked+1, more-1, all)
		} else {
			c.pick(at+1, next, picked+1)
		}
	}
}

// bring is what the pairs of group g of the last key with those picked before bring.
func (c *combiner) bring(g, groups, picked, at int) int64 {
	sum := int64(0)
	for _, other := range c.picked[len(c.picked)-c.picks[at] : picked] {
		sum += c.pairs[g*groups+int(other)]
	}
	return sum
}

// mayReach reports whether the pairs of groups of the last key, the last picked of which
// is g, do not rule out what is known; where more than one is missing it does not look.
func (c *combiner) mayReach(at, g, groups, picked, more int, brought int64) bool {
	enough := (c.known - c.base) * int64(c.picks[at]-1)
	switch more {
	case 1:
		return brought >= enough
	case 2:
		for next := g + 1; next < groups; next++ {
			if brought+c.bring(next, groups, picked+1, at) >= enough {
				return true
			}
		}
		return false
	}
	return true
}

// largest adds up the largest of a and b added, as many as there may be groups of the
// first level. Without b it adds up those of a.
func (c *combiner) largest(a, b []int64) int64 {
	window := c.window
	clear(window)
	last := len(window) - 1
	if b == nil {
		for _, w := range a {
			if w > window[last] {
				push(window, w)
			}
		}
	} else {
		b = b[:len(a)]
		for i, w := range a {
			if w += b[i]; w > window[last] {
				push(window, w)
			}
		}
	}
	return total(window)
}

// largestIn is largest of a and b where filled says; elsewhere they are zero.
func (c *combiner) largestIn(filled []uint64, a, b []int64) int64 {
	if len(c.window) > 3 {
		return c.largest(a, b)
	}
	var first, second, third int64 // A window in registers takes a third of the time.
	for at, word := range filled {
		for ; word != 0; word &= word - 1 {
			i := at*64 + bits.TrailingZeros64(word)
			switch w := a[i] + b[i]; {
			case w <= third:
			case w <= second:
				third = w
			case w <= first:
				second, third = w, second
			default:
				first, second, third = w, first, second
			}
		}
	}
	return total([]int64{first, second, third}[:len(c.window)])
}

func total(values []int64) int64 {
	sum := int64(0)
	for _, v := range values {
		sum += v
	}
	return sum
}

// boundOf bounds the combination that is picked: the worth of a group of the last key,
// that of key number at, and of those before it.
func (c *combiner) boundOf(at int, row, sum []int64) int64 {
	if c.paired(at) {
		return c.base + c.largestIn(c.unite(c.picked[len(c.picked)-c.picks[at]:]...), row, sum)
	}
	return c.base + c.largest(row, sum)
}

// note keeps the combination that is picked if its bound reaches the best set.
func (c *combiner) note(bound int64) {
	if bound < c.known {
		return
	}
	c.all = append(c.all, combination{bound, int32(len(c.chosen))})
	c.chosen = append(c.chosen, c.picked...)
}

// inspect leaves the best set of a combination in the solver, given the places of its
// groups and its bound, unless it is no better than what is known. Able is false when
// it is too large.
func (c *combiner) inspect(groups []int32, bound int64) (found, able bool) {
	k := &c.s.knapsack
	c.inside, c.least = c.inside[:0], math.MinInt64
	if c.known >= 0 && bound < math.MaxInt64 {
		c.least = c.price - (bound - c.known) // A candidate below the price takes that much off the bound.
	}
	c.eachCell(0, 0, groups, c.gather)
	c.work += 2*len(c.inside) + leafWork
	if !k.roomFirst && bound == c.known && !c.named(groups) {
		return false, true
	}
	found, able = k.run(c.inside, c.known)
	c.work += k.table.work
	if found {
		c.found(c.inside)
	}
	return found, able
}

// named reports whether a combination that can be as good as the best set and no better
// can win by names: whether it may hold a candidate that the best set lacks beside all
// of that set which come before it.
func (c *combiner) named(groups []int32) bool {
	c.sum(groups)
	c.ordered = append(c.ordered[:0], c.inside...)
	slices.Sort(c.ordered)
	c.layHeld()
	left := c.best.Chosen
	for _, i := range c.ordered {
		if len(left) > 0 && left[0] < i {
			return false // It is not in this combination.
		}
		ours, may := len(left) > 0 && left[0] == i, c.mayHold(i)
		if ours != may {
			return may
		} else if ours {
			left = left[1:]
			c.hold(i)
		}
	}
	return false
}

// sum adds up what the cells of a combination are worth in each group of the first level.
func (c *combiner) sum(groups []int32) []int64 {
	c.total = resize(c.total, c.first)
	clear(c.total)
	c.eachCell(0, 0, groups, func(cell int) {
		for i, w := range c.worth[cell*c.first:][:c.first] {
			c.total[i] += w
		}
	})
	return c.total
}

// placeOf is the place of the group of the first level that candidate i lies in.
func (c *combiner) placeOf(i int32) int {
	if c.first == 1 {
		return 0
	}
	return int(c.place[c.column[c.chain[0]][i]])
}

// look takes the best set of a combination if it is better than the best so far.
// False when it is too large.
func (c *combiner) look(groups []int32, bound int64) bool {
	k := &c.s.knapsack
	found, able := c.inspect(groups, bound)
	if !found {
		return able
	}
	set := c.s.set
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
	if c.take(set, true) && full {
		c.known = max(c.known, value)
	}
	return able
}

// eachCell calls do for each cell of a combination: from key number at on, when those
// before it lead to this cell.
func (c *combiner) eachCell(at, cell int, groups []int32, do func(cell int)) {
	if at == len(c.keys) {
		do(cell)
		return
	}
	for _, g := range groups[:c.picks[at]] {
		c.eachCell(at+1, cell+int(g)*c.rest[at], groups[c.picks[at]:], do)
	}
}

// gather adds the members of a cell to those inside.
func (c *combiner) gather(cell int) {
	start, end := c.start[cell], c.start[cell+1]
	for at, value := range c.packed[start:end] {
		if value >= c.least {
			c.inside = append(c.inside, c.members[int(start)+at])
		}
	}
}
