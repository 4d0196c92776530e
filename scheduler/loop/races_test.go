package loop

import (
	"context"
	"net/http"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/util/wait"
	"sigs.k8s.io/controller-runtime/pkg/client"

	clusterv1alpha1 "github.com/longshore-project/longshore/apis/cluster/v1alpha1"
	policyv1alpha1 "github.com/longshore-project/longshore/apis/policy/v1alpha1"
	workv1alpha2 "github.com/longshore-project/longshore/apis/work/v1alpha2"
	"github.com/longshore-project/longshore/scheduler/framework"
)

// interceptor calls before for every request that goes out.
type interceptor struct {
	next   http.RoundTripper
	before func(*http.Request)
}

func (i interceptor) RoundTrip(r *http.Request) (*http.Response, error) {
	i.before(r)
	return i.next.RoundTrip(r)
}

// newWorldIntercepted is newWorld with a loop whose requests are seen before they are sent.
func newWorldIntercepted(t *testing.T, before func(w *world, r *http.Request)) *world {
	t.Helper()
	w := newWorld(t)
	w.config.Wrap(func(next http.RoundTripper) http.RoundTripper {
		return interceptor{next: next, before: func(r *http.Request) { before(w, r) }}
	})
	var err error
	if w.loop, err = New(w.config, w.options()); err != nil {
		t.Fatal(err)
	}
	return w
}

func isSpecPatch(r *http.Request) bool {
	return r.Method == http.MethodPatch && !strings.HasSuffix(r.URL.Path, "/status")
}

func TestSpecChangedBetweenDecisionAndCommit(t *testing.T) {
	var b *workv1alpha2.ResourceBinding
	var patches atomic.Int32
	w := newWorldIntercepted(t, func(w *world, r *http.Request) {
		if !isSpecPatch(r) || patches.Add(1) != 1 {
			return
		}
		change := client.RawPatch("application/merge-patch+json", []byte(`{"spec":{"replicas":7}}`))
		if err := w.client.Patch(r.Context(), b.DeepCopy(), change); err != nil {
			t.Errorf("changing the spec: %v", err)
		}
	})
	w.member("a")
	b = w.binding("nginx", divided(false))
	w.start()
	now := w.until(b, "it is scheduled", scheduledFor(workv1alpha2.ReasonSuccess))
	if got := targets(now); got != "a:7" {
		t.Errorf("clusters are %q, want a:7", got)
	}
	// The creation, the change of the spec, and one write of ours.
	if got := now.GetGeneration(); got != 3 {
		t.Errorf("generation is %d, want 3", got)
	}
	if got := patches.Load(); got != 2 {
		t.Errorf("%d patches of the spec were sent, want 2", got)
	}
}

func TestStatusChurnIsNoConflict(t *testing.T) {
	var b *workv1alpha2.ResourceBinding
	var patches atomic.Int32
	w := newWorldIntercepted(t, func(w *world, r *http.Request) {
		if r.Method != http.MethodPatch {
			return
		}
		patches.Add(1)
		condition := `{"type":"FullyApplied","status":"False","reason":"FullyAppliedFailed","message":"` + r.URL.Path + `","lastTransitionTime":"2026-01-01T00:00:00Z"}`
		var now workv1alpha2.ResourceBinding
		if err := w.client.Get(r.Context(), client.ObjectKeyFromObject(b), &now); err != nil {
			t.Errorf("reading the binding: %v", err)
		}
		if len(now.Status.Conditions) > 0 {
			return
		}
		change := client.RawPatch("application/merge-patch+json", []byte(`{"status":{"conditions":[`+condition+`]}}`))
		if err := w.client.Status().Patch(r.Context(), b.DeepCopy(), change); err != nil {
			t.Errorf("changing the status: %v", err)
		}
	})
	w.member("a")
	b = w.binding("nginx")
	w.start()
	now := w.until(b, "it is scheduled", scheduledFor(workv1alpha2.ReasonSuccess))
	if got := len(now.BindingStatus().Conditions); got != 2 {
		t.Errorf("there are %d conditions, want both writers' own", got)
	}
	if got := patches.Load(); got != 2 {
		t.Errorf("%d patches were sent, want one of the spec and one of the status", got)
	}
}

func TestAnnotationsOfOthersSurvive(t *testing.T) {
	var b *workv1alpha2.ResourceBinding
	var patches atomic.Int32
	w := newWorldIntercepted(t, func(w *world, r *http.Request) {
		if !isSpecPatch(r) || patches.Add(1) != 1 {
			return
		}
		change := client.RawPatch("application/merge-patch+json", []byte(`{"metadata":{"annotations":{"other":"kept"}}}`))
		if err := w.client.Patch(r.Context(), b.DeepCopy(), change); err != nil {
			t.Errorf("annotating: %v", err)
		}
	})
	w.member("a")
	b = w.binding("nginx")
	w.start()
	now := w.until(b, "it is scheduled", scheduledFor(workv1alpha2.ReasonSuccess))
	if got := now.GetAnnotations()["other"]; got != "kept" {
		t.Errorf("annotation is %q, want kept", got)
	}
	if got := targets(now); got != "a:4" {
		t.Errorf("clusters are %q, want a:4", got)
	}
}

func TestHeartbeatWakesNobody(t *testing.T) {
	var patches atomic.Int32
	w := newWorldIntercepted(t, func(_ *world, r *http.Request) {
		if r.Method == http.MethodPatch {
			patches.Add(1)
		}
	})
	a := w.member("a")
	placed, parked := w.binding("placed"), w.binding("parked", func(s *workv1alpha2.ResourceBindingSpec) {
		s.Placement.ClusterAffinity.ClusterNames = []string{"nowhere"}
	})
	w.start()
	w.until(placed, "it is scheduled", scheduledFor(workv1alpha2.ReasonSuccess))
	w.until(parked, "it fits nowhere", scheduledFor(workv1alpha2.ReasonNoClusterFit))
	w.quiet()
	before, sent := w.loop.fleet.Snapshot(), patches.Load()
	for _, message := range []string{"one", "two", "three"} {
		a.Status.Conditions = []metav1.Condition{{
			Type: clusterv1alpha1.ConditionReady, Status: metav1.ConditionTrue, Reason: "ClusterReady", Message: message, LastTransitionTime: metav1.Now(),
		}}
		w.updateStatus(a)
	}
	w.handledUpTo(a)
	w.quiet()
	after := w.loop.fleet.Snapshot()
	if got, want := after.Generation(framework.FactCapacity|framework.FactAPIs), before.Generation(framework.FactCapacity|framework.FactAPIs); got != want {
		t.Errorf("heartbeats brought the status to generation %d, want %d", got, want)
	}
	if got, want := after.Latest(), before.Latest()+1; got != want {
		t.Errorf("snapshot is of generation %d, want %d: one more for the label", got, want)
	}
	if d := w.loop.queue.Depth(); d.Parked != 1 || d.Backoff != 0 {
		t.Errorf("queue is %+v, want one parked and nothing else", d)
	}
	if got := patches.Load(); got != sent {
		t.Errorf("%d writes after the heartbeats, want none", got-sent)
	}
}

// handledUpTo waits until the loop has handled every change of the cluster so far, by changing a label and waiting for that.
func (w *world) handledUpTo(c *clusterv1alpha1.Cluster) {
	w.t.Helper()
	barrier := "after-" + c.ResourceVersion
	change := client.RawPatch("application/merge-patch+json", []byte(`{"metadata":{"labels":{"barrier":"`+barrier+`"}}}`))
	if err := w.client.Patch(w.t.Context(), c, change); err != nil {
		w.t.Fatal(err)
	}
	err := wait.PollUntilContextTimeout(w.t.Context(), 10*time.Millisecond, patience, true, func(context.Context) (bool, error) {
		now, ok := w.loop.fleet.Cluster(c.Name)
		return ok && now.Labels["barrier"] == barrier, nil
	})
	if err != nil {
		w.t.Fatalf("waiting for the loop to see the label: %v", err)
	}
}

func TestTargetDeleted(t *testing.T) {
	w := newWorld(t)
	a := w.member("a")
	w.member("b")
	b := w.binding("nginx", divided(true))
	w.start()
	now := w.until(b, "it is scheduled", scheduledFor(workv1alpha2.ReasonSuccess))
	if got := targets(now); got != "a:2 b:2" {
		t.Errorf("clusters are %q, want a:2 b:2", got)
	}
	if err := w.client.Delete(t.Context(), a); err != nil {
		t.Fatal(err)
	}
	w.until(b, "it left the deleted cluster", func(b workv1alpha2.Binding) bool { return targets(b) == "b:4" })
}

func TestBadPlacementNamesTheCause(t *testing.T) {
	w := newWorld(t)
	w.member("a")
	b := w.binding("nginx", func(s *workv1alpha2.ResourceBindingSpec) {
		s.Placement.SpreadConstraints = []policyv1alpha1.SpreadConstraint{
			{SpreadByField: policyv1alpha1.SpreadByCluster, MinGroups: 5, MaxGroups: 6},
		}
	})
	w.start()
	now := w.until(b, "it is refused", scheduledFor(workv1alpha2.ReasonSchedulerError))
	if got, want := now.BindingStatus().Conditions[0].Message, "spread constraint needs 5 clusters; the candidate clusters have 1"; got != want {
		t.Errorf("message is %q, want %q", got, want)
	}
}
