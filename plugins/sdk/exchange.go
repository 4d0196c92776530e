package sdk

import (
	"context"
	"errors"
	"fmt"
	"sync"

	pluginv1 "github.com/longshore-project/longshore/plugins/proto/v1"
	"github.com/longshore-project/longshore/plugins/wire"
	"github.com/longshore-project/longshore/scheduler/framework"
)

// exchange is the work on one question.
type exchange struct {
	plugin   Plugin
	query    *framework.Query
	question *pluginv1.Question
	answer   *pluginv1.Answer
	// left is the candidates that the plugin's own filter let pass; set when both filter and score were asked for.
	left framework.Bitset
}

// run goes through the stages that are asked for, filter before score.
func (e *exchange) run(ctx context.Context) error {
	q := e.question
	var err error
	if q.GetFilter() != nil {
		err = e.filter(ctx)
	}
	if err == nil && q.GetScore() != nil {
		err = e.score(ctx)
	}
	if err == nil && q.GetEstimate() != nil {
		err = e.estimate(ctx)
	}
	if err == nil && q.GetSelect() != nil {
		err = e.selectClusters(ctx)
	}
	if err == nil && q.GetAssign() != nil {
		err = e.assign(ctx)
	}
	return err
}

// ability returns the plugin as an A.
func ability[A any](p Plugin, verb string) (A, error) {
	a, ok := p.(A)
	if !ok {
		return a, fmt.Errorf("plugin %s does not %s", p.Name(), verb)
	}
	return a, nil
}

func (e *exchange) filter(ctx context.Context) error {
	f, err := ability[framework.Filter](e.plugin, "filter")
	if err != nil {
		return err
	}
	candidates, err := wire.ToBitset(e.question.GetFilter().GetCandidates(), e.query.Snapshot.Len())
	if err != nil {
		return err
	}
	rejections, err := f.Filter(ctx, e.query, candidates)
	if err != nil && !errors.Is(err, ErrSkip) {
		return err
	}
	e.answer.Filter = &pluginv1.FilterAnswer{Skip: err != nil, Rejections: wire.FromRejections(rejections)}
	if e.question.GetScore().GetAfterFilter() {
		e.left = candidates
		for _, r := range rejections {
			e.left.AndNot(r.Clusters)
		}
	}
	return nil
}

func (e *exchange) score(ctx context.Context) error {
	s, err := ability[framework.Score](e.plugin, "score")
	if err != nil {
		return err
	}
	clusters := e.left
	if !e.question.GetScore().GetAfterFilter() {
		if clusters, err = wire.ToBitset(e.question.GetScore().GetClusters(), e.query.Snapshot.Len()); err != nil {
			return err
		}
	}
	column := zeroed(e.query.Snapshot.Len())
	defer columns.Put(column)
	scores := *column
	if err = s.Score(ctx, e.query, clusters, scores); errors.Is(err, ErrSkip) {
		e.answer.Score = &pluginv1.ScoreAnswer{Skip: true}
		return nil
	}
	if err != nil {
		return err
	}
	data, err := wire.FromScores(scores, clusters)
	e.answer.Score = &pluginv1.ScoreAnswer{Scores: data}
	if r, ok := e.plugin.(framework.RemarkingScore); ok {
		e.answer.Score.Remarks = wire.FromRemarks(r.Remarks(e.query, clusters))
	}
	return err
}

// columns keeps columns of scores: at a thousand clusters they are most of what a question would otherwise leave to the garbage collector.
var columns = sync.Pool{New: func() any { return new([]int64) }}

// zeroed returns a column of n zeros to be put back.
func zeroed(n int) *[]int64 {
	c := columns.Get().(*[]int64)
	if cap(*c) < n {
		*c = make([]int64, n)
	}
	*c = (*c)[:n]
	clear(*c)
	return c
}

func (e *exchange) estimate(ctx context.Context) error {
	p, err := ability[framework.Estimate](e.plugin, "estimate")
	if err != nil {
		return err
	}
	rows, err := wire.ToRows(e.question.GetEstimate().GetRows(), e.query.Snapshot.Len())
	if err != nil {
		return err
	}
	out := make([]framework.Capacity, len(rows))
	err = p.Estimate(ctx, e.query, rows, out)
	if err != nil && !errors.Is(err, ErrSkip) {
		return err
	}
	e.answer.Estimate = &pluginv1.EstimateAnswer{Skip: err != nil, Capacities: wire.FromCapacities(out)}
	e.answer.Estimate.Origins, e.answer.Estimate.Origin = wire.FromOrigins(out)
	return nil
}

func (e *exchange) selectClusters(ctx context.Context) error {
	p, err := ability[framework.Select](e.plugin, "select")
	if err != nil {
		return err
	}
	m, n := e.question.GetSelect(), e.query.Snapshot.Len()
	in := &framework.Selection{Query: *e.query}
	var faults [3]error
	in.Ranked, faults[0] = wire.ToRows(m.GetRanked(), n)
	in.Scores, faults[1] = wire.ToColumn[int64, int64]("scores", m.GetScores(), n)
	in.Available, faults[2] = wire.ToCapacities(m.GetAvailable(), n)
	if err := errors.Join(faults[:]...); err != nil {
		return err
	}
	rows, status, err := p.Select(ctx, in)
	if err != nil && !errors.Is(err, ErrSkip) {
		return err
	}
	e.answer.Select = &pluginv1.SelectAnswer{
		Skip: err != nil || status.Code == framework.Skip, Rows: wire.FromRows(rows), Status: wire.FromStatus(status),
	}
	return nil
}

func (e *exchange) assign(ctx context.Context) error {
	p, err := ability[framework.Assign](e.plugin, "assign")
	if err != nil {
		return err
	}
	m, n := e.question.GetAssign(), e.query.Snapshot.Len()
	in := &framework.Allotment{Query: *e.query, Current: m.GetCurrent()}
	if in.Selected, err = wire.ToRows(m.GetSelected(), n); err != nil {
		return err
	}
	if in.Estimates, err = wire.ToCapacitiesAt(m.GetEstimates(), in.Selected, n); err != nil {
		return err
	}
	if len(in.Current) != len(in.Selected) && len(in.Current) > 0 {
		return fmt.Errorf("%d current replicas for %d clusters", len(in.Current), len(in.Selected))
	}
	if in.Current == nil {
		in.Current = make([]int64, len(in.Selected))
	}
	d, status, err := p.Assign(ctx, in)
	if err != nil && !errors.Is(err, ErrSkip) {
		return err
	}
	e.answer.Assign = &pluginv1.AssignAnswer{
		Skip: err != nil || status.Code == framework.Skip, Replicas: d.Replicas, Weights: d.Weights, Seats: d.Seats, Unplaced: d.Unplaced,
		Status: wire.FromStatus(status),
	}
	return nil
}

// placements is what was told on a stream, by fingerprint. It belongs to the receiving goroutine.
type placements map[string]placement

// placement is a translated placement, or why it could not be translated.
type placement struct {
	*framework.Placement
	err error
}

func translate(m *pluginv1.Placement) placement {
	p, err := wire.ToPlacement(m)
	return placement{p, err}
}

// learn takes in what a message tells.
func (p placements) learn(m *pluginv1.WorkRequest) {
	if m.GetForgetPlacements() {
		clear(p)
	}
	for _, told := range m.GetPlacements() {
		p[told.GetFingerprint()] = translate(told)
	}
}

// of returns the placement of a request.
func (p placements) of(r *pluginv1.Request) placement {
	fingerprint := r.GetPlacementFingerprint()
	if fingerprint == "" {
		return translate(r.GetPlacement())
	}
	if known, ok := p[fingerprint]; ok {
		return known
	}
	return placement{err: fmt.Errorf("placement %q was not told on this stream", fingerprint)}
}

// queryOf returns what the plugin is asked about.
func queryOf(q *pluginv1.Question, p placement, s *framework.Snapshot) (*framework.Query, error) {
	if p.err != nil {
		return nil, p.err
	}
	if int(q.GetTerm()) >= len(p.Terms) {
		return nil, fmt.Errorf("question is about term %d of %d", q.GetTerm(), len(p.Terms))
	}
	out := &framework.Query{Snapshot: s, Request: wire.ToRequest(q.GetRequest(), p.Placement), Term: int(q.GetTerm())}
	var err error
	if out.Weights, err = wire.ToColumn[int64, int64]("weights", q.GetWeights(), s.Len()); err != nil {
		return nil, err
	}
	out.Tiers, err = wire.ToColumn[uint32, int]("tiers", q.GetTiers(), s.Len())
	return out, err
}
