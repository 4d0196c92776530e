package loop

import (
	"testing"

	"github.com/prometheus/client_golang/prometheus/testutil"

	workv1alpha2 "github.com/longshore-project/longshore/apis/work/v1alpha2"
	"github.com/longshore-project/longshore/plugins/builtin"
	"github.com/longshore-project/longshore/scheduler/framework"
)

// talkative has something to say about members whenever it is told of a binding.
type talkative struct{ say func() }

func (*talkative) Prefetch(*framework.Request) {}

func (e *talkative) BindingChanged(_, _ workv1alpha2.Binding) { e.say() }

// Estimators may answer differently while they are told of a binding, also while profiles are replaced, and more room wakes who lacked it.
func TestEstimatesChangeWhileEstimatorsAreTold(t *testing.T) {
	w := newWorld(t)
	w.member("a")
	w.start()
	w.until(w.binding("first", divided(true), six(w.name)), "it is placed", scheduledFor(workv1alpha2.ReasonSuccess))
	w.until(w.binding("second", divided(true), six(w.name)), "it finds the room taken", scheduledFor(workv1alpha2.ReasonUnschedulable))
	w.quiet()
	told := 0
	estimators := &talkative{say: func() {
		told++
		w.loop.EstimatesChanged([]string{w.memberName("a")}, false)
	}}
	profile := Profile{SchedulerName: w.name, Pipeline: builtin.Profile(), Estimators: estimators}
	if err := w.loop.SetProfiles([]Profile{profile}); err != nil {
		t.Fatal(err)
	}
	if told < 2 {
		t.Errorf("the estimators were told of %d bindings, want both", told)
	}
	w.quiet()
	woken := func() float64 { return testutil.ToFloat64(w.loop.metrics.incoming.WithLabelValues(eventWake)) }
	before := woken()
	w.loop.EstimatesChanged([]string{w.memberName("a")}, true)
	if n := woken() - before; n != 1 {
		t.Errorf("%v bindings were woken, want the second one", n)
	}
}
