package wire_test

import (
	"fmt"
	"math/rand/v2"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"google.golang.org/protobuf/proto"
	"pgregory.net/rapid"

	pluginv1 "github.com/longshore-project/longshore/plugins/proto/v1"
	"github.com/longshore-project/longshore/plugins/wire"
	"github.com/longshore-project/longshore/scheduler/framework"
)

func TestBitsetsSurvive(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		n := rapid.IntRange(0, 300).Draw(t, "rows")
		set := framework.NewBitset(n)
		for row := range n {
			if rapid.Bool().Draw(t, "in") {
				set.Set(row)
			}
		}
		got, err := wire.ToBitset(wire.FromBitset(set), n)
		if err != nil || !got.Equal(set) {
			t.Fatalf("%v became %v, %v", set, got, err)
		}
	})
}

func TestBitsetsBehindTheLastClusterAreRefused(t *testing.T) {
	tests := []struct {
		name string
		data []byte
		n    int
		ok   bool
	}{
		{"last row", []byte{0, 0b10}, 10, true},
		{"zeros behind", []byte{0, 0b10, 0, 0, 0, 0, 0, 0, 0, 0, 0}, 10, true},
		{"same word", []byte{0, 0b100}, 10, false},
		{"another word", []byte{0, 0, 0, 0, 0, 0, 0, 0, 1}, 10, false},
		{"no clusters", []byte{1}, 0, false},
		{"full words", []byte{0, 0, 0, 0, 0, 0, 0, 0x80}, 64, true},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			if _, err := wire.ToBitset(tt.data, tt.n); (err == nil) != tt.ok {
				t.Errorf("error is %v, want ok %t", err, tt.ok)
			}
		})
	}
}

func TestScores(t *testing.T) {
	clusters := framework.NewBitset(70)
	clusters.Set(3)
	clusters.Set(69)
	scores := make([]int64, 70)
	scores[3], scores[69] = 7, 100
	data, err := wire.FromScores(scores, clusters)
	if err != nil || !slices.Equal(data, []byte{7, 100}) {
		t.Fatalf("scores are %v, %v", data, err)
	}
	got := make([]int64, 70)
	if err := wire.ToScores(data, clusters, got); err != nil || !slices.Equal(got, scores) {
		t.Errorf("scores became %v, %v", got, err)
	}
	for _, bad := range [][]byte{{7}, {7, 100, 1}, {7, 101}} {
		untouched := make([]int64, 70)
		if err := wire.ToScores(bad, clusters, untouched); err == nil || slices.Max(untouched) != 0 {
			t.Errorf("%v was taken for scores of two clusters, or written in part", bad)
		}
	}
	for _, bad := range []int64{-1, 101, 1 << 40} {
		scores[3] = bad
		if _, err := wire.FromScores(scores, clusters); err == nil || !strings.Contains(err.Error(), fmt.Sprint(bad)) {
			t.Errorf("score %d: error is %v", bad, err)
		}
	}
}

// randomCluster returns a cluster with one of few values in each fact, so that repeated draws change some facts and not others.
func randomCluster(r *rand.Rand, name string) *framework.Cluster {
	c := &framework.Cluster{
		Name: name, Provider: pick(r, "", "aws"), Region: pick(r, "eu", "us"), Deleting: r.IntN(9) == 0,
		Labels: map[string]string{"tier": pick(r, "gold", "silver")},
	}
	if r.IntN(2) == 0 {
		c.Taints = []framework.Taint{{Key: "k", Value: pick(r, "a", "b"), Effect: framework.EffectNoSchedule}}
		c.Zones = []string{"z1"}
	}
	if r.IntN(3) > 0 {
		c.APIs = []framework.API{{GroupVersion: "apps/v1", Kind: pick(r, "Deployment", "StatefulSet")}, {GroupVersion: "v1", Kind: "Secret"}}
		c.Summary = &framework.Summary{Allocatable: framework.NewResources(map[string]int64{"cpu": r.Int64N(3), "pods": 110})}
		c.Reserved = framework.NewResources(map[string]int64{"cpu": r.Int64N(2)})
	}
	return c
}

func pick(r *rand.Rand, values ...string) string { return values[r.IntN(len(values))] }

// However a fleet changes, the plugin's table is what a full table would be, and only differences are told.
func TestTableFollows(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 2))
	fleet := map[string]*framework.Cluster{}
	var table wire.Table
	var told *framework.Snapshot
	var generation uint64
	for step := range 300 {
		for range r.IntN(4) {
			name := fmt.Sprintf("c%02d", r.IntN(20))
			if fleet[name] = randomCluster(r, name); r.IntN(10) == 0 {
				delete(fleet, name)
			}
		}
		now := framework.NewSnapshot(slices.Collect(values(fleet)), framework.Generation(step+1))
		for _, m := range wire.FromSnapshot(told, now, generation, framework.AllFacts) {
			table.Apply(reencoded(t, m))
			generation = m.GetGeneration()
		}
		told = now
		got, ok := table.Snapshot(generation)
		if !ok {
			t.Fatalf("step %d: the table does not know generation %d", step, generation)
		}
		if diff := cmp.Diff(list(now), list(got), cmp.Comparer(sameOrEmpty)); diff != "" {
			t.Fatalf("step %d (-told +table):\n%s", step, diff)
		}
		if again := wire.FromSnapshot(told, now, generation, framework.AllFacts); len(again) != 0 {
			t.Fatalf("step %d: nothing changed and %d messages tell it", step, len(again))
		}
	}
}

func sameOrEmpty(a, b framework.Resources) bool { return a.Equal(b) }

func values(m map[string]*framework.Cluster) func(func(*framework.Cluster) bool) {
	return func(yield func(*framework.Cluster) bool) {
		for _, c := range m {
			if !yield(c) {
				return
			}
		}
	}
}

func list(s *framework.Snapshot) []framework.Cluster {
	out := make([]framework.Cluster, s.Len())
	for row := range out {
		c := *s.Cluster(row)
		c.Taints, c.APIs, c.Zones = slices.Clip(c.Taints), slices.Clip(c.APIs), slices.Clip(c.Zones)
		if len(c.Taints) == 0 {
			c.Taints = nil
		}
		out[row] = c
	}
	return out
}

func reencoded(t *testing.T, m *pluginv1.Table) *pluginv1.Table {
	t.Helper()
	data, err := proto.Marshal(m)
	if err != nil {
		t.Fatal(err)
	}
	out := &pluginv1.Table{}
	if err := proto.Unmarshal(data, out); err != nil {
		t.Fatal(err)
	}
	return out
}

func TestOnlyWhatChangedIsTold(t *testing.T) {
	base := framework.NewSnapshot([]*framework.Cluster{
		{Name: "a", Region: "eu", Summary: &framework.Summary{}}, {Name: "b", Region: "eu", APIs: []framework.API{{GroupVersion: "v1", Kind: "Pod"}}},
	}, 1)
	reserved := *base.Cluster(0)
	reserved.Reserved = framework.NewResources(map[string]int64{"cpu": 5})
	next := base.With(2, &reserved)
	got := wire.FromSnapshot(base, next, 7, framework.AllFacts)
	want := []*pluginv1.Table{{
		Generation: 8, BaseGeneration: 7,
		Clusters: []*pluginv1.Cluster{{
			Name: "a", Stated: uint32(framework.FactCapacity), SameSummary: true, Reserved: []*pluginv1.Resource{{Name: "cpu", Amount: 5}},
		}},
	}}
	if len(got) != 1 || !proto.Equal(got[0], want[0]) {
		t.Errorf("told %v, want %v", got, want)
	}
	if got := wire.FromSnapshot(base, next, 7, framework.FactTopology|framework.FactMembership); len(got) != 0 {
		t.Errorf("a plugin that does not read capacity was told %v", got)
	}
}

// A gap makes the table useless until it is told from the beginning.
func TestGaps(t *testing.T) {
	full := func(g uint64) *pluginv1.Table {
		return &pluginv1.Table{Generation: g, Clusters: []*pluginv1.Cluster{{Name: "a"}, {Name: "b"}}}
	}
	tests := []struct {
		name     string
		messages []*pluginv1.Table
		asked    uint64
		want     int
	}{
		{"complete", []*pluginv1.Table{full(1)}, 1, 2},
		{"never told", nil, 0, -1},
		{"other generation", []*pluginv1.Table{full(1)}, 2, -1},
		{"change without a table", []*pluginv1.Table{{Generation: 2, BaseGeneration: 1}}, 2, -1},
		{"change of another generation", []*pluginv1.Table{full(1), {Generation: 3, BaseGeneration: 2}}, 3, -1},
		{"nothing is known after a gap", []*pluginv1.Table{full(1), {Generation: 3, BaseGeneration: 2}}, 1, -1},
		{"told again after a gap", []*pluginv1.Table{full(1), {Generation: 3, BaseGeneration: 2}, full(4)}, 4, 2},
		{"removal", []*pluginv1.Table{full(1), {Generation: 2, BaseGeneration: 1, Removed: []string{"a", "unheard of"}}}, 2, 1},
		{"unfinished", []*pluginv1.Table{{Generation: 1, Continues: true}}, 1, -1},
		{"in parts", []*pluginv1.Table{
			{Generation: 1, Continues: true, Clusters: []*pluginv1.Cluster{{Name: "x"}}},
			{Generation: 1, BaseGeneration: 1, Clusters: []*pluginv1.Cluster{{Name: "y"}}},
		}, 1, 2},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			var table wire.Table
			for _, m := range tt.messages {
				table.Apply(m)
			}
			got := -1
			if s, ok := table.Snapshot(tt.asked); ok {
				got = s.Len()
			}
			if got != tt.want {
				t.Errorf("the table has %d clusters, want %d (-1: unknown)", got, tt.want)
			}
		})
	}
}

// Ten thousand clusters are told in messages far below the limit.
func TestTablesComeInParts(t *testing.T) {
	apis := make([]framework.API, 200)
	for i := range apis {
		apis[i] = framework.API{GroupVersion: "example.com/v1", Kind: fmt.Sprintf("Kind%d", i)}
	}
	clusters := make([]*framework.Cluster, 10_000)
	for i := range clusters {
		clusters[i] = &framework.Cluster{Name: fmt.Sprintf("member-%05d", i), APIs: slices.Clone(apis)}
	}
	var table wire.Table
	tables := wire.FromSnapshot(nil, framework.NewSnapshot(clusters, 1), 0, framework.AllFacts)
	for _, m := range tables {
		if size := proto.Size(m); size > 64<<10 {
			t.Fatalf("a message has %d bytes", size)
		}
		table.Apply(m)
	}
	s, ok := table.Snapshot(1)
	if !ok || s.Len() != 10_000 || !slices.Equal(s.Cluster(9_999).APIs, apis) {
		t.Error("the table is incomplete")
	}
}

func TestStatusIsBounded(t *testing.T) {
	tests := []struct {
		name string
		in   *pluginv1.Status
		ok   bool
	}{
		{"success", nil, true},
		{"refusal", &pluginv1.Status{Code: pluginv1.Code_CODE_UNSCHEDULABLE, Reasons: []string{"no"}}, true},
		{"unknown code", &pluginv1.Status{Code: 77}, false},
		{"many reasons", &pluginv1.Status{Code: 2, Reasons: make([]string, 17)}, false},
		{"long reason", &pluginv1.Status{Code: 2, Reasons: []string{strings.Repeat("x", 513)}}, false},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			if _, err := wire.ToStatus(tt.in); (err == nil) != tt.ok {
				t.Errorf("error is %v, want ok %t", err, tt.ok)
			}
		})
	}
}

func TestVersionNegotiation(t *testing.T) {
	tests := []struct {
		ours, theirs []uint32
		want         uint32
		ok           bool
	}{
		{[]uint32{1}, []uint32{1}, 1, true},
		{[]uint32{1, 2, 3}, []uint32{2, 3, 4}, 3, true},
		{[]uint32{1}, []uint32{2}, 0, false},
		{[]uint32{1}, nil, 0, false},
	}
	for _, tt := range tests {
		if got, ok := wire.Common(tt.ours, tt.theirs); got != tt.want || ok != tt.ok {
			t.Errorf("Common(%v, %v) = %d, %t, want %d, %t", tt.ours, tt.theirs, got, ok, tt.want, tt.ok)
		}
	}
}

// A cure that is no single fact would mean nothing to the queue that waits for it.
func TestCuresAreBounded(t *testing.T) {
	cures := func(list ...*pluginv1.Cure) []*pluginv1.Cure { return list }
	tests := []struct {
		name string
		in   []*pluginv1.Cure
		ok   bool
	}{
		{"every fact", cures(&pluginv1.Cure{Fact: 1}, &pluginv1.Cure{Fact: 32, Subject: "cpu"}, &pluginv1.Cure{Fact: 64, Subject: "shop/db"}), true},
		{"no fact", cures(&pluginv1.Cure{Subject: "x"}), false},
		{"two facts", cures(&pluginv1.Cure{Fact: 3}), false},
		{"unknown fact", cures(&pluginv1.Cure{Fact: 128}), false},
		{"fact behind eight bits", cures(&pluginv1.Cure{Fact: 256}), false},
		{"many", make([]*pluginv1.Cure, 65), false},
		{"long subject", cures(&pluginv1.Cure{Fact: 1, Subject: strings.Repeat("x", 513)}), false},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			in := []*pluginv1.Rejection{{Clusters: []byte{1}, Status: &pluginv1.Status{Code: pluginv1.Code_CODE_UNSCHEDULABLE}, Cures: tt.in}}
			if got, err := wire.ToRejections(in, 1); (err == nil) != tt.ok || tt.ok && len(got[0].Cures) != len(tt.in) {
				t.Errorf("rejections are %v, %v, want ok %t", got, err, tt.ok)
			}
		})
	}
}

func TestVerdictsAreBounded(t *testing.T) {
	long := &pluginv1.Rejection{Clusters: []byte{1}, Status: &pluginv1.Status{Code: 2, Reasons: []string{strings.Repeat("x", 512)}}}
	for n, ok := range map[int]bool{128: true, 129: false, 1025: false} {
		if _, err := wire.ToRejections(slices.Repeat([]*pluginv1.Rejection{long}, n), 1); (err == nil) != ok {
			t.Errorf("%d rejections of half a kibibyte: error is %v, want ok %t", n, err, ok)
		}
	}
}

// Everything that a request says arrives.
func TestRequestsSurvive(t *testing.T) {
	claim := &framework.NodeClaim{
		Selector: []framework.Label{{Key: "disk", Value: "ssd"}}, PriorityClass: "high",
		Affinity: []framework.NodeTerm{{
			Labels: []framework.NodeRequirement{{Key: "cores", Operator: "Gt", Values: []string{"8"}}},
			Fields: []framework.NodeRequirement{{Key: "metadata.name", Operator: "In", Values: []string{"n1"}}},
		}},
		Tolerations: []framework.NodeToleration{{Key: "gpu", Operator: "Equal", Value: "yes", Effect: "NoSchedule"}},
	}
	want := &framework.Request{
		Node: claim, Namespace: "shop",
		Key: "shop/web", API: framework.API{GroupVersion: "apps/v1", Kind: "Deployment"}, Replicas: 3, Workload: true,
		Requirements: framework.NewResources(map[string]int64{"cpu": 100}), Shape: "s", ObservedTerm: "second",
		Components: []framework.Component{{Name: "worker", Replicas: 2, Requirements: framework.NewResources(map[string]int64{"cpu": 5}), Node: claim}},
		Current:    []framework.Assignment{{Cluster: "a", Replicas: 1}}, Evicting: []string{"b"}, Fresh: true, NamesDescending: true,
		Placement: &framework.Placement{Fingerprint: "told before"},
		Peers: &framework.Peers{
			Namespace: "shop", AffinityGroup: "checkout", Bound: true, Together: []string{"a"}, AntiAffinityGroup: "db", Apart: []string{"c"},
		},
	}
	for i := range reflect.TypeFor[framework.Request]().NumField() {
		if reflect.ValueOf(*want).Field(i).IsZero() {
			t.Fatalf("the test leaves out %s", reflect.TypeFor[framework.Request]().Field(i).Name)
		}
	}
	m := wire.FromRequest(want)
	if m.GetPlacement() != nil || m.GetPlacementFingerprint() != "told before" {
		t.Errorf("placement is %v with fingerprint %q, want the fingerprint only", m.GetPlacement(), m.GetPlacementFingerprint())
	}
	if diff := cmp.Diff(want, wire.ToRequest(m, want.Placement)); diff != "" {
		t.Errorf("request (-sent +received):\n%s", diff)
	}
	if got := wire.ToRequest(wire.FromRequest(&framework.Request{}), nil); got.Peers != nil {
		t.Errorf("without groups the peers are %v, want none", got.Peers)
	}
}

func TestOriginsSurvive(t *testing.T) {
	shared := &framework.Origin{Source: "summary", At: time.Unix(12, 34).UTC()}
	want := []framework.Capacity{
		{Replicas: 3, Known: true, Origin: shared}, {}, {Replicas: 4, Known: true, Origin: shared}, {Replicas: 5, Known: true},
		{Replicas: 6, Known: true, Origin: &framework.Origin{Source: "ledger", Fallback: "no answer"}},
		{Replicas: 7, Known: true, Origin: &framework.Origin{Source: "summary", At: time.Unix(12, 34).UTC()}},
	}
	got, err := wire.ToCapacities(wire.FromCapacities(want), len(want))
	if err != nil {
		t.Fatal(err)
	}
	origins, places := wire.FromOrigins(want)
	if len(origins) != 2 {
		t.Errorf("%d origins are told, want each of 2 once", len(origins))
	}
	if err := wire.ToOrigins(origins, places, got); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("capacities (-sent +received):\n%s", diff)
	}
	if origins, places := wire.FromOrigins(make([]framework.Capacity, 3)); origins != nil || places != nil {
		t.Errorf("of capacities without origins %v at %v is told, want nothing", origins, places)
	}
}

func TestExplanationsAreBounded(t *testing.T) {
	long := strings.Repeat("x", 513)
	many := func(n int, o *pluginv1.Origin) []*pluginv1.Origin { return slices.Repeat([]*pluginv1.Origin{o}, n) }
	fine := &pluginv1.Origin{Source: "a"}
	for name, tt := range map[string]struct {
		origins []*pluginv1.Origin
		places  []uint32
		says    string
	}{
		"too few places":  {many(1, fine), []uint32{1}, "1 places of origins for 2 clusters"},
		"no such origin":  {many(1, fine), []uint32{1, 2}, "above 1"},
		"too many":        {many(1025, fine), []uint32{1, 1}, "1025 origins"},
		"no source":       {many(1, &pluginv1.Origin{}), []uint32{1, 1}, "source of 0"},
		"a long fallback": {many(1, &pluginv1.Origin{Source: "a", Fallback: long}), []uint32{1, 1}, "fallback of 513 bytes"},
		"much text":       {many(1024, &pluginv1.Origin{Source: long[:500]}), []uint32{1, 1}, "512000 bytes of text"},
	} {
		list := []framework.Capacity{{Known: true}, {Known: true}}
		if err := wire.ToOrigins(tt.origins, tt.places, list); err == nil || !strings.Contains(err.Error(), tt.says) || list[0].Origin != nil {
			t.Errorf("%s: error is %v with origin %v, want the words %q", name, err, list[0].Origin, tt.says)
		}
	}
	for name, tt := range map[string]struct {
		remarks []*pluginv1.ScoreRemark
		says    string
	}{
		"too many":        {slices.Repeat([]*pluginv1.ScoreRemark{{Text: "a"}}, 17), "17 remarks"},
		"no text":         {[]*pluginv1.ScoreRemark{{}}, "remark 0 has 0 bytes"},
		"a long text":     {[]*pluginv1.ScoreRemark{{Text: "a"}, {Text: long}}, "remark 1 has 513 bytes"},
		"unknown cluster": {[]*pluginv1.ScoreRemark{{Text: "a", Clusters: []byte{4}}}, "behind the last of 2"},
	} {
		if _, err := wire.ToRemarks(tt.remarks, 2); err == nil || !strings.Contains(err.Error(), tt.says) {
			t.Errorf("%s: error is %v, want the words %q", name, err, tt.says)
		}
	}
}
