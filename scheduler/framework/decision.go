package framework

import (
	"fmt"
	"slices"
	"strings"
)

// Outcome is the class of a decision. It determines what happens to the previous result and when the request is tried again.
type Outcome int

const (
	// Placed means that the request has clusters.
	Placed Outcome = iota
	// NoClusterFit means that the filters left no cluster. The previous result is void.
	NoClusterFit
	// NoRoom means that the clusters cannot hold the replicas. The previous result stays.
	NoRoom
	// Refused means anything else, a spread constraint that cannot be met for example. The previous result stays.
	Refused
)

var outcomeNames = [...]string{"Placed", "NoClusterFit", "NoRoom", "Refused"}

// String returns the name of the outcome.
func (o Outcome) String() string {
	if o < 0 || int(o) >= len(outcomeNames) {
		return "Outcome(unknown)"
	}
	return outcomeNames[o]
}

// Step is what one filter said.
type Step struct {
	Plugin     string
	Rejections []Rejection
	// KeepsTargets means that the rejections did not apply to clusters where the request runs already.
	KeepsTargets bool
}

// PluginScore is what one score plugin said, by row of the snapshot.
type PluginScore struct {
	Plugin string
	Weight int64
	Scores []int64
	// Remarks is what the plugin had to say beside.
	Remarks []ScoreRemark
}

// Attempt is everything that was found out about one term of the placement. It is read only.
type Attempt struct {
	Term     string
	Outcome  Outcome
	Status   Status
	Snapshot *Snapshot
	// Targets is where the request ran before.
	Targets  Bitset
	Filters  []Step
	Feasible Bitset
	Scores   []PluginScore
	// Available is the room for the request by row, what it runs there included; nil when capacity played no role.
	Available []Capacity
	// Spread is the constraints under which clusters were selected.
	Spread []SpreadConstraint
	// Selected is the clusters that the spread constraints left, in ascending order.
	Selected []int32
	// Remarks is what the selection had to say about a choice that it made, for example whether it is proven to be the best.
	Remarks  []string
	Division Division
	// Omissions is the plugins that did not answer and that the attempt went on without.
	Omissions []Omission
}

// Decision is the answer to a request, with its reasons. It is read only.
type Decision struct {
	Outcome Outcome
	// Status is the verdict; unless Placed, that of the first attempted term.
	Status Status
	// Targets is where the request shall run, in order of name; nil unless Placed. It may be empty: a workload without replicas runs nowhere.
	Targets []Assignment
	// Term is the name of the term that was used, empty when it has none.
	Term string
	// Attempts has one element for each term that was tried, in order. The last one succeeded if the outcome is Placed.
	Attempts []Attempt
}

// Message says in one line why the request was not placed, or where it was.
func (d *Decision) Message() string {
	if d.Outcome != Placed {
		return d.Status.Message()
	}
	return FormatTargets(d.Targets)
}

// FormatTargets prints assignments as {member1:2, member2:3}.
func FormatTargets(targets []Assignment) string {
	var b strings.Builder
	b.WriteByte('{')
	for i, t := range targets {
		if i > 0 {
			b.WriteString(", ")
		}
		fmt.Fprintf(&b, "%s:%d", t.Cluster, t.Replicas)
	}
	b.WriteByte('}')
	return b.String()
}

// Cures returns every change of the fleet that could lead to another answer, sorted and without duplicates; nil for a decision that placed
// the request.
func (d *Decision) Cures() []Cure {
	if d.Outcome == Placed {
		return nil
	}
	cures := []Cure{{Fact: FactMembership}}
	for i := range d.Attempts {
		cures = append(cures, d.Attempts[i].cures()...)
	}
	slices.SortFunc(cures, func(a, b Cure) int {
		if a.Fact != b.Fact {
			return int(a.Fact) - int(b.Fact)
		}
		return strings.Compare(a.Subject, b.Subject)
	})
	return slices.Compact(cures)
}

// cures lists what could open another cluster, and room where that was missing.
func (a *Attempt) cures() []Cure {
	var out []Cure
	for _, step := range a.Filters {
		for _, r := range step.Rejections {
			out = append(out, r.Cures...)
		}
	}
	if a.Outcome == NoRoom || a.Outcome == Refused {
		out = append(out, Cure{Fact: FactCapacity})
	}
	if a.Outcome == Refused {
		for _, c := range a.Spread {
			out = append(out, c.Cures()...)
		}
	}
	return out
}

// Cleared calls yield for every rejection that removed at least one cluster, in the order in which the filters ran, with the clusters that
// it removed and no earlier one had.
func (a *Attempt) Cleared(yield func(plugin string, r Rejection, removed Bitset)) {
	left := a.Snapshot.Candidates().Clone()
	for _, step := range a.Filters {
		for _, r := range step.Rejections {
			removed := r.Clusters.Clone()
			removed.And(left)
			if step.KeepsTargets {
				removed.AndNot(a.Targets)
			}
			if removed.Empty() {
				continue
			}
			left.AndNot(removed)
			yield(step.Plugin, r, removed)
		}
	}
}

// Histogram says how many clusters were rejected for which reason: "0/5 clusters are available: 2 …, 3 …", sorted as strings.
func (a *Attempt) Histogram() string {
	total := a.Snapshot.Candidates().Count()
	if total == 0 {
		return "no cluster exists"
	}
	counts := map[string]int{}
	a.Cleared(func(_ string, r Rejection, removed Bitset) { counts[r.Status.Message()] += removed.Count() })
	reasons := make([]string, 0, len(counts))
	for reason, n := range counts {
		reasons = append(reasons, fmt.Sprintf("%d %s", n, reason))
	}
	slices.Sort(reasons)
	return fmt.Sprintf("%d/%d clusters are available: %s", a.Feasible.Count(), total, strings.Join(reasons, ", "))
}

// RejectedBy returns which filter removed the cluster in row and why; ok is false when none did.
func (a *Attempt) RejectedBy(row int) (plugin string, status Status, ok bool) {
	a.Cleared(func(p string, r Rejection, removed Bitset) {
		if removed.Has(row) {
			plugin, status, ok = p, r.Status, true
		}
	})
	return plugin, status, ok
}
