package spread

import (
	"cmp"
	"math/bits"
	"slices"
)

const (
	// knapsackWork bounds the additions of one knapsack: a millisecond at most.
	// Larger problems are for the search.
	knapsackWork = 1 << 18
	// packedBits is what a packed value may use of an int64.
	packedBits = 62
	// maxLevels is how many keys may nest beside that of single clusters.
	maxLevels = 4
)

// knapsack finds the best set of a model whose keys nest, as long as no level of
// the objective is cut off. Within a group of the finest key the best x members
// are the first x in the order of the objective, so that all there is to decide
// is how many of each group. A table by number of groups of every key and of
// clusters holds the best answers of what was looked at so far; the table of a
// group is merged into that of the group around it: the knapsack recursion over
// a tree (Johnson and Niemi, doi:10.1287/moor.8.1.1; for one key Kellerer,
// Pferschy and Pisinger, Knapsack Problems, ch. 11). Where clusters have no
// maximum the groups of the finest key that has one are taken whole or not at
// all.
//
// What is added up is one number a candidate: keep, score, what is counted but
// not limited, and room side by side in fields wide enough for every sum, which
// compare as the levels do.
type knapsack struct {
	m      *model
	levels []level // coarse first; the groups of the last are the leaves
	whole  bool    // clusters have no maximum: each leaf is taken whole
	parted bool    // candidates may lie in several leaves
	flat   bool    // parted, with no level above the leaves
	slots  int     // leaves by id, or kinds of members of all parts

	plain      bool // no candidate keeps anything or has a score
	keepShift  uint
	scoreShift uint
	tallies    []tally
	one        int64 // what each candidate adds beside keep, score and room

	width     int     // members of a slot that are worth looking at
	extra     int     // clusters beyond one a leaf; of parts: clusters
	slack     int64   // how much less than the bound an answer may be
	full      bool    // only sets with as many groups as there can be
	floor     int64   // packed value that a set must reach
	roomFirst bool    // nothing but room makes a set better
	promised  bool    // only the most promising units are tried
	column    []int32 // slot of each candidate
	laid      []int32 // its memory where it had to be laid out
	counts    []int32 // by slot: members kept
	values    []int64 // by slot and place: packed values, descending
	member    []int32 // by slot and place
	units     []unit  // in the order of the tree
	order     []int32 // by position in the table that was filled last: unit
	live      []unit  // with members, that an answer may have
	some      []unit  // the most promising of them
	parts     parts
	table     table
	relief    relief
	cell      int    // of the best answer
	taken     []bool // by slot
	groups    [maxLevels]int
	within    []int64 // by group of the first level: groups of a finer key
	largest   []int64 // of them
	set       []int32
}

// level is a key whose groups the table counts.
type level struct {
	key    int // in model.keys; -1: everything is one group
	limit  int // groups of any answer, at most
	most   int // the same, of those that are left
	fewest int // groups that every answer has
}

// least is the number of groups that an answer must have, if full as many as there can be.
func (l *level) least(full bool) int {
	if full {
		return l.most
	}
	return l.fewest
}

// unit is a leaf, or a part: leaves that share candidates.
type unit struct {
	id int32
	up [maxLevels - 1]int32 // the groups it lies in, coarse first
	// What the unit and its group of the first level are worth beyond their prices,
	// if anything, as far as k.slack is known.
	net, outer int64
}

// tally is a number of groups that is counted and not limited by the table.
type tally struct {
	index int // in Problem.Keys
	key   int // in model.keys; -1: clusters
	least int64
	most  int64 // in as many groups of the first level as there may be
	shift uint
	bits  uint
	seen  []int32 // by group: the run that met it last
}

// quick leaves the best set of the knapsack in s. Found is false when the model is not
// of its kind, or has no set with the right numbers of groups; then possible is false,
// too.
func (s *Solver) quick() (found, possible bool) {
	k := &s.knapsack
	found, able := k.solve(&s.model)
	if !found || !able {
		return false, !able
	}
	s.set = k.best(s.set[:0], s.model.active)
	s.nodes += len(k.table.nodes)
	s.plan.exact = false
	return true, true
}

// solve looks for the best set of m. Able is false when the model is not of the
// right kind or too large; otherwise found says whether there is a set.
func (k *knapsack) solve(m *model) (found, able bool) {
	if !k.lay(m) {
		return false, false
	}
	return k.run(m.active, -1)
}

// lay reports whether m is of the right kind, and prepares what all runs share. A run
// begins with the prices of the one before.
func (k *knapsack) lay(m *model) bool {
	k.m = m
	k.relief.price, k.relief.cluster = [maxLevels]int64{}, 0
	return m.chain && (len(m.tierRanks) == 1 || m.p.Divided) && k.layLevels() && k.pack() && k.layUnits()
}

// layLevels chooses the keys that the table counts; finer ones are tallied.
func (k *knapsack) layLevels() bool {
	m := k.m
	k.whole = m.size.most == unbounded
	last := len(m.keys)
	for k.whole && last > 0 && m.keys[last-1].most == unbounded {
		last--
	}
	if last > maxLevels {
		return false
	}
	k.levels, k.tallies, k.parted, k.flat = k.levels[:0], k.tallies[:0], false, false
	for at := range last {
		key := &m.keys[at]
		k.levels = append(k.levels, level{key: at, limit: int(min(key.most, key.groups)), fewest: int(key.least)})
		k.parted = key.wide > 1
	}
	limit := int(m.size.most)
	if k.parted {
		k.flat = last == 1
		limit *= int(m.keys[last-1].wide)
	}
	for at := last - 1; at >= 0; at-- {
		limit = min(limit, k.levels[at].limit)
		k.levels[at].limit = limit
		limit = min(limit, int(m.size.most))
	}
	for at := 1; at < last; at++ {
		k.levels[at].limit = min(k.levels[at].limit, int(k.mostWithin(&m.keys[at])))
	}
	if last == 0 {
		k.levels = append(k.levels, level{key: -1, limit: 1, fewest: 1})
	}
	for at := range m.p.Keys {
		k.addTally(at, last)
	}
	return true
}

// addTally counts the groups of a key of the problem unless they are a level or
// counted already.
func (k *knapsack) addTally(at, levels int) {
	m := k.m
	if m.isFixed(at) || k.roomFirst {
		return
	}
	t := tally{index: at, key: -1, least: int64(m.size.least)}
	for i := range m.keys {
		if m.keys[i].index != at {
			continue
		} else if i < levels {
			return
		}
		t.key, t.least, t.most = i, int64(m.keys[i].least), k.mostWithin(&m.keys[i])
	}
	if t.key < 0 && slices.ContainsFunc(k.tallies, func(o tally) bool { return o.key < 0 }) {
		return
	}
	k.tallies = append(k.tallies, t)
}

// pack chooses how far each field of a packed value is shifted.
func (k *knapsack) pack() bool {
	m := k.m
	n := uint64(min(len(m.active), int(m.size.most)))
	width := func(largest int64) uint {
		if largest <= 0 {
			return 0
		}
		return uint(bits.Len64(uint64(largest)) + bits.Len64(n))
	}
	k.plain, k.one = m.largest.keep == 0 && m.largest.score == 0, 0
	shift := width(m.largest.room)
	for at := len(k.tallies) - 1; at >= 0; at-- {
		t := &k.tallies[at]
		t.shift, t.bits = shift, uint(bits.Len64(n))
		if t.key >= 0 {
			t.bits = uint(bits.Len64(uint64(m.keys[t.key].groups)))
		} else {
			k.one = 1 << shift
		}
		shift += t.bits
	}
	k.scoreShift = shift
	k.keepShift = shift + width(m.largest.score)
	return k.keepShift+width(m.largest.keep) <= packedBits
}

// of returns the number in a packed value.
func (t *tally) of(value int64) int64 { return value >> t.shift & (1<<t.bits - 1) }

// value is what candidate i adds, but for the groups that are tallied.
func (k *knapsack) value(i int32) int64 {
	m := k.m
	value := k.one | m.room[i] // the last field is not shifted
	if k.plain {
		return value
	}
	return value | m.keep[i]<<k.keepShift | m.score[i]<<k.scoreShift
}

// layUnits puts the leaves in the order of the tree.
func (k *knapsack) layUnits() bool {
	m, last := k.m, len(k.levels)-1
	k.units, k.column = k.units[:0], nil
	if k.levels[last].key < 0 {
		k.slots, k.units = 1, append(k.units, unit{})
		return true
	}
	key := &m.keys[k.levels[last].key]
	k.slots = len(key.first)
	if k.parted {
		return k.layParts(key)
	}
	k.column = m.p.Keys[key.index].Membership.column(&k.laid, m.active)
	for g, first := range key.first {
		if first >= 0 {
			k.units = append(k.units, unit{id: int32(g), up: k.above(first)})
		}
	}
	k.sortUnits()
	return true
}

// above returns the groups of candidate i in the levels above the leaves.
func (k *knapsack) above(i int32) (up [maxLevels - 1]int32) {
	for at := range len(k.levels) - 1 {
		up[at] = k.groupsOf(at, i)[0]
	}
	return up
}

// keyOf returns the key of a level, nil where everything is one group.
func (k *knapsack) keyOf(level int) *keyModel {
	if k.levels[level].key < 0 {
		return nil
	}
	return &k.m.keys[k.levels[level].key]
}

// groupsOf returns the groups of candidate i in a level, none where everything is one.
func (k *knapsack) groupsOf(level int, i int32) []int32 {
	key := k.keyOf(level)
	if key == nil {
		return nil
	}
	return k.m.p.Keys[key.index].Membership.of(i)
}

func (k *knapsack) sortUnits() {
	if len(k.levels) > 1 {
		slices.SortStableFunc(k.units, func(a, b unit) int { return slices.Compare(a.up[:], b.up[:]) })
	}
}

// settled reports whether every best answer has as many groups as there can be,
// if they can be had at once: nothing that comes before them in the objective
// tells candidates apart.
func (k *knapsack) settled() bool {
	if k.levels[0].key < 0 {
		return true
	}
	last := 0
	for _, l := range k.levels {
		last = max(last, k.m.keys[l.key].index)
	}
	return k.plain && !k.roomFirst && !slices.ContainsFunc(k.tallies, func(t tally) bool { return t.index < last })
}

// run looks for the best set of the candidates, which are some of the model's. It
// need not find one whose packed value is below the floor: that of a known answer
// with as many groups of each level as any run can have; -1 for none.
func (k *knapsack) run(candidates []int32, floor int64) (found, able bool) {
	k.floor = floor
	if !k.enoughWithin() {
		return false, true
	}
	k.full = k.settled()
	for {
		found, able = k.attempt(candidates)
		if found || !able || !k.full || k.levels[0].key < 0 || floor >= 0 { // A known answer has more groups than one that is not full.
			return found, able
		}
		k.full = false
	}
}

// enoughWithin reports whether the minimums can be met within the maximums, as far as
// the numbers of groups tell.
func (k *knapsack) enoughWithin() bool {
	for _, l := range k.levels {
		if l.limit < l.fewest {
			return false
		}
	}
	for _, t := range k.tallies {
		if t.key >= 0 && t.least > t.most {
			return false
		}
	}
	return true
}

// attempt looks for the best set; with k.full among those with as many groups as
// there can be.
func (k *knapsack) attempt(candidates []int32) (found, able bool) {
	k.table.work = 0
	k.measure()
	if k.slots*k.width > knapsackWork {
		return false, false
	}
	k.gather(candidates)
	if !k.count() {
		return false, true
	}
	if !k.table.shape(k) {
		return false, false
	}
	if !k.reduce() {
		return false, true
	}
	k.dropDominated()
	if !k.fill(k.live, k.slack) {
		return false, false
	}
	cell, certain := k.final()
	k.cell = cell
	return cell >= 0, certain
}

// measure finds out how many members of a slot matter.
func (k *knapsack) measure() {
	last := &k.levels[len(k.levels)-1]
	switch {
	case k.whole:
		k.extra, k.width = 0, 1
	case k.parted:
		k.extra, k.width = int(k.m.size.most), int(k.m.size.most)
	case k.full:
		k.extra, k.width = int(k.m.size.most)-last.limit, int(k.m.size.most)-last.limit+1
	default:
		k.extra, k.width = int(k.m.size.most)-last.fewest, int(k.m.size.most)-last.fewest+1
	}
	k.width = min(k.width, len(k.m.active))
}

// gather keeps the best members of each slot, in order.
func (k *knapsack) gather(candidates []int32) {
	k.counts = resize(k.counts, k.slots)
	clear(k.counts)
	k.values, k.member = resize(k.values, k.slots*k.width), resize(k.member, k.slots*k.width)
	var column []int32 // nil: all in one slot
	if k.levels[0].key >= 0 {
		column = k.column
	}
	if k.whole {
		k.gatherWhole(column, candidates)
		return
	}
	for _, i := range candidates {
		slot := 0
		if column != nil {
			slot = int(column[i])
		}
		value := k.value(i)
		if n := int(k.counts[slot]); n < k.width || value >= k.values[slot*k.width+n-1] {
			k.insert(slot, i, value)
		}
	}
}

// gatherWhole adds up the members of each slot.
func (k *knapsack) gatherWhole(column, candidates []int32) {
	tallied := slices.ContainsFunc(k.tallies, func(t tally) bool { return t.key >= 0 })
	if tallied {
		k.forgetTallies()
	}
	for _, i := range candidates {
		slot := 0
		if column != nil {
			slot = int(column[i])
		}
		value := k.value(i)
		if tallied {
			value += k.tallied(i)
		}
		if k.counts[slot] == 0 {
			k.counts[slot], k.member[slot], k.values[slot] = 1, i, 0
		}
		k.values[slot] += value
		k.member[slot] = min(k.member[slot], i)
	}
}

func (k *knapsack) forgetTallies() {
	for at := range k.tallies {
		if t := &k.tallies[at]; t.key >= 0 {
			t.seen = resize(t.seen, len(k.m.keys[t.key].first))
			clear(t.seen)
		}
	}
}

// tallied is what the groups of candidate i add that no candidate before had.
func (k *knapsack) tallied(i int32) int64 {
	value := int64(0)
	for at := range k.tallies {
		t := &k.tallies[at]
		if t.key < 0 {
			continue
		}
		for _, g := range k.m.p.Keys[t.index].Membership.of(i) {
			if t.seen[g] == 0 {
				t.seen[g] = 1
				value += 1 << t.shift
			}
		}
	}
	return value
}

// tallyBound is the most that the groups that are tallied can add.
func (k *knapsack) tallyBound() int64 {
	value := int64(0)
	for _, t := range k.tallies {
		if t.key >= 0 {
			value += t.most << t.shift
		}
	}
	return value
}

// mostWithin is the most groups that a key finer than the levels has in as many groups
// of the first level as there may be.
func (k *knapsack) mostWithin(fine *keyModel) int64 {
	top := k.keyOf(0)
	if top == nil {
		return int64(fine.groups)
	}
	k.within, k.largest = resize(k.within, len(top.first)), resize(k.largest, k.levels[0].limit)
	clear(k.within)
	clear(k.largest)
	for _, first := range fine.first {
		if first >= 0 {
			k.within[k.groupsOf(0, first)[0]]++
		}
	}
	for _, n := range k.within {
		push(k.largest, n)
	}
	return total(k.largest)
}

// insert puts candidate i among the best of a slot.
func (k *knapsack) insert(slot int, i int32, value int64) {
	n := int(k.counts[slot])
	values, members := k.values[slot*k.width:][:k.width], k.member[slot*k.width:][:k.width]
	if n < k.width {
		k.counts[slot]++
	} else if n--; value < values[n] || value == values[n] && i > members[n] {
		return
	}
	for ; n > 0 && (values[n-1] < value || values[n-1] == value && members[n-1] > i); n-- {
		values[n], members[n] = values[n-1], members[n-1]
	}
	values[n], members[n] = value, i
}

// count lists the units that have members and counts the groups of each level.
// It reports whether there can be enough.
func (k *knapsack) count() bool {
	k.live = k.live[:0]
	last := len(k.levels) - 1
	clear(k.groups[:])
	for _, u := range k.units {
		n := k.leaves(u)
		if n == 0 {
			continue
		}
		for at := k.opens(k.live, u); at < last; at++ {
			k.groups[at]++
		}
		k.groups[last] += n
		k.live = append(k.live, u)
	}
	for at := range k.levels {
		l := &k.levels[at]
		l.most = min(l.limit, k.groups[at])
		if l.most < l.fewest || k.full && l.most < l.limit {
			return false
		}
	}
	return true
}

// opens is the first level of which a unit that follows others lies in another group
// than the last of them; where only its leaf is another, that of the leaves.
func (k *knapsack) opens(before []unit, u unit) int {
	if len(before) == 0 {
		return 0
	}
	at, last := 0, len(k.levels)-1
	for at < last && u.up[at] == before[len(before)-1].up[at] {
		at++
	}
	return at
}

// leaves is the number of leaves of a unit that have members.
func (k *knapsack) leaves(u unit) int {
	if k.parted {
		return k.parts.leaves(k, u.id)
	}
	return int(min(k.counts[u.id], 1))
}

// dropDominated drops the leaves to which as many others of the same group are
// preferable as an answer may have, so that one of them is always free to take
// its place. A few leaves of one level go through the table in less time.
func (k *knapsack) dropDominated() {
	most := k.levels[len(k.levels)-1].most
	if k.parted || len(k.levels) == 1 && len(k.live) <= 2*most {
		return
	}
	kept, live := k.some[:0], k.live
	for len(live) > 0 {
		n := 1
		for n < len(live) && live[n].up == live[0].up {
			n++
		}
		if n > most && k.whole {
			k.sortLargest(live[:n])
			kept = append(kept, live[:most]...)
		} else {
			kept = k.undominated(kept, live[:n], most)
		}
		live = live[n:]
	}
	k.live, k.some = kept, k.live
}

// sortLargest puts the largest groups first, of equal ones the first by name,
// where each is taken whole.
func (k *knapsack) sortLargest(units []unit) {
	slices.SortFunc(units, func(a, b unit) int {
		return cmp.Or(cmp.Compare(k.values[b.id], k.values[a.id]), cmp.Compare(k.member[a.id], k.member[b.id]))
	})
}

// undominated appends the units to which fewer than most others are preferable.
func (k *knapsack) undominated(kept, units []unit, most int) []unit {
	if len(units) <= most {
		return append(kept, units...)
	}
	for _, u := range units {
		left := most
		for at := 0; at < len(units) && left > 0; at++ {
			if k.preferable(units[at].id, u.id) {
				left--
			}
		}
		if left > 0 {
			kept = append(kept, u)
		}
	}
	return kept
}

// preferable reports whether any number of members of leaf a is at least as good
// as so many of leaf b and has the first name.
func (k *knapsack) preferable(a, b int32) bool {
	x, y := k.of(a), k.of(b)
	if len(x) < len(y) {
		return false
	}
	firstA, firstB := noIndex, noIndex
	for at, value := range y {
		firstA, firstB = min(firstA, k.member[int(a)*k.width+at]), min(firstB, k.member[int(b)*k.width+at])
		if x[at] < value || firstA >= firstB {
			return false
		}
	}
	return true
}

// of returns the values of the members of a slot that are kept.
func (k *knapsack) of(slot int32) []int64 { return k.values[int(slot)*k.width:][:k.counts[slot]] }

// firstMember is the smallest of the members [from, to) of a slot.
func (k *knapsack) firstMember(slot, from, to int32) int32 {
	first := noIndex
	for _, i := range k.member[int(slot)*k.width:][from:to] {
		first = min(first, i)
	}
	return first
}

// best appends the candidates of the best answer in ascending order.
func (k *knapsack) best(set, candidates []int32) []int32 {
	k.taken = resize(k.taken, k.slots)
	clear(k.taken)
	k.set = set
	k.collect(0, k.table.levels[0].cells[k.cell].node)
	set = k.set
	if k.whole {
		for _, i := range candidates {
			if k.levels[0].key < 0 || k.taken[k.column[i]] {
				set = append(set, i)
			}
		}
	}
	slices.Sort(set)
	return set
}

// collect adds what a node of the table at some depth holds to k.set, or to
// k.taken.
func (k *knapsack) collect(depth int, n int32) {
	for ; n >= 0; n = k.table.nodes[n].parent {
		node := &k.table.nodes[n]
		switch slot := k.slotAt(node.at); {
		case depth < k.deepest():
			k.collect(depth+1, node.choice)
		case k.whole:
			k.taken[slot] = true
		default:
			k.set = append(k.set, k.member[int(slot)*k.width:][:node.choice]...)
		}
	}
}
