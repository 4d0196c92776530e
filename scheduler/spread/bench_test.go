package spread_test

import (
	"fmt"
	"math/rand/v2"
	"testing"

	"github.com/longshore-project/longshore/scheduler/spread"
)

// fleet draws a fleet of the given size: 5 providers, 50 regions, 150 zones.
type fleet struct {
	provider, region, zone, label spread.Membership
	capacity, score               []int64
}

func newFleet(n int, nested bool) fleet {
	r := rand.New(rand.NewPCG(uint64(n), 7))
	provider, region, zone, label := make([]int32, n), make([]int32, n), make([]int32, n), make([]int32, n)
	var f fleet
	for i := range n {
		zone[i] = int32(r.IntN(150))
		region[i] = zone[i] / 3
		provider[i] = region[i] / 10
		if !nested {
			provider[i] = int32(r.IntN(5))
		}
		label[i] = int32(r.IntN(4))
		f.capacity = append(f.capacity, int64(r.IntN(200)))
		f.score = append(f.score, int64(r.IntN(101)))
	}
	f.provider.Group, f.region.Group, f.zone.Group, f.label.Group = provider, region, zone, label
	return f
}

func (f *fleet) problem(keys ...spread.Key) *spread.Problem {
	return &spread.Problem{
		Candidates: len(f.capacity), Replicas: 100, Divided: true,
		Capacity: f.capacity, Keys: keys,
	}
}

func benchmarkProblems(f *fleet) []struct {
	name string
	p    *spread.Problem
} {
	key := func(name string, m spread.Membership, low, high int) spread.Key {
		return spread.Key{Name: name, Min: low, Max: high, Membership: m}
	}
	provider := func(low, high int) spread.Key { return key("provider", f.provider, low, high) }
	region := func(low, high int) spread.Key { return key("region", f.region, low, high) }
	zone := func(low, high int) spread.Key { return key("zone", f.zone, low, high) }
	label := func(low, high int) spread.Key { return key("label", f.label, low, high) }
	cluster := func(low, high int) spread.Key { return key("cluster", spread.Membership{}, low, high) }
	scored := func(p *spread.Problem) *spread.Problem { p.Score = f.score; return p }
	held := func(p *spread.Problem) *spread.Problem {
		p.Current = make([]int64, p.Candidates)
		for i := range 10 {
			p.Current[i*p.Candidates/10] = 10
		}
		return p
	}
	shrunk := func(p *spread.Problem) *spread.Problem {
		before, _ := spread.Solve(p)
		p.Current = divide(newOracleColumns(p), before)
		p.Replicas = p.Replicas * 2 / 3
		return p
	}
	tiered := func(p *spread.Problem) *spread.Problem {
		p.Replicas = 300
		p.Tier = make([]int32, p.Candidates)
		for i := range p.Tier {
			p.Tier[i] = int32(i % 3)
		}
		return p
	}
	return []struct {
		name string
		p    *spread.Problem
	}{
		{"cluster", f.problem(cluster(2, 5))},
		{"region", f.problem(region(2, 3), cluster(3, 5))},
		{"zone", f.problem(zone(3, 6), cluster(3, 10))},
		{"minimums", f.problem(provider(2, 0), region(3, 0), zone(5, 0), cluster(5, 10))},
		{"groups", f.problem(provider(2, 2), region(2, 3), zone(3, 6))},
		{"all", f.problem(provider(2, 2), region(2, 3), zone(3, 6), cluster(5, 10))},
		{"scored", scored(f.problem(provider(2, 2), region(2, 3), zone(3, 6), cluster(5, 10)))},
		{"held", held(f.problem(provider(2, 0), region(2, 3), zone(3, 6), cluster(5, 10)))},
		{"shrunk", shrunk(f.problem(provider(2, 0), region(2, 3), zone(3, 6), cluster(5, 10)))},
		{"tiered", tiered(f.problem(region(2, 3), zone(3, 6), cluster(3, 10)))},
		{"open", f.problem(provider(2, 0), region(3, 0), zone(5, 0), label(2, 0), cluster(5, 0))},
		{"wide", f.problem(region(2, 20), zone(3, 0), cluster(5, 200))},
		{"label", f.problem(region(2, 3), label(2, 2), cluster(4, 8))},
	}
}

func BenchmarkSolve(b *testing.B) {
	for _, keys := range []string{"nested", "crossing"} {
		for _, n := range []int{100, 1000, 5000} {
			f := newFleet(n, keys == "nested")
			for _, c := range benchmarkProblems(&f) {
				b.Run(fmt.Sprintf("keys=%s/clusters=%d/case=%s", keys, n, c.name), func(b *testing.B) {
					var s spread.Solver
					var got spread.Solution
					var refusal *spread.Infeasible
					b.ReportAllocs()
					for b.Loop() {
						got, refusal = s.Solve(c.p)
					}
					if refusal != nil {
						b.Fatal(refusal)
					}
					b.ReportMetric(float64(got.Nodes), "labels")
					proven := 0.0
					if got.Proven {
						proven = 1
					}
					b.ReportMetric(proven, "proven")
				})
			}
		}
	}
}
