package spread

import (
	"math"
	"math/bits"
	"slices"
)

// tableCells bounds the size of a table.
const tableCells = 1 << 16

// table is the recursion of a knapsack. The table of a level is for the group
// that is open there: a cell for each number of its groups of the levels from
// there on, and of clusters.
type table struct {
	levels []openTable
	counts []uint64 // by cell: the same numbers and the clusters in fields
	bias   uint64   // what brings a field that exceeds its limit to its highest bit
	guard  uint64   // the highest bit of each field
	moves  []move   // by level, for one of its groups
	extra  move
	one    uint64 // cluster
	nodes  []packedNode
	choice []choice
	left   int     // groups of the first level that are still to come
	costs  []int64 // by cell: what the prices come to
	slack  int64
	seen   int64 // what the groups of the first level so far are worth beyond their prices
	work   int   // additions
}

// move is how much further one group or cluster leads in the table.
type move struct {
	cells  int
	counts uint64
}

type openTable struct {
	cells  []packedCell
	filled []uint64 // bits of the cells with an answer: where slack is small they are few
	since  int32    // position of the first unit of the open group
}

// packedCell is the best answer for some numbers of groups and of clusters.
type packedCell struct {
	value int64 // -1: none
	node  int32
}

// packedNode adds a group, by how many members or by which node of the table
// below. Nodes form a tree by parent.
type packedNode struct {
	parent     int32 // -1 at the root
	at, choice int32
	first      int32 // smallest candidate of all taken
}

// choice is one way to take a group.
type choice struct {
	cells  int
	counts uint64
	value  int64
	choice int32
	first  int32
}

// shape lays out the tables for the numbers of groups in k.levels.
func (t *table) shape(k *knapsack) bool {
	levels := len(k.levels)
	width := uint(64 / (levels + 2))
	most := 0 // clusters, where they count
	if !k.whole {
		most = int(k.m.size.most)
	}
	t.moves = resize(t.moves, levels)
	t.bias, t.guard = 0, 0
	field := uint(0)
	limit := func(n int) uint64 {
		one := uint64(1) << field
		highest := one << (width - 1)
		t.bias += highest - one*uint64(n+1)
		t.guard |= highest
		field += width
		return one
	}
	largest := max(most, k.extra)
	for at := range k.levels {
		largest = max(largest, k.levels[at].most)
	}
	if largest+1 >= 1<<(width-1) {
		return false
	}
	t.one, t.extra = limit(most), move{1, limit(k.extra)}
	if k.whole {
		t.one = 0
	}
	cells := k.extra + 1
	for at := levels - 1; at >= 0; at-- {
		t.moves[at] = move{cells, limit(k.levels[at].most)}
		if cells *= k.levels[at].most + 1; cells > tableCells {
			return false
		}
		for len(t.levels) < levels {
			t.levels = append(t.levels, openTable{})
		}
		o := &t.levels[at]
		o.cells, o.filled = resize(o.cells, cells), resize(o.filled, (cells+63)/64)
		for i := range o.cells {
			o.cells[i].value = -1
		}
		clear(o.filled)
	}
	t.count(k, cells)
	t.work += cells
	return true
}

// count fills in the numbers that belong to each cell.
func (t *table) count(k *knapsack, cells int) {
	t.counts = resize(t.counts, cells)
	leaf := t.one // a leaf is a cluster, too
	if k.parted {
		leaf = 0
	}
	tabulate(k, t.counts, t.extra.counts+t.one, func(at int) uint64 {
		if at == len(k.levels)-1 {
			return t.moves[at].counts + leaf
		}
		return t.moves[at].counts
	})
}

// tabulate fills in what the cells come to, given what one cluster beyond those of the
// leaves adds, and one group of each level.
func tabulate[T int64 | uint64](k *knapsack, cells []T, cluster T, group func(level int) T) {
	cells[0] = 0
	size := k.extra + 1
	for e := 1; e < size; e++ {
		cells[e] = cells[e-1] + cluster
	}
	for at := len(k.levels) - 1; at >= 0; at-- {
		one := group(at)
		for n := 1; n <= k.levels[at].most; n++ {
			for c := range size {
				cells[n*size+c] = cells[(n-1)*size+c] + one
			}
		}
		size *= k.levels[at].most + 1
	}
}

// open begins the table of a group.
func (o *openTable) open(at int32) {
	for i := range o.answers {
		o.cells[i].value = -1
	}
	clear(o.filled)
	o.cells[0], o.filled[0] = packedCell{0, -1}, 1
	o.since = at
}

// before returns the last cell with an answer before another; -1: none.
func (o *openTable) before(cell int) int {
	at := cell / 64
	if at < len(o.filled) {
		if word := o.filled[at] & (1<<(cell%64) - 1); word != 0 {
			return at*64 + bits.Len64(word) - 1
		}
	}
	for at--; at >= 0; at-- {
		if word := o.filled[at]; word != 0 {
			return at*64 + bits.Len64(word) - 1
		}
	}
	return -1
}

// answers yields the cells with an answer, in ascending order.
func (o *openTable) answers(yield func(cell int) bool) {
	for at, word := range o.filled {
		for ; word != 0; word &= word - 1 {
			if !yield(at*64 + bits.TrailingZeros64(word)) {
				return
			}
		}
	}
}

// fill runs the recursion over the units, without what is more than slack below the
// bound. False when that is too much work.
func (k *knapsack) fill(units []unit, slack int64) bool {
	t := &k.table
	t.nodes = t.nodes[:0]
	k.order = k.order[:0]
	last := len(k.levels) - 1
	for at := range k.levels {
		t.levels[at].open(0)
	}
	t.left, t.seen = k.firstGroups(units), 0
	if t.slack = slack; slack < math.MaxInt64 {
		t.price(k)
	}
	for at, u := range units {
		k.order = append(k.order, u.id)
		if at > 0 {
			k.close(k.opens(units[:at], u), int32(at), units[at-1].outer)
		}
		if last == 0 {
			t.seen += max(0, u.net)
		}
		k.merge(last, int32(at), t.likely(k.choices(u.id), u.net))
		if t.work > knapsackWork {
			return false
		}
	}
	if len(units) > 0 {
		k.close(0, 0, units[len(units)-1].outer)
	}
	return true
}

// firstGroups counts the groups of the first level.
func (k *knapsack) firstGroups(units []unit) int {
	n := 0
	for at, u := range units {
		if k.opens(units[:at], u) == 0 {
			n++
		}
	}
	return n
}

// close merges the open groups of the levels from some level on into those around
// them, and opens others.
func (k *knapsack) close(from int, next int32, outer int64) {
	t := &k.table
	for at := len(k.levels) - 2; at >= from; at-- {
		inner, move := &t.levels[at+1], t.moves[at]
		t.choice = t.choice[:0]
		for i := range inner.answers {
			if c := inner.cells[i]; i > 0 {
				t.choice = append(t.choice, choice{i + move.cells, t.counts[i] + move.counts, c.value, c.node, t.nodes[c.node].first})
			}
		}
		choices := t.choice
		if at == 0 {
			t.seen += max(0, outer)
			choices = t.likely(choices, outer)
		}
		k.merge(at, inner.since, choices)
		inner.open(next)
	}
}

// likely drops the choices that are too far below what a group is worth beyond its
// price.
func (t *table) likely(choices []choice, net int64) []choice {
	if t.slack == math.MaxInt64 {
		return choices
	}
	return slices.DeleteFunc(choices, func(c choice) bool { return max(0, net)-(c.value-t.costs[c.cells]) > t.slack })
}

// choices lists the ways to take a unit.
func (k *knapsack) choices(id int32) []choice {
	if k.parted {
		return k.parts.choices(k, id)
	}
	t := &k.table
	last := len(k.levels) - 1
	c := choice{cells: t.moves[last].cells, counts: t.moves[last].counts + t.one, first: noIndex}
	t.choice = t.choice[:0]
	for x, value := range k.of(id) {
		if x > 0 {
			c.cells++
			c.counts += t.extra.counts + t.one
		}
		c.value += value
		c.choice = int32(x + 1)
		c.first = min(c.first, k.member[int(id)*k.width+x])
		t.choice = append(t.choice, c)
	}
	return t.choice
}

// merge offers a group, in one of several ways, to the answers without it.
func (k *knapsack) merge(depth int, position int32, choices []choice) {
	t := &k.table
	o, least := &t.levels[depth], 0
	pruned := depth == 0 && t.slack < math.MaxInt64
	if depth == 0 && !k.flat {
		t.left--
		least = max(0, k.levels[0].least(k.full)-1-t.left) * t.moves[0].cells // What too few groups are left for cannot be an answer.
	}
	for cell := o.before(len(o.cells)); cell >= least; cell = o.before(cell) {
		base, counts := o.cells[cell], t.counts[cell]+t.bias
		t.work += len(choices)
		for i := range choices {
			c := &choices[i]
			if (counts+c.counts)&t.guard != 0 {
				continue
			}
			at := cell + c.cells
			to, value := &o.cells[at], base.value+c.value
			if value < to.value || pruned && t.seen-(value-t.costs[at]) > t.slack {
				continue
			}
			n := t.take(base.node, position, c)
			if value == to.value && k.compareNames(depth, n, to.node) <= 0 {
				t.nodes = t.nodes[:n]
				continue
			}
			*to = packedCell{value, n}
			o.filled[at/64] |= 1 << (at % 64)
		}
	}
}

func (t *table) take(parent, at int32, c *choice) int32 {
	first := c.first
	if parent >= 0 {
		first = min(first, t.nodes[parent].first)
	}
	t.nodes = append(t.nodes, packedNode{parent, at, c.choice, first})
	return int32(len(t.nodes) - 1)
}

// deepest is the depth at which nodes take members of a slot.
func (k *knapsack) deepest() int {
	if k.parted {
		return len(k.levels)
	}
	return len(k.levels) - 1
}

// slotAt is the slot that a node at the deepest level takes members of.
func (k *knapsack) slotAt(at int32) int32 {
	if k.parted {
		return at
	}
	return k.order[at]
}

// compareNames tells which of two answers of the table at some depth holds the
// smallest candidate that the other lacks: 1 for a, -1 for b.
func (k *knapsack) compareNames(depth int, a, b int32) int {
	if x, y := k.table.nodes[a].first, k.table.nodes[b].first; x != y {
		return compare(int64(y), int64(x))
	}
	onlyA, onlyB := k.differ(depth, a, b)
	return compare(int64(onlyB), int64(onlyA))
}

// differ returns the smallest candidates that only one of two answers holds.
func (k *knapsack) differ(depth int, a, b int32) (onlyA, onlyB int32) {
	onlyA, onlyB = noIndex, noIndex
	for a != b {
		x, y := k.table.node(a), k.table.node(b)
		switch {
		case x.at > y.at:
			onlyA, a = min(onlyA, k.firstOf(depth, x, 0)), x.parent
			continue
		case y.at > x.at:
			onlyB, b = min(onlyB, k.firstOf(depth, y, 0)), y.parent
			continue
		case depth == k.deepest():
			shared := min(x.choice, y.choice)
			onlyA, onlyB = min(onlyA, k.firstOf(depth, x, shared)), min(onlyB, k.firstOf(depth, y, shared))
		case x.choice != y.choice:
			p, q := k.differ(depth+1, x.choice, y.choice)
			onlyA, onlyB = min(onlyA, p), min(onlyB, q)
		}
		a, b = x.parent, y.parent
	}
	return onlyA, onlyB
}

// firstOf is the smallest candidate that a node adds, but for so many members.
func (k *knapsack) firstOf(depth int, n packedNode, but int32) int32 {
	if depth < k.deepest() {
		return k.table.nodes[n.choice].first
	}
	return k.firstMember(k.slotAt(n.at), but, n.choice)
}

func (t *table) node(n int32) packedNode {
	if n < 0 {
		return packedNode{parent: -1, at: -1}
	}
	return t.nodes[n]
}

// final returns the cell of the best answer, -1 when there is none. Where the best of
// a cell has too few of what is tallied, another of it may have enough: then it is not
// certain.
func (k *knapsack) final() (best int, certain bool) {
	best, certain = -1, true
	for at := range k.table.levels[0].answers {
		switch {
		case at == 0 || !k.allowed(at):
		case !k.enough(at):
			certain = false
		case best < 0 || k.better(at, best):
			best = at
		}
	}
	return best, certain
}

// groupsAt is the number of groups of a level at a cell.
func (k *knapsack) groupsAt(level, cell int) int {
	return cell / k.table.moves[level].cells % (k.levels[level].most + 1)
}

// allowed reports whether a cell meets the minimums of what it counts, and with
// k.full has as many groups as there can be.
func (k *knapsack) allowed(cell int) bool {
	for at, l := range k.levels {
		if k.groupsAt(at, cell) < l.least(k.full) {
			return false
		}
	}
	return k.whole || k.clustersAt(cell) >= int(k.m.size.least)
}

// clustersAt is the number of clusters at a cell, where they are counted.
func (k *knapsack) clustersAt(cell int) int {
	n := cell % (k.extra + 1)
	if !k.parted {
		n += k.groupsAt(len(k.levels)-1, cell)
	}
	return n
}

// enough reports whether a cell meets the minimums of what is tallied. Where leaves
// are not taken whole the cell itself says how many clusters there are.
func (k *knapsack) enough(cell int) bool {
	value := k.table.levels[0].cells[cell].value
	for i := range k.tallies {
		if t := &k.tallies[i]; k.whole && t.of(value) < t.least {
			return false
		}
	}
	return true
}

// better compares two cells level by level.
func (k *knapsack) better(a, b int) bool {
	x, y := k.table.levels[0].cells[a], k.table.levels[0].cells[b]
	if k.roomFirst && x.value != y.value {
		return x.value > y.value
	}
	if p, q := x.value>>k.scoreShift, y.value>>k.scoreShift; p != q {
		return p > q
	}
	for at := range k.m.p.Keys {
		for i, l := range k.levels {
			if l.key < 0 || k.m.keys[l.key].index != at {
				continue
			}
			if p, q := k.groupsAt(i, a), k.groupsAt(i, b); p != q {
				return p > q
			}
		}
		for i := range k.tallies {
			if t := &k.tallies[i]; t.index == at {
				if p, q := t.of(x.value), t.of(y.value); p != q {
					return p > q
				}
			}
		}
	}
	if x.value != y.value {
		return x.value > y.value
	}
	return k.compareNames(0, x.node, y.node) > 0
}
