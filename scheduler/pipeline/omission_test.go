package pipeline_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/longshore-project/longshore/plugins/builtin"
	"github.com/longshore-project/longshore/scheduler/framework"
	"github.com/longshore-project/longshore/scheduler/pipeline"
)

// silent is a plugin that decisions do without for as long as it is silent.
type silent struct {
	silent  bool
	choice  framework.Select
	divides framework.Assign
}

func (*silent) Name() string { return "Silent" }

func (s *silent) omitted(stage string) error {
	if !s.silent {
		return nil
	}
	err := &framework.OmittedError{Omission: framework.Omission{Plugin: s.Name(), Stage: stage, Reason: "no answer within 50ms"}}
	return fmt.Errorf("asking: %w", err)
}

// Filter rejects everything when it is heard.
func (s *silent) Filter(_ context.Context, _ *framework.Query, candidates framework.Bitset) ([]framework.Rejection, error) {
	if err := s.omitted("filter"); err != nil {
		return nil, err
	}
	return []framework.Rejection{{Clusters: candidates, Status: framework.NewStatus(framework.Unschedulable, "cluster(s) were silent")}}, nil
}

func (s *silent) Score(context.Context, *framework.Query, framework.Bitset, []int64) error {
	return s.omitted("score")
}

// Estimate knows of no room when it is heard.
func (s *silent) Estimate(_ context.Context, _ *framework.Query, rows []int32, out []framework.Capacity) error {
	if err := s.omitted("estimate"); err != nil {
		return err
	}
	for i := range rows {
		out[i] = framework.Capacity{Known: true}
	}
	return nil
}

func (s *silent) PerShape() bool { return true }

func (s *silent) NextSelect() framework.Select { return s.choice }
func (s *silent) NextAssign() framework.Assign { return s.divides }

func (s *silent) Select(context.Context, *framework.Selection) ([]int32, framework.Status, error) {
	return nil, framework.Status{}, s.omitted("select")
}

func (s *silent) Assign(context.Context, *framework.Allotment) (framework.Division, framework.Status, error) {
	return framework.Division{}, framework.Status{}, s.omitted("assign")
}

// everywhere returns the default profile with the plugin at every stage.
func everywhere(s *silent) *pipeline.Profile {
	p := builtin.Profile()
	s.choice, s.divides = p.Select, p.Assign
	p.Filters = append(p.Filters, s)
	p.Scores = append(p.Scores, pipeline.WeightedScore{Plugin: s, Weight: 5})
	p.Estimates = append(p.Estimates, s)
	p.Select, p.Assign = s, s
	return p
}

// A plugin that is omitted changes nothing of the decision, except that it says so.
func TestOmittedPluginsChangeNothing(t *testing.T) {
	r := request(8, framework.DynamicWeight, spread(framework.SpreadByRegion, 2, 2))
	want := decide(t, fleet(sites()...), r)
	got, err := pipeline.Schedule(t.Context(), everywhere(&silent{silent: true}), fleet(sites()...), r)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(want.Targets, got.Targets); diff != "" {
		t.Errorf("targets (-want +got):\n%s", diff)
	}
	var stages []string
	for _, o := range got.Omissions() {
		stages = append(stages, o.Stage)
	}
	if diff := cmp.Diff([]string{"filter", "score", "estimate", "select", "assign"}, stages); diff != "" {
		t.Errorf("omissions (-want +got):\n%s", diff)
	}
	golden(t, "omitted-everywhere", got.Explain())
}

// Both terms are tried without the plugin, and it is named once.
func TestCaveat(t *testing.T) {
	r := request(1, framework.Duplicated, meaning("nowhere"))
	r.Placement.Terms = append(r.Placement.Terms, framework.Term{Name: "second"})
	p := builtin.Profile()
	p.Filters = append(p.Filters, &silent{silent: true})
	d, err := pipeline.Schedule(t.Context(), p, fleet(sites()...), r)
	if err != nil {
		t.Fatal(err)
	}
	if got, want := d.Caveat(), "decided without Silent (filter: no answer within 50ms)"; len(d.Attempts) != 2 || got != want {
		t.Errorf("after %d attempts the caveat is %q, want %q after 2", len(d.Attempts), got, want)
	}
	if d := decide(t, fleet(sites()...), request(1, framework.Duplicated)); d.Caveat() != "" {
		t.Errorf("nobody is omitted and the caveat is %q", d.Caveat())
	}
}

// What was estimated without a plugin is not remembered for the time when it answers again.
func TestOmissionsAreNotRemembered(t *testing.T) {
	s := &silent{silent: true}
	p := builtin.Profile()
	p.Memo = pipeline.NewMemo()
	p.Estimates = append(p.Estimates, s)
	r, clusters := request(8, framework.DynamicWeight), fleet(sites()...)
	for _, silent := range []bool{true, false} {
		s.silent = silent
		d, err := pipeline.Schedule(t.Context(), p, clusters, r)
		if err != nil {
			t.Fatal(err)
		}
		if placed := d.Outcome == framework.Placed; placed != silent {
			t.Errorf("with a silent plugin %t: %s, want placed only then", silent, d.Message())
		}
	}
}

// bare is a Select without a successor.
type bare struct{}

func (bare) Select(context.Context, *framework.Selection) ([]int32, framework.Status, error) {
	return nil, framework.Status{}, &framework.OmittedError{Omission: framework.Omission{Plugin: "Bare", Stage: "select", Reason: "gone"}}
}
func (bare) Name() string { return "Bare" }

func TestOmittedWithoutASuccessorIsAnError(t *testing.T) {
	p := builtin.Profile()
	p.Select = bare{}
	_, err := pipeline.Schedule(t.Context(), p, fleet(sites()...), request(1, framework.Duplicated))
	if omitted, ok := errors.AsType[*framework.OmittedError](err); !ok || !strings.Contains(err.Error(), "running select Bare") {
		t.Errorf("error is %v (%v), want that nobody selects", err, omitted)
	}
}
