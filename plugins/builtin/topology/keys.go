// Package topology states the spread constraints of a request in the words of package spread, for the plugins that need them.
package topology

import (
	"cmp"
	"math"
	"slices"

	"github.com/longshore-project/longshore/scheduler/framework"
	"github.com/longshore-project/longshore/scheduler/spread"
)

// coarseness is the order in which more groups are preferred.
var coarseness = map[framework.SpreadKey]int{
	framework.SpreadByProvider: 0, framework.SpreadByRegion: 1, framework.SpreadByZone: 2, "": 3, framework.SpreadByCluster: 4,
}

// Constraints returns the spread constraints, coarsest first, those by label between zone and cluster in the order in which they are listed.
// Of several constraints on one key the strictest bounds hold. The result may be the placement's own slice: read only.
func Constraints(p *framework.Placement) []framework.SpreadConstraint {
	if isOrdered(p.Spread) {
		return p.Spread
	}
	out := make([]framework.SpreadConstraint, 0, len(p.Spread))
	for _, c := range p.Spread {
		same := func(o framework.SpreadConstraint) bool { return o.Key == c.Key && o.Label == c.Label }
		if i := slices.IndexFunc(out, same); i >= 0 {
			out[i].MinGroups = max(out[i].MinGroups, c.MinGroups)
			if upper := min(out[i].Max(), c.Max()); upper != math.MaxInt64 {
				out[i].MaxGroups = upper
			}
			continue
		}
		out = append(out, c)
	}
	slices.SortStableFunc(out, func(a, b framework.SpreadConstraint) int { return cmp.Compare(coarseness[a.Key], coarseness[b.Key]) })
	return out
}

// isOrdered reports whether the constraints are in order as they are, one for each key.
func isOrdered(constraints []framework.SpreadConstraint) bool {
	for i := 1; i < len(constraints); i++ {
		if coarseness[constraints[i-1].Key] >= coarseness[constraints[i].Key] {
			return false // Two labels are not worth a closer look.
		}
	}
	return true
}

// Facts returns the facts on which the groups of the placement's constraints depend.
func Facts(p *framework.Placement) framework.Facts {
	if len(p.Spread) == 0 {
		return framework.FactMembership
	}
	return framework.FactMembership | framework.FactTopology | framework.FactLabels
}

// Name returns what the constraint counts, as it is to be called in explanations: the field or the label key. A label key that is also the
// name of a field gets a prefix.
func Name(c framework.SpreadConstraint) string {
	if c.Label == "" {
		return string(c.Key)
	}
	if _, ok := coarseness[framework.SpreadKey(c.Label)]; ok {
		return "label/" + c.Label
	}
	return c.Label
}

// Memory is what Keys lays its answer out in. The zero value is ready to use.
type Memory struct {
	keys   []spread.Key
	picked []spread.Membership // index-aligned with keys: memory of their memberships
}

// Keys returns the constraints with the groups of the candidates, index-aligned with constraints. Rows are the candidates in ascending order.
// The answer is read only, and valid until memory is used again: where all clusters are candidates it is the snapshot's own columns.
func Keys(s *framework.Snapshot, constraints []framework.SpreadConstraint, rows []int32, memory *Memory) []spread.Key {
	n := len(constraints)
	memory.keys = slices.Grow(memory.keys[:0], n)[:n]
	if more := n - len(memory.picked); more > 0 {
		memory.picked = append(memory.picked, make([]spread.Membership, more)...)
	}
	for i, c := range constraints {
		m := membership(s.Groups(c), rows, &memory.picked[i], len(rows) == s.Len())
		memory.keys[i] = spread.Key{Name: Name(c), Min: int(c.MinGroups), Max: int(c.MaxGroups), Membership: m}
	}
	return memory.keys
}

// membership picks the rows out of the groups.
func membership(g *framework.Groups, rows []int32, memory *spread.Membership, all bool) spread.Membership {
	switch {
	case g == nil:
		return spread.Membership{}
	case all:
		return spread.Membership{Start: g.Start, Group: g.Group}
	}
	group := slices.Grow(memory.Group[:0], len(rows))
	if g.Start == nil {
		for _, row := range rows {
			group = append(group, g.Group[row])
		}
		memory.Group = group
		return spread.Membership{Group: group}
	}
	start := append(slices.Grow(memory.Start[:0], len(rows)+1), 0)
	for _, row := range rows {
		group = append(group, g.Of(row)...)
		start = append(start, int32(len(group)))
	}
	memory.Start, memory.Group = start, group
	return *memory
}

// fewGroups is how many groups are counted without taking memory.
const fewGroups = 256

// Covered returns how many groups the clusters in rows belong to. A cluster that belongs to no group makes complete false.
func Covered(s *framework.Snapshot, c framework.SpreadConstraint, rows []int32) (n int64, complete bool) {
	g := s.Groups(c)
	if g == nil {
		return int64(len(rows)), true
	}
	var few [fewGroups]bool
	seen, complete := marks(g, &few), true
	for _, row := range rows {
		of := g.Of(row)
		complete = complete && len(of) > 0
		for _, id := range of {
			if !seen[id] {
				seen[id] = true
				n++
			}
		}
	}
	return n, complete
}

// Reaches reports whether the clusters in rows for whose place counts returns true belong to at least need groups. It looks no further than it must.
func Reaches(s *framework.Snapshot, c framework.SpreadConstraint, need int64, rows []int32, counts func(i int) bool) bool {
	g := s.Groups(c)
	var few [fewGroups]bool
	var seen []bool
	if g != nil {
		seen = marks(g, &few)
	}
	for i, row := range rows {
		switch {
		case need <= 0:
			return true
		case !counts(i):
		case g == nil:
			need--
		default:
			for _, id := range g.Of(row) {
				if !seen[id] {
					seen[id] = true
					need--
				}
			}
		}
	}
	return need <= 0
}

// marks returns one mark for each group, in few if they have room there.
func marks(g *framework.Groups, few *[fewGroups]bool) []bool {
	if len(g.Names) > len(few) {
		return make([]bool, len(g.Names))
	}
	return few[:]
}
