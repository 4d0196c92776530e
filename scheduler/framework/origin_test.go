package framework

import (
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

func TestFallbacks(t *testing.T) {
	var clusters []*Cluster
	for _, name := range []string{"a", "b", "c", "d", "e", "f", "g", "h"} {
		clusters = append(clusters, &Cluster{Name: name})
	}
	s := NewSnapshot(clusters, 1)
	good := &Origin{Source: "estimator x", At: time.Unix(60, 0), Note: "could grow to 9"}
	silent := &Origin{Source: "summary", Fallback: "estimator y is silent"}
	a := Attempt{Snapshot: s, Feasible: FullBitset(8), Available: make([]Capacity, 8)}
	for i := range a.Available {
		a.Available[i] = Capacity{Replicas: 3, Known: true, Origin: silent}
	}
	a.Available[0].Origin = good
	a.Available[1].Origin = nil
	a.Feasible.Unset(7)
	d := &Decision{Outcome: NoRoom, Attempts: []Attempt{a, {}}}
	want := []Fallback{{Reason: "estimator y is silent", Source: "summary", Clusters: []string{"c", "d", "e", "f", "g"}}}
	if diff := cmp.Diff(want, d.Fallbacks()); diff != "" {
		t.Errorf("fallbacks (-want +got):\n%s", diff)
	}
	if got, want := (Fallback{Reason: "why", Source: "summary", Clusters: []string{"a", "b", "c", "d", "e", "f"}}).String(), "room of a, b, c, d, e and 1 more from summary (why)"; got != want {
		t.Errorf("clause is %q, want %q", got, want)
	}
	d.Outcome = Placed
	if got := d.Fallbacks(); got != nil {
		t.Errorf("the attempt that succeeded asked for no room, but has the fallbacks %v", got)
	}
	a.Selected, a.Division = []int32{0, 2}, Division{Replicas: []int64{1, 2}}
	text := (&Decision{Attempts: []Attempt{a}}).Explain()
	for _, want := range []string{
		"  room of c, d, e, f, g from summary (estimator y is silent)\n", "    a: 1, room for 3 by estimator x at 1970-01-01T00:01:00Z (could grow to 9)\n", "    c: 2, room for 3 by summary\n",
	} {
		if !strings.Contains(text, want) {
			t.Errorf("the explanation lacks %q:\n%s", want, text)
		}
	}
}

// TestPodShape gives every two requests that differ in what decides how many fit different shapes.
func TestPodShape(t *testing.T) {
	requests := map[string]Request{
		"plain":           {},
		"namespace":       {Namespace: "a"},
		"requirements":    {Requirements: Resources{{Name: "cpu", Amount: 1}}},
		"any claim":       {Node: &NodeClaim{}},
		"selector":        {Node: &NodeClaim{Selector: []Label{{"a", "b"}}}},
		"joined selector": {Node: &NodeClaim{Selector: []Label{{`a""b`, ""}}}},
		"label term":      {Node: &NodeClaim{Affinity: []NodeTerm{{Labels: []NodeRequirement{{"a", "In", []string{"b"}}}}}}},
		"field term":      {Node: &NodeClaim{Affinity: []NodeTerm{{Fields: []NodeRequirement{{"a", "In", []string{"b"}}}}}}},
		"two values":      {Node: &NodeClaim{Affinity: []NodeTerm{{Labels: []NodeRequirement{{"a", "In", []string{"b", "c"}}}}}}},
		"two terms":       {Node: &NodeClaim{Affinity: []NodeTerm{{}, {}}}},
		"toleration":      {Node: &NodeClaim{Tolerations: []NodeToleration{{Key: "a"}}}},
		"priority class":  {Node: &NodeClaim{PriorityClass: "a"}},
		"component":       {Components: []Component{{Replicas: 1}}},
		"two components":  {Components: []Component{{Replicas: 1}, {Replicas: 1}}},
		"its claim":       {Components: []Component{{Replicas: 1, Node: &NodeClaim{PriorityClass: "a"}}}},
	}
	taken := map[string]string{}
	for name, r := range requests {
		shape := r.PodShape()
		if other, ok := taken[shape]; ok {
			t.Errorf("%s and %s have one shape: %s", name, other, shape)
		}
		taken[shape] = name
	}
	r := Request{Namespace: "n", Replicas: 3, Key: "k"}
	if same := (Request{Namespace: "n", Replicas: 4}); r.PodShape() != same.PodShape() {
		t.Error("the number of replicas changes the shape")
	}
}
