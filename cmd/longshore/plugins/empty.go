package plugins

import (
	"context"

	"github.com/spf13/cobra"

	"github.com/longshore-project/longshore/plugins/sdk"
	"github.com/longshore-project/longshore/scheduler/framework"
)

// emptyArgs makes this program be the empty plugin.
var emptyArgs = []string{"plugins", "empty"}

// newEmptyCommand returns the plugin that `longshore plugins bench` measures others by.
func newEmptyCommand() *cobra.Command {
	return &cobra.Command{
		Use:     "empty",
		Short:   "Be a plugin that has every stage and does nothing",
		Long:    "Be a plugin that has every stage and does nothing. bench starts it to compare others with.",
		Example: "  longshore plugins check longshore plugins empty",
		Hidden:  true,
		Args:    cobra.NoArgs,
		Run:     func(*cobra.Command, []string) { sdk.Serve(empty{}) },
	}
}

// empty refuses nothing, rates all clusters alike, knows no capacity, and chooses and gives to the first.
type empty struct{}

func (empty) Name() string { return "empty" }

// Filter implements sdk.Filter.
func (empty) Filter(context.Context, *sdk.Query, sdk.Bitset) ([]sdk.Rejection, error) {
	return nil, nil
}

// Score implements sdk.Score.
func (empty) Score(context.Context, *sdk.Query, sdk.Bitset, []int64) error { return nil }

// Estimate implements sdk.Estimate.
func (empty) Estimate(context.Context, *sdk.Query, []int32, []sdk.Capacity) error { return nil }

// Select implements sdk.Select.
func (empty) Select(_ context.Context, s *sdk.Selection) ([]int32, sdk.Status, error) {
	return s.Ranked[:1], sdk.Status{}, nil
}

// Assign implements sdk.Assign.
func (empty) Assign(_ context.Context, a *sdk.Allotment) (sdk.Division, sdk.Status, error) {
	d := sdk.Division{Replicas: make([]int64, len(a.Selected))}
	if a.Request.CountsReplicas() {
		d.Replicas[0] = a.Request.Replicas
	}
	return d, framework.Status{}, nil
}
