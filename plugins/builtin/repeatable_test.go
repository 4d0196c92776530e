package builtin_test

import (
	"context"
	"maps"
	"slices"
	"testing"

	"github.com/longshore-project/longshore/plugins/builtin/freecapacity"
	"github.com/longshore-project/longshore/scheduler/framework"
	"github.com/longshore-project/longshore/scheduler/pipeline"
)

// counted is a score that counts how often it is asked, and is as repeatable as the score that it wraps.
type counted struct {
	of    framework.Score
	asked *int
}

func (c counted) Name() string { return c.of.Name() }

func (c counted) Score(ctx context.Context, q *framework.Query, clusters framework.Bitset, scores []int64) error {
	*c.asked++
	return c.of.Score(ctx, q, clusters, scores)
}

func (c counted) DependsOn(q *framework.Query) framework.Facts {
	return c.of.(framework.Repeatable).DependsOn(q)
}

// relabelled returns a change of one label.
func relabelled(key, value string) func(*framework.Cluster) {
	return func(c *framework.Cluster) {
		c.Labels = maps.Clone(c.Labels)
		c.Labels[key] = value
	}
}

// TestOptionalScoresAreRemembered decides, changes one thing about a cluster and decides again, without constraints, so that nobody but the
// score reads it. A score that reads it is asked again and says something else; every other decision is remembered.
func TestOptionalScoresAreRemembered(t *testing.T) {
	scores := []framework.Score{freecapacity.LeastAllocated{}, freecapacity.BalancedAllocation{}, cost(0), preference()}
	changes := []struct {
		name string
		of   func(c *framework.Cluster)
		// readers is the names of the scores that must answer differently.
		readers []string
	}{
		{name: "usage", readers: []string{"LeastAllocated", "BalancedAllocation"}, of: func(c *framework.Cluster) {
			c.Summary = &framework.Summary{Allocatable: c.Summary.Allocatable, Used: framework.NewResources(map[string]int64{"cpu": 7000})}
		}},
		{name: "silence", readers: []string{"LeastAllocated", "BalancedAllocation"}, of: func(c *framework.Cluster) { c.Summary = nil }},
		{name: "reservations", readers: []string{"LeastAllocated", "BalancedAllocation"}, of: func(c *framework.Cluster) {
			c.Reserved = framework.NewResources(map[string]int64{"cpu": 3000})
		}},
		{name: "cost label", readers: []string{"LabelCost"}, of: relabelled("cost", "7")},
		{name: "tier label", readers: []string{"LabelPreference"}, of: relabelled("tier", "gold")},
		{name: "topology", of: func(c *framework.Cluster) { c.Region, c.Zones = "r", []string{"z"} }},
	}
	labels := func(cost string) map[string]string { return map[string]string{"cost": cost, "tier": "tin"} }
	before := framework.NewSnapshot([]*framework.Cluster{member("a", 8, 4, labels("9")), member("b", 8, 4, labels("9")), member("c", 8, 4, labels("1"))}, 1)
	r := asking(2, framework.Duplicated, 1)
	r.Placement.Spread, r.Placement.Fingerprint, r.Shape = nil, "p", "s"

	for _, score := range scores {
		for _, change := range changes {
			t.Run(score.Name()+" and "+change.name, func(t *testing.T) {
				asked := 0
				profile := withScores(pipeline.WeightedScore{Plugin: counted{score, &asked}, Weight: 1})
				first := scoresOf(t, profile, before, r)
				if again := scoresOf(t, profile, before, r); !slices.Equal(first, again) || asked != 1 {
					t.Fatalf("asked %d times about an equal fleet: %v, then %v", asked, first, again)
				}
				c := *before.Cluster(1)
				change.of(&c)
				after := before.With(2, &c)
				second := scoresOf(t, profile, after, r)
				if reads := slices.Contains(change.readers, score.Name()); reads == slices.Equal(first, second) {
					t.Errorf("scores were %v and are %v, want a difference: %t", first, second, reads)
				}
				fresh := withScores(pipeline.WeightedScore{Plugin: score, Weight: 1})
				if want := scoresOf(t, fresh, after, r); !slices.Equal(second, want) {
					t.Errorf("scores %v, without memory %v", second, want)
				}
				reread := score.(framework.Repeatable).DependsOn(nil)&framework.Differences(before.Cluster(1), &c) != 0
				if again := asked == 2; again != reread {
					t.Errorf("asked again: %t, want %t", again, reread)
				}
			})
		}
	}
}

func scoresOf(t *testing.T, p *pipeline.Profile, s *framework.Snapshot, r *framework.Request) []int64 {
	t.Helper()
	d, err := pipeline.Schedule(t.Context(), p, s, r)
	if err != nil {
		t.Fatal(err)
	}
	return d.Attempts[0].Scores[0].Scores
}
