package pipeline

import (
	"cmp"
	"slices"
)

// rank returns the feasible clusters, best first: overflow tier ascending, score descending, available descending, name ascending.
//
// Available is the estimate except where the request runs already. So the clusters in which it does not run are taken in the remembered order
// of estimates, which only has to be sorted by tier and score if those differ at all; the few others are merged in.
func (a *attempt) rank() []int32 {
	rest := a.elsewhere()
	if a.distinguishes(rest) {
		slices.SortStableFunc(rest, func(x, y int32) int { return a.compareClass(x, y) })
	}
	if len(a.running) == 0 {
		return rest
	}
	return a.merge(a.targetsRanked(), rest)
}

// elsewhere returns the feasible clusters in which the request does not run, by estimate and name.
func (a *attempt) elsewhere() []int32 {
	out := make([]int32, 0, a.Feasible.Count())
	if a.byRoom == nil {
		rest := a.Feasible
		if a.Targets != nil {
			rest = rest.Clone()
			rest.AndNot(a.Targets)
		}
		return rest.AppendRows(out)
	}
	for _, row := range a.byRoom {
		if a.Feasible.Has(int(row)) && !a.Targets.Has(int(row)) {
			out = append(out, row)
		}
	}
	return out
}

// distinguishes reports whether tier or score differ among the rows.
func (a *attempt) distinguishes(rows []int32) bool {
	if a.scores == nil && a.query.Tiers == nil {
		return false
	}
	return slices.ContainsFunc(rows, func(row int32) bool { return a.compareClass(rows[0], row) != 0 })
}

// compareClass orders by tier and score.
func (a *attempt) compareClass(x, y int32) int {
	if tiers := a.query.Tiers; tiers != nil && tiers[x] != tiers[y] {
		return cmp.Compare(tiers[x], tiers[y])
	}
	if a.scores == nil {
		return 0
	}
	return cmp.Compare(a.scores[y], a.scores[x])
}

// compare is the whole order.
func (a *attempt) compare(x, y int32) int {
	if c := a.compareClass(x, y); c != 0 {
		return c
	}
	if a.Available != nil {
		if c := cmp.Compare(a.Available[y].Room(), a.Available[x].Room()); c != 0 {
			return c
		}
	}
	return cmp.Compare(x, y)
}

// targetsRanked returns the feasible clusters in which the request runs.
func (a *attempt) targetsRanked() []int32 {
	out := make([]int32, 0, len(a.running))
	for _, p := range a.running {
		if a.Feasible.Has(int(p.row)) {
			out = append(out, p.row)
		}
	}
	slices.SortFunc(out, a.compare)
	return out
}

func (a *attempt) merge(x, y []int32) []int32 {
	out := make([]int32, 0, len(x)+len(y))
	for len(x) > 0 && len(y) > 0 {
		if a.compare(x[0], y[0]) < 0 {
			out, x = append(out, x[0]), x[1:]
		} else {
			out, y = append(out, y[0]), y[1:]
		}
	}
	return append(append(out, x...), y...)
}
