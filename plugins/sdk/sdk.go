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

// The abilities that a plugin can have. See their declarations for what each promises.
type (
	Filter         = framework.Filter
	SharedFilter   = framework.SharedFilter
	LenientFilter  = framework.LenientFilter
	Score          = framework.Score
	Estimate       = framework.Estimate
	SharedEstimate = framework.SharedEstimate
	Select         = framework.Select
	Assign         = framework.Assign
)

// The values that plugins work with.
type (
	Query      = framework.Query
	Selection  = framework.Selection
	Allotment  = framework.Allotment
	Division   = framework.Division
	Rejection  = framework.Rejection
	Status     = framework.Status
	Cure       = framework.Cure
	Facts      = framework.Facts
	Bitset     = framework.Bitset
	Capacity   = framework.Capacity
	Cluster    = framework.Cluster
	Snapshot   = framework.Snapshot
	Request    = framework.Request
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
