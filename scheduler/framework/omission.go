package framework

import (
	"fmt"
	"strings"
)

// Omission is a plugin that a decision was made without although its profile asks it, because it could not answer.
type Omission struct {
	// Plugin is the name of the plugin, and Stage what it was asked to do: filter, score, estimate, select or assign.
	Plugin, Stage string
	// Reason is a short clause for humans that says why there was no answer, without a final stop.
	Reason string
}

// String returns one clause.
func (o Omission) String() string { return fmt.Sprintf("%s (%s: %s)", o.Plugin, o.Stage, o.Reason) }

// OmittedError is the error of a plugin that broke and that the decision is to do without: filters then reject nothing, scores are 0, estimates
// unknown, and the successor of a ChainedSelect or ChainedAssign decides. Any other error ends the decision.
type OmittedError struct{ Omission }

// Error says which plugin is left out and why.
func (e *OmittedError) Error() string { return "leaving out " + e.String() }

// ChainedSelect is a Select with a successor that chooses where it is omitted.
type ChainedSelect interface {
	Select
	NextSelect() Select
}

// ChainedAssign is an Assign with a successor that divides where it is omitted.
type ChainedAssign interface {
	Assign
	NextAssign() Assign
}

// Omissions returns whom the decision was made without, in the order in which they were asked, each plugin and stage once.
func (d *Decision) Omissions() []Omission {
	var out []Omission
	type source struct{ plugin, stage string }
	seen := map[source]bool{}
	for i := range d.Attempts {
		for _, o := range d.Attempts[i].Omissions {
			if from := (source{o.Plugin, o.Stage}); !seen[from] {
				seen[from] = true
				out = append(out, o)
			}
		}
	}
	return out
}

// Caveat says in one clause whom the decision was made without, and whose room comes from a lesser source; empty if every plugin answered fully.
func (d *Decision) Caveat() string {
	var clauses []string
	if omissions := d.Omissions(); len(omissions) > 0 {
		clauses = append(clauses, "without "+join(omissions))
	}
	for _, f := range d.Fallbacks() {
		clauses = append(clauses, "with the "+f.String())
	}
	if len(clauses) == 0 {
		return ""
	}
	return "decided " + strings.Join(clauses, ", ")
}

func join(omissions []Omission) string {
	clauses := make([]string, len(omissions))
	for i, o := range omissions {
		clauses[i] = o.String()
	}
	return strings.Join(clauses, ", ")
}
