package sdk_test

import (
	"context"
	"errors"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/longshore-project/longshore/plugins/sdk"
	"github.com/longshore-project/longshore/plugins/sdk/sdktest"
	"github.com/longshore-project/longshore/scheduler/framework"
)

func TestArgumentsAreStrict(t *testing.T) {
	type target struct {
		Budget float64
		Zones  []string
	}
	tests := []struct {
		name string
		args sdk.Arguments
		want target
		says string
	}{
		{"none", nil, target{}, ""},
		{"some", sdk.Arguments{"budget": 3.5, "zones": []any{"a"}}, target{3.5, []string{"a"}}, ""},
		{"misspelt", sdk.Arguments{"bugdet": 3.5}, target{}, `unknown field "bugdet"`},
		{"wrong type", sdk.Arguments{"budget": "much"}, target{}, "cannot unmarshal string"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			var got target
			err := tt.args.Decode(&got)
			if tt.says == "" && err != nil || tt.says != "" && (err == nil || !strings.Contains(err.Error(), tt.says)) {
				t.Fatalf("error is %v, want the words %q", err, tt.says)
			}
			if err == nil && (got.Budget != tt.want.Budget || len(got.Zones) != len(tt.want.Zones)) {
				t.Errorf("got %+v, want %+v", got, tt.want)
			}
		})
	}
}

// night is a plugin as an author would write it.
type night struct {
	region string
	// deadline is whether the last call knew how long the scheduler waits.
	deadline atomic.Bool
	// seen is the facts about cluster a in the last call.
	seen atomic.Pointer[framework.Cluster]
}

func (*night) Name() string           { return "night" }
func (*night) Facts() framework.Facts { return framework.FactTopology }

func (n *night) Configure(_ context.Context, args sdk.Arguments) error {
	var a struct{ Region string }
	if err := args.Decode(&a); err != nil {
		return err
	}
	if a.Region == "" {
		return errors.New("argument region is missing: name the region where it is night")
	}
	n.region = a.Region
	return nil
}

func (n *night) Score(ctx context.Context, q *sdk.Query, clusters sdk.Bitset, scores []int64) error {
	_, known := ctx.Deadline()
	n.deadline.Store(known)
	for row := range clusters.All() {
		c := q.Snapshot.Cluster(row)
		if c.Name == "a" {
			n.seen.Store(c)
		}
		if c.Region == n.region {
			scores[row] = framework.MaxScore
		}
	}
	return nil
}

func TestAuthorsView(t *testing.T) {
	n := &night{}
	p := sdktest.Open(t, n, map[string]any{"region": "eu"})
	q := sdktest.Query(sdktest.Fleet(
		sdktest.Cluster{Name: "b", Region: "us"}, sdktest.Cluster{Name: "a", Region: "eu", Labels: map[string]string{"secret": "yes"}},
	))
	scores := make([]int64, 2)
	if err := p.Score().Score(t.Context(), q, q.Snapshot.Candidates(), scores); err != nil {
		t.Fatal(err)
	}
	if scores[0] != framework.MaxScore || scores[1] != 0 {
		t.Errorf("scores are %v, want 100 for a and 0 for b", scores)
	}
	if !n.deadline.Load() {
		t.Error("the plugin does not know how long the scheduler waits")
	}
	if c := n.seen.Load(); c.Region != "eu" || c.Labels != nil {
		t.Errorf("the plugin saw %+v, want the topology only", c)
	}
}

func TestRefusedArguments(t *testing.T) {
	_, err := sdktest.TryOpen(t, &night{}, nil)
	if err == nil || !strings.Contains(err.Error(), "argument region is missing") {
		t.Errorf("error is %v, want the plugin's own", err)
	}
}

// mute takes no arguments.
type mute struct{}

func (mute) Name() string { return "mute" }
func (mute) Score(context.Context, *sdk.Query, sdk.Bitset, []int64) error {
	return sdk.ErrSkip
}

func TestArgumentsForNobody(t *testing.T) {
	_, err := sdktest.TryOpen(t, mute{}, map[string]any{"region": "eu"})
	if err == nil || !strings.Contains(err.Error(), "takes no arguments") {
		t.Errorf("error is %v, want a refusal", err)
	}
}

// useless can do nothing.
type useless struct{}

func (useless) Name() string { return "useless" }

func TestPluginWithoutAbility(t *testing.T) {
	_, err := sdktest.TryOpen(t, useless{}, nil)
	if err == nil || !strings.Contains(err.Error(), "has no ability") {
		t.Errorf("error is %v, want a refusal", err)
	}
}
