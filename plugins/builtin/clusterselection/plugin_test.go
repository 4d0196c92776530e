package clusterselection

import (
	"cmp"
	"fmt"
	"slices"
	"testing"

	gocmp "github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/longshore-project/longshore/scheduler/framework"
	"github.com/longshore-project/longshore/scheduler/spread"
)

func drawConstraints(t *rapid.T) []framework.SpreadConstraint {
	var out []framework.SpreadConstraint
	for _, c := range []framework.SpreadConstraint{
		{Key: framework.SpreadByCluster}, {Key: framework.SpreadByZone}, {Key: framework.SpreadByProvider},
		{Label: "rack"}, {Key: framework.SpreadByRegion},
	} {
		if len(out) > 0 && rapid.IntRange(0, 2).Draw(t, "omit") > 0 {
			continue
		}
		c.MinGroups = rapid.Int64Range(1, 3).Draw(t, "min")
		c.MaxGroups = rapid.SampledFrom([]int64{0, 0, c.MinGroups, c.MinGroups + 1, c.MinGroups + 4}).Draw(t, "max")
		out = append(out, c)
	}
	return out
}

func drawCluster(t *rapid.T, i int) *framework.Cluster {
	pick := func(label string, values ...string) string { return rapid.SampledFrom(values).Draw(t, label) }
	c := &framework.Cluster{
		Name: fmt.Sprintf("m%d", i), Provider: pick("provider", "aws", "gcp"), Region: pick("region", "eu", "us"),
		Zones: []string{pick("zone", "z1", "z2", "z3")}, Labels: map[string]string{"rack": pick("rack", "r1", "r2", "r3")},
	}
	if rapid.IntRange(0, 5).Draw(t, "wide") == 0 {
		c.Zones = append(c.Zones, "z4")
	}
	if rapid.IntRange(0, 9).Draw(t, "nowhere") == 0 {
		c.Zones = nil
	}
	return c
}

// drawSelection returns what the pipeline would show the plugin.
func drawSelection(t *rapid.T) *framework.Selection {
	n := rapid.IntRange(1, 8).Draw(t, "clusters")
	clusters := make([]*framework.Cluster, n)
	for i := range clusters {
		clusters[i] = drawCluster(t, i)
	}
	r := &framework.Request{
		Workload: rapid.IntRange(0, 5).Draw(t, "object") > 0, Replicas: rapid.Int64Range(0, 12).Draw(t, "replicas"),
		Fresh:     rapid.IntRange(0, 5).Draw(t, "fresh") == 0,
		Placement: &framework.Placement{Terms: []framework.Term{{}}, Strategy: framework.Strategy(rapid.IntRange(0, 3).Draw(t, "strategy")), Spread: drawConstraints(t)},
	}
	s := &framework.Selection{Query: framework.Query{Snapshot: framework.NewSnapshot(clusters, 1), Request: r}}
	if rapid.Bool().Draw(t, "asks for room") || r.DividesReplicas() && r.Replicas > 0 {
		s.Available = make([]framework.Capacity, n)
		for i := range s.Available {
			s.Available[i] = framework.Capacity{Known: true, Replicas: rapid.Int64Range(0, 9).Draw(t, "room")}
		}
	}
	if rapid.IntRange(0, 3).Draw(t, "tiered") == 0 {
		s.Tiers = rapid.SliceOfN(rapid.IntRange(0, 2), n, n).Draw(t, "tiers")
	}
	for i := range n {
		s.Ranked = append(s.Ranked, int32(i))
		if rapid.IntRange(0, 3).Draw(t, "runs") > 0 {
			continue
		}
		if s.Scores == nil {
			s.Scores = make([]int64, n)
		}
		running := framework.Assignment{Cluster: clusters[i].Name, Replicas: rapid.Int64Range(0, 4).Draw(t, "running")}
		r.Current, s.Scores[i] = append(r.Current, running), framework.MaxScore
		if s.Available != nil {
			s.Available[i].Replicas += running.Replicas
		}
	}
	rank(s)
	return s
}

func rank(s *framework.Selection) {
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
	slices.SortFunc(s.Ranked, func(x, y int32) int {
		tx, sx, rx := key(x)
		ty, sy, ry := key(y)
		return cmp.Or(cmp.Compare(tx, ty), cmp.Compare(sy, sx), cmp.Compare(ry, rx), cmp.Compare(x, y))
	})
}

// TestUnbeatenPrefix checks that where no search is made the search would have found the same.
func TestUnbeatenPrefix(t *testing.T) {
	hits := 0
	rapid.Check(t, func(t *rapid.T) {
		q := new(question)
		q.ask(drawSelection(t))
		prefix := q.ranked[:q.size()]
		if !q.unbeaten(prefix) {
			return
		}
		hits++
		rows := q.candidates()
		best, refusal := spread.Solve(q.problem(rows, new(workspace)))
		if refusal != nil {
			t.Fatalf("%v was taken, yet %v", prefix, refusal)
		}
		chosen := make([]int32, len(best.Chosen))
		for i, at := range best.Chosen {
			chosen[i] = rows[at]
		}
		if diff := gocmp.Diff(chosen, slices.Sorted(slices.Values(prefix))); diff != "" {
			t.Fatalf("the prefix is beaten (-best +prefix):\n%s\n%+v", diff, best.Objective)
		}
	})
	if hits == 0 {
		t.Error("no prefix was ever taken: the test says nothing")
	}
}

// TestSelectIsInsensitiveToOrder lists constraints the other way round.
func TestSelectIsInsensitiveToOrder(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		s := drawSelection(t)
		rows, status, err := Plugin{}.Select(t.Context(), s)
		if err != nil {
			t.Fatal(err)
		}
		slices.Reverse(s.Request.Placement.Spread)
		again, other, err := Plugin{}.Select(t.Context(), s)
		if err != nil {
			t.Fatal(err)
		}
		if !slices.Equal(slices.Sorted(slices.Values(rows)), slices.Sorted(slices.Values(again))) || status.Code != other.Code {
			t.Fatalf("%v %v became %v %v", rows, status, again, other)
		}
	})
}
