package loop

import (
	"context"
	"sync/atomic"
	"testing"
	"time"

	"k8s.io/apimachinery/pkg/util/wait"

	workv1alpha2 "github.com/longshore-project/longshore/apis/work/v1alpha2"
	"github.com/longshore-project/longshore/plugins/builtin"
	"github.com/longshore-project/longshore/scheduler/framework"
)

// six asks the scheduler of that name for six replicas, of which a member holds ten.
func six(schedulerName string) func(*workv1alpha2.ResourceBindingSpec) {
	return func(s *workv1alpha2.ResourceBindingSpec) { s.SchedulerName, s.Replicas = schedulerName, 6 }
}

// Another lineup takes up the bindings of new names, leaves those of names that are gone, and tries again what waited; what was placed is not
// written again.
func TestSetProfiles(t *testing.T) {
	w := newWorld(t)
	w.member("a")
	w.start()
	late := w.name + "-late"
	placed := w.until(w.binding("placed", divided(true), six(w.name)), "it is placed", scheduledFor(workv1alpha2.ReasonSuccess))
	waiting := w.binding("waiting", divided(true), six(w.name))
	w.until(waiting, "it finds the room taken", scheduledFor(workv1alpha2.ReasonUnschedulable))
	strange := w.binding("strange", divided(true), six(late))
	w.quiet()
	if _, ok := w.loop.bindings.get(keyOf(strange)); ok {
		t.Fatal("a binding of a profile to come is considered already")
	}
	careless := Profile{SchedulerName: w.name, Pipeline: builtin.Profile(), IgnoresReservations: true}
	if err := w.loop.SetProfiles([]Profile{careless, {SchedulerName: late, Pipeline: builtin.Profile(), IgnoresReservations: true}}); err != nil {
		t.Fatal(err)
	}
	w.until(waiting, "it is placed by a profile that ignores what is taken", scheduledFor(workv1alpha2.ReasonSuccess))
	w.until(strange, "it is placed by the profile that it names", scheduledFor(workv1alpha2.ReasonSuccess))
	w.quiet()
	if now := w.until(placed, "it exists", func(workv1alpha2.Binding) bool { return true }); now.GetResourceVersion() != placed.GetResourceVersion() {
		t.Errorf("what was placed is at resource version %s, want %s still", now.GetResourceVersion(), placed.GetResourceVersion())
	}
	if err := w.loop.SetProfiles([]Profile{{SchedulerName: late, Pipeline: builtin.Profile()}}); err != nil {
		t.Fatal(err)
	}
	if w.loop.lineup.reported.Load() != nil {
		t.Error("a fleet is kept that no profile wants")
	}
	w.until(w.binding("last", six(late)), "it is placed", scheduledFor(workv1alpha2.ReasonSuccess))
	if _, ok := w.loop.bindings.get(keyOf(placed)); ok {
		t.Error("a binding of a profile that is gone is still considered")
	}
}

func TestSetProfilesRefuses(t *testing.T) {
	w := newWorld(t)
	before := w.loop.lineup.profiles[w.name]
	const want = "changing the profiles: there is no profile to decide with"
	if err := w.loop.SetProfiles(nil); err == nil || err.Error() != want {
		t.Errorf("error is %v, want %s", err, want)
	}
	if w.loop.lineup.profiles[w.name] != before {
		t.Error("the profile is another one than before")
	}
}

// slow is a filter that takes until it is released, and then sees whether its profile was retired meanwhile.
type slow struct {
	entered, release chan struct{}
	retired          *atomic.Bool
	late             atomic.Bool
}

func (*slow) Name() string { return "Slow" }

func (s *slow) Filter(context.Context, *framework.Query, framework.Bitset) ([]framework.Rejection, error) {
	close(s.entered)
	<-s.release
	s.late.Store(s.retired.Load())
	return nil, nil
}

// No plugin of the old lineup is asked once SetProfiles has returned, and what the old one decided is written.
func TestSetProfilesWaitsForTheDecision(t *testing.T) {
	w := newWorld(t)
	w.member("a")
	var retired atomic.Bool
	filter := &slow{entered: make(chan struct{}), release: make(chan struct{}), retired: &retired}
	old := builtin.Profile()
	old.Filters = append(old.Filters, filter)
	if err := w.loop.SetProfiles([]Profile{{SchedulerName: w.name, Pipeline: old}}); err != nil {
		t.Fatal(err)
	}
	w.start()
	b := w.binding("nginx")
	<-filter.entered
	done := make(chan error, 1)
	go func() {
		err := w.loop.SetProfiles([]Profile{{SchedulerName: w.name + "-next", Pipeline: builtin.Profile()}})
		retired.Store(true)
		done <- err
	}()
	err := wait.PollUntilContextTimeout(t.Context(), time.Millisecond, patience, true, func(context.Context) (bool, error) {
		free := w.loop.lineup.TryRLock()
		if free {
			w.loop.lineup.RUnlock()
		}
		return !free, nil
	})
	if err != nil {
		t.Fatalf("waiting for SetProfiles to wait: %v", err)
	}
	close(filter.release)
	if err := <-done; err != nil {
		t.Fatal(err)
	}
	if filter.late.Load() {
		t.Error("SetProfiles returned while the old profile decided")
	}
	w.until(b, "what was decided is written", scheduledFor(workv1alpha2.ReasonSuccess))
}
