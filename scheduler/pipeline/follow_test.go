package pipeline_test

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/longshore-project/longshore/plugins/builtin"
	"github.com/longshore-project/longshore/scheduler/framework"
	"github.com/longshore-project/longshore/scheduler/pipeline"
)

// Each stage of each term is told once, in order, and a remembered decision has none.
func TestFollow(t *testing.T) {
	fleet := framework.NewSnapshot([]*framework.Cluster{member("a", 6)}, 1)
	r := request(4, framework.DynamicWeight)
	r.Placement.Fingerprint, r.Shape = "p", "s"
	nowhere := framework.Term{Name: "nowhere", Affinity: framework.Affinity{Labels: []framework.LabelRequirement{{Key: "tier", Operator: framework.Exists}}}}
	r.Placement.Terms = append([]framework.Term{nowhere}, r.Placement.Terms...)
	profile := builtin.Profile()
	for _, want := range [][]pipeline.Stage{append([]pipeline.Stage{pipeline.StageFilter}, pipeline.Stages()...), nil} {
		var got []pipeline.Stage
		d, err := pipeline.Follow(t.Context(), profile, fleet, r, func(s pipeline.Stage) { got = append(got, s) })
		if err != nil || d.Outcome != framework.Placed {
			t.Fatalf("decision is %v, %v", d.Outcome, err)
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("stages (-want +got):\n%s", diff)
		}
	}
}
