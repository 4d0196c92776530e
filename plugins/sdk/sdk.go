// Package sdk turns a Go value into a placement plugin that runs in its own process. Implement Plugin and any of Filter, Score, Estimate,
// Select and Assign, and call Serve:
//
//	func main() { sdk.Serve(nightShift{}) }
//
// The interfaces and values are those of the scheduler itself, so the same type also works when it is compiled in. A plugin never calls back:
// all that it may know arrives with the call. It may be called by several goroutines at once.
package sdk

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"

	"github.com/longshore-project/longshore/scheduler/framework"
)

// The abilities that a plugin can have. See the declarations behind them for what each promises.
type (
	// Filter says which clusters cannot take a request.
	Filter = framework.Filter
	// SharedFilter is a Filter whose answer serves equal placements.
	SharedFilter = framework.SharedFilter
	// LenientFilter is a Filter that need not drive a request away from where it runs.
	LenientFilter = framework.LenientFilter
	// Score rates clusters from 0 to 100.
	Score = framework.Score
	// RemarkingScore is a Score that adds to the explanation what its scores do not show.
	RemarkingScore = framework.RemarkingScore
	// Estimate says how many replicas fit.
	Estimate = framework.Estimate
	// SharedEstimate is an Estimate whose answer serves requests of equal shape.
	SharedEstimate = framework.SharedEstimate
	// Select chooses clusters.
	Select = framework.Select
	// Assign gives replicas to the chosen clusters.
	Assign = framework.Assign
)

// The values that plugins work with. See the declarations behind them.
type (
	// Query is what a plugin is asked about.
	Query = framework.Query
	// Selection is the input of Select.
	Selection = framework.Selection
	// Allotment is the input of Assign.
	Allotment = framework.Allotment
	// Division is the result of Assign.
	Division = framework.Division
	// Rejection is a set of clusters refused for one reason.
	Rejection = framework.Rejection
	// Status is a verdict with its reasons.
	Status = framework.Status
	// Cure is a change of the fleet that could turn a refusal into an acceptance.
	Cure = framework.Cure
	// Facts is a set of the things that can be known about clusters.
	Facts = framework.Facts
	// Bitset is a set of clusters by row.
	Bitset = framework.Bitset
	// Capacity is how many replicas fit, if that is known.
	Capacity = framework.Capacity
	// Origin says from where a capacity is known.
	Origin = framework.Origin
	// ScoreRemark is something that scores do not show, about a set of clusters.
	ScoreRemark = framework.ScoreRemark
	// Cluster is what is known about one member: read only.
	Cluster = framework.Cluster
	// Snapshot is the fleet at one moment.
	Snapshot = framework.Snapshot
	// Request is one binding that needs clusters.
	Request = framework.Request
	// Assignment is the replicas that one cluster runs.
	Assignment = framework.Assignment
)

// Plugin is what every plugin is, beside at least one of the abilities.
type Plugin interface {
	// Name names the plugin for humans. The scheduler's configuration may call it something else.
	Name() string
}

// Configurer is a plugin that takes arguments. Configure is called once before any question, with no arguments if the configuration has none.
// An error keeps the plugin from being used and is shown to the operator, so it should name the argument and what would be right.
type Configurer interface {
	Configure(ctx context.Context, args Arguments) error
}

// Versioned is a plugin that has a version, free text.
type Versioned interface {
	Version() string
}

// FactReader is a plugin that reads some facts about clusters only. The others are left out of what it sees, which spares the scheduler from
// sending each change. What a SharedFilter reads must be in it.
type FactReader interface {
	Facts() framework.Facts
}

// ErrSkip is returned by a plugin that does not apply to the request: Filter rejects nothing, Score gives nothing, Estimate knows nothing, and
// for Select and Assign the next plugin decides.
var ErrSkip = errors.New("plugin does not apply to the request")

// Arguments are what the scheduler's configuration says for the plugin, as decoded from YAML or JSON. Numbers are float64.
type Arguments map[string]any

// Decode stores the arguments in what into points to, by the rules of encoding/json. An argument that into has no field for is an error.
func (a Arguments) Decode(into any) error {
	if a == nil {
		return nil
	}
	data, err := json.Marshal(map[string]any(a))
	if err != nil {
		return fmt.Errorf("encoding arguments: %w", err)
	}
	d := json.NewDecoder(bytes.NewReader(data))
	d.DisallowUnknownFields()
	if err := d.Decode(into); err != nil {
		return fmt.Errorf("decoding arguments: %w", err)
	}
	return nil
}
