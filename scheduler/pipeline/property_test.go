package pipeline_test

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"testing"

	gocmp "github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/longshore-project/longshore/plugins/builtin"
	"github.com/longshore-project/longshore/scheduler/framework"
	"github.com/longshore-project/longshore/scheduler/pipeline"
)

func drawMember(t *rapid.T, i int) *framework.Cluster {
	c := member(fmt.Sprintf("m%d", i), rapid.Int64Range(0, 12).Draw(t, "room"))
	c.Region = rapid.SampledFrom([]string{"", "eu", "us"}).Draw(t, "region")
	c.Labels = map[string]string{"tier": rapid.SampledFrom([]string{"gold", "silver"}).Draw(t, "tier")}
	if rapid.IntRange(0, 4).Draw(t, "tainted") == 0 {
		tainted("k")(c)
	}
	switch rapid.IntRange(0, 9).Draw(t, "odd") {
	case 0:
		c.APIs = nil
	case 1:
		c.Summary = nil
	case 2:
		c.Summary.Grades = []framework.Grade{{Count: 2, Min: framework.NewResources(map[string]int64{"cpu": 3000})}}
	case 3:
		c.Reserved = framework.NewResources(map[string]int64{"cpu": 2000, "pods": 2})
	}
	return c
}

func drawRequest(t *rapid.T, members int) *framework.Request {
	r := request(rapid.Int64Range(0, 30).Draw(t, "replicas"), framework.Strategy(rapid.IntRange(0, 3).Draw(t, "strategy")))
	p := r.Placement
	gold := framework.Affinity{Labels: []framework.LabelRequirement{{Key: "tier", Operator: framework.In, Values: []string{"gold"}}}}
	silver := framework.Affinity{Labels: []framework.LabelRequirement{{Key: "tier", Operator: framework.In, Values: []string{"silver"}}}}
	p.StaticWeights = []framework.WeightedAffinity{{Affinity: gold, Weight: 2}, {Affinity: silver, Weight: 1}}
	switch rapid.IntRange(0, 3).Draw(t, "terms") {
	case 1:
		p.Terms = []framework.Term{{Name: "gold", Affinity: gold}, {Name: "silver", Affinity: silver}}
	case 2:
		p.Terms = []framework.Term{{Name: "gold", Affinity: gold, Overflow: []framework.Affinity{silver}}}
	}
	if rapid.Bool().Draw(t, "spreads") {
		least := rapid.Int64Range(1, 3).Draw(t, "min")
		p.Spread = []framework.SpreadConstraint{{Key: framework.SpreadByCluster, MinGroups: least, MaxGroups: rapid.SampledFrom([]int64{0, least, least + 2}).Draw(t, "max")}}
	}
	p.Fingerprint = fmt.Sprintf("%+v", *p)
	for i := range members {
		if rapid.IntRange(0, 3).Draw(t, "runs") == 0 {
			r.Current = append(r.Current, framework.Assignment{Cluster: fmt.Sprintf("m%d", i), Replicas: rapid.Int64Range(1, 5).Draw(t, "running")})
		}
	}
	r.Fresh = rapid.IntRange(0, 3).Draw(t, "fresh") == 0
	r.NamesDescending = rapid.Bool().Draw(t, "descending")
	return r
}

// summary is what a decision says, without the shared structures behind it.
func summary(d framework.Decision) string {
	out := fmt.Sprintf("%v %q %s %v", d.Outcome, d.Term, d.Message(), d.Cures())
	for i := range d.Attempts {
		out += fmt.Sprintf("\n%v %s %v %+v", d.Attempts[i].Outcome, d.Attempts[i].Histogram(), d.Attempts[i].Selected, d.Attempts[i].Division)
	}
	return out
}

// TestMemoChangesNothing decides with a profile that remembers everything from earlier fleets and requests, and with one that remembers
// nothing.
func TestMemoChangesNothing(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		n := rapid.IntRange(1, 12).Draw(t, "members")
		clusters := make([]*framework.Cluster, n)
		for i := range clusters {
			clusters[i] = drawMember(t, i)
		}
		s := framework.NewSnapshot(clusters, 1)
		forgetful, mindful := builtin.Profile(), builtin.Profile()
		forgetful.Memo = nil
		requests := []*framework.Request{drawRequest(t, n), drawRequest(t, n)}
		for g := framework.Generation(2); g < 6; g++ {
			r := requests[rapid.IntRange(0, 1).Draw(t, "request")]
			want, err := pipeline.Schedule(context.Background(), forgetful, s, r)
			if err != nil {
				t.Fatal(err)
			}
			got, err := pipeline.Schedule(context.Background(), mindful, s, r)
			if err != nil {
				t.Fatal(err)
			}
			if diff := gocmp.Diff(summary(want), summary(got)); diff != "" {
				t.Fatalf("generation %d (-without +with memo):\n%s", g, diff)
			}
			s = s.With(g, drawMember(t, rapid.IntRange(0, n-1).Draw(t, "changes")))
		}
	})
}

func TestScheduleProperties(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		n := rapid.IntRange(1, 10).Draw(t, "members")
		clusters := make([]*framework.Cluster, n)
		for i := range clusters {
			clusters[i] = drawMember(t, i)
		}
		r := drawRequest(t, n)
		s := framework.NewSnapshot(clusters, 1)
		d, err := pipeline.Schedule(context.Background(), builtin.Profile(), s, r)
		if err != nil {
			t.Fatal(err)
		}
		slices.Reverse(clusters)
		mirrored, err := pipeline.Schedule(context.Background(), builtin.Profile(), framework.NewSnapshot(clusters, 1), r)
		if err != nil {
			t.Fatal(err)
		}
		if diff := gocmp.Diff(summary(d), summary(mirrored)); diff != "" {
			t.Fatalf("the order of the clusters matters (-one +other):\n%s", diff)
		}
		if d.Outcome == framework.Placed {
			assertSound(t, s, r, &d)
		}
	})
}

// assertSound checks the answer against the request alone.
func assertSound(t *rapid.T, s *framework.Snapshot, r *framework.Request, d *framework.Decision) {
	a := d.Attempts[len(d.Attempts)-1]
	var sum int64
	for _, target := range d.Targets {
		row, ok := s.Row(target.Cluster)
		if !ok || !a.Feasible.Has(row) {
			t.Fatalf("%s is no feasible cluster", target.Cluster)
		}
		if r.Placement.Strategy.UsesCapacity() && r.Replicas > 0 && target.Replicas > a.Available[row].Room() {
			t.Fatalf("%s got %d with room for %d", target.Cluster, target.Replicas, a.Available[row].Room())
		}
		sum += target.Replicas
	}
	if r.Placement.Strategy.Divides() && sum != r.Replicas {
		t.Fatalf("%d replicas placed, want %d", sum, r.Replicas)
	}
	if !slices.IsSortedFunc(d.Targets, func(a, b framework.Assignment) int { return cmp.Compare(a.Cluster, b.Cluster) }) {
		t.Fatalf("targets are out of order: %v", d.Targets)
	}
}

// spy is a Select that keeps what it was shown.
type spy struct{ seen *framework.Selection }

func (spy) Name() string { return "Spy" }
func (s spy) Select(_ context.Context, in *framework.Selection) ([]int32, framework.Status, error) {
	*s.seen = *in
	return in.Ranked, framework.Status{}, nil
}

// TestRanking compares the merged order with the plain definition.
func TestRanking(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		n := rapid.IntRange(1, 12).Draw(t, "members")
		clusters := make([]*framework.Cluster, n)
		for i := range clusters {
			clusters[i] = drawMember(t, i)
		}
		s, r := framework.NewSnapshot(clusters, 1), drawRequest(t, n)
		var seen framework.Selection
		p := builtin.Profile()
		p.Select = spy{&seen}
		d, err := pipeline.Schedule(context.Background(), p, s, r)
		if err != nil {
			t.Fatal(err)
		}
		if seen.Ranked == nil {
			return // Nothing was feasible for any term.
		}
		var want []int32
		for i := range d.Attempts {
			if d.Attempts[i].Term == seen.CurrentTerm().Name {
				want = d.Attempts[i].Feasible.AppendRows(nil)
			}
		}
		slices.SortFunc(want, func(x, y int32) int { return plainOrder(&seen, x, y) })
		if diff := gocmp.Diff(want, seen.Ranked); diff != "" {
			t.Fatalf("ranking (-definition +got):\n%s", diff)
		}
	})
}

func plainOrder(s *framework.Selection, x, y int32) int {
	key := func(row int32) (tier int, score, room int64) {
		if s.Tiers != nil {
			tier = s.Tiers[row]
		}
		if s.Scores != nil {
			score = s.Scores[row]
		}
		if s.Available != nil {
			room = s.Available[row].Room()
		}
		return tier, score, room
	}
	tx, sx, rx := key(x)
	ty, sy, ry := key(y)
	return cmp.Or(cmp.Compare(tx, ty), cmp.Compare(sy, sx), cmp.Compare(ry, rx), cmp.Compare(x, y))
}
