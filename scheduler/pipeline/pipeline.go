// Package pipeline makes one decision: filter, score, estimate, rank, select, assign. Schedule is a function of its arguments.
package pipeline

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"github.com/longshore-project/longshore/scheduler/framework"
)

// WeightedScore is a score plugin and what its scores are multiplied by.
type WeightedScore struct {
	Plugin framework.Score
	Weight int64
}

// Profile is the set of plugins that decide, in the order in which they run. Select and Assign are required. A profile is read only while
// decisions are made with it; several may be made at once.
type Profile struct {
	Filters []framework.Filter
	Scores  []WeightedScore
	// Estimates are asked for the room in each cluster, of which the lowest known answer counts.
	Estimates []framework.Estimate
	Select    framework.Select
	Assign    framework.Assign
	// KeepEmpty keeps selected clusters in the result that get no replicas.
	KeepEmpty bool
	// Memo remembers answers that are still true. It changes how long a decision takes and nothing else. Nil remembers nothing.
	Memo *Memo
}

var errNoPlacement = errors.New("request has no placement: nothing says where it may run")

// Schedule decides where the request shall run. The placement's terms are tried in order, from the one in use; the first that succeeds is
// the decision, and if none does the decision carries the outcome of the first that was tried. The error means that the question was
// malformed or that a plugin broke, and no decision was made.
func Schedule(ctx context.Context, p *Profile, s *framework.Snapshot, r *framework.Request) (framework.Decision, error) {
	return Follow(ctx, p, s, r, func(Stage) {})
}

// Stage is a part of a decision.
type Stage string

// The stages, in their order. A decision that is remembered has none, and one that tries several terms has them several times.
const (
	StageFilter   Stage = "Filter"
	StageScore    Stage = "Score"
	StageEstimate Stage = "Estimate"
	StageSelect   Stage = "Select"
	StageAssign   Stage = "AssignReplicas"
)

// Stages returns all stages in their order.
func Stages() []Stage {
	return []Stage{StageFilter, StageScore, StageEstimate, StageSelect, StageAssign}
}

// Follow is Schedule, and calls passed after each stage that was gone through, for who wants to know how long it took. The decision does not depend on
// passed.
func Follow(ctx context.Context, p *Profile, s *framework.Snapshot, r *framework.Request, passed func(Stage)) (framework.Decision, error) {
	if r.Placement == nil || len(r.Placement.Terms) == 0 {
		return framework.Decision{}, errNoPlacement
	}
	if d, ok := p.Memo.answer(p, s, r); ok {
		return d, nil
	}
	basis := basis{facts: framework.FactMembership, known: p.Memo != nil && isRepeatable(r)}
	d, err := decide(ctx, p, s, r, &basis, passed)
	if err == nil && basis.known {
		p.Memo.keep(p, s, r, &d, basis.facts)
	}
	return d, err
}

// decide tries the terms, and notes on what the decision is based.
func decide(ctx context.Context, p *Profile, s *framework.Snapshot, r *framework.Request, on *basis, passed func(Stage)) (framework.Decision, error) {
	var d framework.Decision
	first := r.StartTerm()
	for i := first; i < len(r.Placement.Terms); i++ {
		a, err := try(ctx, p, framework.Query{Snapshot: s, Request: r, Term: i}, passed)
		if err != nil {
			return framework.Decision{}, err
		}
		on.add(a)
		if d.Attempts == nil {
			d.Attempts = a.found.attempt[:] // One term is the rule: its attempt stays where it is.
		} else {
			d.Attempts = append(d.Attempts, *a.Attempt)
		}
		if a.Outcome == framework.Placed {
			d.Term, d.Targets = a.Term, a.targets()
			d.Outcome, d.Status = framework.Placed, a.Status
			return d, nil
		}
	}
	d.Outcome, d.Status = d.Attempts[0].Outcome, d.Attempts[0].Status
	return d, nil
}

// fewFilters is how many filters take no memory beside what is there for them.
const fewFilters = 8

// findings is what stays of the work on one term, as long as the decision.
type findings struct {
	attempt [1]framework.Attempt
	steps   [fewFilters]framework.Step
}

// attempt is the work on one term. It belongs to the decision being made, and what the stages are asked is part of it.
type attempt struct {
	// Attempt is found.attempt[0].
	*framework.Attempt
	found     *findings
	profile   *Profile
	query     framework.Query
	selection framework.Selection
	allotment framework.Allotment
	// running is where the request runs now, in ascending order of row.
	running []placed
	// estimates is what fits beside that, by row; nil when capacity plays no role.
	estimates []framework.Capacity
	// byRoom is all rows by estimate descending and name ascending; nil when capacity plays no role.
	byRoom []int32
	scores []int64
}

// placed is replicas that run in a row.
type placed struct {
	row      int32
	replicas int64
}

// try works through the stages until one refuses.
func try(ctx context.Context, p *Profile, q framework.Query, passed func(Stage)) (*attempt, error) {
	a := &attempt{profile: p, query: q, found: new(findings)}
	a.Attempt = &a.found.attempt[0]
	a.Snapshot, a.Term, a.Spread = q.Snapshot, q.CurrentTerm().Name, q.Request.Placement.Spread
	a.locate()
	p.Memo.describe(&a.query)
	err := a.filter(ctx)
	passed(StageFilter)
	if err != nil {
		return nil, err
	}
	if a.Feasible.Empty() {
		a.refuse(framework.NoClusterFit, framework.NewStatus(framework.Unschedulable, a.Histogram()))
		return a, nil
	}
	err = a.score(ctx)
	passed(StageScore)
	err = errors.Join(err, a.estimate(ctx))
	passed(StageEstimate)
	if err != nil {
		return nil, err
	}
	err = a.selectClusters(ctx, a.rank())
	passed(StageSelect)
	if err != nil || a.Outcome != framework.Placed {
		return a, err
	}
	err = a.assign(ctx)
	passed(StageAssign)
	return a, err
}

func (a *attempt) refuse(o framework.Outcome, s framework.Status) { a.Outcome, a.Status = o, s }

// locate finds the rows of the clusters in which the request runs. Clusters that are gone are left out.
func (a *attempt) locate() {
	current := a.query.Request.Current
	if len(current) == 0 {
		return
	}
	a.running = make([]placed, 0, len(current))
	a.Targets = framework.NewBitset(a.Snapshot.Len())
	for _, t := range current {
		if row, ok := a.Snapshot.Row(t.Cluster); ok && !a.Targets.Has(row) {
			a.running = append(a.running, placed{int32(row), t.Replicas})
			a.Targets.Set(row)
		}
	}
	slices.SortFunc(a.running, func(x, y placed) int { return int(x.row) - int(y.row) })
}

// filter runs the filters in order, each on what the ones before it left.
func (a *attempt) filter(ctx context.Context) error {
	a.Feasible = a.Snapshot.Candidates().Clone()
	a.Filters = slices.Grow(a.found.steps[:0], len(a.profile.Filters))
	var removed framework.Bitset // scratch
	verdicts := a.profile.Memo.judge(&a.query, len(a.profile.Filters))
	defer verdicts.done()
	for i, f := range a.profile.Filters {
		rejections, err := verdicts.filter(ctx, i, f, a.Feasible)
		if err != nil && !a.omit(err) {
			return fmt.Errorf("running filter %s: %w", f.Name(), err)
		}
		keeps := keepsTargets(f)
		a.Filters = append(a.Filters, framework.Step{Plugin: f.Name(), Rejections: rejections, KeepsTargets: keeps})
		for _, r := range rejections {
			if !keeps || a.Targets == nil {
				a.Feasible.AndNot(r.Clusters)
				continue
			}
			removed = append(removed[:0], r.Clusters...)
			removed.AndNot(a.Targets)
			a.Feasible.AndNot(removed)
		}
	}
	return nil
}

// omit notes a plugin that the decision is to do without, and reports whether the error says that.
func (a *attempt) omit(err error) bool {
	omitted, ok := errors.AsType[*framework.OmittedError](err)
	if ok {
		a.Omissions = append(a.Omissions, omitted.Omission)
	}
	return ok
}

func keepsTargets(f framework.Filter) bool {
	lenient, ok := f.(framework.LenientFilter)
	return ok && lenient.KeepsTargets()
}

// score adds up the weighted scores by row.
func (a *attempt) score(ctx context.Context) error {
	for _, s := range a.profile.Scores {
		if skippable, ok := s.Plugin.(framework.SkippableScore); ok && skippable.Skips(&a.query) {
			continue
		}
		scores := make([]int64, a.Snapshot.Len())
		err := s.Plugin.Score(ctx, &a.query, a.Feasible, scores)
		if a.omit(err) {
			continue
		}
		if err != nil {
			return fmt.Errorf("running score %s: %w", s.Plugin.Name(), err)
		}
		said := framework.PluginScore{Plugin: s.Plugin.Name(), Weight: s.Weight, Scores: scores}
		if r, ok := s.Plugin.(framework.RemarkingScore); ok {
			said.Remarks = r.Remarks(&a.query, a.Feasible)
		}
		a.Scores = append(a.Scores, said)
	}
	a.scores = total(a.Scores, a.Snapshot.Len())
	return nil
}

// total returns nil for no scores, which is 0 everywhere.
func total(scores []framework.PluginScore, rows int) []int64 {
	if len(scores) == 0 {
		return nil
	}
	if len(scores) == 1 && scores[0].Weight == 1 {
		return scores[0].Scores
	}
	sum := make([]int64, rows)
	for _, s := range scores {
		for row, n := range s.Scores {
			sum[row] = framework.SaturatingAdd(sum[row], framework.SaturatingMul(n, s.Weight))
		}
	}
	return sum
}

// estimate fills in what fits, if anybody is going to ask.
func (a *attempt) estimate(ctx context.Context) error {
	if !asksForRoom(a.query.Request) {
		return nil
	}
	room, err := a.profile.Memo.estimate(ctx, a.profile.Estimates, &a.query)
	if err != nil {
		return err
	}
	a.estimates, a.byRoom = room.fits, room.byRoom
	a.Omissions = append(a.Omissions, room.omissions...)
	a.Available = a.estimates
	if len(a.running) > 0 {
		a.Available = slices.Clone(a.estimates)
	}
	for _, p := range a.running {
		a.Available[p.row].Replicas = framework.SaturatingAdd(a.Available[p.row].Replicas, p.replicas)
		a.Available[p.row].Known = a.Available[p.row].Known || p.replicas > 0
	}
	return nil
}

// asksForRoom reports whether capacity plays a role: for the division, or for the order in which clusters are selected. A request without
// replicas fits everywhere.
func asksForRoom(r *framework.Request) bool {
	if r.Replicas == 0 && len(r.Components) == 0 {
		return false
	}
	return r.DividesReplicas() && r.Placement.Strategy.UsesCapacity() || len(r.Placement.Spread) > 0
}

// selectClusters lets the plugin choose from the ranking.
func (a *attempt) selectClusters(ctx context.Context, ranked []int32) error {
	plugin := a.profile.Select
	a.selection = framework.Selection{Query: a.query, Ranked: ranked, Scores: a.scores, Available: a.Available}
	in := &a.selection
	rows, status, err := plugin.Select(ctx, in)
	if chained, ok := plugin.(framework.ChainedSelect); ok && a.omit(err) {
		plugin = chained.NextSelect()
		rows, status, err = plugin.Select(ctx, in)
	}
	if err != nil {
		return fmt.Errorf("running select %s: %w", plugin.Name(), err)
	}
	if status.IsSuccess() && len(rows) == 0 {
		status = framework.NewStatus(framework.Unschedulable, "no cluster was selected")
	}
	if !status.IsSuccess() {
		status.Plugin = plugin.Name()
		a.refuse(framework.Refused, status)
		return nil
	}
	a.Selected, a.Remarks = a.ascending(rows), status.Reasons
	return nil
}

// ascending returns the selected rows in order, without changing the argument.
func (a *attempt) ascending(rows []int32) []int32 {
	if slices.IsSorted(rows) {
		return rows
	}
	set := a.Feasible
	if !slices.Equal(rows, a.selection.Ranked) {
		set = framework.NewBitset(a.Snapshot.Len())
		for _, row := range rows {
			set.Set(int(row))
		}
	}
	return set.AppendRows(make([]int32, 0, len(rows)))
}

// assign lets the plugin divide the replicas.
func (a *attempt) assign(ctx context.Context) error {
	plugin := a.profile.Assign
	a.allotment = framework.Allotment{Query: a.query, Selected: a.Selected, Current: a.currentOfSelected(), Estimates: a.estimates}
	in := &a.allotment
	division, status, err := plugin.Assign(ctx, in)
	if chained, ok := plugin.(framework.ChainedAssign); ok && a.omit(err) {
		plugin = chained.NextAssign()
		division, status, err = plugin.Assign(ctx, in)
	}
	if err != nil {
		return fmt.Errorf("running assign %s: %w", plugin.Name(), err)
	}
	a.Division = division
	if !status.IsSuccess() {
		status.Plugin = plugin.Name()
		a.refuse(outcomeOf(status.Code), status)
		return nil
	}
	if len(division.Replicas) != len(a.Selected) {
		return fmt.Errorf("running assign %s: %d answers for %d clusters", plugin.Name(), len(division.Replicas), len(a.Selected))
	}
	return nil
}

func outcomeOf(c framework.Code) framework.Outcome {
	if c == framework.Unschedulable || c == framework.UnschedulableAndUnresolvable {
		return framework.NoRoom
	}
	return framework.Refused
}

// currentOfSelected merges two lists that are both in ascending order of row.
func (a *attempt) currentOfSelected() []int64 {
	out := make([]int64, len(a.Selected))
	left := a.running
	for i, row := range a.Selected {
		for len(left) > 0 && left[0].row < row {
			left = left[1:]
		}
		if len(left) > 0 && left[0].row == row {
			out[i] = left[0].replicas
		}
	}
	return out
}

// targets returns the result. Clusters without replicas are not part of it where replicas are what counts.
func (a *attempt) targets() []framework.Assignment {
	dropEmpty := a.query.Request.CountsReplicas() && !a.profile.KeepEmpty
	n := 0
	for _, replicas := range a.Division.Replicas {
		if replicas > 0 || !dropEmpty {
			n++
		}
	}
	out := make([]framework.Assignment, 0, n)
	for i, replicas := range a.Division.Replicas {
		if replicas > 0 || !dropEmpty {
			out = append(out, framework.Assignment{Cluster: a.Snapshot.Name(int(a.Selected[i])), Replicas: replicas})
		}
	}
	return out
}
