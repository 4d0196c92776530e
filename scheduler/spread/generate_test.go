package spread_test

import (
	"github.com/longshore-project/longshore/scheduler/spread"
)

// draw returns a number in [0, n). Random sources, fuzz bytes and rapid all
// generate problems through it.
type draw func(n int) int

// smallProblem draws a problem that the oracle can solve: every feature with a
// fair chance of binding.
func smallProblem(d draw, most int) *spread.Problem {
	n := 1 + d(most)
	p := &spread.Problem{Candidates: n, Divided: d(4) > 0, Replicas: int64(d(4) * d(4))}
	if d(5) > 0 {
		p.Replicas = int64(1 + d(12))
	}
	if d(5) > 0 {
		scale := 1 + d(8)
		p.Capacity = column(d, n, scale+1)
	}
	if d(2) == 0 {
		p.Current = sparse(d, n, 5)
	}
	if d(3) > 0 {
		p.Score = column(d, n, 1+d(4))
	}
	if d(3) == 0 {
		p.Tier = make([]int32, n)
		tiers := 1 + d(3)
		for i := range p.Tier {
			p.Tier[i] = int32(d(tiers))
		}
	}
	p.Keys = keys(d, n)
	return p
}

func column(d draw, n, limit int) []int64 {
	c := make([]int64, n)
	for i := range c {
		c[i] = int64(d(limit))
	}
	return c
}

func sparse(d draw, n, limit int) []int64 {
	c := make([]int64, n)
	for i := range c {
		if d(3) == 0 {
			c[i] = int64(d(limit))
		}
	}
	return c
}

// keys draws provider, region, zone, two labels and cluster, each with a
// chance, nested or crossing.
func keys(d draw, n int) []spread.Key {
	nested := d(2) == 0
	zones := 1 + d(6)
	regions := 1 + d(4)
	zone := ids(d, n, zones)
	region, provider := make([]int32, n), make([]int32, n)
	for i := range n {
		region[i] = int32(d(regions))
		provider[i] = int32(d(3))
		if nested {
			region[i] = zone[i] / 2
			provider[i] = region[i] / 2
		}
	}
	var ks []spread.Key
	add := func(name string, m spread.Membership, groups int) {
		if d(2) == 0 {
			return
		}
		k := spread.Key{Name: name, Membership: m, Min: d(min(groups, 4) + 1)}
		if d(2) == 0 {
			k.Max = max(1, k.Min+d(3)-d(2))
		}
		ks = append(ks, k)
	}
	add("provider", spread.Membership{Group: provider}, 2)
	add("region", spread.Membership{Group: region}, regions)
	if d(3) == 0 {
		add("zone", multi(d, zone, zones), zones)
	} else {
		add("zone", spread.Membership{Group: zone}, zones)
	}
	add("tier", spread.Membership{Group: ids(d, n, 3)}, 3)
	if d(4) == 0 {
		add("rack", multi(d, ids(d, n, 4), 4), 4)
	}
	add("cluster", spread.Membership{}, n)
	return ks
}

func ids(d draw, n, groups int) []int32 {
	c := make([]int32, n)
	for i := range c {
		c[i] = int32(d(groups))
		if d(20) == 0 {
			c[i] = spread.NoGroup
		}
	}
	return c
}

// multi gives some candidates further groups.
func multi(d draw, ids []int32, groups int) spread.Membership {
	m := spread.Membership{Start: []int32{0}}
	for _, g := range ids {
		if g != spread.NoGroup {
			m.Group = append(m.Group, g)
		}
		for h := range int32(groups) {
			if g != spread.NoGroup && h != g && d(4) == 0 {
				m.Group = append(m.Group, h)
			}
		}
		m.Start = append(m.Start, int32(len(m.Group)))
	}
	return m
}
