// Package shadow decides a second time what was decided, with other plugins, and tells how the decisions differ. Nothing of it is ever applied.
//
//	loop ── Observe ──► backlog ──► decide again ──► compare ──► counters, recent differences
//	           └── full: dropped and counted
//
// A shadow must not disturb what it looks at. It has a goroutine and a backlog of its own, takes no lock that the loop waits for, and outlives
// plugins of its own that hang, fail or panic. What it does take is processor time: as much as the decisions of its profile take.
package shadow

import (
	"context"
	"fmt"
	"sync"
	"time"

	"github.com/longshore-project/longshore/scheduler/framework"
	"github.com/longshore-project/longshore/scheduler/pipeline"
)

const (
	// backlog is how many decisions may wait; each holds on to its snapshot.
	backlog = 64
	// kept is how many differences are remembered.
	kept = 100
)

// Options say what a shadow decides with.
type Options struct {
	// Profile is the schedulerName of the profile that the shadow belongs to.
	Profile string
	// Pipeline decides. Neither it nor its memory is used by anything else.
	Pipeline *pipeline.Profile
	// Metrics counts; nil counts nothing.
	Metrics *Metrics
}

// Shadow follows the decisions of one profile. It is safe for concurrent use. Make it with New.
type Shadow struct {
	options Options
	backlog chan observation

	mu      sync.Mutex
	report  ProfileReport
	recent  []Record // a ring
	next    int
	started time.Time
}

// observation is a live decision.
type observation struct {
	request  *framework.Request
	snapshot *framework.Snapshot
	decision framework.Decision
}

// New returns a shadow that does nothing before Run.
func New(o Options) *Shadow {
	return &Shadow{
		options: o, backlog: make(chan observation, backlog), report: ProfileReport{Profile: o.Profile, Different: map[Kind]int64{}}, started: time.Now(),
	}
}

// Observe takes down a live decision, unless too many wait already. It never blocks. It implements loop.Observer.
func (s *Shadow) Observe(r *framework.Request, snapshot *framework.Snapshot, d framework.Decision) {
	select {
	case s.backlog <- observation{r, snapshot, d}:
	default:
		s.drop()
	}
}

// Run decides until ctx ends.
func (s *Shadow) Run(ctx context.Context) {
	for {
		select {
		case o := <-s.backlog:
			s.follow(ctx, &o)
		case <-ctx.Done():
			return
		}
	}
}

func (s *Shadow) follow(ctx context.Context, o *observation) {
	d, err := s.decide(ctx, o)
	switch {
	case ctx.Err() != nil:
	case err != nil:
		s.fail(err)
	default:
		s.compared(o.request.Key, Compare(o.request, &o.decision, &d))
	}
}

// decide turns a panic into an error: a plugin that is compiled in and broken must not end the process.
func (s *Shadow) decide(ctx context.Context, o *observation) (d framework.Decision, err error) {
	defer func() {
		if r := recover(); r != nil {
			err = fmt.Errorf("deciding about %s: panic: %v", o.request.Key, r)
		}
	}()
	d, err = pipeline.Schedule(ctx, s.options.Pipeline, o.snapshot, o.request)
	if err != nil {
		return d, fmt.Errorf("deciding about %s: %w", o.request.Key, err)
	}
	return d, nil
}

func (s *Shadow) drop() {
	s.options.Metrics.count(s.options.Profile, resultDropped)
	s.mu.Lock()
	defer s.mu.Unlock()
	s.report.Dropped++
}

func (s *Shadow) fail(err error) {
	s.options.Metrics.count(s.options.Profile, resultError)
	s.mu.Lock()
	defer s.mu.Unlock()
	s.report.Errors++
	s.report.LastError = err.Error()
}

func (s *Shadow) compared(key string, d Difference) {
	s.options.Metrics.count(s.options.Profile, string(d.Kind))
	s.options.Metrics.moved(s.options.Profile, d.Moved)
	s.mu.Lock()
	defer s.mu.Unlock()
	s.report.Compared++
	if d.Kind == Equal {
		s.report.Equal++
		return
	}
	s.report.Different[d.Kind]++
	s.report.Moved = framework.SaturatingAdd(s.report.Moved, d.Moved)
	r := Record{Time: time.Now(), Binding: key, Difference: d}
	if len(s.recent) < kept {
		s.recent = append(s.recent, r)
		return
	}
	s.recent[s.next] = r
	s.next = (s.next + 1) % kept
}
