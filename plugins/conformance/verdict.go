package conformance

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/longshore-project/longshore/scheduler/framework"
)

// verdict asks the subject everything that it can be asked about the query and returns the answers as text that names clusters instead of
// rows, so that answers about the same clusters in different snapshots compare.
func verdict(ctx context.Context, s Subject, q *framework.Query) (string, error) {
	v := &verdicts{ctx: ctx, subject: s, query: q, rows: q.Snapshot.Candidates().AppendRows(nil)}
	for _, ask := range []func() error{v.filter, v.score, v.estimate, v.selectClusters, v.assign} {
		if err := ask(); err != nil {
			return "", fmt.Errorf("request %q: %w", q.Request.Key, err)
		}
	}
	return v.text.String(), nil
}

type verdicts struct {
	ctx     context.Context
	subject Subject
	query   *framework.Query
	rows    []int32
	text    strings.Builder
}

func (v *verdicts) say(format string, args ...any) { fmt.Fprintf(&v.text, format+"\n", args...) }

func (v *verdicts) name(row int32) string { return v.query.Snapshot.Name(int(row)) }

func (v *verdicts) filter() error {
	if v.subject.Filter == nil {
		return nil
	}
	rejections, err := v.subject.Filter.Filter(v.ctx, v.query, v.query.Snapshot.Candidates())
	if err != nil {
		return fmt.Errorf("filter: %w", err)
	}
	for _, r := range rejections {
		if r.Status.IsSuccess() {
			return fmt.Errorf("filter: rejection of %d clusters has status Success", r.Clusters.Count())
		}
		var names []string
		for row := range r.Clusters.All() {
			if row >= v.query.Snapshot.Len() {
				return fmt.Errorf("filter: rejection names row %d of %d", row, v.query.Snapshot.Len())
			}
			names = append(names, v.name(int32(row)))
		}
		v.say("rejected %s %s %v: %s", r.Status.Code, r.Status.Message(), r.Cures, strings.Join(names, " "))
	}
	return nil
}

// untouched marks scores that must not be written.
const untouched = -12345

func (v *verdicts) score() error {
	if v.subject.Score == nil {
		return nil
	}
	clusters := framework.NewBitset(v.query.Snapshot.Len())
	scores := make([]int64, v.query.Snapshot.Len())
	for i := range scores {
		scores[i] = untouched
	}
	for i, row := range v.rows {
		if i%3 != 2 {
			clusters.Set(int(row))
			scores[row] = 0
		}
	}
	if err := v.subject.Score.Score(v.ctx, v.query, clusters, scores); err != nil {
		return fmt.Errorf("score: %w", err)
	}
	for row, s := range scores {
		switch asked := clusters.Has(row); {
		case asked && (s < 0 || s > framework.MaxScore):
			return fmt.Errorf("score: %s got %d, which is not in 0 to %d", v.name(int32(row)), s, framework.MaxScore)
		case !asked && s != untouched:
			return fmt.Errorf("score: %s got %d without being asked about", v.name(int32(row)), s)
		case asked:
			v.say("score %s %d", v.name(int32(row)), s)
		}
	}
	return nil
}

func (v *verdicts) estimate() error {
	if v.subject.Estimate == nil {
		return nil
	}
	out := make([]framework.Capacity, len(v.rows))
	if err := v.subject.Estimate.Estimate(v.ctx, v.query, v.rows, out); err != nil {
		return fmt.Errorf("estimate: %w", err)
	}
	for i, c := range out {
		if c.Known && c.Replicas < 0 {
			return fmt.Errorf("estimate: %s has room for %d", v.name(v.rows[i]), c.Replicas)
		}
		v.say("room %s %d %t", v.name(v.rows[i]), c.Room(), c.Known)
	}
	return nil
}

func (v *verdicts) selectClusters() error {
	if v.subject.Select == nil || len(v.rows) == 0 {
		return nil
	}
	in := v.selection()
	rows, status, err := v.subject.Select.Select(v.ctx, in)
	if err != nil {
		return fmt.Errorf("select: %w", err)
	}
	names := map[string]bool{}
	for _, row := range rows {
		if int(row) >= v.query.Snapshot.Len() || row < 0 || !slices.Contains(in.Ranked, row) {
			return fmt.Errorf("select: row %d was not offered", row)
		}
		if names[v.name(row)] {
			return fmt.Errorf("select: %s was chosen twice", v.name(row))
		}
		names[v.name(row)] = true
	}
	sorted := make([]string, 0, len(names))
	for name := range names {
		sorted = append(sorted, name)
	}
	slices.Sort(sorted)
	v.say("selected %s %s: %s", status.Code, status.Message(), strings.Join(sorted, " "))
	return nil
}

// selection offers every other candidate, the last in the alphabet first. Without replicas neither scores nor room play a role.
func (v *verdicts) selection() *framework.Selection {
	n := v.query.Snapshot.Len()
	in := &framework.Selection{Query: *v.query, Scores: make([]int64, n), Available: make([]framework.Capacity, n)}
	for i := len(v.rows) - 1; i >= 0; i -= 2 {
		in.Ranked = append(in.Ranked, v.rows[i])
	}
	for row := range n {
		in.Scores[row] = int64(row % 101)
		in.Available[row] = framework.Capacity{Replicas: int64(row % 7), Known: row%5 != 0}
		if row%5 == 0 {
			in.Available[row] = framework.Capacity{}
		}
	}
	if v.query.Request.Replicas == 0 {
		in.Scores, in.Available = nil, nil
	}
	return in
}

func (v *verdicts) assign() error {
	if v.subject.Assign == nil || len(v.rows) == 0 {
		return nil
	}
	in := v.allotment()
	d, status, err := v.subject.Assign.Assign(v.ctx, in)
	if err != nil {
		return fmt.Errorf("assign: %w", err)
	}
	if status.IsSuccess() && len(d.Replicas) != len(in.Selected) {
		return fmt.Errorf("assign: %d answers for %d clusters", len(d.Replicas), len(in.Selected))
	}
	var sum int64
	for i, n := range d.Replicas {
		if n < 0 {
			return fmt.Errorf("assign: %s got %d replicas", v.name(in.Selected[i]), n)
		}
		sum += n
		v.say("assigned %s %d", v.name(in.Selected[i]), n)
	}
	if r := v.query.Request; r.DividesReplicas() && status.IsSuccess() && sum+d.Unplaced != r.Replicas {
		return fmt.Errorf("assign: %d replicas were divided and %d left over, but %d are wanted", sum, d.Unplaced, r.Replicas)
	}
	v.say("assigned %s %s, weights %v, seats %d, unplaced %d", status.Code, status.Message(), d.Weights, d.Seats, d.Unplaced)
	return nil
}

// allotment has the first five candidates, all with room if that plays a role.
func (v *verdicts) allotment() *framework.Allotment {
	in := &framework.Allotment{
		Query: *v.query, Selected: v.rows[:min(5, len(v.rows))], Estimates: make([]framework.Capacity, v.query.Snapshot.Len()),
	}
	for i, row := range in.Selected {
		var current int64
		for _, a := range v.query.Request.Current {
			if a.Cluster == v.name(row) {
				current = a.Replicas
			}
		}
		in.Current = append(in.Current, current)
		in.Estimates[row] = framework.Capacity{Replicas: int64(4 + i), Known: true}
	}
	if !v.query.Request.Placement.Strategy.UsesCapacity() {
		in.Estimates = nil
	}
	return in
}
