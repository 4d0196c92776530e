package client

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"google.golang.org/grpc"
)

// Limits of the pauses after failed calls; each takes twice as long as the last.
const (
	firstPause   = 500 * time.Millisecond
	longestPause = 10 * time.Second
)

// abandonAfter is how long nobody must have asked for an estimator of one member that fails until it is left. A decision that began before its
// member left may have brought it back.
const abandonAfter = 5 * time.Minute

// memberState is what an endpoint said about a member last.
type memberState struct {
	// at is when the member was last heard, and generation and instance what it was then.
	at                   time.Time
	generation, instance uint64
	// missing says why nothing is known about the member.
	missing string
	// expired means that what was known is too old, and that those were told who hold on to it.
	expired bool
}

// endpoint is one estimator. The client's lock guards everything but the connection, which belongs to the goroutine that runs it.
type endpoint struct {
	client *Client
	server *Server
	// name says in messages which estimator is meant. Member is empty for an estimator of many.
	name, member string

	// key is where the client keeps the estimator of one member.
	key ownKey
	// stop ends run, and left means that it was called and nothing counts any more.
	stop context.CancelFunc
	left bool
	// routed is when somebody last wanted to know something of an estimator of one member.
	routed time.Time
	// wake holds a token when there is something to do.
	wake chan struct{}
	// begun and ended count the calls that somebody waits for.
	begun, ended uint64
	// pending is what the next call asks, and current what the call under way asks.
	pending, current []*question
	// outdated is the members whose answers are to be renewed.
	outdated map[string]bool
	members  map[string]*memberState
	// heard means that it has ever answered.
	heard    bool
	failures int
	// fault says why it is not expected to answer: the last call failed, or is late.
	fault string
	// retry is when a failed endpoint is called again.
	retry time.Time
	asked time.Time

	connections []*grpc.ClientConn
	// unwatch ends the watch of these connections; nil if there is none.
	unwatch context.CancelFunc
	talk    talker
}

func newEndpoint(c *Client, s *Server, member string) *endpoint {
	e := &endpoint{
		client: c, server: s, member: member, name: "estimator " + strings.ReplaceAll(s.Name, "{member}", member),
		wake: make(chan struct{}, 1), talk: batchTalker{}, outdated: map[string]bool{}, members: map[string]*memberState{},
	}
	e.poke()
	return e
}

func (e *endpoint) poke() {
	select {
	case e.wake <- struct{}{}:
	default:
	}
}

// observes reports whether the endpoint said that it observes the member.
func (e *endpoint) observes(member string) bool { return e.members[member] != nil }

// mayKnow reports whether asking about the member may bring an answer.
func (e *endpoint) mayKnow(member string) bool {
	s := e.members[member]
	return s == nil || s.missing == "" || !e.talk.tellsStates()
}

// expected reports whether an answer may come soon.
func (e *endpoint) expected() bool { return e.fault == "" }

// want puts the question into the next call and returns its number.
func (e *endpoint) want(q *question) uint64 {
	if !slices.Contains(e.pending, q) {
		e.pending = append(e.pending, q)
	}
	q.asked[e] = true
	e.poke()
	return e.begun + 1
}

// hint has the question asked unless it was.
func (e *endpoint) hint(q *question) {
	if !q.asked[e] {
		e.want(q)
	}
}

// overran marks an endpoint for which a decision waited in vain.
func (e *endpoint) overran(budget time.Duration) {
	if e.fault == "" {
		e.fault = fmt.Sprintf("no answer within %s", budget)
	}
}

// excuse says why the endpoint does not answer.
func (e *endpoint) excuse() string {
	if e.fault != "" {
		return e.name + ": " + e.fault
	}
	return e.name + ": no answer yet"
}

// excuseFor says why there is no answer about the member.
func (e *endpoint) excuseFor(member string) string {
	switch s := e.members[member]; {
	case e.fault != "":
		return e.excuse()
	case s != nil && s.missing != "":
		return e.name + ": " + s.missing
	case s != nil && time.Since(s.at) > e.client.options.Lifetime:
		return e.name + ": the member was not heard for too long"
	default:
		return e.excuse()
	}
}

// at returns when the answer was last known to be true.
func (e *endpoint) at(member string, a *answer) time.Time {
	s := e.members[member]
	if s != nil && e.talk.tellsStates() && s.generation == a.generation && s.instance == a.instance && s.at.After(a.at) {
		return s.at
	}
	return a.at
}

// run asks until ctx ends.
func (e *endpoint) run(ctx context.Context) {
	tick := time.NewTicker(max(e.client.options.Lifetime/6, time.Millisecond))
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			e.disconnect()
			return
		case <-e.wake:
		case <-tick.C:
			e.expire()
		}
		for ctx.Err() == nil && e.step(ctx) {
		}
	}
}

// job is what one call is to ask.
type job struct {
	// number is 0 for a call that nobody waits for.
	number    uint64
	questions []*question
	// members is whom to ask about; nil means all.
	members []string
}

// next returns what is to be asked now: first what decisions wait for, then what is outdated, then, from time to time, how the members are.
func (e *endpoint) next(now time.Time) (job, bool) {
	c := e.client
	c.mu.Lock()
	defer c.mu.Unlock()
	if now.Before(e.retry) {
		return job{}, false
	}
	renew := c.options.Lifetime / 3
	switch {
	case len(e.pending) > 0:
		e.begun++
		j := job{number: e.begun, questions: e.pending, members: e.scope()}
		e.pending, e.current = nil, e.pending
		return j, true
	case len(e.outdated) > 0:
		j := job{questions: c.book.all(), members: slices.Sorted(maps.Keys(e.outdated))}
		clear(e.outdated)
		return j, true
	case !e.heard || e.fault != "" || now.Sub(e.asked) >= renew:
		j := job{members: e.scope()}
		if !e.talk.tellsStates() {
			j.questions = c.book.all()
		}
		return j, true
	}
	return job{}, false
}

// scope returns whom to ask about: nil for all that the estimator observes.
func (e *endpoint) scope() []string {
	if e.member != "" {
		return []string{e.member}
	}
	return e.server.Members
}

// step makes one call and reports whether there may be more to do at once.
func (e *endpoint) step(ctx context.Context) bool {
	began := time.Now()
	j, ok := e.next(began)
	if !ok {
		return false
	}
	calling, stop := context.WithTimeout(ctx, e.client.options.Deadline)
	defer stop()
	reports, err := e.call(calling, &j)
	e.client.options.Metrics.called(e.name, time.Since(began), err)
	if ctx.Err() != nil {
		return false
	}
	e.take(ctx, &j, reports, err)
	return true
}

// call connects if need be, and asks.
func (e *endpoint) call(ctx context.Context, j *job) ([]report, error) {
	if e.connections == nil {
		connections, err := e.server.Connect(ctx, e.member)
		if err != nil {
			return nil, err
		}
		e.connections = connections
		if err := e.agree(ctx); err != nil {
			return nil, err
		}
	}
	return e.talk.ask(ctx, j.members, j.questions)
}

// agree finds out where and what to talk.
func (e *endpoint) agree(ctx context.Context) error {
	t, err := settle(ctx, e.server.Protocol, e.connections, e.scope(), e.member)
	if err != nil {
		return err
	}
	e.client.mu.Lock()
	e.talk = t
	e.client.mu.Unlock()
	if w, ok := t.(watcher); ok {
		watching, stop := context.WithCancel(e.client.ctx)
		e.unwatch = stop
		e.client.running.Go(func() { e.watch(watching, w) })
	}
	return nil
}

// disconnect closes the connections; the next call opens new ones.
func (e *endpoint) disconnect() {
	for _, conn := range e.connections {
		_ = conn.Close()
	}
	e.connections = nil
	if e.unwatch != nil {
		e.unwatch()
		e.unwatch = nil
	}
}
