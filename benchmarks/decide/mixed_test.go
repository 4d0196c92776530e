package decide

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/longshore-project/longshore/plugins/builtin"
	"github.com/longshore-project/longshore/plugins/builtin/clusterselection"
	"github.com/longshore-project/longshore/scheduler/framework"
	"github.com/longshore-project/longshore/scheduler/pipeline"
)

// mixedRequests are random requests over provider, region, zone, a label and clusters, each with three chances in five, two in three with a maximum.
func mixedRequests() []*framework.Request {
	const requests = 400
	var out []*framework.Request
	for seed := range uint64(requests) {
		rng := rand.New(rand.NewPCG(seed, 5))
		var constraints []framework.SpreadConstraint
		add := func(c framework.SpreadConstraint, most int64) {
			if rng.IntN(5) < 2 {
				return
			}
			c.MinGroups = 1 + rng.Int64N(most)
			if rng.IntN(3) > 0 {
				c.MaxGroups = c.MinGroups + rng.Int64N(most)
			}
			constraints = append(constraints, c)
		}
		add(framework.SpreadConstraint{Key: framework.SpreadByProvider}, 3)
		add(framework.SpreadConstraint{Key: framework.SpreadByRegion}, 5)
		add(framework.SpreadConstraint{Key: framework.SpreadByZone}, 7)
		add(framework.SpreadConstraint{Label: "rack"}, 4)
		add(framework.SpreadConstraint{Key: framework.SpreadByCluster}, 12)
		if len(constraints) == 0 {
			continue
		}
		r := (&mode{name: "mixed", strategy: framework.DynamicWeight, spread: constraints}).request()
		r.Replicas = 10 + rng.Int64N(300)
		out = append(out, r)
	}
	return out
}

// decideMixed decides cold. Proven says that the answer is the best, or that there is none.
func decideMixed(tb testing.TB, s *framework.Snapshot, r *framework.Request) (d framework.Decision, proven bool) {
	tb.Helper()
	profile := builtin.Profile()
	profile.Memo = pipeline.NewMemo()
	d, err := pipeline.Schedule(tb.Context(), profile, s, r)
	if err != nil {
		tb.Fatal(err)
	}
	if d.Outcome != framework.Placed {
		return d, !strings.Contains(d.Message(), "(the search stopped")
	}
	return d, !slices.Contains(d.Attempts[0].Remarks, clusterselection.Unproven)
}

// BenchmarkMixed decides random requests over 5,000 clusters and reports how the times are spread, and which part is proven.
func BenchmarkMixed(b *testing.B) {
	requests := mixedRequests()
	for _, zones := range []string{"one", "several"} {
		b.Run("clusters=5000/zones="+zones, func(b *testing.B) {
			snapshot := wideFleet(5000, zones == "several")
			var times []time.Duration
			answers, refusals, provenAnswers, provenRefusals := 0.0, 0.0, 0.0, 0.0
			for b.Loop() {
				for _, r := range requests {
					started := time.Now()
					d, proven := decideMixed(b, snapshot, r)
					times = append(times, time.Since(started))
					all, some := &answers, &provenAnswers
					if d.Outcome != framework.Placed {
						all, some = &refusals, &provenRefusals
					}
					*all++
					if proven {
						*some++
					}
				}
			}
			slices.Sort(times)
			at := func(share int) float64 { return float64(times[(len(times)-1)*share/100].Microseconds()) / 1000 }
			b.ReportMetric(at(50), "median-ms")
			b.ReportMetric(at(75), "p75-ms")
			b.ReportMetric(at(90), "p90-ms")
			b.ReportMetric(at(100), "longest-ms")
			b.ReportMetric(provenAnswers/answers, "proven")
			b.ReportMetric(provenRefusals/refusals, "proven-refusals")
		})
	}
}

// TestMixedRequestsAreMet looks at each answer. What is refused must be proven to be impossible: a search that gave up may have missed an easy answer.
func TestMixedRequestsAreMet(t *testing.T) {
	for _, several := range []bool{false, true} {
		snapshot := wideFleet(5000, several)
		for i, r := range mixedRequests() {
			t.Run(fmt.Sprintf("request %d, several zones %t", i, several), func(t *testing.T) {
				d, proven := decideMixed(t, snapshot, r)
				if d.Outcome == framework.Placed {
					checkCrossing(t, snapshot, r, &d)
				} else if !proven {
					t.Errorf("%v: %s", r.Placement.Spread, d.Message())
				}
			})
		}
	}
}
