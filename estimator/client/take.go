package client

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"time"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
)

// news collects what is to be told after a call.
type news struct {
	members map[string]bool
	roomier bool
}

func (n *news) add(member string, roomier bool) {
	if n.members == nil {
		n.members = map[string]bool{}
	}
	n.members[member] = true
	n.roomier = n.roomier || roomier
}

// tell tells the client's owner. The lock is not held.
func (n *news) tell(c *Client) {
	if len(n.members) == 0 {
		return
	}
	c.options.Changed(slices.Sorted(maps.Keys(n.members)), n.roomier)
}

// take takes over what a call brought.
func (e *endpoint) take(ctx context.Context, j *job, reports []report, err error) {
	var n news
	c := e.client
	c.mu.Lock()
	if e.left {
		c.mu.Unlock()
		return
	}
	now := time.Now()
	e.asked, e.current = now, nil
	if err != nil {
		e.fail(now, j, err)
	} else {
		recovered := e.failures > 0
		if recovered {
			c.log.Info("Estimator answers again", "estimator", e.name)
		}
		e.heard, e.failures, e.fault = true, 0, ""
		for i := range reports {
			e.report(&reports[i], j, &n)
			if recovered {
				e.renew(reports[i].member)
			}
		}
		if j.members == nil {
			e.drop(reports, &n)
		}
	}
	e.ended = max(e.ended, j.number)
	c.options.Metrics.state(e.name, e.fault == "")
	c.advance()
	c.mu.Unlock()
	if err != nil {
		e.disconnect()
	}
	n.tell(c)
}

// fail leaves the endpoint alone for a while.
func (e *endpoint) fail(now time.Time, j *job, err error) {
	if e.failures == 0 {
		e.client.log.Error(err, "Asking an estimator", "estimator", e.name)
	}
	e.failures++
	e.fault = causeOf(err, e.client.options.Deadline)
	wait := pauseAfter(e.failures)
	e.retry = now.Add(wait)
	for _, q := range append(e.pending, j.questions...) {
		delete(q.asked, e)
	}
	e.pending = nil
	time.AfterFunc(wait, e.poke)
}

// pauseAfter returns how long to wait after the nth failure in a row, counted from 1.
func pauseAfter(n int) time.Duration {
	d := firstPause
	for ; n > 1 && d < longestPause; n-- {
		d *= 2
	}
	return min(d, longestPause)
}

// causeOf is equal for equal causes, so that explanations do not change with every call.
func causeOf(err error, deadline time.Duration) string {
	s, isStatus := status.FromError(err)
	switch {
	case errors.Is(err, context.DeadlineExceeded), isStatus && s.Code() == codes.DeadlineExceeded:
		return fmt.Sprintf("no answer within %s", deadline)
	case isStatus && s.Code() == codes.Unavailable:
		return "cannot be reached"
	case isStatus:
		return s.Message()
	default:
		return err.Error()
	}
}

// report takes over what was said about one member.
func (e *endpoint) report(r *report, j *job, n *news) {
	book := &e.client.book
	old := e.members[r.member]
	moved := old == nil || old.generation != r.state.generation || old.instance != r.state.instance
	if moved && book.forgot {
		n.add(r.member, false)
	}
	if old != nil && (old.expired || old.missing != r.state.missing) {
		n.add(r.member, r.state.missing == "")
	}
	state := r.state
	e.members[r.member] = &state
	for i, q := range j.questions {
		if book.questions[q.shape] != q {
			continue
		}
		if changed, roomier := q.put(answerKey{e, r.member}, r.answers[i]); changed && q.read {
			n.add(r.member, roomier)
		}
	}
	if moved {
		e.renew(r.member)
	}
}

// renew has the member asked about again if any question has no answer about it as it is now, and is not being asked.
func (e *endpoint) renew(member string) {
	state := e.members[member]
	if !e.talk.tellsStates() || state.missing != "" {
		return
	}
	for _, q := range e.client.book.questions {
		a, ok := q.answers[answerKey{e, member}]
		if ok && a.generation == state.generation && a.instance == state.instance {
			continue
		}
		if ok || !slices.Contains(e.pending, q) && !slices.Contains(e.current, q) {
			e.outdated[member] = true
			return
		}
	}
}

// drop forgets the members that the endpoint observes no more.
func (e *endpoint) drop(reports []report, n *news) {
	there := make(map[string]bool, len(reports))
	for i := range reports {
		there[reports[i].member] = true
	}
	for name := range e.members {
		if !there[name] {
			e.forget(name, n)
		}
	}
}

func (e *endpoint) forget(member string, n *news) {
	delete(e.members, member)
	delete(e.outdated, member)
	for _, q := range e.client.book.questions {
		delete(q.answers, answerKey{e, member})
	}
	n.add(member, false)
}

// expire tells of members whose answers became too old, and leaves an estimator that fails and that nobody asks for.
func (e *endpoint) expire() {
	var n news
	c := e.client
	c.mu.Lock()
	now := time.Now()
	if e.member != "" && e.failures > 0 && !e.left && now.Sub(e.routed) > abandonAfter {
		c.leave(e)
	}
	for name, s := range e.members {
		if !s.expired && s.missing == "" && now.Sub(s.at) > c.options.Lifetime {
			s.expired = true
			n.add(name, false)
		}
	}
	c.mu.Unlock()
	n.tell(c)
}
