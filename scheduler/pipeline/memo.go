package pipeline

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"

	"github.com/longshore-project/longshore/scheduler/framework"
)

// memoSize bounds the number of answers of each kind that a Memo keeps. A fleet has far fewer different placements and shapes than bindings;
// when there are more, everything is forgotten at once, which costs a recomputation and needs no bookkeeping.
const memoSize = 4096

// Memo remembers what plugins answered, and whole decisions, as long as the facts that they depend on did not change. Use one Memo for one
// profile and for snapshots of one line of succession only: generations of unrelated fleets mean nothing to one another. It is safe for
// concurrent use. All methods work on a nil Memo, which remembers nothing.
type Memo struct {
	mu           sync.Mutex
	questions    table[question, *memory]
	descriptions table[descriptionKey, description]
	rooms        table[string, *room]
	// rows is how many rows the snapshots of the kept decisions have together.
	rows int
}

// NewMemo returns a memo that remembers nothing yet.
func NewMemo() *Memo { return &Memo{} }

// question is everything that the verdict of a shared filter may depend on beside the fleet.
type question struct {
	placement string
	term      int
	api       framework.API
	workload  bool
}

// memory is what is known about a question; the memo's lock guards it.
type memory struct {
	// verdicts are the filters', in their order; the slice is never changed.
	verdicts []verdict
	// answers are the latest decisions, latest last.
	answers []answer

	// Few verdicts and a single answer take no memory beside that of the question.
	fewVerdicts [fewFilters]verdict
	oneAnswer   [1]answer
}

// remembered returns the memory of a question. If there is none it becomes fresh, or a new one when that is nil. The caller holds the lock.
func (m *Memo) remembered(q question, fresh *memory) *memory {
	if known, ok := m.questions.get(q); ok {
		return known
	}
	if fresh == nil {
		fresh = new(memory)
	}
	if m.questions.put(q, fresh) {
		m.rows = 0
	}
	return fresh
}

func questionOf(r *framework.Request, term int) question {
	return question{r.Placement.Fingerprint, term, r.API, r.Workload}
}

// verdict is what one filter of the profile said.
type verdict struct {
	known      bool
	at         framework.Generation
	rejections []framework.Rejection
}

// judge is the filters' verdicts on one query, some of them remembered.
type judge struct {
	memo  *Memo
	query *framework.Query
	// old is shared and read only, now has what was found out since; nil when that is nothing.
	old, now []verdict
	// fresh is where now lies if nothing was known.
	fresh   *memory
	filters int
}

func (m *Memo) judge(q *framework.Query, filters int) judge {
	j := judge{memo: m, query: q, filters: filters}
	if m == nil || q.Request.Placement.Fingerprint == "" {
		j.memo = nil
		return j
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	if known, ok := m.questions.get(questionOf(q.Request, q.Term)); ok {
		j.old = known.verdicts
	}
	return j
}

// filter returns the rejections of f, the filter in place i of the profile. A shared filter is asked about all candidates, so that its answer
// serves others too, and names every cure of clusters that several filters reject; what is not in left is ignored by the caller.
func (j *judge) filter(ctx context.Context, i int, f framework.Filter, left framework.Bitset) ([]framework.Rejection, error) {
	shared, ok := f.(framework.SharedFilter)
	if !ok {
		return f.Filter(ctx, j.query, left)
	}
	candidates := j.query.Snapshot.Candidates()
	if j.memo == nil {
		return f.Filter(ctx, j.query, candidates)
	}
	at := j.query.Snapshot.Generation(shared.Reads(j.query) | framework.FactMembership)
	if i < len(j.old) && j.old[i].known && j.old[i].at == at {
		return j.old[i].rejections, nil
	}
	rejections, err := f.Filter(ctx, j.query, candidates)
	if err != nil {
		return nil, err
	}
	if j.now == nil {
		j.begin()
	}
	j.now[i] = verdict{true, at, rejections}
	return rejections, nil
}

// begin makes room for what is found out.
func (j *judge) begin() {
	if j.old == nil {
		j.fresh = new(memory)
		j.now = slices.Grow(j.fresh.fewVerdicts[:0], j.filters)[:j.filters]
		return
	}
	j.now = slices.Clone(j.old)
}

// done remembers what was found out.
func (j *judge) done() {
	if j.now == nil {
		return
	}
	j.memo.mu.Lock()
	defer j.memo.mu.Unlock()
	j.memo.remembered(questionOf(j.query.Request, j.query.Term), j.fresh).verdicts = j.now
}

type descriptionKey struct {
	placement string
	term      int
	workload  bool
}

type description struct {
	at      framework.Generation
	weights []int64
	tiers   []int
}

// describedBy is what weights and tiers depend on.
const describedBy = framework.FactMembership | framework.FactLabels | framework.FactTopology

// describes reports whether the query has weights or tiers.
func describes(q *framework.Query) bool {
	return weighs(q.Request.Placement) || len(q.CurrentTerm().Overflow) > 0
}

func weighs(p *framework.Placement) bool {
	return p.Strategy == framework.StaticWeight && len(p.StaticWeights) > 0
}

// describe fills in the static weights and the tiers of the query.
func (m *Memo) describe(q *framework.Query) {
	if !describes(q) {
		return
	}
	p := q.Request.Placement
	key := descriptionKey{p.Fingerprint, q.Term, q.Request.Workload}
	at := q.Snapshot.Generation(describedBy)
	if m != nil && key.placement != "" {
		if d, ok := m.described(key); ok && d.at == at {
			q.Weights, q.Tiers = d.weights, d.tiers
			return
		}
	}
	if weighs(p) {
		q.Weights = q.Snapshot.Weights(p.StaticWeights)
	}
	if q.Request.Workload {
		q.Tiers = q.Snapshot.Tiers(q.CurrentTerm())
	}
	if m != nil && key.placement != "" {
		m.mu.Lock()
		defer m.mu.Unlock()
		m.descriptions.put(key, description{at, q.Weights, q.Tiers})
	}
}

func (m *Memo) described(key descriptionKey) (description, bool) {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.descriptions.get(key)
}

// room is how many replicas of one shape fit beside what runs, by row, at one generation. Of several estimates the lowest known answer counts.
type room struct {
	at   framework.Generation
	fits []framework.Capacity
	// byRoom is all rows by what fits in descending order, then by name.
	byRoom []int32
	// omissions is the plugins that did not answer.
	omissions []framework.Omission
}

// estimate returns the room for the request, which is shared: read only. What was estimated without one of the plugins is not remembered.
func (m *Memo) estimate(ctx context.Context, plugins []framework.Estimate, q *framework.Query) (*room, error) {
	key := shapeOf(plugins, q.Request)
	if m == nil || key == "" || !perShape(plugins) {
		return newRoom(ctx, plugins, q)
	}
	old := m.roomFor(key)
	r, err := old.advance(ctx, plugins, q)
	if err != nil {
		return nil, err
	}
	if r != old && len(r.omissions) == 0 {
		m.mu.Lock()
		defer m.mu.Unlock()
		m.rooms.put(key, r)
	}
	return r, nil
}

// roomFor returns nil if nothing is known.
func (m *Memo) roomFor(shape string) *room {
	m.mu.Lock()
	defer m.mu.Unlock()
	known, _ := m.rooms.get(shape)
	return known
}

// shapeOf returns what the answers of all plugins depend on; empty when they cannot be shared.
func shapeOf(plugins []framework.Estimate, r *framework.Request) string {
	for _, p := range plugins {
		if shaped, ok := p.(framework.ShapedEstimate); ok && r.Shape != "" {
			return shaped.ShapeOf(r)
		}
	}
	return r.Shape
}

func perShape(plugins []framework.Estimate) bool {
	return !slices.ContainsFunc(plugins, func(p framework.Estimate) bool {
		shared, ok := p.(framework.SharedEstimate)
		return !ok || !shared.PerShape()
	})
}

// advance returns the room at the generation of the query's snapshot: r itself, r with the changed rows asked again, or all rows anew.
func (r *room) advance(ctx context.Context, plugins []framework.Estimate, q *framework.Query) (*room, error) {
	now := q.Snapshot.Generation(framework.FactCapacity | framework.FactMembership)
	if r == nil {
		return newRoom(ctx, plugins, q)
	}
	if r.at == now {
		return r, nil
	}
	changed, ok := q.Snapshot.CapacityChangedSince(r.at, nil)
	if !ok || len(changed) > len(r.fits)/4 {
		return newRoom(ctx, plugins, q)
	}
	slices.Sort(changed)
	return r.with(ctx, plugins, q, slices.Compact(changed), now)
}

// newRoom asks about every cluster.
func newRoom(ctx context.Context, plugins []framework.Estimate, q *framework.Query) (*room, error) {
	rows := make([]int32, q.Snapshot.Len())
	for i := range rows {
		rows[i] = int32(i)
	}
	r := &room{at: q.Snapshot.Generation(framework.FactCapacity | framework.FactMembership), byRoom: rows}
	var err error
	if r.fits, r.omissions, err = ask(ctx, plugins, q, rows); err != nil {
		return nil, err
	}
	sortByRoom(rows, r.fits)
	return r, nil
}

// with asks about the changed rows, which are sorted, and moves them to their places.
func (r *room) with(ctx context.Context, plugins []framework.Estimate, q *framework.Query, changed []int32, now framework.Generation) (*room, error) {
	answers, omissions, err := ask(ctx, plugins, q, changed)
	if err != nil {
		return nil, err
	}
	next := &room{at: now, fits: slices.Clone(r.fits), byRoom: make([]int32, 0, len(r.byRoom)), omissions: omissions}
	moved := framework.NewBitset(len(r.fits))
	for i, row := range changed {
		next.fits[row] = answers[i]
		moved.Set(int(row))
	}
	sortByRoom(changed, next.fits)
	for _, row := range r.byRoom {
		if moved.Has(int(row)) {
			continue
		}
		for len(changed) > 0 && compareRoom(next.fits, changed[0], row) < 0 {
			next.byRoom, changed = append(next.byRoom, changed[0]), changed[1:]
		}
		next.byRoom = append(next.byRoom, row)
	}
	next.byRoom = append(next.byRoom, changed...)
	return next, nil
}

// ask returns the lowest known answer for each of the rows, index-aligned with them, and who did not answer.
func ask(ctx context.Context, plugins []framework.Estimate, q *framework.Query, rows []int32) ([]framework.Capacity, []framework.Omission, error) {
	lowest := make([]framework.Capacity, len(rows))
	var omissions []framework.Omission
	for i, p := range plugins {
		answers := lowest
		if i > 0 {
			answers = make([]framework.Capacity, len(rows))
		}
		err := p.Estimate(ctx, q, rows, answers)
		if omitted, ok := errors.AsType[*framework.OmittedError](err); ok {
			omissions = append(omissions, omitted.Omission)
			continue
		}
		if err != nil {
			return nil, nil, fmt.Errorf("running estimate %s: %w", p.Name(), err)
		}
		if i > 0 {
			keepLowest(lowest, answers)
		}
	}
	return lowest, omissions, nil
}

func keepLowest(lowest, answers []framework.Capacity) {
	for i, a := range answers {
		if a.Known && (!lowest[i].Known || a.Replicas < lowest[i].Replicas) {
			lowest[i] = a
		}
	}
}
