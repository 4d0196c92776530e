package loop

import (
	"fmt"
	"testing"

	"github.com/google/go-cmp/cmp"

	workv1alpha2 "github.com/longshore-project/longshore/apis/work/v1alpha2"
	"github.com/longshore-project/longshore/plugins/builtin"
	"github.com/longshore-project/longshore/scheduler/framework"
)

// TestProfilesSideBySide gives one loop two profiles: one reserves what it decides, and one takes what members report as it is.
func TestProfilesSideBySide(t *testing.T) {
	w := newWorld(t)
	w.member("a")
	careless := w.name + "-careless"
	var err error
	o := w.options()
	o.Profiles = append(o.Profiles, Profile{SchedulerName: careless, Pipeline: builtin.Profile(), IgnoresReservations: true})
	if w.loop, err = New(w.config, o); err != nil {
		t.Fatal(err)
	}
	w.start()
	careful := w.binding("careful", divided(true), six(w.name))
	w.until(careful, "it is placed", scheduledFor(workv1alpha2.ReasonSuccess))
	second := w.binding("second", divided(true), six(w.name))
	w.until(second, "it finds the room taken", scheduledFor(workv1alpha2.ReasonUnschedulable))
	for _, name := range []string{"third", "fourth"} {
		now := w.until(w.binding(name, divided(true), six(careless)), "it is placed", scheduledFor(workv1alpha2.ReasonSuccess))
		if got := targets(now); got != "a:6" {
			t.Errorf("%s: clusters are %q, want a:6", name, got)
		}
	}
	stranger := w.binding("stranger", six(w.name+"-stranger"))
	w.quiet()
	if _, ok := w.loop.bindings.get(keyOf(stranger)); ok {
		t.Error("a binding of another scheduler is considered")
	}
}

// observed collects what an observer is told.
type observed chan string

func (o observed) Observe(r *framework.Request, s *framework.Snapshot, d framework.Decision) {
	o <- fmt.Sprintf("%s: %s %s of %d", r.Key, d.Outcome, framework.FormatTargets(d.Targets), s.Len())
}

// TestObserverIsToldEveryDecision tells the observer of a profile what became of its bindings, placed or not, and nothing about the others.
func TestObserverIsToldEveryDecision(t *testing.T) {
	w := newWorld(t)
	w.member("a")
	told := make(observed, 10)
	var err error
	o := w.options()
	o.Profiles[0].Observer = told
	o.Profiles = append(o.Profiles, Profile{SchedulerName: w.name + "-unobserved", Pipeline: builtin.Profile()})
	if w.loop, err = New(w.config, o); err != nil {
		t.Fatal(err)
	}
	w.start()
	w.until(w.binding("fits", divided(true)), "it is placed", scheduledFor(workv1alpha2.ReasonSuccess))
	w.until(w.binding("other", func(s *workv1alpha2.ResourceBindingSpec) { s.SchedulerName += "-unobserved" }), "it is placed", scheduledFor(workv1alpha2.ReasonSuccess))
	w.until(w.binding("too-large", divided(true), func(s *workv1alpha2.ResourceBindingSpec) { s.Replicas = 60 }), "it is not", scheduledFor(workv1alpha2.ReasonUnschedulable))
	clusters := w.loop.fleet.Snapshot().Len()
	want := []string{
		fmt.Sprintf("%s/fits: Placed {%s:4} of %d", w.namespace, w.memberName("a"), clusters),
		fmt.Sprintf("%s/too-large: NoRoom {} of %d", w.namespace, clusters),
	}
	if diff := cmp.Diff(want, []string{<-told, <-told}); diff != "" {
		t.Errorf("the observer was told (-want +got):\n%s", diff)
	}
}

func TestNewRefuses(t *testing.T) {
	whole := builtin.Profile()
	half := *whole
	half.Assign = nil
	tests := []struct {
		name     string
		profiles []Profile
		want     string
	}{
		{name: "none", want: "making the scheduling loop: there is no profile to decide with"},
		{name: "half", profiles: []Profile{{Pipeline: &half}}, want: "making the scheduling loop: profile default-scheduler has no plugins to select clusters or to assign replicas"},
		{name: "twice", profiles: []Profile{{Pipeline: whole}, {SchedulerName: DefaultSchedulerName, Pipeline: whole}}, want: "making the scheduling loop: two profiles are called default-scheduler"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			if _, err := New(nil, Options{Profiles: tt.profiles}); err == nil || err.Error() != tt.want {
				t.Errorf("error is %v, want %s", err, tt.want)
			}
		})
	}
}
