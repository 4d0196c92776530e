// Package divide is replica arithmetic: how so many replicas are split over so many clusters. Everything is a pure function over slices that
// are index-aligned in ascending order of cluster name; nothing knows what a cluster is.
//
// The primitive is the Webster / Sainte-Laguë method of apportionment: seats are handed out one at a time, each to the party with the
// highest weight / (2·seats + 1). On a tie the party with fewer seats goes first, then the first by name or, when the order is Descending,
// the last. The quotients are compared by cross-multiplication, so no result depends on rounding.
//
// Edge cases:
//   - the weights add up to zero: nobody gets a seat;
//   - a party with weight zero never gets a seat;
//   - with seats ≤ Σ weights no party gets more seats than its weight;
//   - fewer seats never gives anybody more (house monotonicity).
//
// Sources: F. Pukelsheim, Proportional Representation, 2nd ed., Springer 2017, ch. 3 (divisor methods) and ch. 4.6–4.8 (jump-and-step);
// G. Dorfleitner and T. Klein, Rounding with multiplier methods, Statistical Papers 40 (1999) 143–157, doi:10.1007/BF02925515.
package divide

import "math/bits"

// Weight is a party's claim to seats. It has no unit; only proportions count.
type Weight int64

// Limit is the largest weight and the largest number of seats that are told apart: larger ones count as Limit, negative ones as zero. It
// leaves room for 65,536 parties before a sum could overflow, and is more replicas than any fleet runs.
const Limit = 1 << 47

// Order is the direction in which names win ties.
type Order int

const (
	// Ascending lets the first name win.
	Ascending Order = iota
	// Descending lets the last name win.
	Descending
)

// OrderFor returns Descending, or Ascending if that is not wanted.
func OrderFor(descending bool) Order {
	if descending {
		return Descending
	}
	return Ascending
}

// WeightsOf returns the weights of the rows, which are indices of weights, in their order. If none of them weighs anything, or nobody has a weight
// because weights is nil, all weigh the same.
func WeightsOf(rows []int32, weights []int64) []Weight {
	out, any := make([]Weight, len(rows)), false
	for i, row := range rows {
		if weights != nil && weights[row] > 0 {
			out[i], any = Weight(weights[row]), true
		}
	}
	if !any {
		for i := range out {
			out[i] = 1
		}
	}
	return out
}

// Apportion returns the seats of each party, index-aligned with weights. They add up to seats unless all weights are zero.
//
// It jumps to within n/2 seats of the answer by rounding every party's exact share and then steps, one seat at a time. The rounded shares
// are what the one-at-a-time definition reaches at some number of seats, ties apart, and steps keep to its order, so the answer is the same.
// The cost is O(n) plus O(log n) a step, whatever the number of seats.
func Apportion(seats int64, weights []Weight, order Order) []int64 {
	won := make([]int64, len(weights))
	seats = bound(seats)
	var total uint64
	for _, w := range weights {
		total += uint64(boundWeight(w))
	}
	if total == 0 || seats == 0 {
		return won
	}
	given := jump(won, weights, uint64(seats), total)
	if given != seats {
		step(won, weights, order, seats-given)
	}
	return won
}

func bound(n int64) int64          { return min(max(n, 0), Limit) }
func boundWeight(w Weight) Weight  { return min(max(w, 0), Limit) }
func halfSteps(seats int64) uint64 { return uint64(2*seats + 1) }

// jump sets won to every party's share rounded half up, weight·seats/total, and returns the sum. Rounding half up for all alike takes in
// every award whose quotient is at least that of the common divisor, and no other.
func jump(won []int64, weights []Weight, seats, total uint64) int64 {
	var given int64
	if wide, _ := bits.Mul64(total, 2*seats+1); wide == 0 {
		for i, w := range weights {
			won[i] = int64((2*uint64(boundWeight(w))*seats + total) / (2 * total))
			given += won[i]
		}
		return given
	}
	for i, w := range weights {
		hi, lo := bits.Mul64(2*uint64(boundWeight(w)), seats)
		lo, carry := bits.Add64(lo, total, 0)
		share, _ := bits.Div64(hi+carry, lo, 2*total)
		won[i] = int64(share)
		given += won[i]
	}
	return given
}

// fewParties is how many parties a heap holds without taking memory.
const fewParties = 128

// step hands out missing further seats, or takes back so many when missing is negative.
func step(won []int64, weights []Weight, order Order, missing int64) {
	var few [fewParties]claim
	q := awards{weights: weights, won: won, order: order, takeBack: missing < 0, claims: few[:0]}
	change := int64(1)
	if q.takeBack {
		change = -1
	}
	q.init(missing * change)
	for ; missing != 0; missing -= change {
		won[q.claims[0].party] += change
		q.fix()
	}
}

// award is one seat of one party: the seat that it gets when it has so many already.
type award struct {
	party int32
	has   int64
}

// precedes reports whether award a is made before award b. It is a strict total order over all awards of parties with a weight, in which a
// party's own awards follow one another.
func precedes(a, b award, weights []Weight, order Order) bool {
	aHi, aLo := bits.Mul64(uint64(boundWeight(weights[a.party])), halfSteps(b.has))
	bHi, bLo := bits.Mul64(uint64(boundWeight(weights[b.party])), halfSteps(a.has))
	if aHi != bHi {
		return aHi > bHi
	}
	if aLo != bLo {
		return aLo > bLo
	}
	if a.has != b.has {
		return a.has < b.has
	}
	return (a.party < b.party) == (order == Ascending)
}

// claim is a party with the quotient of its next award, rounded down to a multiple of 2^-quotientBits. Of two claims with different quotients
// the order is known; those with equal ones are compared exactly.
type claim struct {
	quotient uint64
	party    int32
}

// quotientBits are as many as Limit leaves in 64 bits.
const quotientBits = 16

// awards is a heap of parties by the next award that each would get or, when taking back, by the last one that it got, latest first.
type awards struct {
	weights  []Weight
	won      []int64
	order    Order
	takeBack bool
	// lastFirst turns the heap upside down, which is how the first few of many are found.
	lastFirst bool
	claims    []claim
}

// init fills the heap for so many steps. Each step touches the first party, so no more than steps parties are ever touched: those that come
// first now. When that is few of many they are picked in one pass, most of which is one comparison a party.
func (q *awards) init(steps int64) {
	if most := min(int64(len(q.weights)), steps); most > int64(cap(q.claims)) {
		q.claims = make([]claim, 0, most)
	}
	for i, w := range q.weights {
		if w <= 0 || q.takeBack && q.won[i] == 0 {
			continue
		}
		c := q.claim(int32(i))
		if n := len(q.claims); int64(n) < steps {
			q.claims = q.claims[:n+1] // append would move the caller's memory to the heap
			q.claims[n] = c
			if int64(n+1) == steps {
				q.lastFirst = true
				q.heapify()
			}
		} else if q.before(&c, &q.claims[0]) {
			q.claims[0] = c
			q.down(0)
		}
	}
	q.lastFirst = false
	q.heapify()
}

// next returns the award that the party gets or gives back next.
func (q *awards) next(party int32) award {
	if q.takeBack {
		return award{party, q.won[party] - 1}
	}
	return award{party, q.won[party]}
}

func (q *awards) claim(party int32) claim {
	return claim{uint64(boundWeight(q.weights[party])) << quotientBits / halfSteps(q.next(party).has), party}
}

func (q *awards) heapify() {
	for i := len(q.claims)/2 - 1; i >= 0; i-- {
		q.down(i)
	}
}

// fix restores the heap after the award of the first party changed.
func (q *awards) fix() {
	if first := &q.claims[0]; q.takeBack && q.won[first.party] == 0 {
		last := len(q.claims) - 1
		*first = q.claims[last]
		q.claims = q.claims[:last]
	} else {
		*first = q.claim(first.party)
	}
	q.down(0)
}

// less is the order of the heap.
func (q *awards) less(i, j int) bool {
	if q.lastFirst {
		i, j = j, i
	}
	return q.before(&q.claims[i], &q.claims[j])
}

// before reports whether a is touched before b.
func (q *awards) before(a, b *claim) bool {
	if a.quotient != b.quotient {
		return (a.quotient > b.quotient) != q.takeBack
	}
	if q.takeBack {
		a, b = b, a
	}
	return precedes(q.next(a.party), q.next(b.party), q.weights, q.order)
}

func (q *awards) down(i int) {
	for {
		child := 2*i + 1
		if child >= len(q.claims) {
			return
		}
		if child+1 < len(q.claims) && q.less(child+1, child) {
			child++
		}
		if !q.less(child, i) {
			return
		}
		q.claims[i], q.claims[child] = q.claims[child], q.claims[i]
		i = child
	}
}
