package loop

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"k8s.io/apimachinery/pkg/api/resource"

	clusterv1alpha1 "github.com/longshore-project/longshore/apis/cluster/v1alpha1"
	policyv1alpha1 "github.com/longshore-project/longshore/apis/policy/v1alpha1"
	workv1alpha2 "github.com/longshore-project/longshore/apis/work/v1alpha2"
	"github.com/longshore-project/longshore/scheduler/framework"
)

// terms is a placement with one term for each member, by suffix.
func (w *world) terms(suffixes ...string) func(*workv1alpha2.ResourceBindingSpec) {
	return func(s *workv1alpha2.ResourceBindingSpec) {
		divided(true)(s)
		s.Placement.ClusterAffinity = nil
		for _, name := range suffixes {
			s.Placement.ClusterAffinities = append(s.Placement.ClusterAffinities, policyv1alpha1.ClusterAffinityTerm{
				AffinityName: name, ClusterAffinity: policyv1alpha1.ClusterAffinity{ClusterNames: []string{w.memberName(name)}},
			})
		}
	}
}

// told returns the events so far, of which the binding and its template have one each.
func (w *world) told() []string {
	w.t.Helper()
	w.quiet()
	var got []string
	for len(w.events.Events) > 0 {
		got = append(got, <-w.events.Events)
	}
	for i := 0; i+1 < len(got); i += 2 {
		if got[i] != got[i+1] {
			w.t.Errorf("one is told %q and the other %q", got[i], got[i+1])
		}
	}
	return slices.Compact(got)
}

// Each term that failed has a warning of its own when something came of the decision that was not known yet, and no other.
func TestFailedTermsAreTold(t *testing.T) {
	w := newWorld(t)
	cpu := func(amount string) func(*clusterv1alpha1.Cluster) {
		return func(c *clusterv1alpha1.Cluster) {
			c.Status.ResourceSummary.Allocatable["cpu"] = resource.MustParse(amount)
		}
	}
	w.member("small", cpu("1"))
	w.member("tainted", func(c *clusterv1alpha1.Cluster) { c.Status.APIEnablements = nil })
	large := w.member("large", cpu("8"))
	falls := w.binding("falls", w.terms("small", "tainted", "large"))
	w.start()
	w.until(falls, "it is placed", scheduledFor(workv1alpha2.ReasonSuccess))
	const noRoom, noAPI = "Warning ScheduleBindingFailed affinity term small failed: ", "Warning ScheduleBindingFailed affinity term tainted failed: "
	got := w.told()
	if len(got) != 3 || !strings.HasPrefix(got[0], noRoom) || !strings.HasPrefix(got[1], noAPI) || !strings.Contains(got[1], "did not serve apps/v1/Deployment") ||
		!strings.HasPrefix(got[2], "Normal ScheduleBindingSucceed ") {
		t.Errorf("the events are %q, want one for small, one for tainted, and the success", got)
	}
	w.respecify(falls, func(s *workv1alpha2.ResourceBindingSpec) { s.Replicas = 5 })
	w.until(falls, "it grows", func(b workv1alpha2.Binding) bool { return targets(b) == "large:5" })
	if got := w.told(); len(got) != 1 {
		t.Errorf("the events are %q, want only that it grew: it goes on with the term in use", got)
	}

	b := w.binding("fits-nowhere", w.terms("tainted", "small", "large"), func(s *workv1alpha2.ResourceBindingSpec) { s.Replicas = 30 })
	w.until(b, "no term can hold it", scheduledFor(workv1alpha2.ReasonNoClusterFit))
	got = w.told()
	if len(got) != 3 || !strings.Contains(got[0], "did not serve") || !strings.HasPrefix(got[1], noRoom) ||
		!strings.HasPrefix(got[2], "Warning ScheduleBindingFailed affinity term large failed: ") {
		t.Errorf("the events are %q, want that of the first term, and one for each other", got)
	}
	decided := gather(t, w.loop.metrics)["longshore_scheduler_decisions_total NoClusterFit"]
	cpu("9")(large)
	w.updateStatus(large)
	w.eventually("more room has it tried again", func(context.Context) (bool, error) {
		return gather(t, w.loop.metrics)["longshore_scheduler_decisions_total NoClusterFit"] > decided, nil
	})
	if got := w.told(); len(got) != 0 {
		t.Errorf("the events of another attempt in vain are %q, want none", got)
	}
}

func TestFallenTerms(t *testing.T) {
	attempts := func(n int) []framework.Attempt {
		out := make([]framework.Attempt, n)
		for i := range out {
			out[i] = framework.Attempt{Term: fmt.Sprintf("t%d", i), Status: framework.NewStatus(framework.Unschedulable, "no")}
		}
		return out
	}
	failed := func(from, to int) (out []string) {
		for i := from; i < to; i++ {
			out = append(out, fmt.Sprintf("affinity term t%d failed: no", i))
		}
		return out
	}
	tests := []struct {
		name     string
		decision framework.Decision
		want     []string
	}{
		{name: "placed at once", decision: framework.Decision{Outcome: framework.Placed, Attempts: attempts(1)}},
		{name: "the only one failed", decision: framework.Decision{Outcome: framework.NoRoom, Attempts: attempts(1)}},
		{name: "the second of two", decision: framework.Decision{Outcome: framework.Placed, Attempts: attempts(2)}, want: failed(0, 1)},
		{name: "two failed", decision: framework.Decision{Outcome: framework.NoRoom, Attempts: attempts(2)}, want: failed(1, 2)},
		{name: "as many as are told of", decision: framework.Decision{Outcome: framework.Placed, Attempts: attempts(mostFallen + 1)}, want: failed(0, mostFallen)},
		{name: "more than are told of", decision: framework.Decision{Outcome: framework.NoClusterFit, Attempts: attempts(mostFallen + 3)},
			want: append(failed(1, mostFallen+1), "2 more affinity terms failed")},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			if diff := cmp.Diff(tt.want, fallenTerms(&tt.decision)); diff != "" {
				t.Errorf("terms (-want +got):\n%s", diff)
			}
		})
	}
}
