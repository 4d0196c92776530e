package loop

import (
	"context"
	"net/http"
	"slices"
	"sync"
	"testing"

	"github.com/google/go-cmp/cmp"
	"sigs.k8s.io/controller-runtime/pkg/client"

	policyv1alpha1 "github.com/longshore-project/longshore/apis/policy/v1alpha1"
	workv1alpha2 "github.com/longshore-project/longshore/apis/work/v1alpha2"
)

// apart is in an anti-affinity group and wants one cluster.
func apart(s *workv1alpha2.ResourceBindingSpec) {
	s.WorkloadAffinityGroups = &workv1alpha2.WorkloadAffinityGroups{AntiAffinityGroup: "app=db"}
	onOneCluster(s)
}

// together is in an affinity group and wants one cluster.
func together(s *workv1alpha2.ResourceBindingSpec) {
	s.WorkloadAffinityGroups = &workv1alpha2.WorkloadAffinityGroups{AffinityGroup: "app=web"}
	onOneCluster(s)
}

func onOneCluster(s *workv1alpha2.ResourceBindingSpec) {
	divided(true)(s)
	s.Replicas = 2
	s.Placement.SpreadConstraints = []policyv1alpha1.SpreadConstraint{{SpreadByField: policyv1alpha1.SpreadByCluster, MinGroups: 1, MaxGroups: 1}}
}

func onlyOn(names ...string) func(*workv1alpha2.ResourceBindingSpec) {
	return func(s *workv1alpha2.ResourceBindingSpec) { s.Placement.ClusterAffinity.ClusterNames = names }
}

// TestApartThoughNeitherIsWritten holds the first result back until the second is decided too.
func TestApartThoughNeitherIsWritten(t *testing.T) {
	var both sync.WaitGroup
	both.Add(2)
	w := newWorldIntercepted(t, func(_ *world, r *http.Request) {
		if isSpecPatch(r) {
			both.Done()
			both.Wait()
		}
	})
	w.member("a")
	w.member("b")
	first, second := w.binding("first", apart), w.binding("second", apart)
	w.start()
	got := []string{
		targets(w.until(first, "it is scheduled", scheduledFor(workv1alpha2.ReasonSuccess))),
		targets(w.until(second, "it is scheduled", scheduledFor(workv1alpha2.ReasonSuccess))),
	}
	slices.Sort(got)
	if diff := cmp.Diff([]string{"a:2", "b:2"}, got); diff != "" {
		t.Errorf("clusters (-want +got):\n%s", diff)
	}
}

// TestGroupsSurviveARestart decides about each binding of a group in a process of its own.
func TestGroupsSurviveARestart(t *testing.T) {
	w := newWorld(t)
	w.member("a")
	w.member("b")
	ctx, stop := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() { ended <- w.loop.Run(ctx) }()
	db := w.until(w.binding("db", apart, onlyOn(w.memberName("a"))), "it is scheduled", scheduledFor(workv1alpha2.ReasonSuccess))
	web := w.binding("web", together, onlyOn(w.memberName("b")))
	w.until(web, "it is scheduled", scheduledFor(workv1alpha2.ReasonSuccess))
	w.replace(stop, ended)
	for _, tt := range []struct {
		name   string
		change func(*workv1alpha2.ResourceBindingSpec)
		want   string
	}{{"cache", together, "b:2"}, {"replica", apart, "b:2"}} {
		now := w.until(w.binding(tt.name, tt.change), "it is scheduled", scheduledFor(workv1alpha2.ReasonSuccess))
		if got := targets(now); got != tt.want {
			t.Errorf("%s is on %q, want %q", tt.name, got, tt.want)
		}
	}
	third := w.binding("third", apart)
	w.until(third, "no cluster is left", scheduledFor(workv1alpha2.ReasonNoClusterFit))
	if err := w.client.Delete(t.Context(), db.(client.Object)); err != nil {
		t.Fatal(err)
	}
	if got := targets(w.until(third, "it follows the one that went", scheduledFor(workv1alpha2.ReasonSuccess))); got != "a:2" {
		t.Errorf("third is on %q, want a:2", got)
	}
}

// TestGroupOfAnotherScheduler keeps apart from a binding that another scheduler has placed.
func TestGroupOfAnotherScheduler(t *testing.T) {
	w := newWorld(t)
	w.member("a")
	w.member("b")
	w.binding("theirs", apart, func(s *workv1alpha2.ResourceBindingSpec) {
		s.SchedulerName = "another"
		s.Clusters = []workv1alpha2.TargetCluster{{Name: w.memberName("a"), Replicas: 2}}
	})
	ours := w.binding("ours", apart)
	w.start()
	if got := targets(w.until(ours, "it is scheduled", scheduledFor(workv1alpha2.ReasonSuccess))); got != "b:2" {
		t.Errorf("clusters are %q, want b:2", got)
	}
}

// TestAFailedWriteLeavesItsCluster decides about two bindings of one group for the only member. The first is not written after all.
func TestAFailedWriteLeavesItsCluster(t *testing.T) {
	s := newScene(t)
	inGroup := func(b *workv1alpha2.ResourceBinding) {
		b.Spec.WorkloadAffinityGroups = &workv1alpha2.WorkloadAffinityGroups{AntiAffinityGroup: "app=failing"}
	}
	s.binding("first", "prod", divided(true), inGroup)
	it, err := s.loop.queue.Pop(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	c := s.loop.decide(t.Context(), it)
	s.binding("second", "prod", divided(true), inGroup)
	s.settle()
	if d := s.loop.queue.Depth(); d.Active != 0 || d.InHand != 1 {
		t.Fatalf("queue is %+v, want the first in hand and the second parked", d)
	}
	s.loop.land(t.Context(), c, 1, errGone)
	if diff := cmp.Diff([]string{"second"}, s.settle()); diff != "" {
		t.Errorf("decided again (-want +got):\n%s", diff)
	}
}
