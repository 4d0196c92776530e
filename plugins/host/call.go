package host

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	pluginv1 "github.com/longshore-project/longshore/plugins/proto/v1"
	"github.com/longshore-project/longshore/plugins/wire"
	"github.com/longshore-project/longshore/scheduler/framework"
)

// Result is what became of a call.
type Result string

// The results of calls.
const (
	Answered Result = "answered"
	// Declined means that the plugin said that it does not apply.
	Declined Result = "declined"
	// TimedOut means that the deadline passed.
	TimedOut Result = "timeout"
	// Invalid means that the answer broke the rules: wrong length, out of range, unknown clusters.
	Invalid Result = "invalid"
	// Broken means that the plugin reported an error of its own, or panicked.
	Broken Result = "error"
	// Unavailable means that the plugin did not run, died meanwhile or was suspended.
	Unavailable Result = "unavailable"
)

// CallError is a call without a valid answer.
type CallError struct {
	Plugin, Stage string
	Result        Result
	Err           error
}

// Error names the plugin, the stage and the cause.
func (e *CallError) Error() string {
	return fmt.Sprintf("plugin %s: %s: %s", e.Plugin, e.Stage, e.Reason())
}

// Reason is the cause alone.
func (e *CallError) Reason() string { return fmt.Sprintf("%s: %v", e.Result, e.Err) }

// Unwrap returns the cause.
func (e *CallError) Unwrap() error { return e.Err }

var (
	errSuspended = errors.New("too many calls failed in a row; it is left alone for a while")
	errSkipped   = errors.New("plugin does not apply to the request")
)

// call is one question to a plugin: what to fill in and how to take the answer. Read returns errSkipped when the plugin does not apply, any
// other error when the answer breaks the rules.
type call struct {
	stage pluginv1.Stage
	query *framework.Query
	fill  func(*pluginv1.Question)
	read  func(*pluginv1.Answer) error
}

// ask makes the call. It returns nil if the answer was read, errSkipped if the plugin does not apply, a framework.OmittedError if it could not
// answer and its policy is Skip, and a CallError otherwise.
func (p *Plugin) ask(ctx context.Context, c *call) error {
	start := time.Now()
	if !p.breaker.allow(start) {
		return p.settle(c, &CallError{p.name, verb(c.stage), Unavailable, errSuspended})
	}
	answer, result, err := p.exchange(ctx, c)
	if err == nil {
		if err = c.read(answer); err == nil {
			result = Answered
		} else if errors.Is(err, errSkipped) {
			result = Declined
		}
	}
	if ctx.Err() != nil && result != Answered {
		p.breaker.release()
		return ctx.Err()
	}
	now := time.Now()
	p.observe(verb(c.stage), result, now.Sub(start))
	fine := result == Answered || result == Declined
	if result == Unavailable {
		// It cost nothing, and the supervisor sees to it already.
		p.breaker.release()
		return p.settle(c, &CallError{p.name, verb(c.stage), result, err})
	}
	if tripped := p.breaker.done(now, fine); tripped && result == TimedOut {
		notify(p.hung)
	}
	if fine {
		return err
	}
	return p.settle(c, &CallError{p.name, verb(c.stage), result, err})
}

// exchange sends the question to whichever session is current. The result is Invalid until the answer was read.
func (p *Plugin) exchange(ctx context.Context, c *call) (*pluginv1.Answer, Result, error) {
	deadline := p.spec.Load().deadline()
	if fleet := c.query.Snapshot; p.last.Load() != fleet {
		p.last.Store(fleet)
	}
	for {
		s := p.current.Load()
		if s == nil {
			return nil, Unavailable, p.absence()
		}
		if err := s.offers(c.stage); err != nil {
			return nil, Unavailable, err
		}
		answer, err := s.ask(ctx, about{c.query.Snapshot, c.query.Request.Placement}, question(c, deadline))
		switch {
		case errors.Is(err, errDraining) && p.current.Load() != s:
			continue
		case errors.Is(err, errExpired):
			return nil, TimedOut, fmt.Errorf("no answer within %v", deadline)
		case err != nil:
			return nil, Unavailable, err
		case answer.GetError() != "":
			return nil, Broken, errors.New(clip(answer.GetError()))
		}
		return answer, Invalid, nil
	}
}

// absence says why no plugin runs. It says the same for as long as the cause is the same, so that bindings which wait are not written again.
func (p *Plugin) absence() error {
	p.mu.Lock()
	defer p.mu.Unlock()
	if cause := p.status.LastError; cause != nil && p.status.State != Stopped {
		return fmt.Errorf("it does not run: %w", cause)
	}
	return fmt.Errorf("it does not run (%s)", p.status.State)
}

// settle applies the failure policy to a call that failed. That a plugin does not run is told by its state, with the cause.
func (p *Plugin) settle(c *call, err *CallError) error {
	if err.Result != Unavailable {
		p.fault(err)
	}
	if p.spec.Load().FailurePolicy != Skip {
		return err
	}
	p.options.Metrics.omitted(p.name, err.Stage)
	if p.options.OnOmission != nil {
		p.options.OnOmission(Omission{Plugin: p.name, Stage: err.Stage, Request: c.query.Request.Key, Reason: err})
	}
	return &framework.OmittedError{Omission: framework.Omission{Plugin: p.name, Stage: err.Stage, Reason: clip(err.Reason())}}
}

// maxErrorBytes bounds what a plugin can put into a message of ours.
const maxErrorBytes = 512

func clip(s string) string { return strings.ToValidUTF8(s[:min(len(s), maxErrorBytes)], "") }

// brief returns the error, or what fits of its text if that is long: a plugin can put anything into the error of a call.
func brief(err error) error {
	if err == nil || len(err.Error()) <= maxErrorBytes {
		return err
	}
	return errors.New(clip(err.Error()))
}

// question returns a new message about the query.
func question(c *call, budget time.Duration) *pluginv1.Question {
	q := c.query
	m := &pluginv1.Question{
		BudgetNanoseconds: int64(budget), Term: uint32(q.Term), Weights: q.Weights, Tiers: wire.FromTiers(q.Tiers),
		Request: wire.FromRequest(q.Request),
	}
	c.fill(m)
	return m
}

// Latency is how long answered calls took.
type Latency struct {
	// Calls is how many the percentiles are about: the most recent ones.
	Calls         int
	P50, P90, P99 time.Duration
}

const recentCalls = 512

// recent is a ring of the latest durations.
type recent struct {
	durations []time.Duration
	next      int
}

func (r *recent) add(d time.Duration) {
	if len(r.durations) < recentCalls {
		r.durations = append(r.durations, d)
		return
	}
	r.durations[r.next] = d
	r.next = (r.next + 1) % recentCalls
}

func (r *recent) latency() Latency {
	sorted := slices.Sorted(slices.Values(r.durations))
	at := func(percent int) time.Duration { return sorted[(len(sorted)-1)*percent/100] }
	return Latency{Calls: len(sorted), P50: at(50), P90: at(90), P99: at(99)}
}

func (p *Plugin) observe(stage string, result Result, took time.Duration) {
	p.options.Metrics.called(p.name, stage, result, took)
	if result != Answered && result != Declined {
		return
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	r, ok := p.recent[stage]
	if !ok {
		r = &recent{}
		p.recent[stage] = r
	}
	r.add(took)
}
