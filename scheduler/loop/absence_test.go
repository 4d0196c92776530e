package loop

import (
	"context"
	"errors"
	"fmt"
	"sync/atomic"
	"testing"
	"time"

	clocktesting "k8s.io/utils/clock/testing"

	workv1alpha2 "github.com/longshore-project/longshore/apis/work/v1alpha2"
	"github.com/longshore-project/longshore/plugins/builtin"
	"github.com/longshore-project/longshore/scheduler/framework"
)

// flickering is a filter that breaks while it is away, and counts how often it is asked.
type flickering struct {
	away  atomic.Bool
	asked atomic.Int32
}

var errAway = errors.New("it does not run")

func (*flickering) Name() string { return "flickering" }

func (p *flickering) Filter(context.Context, *framework.Query, framework.Bitset) ([]framework.Rejection, error) {
	p.asked.Add(1)
	if p.away.Load() {
		return nil, errAway
	}
	return nil, nil
}

// What failed for want of a plugin is decided once more, at once, when the plugin is back. The clock stands still: time wakes nobody.
func TestReturnedPluginWakesWhoLackedIt(t *testing.T) {
	w := newWorld(t)
	w.member("a")
	plugin := &flickering{}
	plugin.away.Store(true)
	o := w.options()
	o.Profiles[0].Pipeline = builtin.Profile()
	o.Profiles[0].Pipeline.Filters = append(o.Profiles[0].Pipeline.Filters, plugin)
	o.Clock = clocktesting.NewFakeClock(time.Now())
	o.Metrics = NewMetrics()
	o.Absent = func(err error) string {
		if errors.Is(err, errAway) {
			return plugin.Name()
		}
		return ""
	}
	var err error
	if w.loop, err = New(w.config, o); err != nil {
		t.Fatal(err)
	}
	const lacking = 5
	var waiting []*workv1alpha2.ResourceBinding
	for i := range lacking {
		waiting = append(waiting, w.binding(fmt.Sprintf("nginx-%d", i), divided(false)))
	}
	w.start()
	for _, b := range waiting {
		w.until(b, "it lacks the plugin", scheduledFor(workv1alpha2.ReasonSchedulerError))
	}
	w.quiet()
	for _, other := range [][2]string{{w.name, "another"}, {"another", plugin.Name()}} {
		w.loop.Returned(other[0], other[1])
	}
	if d := w.loop.queue.Depth(); d.Backoff != lacking {
		t.Errorf("queue is %+v after something else has come back, want %d in backoff", d, lacking)
	}
	plugin.away.Store(false)
	w.loop.Returned(w.name, plugin.Name())
	for _, b := range waiting {
		w.until(b, "it is placed", scheduledFor(workv1alpha2.ReasonSuccess))
	}
	w.quiet()
	if got := plugin.asked.Load(); got != 2*lacking {
		t.Errorf("the plugin was asked %d times, want %d: once in vain and once more for each", got, 2*lacking)
	}
	if got := gather(t, o.Metrics)["karmada_scheduler_queue_incoming_bindings_total Wake"]; got != lacking {
		t.Errorf("%v bindings were woken, want %d", got, lacking)
	}
}
