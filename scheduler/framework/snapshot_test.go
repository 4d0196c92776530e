package framework

import (
	"fmt"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	"pgregory.net/rapid"
)

func drawCluster(t *rapid.T, name string) *Cluster {
	c := &Cluster{
		Name:     name,
		Provider: rapid.SampledFrom([]string{"", "aws", "gcp"}).Draw(t, "provider"),
		Region:   rapid.SampledFrom([]string{"", "eu", "us"}).Draw(t, "region"),
		Zones:    rapid.SliceOfNDistinct(rapid.SampledFrom([]string{"a", "b", "c"}), 0, 3, rapid.ID[string]).Draw(t, "zones"),
		Labels:   rapid.MapOfN(rapid.SampledFrom([]string{"env", "tier"}), rapid.SampledFrom([]string{"x", "y"}), 0, 2).Draw(t, "labels"),
		Deleting: rapid.IntRange(0, 9).Draw(t, "deleting") == 0,
	}
	for _, key := range rapid.SliceOfNDistinct(rapid.SampledFrom([]string{"k1", "k2"}), 0, 2, rapid.ID[string]).Draw(t, "taints") {
		c.Taints = append(c.Taints, Taint{Key: key, Effect: rapid.SampledFrom([]string{EffectNoSchedule, "PreferNoSchedule"}).Draw(t, "effect")})
	}
	for _, kind := range rapid.SliceOfNDistinct(rapid.SampledFrom([]string{"Deployment", "Job"}), 0, 2, rapid.ID[string]).Draw(t, "kinds") {
		c.APIs = append(c.APIs, API{GroupVersion: "v1", Kind: kind})
	}
	if rapid.Bool().Draw(t, "reports") {
		c.Summary = &Summary{
			Allocatable: NewResources(rapid.MapOfN(rapid.SampledFrom([]string{"cpu", "pods", "gpu"}), rapid.Int64Range(0, 9), 0, 3).Draw(t, "allocatable")),
			Used:        NewResources(map[string]int64{"cpu": 1}),
		}
	}
	if rapid.Bool().Draw(t, "reserves") {
		c.Reserved = NewResources(map[string]int64{"pods": 2})
	}
	return c
}

// assertSame compares everything that can be asked of two snapshots of the same clusters.
func assertSame(t *rapid.T, want, got *Snapshot) {
	if want.Len() != got.Len() || !want.Candidates().Equal(got.Candidates()) || !want.Summarized().Equal(got.Summarized()) ||
		!want.WithZone().Equal(got.WithZone()) || !want.WithRegion().Equal(got.WithRegion()) || !want.WithProvider().Equal(got.WithProvider()) {
		t.Fatalf("sets differ:\nwant %+v\ngot  %+v", want, got)
	}
	if diff := cmp.Diff(want.RepellingTaints(), got.RepellingTaints()); diff != "" {
		t.Fatalf("taints (-want +got):\n%s", diff)
	}
	for _, taint := range want.RepellingTaints() {
		if !want.WithTaint(taint).Equal(got.WithTaint(taint)) {
			t.Fatalf("clusters with taint %v differ", taint)
		}
	}
	for _, kind := range []string{"Deployment", "Job"} {
		if api := (API{"v1", kind}); !want.WithAPI(api).Equal(got.WithAPI(api)) {
			t.Fatalf("clusters with %v differ", api)
		}
	}
	for row := range want.Len() {
		if want.Name(row) != got.Name(row) || !cmp.Equal(want.Cluster(row), got.Cluster(row), cmpopts.EquateEmpty()) {
			t.Fatalf("row %d differs", row)
		}
		for _, resource := range []string{"cpu", "pods", "gpu"} {
			if w, g := freeAt(want, resource, row), freeAt(got, resource, row); w != g {
				t.Fatalf("free %s of row %d is %d, want %d", resource, row, g, w)
			}
		}
	}
}

func freeAt(s *Snapshot, resource string, row int) int64 {
	if c, ok := s.Free(resource); ok {
		return c.At(row)
	}
	return 0
}

func TestWithIsANewSnapshot(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		n := rapid.IntRange(1, 300).Draw(t, "clusters")
		now := map[string]*Cluster{}
		for i := range n {
			name := fmt.Sprintf("member-%03d", i)
			now[name] = &Cluster{Name: name, Region: "eu"}
		}
		s := NewSnapshot(values(now), 1)
		for g := Generation(2); g < 6; g++ {
			before, old := s, NewSnapshot(values(now), 1)
			var changed []*Cluster
			for range rapid.IntRange(0, 5).Draw(t, "changes") {
				c := drawCluster(t, fmt.Sprintf("member-%03d", rapid.IntRange(0, n-1).Draw(t, "which")))
				now[c.Name] = c
				changed = append(changed, c)
			}
			s = s.With(g, changed...)
			assertSame(t, NewSnapshot(values(now), 1), s)
			assertSame(t, old, before)
		}
	})
}

func values(m map[string]*Cluster) []*Cluster {
	out := make([]*Cluster, 0, len(m))
	for _, c := range m {
		out = append(out, c)
	}
	return out
}

func TestMatchAgreesWithMatches(t *testing.T) {
	drawAffinity := func(t *rapid.T) *Affinity {
		a := &Affinity{
			Names:   rapid.SliceOfN(rapid.SampledFrom([]string{"member-0", "member-1", "gone"}), 0, 3).Draw(t, "names"),
			Exclude: rapid.SliceOfN(rapid.SampledFrom([]string{"member-1", "member-2"}), 0, 1).Draw(t, "exclude"),
		}
		for range rapid.IntRange(0, 2).Draw(t, "labels") {
			a.Labels = append(a.Labels, LabelRequirement{
				Key:      rapid.SampledFrom([]string{"env", "tier", "none"}).Draw(t, "key"),
				Operator: rapid.SampledFrom([]Operator{In, NotIn, Exists, DoesNotExist, "Gt"}).Draw(t, "operator"),
				Values:   rapid.SliceOfN(rapid.SampledFrom([]string{"x", "y", "z"}), 0, 2).Draw(t, "values"),
			})
		}
		for range rapid.IntRange(0, 2).Draw(t, "fields") {
			a.Fields = append(a.Fields, FieldRequirement{
				Field:    rapid.SampledFrom([]Field{FieldProvider, FieldRegion, FieldZone, "colour"}).Draw(t, "field"),
				Operator: rapid.SampledFrom([]Operator{In, NotIn, "Gt"}).Draw(t, "operator"),
				Values:   rapid.SliceOfN(rapid.SampledFrom([]string{"", "aws", "eu", "a", "b"}), 0, 2).Draw(t, "values"),
			})
		}
		return a
	}
	rapid.Check(t, func(t *rapid.T) {
		var clusters []*Cluster
		for i := range 4 {
			clusters = append(clusters, drawCluster(t, fmt.Sprintf("member-%d", i)))
		}
		s, a := NewSnapshot(clusters, 1), drawAffinity(t)
		set := s.Match(a)
		for row := range s.Len() {
			if got, want := set.Has(row), a.Matches(s.Cluster(row)); got != want {
				t.Fatalf("%s: set says %v, cluster by cluster %v, for %+v of %+v", s.Name(row), got, want, a, s.Cluster(row))
			}
		}
	})
}

func TestGenerations(t *testing.T) {
	base := func() *Cluster {
		return &Cluster{Name: "a", Labels: map[string]string{"env": "x"}, Summary: &Summary{Allocatable: NewResources(map[string]int64{"cpu": 1})}}
	}
	tests := []struct {
		name   string
		change func(*Cluster)
		want   Facts
	}{
		{name: "nothing", change: func(*Cluster) {}},
		{name: "label", change: func(c *Cluster) { c.Labels = map[string]string{"env": "y"} }, want: FactLabels},
		{name: "taint", change: func(c *Cluster) { c.Taints = []Taint{{Key: "k"}} }, want: FactTaints},
		{name: "api", change: func(c *Cluster) { c.APIs = []API{{"v1", "Pod"}} }, want: FactAPIs},
		{name: "zone", change: func(c *Cluster) { c.Zones = []string{"a"} }, want: FactTopology},
		{name: "deletion", change: func(c *Cluster) { c.Deleting = true }, want: FactMembership},
		{name: "used", change: func(c *Cluster) { c.Summary.Used = NewResources(map[string]int64{"cpu": 1}) }, want: FactCapacity},
		{name: "reserved", change: func(c *Cluster) { c.Reserved = NewResources(map[string]int64{"cpu": 1}) }, want: FactCapacity},
		{name: "report withdrawn", change: func(c *Cluster) { c.Summary = nil }, want: FactCapacity},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			s := NewSnapshot([]*Cluster{base()}, 1)
			changed := base()
			tt.change(changed)
			next := s.With(2, changed)
			if tt.want == 0 && next != s {
				t.Error("a change of nothing made a new snapshot")
			}
			for fact := FactMembership; fact < AllFacts; fact <<= 1 {
				want := Generation(1)
				if fact == tt.want {
					want = 2
				}
				if got := next.Generation(fact); got != want {
					t.Errorf("generation of %v is %d, want %d", fact, got, want)
				}
			}
			rows, ok := next.CapacityChangedSince(1, nil)
			if tt.want != FactMembership && (!ok || len(rows) == 1 != (tt.want == FactCapacity)) {
				t.Errorf("CapacityChangedSince(1) = %v, %v", rows, ok)
			}
		})
	}
}

func TestCapacityLogEnds(t *testing.T) {
	s := NewSnapshot([]*Cluster{{Name: "a"}}, 1)
	for g := Generation(2); g < 2+capacityLogLength+10; g++ {
		s = s.With(g, &Cluster{Name: "a", Reserved: NewResources(map[string]int64{"cpu": int64(g)})})
	}
	if _, ok := s.CapacityChangedSince(1, nil); ok {
		t.Error("changes since generation 1 are said to be known although the log has been cut")
	}
	if rows, ok := s.CapacityChangedSince(s.Latest()-1, nil); !ok || len(rows) != 1 {
		t.Errorf("the last change is %v, %v, want row 0", rows, ok)
	}
}

func TestTiersAndWeights(t *testing.T) {
	s := NewSnapshot([]*Cluster{{Name: "a", Region: "eu"}, {Name: "b", Region: "us"}, {Name: "c", Region: "us"}, {Name: "d"}}, 1)
	in := func(names ...string) Affinity { return Affinity{Names: names} }
	us := Affinity{Fields: []FieldRequirement{{FieldRegion, In, []string{"us"}}}}
	if diff := cmp.Diff([]int{0, 1, 2, 0}, s.Tiers(&Term{Affinity: in("a"), Overflow: []Affinity{in("a", "b"), us}})); diff != "" {
		t.Errorf("Tiers (-want +got):\n%s", diff)
	}
	if diff := cmp.Diff([]int64{0, 5, 3, 0}, s.Weights([]WeightedAffinity{{us, 3}, {in("b"), 5}})); diff != "" {
		t.Errorf("Weights (-want +got):\n%s", diff)
	}
	if got := s.Weights([]WeightedAffinity{{in("gone"), 3}}); got != nil {
		t.Errorf("Weights = %v, want nil: nothing matches", got)
	}
}

func TestToleration(t *testing.T) {
	taint := Taint{Key: "k", Value: "v", Effect: EffectNoSchedule}
	tests := []struct {
		name       string
		toleration Toleration
		want       bool
	}{
		{name: "equal", toleration: Toleration{Key: "k", Value: "v"}, want: true},
		{name: "other value", toleration: Toleration{Key: "k", Value: "w"}},
		{name: "any value", toleration: Toleration{Key: "k", Exists: true}, want: true},
		{name: "any key", toleration: Toleration{Exists: true}, want: true},
		{name: "no key without Exists", toleration: Toleration{Value: "v"}},
		{name: "effect", toleration: Toleration{Key: "k", Value: "v", Effect: EffectNoSchedule}, want: true},
		{name: "other effect", toleration: Toleration{Exists: true, Effect: EffectNoExecute}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			if got := tt.toleration.Tolerates(taint); got != tt.want {
				t.Errorf("Tolerates = %v, want %v", got, tt.want)
			}
		})
	}
}

func TestDescendingFor(t *testing.T) {
	// FNV-1a-32 of "a" is 0xe40c292c and of "b" 0xe70c2de5.
	for uid, want := range map[string]bool{"": false, "a": false, "b": true} {
		if got := DescendingFor(uid); got != want {
			t.Errorf("DescendingFor(%q) = %v, want %v", uid, got, want)
		}
	}
}
