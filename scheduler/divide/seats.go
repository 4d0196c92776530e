package divide

import "slices"

// ApportionSeated is Apportion in which the parties marked in seated begin with one seat each, which counts as their first; the rest is
// handed out as ever. It is the Webster method with a minimum requirement of one seat (Pukelsheim, ch. 12). A party that would have won a
// seat anyway gets no more by being marked. There must be at least as many seats as marks.
//
// A marked party to which Apportion gives nothing ends with exactly one seat, and with fewer seats for the others nobody wins more, so such
// parties are set aside until every other mark is met by itself.
func ApportionSeated(seats int64, weights []Weight, seated []bool, order Order) []int64 {
	left, aside := slices.Clone(weights), make([]bool, len(weights))
	for {
		won, settled := Apportion(seats, left, order), true
		for i, marked := range seated {
			if marked && !aside[i] && won[i] == 0 {
				aside[i], left[i], settled = true, 0, false
				seats--
			}
		}
		if !settled {
			continue
		}
		for i := range aside {
			if aside[i] {
				won[i] = 1
			}
		}
		return won
	}
}

// apportion hands out seats with the given marks, of which nil is none.
func (p *Problem) apportion(seats int64, weights []Weight, seated []bool) []int64 {
	if seated == nil {
		return Apportion(seats, weights, p.Order)
	}
	return ApportionSeated(seats, weights, seated, p.Order)
}

// seated solves a problem that demands seats and is not fresh. Seats that hold nothing yet are the only reason to take replicas away from
// others, and they take one each: what stays is the least of what runs and Replicas less those seats. The rest is divided as ever.
func (p *Problem) seated() Result {
	running, fresh, held := sum(p.Previous), make([]bool, len(p.Seats)), make([]bool, len(p.Seats))
	stays := p.Replicas
	for i, seat := range p.Seats {
		fresh[i], held[i] = seat && p.Previous[i] == 0, seat && p.Previous[i] > 0
		if fresh[i] {
			stays--
		}
	}
	if running == p.Replicas && stays == p.Replicas {
		return Result{Replicas: slices.Clone(p.Previous)}
	}
	base := Result{Replicas: p.Previous}
	if running > stays {
		base = p.shrinkTo(stays, held)
		if stays == p.Replicas {
			return base
		}
	}
	rest := *p
	rest.Previous = base.Replicas
	r := rest.growBy(p.Replicas-min(running, stays), fresh)
	if r.Unplaced > 0 {
		r.Replicas = slices.Clone(p.Previous)
	}
	return r
}

// marksAfter returns the number of marks in the tiers behind this one.
func marksAfter(tier int, seated []bool, tiers []int) int64 {
	var n int64
	for i, marked := range seated {
		if marked && tiers[i] > tier {
			n++
		}
	}
	return n
}
