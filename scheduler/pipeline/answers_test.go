package pipeline_test

import (
	"context"
	"testing"

	"github.com/longshore-project/longshore/plugins/builtin"
	"github.com/longshore-project/longshore/scheduler/framework"
	"github.com/longshore-project/longshore/scheduler/pipeline"
)

// counter is a Select that counts how often it is asked.
type counter struct {
	next  framework.Select
	asked *int
}

func (c counter) Name() string { return c.next.Name() }
func (c counter) Select(ctx context.Context, s *framework.Selection) ([]int32, framework.Status, error) {
	*c.asked++
	return c.next.Select(ctx, s)
}

// repeatable is a counter that says on what it depends.
type repeatable struct{ counter }

func (repeatable) DependsOn(*framework.Query) framework.Facts { return framework.FactMembership }

// speechless is a filter that never answers and is left out.
type speechless struct{ broken }

func (speechless) Filter(context.Context, *framework.Query, framework.Bitset) ([]framework.Rejection, error) {
	return nil, &framework.OmittedError{Omission: framework.Omission{Plugin: "Silent"}}
}
func (speechless) DependsOn(*framework.Query) framework.Facts { return framework.FactMembership }

func TestEqualRequestsAreDecidedOnce(t *testing.T) {
	first := fleet(member("a", 5), member("b", 5))
	tests := []struct {
		name    string
		profile func(*pipeline.Profile, counter)
		again   func(*framework.Request)
		fleet   func(*framework.Snapshot) *framework.Snapshot
		want    int
	}{
		{name: "equal", want: 1},
		{name: "another key", again: func(r *framework.Request) { r.Key = "other" }, want: 1},
		{name: "other replicas", again: func(r *framework.Request) { r.Replicas++ }, want: 2},
		{name: "runs elsewhere", again: running(framework.Assignment{Cluster: "a", Replicas: 1}), want: 2},
		{name: "being evicted", again: func(r *framework.Request) { r.Evicting = []string{"b"} }, want: 2},
		{
			name: "a label that nobody asks for", want: 1,
			fleet: func(s *framework.Snapshot) *framework.Snapshot {
				c := *s.Cluster(0)
				c.Labels = map[string]string{"new": "label"}
				return s.With(s.Latest()+1, &c)
			},
		},
		{
			name: "other room", want: 2,
			fleet: func(s *framework.Snapshot) *framework.Snapshot {
				return s.With(s.Latest()+1, member("a", 6))
			},
		},
		{name: "a plugin that does not say on what it depends", profile: func(p *pipeline.Profile, c counter) { p.Select = c }, want: 2},
		{name: "a plugin that did not answer", profile: func(p *pipeline.Profile, _ counter) { p.Filters = append(p.Filters, speechless{}) }, want: 2},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			asked, s := 0, first
			p := builtin.Profile()
			c := counter{p.Select, &asked}
			p.Select = repeatable{c}
			if tt.profile != nil {
				tt.profile(p, c)
			}
			r := request(4, framework.DynamicWeight)
			r.Placement.Fingerprint, r.Shape = "p", "s"
			for range 2 {
				if _, err := pipeline.Schedule(t.Context(), p, s, r); err != nil {
					t.Fatal(err)
				}
				if tt.again != nil {
					tt.again(r)
				}
				if tt.fleet != nil {
					s = tt.fleet(s)
				}
			}
			if asked != tt.want {
				t.Errorf("selected %d times, want %d", asked, tt.want)
			}
		})
	}
}
