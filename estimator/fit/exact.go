package fit

import "github.com/longshore-project/longshore/scheduler/framework"

// ExactSteps is how many steps the dynamic program may take for one question, all numbers of sets that it tries together; about 10 ms. A
// question of two components stays exact up to (sets × replicas of the smaller component) × (ways to fill a node) × nodes of about this size:
// for instance 20 sets of 1 + 4 replicas on 500 nodes.
const ExactSteps = 1 << 22

// search returns the exact number between lower, which fits, and upper, above which nothing fits; or lower when that takes too many steps.
func (p *packing) search(lower, upper int64) Bound {
	p.room = p.room.Clone() // Listing the ways to fill a row fills it for a moment.
	steps := int64(ExactSteps)
	for lower < upper {
		k := lower + (upper-lower+1)/2
		fits, finished := p.packs(k, &steps)
		switch {
		case !finished:
			return Bound{Sets: lower}
		case fits:
			lower = k
		default:
			upper = k - 1
		}
	}
	return Bound{Sets: lower, Exact: true}
}

// packs reports whether k sets fit, by dynamic programming over the rows. A state is how many replicas of every component but the last are
// placed, each cut at what k sets need; its value is the most replicas of the last component that can be placed beside them.
//
//	best'[min(s+x, target)] = max(best[s] + last(x)) over all ways x to fill the row
//
// finished is false when that would take more steps than are left.
func (p *packing) packs(k int64, steps *int64) (fits, finished bool) {
	space, ok := newSpace(p.components, k, *steps)
	if !ok {
		return false, false
	}
	best := make([]int64, space.size) // 0 is unreached, n+1 stands for n replicas of the last component
	best[0] = 1
	next := make([]int64, space.size)
	for _, row := range p.rows {
		ways := p.ways(int(row), space, steps)
		if *steps -= int64(len(ways)) * int64(space.size); *steps < 0 {
			return false, false
		}
		space.fill(next, best, ways)
		best, next = next, best
		if best[space.size-1] > space.last {
			return true, true
		}
	}
	return false, true
}

// space numbers the states: component i counts with stride[i], up to target[i].
type space struct {
	target []int64 // of every component but the last
	stride []int
	last   int64 // target of the last component
	size   int
}

// newSpace returns false when there are more than limit states.
func newSpace(components []Component, k, limit int64) (space, bool) {
	s := space{size: 1}
	for _, c := range components[:len(components)-1] {
		target := framework.SaturatingMul(k, c.Replicas)
		if target >= limit/int64(s.size) {
			return s, false
		}
		s.target, s.stride = append(s.target, target), append(s.stride, s.size)
		s.size *= int(target) + 1
	}
	s.last = framework.SaturatingMul(k, components[len(components)-1].Replicas)
	return s, true
}

// way is one way to fill a row.
type way struct {
	counts []int64 // of every component but the last
	last   int64   // how many of the last one fit beside them
}

// ways lists how many of every component but the last may be on a row together, and how many of the last one then fit beside them.
func (p *packing) ways(row int, s space, steps *int64) []way {
	var out []way
	counts := make([]int64, len(s.target))
	var fill func(i int)
	fill = func(i int) {
		if *steps -= 1; *steps < 0 {
			return
		}
		c := p.components[i]
		copies := int64(0)
		if c.Usable.Has(row) {
			copies = p.room.CopiesOn(row, c.Need)
		}
		if i == len(s.target) {
			out = append(out, way{counts: append([]int64(nil), counts...), last: min(copies, s.last)})
			return
		}
		copies = min(copies, s.target[i])
		for n := int64(0); n <= copies; n++ {
			counts[i] = n
			fill(i + 1)
			if n < copies {
				p.room.takeCopies(row, c.Need, 1)
			}
		}
		p.giveCopies(row, c.Need, copies)
		counts[i] = 0
	}
	fill(0)
	return out
}

func (p *packing) giveCopies(row int, need Need, copies int64) {
	if copies > 0 {
		p.room.takeCopies(row, need, -copies)
	}
}

// fill computes next from best.
func (s space) fill(next, best []int64, ways []way) {
	clear(next)
	at := make([]int64, len(s.target))
	for _, value := range best {
		if value > 0 {
			for _, w := range ways {
				to := s.after(at, w)
				next[to] = max(next[to], min(value+w.last, s.last+1))
			}
		}
		s.step(at)
	}
}

// after returns the number of the state that w leads to.
func (s space) after(at []int64, w way) int {
	to := 0
	for i, n := range w.counts {
		to += int(min(at[i]+n, s.target[i])) * s.stride[i]
	}
	return to
}

// step moves the counts of one state to those of the next.
func (s space) step(at []int64) {
	for i := range at {
		if at[i]++; at[i] <= s.target[i] {
			return
		}
		at[i] = 0
	}
}
