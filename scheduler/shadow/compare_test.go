package shadow

import (
	"context"
	"errors"
	"fmt"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/longshore-project/longshore/plugins/builtin"
	"github.com/longshore-project/longshore/scheduler/framework"
	"github.com/longshore-project/longshore/scheduler/pipeline"
)

// fleet returns members a, b, c … with room for 10 replicas each.
func fleet(n int) *framework.Snapshot {
	clusters := make([]*framework.Cluster, n)
	for i := range clusters {
		clusters[i] = &framework.Cluster{
			Name: name(i), APIs: []framework.API{deployment},
			Summary: &framework.Summary{Allocatable: framework.NewResources(map[string]int64{"cpu": 10_000, "pods": 100})},
		}
	}
	return framework.NewSnapshot(clusters, 1)
}

func name(i int) string {
	if i < 26 {
		return string(rune('a' + i))
	}
	return fmt.Sprintf("z%d", i)
}

var deployment = framework.API{GroupVersion: "apps/v1", Kind: "Deployment"}

// request wants four replicas on one cluster.
func request(change ...func(*framework.Request)) *framework.Request {
	r := &framework.Request{
		Key: "shop/web", API: deployment, Workload: true, Replicas: 4, Requirements: framework.NewResources(map[string]int64{"cpu": 1000}), Shape: "a core",
		Placement: &framework.Placement{
			Fingerprint: "one", Terms: []framework.Term{{}}, Strategy: framework.DynamicWeight, StrategyStated: true,
			Spread: []framework.SpreadConstraint{{Key: framework.SpreadByCluster, MinGroups: 1, MaxGroups: 1}},
		},
	}
	for _, f := range change {
		f(r)
	}
	return r
}

// everywhere lets the request use all clusters.
func everywhere(s framework.Strategy) func(*framework.Request) {
	return func(r *framework.Request) {
		r.Placement.Spread, r.Placement.Strategy, r.Placement.Fingerprint = nil, s, "everywhere "+s.String()
	}
}

// liking rates the cluster in its row 50.
type liking int

func (liking) Name() string { return "liking" }

func (l liking) Score(_ context.Context, _ *framework.Query, _ framework.Bitset, scores []int64) error {
	scores[l] = 50
	return nil
}

// refusing rejects the clusters in the rows from its own.
type refusing int

func (refusing) Name() string { return "refusing" }

func (f refusing) Filter(_ context.Context, q *framework.Query, _ framework.Bitset) ([]framework.Rejection, error) {
	all := framework.NewBitset(q.Snapshot.Len())
	for row := int(f); row < q.Snapshot.Len(); row++ {
		all.Set(row)
	}
	return []framework.Rejection{{Clusters: all, Status: framework.NewStatus(framework.Unschedulable, "cluster(s) were disliked")}}, nil
}

// cramped says that one replica fits everywhere.
type cramped struct{}

func (cramped) Name() string { return "cramped" }

func (cramped) Estimate(_ context.Context, _ *framework.Query, rows []int32, out []framework.Capacity) error {
	for i, row := range rows {
		out[i] = framework.Capacity{Replicas: 10, Known: true}
		if row == 0 {
			out[i].Replicas = 1
		}
	}
	return nil
}

// hoarding gives everything to the first.
type hoarding struct{}

func (hoarding) Name() string { return "hoarding" }

func (hoarding) Assign(_ context.Context, a *framework.Allotment) (framework.Division, framework.Status, error) {
	d := framework.Division{Replicas: make([]int64, len(a.Selected))}
	d.Replicas[0] = a.Request.Replicas
	return d, framework.Status{}, nil
}

// broken is a score that fails, or panics.
type broken struct{ panics bool }

func (broken) Name() string { return "broken" }

func (b broken) Score(context.Context, *framework.Query, framework.Bitset, []int64) error {
	if b.panics {
		panic("out of luck")
	}
	return errors.New("the price list is empty")
}

func scoring(p framework.Score, weight int64) func(*pipeline.Profile) {
	return func(profile *pipeline.Profile) {
		profile.Scores = append(profile.Scores, pipeline.WeightedScore{Plugin: p, Weight: weight})
	}
}

func filtering(p framework.Filter) func(*pipeline.Profile) {
	return func(profile *pipeline.Profile) { profile.Filters = append(profile.Filters, p) }
}

// nothing changes nothing.
func nothing(*pipeline.Profile) {}

func profileOf(change func(*pipeline.Profile)) *pipeline.Profile {
	p := builtin.Profile()
	p.Memo = pipeline.NewMemo()
	change(p)
	return p
}

func decide(t *testing.T, change func(*pipeline.Profile), s *framework.Snapshot, r *framework.Request) *framework.Decision {
	t.Helper()
	d, err := pipeline.Schedule(t.Context(), profileOf(change), s, r)
	if err != nil {
		t.Fatal(err)
	}
	return &d
}

func n(i int64) *int64 { return &i }

func TestCompare(t *testing.T) {
	tests := []struct {
		name         string
		request      func(*framework.Request)
		live, shadow func(*pipeline.Profile)
		want         Difference
	}{
		{name: "nothing", want: Difference{Kind: Equal, Live: "{a:4}", Shadow: "{a:4}"}},
		{name: "scores without consequence", shadow: scoring(liking(0), 1), want: Difference{Kind: Equal, Live: "{a:4}", Shadow: "{a:4}"}},
		{name: "another score", shadow: scoring(liking(1), 3), want: Difference{
			Kind: Clusters, Live: "{a:4}", Shadow: "{b:4}", Moved: 4, Clusters: []ClusterDifference{
				{Cluster: "a", Live: n(4)},
				{Cluster: "b", Shadow: n(4), Why: "score 150 instead of 0 (liking 50×3)"},
			}}},
		{name: "a score less", live: scoring(liking(1), 3), want: Difference{
			Kind: Clusters, Live: "{b:4}", Shadow: "{a:4}", Moved: 4, Clusters: []ClusterDifference{
				{Cluster: "a", Shadow: n(4)},
				{Cluster: "b", Live: n(4), Why: "score 0 instead of 150 (without liking 50×3)"},
			}}},
		{name: "another weight", live: scoring(liking(1), 1),
			shadow: func(p *pipeline.Profile) {
				scoring(liking(1), 2)(p)
				scoring(other{liking(2)}, 3)(p)
			},
			want: Difference{
				Kind: Clusters, Live: "{b:4}", Shadow: "{c:4}", Moved: 4, Clusters: []ClusterDifference{
					{Cluster: "b", Live: n(4), Why: "score 100 instead of 50 (liking 50×2 instead of 50×1, other 0×3)"},
					{Cluster: "c", Shadow: n(4), Why: "score 150 instead of 0 (liking 0×2 instead of 0×1, other 50×3)"},
				}}},
		{name: "a filter", live: scoring(liking(1), 1), shadow: filtering(refusing(1)), want: Difference{
			Kind: Clusters, Live: "{b:4}", Shadow: "{a:4}", Moved: 4, Clusters: []ClusterDifference{
				{Cluster: "a", Shadow: n(4)},
				{Cluster: "b", Live: n(4), Why: "rejected by refusing: cluster(s) were disliked; score 0 instead of 50 (without liking 50×1)"},
			}}},
		{name: "a filter less", live: filtering(refusing(1)), shadow: scoring(liking(1), 1), want: Difference{
			Kind: Clusters, Live: "{a:4}", Shadow: "{b:4}", Moved: 4, Clusters: []ClusterDifference{
				{Cluster: "a", Live: n(4)},
				{Cluster: "b", Shadow: n(4), Why: "not rejected by refusing: cluster(s) were disliked; score 50 instead of 0 (liking 50×1)"},
			}}},
		{name: "no cluster left", shadow: filtering(refusing(0)), want: Difference{
			Kind: Outcome, Live: "{a:4}", Shadow: "NoClusterFit: 0/3 clusters are available: 3 cluster(s) were disliked",
		}},
		{name: "both refuse alike", live: filtering(refusing(0)), shadow: filtering(refusing(0)), want: Difference{
			Kind: Equal, Live: "NoClusterFit: 0/3 clusters are available: 3 cluster(s) were disliked",
			Shadow: "NoClusterFit: 0/3 clusters are available: 3 cluster(s) were disliked",
		}},
		{name: "another estimate", request: everywhere(framework.DynamicWeight),
			shadow: func(p *pipeline.Profile) { p.Estimates = []framework.Estimate{cramped{}} },
			want: Difference{
				Kind: Clusters, Live: "{a:2, b:1, c:1}", Shadow: "{b:2, c:2}", Moved: 2, Clusters: []ClusterDifference{
					{Cluster: "a", Live: n(2), Why: "room 1 instead of 10; weight 1 instead of 10"},
					{Cluster: "b", Live: n(1), Shadow: n(2)},
					{Cluster: "c", Live: n(1), Shadow: n(2)},
				}}},
		{name: "another division", request: everywhere(framework.DynamicWeight), shadow: func(p *pipeline.Profile) { p.Assign = hoarding{} },
			want: Difference{
				Kind: Clusters, Live: "{a:2, b:1, c:1}", Shadow: "{a:4}", Moved: 2, Clusters: []ClusterDifference{
					{Cluster: "a", Live: n(2), Shadow: n(4)},
					{Cluster: "b", Live: n(1)},
					{Cluster: "c", Live: n(1)},
				}}},
		{name: "the same clusters", request: func(r *framework.Request) {
			everywhere(framework.DynamicWeight)(r)
			r.Replicas = 20
		}, shadow: func(p *pipeline.Profile) { p.Estimates = []framework.Estimate{cramped{}} }, want: Difference{
			Kind: Replicas, Live: "{a:7, b:7, c:6}", Shadow: "{a:1, b:10, c:9}", Moved: 6, Clusters: []ClusterDifference{
				{Cluster: "a", Live: n(7), Shadow: n(1), Why: "room 1 instead of 10; weight 1 instead of 10"},
				{Cluster: "b", Live: n(7), Shadow: n(10)},
				{Cluster: "c", Live: n(6), Shadow: n(9)},
			}}},
		{name: "a copy less", request: everywhere(framework.Duplicated), shadow: filtering(refusing(2)), want: Difference{
			Kind: Clusters, Live: "{a:4, b:4, c:4}", Shadow: "{a:4, b:4}", Moved: 4, Clusters: []ClusterDifference{
				{Cluster: "c", Live: n(4), Why: "rejected by refusing: cluster(s) were disliked"},
			}}},
		{name: "no replicas", request: func(r *framework.Request) {
			everywhere(framework.Duplicated)(r)
			r.Workload, r.Replicas = false, 0
		}, shadow: filtering(refusing(2)), want: Difference{
			Kind: Clusters, Live: "{a:0, b:0, c:0}", Shadow: "{a:0, b:0}", Clusters: []ClusterDifference{
				{Cluster: "c", Live: n(0), Why: "rejected by refusing: cluster(s) were disliked"},
			}}},
		{name: "another term", request: func(r *framework.Request) {
			everywhere(framework.Duplicated)(r)
			r.Placement.Terms = []framework.Term{
				{Name: "near", Affinity: framework.Affinity{Names: []string{"c"}}}, {Name: "far", Affinity: framework.Affinity{Names: []string{"b"}}},
			}
		}, shadow: filtering(refusing(2)), want: Difference{
			Kind: Clusters, Live: "{c:4}", Shadow: "{b:4}", Moved: 4, Clusters: []ClusterDifference{
				{Cluster: "b", Shadow: n(4), Why: `term "far" instead of "near"`},
				{Cluster: "c", Live: n(4), Why: `term "far" instead of "near"; rejected by refusing: cluster(s) were disliked`},
			}}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			for _, p := range []*func(*pipeline.Profile){&tt.live, &tt.shadow} {
				if *p == nil {
					*p = nothing
				}
			}
			if tt.request == nil {
				tt.request = func(*framework.Request) {}
			}
			s, r := fleet(3), request(tt.request)
			live, shadow := decide(t, tt.live, s, r), decide(t, tt.shadow, s, r)
			if diff := cmp.Diff(tt.want, Compare(r, live, shadow)); diff != "" {
				t.Errorf("difference (-want +got):\n%s", diff)
			}
			back := Compare(r, shadow, live)
			if back.Moved != tt.want.Moved || back.Kind != tt.want.Kind || len(back.Clusters) != len(tt.want.Clusters) {
				t.Errorf("the other way around it is %+v", back)
			}
			if same := Compare(r, shadow, shadow); same.Kind != Equal || same.Moved != 0 || same.Clusters != nil {
				t.Errorf("a decision differs from itself: %+v", same)
			}
		})
	}
}

// other is liking by another name.
type other struct{ liking }

func (other) Name() string { return "other" }

// A difference over a large fleet is told in a bounded text.
func TestCompareIsBounded(t *testing.T) {
	s, r := fleet(60), request(everywhere(framework.Duplicated))
	got := Compare(r, decide(t, nothing, s, r), decide(t, filtering(refusing(1)), s, r))
	if got.Live != "{a:4, b:4, c:4, d:4, e:4, f:4, g:4, h:4, i:4, j:4} and 50 more" || got.Shadow != "{a:4}" {
		t.Errorf("decisions are %q and %q", got.Live, got.Shadow)
	}
	if len(got.Clusters) != maxClusters || got.MoreClusters != 39 || got.Moved != 59*4 {
		t.Errorf("%d clusters, %d more, %d moved; want %d, 39 and 236", len(got.Clusters), got.MoreClusters, got.Moved, maxClusters)
	}
}
