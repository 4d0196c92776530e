package spread

import (
	"math"
	"math/bits"
)

// reliefRounds is how often the price is adjusted; it settles after two or three.
const reliefRounds = 3

// relief bounds a knapsack from above by letting a cluster beyond the maximum be
// bought at a price (Lagrangian relaxation; Kellerer, Pferschy and Pisinger,
// Knapsack Problems, ch. 3.8). At price p a group is worth
//
//	(first − p) + Σ over its other members of max(0, value − p)
//
// and no answer exceeds the sum of the most valuable groups plus p times the
// maximum of clusters. All values are packed.
type relief struct {
	worth  []int64 // by position in live
	groups []int64 // the largest of them, descending
	extras []int64 // the largest members beyond the first in those groups
}

// reduce drops the groups with which no answer reaches a known one. An answer
// that is below in its packed value is below in the objective: the known one has
// as many groups as there may be.
func (k *knapsack) reduce() {
	r, extras := &k.relief, int(k.m.size.most)-k.most
	if len(k.live) <= k.most || !k.fitsRelief() {
		return
	}
	price, known := int64(math.MaxInt64), int64(-1)
	r.worth, r.groups, r.extras = resize(r.worth, len(k.live)), resize(r.groups, k.most), resize(r.extras, extras)
	for round := range reliefRounds {
		if round > 0 {
			price = 0
			if extras > 0 {
				price = r.extras[extras-1]
			}
		}
		k.appraise(price)
		value, clusters := k.greedy()
		if clusters >= int(k.m.size.least) {
			known = max(known, value)
		}
	}
	k.dropBelow(known, price)
}

// fitsRelief reports whether the bound itself cannot overflow.
func (k *knapsack) fitsRelief() bool {
	largest := int64(0)
	for _, g := range k.live {
		largest = max(largest, k.of(g)[0])
	}
	return bits.Len64(uint64(largest))+bits.Len64(uint64(k.most*k.width+int(k.m.size.most))) <= packedBits
}

// appraise fills in what each group is worth at a price, of which the largest
// number stands for no other members at all.
func (k *knapsack) appraise(price int64) {
	r := &k.relief
	for at := range r.groups {
		r.groups[at] = math.MinInt64
	}
	for at, g := range k.live {
		values := k.of(g)
		worth := values[0]
		if price < math.MaxInt64 {
			worth -= price
			for _, v := range values[1:] {
				if v <= price {
					break
				}
				worth += v - price
			}
		}
		r.worth[at] = worth
		push(r.groups, worth)
	}
}

// greedy takes the most valuable groups and their best other members, and returns
// what they come to.
func (k *knapsack) greedy() (value int64, clusters int) {
	r := &k.relief
	clear(r.extras)
	left := k.most
	for at, g := range k.live {
		if left == 0 || r.worth[at] < r.groups[k.most-1] {
			continue
		}
		left--
		values := k.of(g)
		value += values[0]
		for _, v := range values[1:] {
			push(r.extras, v)
		}
	}
	clusters = k.most - left
	for _, v := range r.extras {
		if value += v; v > 0 {
			clusters++
		}
	}
	return value, clusters
}

// dropBelow keeps the groups that may be part of an answer at least as good as
// the known one.
func (k *knapsack) dropBelow(known, price int64) {
	r := &k.relief
	bound := price * int64(k.m.size.most)
	for _, worth := range r.groups {
		bound += max(0, worth)
	}
	last := max(0, r.groups[k.most-1])
	kept := k.live[:0]
	for at, g := range k.live {
		if min(0, r.worth[at]-last)+bound >= known {
			kept = append(kept, g)
		}
	}
	k.live = kept
}
