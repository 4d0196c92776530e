package profile

import (
	"context"
	"errors"
	"fmt"

	"github.com/longshore-project/longshore/scheduler/framework"
)

// External is a plugin in a process of its own, which can be asked wherever a profile enables it. Next decides where the plugin does not apply
// to the request.
type External interface {
	Named
	Filter() framework.Filter
	Score() framework.Score
	Estimate() framework.Estimate
	Select(next framework.Select) framework.Select
	Assign(next framework.Assign) framework.Assign
}

// Externals returns the external plugin of that name of the profile with that schedulerName. It is called for names in the configuration only.
type Externals func(schedulerName, name string) External

// NotStarted returns plugins that cannot be asked anything: for profiles that are checked or printed and decide nothing.
func NotStarted(_, name string) External { return notStarted(name) }

type notStarted string

var errNotStarted = errors.New("the plugin was not started")

func (n notStarted) Name() string                             { return string(n) }
func (n notStarted) Filter() framework.Filter                 { return notStartedFilter{n} }
func (n notStarted) Score() framework.Score                   { return notStartedScore{n} }
func (n notStarted) Estimate() framework.Estimate             { return notStartedEstimate{n} }
func (n notStarted) Select(framework.Select) framework.Select { return notStartedSelect{n} }
func (n notStarted) Assign(framework.Assign) framework.Assign { return notStartedAssign{n} }
func (n notStarted) fault() error                             { return fmt.Errorf("asking %s: %w", string(n), errNotStarted) }

type (
	notStartedFilter   struct{ notStarted }
	notStartedScore    struct{ notStarted }
	notStartedEstimate struct{ notStarted }
	notStartedSelect   struct{ notStarted }
	notStartedAssign   struct{ notStarted }
)

// Filter implements framework.Filter.
func (n notStartedFilter) Filter(context.Context, *framework.Query, framework.Bitset) ([]framework.Rejection, error) {
	return nil, n.fault()
}

// Score implements framework.Score.
func (n notStartedScore) Score(context.Context, *framework.Query, framework.Bitset, []int64) error {
	return n.fault()
}

// Estimate implements framework.Estimate.
func (n notStartedEstimate) Estimate(context.Context, *framework.Query, []int32, []framework.Capacity) error {
	return n.fault()
}

// Select implements framework.Select.
func (n notStartedSelect) Select(context.Context, *framework.Selection) ([]int32, framework.Status, error) {
	return nil, framework.Status{}, n.fault()
}

// Assign implements framework.Assign.
func (n notStartedAssign) Assign(context.Context, *framework.Allotment) (framework.Division, framework.Status, error) {
	return framework.Division{}, framework.Status{}, n.fault()
}
