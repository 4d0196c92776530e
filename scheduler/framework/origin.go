package framework

import (
	"fmt"
	"slices"
	"strings"
	"time" //nolint:depguard // A moment is a value here like any other: nothing in this package reads a clock.
)

// Origin says from where a capacity is known. It is shared by many capacities and read only.
type Origin struct {
	// Source names who said it in a few words, for example "summary" or "estimator dns:///host:10352".
	Source string
	// At is when it was true of the member; zero means that this is not known.
	At time.Time
	// Fallback is a clause that says why a better source could not be used, or which limit was learned; empty for neither.
	Fallback string
	// Note says more about the number, for example "could grow to 12"; empty for nothing.
	Note string
}

// String returns the source, its time and the note.
func (o *Origin) String() string {
	out := o.Source
	if !o.At.IsZero() {
		out += " at " + o.At.UTC().Format(time.RFC3339)
	}
	if o.Note != "" {
		out += " (" + o.Note + ")"
	}
	return out
}

// Fallback is a set of clusters whose capacity comes from a lesser source than the profile asks for.
type Fallback struct {
	// Reason says why, and Source what was used instead.
	Reason, Source string
	// Clusters is the names in ascending order.
	Clusters []string
}

// String returns one clause.
func (f Fallback) String() string {
	return fmt.Sprintf("room of %s from %s (%s)", firstFew(f.Clusters), f.Source, f.Reason)
}

// namesInClause bounds how many clusters a clause names.
const namesInClause = 5

func firstFew(names []string) string {
	if more := len(names) - namesInClause; more > 0 {
		return fmt.Sprintf("%s and %d more", strings.Join(names[:namesInClause], ", "), more)
	}
	return strings.Join(names, ", ")
}

// Fallbacks returns which feasible clusters' capacity comes from a lesser source, sorted by reason and source.
func (a *Attempt) Fallbacks() []Fallback {
	if a.Available == nil {
		return nil
	}
	var out []Fallback
	for _, row := range a.Feasible.AppendRows(nil) {
		o := a.Available[row].Origin
		if o == nil || o.Fallback == "" {
			continue
		}
		i := slices.IndexFunc(out, func(f Fallback) bool { return f.Reason == o.Fallback && f.Source == o.Source })
		if i < 0 {
			i, out = len(out), append(out, Fallback{Reason: o.Fallback, Source: o.Source})
		}
		out[i].Clusters = append(out[i].Clusters, a.Snapshot.Name(int(row)))
	}
	slices.SortFunc(out, func(x, y Fallback) int { return strings.Compare(x.Reason+"\x00"+x.Source, y.Reason+"\x00"+y.Source) })
	return out
}

// Fallbacks returns those of the attempt that was decided upon, or of the first one if none was.
func (d *Decision) Fallbacks() []Fallback {
	switch {
	case len(d.Attempts) == 0:
		return nil
	case d.Outcome == Placed:
		return d.Attempts[len(d.Attempts)-1].Fallbacks()
	default:
		return d.Attempts[0].Fallbacks()
	}
}
