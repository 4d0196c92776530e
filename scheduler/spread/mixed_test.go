package spread_test

import (
	"testing"

	"github.com/longshore-project/longshore/scheduler/spread"
)

// mixedProblem draws a request that limits provider, region, zone, a label and
// cluster at once, over clusters some of which lie in several zones.
func mixedProblem(d draw) *spread.Problem {
	n := 6 + d(7)
	provider, region, label := make([]int32, n), make([]int32, n), make([]int32, n)
	zone := spread.Membership{Start: []int32{0}}
	for i := range n {
		z := int32(d(6))
		region[i], provider[i], label[i] = z/2, z/4, int32(d(3))
		zone.Group = append(zone.Group, z)
		if d(6) == 0 {
			zone.Group = append(zone.Group, z^1)
		}
		zone.Start = append(zone.Start, int32(len(zone.Group)))
	}
	p := &spread.Problem{
		Candidates: n, Divided: d(5) > 0, Replicas: int64(1 + d(20)),
		Capacity: column(d, n, 12), Score: make([]int64, n),
		Keys: []spread.Key{
			limited(d, "provider", 2, spread.Membership{Group: provider}),
			limited(d, "region", 3, spread.Membership{Group: region}),
			limited(d, "zone", 4, zone),
			limited(d, "example.com/rack", 3, spread.Membership{Group: label}),
			limited(d, "cluster", 5, spread.Membership{}),
		},
	}
	if d(2) == 0 {
		p.Current = sparse(d, n, 6)
		for i, v := range p.Current {
			p.Score[i] = min(v, 1) * 100
		}
	}
	return p
}

// limited draws a minimum up to groups and, two times in three, a maximum.
func limited(d draw, name string, groups int, m spread.Membership) spread.Key {
	k := spread.Key{Name: name, Min: d(groups + 1), Membership: m}
	if d(3) > 0 {
		k.Max = max(1, k.Min) + d(2)
	}
	return k
}

func TestMixedRequestsAreRightByBruteForce(t *testing.T) {
	const requests = 900
	var solver spread.Solver
	right, feasible := 0, 0
	for seed := range uint64(requests) {
		p := mixedProblem(randomDraw(1_000_000 + seed))
		d, ok := diff(&solver, p)
		if d != "" {
			t.Errorf("seed %d, -want +got:\n%s\nproblem %+v", seed, d, *p)
			continue
		}
		right++
		if ok {
			feasible++
		}
	}
	t.Logf("right by brute force: %d of %d, of which %d have an answer", right, requests, feasible)
	if feasible < requests/5 {
		t.Errorf("%d of %d requests have an answer: the generator has lost its bite", feasible, requests)
	}
}
