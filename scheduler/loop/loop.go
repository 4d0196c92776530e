// Package loop is the shell around decisions: it watches clusters and bindings, decides about one binding after the other in memory, and lets
// a pool of committers write the results.
//
//	watch ─► queue ─► decide ─► reserve ─► commit: one patch of the spec, one of the status
//	  ▲                                       │
//	  └───── own writes are recognised ◄──────┘
//
// Deciding never waits for the API server. What is decided and not yet written counts as taken. A write is made only upon the very spec that
// was decided upon; if that has changed, the binding is decided again. Nothing is written that is there already.
package loop

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/go-logr/logr"
	"golang.org/x/sync/errgroup"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/rest"
	"k8s.io/utils/clock"

	clusterv1alpha1 "github.com/longshore-project/longshore/apis/cluster/v1alpha1"
	policyv1alpha1 "github.com/longshore-project/longshore/apis/policy/v1alpha1"
	workv1alpha2 "github.com/longshore-project/longshore/apis/work/v1alpha2"
	"github.com/longshore-project/longshore/scheduler/cache"
	"github.com/longshore-project/longshore/scheduler/convert"
	"github.com/longshore-project/longshore/scheduler/framework"
	"github.com/longshore-project/longshore/scheduler/pipeline"
	"github.com/longshore-project/longshore/scheduler/queue"
)

// DefaultCommitters is how many results are written at once unless Options say otherwise: enough to keep an API server busy whose answer to
// a write takes some tens of milliseconds.
const DefaultCommitters = 32

// backlog is how many decided results may wait for a committer before the decisions wait for them.
const backlog = 1024

// Profile is one way to decide.
type Profile struct {
	// SchedulerName is the name in the bindings that are decided this way; empty means DefaultSchedulerName.
	SchedulerName string
	// Pipeline decides. It is required.
	Pipeline *pipeline.Profile
	// IgnoresReservations means that the room in a member is what the member reports, whatever has been decided since, and that decisions
	// of this profile reserve nothing.
	IgnoresReservations bool
	// Recorder takes the events; nil drops them.
	Recorder Recorder
	// Estimators are told of bindings early; nil if the profile asks none.
	Estimators Estimators
	// Observer is told what was decided; nil tells nobody.
	Observer Observer
}

// Observer is told of every decision of a profile, placed or not, right after it was made and before it is written. Observe is called by the
// one goroutine that decides and must return at once. What it gets may be kept and must not be changed.
type Observer interface {
	Observe(r *framework.Request, s *framework.Snapshot, d framework.Decision)
}

// Estimators learn of the bindings of a profile. Its methods are called by several goroutines at once and must return at once.
type Estimators interface {
	// Prefetch is told that the request is going to be decided.
	Prefetch(r *framework.Request)
	// BindingChanged is told what a binding was and is. Old is nil for one that was not known, now is nil for one that is gone.
	BindingChanged(old, now workv1alpha2.Binding)
}

// Options say how to schedule.
type Options struct {
	// Profiles decide, each about the bindings that name it. At least one is required, and their names differ.
	Profiles []Profile
	// Committers is how many results are written at once; 0 means DefaultCommitters.
	Committers int
	// Metrics counts what happens; nil counts nothing.
	Metrics *Metrics
	// Absent names the plugin that a decision failed for want of, empty if it failed of something else; nil never knows. Returned is to be called
	// when the plugin is back.
	Absent func(error) (plugin string)
	// MayWrite reports whether this process still is the one that writes. It is asked before each write, by several goroutines at once; nil always
	// writes.
	MayWrite func() bool
	// Clock tells the time; nil means the real one.
	Clock clock.Clock
}

// Loop is one scheduler. Make it with New.
type Loop struct {
	options Options
	lineup  lineup
	clock   clock.Clock
	queue   *queue.Queue
	fleet   *cache.Cache
	// latest is the snapshot of each fleet that was decided upon last. Only the deciding goroutine uses it.
	latest   map[*cache.Cache]*framework.Snapshot
	bindings *bindings
	flights  *flights
	peers    *peers
	pool     *pool
	writer   *writer
	watch    *watch
	quotas   *quotas
	metrics  *Metrics
	commits  chan *commit
	underway underway
}

// New returns a loop that works against the API server of config. Its client limits (QPS and Burst) are used as they are.
func New(config *rest.Config, o Options) (*Loop, error) {
	profiles, err := byName(o.Profiles)
	if err != nil {
		return nil, fmt.Errorf("making the scheduling loop: %w", err)
	}
	if o.Committers == 0 {
		o.Committers = DefaultCommitters
	}
	if o.Clock == nil {
		o.Clock = clock.RealClock{}
	}
	if o.MayWrite == nil {
		o.MayWrite = func() bool { return true }
	}
	if o.Metrics == nil {
		o.Metrics = NewMetrics()
	}
	values := newPool()
	work, err := newClient(config, workv1alpha2.GroupVersion, values)
	if err != nil {
		return nil, err
	}
	clusters, err := newClient(config, clusterv1alpha1.GroupVersion, values)
	if err != nil {
		return nil, err
	}
	policies, err := newClient(config, policyv1alpha1.GroupVersion, values)
	if err != nil {
		return nil, err
	}
	l := &Loop{
		options: o, lineup: lineup{profiles: profiles}, clock: o.Clock, queue: queue.New(o.Clock), fleet: cache.New(o.Clock), latest: map[*cache.Cache]*framework.Snapshot{}, bindings: newBindings(), flights: newFlights(),
		pool: values, writer: &writer{client: work, pool: values, may: o.MayWrite, conflicted: o.Metrics.conflicts.Inc}, metrics: o.Metrics,
		commits: make(chan *commit, backlog),
	}
	l.fitFleets()
	l.peers = newPeers(l.flights.pending, l.wakePeers)
	l.metrics.depth, l.metrics.outstanding = l.queue.Depth, l.fleet.Outstanding
	l.watch = newWatch(work, clusters, l)
	l.quotas = newQuotas(policies, l.clock, l.quotaFreed)
	return l, nil
}

// Synced reports whether the loop has seen the whole fleet and all bindings, and thus decides.
func (l *Loop) Synced() bool { return l.watch.isSynced() }

// Run watches and schedules until ctx ends. Results that were decided by then and not yet being written are dropped: the next process decides
// them again.
func (l *Loop) Run(ctx context.Context) error {
	group, ctx := errgroup.WithContext(ctx)
	group.Go(func() error { return l.watch.run(ctx) })
	group.Go(func() error { return l.quotas.run(ctx) })
	if !l.watch.waitForSync(ctx) {
		return group.Wait()
	}
	l.restoreReservations()
	logr.FromContextOrDiscard(ctx).Info("Scheduling", "schedulerNames", l.schedulerNames(), "committers", l.options.Committers)
	for range l.options.Committers {
		group.Go(func() error { return l.commitAll(ctx) })
	}
	group.Go(func() error { return l.decideAll(ctx) })
	if err := group.Wait(); err != nil && !errors.Is(err, context.Canceled) {
		return fmt.Errorf("scheduling: %w", err)
	}
	return nil
}

// Quiet returns a channel that is closed as soon as no result is on its way to the API server, at once if none is. What is less urgent than
// results waits for it.
func (l *Loop) Quiet() <-chan struct{} { return l.underway.none() }

// Waiting returns how many bindings are ready to be decided, or decided and not written yet.
func (l *Loop) Waiting() int { return l.queue.Ready() + l.underway.count() }

// decideAll takes one binding after the other.
func (l *Loop) decideAll(ctx context.Context) error {
	for {
		item, err := l.queue.Pop(ctx)
		if err != nil {
			return err
		}
		c := l.decide(ctx, item)
		if c == nil {
			continue
		}
		l.underway.begin()
		select {
		case l.commits <- c:
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

// decide decides about the binding and returns what is to be written; nil if that is nothing, and then the binding is put down already.
func (l *Loop) decide(ctx context.Context, item queue.Item) *commit {
	// In this order: what is not outdated now is in its latest state when it is read afterwards.
	outdated := l.flights.outdated(item.Key)
	r, ok := l.bindings.get(item.Key)
	if outdated || !ok || r.binding.GetDeletionTimestamp() != nil {
		l.queue.Done(item.Key)
		return nil
	}
	l.lineup.RLock()
	defer l.lineup.RUnlock()
	profile, ours := l.lineup.profiles[schedulerOf(r.binding)]
	if !ours {
		l.queue.Done(item.Key)
		return nil
	}
	started := l.clock.Now()
	c := l.judge(ctx, r, profile)
	c.item = item
	l.metrics.step(stepTotal, l.clock.Since(started))
	writesSpec := len(specChanges(r.binding, &c.want)) > 0
	if !writesSpec && len(statusChanges(r.binding, &c.want, started)) == 0 {
		l.putDown(c)
		return nil
	}
	l.flights.depart(item.Key, r.binding.GetUID(), r.binding.GetGeneration())
	if writesSpec {
		c.ticket = l.fleet.Assume(item.Key.String(), c.reservations)
		l.peers.decided(item.Key, r.binding, c.want.clusters)
	}
	return c
}

// judge finds out what the binding is to look like.
func (l *Loop) judge(ctx context.Context, r *entry, profile *Profile) *commit {
	c := &commit{entry: r, profile: profile, then: finish}
	switch {
	case r.class == nil:
		c.want = failed("the binding has no placement: nothing says where its template may run")
		return c
	case r.class.invalid != nil:
		c.want = failed("the placement cannot be understood: " + r.class.invalid.Error())
		return c
	}
	if c.trigger = triggerOf(r.binding, r.class.fingerprint, l.lost); c.trigger == untriggered {
		l.metrics.decisions.WithLabelValues(decisionNothing).Inc()
		c.want = satisfied(r.binding)
		return c
	}
	request := convert.FromBinding(r.binding, r.class.placement)
	request.Peers = l.peers.of(r.key, r.binding)
	snapshot, started := l.snapshotFor(profile), l.clock.Now()
	decision, err := pipeline.Follow(ctx, profile.Pipeline, snapshot, request, l.stopwatch(started))
	l.metrics.step(stepDecide, l.clock.Since(started))
	l.metrics.decided(&decision, err)
	if err != nil {
		c.want, c.then, c.lacked = failed(err.Error()), retry, l.lackedBy(profile, err)
		return c
	}
	if profile.Observer != nil {
		profile.Observer.Observe(request, snapshot, decision)
	}
	c.want, c.then = outcomeOf(request, &decision, r.class.fingerprint)
	c.cures = decision.Cures()
	if !profile.IgnoresReservations {
		c.reservations = reservationsOf(request, &decision)
	}
	return c
}

// stopwatch returns a function that notes how long each stage took, the first one since the given moment.
func (l *Loop) stopwatch(last time.Time) func(pipeline.Stage) {
	return func(stage pipeline.Stage) {
		now := l.clock.Now()
		l.metrics.step(string(stage), now.Sub(last))
		last = now
	}
}

// snapshotFor returns the fleet as the profile sees it. The lineup must be held.
func (l *Loop) snapshotFor(p *Profile) *framework.Snapshot {
	started, fleet := l.clock.Now(), l.fleet
	if p.IgnoresReservations {
		fleet = l.lineup.reported.Load()
	}
	snapshot := fleet.Snapshot()
	l.metrics.lookup("snapshot", snapshot == l.latest[fleet])
	l.latest[fleet] = snapshot
	l.metrics.step(stepSnapshot, l.clock.Since(started))
	return snapshot
}

// lost reports whether the cluster is gone or being deleted.
func (l *Loop) lost(name string) bool {
	c, ok := l.fleet.Cluster(name)
	return !ok || c.Deleting
}

// putDown gives the binding back to the queue.
func (l *Loop) putDown(c *commit) {
	l.metrics.attempt(c, l.clock.Now())
	switch c.then {
	case finish:
		l.queue.Done(c.item.Key)
	case retry:
		l.queue.Retry(c.item.Key, c.lacked)
	case park, parkAndFlush:
		l.queue.Park(c.item.Key, c.cures, c.then == parkAndFlush)
	}
}

func (l *Loop) now() metav1.Time { return metav1.NewTime(l.clock.Now().Truncate(time.Second)) }
