package loop

import (
	"cmp"
	"context"
	"errors"

	"github.com/go-logr/logr"
	"k8s.io/apimachinery/pkg/api/meta"

	workv1alpha2 "github.com/longshore-project/longshore/apis/work/v1alpha2"
	"github.com/longshore-project/longshore/scheduler/cache"
	"github.com/longshore-project/longshore/scheduler/framework"
	"github.com/longshore-project/longshore/scheduler/queue"
)

// commit is a decided result on its way to the API server.
type commit struct {
	item  queue.Item
	entry *entry
	// profile is the one that decided, even if others have taken over since.
	profile *Profile
	trigger trigger
	want    result
	then    next
	cures   []framework.Cure
	// lacked is what Queue.Retry is told.
	lacked       string
	reservations []cache.Reservation
	ticket       cache.Ticket
}

func (l *Loop) commitAll(ctx context.Context) error {
	for {
		select {
		case c := <-l.commits:
			l.commit(ctx, c)
			l.underway.end()
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

// commit writes the result and puts the binding down.
func (l *Loop) commit(ctx context.Context, c *commit) {
	started := l.clock.Now()
	key, before := c.item.Key, c.entry.binding
	written, err := l.writer.writeSpec(ctx, key, before, &c.want)
	if err == nil {
		l.fleet.Confirm(c.ticket)
	} else {
		l.release(c)
		written = before
	}
	ended := err
	if errors.Is(err, errQuota) {
		c.refused(err)
		err = nil
	}
	if err == nil {
		var wrote bool
		wrote, err = l.writer.writeStatus(ctx, key, written, &c.want, l.now())
		l.announce(c, written.GetGeneration() != before.GetGeneration(), wrote && err == nil)
	}
	l.metrics.committed(cmp.Or(ended, err), l.clock.Since(started))
	l.land(ctx, c, written.GetGeneration(), err)
}

// refused makes of the result what is to be told of it after the quota of its namespace did not allow it.
func (c *commit) refused(cause error) {
	c.want, c.then = result{reason: workv1alpha2.ReasonQuotaExceeded, message: cause.Error()}, retry
	c.lacked = lackOfQuota(c.item.Key.Namespace)
}

// land puts the binding down after its write, which made the given generation or failed.
func (l *Loop) land(ctx context.Context, c *commit, generation int64, err error) {
	switch {
	case err == nil:
	case errors.Is(err, errSuperseded), errors.Is(err, errGone):
		c.then = finish // The watch tells what came instead.
	case ctx.Err() != nil, errors.Is(err, errDeposed):
		c.then = retry // This process ends; the next one decides again.
	default:
		c.then = retry
		logr.FromContextOrDiscard(ctx).Error(err, "Writing a result", "binding", c.item.Key.String())
	}
	if l.flights.land(c.item.Key, generation) {
		l.queue.Add(c.item.Key, l.priorityNow(c))
	}
	l.peers.landed(c.item.Key)
	l.putDown(c)
}

// priorityNow returns the priority that the binding has by now; that with which it was decided if it is gone.
func (l *Loop) priorityNow(c *commit) int32 {
	if now, ok := l.bindings.get(c.item.Key); ok {
		return priorityOf(now.binding)
	}
	return c.item.Priority
}

// release gives back the reservations of a result that was not written, and wakes those who lacked that room: what was decided before had it.
func (l *Loop) release(c *commit) {
	if l.fleet.Release(c.ticket) {
		l.woke(l.queue.WakeAfter(c.item.Turn, framework.Cure{Fact: framework.FactCapacity}))
	}
}

// announce sends events for what has changed: a success that moved something or ended a failure, and a failure that is not known yet. Each has with
// it what became of the terms that failed.
func (l *Loop) announce(c *commit, movedSpec, wroteStatus bool) {
	b, events := c.entry.binding, events{c.profile.Recorder}
	wasScheduled := meta.IsStatusConditionTrue(b.BindingStatus().Conditions, workv1alpha2.ConditionScheduled)
	moved, failed := c.want.scheduled && (movedSpec || wroteStatus && !wasScheduled), !c.want.scheduled && wroteStatus
	if !moved && !failed {
		return
	}
	if failed {
		events.failed(b, c.want.message)
	}
	for _, term := range c.want.fallen {
		events.failed(b, term)
	}
	if moved {
		events.succeeded(b, &c.want)
	}
}
