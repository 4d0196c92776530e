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
	base    int64     // what each bound contains
	window  []int64   // the largest worths of a combination
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
	t.cell = resize(t.cell, t.m.p.Candidates)
	t.start, t.values = resize(t.start, cells+1), resize(t.values, cells)
	clear(t.start)
	clear(t.values)
	for _, i := range t.active {
		cell := int32(0)
		for at, f := range t.keys {
			cell += t.rank[at][t.column[f][i]] * int32(t.rest[at])
		}
		t.cell[i] = cell
		t.start[cell+1]++
		t.values[cell] += k.value(i) >> 16
	}
	for at := range cells {
		t.start[at+1] += t.start[at]
	}
	t.next = append(t.next[:0], t.start...)
	t.members = resize(t.members, len(t.active))
	for _, i := range t.active {
		t.members[t.next[t.cell[i]]] = i
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
	if !t.look(groups) {
		return false
	}
	if k.whole || len(t.s.set) < int(t.m.size.most) {
		return true
	}
	t.price = math.MaxInt64
	for _, i := range t.s.set {
		t.price = min(t.price, k.value(i))
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
		t.worth[int(t.cell[i])*t.first+at] += max(0, k.value(i)-t.price)
	}
	t.work += 2 * len(t.active)
}

// pick adds groups of key number at to those picked, from group number from on,
// when so many are picked already, of all keys and of this one, and notes each
// combination with its bound.
func (t *slicer) pick(at, from, picked, ofKey int) {
	worth := t.worth
	if picked > 0 {
		worth = t.sums[picked-1]
	}
	if at < len(t.keys) && ofKey == t.picks[at] {
		t.pick(at+1, 0, picked, 0)
		return
	}
	if at == len(t.keys) {
		t.note(worth[:t.first])
		return
	}
	f := t.keys[at]
	base := worth // what groups of this key are picked from
	if ofKey > 0 {
		base = t.worth
		if picked > ofKey {
			base = t.sums[picked-ofKey-1]
		}
	}
	size := t.rest[at] * t.first
	for len(t.sums) <= picked {
		t.sums = append(t.sums, nil)
	}
	t.sums[picked] = resize(t.sums[picked], size)
	for g := from; g <= len(t.groups[f])-(t.picks[at]-ofKey); g++ {
		sum, row := t.sums[picked][:size], base[g*size:][:size]
		if ofKey == 0 {
			copy(sum, row)
		} else {
			before := worth[:size]
			for i := range sum {
				sum[i] = before[i] + row[i]
			}
		}
		t.picked[picked] = int32(g)
		t.pick(at, g+1, picked+1, ofKey+1)
	}
}

// note keeps a combination if its bound reaches the best set.
func (t *slicer) note(worth []int64) {
	window := t.window
	clear(window)
	last := len(window) - 1
	for _, w := range worth {
		if w > window[last] {
			push(window, w)
		}
	}
	bound := t.base
	for _, w := range window {
		bound += w
	}
	if bound < t.known {
		return
	}
	t.all = append(t.all, combination{bound, int32(len(t.chosen))})
	t.chosen = append(t.chosen, t.picked...)
}

// look solves a combination, given the places of its groups. False when it is too
// large.
func (t *slicer) look(groups []int32) bool {
	k := &t.s.knapsack
	t.inside = t.inside[:0]
	t.gather(0, 0, groups)
	t.work += len(t.inside) + leafWork
	found, able := k.run(t.inside, t.known)
	t.work += k.table.work / additionsPerLook
	if !found {
		return able
	}
	set := t.found(t.inside)
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
		t.inside = append(t.inside, t.members[t.start[cell]:t.start[cell+1]]...)
		return
	}
	for _, g := range groups[:t.picks[at]] {
		t.gather(at+1, cell+int(g)*t.rest[at], groups[t.picks[at]:])
	}
}
