package plugins

import (
	"context"
	"errors"
	"os"
	"slices"
	"testing"

	"github.com/longshore-project/longshore/plugins/sdk"
	"github.com/longshore-project/longshore/scheduler/framework"
)

// asPlugin is the first argument that makes the test binary be a plugin; the second says which.
const asPlugin = "as-plugin"

func TestMain(m *testing.M) {
	switch {
	case slices.Equal(os.Args[1:], emptyArgs):
		sdk.Serve(empty{})
	case len(os.Args) == 3 && os.Args[1] == asPlugin:
		sdk.Serve(&sample{fault: os.Args[2]})
	default:
		os.Exit(m.Run())
	}
}

// sample is a filter and score with a fault.
type sample struct{ fault string }

func (*sample) Name() string    { return "sample" }
func (*sample) Version() string { return "v7" }

// Configure accepts one argument, which it demands if that is its fault.
func (s *sample) Configure(_ context.Context, args sdk.Arguments) error {
	var a struct{ Tier string }
	if err := args.Decode(&a); err != nil {
		return err
	}
	if s.fault == "demanding" && a.Tier == "" {
		return errors.New("tier is missing")
	}
	return nil
}

func (s *sample) Filter(context.Context, *sdk.Query, sdk.Bitset) ([]sdk.Rejection, error) {
	if s.fault == "failing" {
		return nil, errors.New("the price list is empty")
	}
	return nil, nil
}

func (s *sample) Score(_ context.Context, q *sdk.Query, clusters sdk.Bitset, scores []int64) error {
	for row := range clusters.All() {
		scores[row] = int64(row % framework.MaxScore)
		if s.fault == "exceeding" && q.Request.Key == "aggregated" {
			os.Stderr.WriteString("something is odd\n")
			scores[row] = framework.MaxScore + 1
		}
	}
	return nil
}
