package divide

import (
	"cmp"
	"slices"
	"testing"

	gocmp "github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
)

// plain solves a problem the slow way, one replica at a time, with sorted lists and no arithmetic beyond counting.
type plain struct {
	*Problem
	at []int // the clusters that take part
}

// divideInTiers is the definition of DivideTiers: what a tier can hold it takes, less the seats that later tiers must have.
func divideInTiers(p *Problem, tiers []int) (replicas []int64, unplaced int64) {
	out, left := make([]int64, len(tiers)), p.Replicas
	for tier := range slices.Max(tiers) + 1 {
		part := plain{Problem: p}
		later, holds := int64(0), int64(0)
		for i, t := range tiers {
			if t == tier {
				part.at = append(part.at, i)
				holds += p.Room[i] + p.Previous[i]
			}
			if t > tier && p.Seats != nil && p.Seats[i] {
				later++
			}
		}
		take := min(left-later, holds)
		left -= take
		for i, n := range part.divide(take) {
			out[i] += n
		}
	}
	if left > 0 {
		return p.Previous, left
	}
	return out, 0
}

// divide places so many replicas, which fit, and returns who holds how many.
func (p plain) divide(replicas int64) []int64 {
	marked := func(i int) bool { return p.Seats != nil && p.Seats[i] }
	previous, both := make([]int64, len(p.Room)), make([]int64, len(p.Room))
	var running, empty int64
	for _, i := range p.at {
		previous[i], both[i] = p.Previous[i], p.Previous[i]+p.Room[i]
		running += p.Previous[i]
		if marked(i) && p.Previous[i] == 0 {
			empty++
		}
	}
	if p.Fresh {
		return p.handOut(replicas, both, marked, func(int) int { return 0 })
	}
	base := previous
	if stay := replicas - empty; running > stay {
		base = p.handOut(stay, previous, func(i int) bool { return marked(i) && previous[i] > 0 }, func(int) int { return 0 })
		running = stay
	}
	if running == replicas {
		return base
	}
	runs := func(i int) int {
		if base[i] > 0 {
			return 0
		}
		return 1
	}
	added := p.handOut(replicas-running, p.Room, func(i int) bool { return marked(i) && previous[i] == 0 }, runs)
	for i, n := range base {
		added[i] += n
	}
	return added
}

// handOut gives one seat at a time, each to the largest claim per seat that it would then be halfway through. Marked clusters begin with one
// seat. Together restricts the claims to the shortest list that holds the seats: the marked, then by class, size and name.
func (p plain) handOut(seats int64, claims []int64, marked func(i int) bool, class func(i int) int) []int64 {
	list := slices.Clone(p.at)
	if p.Together {
		first := func(i int) int {
			if marked(i) {
				return -1
			}
			return class(i)
		}
		slices.SortFunc(list, func(a, b int) int {
			return cmp.Or(cmp.Compare(first(a), first(b)), cmp.Compare(claims[b], claims[a]), cmp.Compare(a, b))
		})
		room, n := int64(0), 0
		for n < len(list) && (room < seats || marked(list[n])) {
			room += claims[list[n]]
			n++
		}
		list = list[:n]
	}
	weights, seated := make([]Weight, len(claims)), make([]bool, len(claims))
	for _, i := range list {
		weights[i], seated[i] = Weight(claims[i]), marked(i)
	}
	return seatedOneAtATime(seats, weights, seated, p.Order)
}

// fuzzedProblem reads a problem from bytes, four for each cluster. Marks that cannot be met are dropped.
func fuzzedProblem(data []byte, replicas uint16, flags byte) (p *Problem, tiers []int) {
	p = &Problem{Replicas: int64(replicas % 600), Order: Order(flags & 1), Fresh: flags&2 != 0, Together: flags&4 != 0}
	for ; len(data) >= 4 && len(tiers) < 16; data = data[4:] {
		p.Previous, p.Room = append(p.Previous, int64(data[0]%24)), append(p.Room, int64(data[1]%48))
		tier := 0
		if flags&8 != 0 {
			tier = int(data[2] % 4)
		}
		tiers = append(tiers, tier)
		if flags&16 != 0 {
			p.Seats = append(p.Seats, data[3]&1 != 0 && (data[0]%24 > 0 || data[1]%48 > 0))
		}
	}
	p.Replicas = max(p.Replicas, marks(p.Seats))
	return p, tiers
}

// FuzzDivideIsThePlainDefinition covers dynamic weights and Aggregated, steady and fresh, with and without tiers and seats.
func FuzzDivideIsThePlainDefinition(f *testing.F) {
	for flags := range byte(32) {
		f.Add([]byte{3, 9, 0, 1, 0, 7, 1, 0, 5, 2, 0, 1, 0, 40, 2, 1}, uint16(7*flags), flags)
	}
	f.Fuzz(func(t *testing.T, data []byte, replicas uint16, flags byte) {
		p, tiers := fuzzedProblem(data, replicas, flags)
		if len(tiers) == 0 {
			t.Skip()
		}
		want, unplaced := divideInTiers(p, tiers)
		got := DivideTiers(p, tiers)
		if diff := gocmp.Diff(Result{Replicas: want, Unplaced: unplaced}, got, cmpopts.EquateEmpty()); diff != "" {
			t.Errorf("%+v in tiers %v (-definition +got):\n%s", *p, tiers, diff)
		}
		if slices.Max(tiers) > 0 {
			return
		}
		if one := Divide(p); !slices.Equal(one.Replicas, want) || one.Unplaced != unplaced {
			t.Errorf("%+v: %v and %d unplaced, by the definition %v and %d", *p, one.Replicas, one.Unplaced, want, unplaced)
		}
	})
}

// FuzzStaticIsOneAtATime covers static weights with seats, which spread constraints ask for.
func FuzzStaticIsOneAtATime(f *testing.F) {
	f.Add([]byte{9, 1, 0, 0, 30, 1}, uint16(4), false)
	f.Add([]byte{1, 1, 200, 0, 1, 1, 0, 1}, uint16(3), true)
	f.Fuzz(func(t *testing.T, data []byte, seats uint16, descending bool) {
		var weights []Weight
		var seated []bool
		for ; len(data) >= 2 && len(weights) < 24; data = data[2:] {
			weights, seated = append(weights, Weight(data[0])), append(seated, data[1]&1 != 0)
		}
		order := Ascending
		if descending {
			order = Descending
		}
		all := max(int64(seats%1000), marks(seated))
		if diff := gocmp.Diff(seatedOneAtATime(all, weights, seated, order), ApportionSeated(all, weights, seated, order)); diff != "" {
			t.Errorf("%d seats over %v with %v (-definition +got):\n%s", all, weights, seated, diff)
		}
	})
}
