package loop

import (
	"context"
	"errors"
	"sync/atomic"
	"testing"
	"time"

	clocktesting "k8s.io/utils/clock/testing"

	workv1alpha2 "github.com/longshore-project/longshore/apis/work/v1alpha2"
	"github.com/longshore-project/longshore/plugins/builtin"
	"github.com/longshore-project/longshore/scheduler/framework"
)

// absent is a filter that breaks while it is away.
type absent struct{ away atomic.Bool }

func (*absent) Name() string { return "Absent" }

func (a *absent) Filter(context.Context, *framework.Query, framework.Bitset) ([]framework.Rejection, error) {
	if a.away.Load() {
		return nil, errors.New("it does not run")
	}
	return nil, nil
}

// A binding that waits because a plugin is away is decided when that is back. The clock stands still, so no backoff ends by itself.
func TestBindingsWaitForThePluginOfTheirProfile(t *testing.T) {
	w := newWorld(t)
	w.member("a")
	filter := &absent{}
	filter.away.Store(true)
	pipeline := builtin.Profile()
	pipeline.Filters = append(pipeline.Filters, filter)
	o := w.options()
	o.Clock = clocktesting.NewFakeClock(time.Now())
	other := w.name + "-other"
	o.Profiles = []Profile{{SchedulerName: w.name, Pipeline: pipeline}, {SchedulerName: other, Pipeline: pipeline}}
	var err error
	if w.loop, err = New(w.config, o); err != nil {
		t.Fatal(err)
	}
	w.start()
	ours := w.binding("ours")
	theirs := w.binding("theirs", func(s *workv1alpha2.ResourceBindingSpec) { s.SchedulerName = other })
	for _, b := range []workv1alpha2.Binding{ours, theirs} {
		w.until(b, "it waits for the plugin", scheduledFor(workv1alpha2.ReasonSchedulerError))
	}
	w.quiet()
	filter.away.Store(false)
	w.loop.PluginReturned(w.name)
	w.until(ours, "it is placed", scheduledFor(workv1alpha2.ReasonSuccess))
	w.quiet()
	if d := w.loop.queue.Depth(); d.Backoff != 1 {
		t.Errorf("the queue holds %+v, want the binding of the other profile in backoff", d)
	}
}
