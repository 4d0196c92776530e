package framework

import (
	"fmt"
	"strings"
)

// GroupChoice says which groups of one spread constraint a selection touches.
type GroupChoice struct {
	Constraint SpreadConstraint
	// Chosen is the names of the groups that the selected clusters belong to, in ascending order; nil for the key cluster, where the selected
	// clusters are the groups.
	Chosen []string
	// Feasible is the number of groups of all feasible clusters.
	Feasible int
}

// Groups returns the groups of the selected clusters, one element for each spread constraint in the order of the placement.
func (a *Attempt) Groups() []GroupChoice {
	out := make([]GroupChoice, len(a.Spread))
	feasible := a.Feasible.AppendRows(nil)
	for i, c := range a.Spread {
		out[i].Constraint = c
		g := a.Snapshot.Groups(c)
		if g == nil {
			out[i].Feasible = len(feasible)
			continue
		}
		out[i].Chosen, out[i].Feasible = g.namesOf(a.Selected), len(g.namesOf(feasible))
	}
	return out
}

// namesOf returns the names of all groups of the rows in ascending order.
func (g *Groups) namesOf(rows []int32) []string {
	touched := make([]bool, len(g.Names))
	for _, row := range rows {
		for _, id := range g.Of(row) {
			touched[id] = true
		}
	}
	var out []string
	for id, name := range g.Names {
		if touched[id] {
			out = append(out, name)
		}
	}
	return out
}

// Explain says for each term that was tried which clusters were rejected and why, what was selected under which constraint, and how the
// replicas were divided: several lines, made to be read by people and equal for equal decisions.
func (d *Decision) Explain() string {
	var b strings.Builder
	fmt.Fprintf(&b, "%v: %s\n", d.Outcome, d.Message())
	for i := range d.Attempts {
		d.Attempts[i].explain(&b)
	}
	return b.String()
}

func (a *Attempt) explain(b *strings.Builder) {
	if a.Term != "" {
		fmt.Fprintf(b, "term %s\n", a.Term)
	}
	fmt.Fprintf(b, "  filters: %s\n", strings.TrimSuffix(a.Histogram(), ": "))
	if len(a.Omissions) > 0 {
		fmt.Fprintf(b, "  decided without: %s\n", join(a.Omissions))
	}
	if !a.Status.IsSuccess() {
		fmt.Fprintf(b, "  refused by %s: %s\n", orPipeline(a.Status.Plugin), a.Status.Message())
	}
	for _, f := range a.Fallbacks() {
		fmt.Fprintf(b, "  %v\n", f)
	}
	for i := range a.Scores {
		a.explainRemarks(b, &a.Scores[i])
	}
	if a.Selected != nil {
		a.explainSelection(b)
		a.explainDivision(b)
	}
}

// namesInRemark bounds how many clusters a remark names.
const namesInRemark = 5

func (a *Attempt) explainRemarks(b *strings.Builder, s *PluginScore) {
	for _, r := range s.Remarks {
		rows := r.Clusters.AppendRows(nil)
		names := make([]string, 0, namesInRemark+1)
		for i, row := range rows {
			if i == namesInRemark {
				names = append(names, "…")
				break
			}
			names = append(names, a.Snapshot.Name(int(row)))
		}
		fmt.Fprintf(b, "  score %s: %d of %d clusters %s (%s)\n", s.Plugin, len(rows), a.Feasible.Count(), r.Text, strings.Join(names, ", "))
	}
}

// orPipeline names who refused.
func orPipeline(plugin string) string {
	if plugin == "" {
		return "the filters"
	}
	return plugin
}

func (a *Attempt) explainSelection(b *strings.Builder) {
	fmt.Fprintf(b, "  selected: %d of %d feasible clusters", len(a.Selected), a.Feasible.Count())
	if len(a.Remarks) > 0 {
		fmt.Fprintf(b, "; %s", strings.Join(a.Remarks, ", "))
	}
	b.WriteByte('\n')
	for _, g := range a.Groups() {
		chosen := len(g.Chosen)
		if g.Chosen == nil {
			chosen = len(a.Selected)
		}
		fmt.Fprintf(b, "    %v: %d of %d", g.Constraint, chosen, g.Feasible)
		if g.Chosen != nil {
			fmt.Fprintf(b, " (%s)", strings.Join(g.Chosen, ", "))
		}
		b.WriteByte('\n')
	}
}

func (a *Attempt) explainDivision(b *strings.Builder) {
	if a.Division.Weights != nil {
		fmt.Fprintf(b, "  divided: %d by weight", a.Division.Seats)
		if a.Division.Unplaced > 0 {
			fmt.Fprintf(b, ", %d unplaced", a.Division.Unplaced)
		}
		b.WriteByte('\n')
	}
	for i, row := range a.Selected {
		if i >= len(a.Division.Replicas) {
			return
		}
		fmt.Fprintf(b, "    %s: %d", a.Snapshot.Name(int(row)), a.Division.Replicas[i])
		if a.Division.Weights != nil {
			fmt.Fprintf(b, ", weight %d", a.Division.Weights[i])
		}
		a.explainRoom(b, int(row))
		if score := a.ScoreOf(int(row)); score != 0 {
			fmt.Fprintf(b, ", score %d", score)
			a.explainScore(b, int(row))
		}
		b.WriteByte('\n')
	}
}

// explainRoom says what fits in the cluster and who said so, if that is told.
func (a *Attempt) explainRoom(b *strings.Builder, row int) {
	if a.Available == nil || a.Available[row].Origin == nil {
		return
	}
	if c := a.Available[row]; c.Known {
		fmt.Fprintf(b, ", room for %d by %v", c.Replicas, c.Origin)
	}
}

// explainScore says of which scores the sum is made, unless it is one score itself.
func (a *Attempt) explainScore(b *strings.Builder, row int) {
	if len(a.Scores) == 1 && a.Scores[0].Weight == 1 {
		return
	}
	parts := make([]string, len(a.Scores))
	for i, s := range a.Scores {
		parts[i] = fmt.Sprintf("%s %d", s.Plugin, s.Scores[row])
		if s.Weight != 1 {
			parts[i] += fmt.Sprintf(" × %d", s.Weight)
		}
	}
	fmt.Fprintf(b, " (%s)", strings.Join(parts, ", "))
}

// ScoreOf returns the weighted sum of all scores of the cluster in row.
func (a *Attempt) ScoreOf(row int) int64 {
	var sum int64
	for _, s := range a.Scores {
		sum = SaturatingAdd(sum, SaturatingMul(s.Scores[row], s.Weight))
	}
	return sum
}
