// Package clusterselection chooses the clusters that satisfy all spread constraints at once: provider, region, zone, cluster and labels. The
// choice is the best there is, as package spread defines it: fewest replicas moved, least overflow, highest score, most groups, most room.
//
// What enters the choice depends on the strategy:
//
//   - dynamic weights, Aggregated: the set must hold the replicas, and its groups must be able to hold a replica each;
//   - static weights: room only decides between sets that are equally good otherwise, for the division does not look at it. Clusters that
//     the weights would leave empty are no candidates;
//   - Duplicated, and everything that has no replicas: as before, and every chosen cluster holds everything;
//   - several components with exactly one cluster wanted: the cluster must hold one whole set.
//
// A request for a fresh division counts no replica as moved.
package clusterselection

import (
	"context"
	"slices"
	"sync"

	"github.com/longshore-project/longshore/plugins/builtin/topology"
	"github.com/longshore-project/longshore/scheduler/framework"
	"github.com/longshore-project/longshore/scheduler/spread"
)

// Plugin is the selection. Without constraints everything that is feasible goes on.
type Plugin struct{}

// Reasons in the status of a choice that was made. A choice satisfies the constraints in any case.
const (
	Proven   = "no allowed set is better"
	Unproven = "not proven best: the search stopped at its limit"
	Settled  = "the replicas stay where they are, as the weights divide them"
	TooSmall = "spreading plays no role where all clusters together lack room"
)

var (
	proven   = framework.NewStatus(framework.Success, Proven)
	unproven = framework.NewStatus(framework.Success, Unproven)
	settled  = framework.NewStatus(framework.Success, Settled)
	tooSmall = framework.NewStatus(framework.Success, TooSmall)
)

// Name returns the name by which profiles know the plugin.
func (Plugin) Name() string { return "ClusterSelection" }

// DependsOn implements framework.Repeatable. The room of clusters is part of what it is given.
func (Plugin) DependsOn(q *framework.Query) framework.Facts {
	return topology.Facts(q.Request.Placement)
}

// workspace is the memory of a selection; what was selected before never shows in an answer.
type workspace struct {
	question question
	solver   spread.Solver
	problem  spread.Problem
	keys     topology.Memory
	room     []int64
	current  []int64
	score    []int64
	tier     []int32
	rows     []int32
	set      framework.Bitset
}

var workspaces = sync.Pool{New: func() any { return new(workspace) }}

// Select returns the best clusters. A refusal names the constraint and how far the fleet is from satisfying it.
func (Plugin) Select(_ context.Context, s *framework.Selection) ([]int32, framework.Status, error) {
	if len(s.Request.Placement.Spread) == 0 {
		return s.Ranked, framework.Status{}, nil
	}
	w := workspaces.Get().(*workspace)
	defer workspaces.Put(w)
	q := &w.question
	q.ask(s)
	defer func() { *q = question{} }() // It would keep the fleet in memory.
	rows, status := q.ranked[:q.size()], proven
	if !q.unbeaten(rows) {
		rows, status = q.solve(w)
	}
	if stays, ok := q.settled(rows); ok {
		return stays, settled, nil
	}
	return rows, status, nil
}

// solve searches for the best set.
func (q *question) solve(w *workspace) ([]int32, framework.Status) {
	rows := q.sorted(w)
	best, refusal := w.solver.Solve(q.problem(rows, w))
	if refusal != nil {
		return q.refuse(refusal)
	}
	chosen := best.Chosen
	for i, at := range chosen {
		chosen[i] = rows[at]
	}
	if !best.Proven {
		return chosen, unproven
	}
	return chosen, proven
}

// refuse passes on why there is no set. Where all candidates together lack room the division says so better, and for it that is no matter
// of spreading.
func (q *question) refuse(r *spread.Infeasible) ([]int32, framework.Status) {
	if len(r.Conflict) == 1 && r.Conflict[0].Rule == spread.Room && q.Request.CountsReplicas() {
		return q.ranked, tooSmall
	}
	if q.Request.NeedsRoomForSet() && len(r.Conflict) > 0 && r.Conflict[0].Rule == spread.Room {
		return nil, framework.NewStatus(framework.Unschedulable, "no cluster has room for a whole set of the components")
	}
	return nil, framework.NewStatus(framework.Unschedulable, "spread constraint "+r.Message)
}

// problem is the question in the words of package spread, laid out in the workspace. Rows are the candidates in ascending order.
func (q *question) problem(rows []int32, w *workspace) *spread.Problem {
	w.problem = spread.Problem{
		Candidates: len(rows), Replicas: q.replicas, Divided: q.divided,
		Keys: topology.Keys(q.Snapshot, q.constraints, rows, &w.keys),
	}
	w.room = q.rooms(w.room, rows)
	w.problem.Capacity = w.room
	if len(q.current) > 0 {
		w.current = column(w.current, rows, func(row int32) int64 { return q.current[row] })
		w.problem.Current = w.current
	}
	if q.Scores != nil {
		w.score = column(w.score, rows, func(row int32) int64 { return q.Scores[row] })
		w.problem.Score = w.score
	}
	if q.Tiers != nil {
		w.tier = column(w.tier, rows, func(row int32) int32 { return int32(q.Tiers[row]) })
		w.problem.Tier = w.tier
	}
	return &w.problem
}

// rooms fills memory with the room of each row.
func (q *question) rooms(memory []int64, rows []int32) []int64 {
	if q.Available == nil || !q.divided || !q.Request.CountsReplicas() || !q.Request.Placement.Strategy.UsesCapacity() {
		return column(memory, rows, q.room)
	}
	memory = slices.Grow(memory[:0], len(rows))[:len(rows)]
	for i, row := range rows {
		memory[i] = q.Available[row].Room() // As room says of the rule, in a tenth of the time.
	}
	return memory
}

// column fills memory with a value for each row.
func column[T any](memory []T, rows []int32, of func(row int32) T) []T {
	memory = slices.Grow(memory[:0], len(rows))
	for _, row := range rows {
		memory = append(memory, of(row))
	}
	return memory
}
