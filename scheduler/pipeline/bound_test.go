package pipeline_test

import (
	"fmt"
	"math"
	"math/rand/v2"
	"testing"

	"gonum.org/v1/gonum/mat"
	"gonum.org/v1/gonum/optimize/convex/lp"

	"github.com/longshore-project/longshore/scheduler/framework"
)

// relaxation is the linear programme over clusters that are chosen in part: an upper bound on the replicas that can stay. With y the share to
// which a cluster is chosen, z a region, x the replicas of a cluster and k those that stay there:
//
//	max Σk   k ≤ x, k ≤ current·y, x ≤ room·y, Σx = R, y ≤ z, z ≤ 1, z ≤ Σy, min ≤ Σz ≤ max, Σy ≤ clusters
type relaxation struct {
	n, regions int
	rows       [][]float64
	limits     []float64
}

func (l *relaxation) y(i int) int { return i }
func (l *relaxation) x(i int) int { return l.n + i }
func (l *relaxation) k(i int) int { return 2*l.n + i }
func (l *relaxation) z(g int) int { return 3*l.n + g }
func (l *relaxation) width() int  { return 3*l.n + l.regions }

// atMost demands Σ coefficient·variable ≤ limit.
func (l *relaxation) atMost(limit float64, coefficients map[int]float64) {
	row := make([]float64, l.width())
	for at, c := range coefficients {
		row[at] = c
	}
	l.rows, l.limits = append(l.rows, row), append(l.limits, limit)
}

// mostKept solves the relaxation. Region holds the region of each row.
func mostKept(t *testing.T, b *brute, region []int, regions int, byRegion, byCluster framework.SpreadConstraint) float64 {
	t.Helper()
	l := &relaxation{n: len(b.rows), regions: regions}
	perRegion, allRegions, allClusters, replicas := make([]map[int]float64, regions), map[int]float64{}, map[int]float64{}, map[int]float64{}
	fewest := map[int]float64{}
	for g := range regions {
		perRegion[g] = map[int]float64{l.z(g): 1}
		allRegions[l.z(g)], fewest[l.z(g)] = 1, -1
		l.atMost(1, map[int]float64{l.z(g): 1})
	}
	for i, row := range b.rows {
		l.atMost(0, map[int]float64{l.k(i): 1, l.x(i): -1})
		l.atMost(0, map[int]float64{l.k(i): 1, l.y(i): -float64(b.running[row])})
		l.atMost(0, map[int]float64{l.x(i): 1, l.y(i): -float64(b.room[row])})
		l.atMost(0, map[int]float64{l.y(i): 1, l.z(region[i]): -1})
		perRegion[region[i]][l.y(i)] = -1
		allClusters[l.y(i)], replicas[l.x(i)] = 1, 1
	}
	for g := range regions {
		l.atMost(0, perRegion[g])
	}
	l.atMost(float64(byRegion.MaxGroups), allRegions)
	l.atMost(-float64(byRegion.MinGroups), fewest)
	l.atMost(float64(byCluster.MaxGroups), allClusters)
	return l.solve(t, replicas, float64(b.request.Replicas))
}

// solve brings the programme into standard form: every variable is at least zero, every row has a slack.
func (l *relaxation) solve(t *testing.T, replicas map[int]float64, total float64) float64 {
	t.Helper()
	columns := l.width() + len(l.rows)
	a, b, c := mat.NewDense(len(l.rows)+1, columns, nil), make([]float64, len(l.rows)+1), make([]float64, columns)
	for i, row := range l.rows {
		for at, v := range row {
			a.Set(i, at, v)
		}
		a.Set(i, l.width()+i, 1)
		b[i] = l.limits[i]
	}
	for at, v := range replicas {
		a.Set(len(l.rows), at, v)
	}
	b[len(l.rows)] = total
	for i := range l.n {
		c[l.k(i)] = -1
	}
	best, _, err := lp.Simplex(c, a, b, 1e-9, nil)
	if err != nil {
		t.Fatalf("solving the relaxation: %v", err)
	}
	return -best
}

// TestMovesStayWithinTheRelaxation re-decides placements that are too large to try everything, after half of what ran has become forbidden by
// narrower constraints, and compares what stays with the bound.
func TestMovesStayWithinTheRelaxation(t *testing.T) {
	tight, placed := 0, 0
	for seed := range uint64(10) {
		rng := rand.New(rand.NewPCG(11, seed))
		const n, regions = 24, 5
		clusters := make([]*framework.Cluster, n)
		region := make([]int, n)
		for i := range clusters {
			region[i] = rng.IntN(regions)
			clusters[i] = member(fmt.Sprintf("m%02d", i), 4+rng.Int64N(16), in(fmt.Sprint("r", region[i])))
		}
		s, r := fleet(clusters...), request(20+rng.Int64N(30), framework.DynamicWeight)
		d := mustDecide(t, s, r)
		s, r = settle(s, r, &d)
		byRegion := framework.SpreadConstraint{Key: framework.SpreadByRegion, MinGroups: 2, MaxGroups: 2 + rng.Int64N(2)}
		byCluster := framework.SpreadConstraint{Key: framework.SpreadByCluster, MinGroups: 2, MaxGroups: 4 + rng.Int64N(5)}
		r.Placement.Spread = []framework.SpreadConstraint{byRegion, byCluster}
		again := mustDecide(t, s, r)
		if again.Outcome != framework.Placed {
			continue
		}
		placed++
		stays := r.Replicas - movedBy(r, &again)
		bound := mostKept(t, newBrute(s, r), region, regions, byRegion, byCluster)
		if float64(stays) > bound+1e-6 {
			t.Errorf("seed %d: %d replicas stay, more than the %f that can", seed, stays, bound)
		}
		if stays == int64(math.Floor(bound+1e-6)) {
			tight++
		}
	}
	t.Logf("%d of %d decisions keep as many replicas as the bound allows", tight, placed)
	if placed < 5 || tight*2 < placed {
		t.Errorf("%d of %d decisions reach the bound: it says too little, or too many replicas move", tight, placed)
	}
}
