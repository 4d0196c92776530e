package spread_test

import (
	"math/rand/v2"
	"slices"
	"syscall"
	"testing"
	"time"

	"github.com/longshore-project/longshore/scheduler/spread"
)

// hardProblem draws a problem over keys that cross each other, of the size of a large fleet: the kind for which no search is short in
// general.
func hardProblem(seed uint64) *spread.Problem {
	rng := rand.New(rand.NewPCG(seed, 17))
	d := func(n int) int { return rng.IntN(n) }
	n := []int{1000, 2000, 5000}[d(3)]
	p := &spread.Problem{Candidates: n, Divided: true, Replicas: int64(50 + d(500)), Capacity: make([]int64, n)}
	shapes := 1 + d(200) // few shapes: many equal clusters
	for i := range p.Capacity {
		p.Capacity[i] = int64(d(shapes))
	}
	if d(3) == 0 {
		p.Score = make([]int64, n)
		for i := range p.Score {
			p.Score[i] = int64(d(101))
		}
	}
	if d(3) == 0 {
		p.Current = make([]int64, n)
		for range 1 + d(20) {
			p.Current[d(n)] = int64(1 + d(30))
		}
	}
	zones := 20 + d(130)
	zone, region, provider, rack := make([]int32, n), make([]int32, n), make([]int32, n), make([]int32, n)
	crossing := d(2) == 0
	for i := range n {
		zone[i] = int32(d(zones))
		region[i], provider[i], rack[i] = zone[i]/3, int32(d(4)), int32(d(12))
		if crossing {
			region[i] = int32(d(zones/3 + 1))
		}
	}
	bounded := func(name string, m spread.Membership, least, most int) spread.Key {
		k := spread.Key{Name: name, Min: 1 + d(least), Membership: m}
		k.Max = k.Min + d(most)
		return k
	}
	p.Keys = []spread.Key{bounded("provider", spread.Membership{Group: provider}, 2, 2)}
	if d(2) == 0 {
		p.Keys = append(p.Keys, bounded("region", spread.Membership{Group: region}, 4, 6))
	}
	p.Keys = append(p.Keys, bounded("zone", spread.Membership{Group: zone}, 6, 10), bounded("rack", spread.Membership{Group: rack}, 3, 4))
	if d(3) > 0 {
		p.Keys = append(p.Keys, bounded("cluster", spread.Membership{}, 10, 40))
	}
	return p
}

// processorTime of this process: on a machine with other work the one measure that means something.
func processorTime(b *testing.B) time.Duration {
	var used syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &used); err != nil {
		b.Fatal(err)
	}
	return time.Duration(used.Utime.Nano() + used.Stime.Nano())
}

// BenchmarkHard solves a corpus of hard problems and reports how many answers are proven best, and the longest time.
func BenchmarkHard(b *testing.B) {
	const problems = 60
	corpus := make([]*spread.Problem, problems)
	for i := range corpus {
		corpus[i] = hardProblem(uint64(i))
	}
	var s spread.Solver
	for b.Loop() {
		proven, refused := 0, 0
		times := make([]float64, 0, problems)
		for i, p := range corpus {
			started := processorTime(b)
			got, refusal := s.Solve(p)
			times = append(times, float64((processorTime(b)-started).Microseconds())/1000)
			if testing.Verbose() {
				b.Logf("%d: %v ms proven %v refusal %v labels %d %+v", i, times[len(times)-1], got.Proven, refusal, got.Nodes, got.Objective)
			}
			if got.Proven || refusal != nil && refusal.Proven {
				proven++
			}
			if refusal != nil {
				refused++
			}
		}
		slices.Sort(times)
		b.ReportMetric(float64(proven)/problems, "proven")
		b.ReportMetric(float64(refused)/problems, "refused")
		b.ReportMetric(times[problems/2], "median-ms")
		b.ReportMetric(times[len(times)-1], "worst-ms")
	}
}
