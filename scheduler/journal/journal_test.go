package journal

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/longshore-project/longshore/scheduler/framework"
)

// clock is a time that each look moves on by a second.
func clock() func() time.Time {
	at := time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)
	return func() time.Time {
		at = at.Add(time.Second)
		return at
	}
}

func fleet(n int) *framework.Snapshot {
	clusters := make([]*framework.Cluster, n)
	for i := range clusters {
		clusters[i] = &framework.Cluster{Name: fmt.Sprintf("m%d", i)}
	}
	return framework.NewSnapshot(clusters, 1)
}

// placed is a decision in favour of m0.
func placed(s *framework.Snapshot) framework.Decision {
	return framework.Decision{
		Targets:  []framework.Assignment{{Cluster: "m0", Replicas: 2}},
		Attempts: []framework.Attempt{{Snapshot: s, Feasible: framework.FullBitset(s.Len()), Selected: []int32{0}, Division: framework.Division{Replicas: []int64{2}}}},
	}
}

func TestJournalKeepsTheLatestDecisionOfEachBinding(t *testing.T) {
	j, s := New(clock()), fleet(2)
	j.Of("one").Observe(&framework.Request{Key: "shop/web"}, s, framework.Decision{
		Outcome: framework.NoClusterFit, Status: framework.NewStatus(framework.Unschedulable, "none"), Attempts: []framework.Attempt{{Snapshot: s}},
	})
	j.Of("one").Observe(&framework.Request{Key: "reader"}, s, placed(s))
	j.Of("other").Observe(&framework.Request{Key: "shop/web"}, s, placed(s))

	at := func(seconds int) *time.Time {
		moment := time.Date(2026, 1, 2, 3, 4, 5+seconds, 0, time.UTC)
		return &moment
	}
	want := []Decision{
		{Binding: "shop/web", Profile: "other", Time: at(3), Outcome: "Placed", Message: "{m0:2}"},
		{Binding: "reader", Profile: "one", Time: at(2), Outcome: "Placed", Message: "{m0:2}"},
	}
	if diff := cmp.Diff(want, j.Decisions()); diff != "" {
		t.Errorf("decisions (-want +got):\n%s", diff)
	}
	got, ok := j.Decision("shop/web")
	want[0].Explanation = "Placed: {m0:2}\n  filters: 2/2 clusters are available\n  selected: 1 of 2 feasible clusters\n    m0: 2\n"
	if diff := cmp.Diff(want[0], got); diff != "" || !ok {
		t.Errorf("decision, known %t (-want +got):\n%s", ok, diff)
	}
	if _, ok := j.Decision("shop/other"); ok {
		t.Error("there is a decision about a binding that nobody decided about")
	}
}

func TestJournalIsBounded(t *testing.T) {
	tests := []struct {
		name     string
		clusters int
		want     int
	}{
		{name: "by decisions", clusters: 1, want: mostDecisions},
		{name: "by rows", clusters: 4096, want: mostRows / 4096},
		{name: "but for the latest one", clusters: mostRows + 1, want: 1},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			j, s := New(clock()), fleet(tt.clusters)
			for i := range tt.want + 2 {
				j.Of("p").Observe(&framework.Request{Key: fmt.Sprint(i)}, s, placed(s))
			}
			decisions := j.Decisions()
			if len(decisions) != tt.want || decisions[0].Binding != fmt.Sprint(tt.want+1) || len(j.byBinding) != tt.want {
				t.Errorf("%d decisions, %d bindings, the latest about %s, want %d", len(decisions), len(j.byBinding), decisions[0].Binding, tt.want)
			}
		})
	}
}

func TestDecodeReportRefusesOtherDocuments(t *testing.T) {
	for _, text := range []string{"no JSON", `{"apiVersion":"v1","kind":"Status"}`} {
		if _, err := DecodeReport([]byte(text)); err == nil || !strings.HasPrefix(err.Error(), "decoding the report about decisions: ") {
			t.Errorf("%s: error %v", text, err)
		}
	}
}
