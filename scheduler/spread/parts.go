package spread

import (
	"math"
	"math/bits"
	"slices"
)

// maxPart is how many leaves a part may have: their subsets are looked at one by
// one.
const maxPart = 6

// parts are the leaves that candidates tie together, as clusters in two zones do.
// The members of a part are kept by the leaves that they lie in, a slot for each
// non-empty subset.
type parts struct {
	root    []int32      // by leaf: union-find, then its part
	place   []uint8      // by leaf: in its part
	base    []int32      // by part: its first slot; then the number of slots
	column  []int32      // by candidate: slot
	cells   []packedCell // by leaves that are touched, and clusters
	touched int          // leaves of all slots so far
	worth   []int64      // by subset
}

// layParts finds the parts. False when one is too large.
func (k *knapsack) layParts(key *keyModel) bool {
	p, m := &k.parts, k.m
	mem := &m.p.Keys[key.index].Membership
	if !p.connect(key, mem, m.active) {
		return false
	}
	p.column = resize(p.column, m.p.Candidates)
	k.column = p.column
	for _, i := range m.active {
		subset := 0
		groups := mem.of(i)
		for _, g := range groups {
			subset |= 1 << p.place[g]
		}
		p.column[i] = p.base[p.root[groups[0]]] + int32(subset) - 1
	}
	k.slots = int(p.base[len(p.base)-1])
	for g, first := range key.first {
		if first >= 0 && p.place[g] == 0 {
			k.units = append(k.units, unit{id: p.root[g], up: k.above(first)})
		}
	}
	k.sortUnits()
	return true
}

// connect gives each leaf its part and its place there.
func (p *parts) connect(key *keyModel, mem *Membership, active []int32) bool {
	n := len(key.first)
	p.root, p.place, p.base = resize(p.root, n), resize(p.place, n), append(p.base[:0], 0)
	for g := range p.root {
		p.root[g] = int32(g)
	}
	for _, i := range active {
		groups := mem.of(i)
		for _, g := range groups[1:] {
			a, b := p.find(groups[0]), p.find(g)
			p.root[max(a, b)] = min(a, b)
		}
	}
	for g := range p.root { // A root comes before the rest of its part.
		p.root[g] = p.root[p.root[g]]
	}
	p.worth = resize(p.worth, n) // leaves of each root so far
	clear(p.worth)
	for g, first := range key.first {
		if r := p.root[g]; first >= 0 {
			p.place[g] = uint8(p.worth[r])
			if p.worth[r]++; p.worth[r] > maxPart {
				return false
			}
		}
	}
	for g, first := range key.first {
		switch r := int(p.root[g]); {
		case first < 0:
		case r == g:
			p.root[g] = int32(len(p.base) - 1)
			p.base = append(p.base, p.base[len(p.base)-1]+1<<p.worth[g]-1)
		default:
			p.root[g] = p.root[r]
		}
	}
	return true
}

func (p *parts) find(g int32) int32 {
	for p.root[g] != g {
		p.root[g] = p.root[p.root[g]]
		g = p.root[g]
	}
	return g
}

// subsets calls do for each subset of leaves of a part that has members of its own.
func (p *parts) subsets(k *knapsack, id int32, do func(subset int, slot int32)) {
	for slot := p.base[id]; slot < p.base[id+1]; slot++ {
		if k.counts[slot] > 0 {
			do(int(slot-p.base[id])+1, slot)
		}
	}
}

// leaves is the number of leaves with members.
func (p *parts) leaves(k *knapsack, id int32) int {
	all := 0
	p.subsets(k, id, func(subset int, _ int32) { all |= subset })
	return bits.OnesCount(uint(all))
}

// choices lists the best way to take each number of leaves and of clusters of a
// part: a recursion over its slots, with a cell for each set of leaves touched
// and number of clusters.
func (p *parts) choices(k *knapsack, id int32) []choice {
	t := &k.table
	stride := k.extra + 1 // clusters, none of which count where leaves are taken whole
	all := int(p.base[id+1]-p.base[id]) + 1
	p.cells = resize(p.cells, all*stride)
	for i := range p.cells {
		p.cells[i].value = -1
	}
	p.cells[0], p.touched = packedCell{0, -1}, 0
	p.subsets(k, id, func(subset int, slot int32) { p.add(k, subset, slot) })
	t.choice = t.choice[:0]
	leaf := t.moves[len(k.levels)-1]
	for touched := 1; touched < all; touched++ {
		n := bits.OnesCount(uint(touched))
		if n > k.levels[len(k.levels)-1].most {
			continue
		}
		for e := range stride {
			if c := p.cells[touched*stride+e]; c.value >= 0 {
				p.offer(k, choice{
					cells: n*leaf.cells + e, counts: uint64(n)*leaf.counts + uint64(e)*(t.extra.counts+t.one),
					value: c.value, choice: c.node, first: t.nodes[c.node].first,
				})
			}
		}
	}
	return t.choice
}

// add offers the members of a slot.
func (p *parts) add(k *knapsack, subset int, slot int32) {
	t := &k.table
	stride, values := k.extra+1, p.worthwhile(k, slot)
	c := choice{first: noIndex}
	for at := (p.touched+1)*stride - 1; at >= 0; at-- {
		base := p.cells[at]
		if base.value < 0 {
			continue
		}
		touched, e := at/stride, at%stride
		c.value, c.first = 0, noIndex
		for x, value := range values {
			if !k.whole {
				if e++; e >= stride {
					break
				}
			}
			c.value += value
			c.choice = int32(x + 1)
			c.first = min(c.first, k.member[int(slot)*k.width+x])
			t.work++
			to := &p.cells[(touched|subset)*stride+e]
			sum := base.value + c.value
			if sum < to.value {
				continue
			}
			n := t.take(base.node, slot, &c)
			if sum == to.value && k.compareNames(len(k.levels), n, to.node) <= 0 {
				t.nodes = t.nodes[:n]
				continue
			}
			*to = packedCell{sum, n}
		}
	}
	p.touched |= subset
}

// worthwhile returns the values of the members of a slot that an answer may have.
// Of the most promising units some do.
func (p *parts) worthwhile(k *knapsack, slot int32) []int64 {
	values, slack := k.of(slot), k.table.slack
	if slack == math.MaxInt64 {
		few := max(1, k.extra-k.levels[len(k.levels)-1].most+1)
		if k.promised {
			values = values[:min(few, len(values))]
		}
		return values
	}
	for n, v := range values {
		if k.relief.cluster-v > slack {
			return values[:n]
		}
	}
	return values
}

// offer adds a choice unless there is a better one with the same numbers.
func (p *parts) offer(k *knapsack, c choice) {
	t := &k.table
	at := slices.IndexFunc(t.choice, func(o choice) bool { return o.cells == c.cells })
	if at < 0 {
		t.choice = append(t.choice, c)
		return
	}
	o := &t.choice[at]
	if c.value > o.value || c.value == o.value && k.compareNames(len(k.levels), c.choice, o.choice) > 0 {
		*o = c
	}
}

// appraise returns what the most valuable subset of leaves of a part is worth at
// a price for each leaf and each cluster.
func (p *parts) appraise(k *knapsack, id int32, leaf, cluster int64) int64 {
	all := int(p.base[id+1] - p.base[id])
	p.worth = resize(p.worth, all+1)
	clear(p.worth)
	largest := int64(impossible) // of one member: there must be one
	p.subsets(k, id, func(subset int, slot int32) {
		values := k.of(slot)
		largest = max(largest, values[0]-cluster)
		for _, v := range values {
			if v <= cluster {
				break
			}
			p.worth[subset] += v - cluster
		}
	})
	if largest <= 0 {
		return largest - leaf
	}
	best := int64(impossible)
	for touched := all; touched > 0; touched-- {
		sum := -int64(bits.OnesCount(uint(touched))) * leaf
		for subset := touched; subset > 0; subset = (subset - 1) & touched {
			sum += p.worth[subset]
		}
		best = max(best, sum)
	}
	return best
}
