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
	nothing []int64   // zeros
	value   []int64   // by candidate: packed
	packed  []int64   // index-aligned with members: their values
	least   int64     // value of candidates that may be part of a better set
	values  []int64   // by cell, or group: about what its members come to
	first   int       // groups of the first level of the chain
	place   []int32   // by group of the first level: its place among those with candidates
	worth   []int64   // by cell and group of the first level
	price   int64     // of a cluster
	base    int64     // what each bound contains
	window  []int64   // the largest worths of a combination
	sums    [][]int64 // by number of groups picked: the worth of what they leave
	tops    []int64   // by group of the last key: what no combination gets more of from it
	top     int64     // the largest of them
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
	if !t.begin() {
		return false, false
	}
	if t.best == nil && t.m.p.Divided && t.m.sum(t.m.room, t.s.set) < t.m.replicas {
		if complete, able := t.combineRoom(); able && complete && t.best == nil {
			return true, true
		}
		if !t.begin() {
			return false, false
		}
	}
	if len(t.keys) == 0 {
		return true, true // That was the only one.
	}
	t.appraise()
	t.pick(0, t.worth, 0)
	best := 0
	for at := range t.all {
		if t.all[at].bound > t.all[best].bound {
			best = at
		}
	}
	if len(t.all) == 0 || !t.look(t.groupsOf(t.all[best]), t.all[best].bound) {
		return len(t.all) == 0, true
	}
	t.all[best].bound = -1
	t.all = slices.DeleteFunc(t.all, func(o combination) bool { return o.bound < max(0, t.known) })
	slices.SortFunc(t.all, func(a, b combination) int { return cmp.Or(cmp.Compare(b.bound, a.bound), cmp.Compare(a.at, b.at)) })
	for _, o := range t.all {
		if o.bound < t.known {
			break
		}
		if t.work > t.limit || t.enough() || !t.look(t.groupsOf(o), o.bound) {
			return false, true
		}
	}
	return true, true
}

// begin lays out the chain and solves a first combination. False when it is too
// large.
func (t *slicer) begin() bool {
	if !t.s.knapsack.lay(&t.leaf) {
		return false
	}
	if t.s.knapsack.levels[0].key < 0 {
		t.first = 1
	}
	t.known, t.price, t.all, t.chosen = -1, 0, t.all[:0], t.chosen[:0]
	t.layCells()
	return t.guess()
}

// combineRoom looks for any set that has room for the replicas, and stops with the
// first that is allowed. Complete says that there is none where none was found.
func (t *slicer) combineRoom() (complete, able bool) {
	m, k := t.m, &t.s.knapsack
	t.nothing = resize(t.nothing, len(m.room))
	clear(t.nothing)
	t.leaf.keep, t.leaf.score, t.leaf.largest, k.roomFirst = t.nothing, t.nothing, quantities{room: m.largest.room}, true
	defer func() { t.leaf.keep, t.leaf.score, t.leaf.largest, k.roomFirst = m.keep, m.score, m.largest, false }()
	if !t.begin() {
		return false, false
	}
	t.known = m.replicas
	t.appraise()
	t.pick(0, t.worth, 0)
	slices.SortFunc(t.all, func(a, b combination) int { return cmp.Or(cmp.Compare(b.bound, a.bound), cmp.Compare(a.at, b.at)) })
	complete = true
	for _, o := range t.all {
		if t.best != nil {
			return true, true
		} else if t.work > t.limit {
			return false, true
		}
		found, able := t.inspect(t.groupsOf(o), o.bound)
		if !able {
			return false, true
		}
		if found {
			t.take(t.s.set, false)
			complete = false // It has room and may lack something else.
		}
	}
	return complete, true
}

// groupsOf returns the places of the groups of a combination.
func (t *slicer) groupsOf(o combination) []int32 { return t.chosen[o.at:][:len(t.picked)] }

// layCells sorts the candidates by cell.
func (t *slicer) layCells() {
	k := &t.s.knapsack
	n := len(t.keys)
	t.rest, t.picks = resize(t.rest, n), resize(t.picks, n)
	for len(t.rank) < n {
		t.rank = append(t.rank, nil)
	}
	cells := 1
	for at := n - 1; at >= 0; at-- {
		f := t.keys[at]
		t.rest[at], t.picks[at] = cells, int(t.m.keys[f].most)
		cells *= len(t.groups[f])
		t.rank[at] = t.places(t.rank[at], f)
	}
	t.cell, t.value = resize(t.cell, t.m.p.Candidates), resize(t.value, t.m.p.Candidates)
	t.start, t.values = resize(t.start, cells+1), resize(t.values, cells)
	clear(t.cell)
	clear(t.start)
	clear(t.values)
	for at, f := range t.keys {
		rank, column, rest, cell := t.rank[at], t.column[f], int32(t.rest[at]), t.cell
		for _, i := range t.active {
			cell[i] += rank[column[i]] * rest
		}
	}
	for _, i := range t.active {
		cell, value := t.cell[i], k.value(i)
		t.value[i] = value
		t.start[cell+1]++
		t.values[cell] += value >> 16
	}
	for at := range cells {
		t.start[at+1] += t.start[at]
	}
	t.next = append(t.next[:0], t.start...)
	t.members, t.packed = resize(t.members, len(t.active)), resize(t.packed, len(t.active))
	for _, i := range t.active {
		at := t.next[t.cell[i]]
		t.members[at], t.packed[at] = i, t.value[i]
		t.next[t.cell[i]]++
	}
	t.work += 2 * len(t.active)
}

// places fills memory with the place of each group of key f among those with candidates.
func (t *slicer) places(memory []int32, f int) []int32 {
	memory = resize(memory, len(t.allowed[f]))
	for i, g := range t.groups[f] {
		memory[g] = int32(i)
	}
	return memory
}

// guess solves one combination, of the groups that are the most valuable by
// themselves, for the price of a cluster.
func (t *slicer) guess() bool {
	k := &t.s.knapsack
	var groups []int32
	for at, f := range t.keys {
		order := make([]int32, len(t.groups[f]))
		for i := range order {
			order[i] = int32(i)
		}
		values := make([]int64, len(order))
		for cell, value := range t.values {
			values[cell/t.rest[at]%len(values)] += value
		}
		slices.SortStableFunc(order, func(a, b int32) int { return cmp.Compare(values[b], values[a]) })
		groups = append(groups, order[:t.picks[at]]...)
	}
	t.s.set = t.s.set[:0]
	if k.roomFirst {
		if _, able := t.inspect(groups, math.MaxInt64); !able {
			return false
		}
	} else if !t.look(groups, math.MaxInt64) {
		return false
	}
	if k.whole || len(t.s.set) < int(t.m.size.most) {
		return true
	}
	t.price = math.MaxInt64
	for _, i := range t.s.set {
		t.price = min(t.price, t.value[i])
	}
	return true
}

// appraise fills in what each cell is worth in each group of the first level.
func (t *slicer) appraise() {
	k := &t.s.knapsack
	t.window = resize(t.window, k.levels[0].limit)
	t.base = k.tallyBound()
	if !k.whole {
		t.base += t.price * int64(t.m.size.most)
	}
	t.worth = resize(t.worth, t.cells*t.first)
	clear(t.worth)
	top := t.chain[0]
	t.place = t.places(t.place, top)
	rank, column := t.place, t.column[top]
	for _, i := range t.active {
		at := 0
		if t.first > 1 {
			at = int(rank[column[i]])
		}
		t.worth[int(t.cell[i])*t.first+at] += max(0, t.value[i]-t.price)
	}
	t.work += 2 * len(t.active)
}

// pick notes each combination of groups of key number at and of those after it with
// its bound. The worth is by cell of these keys and group of the first level; so many
// groups of the keys before are picked.
func (t *slicer) pick(at int, worth []int64, picked int) {
	if at == len(t.keys) {
		t.note(worth[:t.first], nil)
		return
	}
	if at == len(t.keys)-1 {
		t.tops = resize(t.tops, len(t.groups[t.keys[at]]))
		t.top = 0
		for g := range t.tops {
			t.tops[g] = t.largest(worth[g*t.first:][:t.first], nil)
			t.top = max(t.top, t.tops[g])
		}
	}
	t.choose(at, worth, nil, 0, picked, t.picks[at])
}

// choose picks so many more groups of key number at, from group number from on. The
// sum is that of the worth of those picked.
func (t *slicer) choose(at int, worth, sum []int64, from, picked, more int) {
	last := at == len(t.keys)-1
	size := t.rest[at] * t.first
	for len(t.sums) <= picked {
		t.sums = append(t.sums, nil)
	}
	next := resize(t.sums[picked], size)
	t.sums[picked] = next
	hope := t.base
	if last && sum != nil {
		hope += t.largest(sum, nil)
	}
	for g := from; g <= len(t.groups[t.keys[at]])-more; g++ {
		row := worth[g*size:][:size]
		t.picked[picked] = int32(g)
		switch {
		case last && hope+t.tops[g]+int64(more-1)*t.top < t.known:
			continue
		case last && more == 1:
			t.note(row, sum)
			continue
		case sum == nil:
			copy(next, row)
		default:
			before := sum[:len(row)]
			for i, w := range row {
				next[i] = before[i] + w
			}
		}
		if more > 1 {
			t.choose(at, worth, next, g+1, picked+1, more-1)
		} else {
			t.pick(at+1, next, picked+1)
		}
	}
}

// largest adds up the largest of a and b added, as many as there may be groups of the
// first level. Without b it adds up those of a.
func (t *slicer) largest(a, b []int64) int64 {
	window := t.window
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
	sum := int64(0)
	for _, w := range window {
		sum += w
	}
	return sum
}

// note keeps a combination if its bound reaches the best set.
func (t *slicer) note(a, b []int64) {
	bound := t.base + t.largest(a, b)
	if bound < t.known {
		return
	}
	t.all = append(t.all, combination{bound, int32(len(t.chosen))})
	t.chosen = append(t.chosen, t.picked...)
}

// inspect leaves the best set of a combination in the solver, given the places of its
// groups and its bound, unless it is no better than what is known. Able is false when
// it is too large.
func (t *slicer) inspect(groups []int32, bound int64) (found, able bool) {
	k := &t.s.knapsack
	t.inside, t.least = t.inside[:0], math.MinInt64
	if t.known >= 0 && bound < math.MaxInt64 {
		t.least = t.price - (bound - t.known) // A candidate below the price takes that much off the bound.
	}
	t.gather(0, 0, groups)
	t.work += 2*len(t.inside) + leafWork
	if !k.roomFirst && bound == t.known && (len(t.inside) == 0 || slices.Min(t.inside) > t.best.Chosen[0]) {
		return false, true // All that it can be is as good, and then names decide.
	}
	found, able = k.run(t.inside, t.known)
	t.work += k.table.work
	if found {
		t.found(t.inside)
	}
	return found, able
}

// look takes the best set of a combination if it is better than the best so far.
// False when it is too large.
func (t *slicer) look(groups []int32, bound int64) bool {
	k := &t.s.knapsack
	found, able := t.inspect(groups, bound)
	if !found {
		return able
	}
	set := t.s.set
	if !t.beats(t.bound, set) || t.roomiest() && t.bound.Capacity < t.m.replicas {
		return able
	}
	for at, f := range t.keys {
		clear(t.allowed[f])
		for _, g := range groups[:t.picks[at]] {
			t.allowed[f][t.groups[f][g]] = true
		}
		groups = groups[t.picks[at]:]
	}
	full, value := k.full, k.table.levels[0].cells[k.cell].value
	if _, reached := t.take(set, true); reached && full {
		t.known = max(t.known, value)
	}
	return able
}

// gather adds the members of the cells of a combination to those inside.
func (t *slicer) gather(at, cell int, groups []int32) {
	if at == len(t.keys) {
		start, end := t.start[cell], t.start[cell+1]
		for at, value := range t.packed[start:end] {
			if value >= t.least {
				t.inside = append(t.inside, t.members[int(start)+at])
			}
		}
		return
	}
	for _, g := range groups[:t.picks[at]] {
		t.gather(at+1, cell+int(g)*t.rest[at], groups[t.picks[at]:])
	}
}
