package pipeline_test

import (
	"fmt"
	"math/rand/v2"
	"testing"

	gocmp "github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/longshore-project/longshore/plugins/builtin"
	"github.com/longshore-project/longshore/scheduler/framework"
	"github.com/longshore-project/longshore/scheduler/pipeline"
)

// settle returns the fleet and the request as they are once the decision is carried out: the replicas run and take their room.
func settle(s *framework.Snapshot, r *framework.Request, d *framework.Decision) (*framework.Snapshot, *framework.Request) {
	delta := map[string]int64{}
	for _, t := range r.Current {
		delta[t.Cluster] -= t.Replicas
	}
	for _, t := range d.Targets {
		delta[t.Cluster] += t.Replicas
	}
	clusters := make([]*framework.Cluster, s.Len())
	for row := range clusters {
		c := *s.Cluster(row)
		if c.Summary != nil && r.CountsReplicas() {
			summary := *c.Summary
			taken := framework.NewResources(map[string]int64{"cpu": 1000 * delta[c.Name], "pods": delta[c.Name]})
			summary.Used = summary.Used.Plus(taken)
			c.Summary = &summary
		}
		clusters[row] = &c
	}
	next := *r
	next.Current, next.ObservedTerm, next.Fresh = d.Targets, d.Term, false
	return framework.NewSnapshot(clusters, s.Latest()+1), &next
}

func mustDecide(t testing.TB, s *framework.Snapshot, r *framework.Request) framework.Decision {
	t.Helper()
	d, err := pipeline.Schedule(t.Context(), builtin.Profile(), s, r)
	if err != nil {
		t.Fatal(err)
	}
	return d
}

// anyRequest draws one with or without constraints, tiers, terms and several kinds of replicas.
func anyRequest(roll dice, s *framework.Snapshot) *framework.Request {
	r := mixedRequest(roll, s, framework.Strategy(roll(4)))
	if roll(4) == 0 {
		r.Placement.Spread = nil
	}
	rack := func(values ...string) framework.Affinity {
		return framework.Affinity{Labels: []framework.LabelRequirement{{Key: "rack", Operator: framework.In, Values: values}}}
	}
	switch roll(5) {
	case 0:
		r.Placement.Terms = []framework.Term{{Name: "one", Affinity: rack("r1")}, {Name: "two", Affinity: rack("r2", "r3")}}
	case 1:
		r.Placement.Terms = []framework.Term{{Name: "one", Affinity: rack("r1"), Overflow: []framework.Affinity{rack("r2"), rack("r3")}}}
	}
	switch roll(8) {
	case 0:
		r.Workload, r.Replicas = false, 0
	case 1:
		r.Components = []framework.Component{{Name: "a", Replicas: 2, Requirements: r.Requirements}}
	}
	r.Fresh = roll(4) == 0
	r.NamesDescending = roll(2) == 0
	return r
}

// TestDecisionIsAFixedPoint carries a decision out and decides again: nothing may move.
func TestDecisionIsAFixedPoint(t *testing.T) {
	placed := 0
	rapid.Check(t, func(rt *rapid.T) {
		roll := func(n int) int { return rapid.IntRange(0, n-1).Draw(rt, "dice") }
		s := mixedFleet(roll, 7)
		moved, ok := fedBack(t, s, anyRequest(roll, s))
		if moved != "" {
			rt.Fatal(moved)
		}
		if ok {
			placed++
		}
	})
	if placed == 0 {
		t.Error("nothing was ever placed: the test says nothing")
	}
}

// fedBack says what moves when a decision is carried out and made again, and whether the request was placed at all.
//
// Overflow together with spread constraints comes to rest a little later: what overflowed returns as soon as the first tier has room, even if
// that makes another set of clusters the best.
func fedBack(t testing.TB, s *framework.Snapshot, r *framework.Request) (moved string, placed bool) {
	t.Helper()
	d := mustDecide(t, s, r)
	if d.Outcome != framework.Placed {
		return "", false
	}
	s, r = settle(s, r, &d)
	again := mustDecide(t, s, r)
	overflows := len(r.Placement.Terms[0].Overflow) > 0 && len(r.Placement.Spread) > 0
	for passes := 0; overflows && passes < 3; passes++ {
		s, r = settle(s, r, &again)
		d, again = again, mustDecide(t, s, r)
	}
	if diff := gocmp.Diff(d.Targets, again.Targets); diff != "" {
		return fmt.Sprintf("fed back (-first +second):\n%s\n%s\nfirst %s\nagain %s", diff, describe(s, r), d.Explain(), again.Explain()), true
	}
	return "", true
}

// TestReDecisionMovesTheLeast carries a decision out, changes a constraint, a label, a taint, a region, room or the replicas, and compares the
// replicas that stay with the most that any set and any division could keep.
func TestReDecisionMovesTheLeast(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		roll := func(n int) int { return rapid.IntRange(0, n-1).Draw(rt, "dice") }
		s := mixedFleet(roll, 6)
		r := mixedRequest(roll, s, pick(roll, framework.DynamicWeight, framework.Aggregated))
		r.Current = nil
		d := mustDecide(t, s, r)
		if d.Outcome != framework.Placed {
			return
		}
		s, r = settle(s, r, &d)
		changed := *s.Cluster(roll(s.Len()))
		other := mixedFleet(roll, 1).Cluster(0)
		switch roll(5) {
		case 0:
			r.Placement.Spread = mixedRequest(roll, s, 0).Placement.Spread
		case 1:
			changed.Region, changed.Zones, changed.Labels = other.Region, other.Zones, other.Labels
		case 2:
			tainted("new")(&changed) // A target stays, another cluster closes; the room that it has plays no role any more.
			if !runsOn(r, changed.Name) {
				changed.Region, r.Placement.Spread = "", append(r.Placement.Spread, framework.SpreadConstraint{Key: framework.SpreadByRegion, MinGroups: 1})
			}
		case 3:
			changed.Summary = other.Summary
		case 4:
			r.Replicas = int64(roll(8))
		}
		assertBest(t, s.With(s.Latest()+1, &changed), r)
	})
}

func runsOn(r *framework.Request, name string) bool {
	for _, t := range r.Current {
		if t.Cluster == name {
			return true
		}
	}
	return false
}

// TestLargeReDecisionMovesTheLeast takes clusters away from a large placement. Without constraints the least that can move is what ran
// there, by conservation of the replicas.
func TestLargeReDecisionMovesTheLeast(t *testing.T) {
	for seed := range uint64(40) {
		t.Run(fmt.Sprint(seed), func(t *testing.T) {
			rng := rand.New(rand.NewPCG(7, seed))
			clusters := make([]*framework.Cluster, 60+rng.IntN(200))
			for i := range clusters {
				clusters[i] = member(fmt.Sprintf("m%03d", i), rng.Int64N(20), in(pick(rng.IntN, "eu", "us")))
			}
			s := fleet(clusters...)
			r := request(100+rng.Int64N(200), pick(rng.IntN, framework.DynamicWeight, framework.Aggregated))
			d := mustDecide(t, s, r)
			s, r = settle(s, r, &d)
			var lost int64
			var exclude []string
			for _, target := range r.Current {
				if rng.IntN(6) == 0 {
					exclude = append(exclude, target.Cluster)
					lost += target.Replicas
				}
			}
			r.Placement.Terms[0].Affinity.Exclude = exclude
			again := mustDecide(t, s, r)
			if moved := movedBy(r, &again); moved != lost {
				t.Errorf("%d replicas moved, %d must", moved, lost)
			}
		})
	}
}

// movedBy returns how many replicas run elsewhere afterwards.
func movedBy(r *framework.Request, d *framework.Decision) int64 {
	now := map[string]int64{}
	for _, t := range d.Targets {
		now[t.Cluster] = t.Replicas
	}
	var moved int64
	for _, t := range r.Current {
		moved += max(t.Replicas-now[t.Cluster], 0)
	}
	return moved
}
