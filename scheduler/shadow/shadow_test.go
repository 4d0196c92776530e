package shadow

import (
	"context"
	"encoding/json"
	"fmt"
	"strings"
	"testing"
	"testing/synctest"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/testutil"

	"github.com/longshore-project/longshore/scheduler/framework"
	"github.com/longshore-project/longshore/scheduler/pipeline"
)

// run follows the requests as they are decided live, and returns the report when all is done. It must be called in a bubble of synctest.
func run(t *testing.T, s *Shadow, requests ...*framework.Request) ProfileReport {
	t.Helper()
	ctx, stop := context.WithCancel(t.Context())
	go s.Run(ctx)
	for _, r := range requests {
		snapshot := fleet(3)
		s.Observe(r, snapshot, *decide(t, nothing, snapshot, r))
		synctest.Wait()
	}
	stop()
	return s.Report()
}

func named(key string) func(*framework.Request) {
	return func(r *framework.Request) { r.Key = key }
}

func TestShadowCountsAndRemembers(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		registry := prometheus.NewRegistry()
		s := New(Options{Profile: "mine", Pipeline: profileOf(scoring(liking(1), 3)), Metrics: NewMetrics(registry)})
		got := run(t, s,
			request(named("x/first")),
			request(named("x/everywhere"), everywhere(framework.DynamicWeight)),
			request(named("x/second"), func(r *framework.Request) { r.Replicas = 2 }),
		)
		want := ProfileReport{
			Profile: "mine", Compared: 3, Equal: 1, Different: map[Kind]int64{Clusters: 2}, Moved: 6, Recent: []Record{
				{Binding: "x/second", Difference: Difference{Kind: Clusters, Live: "{a:2}", Shadow: "{b:2}", Moved: 2, Clusters: []ClusterDifference{
					{Cluster: "a", Live: n(2)}, {Cluster: "b", Shadow: n(2), Why: "score 150 instead of 0 (liking 50×3)"},
				}}},
				{Binding: "x/first", Difference: Difference{Kind: Clusters, Live: "{a:4}", Shadow: "{b:4}", Moved: 4, Clusters: []ClusterDifference{
					{Cluster: "a", Live: n(4)}, {Cluster: "b", Shadow: n(4), Why: "score 150 instead of 0 (liking 50×3)"},
				}}},
			},
		}
		if diff := cmp.Diff(want, got, cmpopts.IgnoreFields(ProfileReport{}, "Since"), cmpopts.IgnoreFields(Record{}, "Time")); diff != "" {
			t.Errorf("report (-want +got):\n%s", diff)
		}
		text := `
# HELP longshore_shadow_decisions_total Decisions of profiles that have a shadow, by how the decision of the shadow differs; dropped ones were too many, error means that the shadow made none.
# TYPE longshore_shadow_decisions_total counter
longshore_shadow_decisions_total{profile="mine",result="clusters"} 2
longshore_shadow_decisions_total{profile="mine",result="equal"} 1
# HELP longshore_shadow_moved_replicas_total Replicas that would run elsewhere if the shadow decided.
# TYPE longshore_shadow_moved_replicas_total counter
longshore_shadow_moved_replicas_total{profile="mine"} 6
`
		if err := testutil.GatherAndCompare(registry, strings.NewReader(text)); err != nil {
			t.Error(err)
		}
	})
}

func TestShadowOutlivesItsPlugins(t *testing.T) {
	for _, panics := range []bool{false, true} {
		t.Run(fmt.Sprintf("panics=%t", panics), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				s := New(Options{Profile: "mine", Pipeline: profileOf(scoring(broken{panics}, 1))})
				got := run(t, s, request(), request(), request())
				want := map[bool]string{
					false: "deciding about shop/web: running score broken: the price list is empty", true: "deciding about shop/web: panic: out of luck",
				}[panics]
				if got.Errors != 3 || got.Compared != 0 || got.LastError != want {
					t.Errorf("report is %+v, want three errors, the last one %q", got, want)
				}
			})
		})
	}
}

// hanging never answers.
type hanging struct{}

func (hanging) Name() string { return "hanging" }

func (hanging) Score(ctx context.Context, _ *framework.Query, _ framework.Bitset, _ []int64) error {
	<-ctx.Done()
	return ctx.Err()
}

// A shadow that hangs costs the loop nothing: what it cannot follow is dropped and counted.
func TestShadowNeverBlocks(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := New(Options{Profile: "mine", Pipeline: profileOf(scoring(hanging{}, 1))})
		ctx, stop := context.WithCancel(t.Context())
		go s.Run(ctx)
		snapshot, r := fleet(3), request()
		live := *decide(t, nothing, snapshot, r)
		s.Observe(r, snapshot, live)
		synctest.Wait() // The first one is in hand.
		for range backlog + 7 {
			s.Observe(r, snapshot, live)
		}
		if got := s.Report(); got.Dropped != 7 || got.Compared != 0 || got.Errors != 0 {
			t.Errorf("report is %+v, want 7 dropped", got)
		}
		stop()
		synctest.Wait()
		if got := s.Report(); got.Errors != 0 {
			t.Errorf("the end is counted as an error: %+v", got)
		}
	})
}

func TestOnlyTheLatestAreKept(t *testing.T) {
	s := New(Options{Profile: "mine", Pipeline: &pipeline.Profile{}})
	for i := range 2*kept + 3 {
		s.compared(fmt.Sprint(i), Difference{Kind: Clusters})
	}
	got := s.Report()
	if len(got.Recent) != kept || got.Different[Clusters] != 2*kept+3 {
		t.Fatalf("%d are kept of %d", len(got.Recent), got.Different[Clusters])
	}
	for i, r := range got.Recent {
		if want := fmt.Sprint(2*kept + 2 - i); r.Binding != want {
			t.Fatalf("in place %d is %s, want %s", i, r.Binding, want)
		}
	}
}

// TestReport takes a report through its JSON.
func TestReport(t *testing.T) {
	s := New(Options{Profile: "mine", Pipeline: &pipeline.Profile{}})
	s.compared("x/y", Difference{Kind: Replicas, Live: "{a:1}", Shadow: "{a:2}", Moved: 1, Clusters: []ClusterDifference{{Cluster: "a", Live: n(1), Shadow: n(2)}}})
	made := NewReport(s.started, s)
	data, err := json.Marshal(made)
	if err != nil {
		t.Fatal(err)
	}
	read, err := DecodeReport(data)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(made, read); diff != "" {
		t.Errorf("report (-made +read):\n%s", diff)
	}
	if empty, err := json.Marshal(NewReport(s.started)); err != nil || !strings.Contains(string(empty), `"profiles":[]`) {
		t.Errorf("without shadows the report is %s, %v", empty, err)
	}
	for text, want := range map[string]string{
		`{"apiVersion":"v1","kind":"List"}`: "decoding the report about shadows: it is a v1 List, want scheduler.longshore.dev/v1alpha1 ShadowReport",
		`Not Found`:                         "decoding the report about shadows: invalid character 'N' looking for beginning of value",
	} {
		if _, err := DecodeReport([]byte(text)); err == nil || err.Error() != want {
			t.Errorf("%s: error is %v, want %s", text, err, want)
		}
	}
}
