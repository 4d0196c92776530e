package builtin_test

import (
	"fmt"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/longshore-project/longshore/plugins/builtin"
	"github.com/longshore-project/longshore/plugins/builtin/freecapacity"
	"github.com/longshore-project/longshore/plugins/builtin/labelscore"
	"github.com/longshore-project/longshore/scheduler/framework"
	"github.com/longshore-project/longshore/scheduler/pipeline"
)

var deployments = framework.API{GroupVersion: "apps/v1", Kind: "Deployment"}

// member has so many processors, of which some are used.
func member(name string, cpus, used int64, labels map[string]string) *framework.Cluster {
	res := func(n int64) framework.Resources {
		return framework.NewResources(map[string]int64{"cpu": n * 1000, "memory": n << 30, "pods": n * 10})
	}
	return &framework.Cluster{
		Name: name, Labels: labels, APIs: []framework.API{deployments}, Summary: &framework.Summary{Allocatable: res(cpus), Used: res(used)},
	}
}

// asking wants replicas of a processor each on at most so many clusters.
func asking(replicas int64, s framework.Strategy, most int64) *framework.Request {
	return &framework.Request{
		API: deployments, Workload: true, Replicas: replicas, Requirements: framework.NewResources(map[string]int64{"cpu": 1000}),
		Placement: &framework.Placement{
			Terms: []framework.Term{{}}, Strategy: s, StrategyStated: true,
			Spread: []framework.SpreadConstraint{{Key: framework.SpreadByCluster, MinGroups: 1, MaxGroups: most}},
		},
	}
}

func withScores(scores ...pipeline.WeightedScore) *pipeline.Profile {
	p := builtin.Profile()
	p.Scores = append(p.Scores, scores...)
	return p
}

func cost(missing int64) framework.Score {
	return labelscore.Cost{Arguments: labelscore.CostArguments{Label: "cost", Missing: missing}}
}

func preference() framework.Score {
	return labelscore.Preference{Arguments: labelscore.PreferenceArguments{Label: "tier", Scores: map[string]int64{"gold": 90, "lead": 1}, Missing: 30}}
}

// TestOptionalScoresChangeThePlacement places one workload on the best of four clusters under different scores.
func TestOptionalScoresChangeThePlacement(t *testing.T) {
	s := framework.NewSnapshot([]*framework.Cluster{
		member("big", 100, 90, map[string]string{"cost": "0.05", "tier": "lead"}),
		member("cheap", 8, 4, map[string]string{"cost": "0.01"}),
		member("golden", 8, 5, map[string]string{"tier": "gold", "cost": "0.03"}),
		member("idle", 8, 0, map[string]string{"cost": "dear"}),
	}, 1)
	tests := []struct {
		name   string
		scores []pipeline.WeightedScore
		want   string
	}{
		{name: "most room without a score", want: "{big:2}"},
		{name: "least allocated", scores: []pipeline.WeightedScore{{Plugin: freecapacity.LeastAllocated{}, Weight: 1}}, want: "{idle:2}"},
		{name: "cost", scores: []pipeline.WeightedScore{{Plugin: cost(0), Weight: 1}}, want: "{cheap:2}"},
		{name: "preference", scores: []pipeline.WeightedScore{{Plugin: preference(), Weight: 1}}, want: "{golden:2}"},
		{name: "weights decide between scores", scores: []pipeline.WeightedScore{{Plugin: cost(0), Weight: 1}, {Plugin: preference(), Weight: 2}}, want: "{golden:2}"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			d, err := pipeline.Schedule(t.Context(), withScores(tt.scores...), s, asking(2, framework.DynamicWeight, 1))
			if err != nil {
				t.Fatal(err)
			}
			if d.Message() != tt.want {
				t.Errorf("placed %s, want %s\n%s", d.Message(), tt.want, d.Explain())
			}
		})
	}
}

// TestExplanationShowsScores looks at what the sum is made of and at what the label did not say.
func TestExplanationShowsScores(t *testing.T) {
	s := framework.NewSnapshot([]*framework.Cluster{
		member("a", 8, 0, map[string]string{"cost": "1"}), member("b", 8, 0, map[string]string{"cost": "3"}), member("c", 8, 0, nil),
		member("d", 8, 0, map[string]string{"cost": "free"}),
	}, 1)
	profile := withScores(pipeline.WeightedScore{Plugin: cost(10), Weight: 2}, pipeline.WeightedScore{Plugin: freecapacity.LeastAllocated{}, Weight: 1})
	d, err := pipeline.Schedule(t.Context(), profile, s, asking(2, framework.DynamicWeight, 1))
	if err != nil {
		t.Fatal(err)
	}
	want := `Placed: {a:2}
  filters: 4/4 clusters are available
  score LabelCost: 2 of 4 clusters have no usable label cost and get 10 (c, d)
  selected: 1 of 4 feasible clusters; no allowed set is better
    cluster: at least 1, at most 1: 1 of 4
  divided: 2 by weight
    a: 2, weight 8, score 293 (LabelCost 100 × 2, LeastAllocated 93)
`
	if diff := cmp.Diff(want, d.Explain()); diff != "" {
		t.Errorf("explanation (-want +got):\n%s", diff)
	}
}

// TestOptionalScoresKeepDecisions states that with any weights the order of clusters does not matter and that a decision fed back stays.
func TestOptionalScoresKeepDecisions(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		weight := rapid.Int64Range(1, 5)
		newProfile := func(weights [4]int64) *pipeline.Profile {
			return withScores(
				pipeline.WeightedScore{Plugin: freecapacity.LeastAllocated{}, Weight: weights[0]}, pipeline.WeightedScore{Plugin: freecapacity.BalancedAllocation{}, Weight: weights[1]},
				pipeline.WeightedScore{Plugin: cost(50), Weight: weights[2]}, pipeline.WeightedScore{Plugin: preference(), Weight: weights[3]},
			)
		}
		weights := [4]int64{weight.Draw(t, "least"), weight.Draw(t, "balanced"), weight.Draw(t, "cost"), weight.Draw(t, "preference")}
		clusters := make([]*framework.Cluster, rapid.IntRange(1, 8).Draw(t, "members"))
		for i := range clusters {
			clusters[i] = member(fmt.Sprintf("m%d", i), rapid.Int64Range(0, 20).Draw(t, "cpus"), rapid.Int64Range(0, 10).Draw(t, "used"), map[string]string{
				"cost": rapid.SampledFrom([]string{"0.1", "1", "2", "much"}).Draw(t, "cost"), "tier": rapid.SampledFrom([]string{"gold", "lead", "tin"}).Draw(t, "tier"),
			})
		}
		r := asking(rapid.Int64Range(1, 20).Draw(t, "replicas"), framework.Strategy(rapid.IntRange(0, 3).Draw(t, "strategy")), rapid.Int64Range(1, 3).Draw(t, "most"))
		s := framework.NewSnapshot(clusters, 1)
		d, err := pipeline.Schedule(t.Context(), newProfile(weights), s, r)
		if err != nil {
			t.Fatal(err)
		}
		slices.Reverse(clusters)
		mirrored, err := pipeline.Schedule(t.Context(), newProfile(weights), framework.NewSnapshot(clusters, 1), r)
		if err != nil {
			t.Fatal(err)
		}
		if d.Explain() != mirrored.Explain() {
			t.Fatalf("the order of clusters matters:\n%s\n%s", d.Explain(), mirrored.Explain())
		}
		if d.Outcome != framework.Placed {
			return
		}
		again := *r
		again.Current = d.Targets
		kept, err := pipeline.Schedule(t.Context(), newProfile(weights), reported(s, d.Targets), &again)
		if err != nil {
			t.Fatal(err)
		}
		if kept.Message() != d.Message() {
			t.Fatalf("%s became %s when it was fed back", d.Message(), kept.Message())
		}
	})
}

// reported returns the fleet after its members reported that the assignments run there.
func reported(s *framework.Snapshot, targets []framework.Assignment) *framework.Snapshot {
	var changed []*framework.Cluster
	for _, a := range targets {
		row, _ := s.Row(a.Cluster)
		c := *s.Cluster(row)
		c.Summary = &framework.Summary{
			Allocatable: c.Summary.Allocatable,
			Used:        c.Summary.Used.Plus(framework.NewResources(map[string]int64{"cpu": 1000, "pods": 1}).Times(a.Replicas)),
		}
		changed = append(changed, &c)
	}
	return s.With(2, changed...)
}

// TestScoresMoveNothing asks again where the workload runs although a better cluster has appeared.
func TestScoresMoveNothing(t *testing.T) {
	s := framework.NewSnapshot([]*framework.Cluster{
		member("cheap", 8, 0, map[string]string{"cost": "1"}), member("dear", 8, 4, map[string]string{"cost": "9"}),
	}, 1)
	for _, strategy := range []framework.Strategy{framework.Duplicated, framework.DynamicWeight, framework.Aggregated} {
		r := asking(4, strategy, 1)
		r.Current = []framework.Assignment{{Cluster: "dear", Replicas: 4}}
		config := asking(0, strategy, 1)
		config.Workload, config.Current = false, []framework.Assignment{{Cluster: "dear"}}
		for _, r := range []*framework.Request{r, config} {
			d, err := pipeline.Schedule(t.Context(), withScores(pipeline.WeightedScore{Plugin: cost(0), Weight: 10}), s, r)
			if err != nil {
				t.Fatal(err)
			}
			if len(d.Targets) != 1 || d.Targets[0].Cluster != "dear" {
				t.Errorf("%v, workload %t: %s, want that it stays", strategy, r.Workload, d.Message())
			}
		}
	}
}
