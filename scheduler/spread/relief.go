package spread

import (
	"math"
	"math/bits"
)

// reliefRounds is how often the prices are adjusted; they settle after one or two.
const reliefRounds = 2

// relief bounds a knapsack from above by letting groups and clusters beyond the
// maximums be bought at a price (Lagrangian relaxation; Kellerer, Pferschy and
// Pisinger, Knapsack Problems, ch. 3.8). With price p for a cluster a leaf is
// worth
//
//	(first − p) + Σ over its other members of max(0, value − p)
//
// and a group above it Σ max(0, worth − price) over the groups in it; no answer
// exceeds the sum of the most valuable groups of the first level plus all prices
// times their maximums. All values are packed.
type relief struct {
	price    [maxLevels]int64 // by level
	cluster  int64            // the price of one
	outer    int64            // the price of a group of the first level where each costs the same
	net      []int64          // by unit: worth less its price
	group    []int32          // by unit: its group of the first level, counted
	worth    []int64          // by group of the first level
	top      []int64          // the largest of them, descending
	at       []int32          // by promising unit: its place among all
	chosen   []bool           // by unit: in the known answer
	nets     []int64          // of the units of promising groups
	window   []int64          // the largest of some values, descending
	clusters []int64          // by group of the first level: those that an answer may have
	sums     [maxLevels]int64 // of the groups that are open
	holds    [maxLevels]bool  // they hold a chosen unit
	least    int64            // worth of chosen groups of the level that is looked at
}

// greedyShare is how many times more leaves than the most promising ones there must be
// to be worth a table of those.
const greedyShare = 4

// promisingGroups and promisingLeaves are how many more than an answer may have
// are tried first.
const (
	promisingGroups = 2
	promisingLeaves = 4
)

// reduce drops the units with which no answer reaches a known one: the floor, or
// the best of the most promising units. It has as many groups as there may be, so
// that an answer which is below in its packed value is below in the objective.
// False when no answer reaches the floor at all.
func (k *knapsack) reduce() bool {
	r := &k.relief
	k.slack = math.MaxInt64
	if !k.fitsRelief() {
		return true
	}
	if k.floor >= 0 && !r.drop(k, k.floor) {
		return false
	}
	if most := k.levels[0].most; len(k.levels) == 1 && !k.parted && len(k.live) <= greedyShare*(most+promisingLeaves) {
		return len(k.live) <= most || r.drop(k, max(k.floor, r.greedy(k)))
	}
	for range reliefRounds {
		if len(k.live) <= k.levels[len(k.levels)-1].most+promisingLeaves || k.slack == 0 {
			return true
		}
		r.appraise(k, -1)
		k.promising()
		k.promised = true
		able := len(k.some) < len(k.live) && k.fill(k.some, k.slack)
		k.promised = false
		if !able {
			return true
		}
		known := k.fullest()
		if known < 0 {
			return true
		}
		r.adjust(k, known)
		r.drop(k, max(k.floor, k.table.levels[0].cells[known].value))
	}
	return true
}

// greedy returns the packed value of the most valuable leaves of the only level with
// the best of their other members, and takes the price from those; -1 when they are
// too few.
func (r *relief) greedy(k *knapsack) int64 {
	known, most, extras := int64(-1), k.levels[0].most, 0
	if !k.whole {
		extras = int(k.m.size.most) - most
	}
	for range reliefRounds {
		r.appraise(k, -1)
		r.window = resize(r.window, extras)
		clear(r.window)
		value, left, clusters := int64(0), most, most
		for at, u := range k.live {
			if left == 0 || r.worth[at] < r.top[most-1] {
				continue
			}
			left--
			values := k.of(u.id)
			value += values[0]
			for _, v := range values[1:] {
				push(r.window, v)
			}
		}
		for _, v := range r.window {
			if value += v; v > 0 {
				clusters++
			}
		}
		if k.whole || clusters >= int(k.m.size.least) {
			known = max(known, value)
		}
		if extras > 0 {
			r.cluster = r.window[extras-1]
		}
	}
	return known
}

// fitsRelief reports whether the bound itself cannot overflow.
func (k *knapsack) fitsRelief() bool {
	largest, n, most := int64(0), len(k.live)*k.width, 2
	for slot, count := range k.counts {
		if count > 0 {
			largest = max(largest, k.values[slot*k.width])
		}
	}
	if !k.whole {
		n += int(k.m.size.most)
	}
	for _, l := range k.levels {
		most += l.most
	}
	return bits.Len64(uint64(largest))+bits.Len64(uint64(n))+bits.Len64(uint64(most)) <= packedBits
}

// fullest returns the best cell with as many groups as there may be; -1: none.
func (k *knapsack) fullest() int {
	best := -1
	cells := k.table.levels[0].cells
	full := k.full
	k.full = true
	for at := range k.table.levels[0].answers {
		if at > 0 && (best < 0 || cells[at].value >= cells[best].value) && k.allowed(at) && k.enough(at) {
			best = at
		}
	}
	k.full = full
	return best
}

// appraise fills in what everything is worth, and for one level, -1 for none, the
// least worth of a chosen group.
func (r *relief) appraise(k *knapsack, probe int) {
	last := len(k.levels) - 1
	r.net, r.group, r.worth = resize(r.net, len(k.live)), resize(r.group, len(k.live)), r.worth[:0]
	r.top = resize(r.top, k.levels[0].most)
	for at := range r.top {
		r.top[at] = math.MinInt64
	}
	r.least = math.MaxInt64
	k.table.work += len(k.live) * min(k.width+1, 4)
	for at, u := range k.live {
		if at > 0 {
			r.close(last, k.opens(k.live[:at], u), probe)
		}
		chosen := probe >= 0 && r.chosen[at]
		worth := r.unit(k, u.id, probe == last && chosen)
		r.net[at], r.group[at] = worth, int32(len(r.worth))
		if last > 0 {
			r.sums[last-1] += max(0, worth)
			r.holds[last-1] = r.holds[last-1] || chosen
		} else {
			r.first(worth)
		}
	}
	r.close(last, 0, probe)
}

// unit is what a unit is worth less its price.
func (r *relief) unit(k *knapsack, id int32, probe bool) int64 {
	last := len(k.levels) - 1
	if k.parted {
		worth := k.parts.appraise(k, id, r.price[last], r.cluster)
		if probe {
			r.least = min(r.least, worth/int64(k.leaves(unit{id: id})))
		}
		return worth
	}
	values := k.of(id)
	worth := values[0] - r.cluster
	for _, v := range values[1:] {
		if v <= r.cluster {
			break
		}
		worth += v - r.cluster
	}
	if probe {
		r.least = min(r.least, worth)
	}
	return worth - r.price[last]
}

// close adds up the open groups of the levels from some level on.
func (r *relief) close(last, from, probe int) {
	for at := last - 1; at >= from; at-- {
		worth, holds := r.sums[at], r.holds[at]
		r.sums[at], r.holds[at] = 0, false
		if at == 0 {
			r.first(worth)
			continue
		}
		if holds && at == probe {
			r.least = min(r.least, worth)
		}
		r.sums[at-1] += max(0, worth-r.price[at])
		r.holds[at-1] = r.holds[at-1] || holds
	}
}

// first notes what a group of the first level is worth.
func (r *relief) first(worth int64) {
	r.worth = append(r.worth, worth)
	push(r.top, worth)
}

// promising chooses the units to try first: the most valuable ones in the most
// valuable groups.
func (k *knapsack) promising() {
	r := &k.relief
	last := &k.levels[len(k.levels)-1]
	least := int64(math.MinInt64)
	if len(k.levels) > 1 {
		least = r.largest(r.worth, k.levels[0].most+promisingGroups)
	}
	r.nets = r.nets[:0]
	for at, net := range r.net {
		if r.worth[r.group[at]] >= least {
			r.nets = append(r.nets, net)
		}
	}
	n := last.most + promisingLeaves
	if k.parted {
		n = n/2 + 1 // Most have several leaves.
	}
	enough := r.largest(r.nets, n)
	k.some, r.at = k.some[:0], r.at[:0]
	equal := n // of those that are as valuable as the last one, so many
	for _, net := range r.nets {
		if net > enough {
			equal--
		}
	}
	for at, net := range r.net {
		if net < enough || r.worth[r.group[at]] < least || net == enough && equal == 0 {
			continue
		} else if net == enough {
			equal--
		}
		k.some, r.at = append(k.some, k.live[at]), append(r.at, int32(at))
	}
}

// largest returns the nth largest of the values, a smaller number than any where
// there are fewer.
func (r *relief) largest(values []int64, n int) int64 {
	r.window = resize(r.window, n)
	for at := range r.window {
		r.window[at] = math.MinInt64
	}
	for _, v := range values {
		push(r.window, v)
	}
	return r.window[n-1]
}

// adjust takes the prices from a known answer: what the last cluster and the
// least valuable group of each level brought.
func (r *relief) adjust(k *knapsack, cell int) {
	last := len(k.levels) - 1
	r.chosen = resize(r.chosen, len(k.live))
	clear(r.chosen)
	r.price, r.cluster = [maxLevels]int64{}, math.MaxInt64
	clusters := 0
	r.mark(k, 0, k.table.levels[0].cells[cell].node, &clusters)
	if k.whole || clusters < int(k.m.size.most) || r.cluster == math.MaxInt64 {
		r.cluster = 0
	}
	for at := last; at > 0 || at == 0 && k.flat; at-- {
		r.appraise(k, at)
		r.price[at] = max(0, r.least)
	}
}

// mark notes the units and the last members of a node.
func (r *relief) mark(k *knapsack, depth int, n int32, clusters *int) {
	for ; n >= 0; n = k.table.nodes[n].parent {
		node := k.table.nodes[n]
		if depth == len(k.levels)-1 {
			r.chosen[r.at[node.at]] = true
		}
		if depth < k.deepest() {
			r.mark(k, depth+1, node.choice, clusters)
			continue
		}
		*clusters += int(node.choice)
		if node.choice > 1 || k.parted {
			r.cluster = min(r.cluster, k.of(k.slotAt(node.at))[node.choice-1])
		}
	}
}

// drop keeps the units that may be part of an answer at least as good as the
// known one, and reports whether there can be any.
func (r *relief) drop(k *knapsack, known int64) bool {
	r.appraise(k, -1)
	r.outer = 0
	if !k.flat {
		r.outer = max(0, r.top[len(r.top)-1])
	}
	k.slack = r.bound(k) - known
	if k.slack < 0 {
		return false
	}
	kept := k.live[:0]
	for at, u := range k.live {
		u.net, u.outer = r.net[at], r.worth[r.group[at]]-r.outer
		loss := min(0, u.outer)
		if len(k.levels) > 1 {
			loss += min(0, u.net)
		} else {
			u.net = u.outer
		}
		if loss+k.slack >= 0 {
			kept = append(kept, u)
		}
	}
	k.live = kept
	return len(k.levels) == 1 && !k.parted || r.dropPoor(k) // A table of one level is quicker than that.
}

// dropPoor drops the groups of the first level that have too few clusters even beside
// those that have the most, as each cluster less than there may be takes its price off
// the bound. It reports whether enough are left.
func (r *relief) dropPoor(k *knapsack) bool {
	if k.whole || r.cluster <= 0 {
		return true
	}
	need := int64(k.m.size.most) - k.slack/r.cluster
	if need <= 0 {
		return true
	}
	r.clusters, r.window = r.clusters[:0], resize(r.window, k.levels[0].most)
	clear(r.window)
	for at, u := range k.live {
		if k.opens(k.live[:at], u) == 0 {
			r.clusters = append(r.clusters, 0)
		}
		r.clusters[len(r.clusters)-1] += r.clustersOf(k, u.id)
	}
	for _, n := range r.clusters {
		push(r.window, n)
	}
	most, last := total(r.window), r.window[len(r.window)-1]
	if most < need {
		return false
	}
	kept, group := k.live[:0], -1
	for at, u := range k.live {
		if k.opens(k.live[:at], u) == 0 {
			group++
		}
		if most-max(0, last-r.clusters[group]) >= need {
			kept = append(kept, u)
		}
	}
	k.live = kept
	return true
}

// clustersOf is how many members of a unit an answer may have.
func (r *relief) clustersOf(k *knapsack, id int32) int64 {
	n := int64(0)
	count := func(slot int32) {
		for _, v := range k.of(slot) {
			if r.cluster-v <= k.slack {
				n++
			}
		}
	}
	if !k.parted {
		count(id)
		return n
	}
	k.parts.subsets(k, id, func(_ int, slot int32) { count(slot) })
	return n
}

// bound is what no answer exceeds.
func (r *relief) bound(k *knapsack) int64 {
	bound := r.outer * int64(k.levels[0].most)
	if !k.whole {
		bound += r.cluster * int64(k.m.size.most)
	}
	for at, l := range k.levels {
		bound += r.price[at] * int64(l.most)
	}
	for _, w := range r.worth {
		bound += max(0, w-r.outer)
	}
	return bound
}

// price fills in what the prices of each cell come to.
func (t *table) price(k *knapsack) {
	r := &k.relief
	t.costs = resize(t.costs, len(t.counts))
	tabulate(k, t.costs, r.cluster, func(at int) int64 {
		price := r.price[at]
		if at == len(k.levels)-1 && !k.parted && !k.whole {
			price += r.cluster // a leaf is a cluster, too
		}
		if at == 0 {
			price += r.outer
		}
		return price
	})
}
