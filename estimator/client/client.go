package client

import (
	"cmp"
	"context"
	"maps"
	"slices"
	"sync"
	"time"

	"github.com/go-logr/logr"
	"google.golang.org/grpc"

	"github.com/longshore-project/longshore/plugins/builtin/accurateestimate"
	"github.com/longshore-project/longshore/scheduler/framework"
)

// Protocol is what an estimator speaks.
type Protocol string

// The protocols. Auto is Longshore's and, if the estimator does not know that, Karmada's.
const (
	Auto      Protocol = "auto"
	Longshore Protocol = "longshore"
	Karmada   Protocol = "karmada"
)

// Connect opens connections to an estimator, of which the first that answers is used. Opening does not wait for the network.
type Connect func(ctx context.Context, member string) ([]*grpc.ClientConn, error)

// Server is an estimator for several members, or one for each.
type Server struct {
	// Name says in messages which estimator is meant; {member} stands for the member's name.
	Name string
	// Connect is called anew after each failure. The member is empty unless PerMember.
	Connect Connect
	// PerMember means that every member has an estimator of its own.
	PerMember bool
	// Members is whom it serves. Nil means those that it says it observes or, with PerMember, all.
	Members []string
	// Protocol is what it speaks; empty means Auto.
	Protocol Protocol
}

// Options say whom to ask and how.
type Options struct {
	// Servers are the estimators. The first that serves a member is asked about it.
	Servers []Server
	// Deadline bounds each call; 0 means 3 s.
	Deadline time.Duration
	// Budget bounds how long Answers waits; 0 means 50 ms.
	Budget time.Duration
	// Lifetime is how old an answer may be to count; 0 means 15 s.
	Lifetime time.Duration
	// Changed is told of members about which the answers are different now. Roomier means that more fits in one of them than was known. It
	// must return at once. Nil tells nobody.
	Changed func(members []string, roomier bool)
	// Metrics counts; nil counts nothing.
	Metrics *Metrics
}

// Client asks estimators. Make it with New, and Close it. It is safe for concurrent use.
type Client struct {
	options Options
	log     logr.Logger
	ctx     context.Context
	stop    context.CancelFunc
	running sync.WaitGroup

	mu   sync.Mutex
	book book
	// shared is the endpoints of the servers for many members, by index of the server; own is those of single members.
	shared map[int]*endpoint
	own    map[ownKey]*endpoint
	// progress is closed and replaced whenever a call ended.
	progress chan struct{}
}

type ownKey struct {
	server int
	member string
}

// New returns a client that asks until it is closed. The context's logger is used; its end changes nothing.
func New(ctx context.Context, o Options) *Client {
	o.Deadline = cmp.Or(o.Deadline, 3*time.Second)
	o.Budget = cmp.Or(o.Budget, 50*time.Millisecond)
	o.Lifetime = cmp.Or(o.Lifetime, 15*time.Second)
	if o.Changed == nil {
		o.Changed = func([]string, bool) {}
	}
	if o.Metrics == nil {
		o.Metrics = NewMetrics()
	}
	c := &Client{
		options: o, log: logr.FromContextOrDiscard(ctx), book: newBook(), shared: map[int]*endpoint{}, own: map[ownKey]*endpoint{},
		progress: make(chan struct{}),
	}
	c.ctx, c.stop = context.WithCancel(context.WithoutCancel(ctx))
	c.mu.Lock()
	defer c.mu.Unlock()
	for i := range o.Servers {
		if !o.Servers[i].PerMember {
			c.shared[i] = c.begin(i, "")
		}
	}
	return c
}

// Close ends all calls and connections.
func (c *Client) Close() {
	c.stop()
	c.running.Wait()
}

// begin makes an endpoint and its goroutine. The lock is held.
func (c *Client) begin(server int, member string) *endpoint {
	e := newEndpoint(c, &c.options.Servers[server], member)
	ctx, stop := context.WithCancel(c.ctx)
	e.key, e.stop = ownKey{server, member}, stop
	c.running.Go(func() { e.run(ctx) })
	return e
}

// Retain leaves the estimators of members that are not there any more, as there tells, where each member has one of its own. A member that comes
// back is found again.
func (c *Client) Retain(there func(member string) bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for key, e := range c.own {
		if !there(key.member) {
			c.leave(e)
		}
	}
}

// leave ends the endpoint of one member and forgets what it said. The lock is held.
func (c *Client) leave(e *endpoint) {
	delete(c.own, e.key)
	e.left, e.fault = true, "the member has left"
	e.stop()
	for _, q := range c.book.questions {
		delete(q.asked, e)
		delete(q.answers, answerKey{e, e.member})
	}
	c.options.Metrics.left(e.name)
	c.advance() // Nobody waits for it any more.
}

// route returns the endpoint that serves the member, nil if none does. Undecided is an endpoint that was never heard and might serve it. The
// lock is held.
func (c *Client) route(member string) (found, undecided *endpoint) {
	for i := range c.options.Servers {
		s := &c.options.Servers[i]
		if s.Members != nil && !slices.Contains(s.Members, member) {
			continue
		}
		if s.PerMember {
			key := ownKey{i, member}
			if c.own[key] == nil {
				c.own[key] = c.begin(i, member)
			}
			c.own[key].routed = time.Now()
			return c.own[key], undecided
		}
		e := c.shared[i]
		switch {
		case s.Members != nil || e.observes(member):
			return e, undecided
		case !e.heard && undecided == nil:
			undecided = e
		}
	}
	return nil, undecided
}

// Prefetch has estimators asked about the request, if the answers are not known, and does not wait for them.
func (c *Client) Prefetch(r *framework.Request) {
	if r.Replicas == 0 && len(r.Components) == 0 {
		return
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	q := c.book.question(r)
	for _, e := range c.shared {
		e.hint(q)
	}
	for _, e := range c.own {
		e.hint(q)
	}
}

// Answers implements accurateestimate.Source. It waits at most for the budget.
func (c *Client) Answers(ctx context.Context, r *framework.Request, members []string, out []accurateestimate.Answer) {
	c.mu.Lock()
	defer c.mu.Unlock()
	q := c.book.question(r)
	c.await(ctx, q, members)
	q.read = true // What arrives in time is no news.
	now := time.Now()
	for i, member := range members {
		out[i] = c.read(q, member, now)
		c.options.Metrics.answered(&out[i])
	}
}

// lacking has the endpoints asked whose answers are missing, unless it did before, and notes up to which call each is to be waited for. The lock
// is held.
func (c *Client) lacking(q *question, members []string, calls map[*endpoint]uint64) {
	now := time.Now()
	for _, member := range members {
		found, undecided := c.route(member)
		e := cmp.Or(found, undecided)
		if e == nil || calls[e] != 0 || q.fresh(e, member, now, c.options.Lifetime) {
			continue
		}
		if found != nil && !found.mayKnow(member) {
			continue // It said that it knows nothing, and tells when that changes.
		}
		calls[e] = e.want(q)
	}
}

// await waits until all endpoints that are expected to answer have answered what is missing, or the budget is spent. The first call to an
// endpoint may tell that another one is to be asked about a member. The lock is held, and given up while waiting.
func (c *Client) await(ctx context.Context, q *question, members []string) {
	calls := map[*endpoint]uint64{}
	var budget *time.Timer
	for {
		c.lacking(q, members, calls)
		outstanding := slices.DeleteFunc(slices.Collect(maps.Keys(calls)), func(e *endpoint) bool { return !e.expected() || e.ended >= calls[e] })
		if len(outstanding) == 0 {
			return
		}
		if budget == nil {
			budget = time.NewTimer(c.options.Budget)
			defer budget.Stop()
		}
		if !c.waitForProgress(ctx, budget.C) {
			c.options.Metrics.overrun()
			for _, e := range outstanding {
				e.overran(c.options.Budget)
			}
			return
		}
	}
}

// read returns what is known. The lock is held.
func (c *Client) read(q *question, member string, now time.Time) accurateestimate.Answer {
	e, undecided := c.route(member)
	switch {
	case e == nil && undecided == nil:
		return accurateestimate.Answer{}
	case e == nil:
		return accurateestimate.Answer{Missing: undecided.excuse()}
	}
	a, ok := q.answers[answerKey{e, member}]
	if !ok {
		return accurateestimate.Answer{Missing: e.excuseFor(member)}
	}
	at := e.at(member, &a)
	age := now.Sub(at)
	switch {
	case e.members[member] != nil && e.members[member].missing != "":
		return accurateestimate.Answer{Missing: e.excuseFor(member)}
	case a.missing != "":
		return accurateestimate.Answer{Missing: e.name + ": " + a.missing}
	case age > c.options.Lifetime:
		return accurateestimate.Answer{Missing: e.excuseFor(member)}
	}
	return accurateestimate.Answer{
		Sets: a.sets, Known: true, AtLeast: a.atLeast, GrowTo: a.growTo, CanGrow: a.canGrow, Quota: a.quota,
		Source: e.name, At: at.Truncate(time.Second), Age: age,
	}
}

// advance tells everybody who waits that a call ended. The lock is held.
func (c *Client) advance() {
	close(c.progress)
	c.progress = make(chan struct{})
}
