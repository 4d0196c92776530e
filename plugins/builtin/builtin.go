// Package builtin lists the plugins that are compiled in: those that run unless a profile says otherwise, in their order, and those that run
// only if a profile says so.
package builtin

import (
	"github.com/longshore-project/longshore/plugins/builtin/apienablement"
	"github.com/longshore-project/longshore/plugins/builtin/clusteraffinity"
	"github.com/longshore-project/longshore/plugins/builtin/clustereviction"
	"github.com/longshore-project/longshore/plugins/builtin/clusterlocality"
	"github.com/longshore-project/longshore/plugins/builtin/clusterselection"
	"github.com/longshore-project/longshore/plugins/builtin/freecapacity"
	"github.com/longshore-project/longshore/plugins/builtin/labelscore"
	"github.com/longshore-project/longshore/plugins/builtin/replicadivision"
	"github.com/longshore-project/longshore/plugins/builtin/resourcesummary"
	"github.com/longshore-project/longshore/plugins/builtin/spreadconstraint"
	"github.com/longshore-project/longshore/plugins/builtin/tainttoleration"
	"github.com/longshore-project/longshore/plugins/builtin/workloadaffinity"
	"github.com/longshore-project/longshore/scheduler/framework"
	"github.com/longshore-project/longshore/scheduler/pipeline"
)

// Filters returns the filters. The order decides which reason a cluster is counted under when several filters reject it: what the user asked
// for comes before what the member is like.
func Filters() []framework.Filter {
	return []framework.Filter{
		clusteraffinity.Plugin{}, tainttoleration.Plugin{}, apienablement.Plugin{}, spreadconstraint.Plugin{}, clustereviction.Plugin{},
		workloadaffinity.Affinity{}, workloadaffinity.AntiAffinity{},
	}
}

// Profile returns a profile of the plugins that run by default, with their own memory. It gives Karmada's results.
func Profile() *pipeline.Profile {
	return &pipeline.Profile{
		Filters:   Filters(),
		Scores:    []pipeline.WeightedScore{{Plugin: clusterlocality.Plugin{}, Weight: 1}},
		Estimates: []framework.Estimate{resourcesummary.Plugin{}},
		Select:    clusterselection.Plugin{},
		Assign:    replicadivision.Plugin{},
		Memo:      pipeline.NewMemo(),
	}
}

// Optional returns the plugins that are asked only where a profile enables them. All are scores, and all have their arguments to be given
// before they are asked.
func Optional() []interface{ Name() string } {
	return []interface{ Name() string }{
		freecapacity.LeastAllocated{}, freecapacity.BalancedAllocation{}, labelscore.Cost{}, labelscore.Preference{},
	}
}
