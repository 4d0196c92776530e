package spread_test

import (
	"math/bits"
	"slices"

	"github.com/longshore-project/longshore/scheduler/spread"
)

// oracle is the package comment, word by word, over all subsets.
type oracle struct {
	p      *spread.Problem
	groups [][]uint64 // by key, candidate: bit per group
	fewest []int      // by subset: fewest fresh seats within it; none if impossible
	tiers  []int32
}

const none = 1 << 20

type answer struct {
	mask      uint32
	objective spread.Objective
}

// newOracleColumns is an oracle that knows candidates but no sets: for problems
// of any size.
func newOracleColumns(p *spread.Problem) *oracle { return &oracle{p: p} }

func newOracle(p *spread.Problem) *oracle {
	o := newOracleColumns(p)
	for k := range p.Keys {
		column := make([]uint64, p.Candidates)
		for i := range column {
			column[i] = groupBits(&p.Keys[k].Membership, i)
		}
		o.groups = append(o.groups, column)
	}
	for i := range p.Candidates {
		if o.grouped(i) {
			o.tiers = append(o.tiers, at(p.Tier, i))
		}
	}
	slices.Sort(o.tiers)
	o.tiers = slices.Compact(o.tiers)
	o.seatAll()
	return o
}

func groupBits(m *spread.Membership, i int) uint64 {
	switch {
	case m.Start == nil && m.Group == nil:
		return 1 << i
	case m.Start == nil && m.Group[i] == spread.NoGroup:
		return 0
	case m.Start == nil:
		return 1 << m.Group[i]
	}
	set := uint64(0)
	for _, g := range m.Group[m.Start[i]:m.Start[i+1]] {
		set |= 1 << g
	}
	return set
}

func at[T any](column []T, i int) (v T) {
	if column != nil {
		v = column[i]
	}
	return v
}

func (o *oracle) grouped(i int) bool {
	for k := range o.groups {
		if o.groups[k][i] == 0 {
			return false
		}
		if most := o.p.Keys[k].Max; most > 0 && bits.OnesCount64(o.groups[k][i]) > most {
			return false
		}
	}
	return true
}

func (o *oracle) room(i int) int64 {
	if o.p.Capacity == nil {
		return o.p.Replicas
	}
	return max(0, o.p.Capacity[i])
}

func (o *oracle) keep(i int) int64 {
	if o.p.Divided {
		return min(at(o.p.Current, i), o.room(i))
	}
	return min(at(o.p.Current, i), o.p.Replicas)
}

func (o *oracle) covered(k int, mask uint32) int {
	set := uint64(0)
	for ; mask != 0; mask &= mask - 1 {
		set |= o.groups[k][bits.TrailingZeros32(mask)]
	}
	return bits.OnesCount64(set)
}

// seatAll fills fewest: first for each T itself, then the minimum over subsets.
func (o *oracle) seatAll() {
	o.fewest = make([]int, 1<<o.p.Candidates)
	for mask := range o.fewest {
		o.fewest[mask] = o.fresh(uint32(mask))
		for rest := mask; rest != 0; rest &= rest - 1 {
			o.fewest[mask] = min(o.fewest[mask], o.fewest[mask&^(rest&-rest)])
		}
	}
}

func (o *oracle) fresh(mask uint32) int {
	if int64(bits.OnesCount32(mask)) > o.p.Replicas {
		return none
	}
	fresh := 0
	for rest := mask; rest != 0; rest &= rest - 1 {
		i := bits.TrailingZeros32(rest)
		if o.room(i) < 1 {
			return none
		}
		if o.keep(i) == 0 {
			fresh++
		}
	}
	for k := range o.groups {
		if int64(o.covered(k, mask)) < min(int64(max(1, o.p.Keys[k].Min)), o.p.Replicas) {
			return none
		}
	}
	return fresh
}

func (o *oracle) allowed(mask uint32) bool {
	if mask == 0 {
		return false
	}
	room := int64(0)
	for rest := mask; rest != 0; rest &= rest - 1 {
		i := bits.TrailingZeros32(rest)
		if !o.grouped(i) {
			return false
		}
		room += o.room(i)
	}
	for k := range o.groups {
		n, key := o.covered(k, mask), &o.p.Keys[k]
		if n < key.Min || key.Max > 0 && n > key.Max {
			return false
		}
	}
	return !o.p.Divided || room >= o.p.Replicas && o.fewest[mask] < none
}

func (o *oracle) objective(mask uint32) spread.Objective {
	v := spread.Objective{Groups: make([]int, len(o.groups))}
	if len(o.tiers) > 1 {
		v.Tiers = make([]int64, len(o.tiers)-1)
	}
	for rest := mask; rest != 0; rest &= rest - 1 {
		i := bits.TrailingZeros32(rest)
		v.Kept += o.keep(i)
		v.Score += at(o.p.Score, i)
		v.Capacity += o.room(i)
		for t := range v.Tiers {
			switch {
			case at(o.p.Tier, i) > o.tiers[t]:
			case o.p.Divided:
				v.Tiers[t] = min(v.Tiers[t]+o.room(i), o.p.Replicas)
			default:
				v.Tiers[t]++
			}
		}
	}
	if o.p.Divided {
		v.Kept = min(v.Kept, o.p.Replicas-int64(o.fewest[mask]))
	}
	for k := range o.groups {
		v.Groups[k] = o.covered(k, mask)
	}
	return v
}

// best searches all subsets.
func (o *oracle) best() (best answer, ok bool) {
	for mask := uint32(1); mask < 1<<o.p.Candidates; mask++ {
		if !o.allowed(mask) {
			continue
		}
		v := o.objective(mask)
		if c := v.Compare(best.objective); !ok || c > 0 || c == 0 && spread.CompareNames(members(mask), members(best.mask)) > 0 {
			best, ok = answer{mask, v}, true
		}
	}
	return best, ok
}

func members(mask uint32) []int32 {
	set := []int32{}
	for ; mask != 0; mask &= mask - 1 {
		set = append(set, int32(bits.TrailingZeros32(mask)))
	}
	return set
}

func maskOf(set []int32) (mask uint32) {
	for _, i := range set {
		mask |= 1 << i
	}
	return mask
}
