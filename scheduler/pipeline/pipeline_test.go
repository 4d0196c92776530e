package pipeline_test

import (
	"context"
	"errors"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/longshore-project/longshore/plugins/builtin"
	"github.com/longshore-project/longshore/scheduler/framework"
	"github.com/longshore-project/longshore/scheduler/pipeline"
)

var deployments = framework.API{GroupVersion: "apps/v1", Kind: "Deployment"}

// member returns a cluster with room for so many replicas of one cpu each.
func member(name string, room int64, change ...func(*framework.Cluster)) *framework.Cluster {
	c := &framework.Cluster{
		Name: name, APIs: []framework.API{deployments},
		Summary: &framework.Summary{Allocatable: framework.NewResources(map[string]int64{"cpu": room * 1000, "pods": 1000})},
	}
	for _, f := range change {
		f(c)
	}
	return c
}

func tainted(key string) func(*framework.Cluster) {
	return func(c *framework.Cluster) {
		c.Taints = append(c.Taints, framework.Taint{Key: key, Effect: framework.EffectNoSchedule})
	}
}

func in(region string) func(*framework.Cluster) {
	return func(c *framework.Cluster) { c.Region = region }
}

func fleet(clusters ...*framework.Cluster) *framework.Snapshot {
	return framework.NewSnapshot(clusters, 1)
}

// request returns one for a Deployment whose replicas need one cpu each.
func request(replicas int64, strategy framework.Strategy, change ...func(*framework.Request)) *framework.Request {
	r := &framework.Request{
		Key: "default/nginx", API: deployments, Replicas: replicas, Workload: true, Shape: "one cpu",
		Requirements: framework.NewResources(map[string]int64{"cpu": 1000}),
		Placement:    &framework.Placement{Strategy: strategy, Terms: []framework.Term{{}}},
	}
	for _, f := range change {
		f(r)
	}
	return r
}

func running(targets ...framework.Assignment) func(*framework.Request) {
	return func(r *framework.Request) { r.Current = targets }
}

func meaning(names ...string) func(*framework.Request) {
	return func(r *framework.Request) { r.Placement.Terms[0].Affinity.Names = names }
}

func spread(key framework.SpreadKey, least, most int64) func(*framework.Request) {
	return func(r *framework.Request) {
		r.Placement.Spread = append(r.Placement.Spread, framework.SpreadConstraint{Key: key, MinGroups: least, MaxGroups: most})
	}
}

func weights(w map[string]int64) func(*framework.Request) {
	return func(r *framework.Request) {
		for name, weight := range w {
			r.Placement.StaticWeights = append(r.Placement.StaticWeights,
				framework.WeightedAffinity{Affinity: framework.Affinity{Names: []string{name}}, Weight: weight})
		}
	}
}

func decide(t *testing.T, s *framework.Snapshot, r *framework.Request) framework.Decision {
	t.Helper()
	d, err := pipeline.Schedule(t.Context(), builtin.Profile(), s, r)
	if err != nil {
		t.Fatalf("Schedule: %v", err)
	}
	return d
}

func TestSchedule(t *testing.T) {
	a3b3 := running(framework.Assignment{Cluster: "a", Replicas: 3}, framework.Assignment{Cluster: "b", Replicas: 3})
	tests := []struct {
		name     string
		clusters []*framework.Cluster
		request  *framework.Request
		want     string
	}{
		{
			name:     "duplicated goes everywhere, whatever the room",
			clusters: []*framework.Cluster{member("a", 1), member("b", 0)},
			request:  request(6, framework.Duplicated), want: "{a:6, b:6}",
		},
		{
			name:     "duplicated leaves a cluster that is no longer meant",
			clusters: []*framework.Cluster{member("a", 9), member("b", 9)},
			request:  request(3, framework.Duplicated, a3b3, meaning("b")), want: "{b:3}",
		},
		{
			name:     "divided leaves a cluster that is no longer meant",
			clusters: []*framework.Cluster{member("a", 9), member("b", 9), member("c", 3)},
			request:  request(6, framework.DynamicWeight, a3b3, meaning("b", "c")), want: "{b:5, c:1}",
		},
		{
			name:     "a new taint does not drive a target away",
			clusters: []*framework.Cluster{member("a", 9, tainted("k")), member("b", 9, tainted("k")), member("c", 9)},
			request:  request(3, framework.Duplicated, running(framework.Assignment{Cluster: "a", Replicas: 3})), want: "{a:3, c:3}",
		},
		{
			name:     "scale-up by room",
			clusters: []*framework.Cluster{member("a", 1), member("b", 9)},
			request:  request(8, framework.DynamicWeight, a3b3), want: "{a:3, b:5}",
		},
		{
			name:     "scale-down in proportion",
			clusters: []*framework.Cluster{member("a", 1), member("b", 9)},
			request:  request(4, framework.DynamicWeight, a3b3), want: "{a:2, b:2}",
		},
		{
			name:     "aggregated scale-down",
			clusters: []*framework.Cluster{member("a", 0), member("b", 0)},
			request: request(3, framework.Aggregated,
				running(framework.Assignment{Cluster: "a", Replicas: 4}, framework.Assignment{Cluster: "b", Replicas: 2})),
			want: "{a:3}",
		},
		{
			name:     "aggregated scale-up starts where it runs",
			clusters: []*framework.Cluster{member("a", 5), member("b", 2), member("c", 1)},
			request:  request(7, framework.Aggregated, running(framework.Assignment{Cluster: "b", Replicas: 4})), want: "{a:2, b:5}",
		},
		{
			name:     "static weights over the survivors",
			clusters: []*framework.Cluster{member("a", 9), member("b", 9), member("c", 9, tainted("k"))},
			request:  request(6, framework.StaticWeight, weights(map[string]int64{"a": 1, "b": 2, "c": 1})), want: "{a:2, b:4}",
		},
		{
			name:     "static weights for nobody who survives",
			clusters: []*framework.Cluster{member("a", 9), member("b", 9), member("c", 9, tainted("k"))},
			request:  request(6, framework.StaticWeight, weights(map[string]int64{"c": 1})), want: "{a:3, b:3}",
		},
		{
			name:     "static weights under a spread constraint use weighted clusters only",
			clusters: []*framework.Cluster{member("a", 9), member("b", 9), member("c", 9)},
			request:  request(6, framework.StaticWeight, weights(map[string]int64{"b": 1, "c": 2}), spread(framework.SpreadByCluster, 1, 2)),
			want:     "{b:2, c:4}",
		},
		{
			name:     "the largest two by room",
			clusters: []*framework.Cluster{member("a", 10), member("b", 5), member("c", 50)},
			request:  request(30, framework.DynamicWeight, spread(framework.SpreadByCluster, 2, 2)), want: "{a:5, c:25}",
		},
		{
			name:     "a target with too little room is exchanged",
			clusters: []*framework.Cluster{member("a", 1), member("b", 5), member("c", 50)},
			request: request(30, framework.DynamicWeight, spread(framework.SpreadByCluster, 1, 1),
				running(framework.Assignment{Cluster: "a", Replicas: 2})),
			want: "{c:30}",
		},
		{
			name:     "no upper bound on clusters means all",
			clusters: []*framework.Cluster{member("a", 9), member("b", 9), member("c", 9)},
			request:  request(3, framework.Duplicated, spread(framework.SpreadByCluster, 2, 0)), want: "{a:3, b:3, c:3}",
		},
		{
			name:     "a zone beside clusters filters only",
			clusters: []*framework.Cluster{member("a", 9), member("b", 9, func(c *framework.Cluster) { c.Zones = []string{"z"} })},
			request:  request(3, framework.Duplicated, spread(framework.SpreadByCluster, 1, 2), spread(framework.SpreadByZone, 1, 2)), want: "{b:3}",
		},
		{
			name:     "ties for the later name",
			clusters: []*framework.Cluster{member("a", 9), member("b", 9)},
			request:  request(3, framework.DynamicWeight, func(r *framework.Request) { r.NamesDescending = true }), want: "{a:1, b:2}",
		},
		{
			name:     "not a workload: listed everywhere",
			clusters: []*framework.Cluster{member("a", 9), member("b", 0)},
			request:  request(0, framework.StaticWeight, func(r *framework.Request) { r.Workload = false }), want: "{a:0, b:0}",
		},
		{
			name:     "a workload scaled to zero runs nowhere",
			clusters: []*framework.Cluster{member("a", 9)},
			request:  request(0, framework.Duplicated, running(framework.Assignment{Cluster: "a", Replicas: 3})), want: "{}",
		},
		{
			name:     "clusters being deleted take no part",
			clusters: []*framework.Cluster{member("a", 9, func(c *framework.Cluster) { c.Deleting = true }), member("b", 9)},
			request:  request(2, framework.Duplicated, running(framework.Assignment{Cluster: "a", Replicas: 2})), want: "{b:2}",
		},
		{
			name:     "evicted from where it runs",
			clusters: []*framework.Cluster{member("a", 9), member("b", 9)},
			request:  request(6, framework.DynamicWeight, a3b3, func(r *framework.Request) { r.Evicting = []string{"a"} }), want: "{b:6}",
		},
		{
			name:     "unknown room is no room",
			clusters: []*framework.Cluster{member("a", 9), member("b", 9, func(c *framework.Cluster) { c.Summary = nil })},
			request:  request(6, framework.DynamicWeight), want: "{a:6}",
		},
		{
			name:     "overflow takes what does not fit",
			clusters: []*framework.Cluster{member("a", 4, in("eu")), member("b", 50, in("us"))},
			request: request(10, framework.DynamicWeight, meaning("a"), func(r *framework.Request) {
				r.Placement.Terms[0].Overflow = []framework.Affinity{{Names: []string{"b"}}}
			}),
			want: "{a:4, b:6}",
		},
		{
			name:     "fresh ignores what runs, but counts it as room",
			clusters: []*framework.Cluster{member("a", 0), member("b", 9)},
			request:  request(6, framework.DynamicWeight, a3b3, func(r *framework.Request) { r.Fresh = true }), want: "{a:1, b:5}",
		},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			d := decide(t, fleet(tt.clusters...), tt.request)
			if got := d.Message(); d.Outcome != framework.Placed || got != tt.want {
				t.Errorf("%v %s, want %s", d.Outcome, got, tt.want)
			}
		})
	}
}

func TestScheduleRefuses(t *testing.T) {
	tests := []struct {
		name     string
		clusters []*framework.Cluster
		request  *framework.Request
		outcome  framework.Outcome
		message  string
		cures    []framework.Cure
	}{
		{
			name: "an empty fleet", request: request(1, framework.Duplicated), outcome: framework.NoClusterFit, message: "no cluster exists",
			cures: []framework.Cure{{Fact: framework.FactMembership}},
		},
		{
			name: "each for its own reason",
			clusters: []*framework.Cluster{
				member("a", 9, tainted("k")), member("b", 9, func(c *framework.Cluster) { c.APIs = nil }), member("c", 9, tainted("k")), member("d", 9),
				member("e", 9, tainted("l"), tainted("k")),
			},
			request: request(1, framework.Duplicated, meaning("a", "b", "c", "e")), outcome: framework.NoClusterFit,
			message: "0/5 clusters are available: 1 cluster(s) did not match the placement's cluster affinity, " +
				"1 cluster(s) did not serve apps/v1/Deployment, 3 cluster(s) had untolerated taint {k:NoSchedule}",
			cures: []framework.Cure{
				{Fact: framework.FactMembership}, {Fact: framework.FactTaints, Subject: "k"}, {Fact: framework.FactTaints, Subject: "l"},
				{Fact: framework.FactAPIs, Subject: "apps/v1/Deployment"},
			},
		},
		{
			name: "too little room", clusters: []*framework.Cluster{member("a", 2), member("b", 3)},
			request: request(9, framework.DynamicWeight), outcome: framework.NoRoom, message: "clusters lack room for 4 of 9 replicas",
			cures: []framework.Cure{{Fact: framework.FactMembership}, {Fact: framework.FactCapacity}},
		},
		{
			name: "unknown room is named", clusters: []*framework.Cluster{member("a", 2, func(c *framework.Cluster) { c.Summary = nil })},
			request: request(9, framework.Aggregated), outcome: framework.NoRoom,
			message: "clusters lack room for 9 of 9 replicas; the capacity of 1 of 1 clusters is unknown",
			cures:   []framework.Cure{{Fact: framework.FactMembership}, {Fact: framework.FactCapacity}},
		},
		{
			name: "too few clusters", clusters: []*framework.Cluster{member("a", 2)},
			request: request(1, framework.Duplicated, spread(framework.SpreadByCluster, 2, 3)), outcome: framework.Refused,
			message: "spread constraint needs 2 clusters; the candidate clusters have 1",
			cures:   []framework.Cure{{Fact: framework.FactMembership}, {Fact: framework.FactCapacity}},
		},
		{
			name: "no set of the size has room", clusters: []*framework.Cluster{member("a", 2), member("b", 3), member("c", 4)},
			request: request(8, framework.DynamicWeight, spread(framework.SpreadByCluster, 1, 2)), outcome: framework.Refused,
			message: "spread constraint needs room for 8 replicas; 7 fit with at most 2 clusters",
			cures:   []framework.Cure{{Fact: framework.FactMembership}, {Fact: framework.FactCapacity}},
		},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			d := decide(t, fleet(tt.clusters...), tt.request)
			if d.Outcome != tt.outcome || d.Message() != tt.message {
				t.Errorf("%v %s, want %v %s", d.Outcome, d.Message(), tt.outcome, tt.message)
			}
			if diff := cmp.Diff(tt.cures, d.Cures()); diff != "" {
				t.Errorf("cures (-want +got):\n%s", diff)
			}
			if d.Targets != nil {
				t.Errorf("targets are %v, want none", d.Targets)
			}
		})
	}
}

func TestTermsAreTriedInOrder(t *testing.T) {
	terms := func(r *framework.Request) {
		r.Placement.Terms = []framework.Term{
			{Name: "small", Affinity: framework.Affinity{Names: []string{"a"}}},
			{Name: "large", Affinity: framework.Affinity{Names: []string{"b"}}},
			{Name: "none", Affinity: framework.Affinity{Names: []string{"gone"}}},
		}
	}
	observed := func(name string) func(*framework.Request) {
		return func(r *framework.Request) { r.ObservedTerm = name }
	}
	s := fleet(member("a", 2), member("b", 9))
	tests := []struct {
		name     string
		request  *framework.Request
		outcome  framework.Outcome
		term     string
		attempts int
	}{
		{name: "the first that can", request: request(2, framework.DynamicWeight, terms), term: "small", attempts: 1},
		{name: "the next when the first cannot", request: request(5, framework.DynamicWeight, terms), term: "large", attempts: 2},
		{name: "no way back from the one in use", request: request(2, framework.DynamicWeight, terms, observed("large")), term: "large", attempts: 1},
		{name: "unknown name starts anew", request: request(2, framework.DynamicWeight, terms, observed("other")), term: "small", attempts: 1},
		{
			name: "fresh starts anew", term: "small", attempts: 1,
			request: request(2, framework.DynamicWeight, terms, observed("large"), func(r *framework.Request) { r.Fresh = true }),
		},
		{name: "the first failure is the reason", request: request(50, framework.DynamicWeight, terms), outcome: framework.NoRoom, attempts: 3},
		{
			name: "starting at the last", request: request(50, framework.DynamicWeight, terms, observed("none")), outcome: framework.NoClusterFit, attempts: 1,
		},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			d := decide(t, s, tt.request)
			if d.Outcome != tt.outcome || d.Term != tt.term || len(d.Attempts) != tt.attempts {
				t.Errorf("outcome %v of term %q after %d attempts, want %v, %q, %d", d.Outcome, d.Term, len(d.Attempts), tt.outcome, tt.term, tt.attempts)
			}
		})
	}
}

func TestDecisionExplainsItself(t *testing.T) {
	d := decide(t, fleet(member("a", 9), member("b", 9, tainted("k")), member("c", 9)),
		request(5, framework.DynamicWeight, running(framework.Assignment{Cluster: "c", Replicas: 1})))
	a := d.Attempts[0]
	if plugin, status, ok := a.RejectedBy(1); !ok || plugin != "TaintToleration" || !strings.Contains(status.Message(), "{k:NoSchedule}") {
		t.Errorf("b was rejected by %q: %q, %v", plugin, status.Message(), ok)
	}
	if _, _, ok := a.RejectedBy(0); ok {
		t.Error("a is said to be rejected")
	}
	if diff := cmp.Diff([]framework.PluginScore{{Plugin: "ClusterLocality", Weight: 1, Scores: []int64{0, 0, 100}}}, a.Scores); diff != "" {
		t.Errorf("scores (-want +got):\n%s", diff)
	}
	if diff := cmp.Diff(framework.Division{Replicas: []int64{2, 3}, Weights: []int64{9, 9}, Seats: 4}, a.Division); diff != "" {
		t.Errorf("division (-want +got):\n%s", diff)
	}
	if got, want := a.Histogram(), "2/3 clusters are available: 1 cluster(s) had untolerated taint {k:NoSchedule}"; got != want {
		t.Errorf("histogram %q, want %q", got, want)
	}
}

type broken struct{}

func (broken) Name() string { return "Broken" }
func (broken) Filter(context.Context, *framework.Query, framework.Bitset) ([]framework.Rejection, error) {
	return nil, errBroken
}

var errBroken = errors.New("it broke")

func TestABrokenPluginIsAnError(t *testing.T) {
	p := builtin.Profile()
	p.Filters = append(p.Filters, broken{})
	if _, err := pipeline.Schedule(t.Context(), p, fleet(member("a", 1)), request(1, framework.Duplicated)); !errors.Is(err, errBroken) {
		t.Errorf("error is %v, want %v", err, errBroken)
	}
	if _, err := pipeline.Schedule(t.Context(), p, fleet(), &framework.Request{}); err == nil {
		t.Error("a request without placement was decided")
	}
}
