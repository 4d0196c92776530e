package main

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/longshore-project/longshore/plugins/conformance"
	"github.com/longshore-project/longshore/plugins/sdk/sdktest"
	"github.com/longshore-project/longshore/scheduler/framework"
)

var prices = []any{
	map[string]any{"cluster": "spot", "perCoreHour": 0.01},
	map[string]any{"region": "eu", "perCoreHour": 0.04},
	map[string]any{"region": "us", "perCoreHour": 0.03},
}

func fleet() *framework.Snapshot {
	return sdktest.Fleet(
		sdktest.Cluster{Name: "dear", Region: "eu"}, sdktest.Cluster{Name: "fair", Region: "us"},
		sdktest.Cluster{Name: "spot", Region: "eu"}, sdktest.Cluster{Name: "unpriced"},
	)
}

func TestConformance(t *testing.T) {
	conformance.Run(t, func(t testing.TB) conformance.Subject {
		return conformance.Of(sdktest.Open(t, &plugin{}, map[string]any{"prices": []any{map[string]any{"perCoreHour": 0.05}}}))
	})
}

func TestScore(t *testing.T) {
	p := sdktest.Open(t, &plugin{}, map[string]any{"prices": prices})
	q := sdktest.Query(fleet())
	scores := make([]int64, q.Snapshot.Len())
	if err := p.Score().Score(t.Context(), q, q.Snapshot.Candidates(), scores); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff([]int64{0, 33, 100, 0}, scores); diff != "" {
		t.Errorf("scores of dear, fair, spot, unpriced (-want +got):\n%s", diff)
	}
}

func TestAssign(t *testing.T) {
	tests := []struct {
		name    string
		budget  float64
		current []int64
		fresh   bool
		room    int64
		want    []int64
		says    string
	}{
		{"cheapest first", 0, []int64{0, 0, 0, 0}, false, 6, []int64{0, 4, 6, 0}, ""},
		{"what runs stays", 0, []int64{10, 0, 0, 0}, false, 20, []int64{10, 0, 0, 0}, ""},
		{"growth goes to the cheapest", 0, []int64{7, 0, 0, 0}, false, 20, []int64{7, 0, 3, 0}, ""},
		{"shrinking frees the dearest", 0, []int64{5, 5, 5, 0}, false, 20, []int64{0, 5, 5, 0}, ""},
		{"fresh starts from nothing", 0, []int64{10, 0, 0, 0}, true, 20, []int64{0, 0, 10, 0}, ""},
		{"too dear is divided anew", 0.1, []int64{10, 0, 0, 0}, false, 20, []int64{0, 0, 10, 0}, ""},
		{"over budget", 0.1, []int64{0, 0, 0, 0}, false, 5, nil, "10 replicas cost at least 0.2 an hour; the budget is 0.1"},
		{"no room", 0, []int64{0, 0, 0, 0}, false, 2, nil, "lack room for 4 of 10 replicas"},
		{"replicas without a price stay and are the first to go", 0, []int64{0, 0, 8, 4}, false, 0, []int64{0, 0, 8, 2}, ""},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			p := sdktest.Open(t, &plugin{}, map[string]any{"prices": prices, "budget": tt.budget})
			a := sdktest.Allotment(sdktest.Query(fleet()), tt.room)
			a.Current, a.Request.Fresh = tt.current, tt.fresh
			d, status, err := p.Assign(nil).Assign(t.Context(), a)
			if err != nil {
				t.Fatal(err)
			}
			if tt.says != "" {
				if status.IsSuccess() || !strings.Contains(status.Message(), tt.says) {
					t.Errorf("status is %v, want the words %q", status, tt.says)
				}
				return
			}
			if diff := cmp.Diff(tt.want, d.Replicas); diff != "" || !status.IsSuccess() {
				t.Errorf("%v: replicas of dear, fair, spot, unpriced (-want +got):\n%s", status, diff)
			}
		})
	}
}

func TestBadArguments(t *testing.T) {
	for says, args := range map[string]map[string]any{
		"prices is empty":               nil,
		"prices[0].perCoreHour is -1":   {"prices": []any{map[string]any{"perCoreHour": -1}}},
		`unknown field "perHour"`:       {"prices": []any{map[string]any{"perHour": 1}}},
		"cannot unmarshal string into ": {"prices": prices, "budget": "much"},
	} {
		if _, err := sdktest.TryOpen(t, &plugin{}, args); err == nil || !strings.Contains(err.Error(), says) {
			t.Errorf("%v: error is %v, want the words %q", args, err, says)
		}
	}
}
