package host

import (
	"context"
	"errors"
	"fmt"

	pluginv1 "github.com/longshore-project/longshore/plugins/proto/v1"
	"github.com/longshore-project/longshore/plugins/wire"
	"github.com/longshore-project/longshore/scheduler/framework"
)

// Filter returns the plugin as a filter. It is asked for each decision.
func (p *Plugin) Filter() framework.Filter { return filter{p} }

// SharedFilter returns the plugin as a filter whose verdicts a pipeline.Memo may keep. Ok is false if the plugin does not run or does not allow
// it, and under the policy Skip, because a verdict that was left out must not be remembered. What a memo remembers becomes void when the
// plugin is replaced or configured anew: make a new memo whenever Status.Restarts changed.
func (p *Plugin) SharedFilter() (f framework.SharedFilter, ok bool) {
	s := p.current.Load()
	if s == nil || !s.info.GetSharesFilter() || p.spec.Load().FailurePolicy == Skip {
		return nil, false
	}
	return sharedFilter{filter{p}}, true
}

// Score returns the plugin as a score.
func (p *Plugin) Score() framework.Score {
	p.scores.Store(true)
	return score{p}
}

// Estimate returns the plugin as an estimate. It is asked for each decision.
func (p *Plugin) Estimate() framework.Estimate { return estimate{p} }

// SharedEstimate returns the plugin as an estimate whose answers a pipeline.Memo may keep. What is said of SharedFilter holds here too.
func (p *Plugin) SharedEstimate() (e framework.SharedEstimate, ok bool) {
	s := p.current.Load()
	if s == nil || !s.info.GetSharesEstimate() || p.spec.Load().FailurePolicy == Skip {
		return nil, false
	}
	return sharedEstimate{estimate{p}}, true
}

// Select returns the plugin as a selection. Next decides where the plugin does not apply or is omitted.
func (p *Plugin) Select(next framework.Select) framework.Select { return selection{p, next} }

// Assign returns the plugin as a division. Next decides where the plugin does not apply or is omitted.
func (p *Plugin) Assign(next framework.Assign) framework.Assign { return assign{p, next} }

// Name returns the name of the plugin in the configuration.
func (p *Plugin) Name() string { return p.name }

type filter struct{ *Plugin }

// KeepsTargets implements framework.LenientFilter.
func (f filter) KeepsTargets() bool {
	s := f.current.Load()
	return s != nil && s.info.GetKeepsTargets()
}

// Filter asks for the verdict. If the plugin is to score too it is asked for both at once: when nobody else rejects anything, that is the
// score that is wanted next.
func (f filter) Filter(ctx context.Context, q *framework.Query, candidates framework.Bitset) ([]framework.Rejection, error) {
	return f.ask(ctx, q, candidates, f.scores.Load() && f.offers(pluginv1.Stage_STAGE_SCORE))
}

func (f filter) ask(ctx context.Context, q *framework.Query, candidates framework.Bitset, both bool) (out []framework.Rejection, err error) {
	err = f.Plugin.ask(ctx, &call{
		stage: pluginv1.Stage_STAGE_FILTER, query: q,
		fill: func(m *pluginv1.Question) {
			m.Filter = &pluginv1.FilterQuestion{Candidates: wire.FromBitset(candidates)}
			if both {
				m.Score = &pluginv1.ScoreQuestion{AfterFilter: true}
			}
		},
		read: func(a *pluginv1.Answer) (err error) {
			if a.GetFilter() == nil {
				return errNothing
			}
			if out, err = wire.ToRejections(a.GetFilter().GetRejections(), q.Snapshot.Len()); err != nil {
				return err
			}
			if both && a.GetScore() != nil {
				f.fused.put(q, fuse(candidates, out, a.GetScore()))
			}
			return skipped(a.GetFilter().GetSkip())
		},
	})
	return out, unlessSkipped(err)
}

var errNothing = errors.New("the answer to what was asked is missing")

// skipped returns errSkipped when the plugin said so.
func skipped(skip bool) error {
	if skip {
		return errSkipped
	}
	return nil
}

func unlessSkipped(err error) error {
	if errors.Is(err, errSkipped) {
		return nil
	}
	return err
}

// sharedFilter is a filter whose verdicts serve other requests too.
type sharedFilter struct{ filter }

// Reads implements framework.SharedFilter.
func (f sharedFilter) Reads(*framework.Query) framework.Facts {
	if s := f.current.Load(); s != nil {
		return readFacts(s.info)
	}
	return framework.AllFacts
}

// Filter never asks for scores as well: verdicts are remembered, and the next question is for scores alone.
func (f sharedFilter) Filter(ctx context.Context, q *framework.Query, candidates framework.Bitset) ([]framework.Rejection, error) {
	return f.ask(ctx, q, candidates, false)
}

type score struct{ *Plugin }

// Score uses what came with the verdict of the filter, if that was about the same clusters, and asks otherwise.
func (s score) Score(ctx context.Context, q *framework.Query, clusters framework.Bitset, scores []int64) error {
	if f, ok := s.fused.take(q); ok && f.clusters.Equal(clusters) {
		if err := s.take(q, f.answer, clusters, scores); err == nil || errors.Is(err, errSkipped) {
			return nil
		}
	}
	return unlessSkipped(s.ask(ctx, &call{
		stage: pluginv1.Stage_STAGE_SCORE, query: q,
		fill: func(m *pluginv1.Question) { m.Score = &pluginv1.ScoreQuestion{Clusters: wire.FromBitset(clusters)} },
		read: func(a *pluginv1.Answer) error { return s.take(q, a.GetScore(), clusters, scores) },
	}))
}

// take reads an answer into scores and keeps its remarks.
func (s score) take(q *framework.Query, a *pluginv1.ScoreAnswer, clusters framework.Bitset, scores []int64) error {
	switch {
	case a == nil:
		return errNothing
	case a.GetSkip():
		return errSkipped
	}
	remarks, err := wire.ToRemarks(a.GetRemarks(), q.Snapshot.Len())
	if err != nil {
		return err
	}
	if err := wire.ToScores(a.GetScores(), clusters, scores); err != nil {
		return err
	}
	if len(remarks) > 0 {
		s.remarks.put(q, remarks)
	}
	return nil
}

// Remarks implements framework.RemarkingScore with what came with the scores. A second call about the same query returns none.
func (s score) Remarks(q *framework.Query, _ framework.Bitset) []framework.ScoreRemark {
	remarks, _ := s.remarks.take(q)
	return remarks
}

type estimate struct{ *Plugin }

// Estimate asks how many replicas fit.
func (e estimate) Estimate(ctx context.Context, q *framework.Query, rows []int32, out []framework.Capacity) error {
	return unlessSkipped(e.ask(ctx, &call{
		stage: pluginv1.Stage_STAGE_ESTIMATE, query: q,
		fill: func(m *pluginv1.Question) { m.Estimate = &pluginv1.EstimateQuestion{Rows: wire.FromRows(rows)} },
		read: func(a *pluginv1.Answer) error {
			if a.GetEstimate() == nil {
				return errNothing
			}
			if a.GetEstimate().GetSkip() {
				return errSkipped
			}
			list, err := wire.ToCapacities(a.GetEstimate().GetCapacities(), len(rows))
			if err != nil {
				return err
			}
			for i, c := range list {
				if c.Replicas < 0 {
					return fmt.Errorf("capacity %d at position %d is negative", c.Replicas, i)
				}
			}
			if err := wire.ToOrigins(a.GetEstimate().GetOrigins(), a.GetEstimate().GetOrigin(), list); err != nil {
				return err
			}
			copy(out, list)
			return nil
		},
	}))
}

// sharedEstimate is an estimate whose answers serve requests of the same shape.
type sharedEstimate struct{ estimate }

// PerShape implements framework.SharedEstimate.
func (e sharedEstimate) PerShape() bool {
	s := e.current.Load()
	return s != nil && s.info.GetSharesEstimate()
}

type selection struct {
	*Plugin
	next framework.Select
}

// NextSelect implements framework.ChainedSelect.
func (s selection) NextSelect() framework.Select { return s.next }

// Select asks for the choice, of which every cluster must have been offered.
func (s selection) Select(ctx context.Context, in *framework.Selection) (rows []int32, status framework.Status, err error) {
	err = s.ask(ctx, &call{
		stage: pluginv1.Stage_STAGE_SELECT, query: &in.Query,
		fill: func(m *pluginv1.Question) {
			m.Select = &pluginv1.SelectQuestion{
				Ranked: wire.FromRows(in.Ranked), Scores: in.Scores, Available: wire.FromCapacities(in.Available),
			}
		},
		read: func(a *pluginv1.Answer) (err error) {
			if a.GetSelect() == nil {
				return errNothing
			}
			if a.GetSelect().GetSkip() {
				return errSkipped
			}
			if status, err = wire.ToStatus(a.GetSelect().GetStatus()); err != nil {
				return err
			}
			if rows, err = wire.ToRows(a.GetSelect().GetRows(), in.Snapshot.Len()); err != nil {
				return err
			}
			return chosenFrom(rows, in)
		},
	})
	if errors.Is(err, errSkipped) {
		return s.next.Select(ctx, in)
	}
	return rows, status, err
}

// chosenFrom reports a cluster that was not offered, or chosen twice.
func chosenFrom(rows []int32, in *framework.Selection) error {
	offered := framework.NewBitset(in.Snapshot.Len())
	for _, row := range in.Ranked {
		offered.Set(int(row))
	}
	for _, row := range rows {
		if !offered.Has(int(row)) {
			return fmt.Errorf("cluster %s was chosen twice or was not among the feasible ones", in.Snapshot.Name(int(row)))
		}
		offered.Unset(int(row))
	}
	return nil
}

type assign struct {
	*Plugin
	next framework.Assign
}

// NextAssign implements framework.ChainedAssign.
func (s assign) NextAssign() framework.Assign { return s.next }

// Assign asks for the replicas.
func (s assign) Assign(ctx context.Context, in *framework.Allotment) (d framework.Division, status framework.Status, err error) {
	err = s.ask(ctx, &call{
		stage: pluginv1.Stage_STAGE_ASSIGN, query: &in.Query,
		fill: func(m *pluginv1.Question) {
			m.Assign = &pluginv1.AssignQuestion{
				Selected: wire.FromRows(in.Selected), Current: in.Current, Estimates: wire.FromCapacitiesAt(in.Estimates, in.Selected),
			}
		},
		read: func(a *pluginv1.Answer) (err error) {
			m := a.GetAssign()
			if m == nil {
				return errNothing
			}
			if m.GetSkip() {
				return errSkipped
			}
			if status, err = wire.ToStatus(m.GetStatus()); err != nil {
				return err
			}
			d = framework.Division{Replicas: m.GetReplicas(), Weights: m.GetWeights(), Seats: m.GetSeats(), Unplaced: m.GetUnplaced()}
			return divides(&d, status, in)
		},
	})
	if errors.Is(err, errSkipped) {
		return s.next.Assign(ctx, in)
	}
	return d, status, err
}

// divides reports a division that gives negative replicas, more than were wanted, or, when it claims success, fewer without saying so.
func divides(d *framework.Division, status framework.Status, in *framework.Allotment) error {
	if len(d.Replicas) != len(in.Selected) && (status.IsSuccess() || len(d.Replicas) != 0) {
		return fmt.Errorf("%d numbers of replicas for %d clusters", len(d.Replicas), len(in.Selected))
	}
	if len(d.Weights) != 0 && len(d.Weights) != len(in.Selected) {
		return fmt.Errorf("%d weights for %d clusters", len(d.Weights), len(in.Selected))
	}
	if d.Unplaced < 0 || d.Seats < 0 {
		return errors.New("seats and unplaced must not be negative")
	}
	var sum int64
	for i, n := range d.Replicas {
		if n < 0 || n > in.Request.Replicas {
			return fmt.Errorf("%d replicas for cluster %s of %d wanted", n, in.Snapshot.Name(int(in.Selected[i])), in.Request.Replicas)
		}
		sum += n
	}
	if in.Request.DividesReplicas() && (sum > in.Request.Replicas || status.IsSuccess() && sum+d.Unplaced != in.Request.Replicas) {
		return fmt.Errorf("%d replicas were divided and %d left over, but %d are wanted", sum, d.Unplaced, in.Request.Replicas)
	}
	return nil
}
