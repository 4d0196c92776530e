package spread

import (
	"cmp"
	"math/bits"
	"slices"
)

// knapsackWork bounds the additions of one knapsack: a millisecond at most.
// Larger problems are for the search.
const knapsackWork = 1 << 18

// packedBits is what a packed value may use of an int64.
const packedBits = 62

// knapsack finds the best set of a model with at most one key beside those of
// single clusters, when each candidate is in one group of it, and as long as no
// level is cut off. Within a group the best x members are the first x in the
// order of the objective, so that all there is to decide is how many of each
// group: for j groups and e clusters beside the first of each,
//
//	best[j][e] = max over x of (x best members of the group) + best[j−1][e−(x−1)]
//
// group by group (Kellerer, Pferschy and Pisinger, Knapsack Problems, ch. 11).
// Where clusters have no maximum a group is taken whole or not at all.
//
// What is added up is one number a candidate: keep, score, 1 and room side by
// side in fields wide enough for every sum, which compare as the levels do.
type knapsack struct {
	m      *model
	groups int // by id, those without a candidate included
	width  int // members of a group that are worth looking at; 0: all at once
	extra  int // clusters beyond one a group
	most   int // groups
	fewest int // groups that every answer has
	fields [4]uint
	plain  bool    // no candidate keeps anything or has a score
	one    int64   // what a candidate adds to the number of clusters where that counts
	column []int32 // group of each candidate, where that had to be laid out
	counts []int32 // by group: members kept
	values []int64 // by group and place: packed values, descending; then their sums
	member []int32 // by group and place
	live   []int32 // groups that an answer may have
	all    []int32
	cells  []packedCell
	nodes  []packedNode
	work   int // additions
	relief relief
}

// packedCell is the best answer for one number of groups and of clusters.
type packedCell struct {
	value int64 // -1: none
	node  int32
}

// packedNode takes x members of a group. Nodes form a tree by parent.
type packedNode struct {
	parent   int32 // -1 at the root
	group, x int32
	first    int32 // smallest candidate of all taken
}

// quick leaves the best set of the knapsack in s; false when the model is not of
// its kind or has no answer.
func (s *Solver) quick() bool {
	k := &s.knapsack
	found, able := k.solve(&s.model)
	if !found || !able {
		return false
	}
	s.set = k.best(s.set[:0])
	s.nodes += len(k.nodes)
	s.plan.exact = false
	return true
}

// solve looks for the best set of m. Able is false when the model is not of the
// right kind or too large; otherwise found says whether there is a set.
func (k *knapsack) solve(m *model) (found, able bool) {
	if !k.init(m) {
		return false, false
	}
	if k.most < k.fewest {
		return false, true
	}
	k.measure()
	if k.groups*k.width > knapsackWork {
		return false, false
	}
	k.gather()
	k.work = 0
	for _, g := range k.live {
		k.work += k.most * (k.extra + 1) * int(k.counts[g])
	}
	if k.work > knapsackWork {
		return false, false
	}
	k.fill()
	return k.final() >= 0, true
}

// init reports whether the model is of the right kind, and lays out the groups.
func (k *knapsack) init(m *model) bool {
	if len(m.keys) > 1 || len(m.tierRanks) > 1 && !m.p.Divided || len(m.keys) == 1 && m.keys[0].wide > 1 {
		return false
	}
	k.m, k.groups, k.most, k.fewest = m, 1, 1, 1
	if len(m.keys) > 0 {
		key := &m.keys[0]
		k.groups, k.most, k.fewest = len(key.first), int(min(key.most, key.groups)), int(key.least)
	}
	if m.size.most != unbounded {
		k.most = min(k.most, int(m.size.most))
	}
	return k.pack()
}

// pack chooses the fields: how far each is shifted.
func (k *knapsack) pack() bool {
	m := k.m
	n := int64(len(m.active))
	if m.size.most != unbounded {
		n = min(n, int64(m.size.most))
	}
	k.plain, k.one = m.largest.keep == 0 && m.largest.score == 0, 0
	if m.hasSize {
		k.one = 1
	}
	shift := 0
	for at, largest := range [...]int64{m.largest.room, k.one, m.largest.score, m.largest.keep} { // last field first
		k.fields[3-at] = uint(shift)
		if largest > 0 {
			shift += bits.Len64(uint64(largest)) + bits.Len64(uint64(n))
		}
	}
	return shift <= packedBits
}

func (k *knapsack) value(i int32) int64 {
	m := k.m
	value := k.one<<k.fields[2] | m.room[i] // the last field is not shifted
	if k.plain {
		return value
	}
	return value | m.keep[i]<<k.fields[0] | m.score[i]<<k.fields[1]
}

// size returns the number of clusters in a packed value.
func (k *knapsack) size(value int64) int64 {
	return value >> k.fields[2] & (1<<(k.fields[1]-k.fields[2]) - 1)
}

// group returns the group of candidate i.
func (k *knapsack) group(i int32) int32 {
	if len(k.m.keys) == 0 {
		return 0
	}
	return k.m.p.Keys[k.m.keys[0].index].Membership.of(i)[0]
}

// measure sizes the table.
func (k *knapsack) measure() {
	m := k.m
	k.width, k.extra = 0, 0
	if m.size.most != unbounded {
		k.extra = int(m.size.most) - 1
		if k.settled() {
			k.fewest, k.extra = k.most, int(m.size.most)-k.most
		}
		k.width = k.extra + 1
	}
}

// settled reports whether every best answer has as many groups as there can be:
// nothing that comes before them in the objective tells candidates apart.
func (k *knapsack) settled() bool {
	m := k.m
	if len(m.keys) == 0 {
		return true
	}
	for at := range m.keys[0].index {
		if !m.isFixed(at) {
			return false
		}
	}
	return k.plain
}

// fill runs the recursion.
func (k *knapsack) fill() {
	stride := k.extra + 1
	k.cells = resize(k.cells, (k.most+1)*stride)
	for at := range k.cells {
		k.cells[at].value = -1
	}
	k.cells[0] = packedCell{0, -1}
	k.nodes = k.nodes[:0]
	for at, g := range k.live {
		low := max(1, k.fewest-(len(k.live)-1-at)) // what too few groups are left for cannot be an answer
		for j := min(k.most, at+1); j >= low; j-- {
			k.add(g, k.cells[(j-1)*stride:j*stride], k.cells[j*stride:][:min(stride, k.spare(j)+1)])
		}
	}
}

// spare is how many clusters there may be beyond one for each of j groups.
func (k *knapsack) spare(j int) int {
	if k.width == 0 {
		return 0
	}
	return int(k.m.size.most) - j
}

// gather keeps the best members of each group, in order, drops the groups that
// no best answer has, and adds up the rest.
func (k *knapsack) gather() {
	m, width := k.m, max(1, k.width)
	k.counts = resize(k.counts, k.groups)
	clear(k.counts)
	k.values = resize(k.values, k.groups*width)
	clear(k.values)
	k.member = resize(k.member, k.groups*width)
	if k.width == 0 && len(m.keys) > 0 {
		copy(k.member, m.keys[0].first)
	} else {
		k.member[0] = m.active[0]
	}
	var group []int32 // of each candidate; nil: all in one
	if len(m.keys) > 0 {
		group = m.p.Keys[m.keys[0].index].Membership.column(&k.column, m.active)
	}
	for _, i := range m.active {
		g := 0
		if group != nil {
			g = int(group[i])
		}
		value := k.value(i)
		if k.width == 0 {
			k.values[g] += value
			k.counts[g] = 1
		} else if n := int(k.counts[g]); n < k.width || value > k.values[g*k.width+n-1] {
			k.insert(g, i, value)
		}
	}
	k.live = k.live[:0]
	for g := range int32(k.groups) {
		if k.counts[g] > 0 {
			k.live = append(k.live, g)
		}
	}
	if k.width > 0 {
		k.reduce()
	}
	k.dropDominated()
	if k.width == 0 {
		return
	}
	for _, g := range k.live {
		sums := k.of(g)
		for x := 1; x < len(sums); x++ {
			sums[x] += sums[x-1]
		}
	}
}

// dropDominated drops the groups to which as many others are preferable as an
// answer may have, so that one of them is always free to take its place.
func (k *knapsack) dropDominated() {
	if len(k.live) <= k.most {
		return
	}
	if k.width == 0 {
		k.keepLargest()
		return
	}
	k.all = append(k.all[:0], k.live...)
	kept := k.live[:0]
	for _, g := range k.all {
		left := k.most
		for at := 0; at < len(k.all) && left > 0; at++ {
			if k.preferable(k.all[at], g) {
				left--
			}
		}
		if left > 0 {
			kept = append(kept, g)
		}
	}
	k.live = kept
}

// keepLargest keeps as many groups as there may be, where each is taken whole: those of the largest value, of equal ones the first by name.
func (k *knapsack) keepLargest() {
	slices.SortFunc(k.live, func(a, b int32) int {
		return cmp.Or(cmp.Compare(k.values[b], k.values[a]), cmp.Compare(k.member[a], k.member[b]))
	})
	k.live = k.live[:k.most]
	slices.Sort(k.live)
}

// preferable reports whether any number of members of group a is at least as
// good as so many of group b and has the first name.
func (k *knapsack) preferable(a, b int32) bool {
	x, y := k.of(a), k.of(b)
	if len(x) < len(y) {
		return false
	}
	firstA, firstB := noIndex, noIndex
	width := max(1, k.width)
	for at, value := range y {
		firstA, firstB = min(firstA, k.member[int(a)*width+at]), min(firstB, k.member[int(b)*width+at])
		if x[at] < value || firstA >= firstB {
			return false
		}
	}
	return true
}

// of returns the values of the members of a group that are kept.
func (k *knapsack) of(g int32) []int64 {
	if k.width == 0 {
		return k.values[g : g+1]
	}
	return k.values[int(g)*k.width:][:k.counts[g]]
}

// insert puts candidate i, which comes after all before it by name, among the
// best of group g.
func (k *knapsack) insert(g int, i int32, value int64) {
	n := int(k.counts[g])
	values, members := k.values[g*k.width:][:k.width], k.member[g*k.width:][:k.width]
	if n == k.width {
		n--
	} else {
		k.counts[g]++
	}
	for ; n > 0 && values[n-1] < value; n-- {
		values[n], members[n] = values[n-1], members[n-1]
	}
	values[n], members[n] = value, i
}

// add offers group g to the answers with one group fewer.
func (k *knapsack) add(g int32, from, to []packedCell) {
	sums := k.of(g)
	for e := range min(len(from), len(to)) {
		base := from[e]
		if base.value < 0 {
			continue
		}
		for x, sum := range sums[:min(len(sums), len(to)-e)] {
			cell := &to[e+x]
			value := base.value + sum
			if value < cell.value {
				continue
			}
			n := k.take(base.node, g, int32(x+1))
			if value == cell.value && k.compareNames(n, cell.node) <= 0 {
				k.nodes = k.nodes[:n]
				continue
			}
			*cell = packedCell{value, n}
		}
	}
}

func (k *knapsack) take(parent, g, x int32) int32 {
	first := k.firstMember(g, 0, x)
	if parent >= 0 {
		first = min(first, k.nodes[parent].first)
	}
	k.nodes = append(k.nodes, packedNode{parent, g, x, first})
	return int32(len(k.nodes) - 1)
}

// firstMember is the smallest of the members [from, to) of a group.
func (k *knapsack) firstMember(g, from, to int32) int32 {
	first := noIndex
	for _, i := range k.member[int(g)*max(1, k.width):][from:to] {
		first = min(first, i)
	}
	return first
}

// compareNames tells which of two answers holds the smallest candidate that the
// other lacks: 1 for a, -1 for b.
func (k *knapsack) compareNames(a, b int32) int {
	if x, y := k.nodes[a].first, k.nodes[b].first; x != y {
		return compare(int64(y), int64(x))
	}
	onlyA, onlyB := noIndex, noIndex
	for a != b {
		x, y := k.node(a), k.node(b)
		switch {
		case x.group > y.group:
			onlyA, a = min(onlyA, k.firstMember(x.group, 0, x.x)), x.parent
		case y.group > x.group:
			onlyB, b = min(onlyB, k.firstMember(y.group, 0, y.x)), y.parent
		default:
			shared := min(x.x, y.x)
			onlyA, a = min(onlyA, k.firstMember(x.group, shared, x.x)), x.parent
			onlyB, b = min(onlyB, k.firstMember(y.group, shared, y.x)), y.parent
		}
	}
	return compare(int64(onlyB), int64(onlyA))
}

func (k *knapsack) node(n int32) packedNode {
	if n < 0 {
		return packedNode{parent: -1, group: -1}
	}
	return k.nodes[n]
}

// final returns the cell of the best answer, -1 when there is none.
func (k *knapsack) final() int {
	stride, best := k.extra+1, -1
	for at := k.fewest * stride; at < len(k.cells); at++ {
		c := k.cells[at]
		if c.value < 0 || k.m.hasSize && k.size(c.value) < int64(k.m.size.least) {
			continue
		}
		if best < 0 || k.better(at, best) {
			best = at
		}
	}
	return best
}

// better compares two cells level by level.
func (k *knapsack) better(a, b int) bool {
	x, y := k.cells[a], k.cells[b]
	if p, q := x.value>>k.fields[1], y.value>>k.fields[1]; p != q {
		return p > q
	}
	stride := k.extra + 1
	for at := range k.m.p.Keys {
		if k.m.isFixed(at) {
			continue
		} else if len(k.m.keys) > 0 && k.m.keys[0].index == at {
			if p, q := a/stride, b/stride; p != q {
				return p > q
			}
		} else if p, q := k.size(x.value), k.size(y.value); p != q {
			return p > q
		}
	}
	if x.value != y.value {
		return x.value > y.value
	}
	return k.compareNames(x.node, y.node) > 0
}

// best appends the candidates of the best answer in ascending order.
func (k *knapsack) best(set []int32) []int32 {
	width := max(1, k.width)
	for n := k.cells[k.final()].node; n >= 0; n = k.nodes[n].parent {
		node := k.nodes[n]
		if k.width > 0 {
			set = append(set, k.member[int(node.group)*width:][:node.x]...)
			continue
		}
		for _, i := range k.m.active {
			if k.group(i) == node.group {
				set = append(set, i)
			}
		}
	}
	slices.Sort(set)
	return set
}
