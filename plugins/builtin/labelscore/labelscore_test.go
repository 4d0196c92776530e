package labelscore

import (
	"context"
	"fmt"
	"math/big"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/longshore-project/longshore/scheduler/framework"
)

// fleet has clusters a, b, c … with those values of the label x; an empty one stands for none.
func fleet(values ...string) *framework.Snapshot {
	clusters := make([]*framework.Cluster, len(values))
	for i, v := range values {
		clusters[i] = &framework.Cluster{Name: string(rune('a' + i))}
		if v != "" {
			clusters[i].Labels = map[string]string{"x": v}
		}
	}
	return framework.NewSnapshot(clusters, 1)
}

// scoresOf returns the scores of all clusters, and -1 for those that are not asked about.
func scoresOf(t interface {
	Fatal(...any)
	Context() context.Context
}, p framework.Score, s *framework.Snapshot, clusters framework.Bitset) []int64 {
	scores := make([]int64, s.Len())
	for row := range scores {
		if !clusters.Has(row) {
			scores[row] = -1
		}
	}
	if err := p.Score(t.Context(), &framework.Query{Snapshot: s, Request: &framework.Request{}}, clusters, scores); err != nil {
		t.Fatal(err)
	}
	return scores
}

func TestCost(t *testing.T) {
	tests := []struct {
		name    string
		values  []string
		missing int64
		without int
		want    []int64
	}{
		{name: "cheapest 100, dearest 0, between in proportion", values: []string{"0.04", "0.02", "0.03"}, without: -1, want: []int64{0, 100, 50}},
		{name: "rounded down", values: []string{"0", "2", "3"}, without: -1, want: []int64{100, 33, 0}},
		{name: "one price", values: []string{"7", "7.0", "7.000"}, without: -1, want: []int64{100, 100, 100}},
		{name: "one cluster", values: []string{"7"}, without: -1, want: []int64{100}},
		{name: "without a usable label", values: []string{"1", "", "cheap", "2", "1e3", "1.2.3"}, without: -1, want: []int64{100, 0, 0, 0, 0, 0}},
		{name: "missing is stated", values: []string{"1", "", "2"}, missing: 40, without: -1, want: []int64{100, 40, 0}},
		{name: "nobody states a price", values: []string{"", "x"}, missing: 5, without: -1, want: []int64{5, 5}},
		{name: "only clusters in question set the range", values: []string{"1", "2", "3"}, without: 0, want: []int64{-1, 100, 0}},
		{name: "the largest number", values: []string{"9223372036.854775807", "0", "4611686018"}, without: -1, want: []int64{0, 100, 50}},
		{name: "too large a number", values: []string{"9223372037", "0", "1"}, without: -1, want: []int64{0, 100, 0}},
		{name: "digits after the ninth are ignored", values: []string{"0.0000000019", "0.000000001", "0.000000003"}, without: -1, want: []int64{100, 100, 0}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			s := fleet(tt.values...)
			clusters := framework.FullBitset(s.Len())
			if tt.without >= 0 {
				clusters.Unset(tt.without)
			}
			got := scoresOf(t, Cost{CostArguments{Label: "x", Missing: tt.missing}}, s, clusters)
			if diff := cmp.Diff(tt.want, got); diff != "" {
				t.Errorf("scores (-want +got):\n%s", diff)
			}
		})
	}
}

// TestCostIsTheFormula compares with the definition in rational numbers.
func TestCostIsTheFormula(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		values := rapid.SliceOfN(rapid.StringMatching(`[0-9]{1,9}(\.[0-9]{0,9})?`), 1, 20).Draw(t, "values")
		costs := make([]*big.Rat, len(values))
		var low, high *big.Rat
		for i, v := range values {
			costs[i], _ = new(big.Rat).SetString(strings.TrimSuffix(v, "."))
			if low == nil || costs[i].Cmp(low) < 0 {
				low = costs[i]
			}
			if high == nil || costs[i].Cmp(high) > 0 {
				high = costs[i]
			}
		}
		s := fleet(values...)
		got := scoresOf(t, Cost{CostArguments{Label: "x"}}, s, framework.FullBitset(s.Len()))
		for i := range values {
			want := big.NewInt(100)
			if low.Cmp(high) != 0 {
				share := new(big.Rat).Quo(new(big.Rat).Sub(high, costs[i]), new(big.Rat).Sub(high, low))
				share.Mul(share, big.NewRat(100, 1))
				want.Quo(share.Num(), share.Denom())
			}
			if got[i] != want.Int64() {
				t.Fatalf("of %v cluster %d got %d, want %v", values, i, got[i], want)
			}
		}
	})
}

func TestPreference(t *testing.T) {
	tests := []struct {
		name      string
		arguments PreferenceArguments
		values    []string
		want      []int64
	}{
		{name: "the value is the score", values: []string{"0", "55", "100"}, want: []int64{0, 55, 100}},
		{name: "what is no score", values: []string{"", "101", "1.5", "high", "007"}, arguments: PreferenceArguments{Missing: 3}, want: []int64{3, 3, 3, 3, 7}},
		{name: "a table", values: []string{"gold", "silver", "", "lead", "50"},
			arguments: PreferenceArguments{Scores: map[string]int64{"gold": 100, "silver": 60}, Missing: 10}, want: []int64{100, 60, 10, 10, 10}},
		{name: "an empty table", values: []string{"50"}, arguments: PreferenceArguments{Scores: map[string]int64{}}, want: []int64{0}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			tt.arguments.Label = "x"
			s := fleet(tt.values...)
			if diff := cmp.Diff(tt.want, scoresOf(t, Preference{tt.arguments}, s, framework.FullBitset(s.Len()))); diff != "" {
				t.Errorf("scores (-want +got):\n%s", diff)
			}
		})
	}
}

func TestRemarks(t *testing.T) {
	s := fleet("1", "", "cheap", "2")
	q := &framework.Query{Snapshot: s}
	for _, p := range []framework.RemarkingScore{Cost{CostArguments{Label: "x", Missing: 7}}, Preference{PreferenceArguments{Label: "x", Missing: 7}}} {
		got := p.Remarks(q, framework.FullBitset(4))
		if len(got) != 1 || fmt.Sprint(got[0].Clusters.AppendRows(nil)) != "[1 2]" || got[0].Text != "have no usable label x and get 7" {
			t.Errorf("%s says %v, want that b and c have no usable label", p.Name(), got)
		}
		usable := framework.FullBitset(4)
		usable.Unset(1)
		usable.Unset(2)
		if got := p.Remarks(q, usable); got != nil {
			t.Errorf("%s says %v about clusters that all have a usable label", p.Name(), got)
		}
	}
}

func TestConfigure(t *testing.T) {
	tests := []struct {
		name   string
		plugin interface {
			Configure([]byte) (interface{ Name() string }, error)
		}
		arguments string
		want      interface{ Name() string }
		says      string
	}{
		{name: "cost", plugin: Cost{}, arguments: `{"label": "x", "unit": "EUR/h", "missing": 5}`, want: Cost{CostArguments{"x", "EUR/h", 5}}},
		{name: "cost of nothing", plugin: Cost{}, arguments: `{"missing": 101}`,
			says: "label: names no label: write the key of the clusters' label to score by\nmissing: 101 is not a score: write 0 to 100"},
		{name: "cost of no label", plugin: Cost{}, arguments: `{"label": "a=b"}`, says: `label: "a=b" is not the key of a label`},
		{name: "unknown argument", plugin: Cost{}, arguments: `{"key": "x"}`, says: "key: unknown argument; known are label, missing, unit"},
		{name: "preference", plugin: Preference{}, arguments: `{"label": "x", "scores": {"a": 1}}`,
			want: Preference{PreferenceArguments{Label: "x", Scores: map[string]int64{"a": 1}}}},
		{name: "scores out of range", plugin: Preference{}, arguments: `{"label": "x", "scores": {"b": -1, "a": 101}}`,
			says: "scores.a: 101 is not a score: write 0 to 100\nscores.b: -1 is not a score: write 0 to 100"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			got, err := tt.plugin.Configure([]byte(tt.arguments))
			if tt.says != "" {
				if err == nil || err.Error() != tt.says {
					t.Errorf("error is %v, want %s", err, tt.says)
				}
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(tt.want, got); diff != "" {
				t.Errorf("plugin (-want +got):\n%s", diff)
			}
		})
	}
}
