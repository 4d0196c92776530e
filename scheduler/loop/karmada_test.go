package loop

import (
	"errors"
	"net/http"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/api/meta"
	"k8s.io/apimachinery/pkg/api/resource"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/utils/ptr"
	"sigs.k8s.io/controller-runtime/pkg/client"

	clusterv1alpha1 "github.com/longshore-project/longshore/apis/cluster/v1alpha1"
	policyv1alpha1 "github.com/longshore-project/longshore/apis/policy/v1alpha1"
	workv1alpha2 "github.com/longshore-project/longshore/apis/work/v1alpha2"
	"github.com/longshore-project/longshore/scheduler/cache"
	"github.com/longshore-project/longshore/scheduler/queue"
)

// What Karmada's users rely on in the results of its scheduler, in the order of what can become of a binding.

// clusterBinding creates the binding of a cluster-scoped template that is otherwise as w.binding makes it.
func (w *world) clusterBinding(change ...func(*workv1alpha2.ResourceBindingSpec)) *workv1alpha2.ClusterResourceBinding {
	w.t.Helper()
	b := &workv1alpha2.ClusterResourceBinding{
		ObjectMeta: metav1.ObjectMeta{Name: w.name, Labels: map[string]string{policyv1alpha1.ClusterPropagationPolicyPermanentIDLabel: "id"}},
		Spec:       w.spec(change...),
	}
	w.create(b)
	return b
}

// respecify changes the spec of a binding that the loop has nothing to do with any more.
func (w *world) respecify(b workv1alpha2.Binding, change func(*workv1alpha2.ResourceBindingSpec)) {
	w.t.Helper()
	w.quiet()
	now := w.until(b, "it exists", func(workv1alpha2.Binding) bool { return true })
	change(now.BindingSpec())
	if err := w.client.Update(w.t.Context(), now.(client.Object)); err != nil {
		w.t.Fatalf("changing %s: %v", keyOf(b), err)
	}
}

// A binding that fits nowhere any more loses its clusters, in either scope, and the record says for which placement.
func TestNoClusterFitClears(t *testing.T) {
	for name, create := range map[string]func(*world) workv1alpha2.Binding{
		"ResourceBinding":        func(w *world) workv1alpha2.Binding { return w.binding("nginx", divided(true)) },
		"ClusterResourceBinding": func(w *world) workv1alpha2.Binding { return w.clusterBinding(divided(true)) },
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t)
			w.member("a")
			b := create(w)
			w.start()
			placed := w.until(b, "it is placed", scheduledFor(workv1alpha2.ReasonSuccess))
			w.expectEvents("Normal ScheduleBindingSucceed")
			w.respecify(b, func(s *workv1alpha2.ResourceBindingSpec) {
				s.Placement.ClusterAffinity.ClusterNames = []string{"nowhere"}
			})
			now := w.until(b, "it fits nowhere", scheduledFor(workv1alpha2.ReasonNoClusterFit))
			if got := targets(now); got != "" {
				t.Errorf("clusters are %q, want none", got)
			}
			if applied := now.GetAnnotations()[workv1alpha2.AppliedPlacementAnnotation]; !strings.Contains(applied, "nowhere") {
				t.Errorf("the applied placement is %s, want the new one", applied)
			}
			if before, got := placed.BindingStatus(), now.BindingStatus(); got.SchedulerObservedGeneration != before.SchedulerObservedGeneration || !got.LastScheduledTime.Equal(before.LastScheduledTime) {
				t.Errorf("observed generation and time of the last success are %d, %v; a failure leaves them at %d, %v",
					got.SchedulerObservedGeneration, got.LastScheduledTime, before.SchedulerObservedGeneration, before.LastScheduledTime)
			}
			w.expectEvents("Warning ScheduleBindingFailed")
			if diff := cmp.Diff(queue.Depth{Parked: 1}, w.loop.queue.Depth()); diff != "" {
				t.Errorf("queue (-want +got):\n%s", diff)
			}
		})
	}
}

func TestSuspendedIsLeftAlone(t *testing.T) {
	w := newWorld(t)
	w.member("a")
	b := w.binding("nginx", divided(true))
	w.start()
	w.until(b, "it is placed", scheduledFor(workv1alpha2.ReasonSuccess))
	w.respecify(b, func(s *workv1alpha2.ResourceBindingSpec) {
		s.Suspension, s.Replicas = &workv1alpha2.Suspension{Scheduling: ptr.To(true)}, 6
	})
	later := w.binding("later", divided(true))
	w.until(later, "a later binding is placed", scheduledFor(workv1alpha2.ReasonSuccess))
	if now := w.until(b, "it exists", func(workv1alpha2.Binding) bool { return true }); targets(now) != "a:4" || scheduledFor(workv1alpha2.ReasonSuccess)(now) {
		t.Errorf("a suspended binding was decided: it has %q and observed generation %d of %d", targets(now), now.BindingStatus().SchedulerObservedGeneration, now.GetGeneration())
	}
	w.respecify(b, func(s *workv1alpha2.ResourceBindingSpec) { s.Suspension = nil })
	if now := w.until(b, "it is placed again", scheduledFor(workv1alpha2.ReasonSuccess)); targets(now) != "a:6" {
		t.Errorf("clusters are %q, want a:6", targets(now))
	}
}

// The room is for one of the two: the important one gets it although it came later.
func TestPriorityDecidesWhoIsFirst(t *testing.T) {
	w := newWorld(t)
	w.member("a")
	first := w.binding("ordinary", divided(true), six(w.name))
	second := w.binding("urgent", divided(true), six(w.name), func(s *workv1alpha2.ResourceBindingSpec) {
		s.SchedulePriority = &workv1alpha2.SchedulePriority{Priority: 1000}
	})
	w.start()
	w.until(second, "the urgent one is placed", scheduledFor(workv1alpha2.ReasonSuccess))
	w.until(first, "the ordinary one finds no room", scheduledFor(workv1alpha2.ReasonUnschedulable))
}

// Terms are tried in order, the one in use is kept, and only who asks for it goes back to the first.
func TestTermInUse(t *testing.T) {
	w := newWorld(t)
	small := w.member("small", func(c *clusterv1alpha1.Cluster) {
		c.Status.ResourceSummary.Allocatable["cpu"] = resource.MustParse("1")
	})
	w.member("large")
	b := w.binding("nginx", divided(true), func(s *workv1alpha2.ResourceBindingSpec) {
		s.Placement.ClusterAffinity = nil
		for _, name := range []string{"small", "large"} {
			s.Placement.ClusterAffinities = append(s.Placement.ClusterAffinities, policyv1alpha1.ClusterAffinityTerm{
				AffinityName: name, ClusterAffinity: policyv1alpha1.ClusterAffinity{ClusterNames: []string{w.memberName(name)}},
			})
		}
	})
	w.start()
	expect := func(what, clusters, term string) workv1alpha2.Binding {
		t.Helper()
		now := w.until(b, what, func(b workv1alpha2.Binding) bool {
			return scheduledFor(workv1alpha2.ReasonSuccess)(b) && targets(b) == clusters
		})
		if got := now.BindingStatus().SchedulerObservedAffinityName; got != term {
			t.Errorf("%s: the term in use is %q, want %q", what, got, term)
		}
		return now
	}
	expect("the first lacks room", "large:4", "large")
	small.Status.ResourceSummary.Allocatable["cpu"] = resource.MustParse("50")
	w.updateStatus(small)
	w.handledUpTo(small)
	w.respecify(b, func(s *workv1alpha2.ResourceBindingSpec) { s.Replicas = 5 })
	now := expect("it stays with the second", "large:5", "large")

	w.quiet()
	now.BindingStatus().LastScheduledTime = ptr.To(metav1.NewTime(time.Now().Add(-time.Hour)))
	if err := w.client.Status().Update(t.Context(), now.(client.Object)); err != nil {
		t.Fatal(err)
	}
	asked := metav1.NewTime(time.Now().Add(-time.Minute))
	w.respecify(b, func(s *workv1alpha2.ResourceBindingSpec) { s.RescheduleTriggeredAt = &asked })
	now = expect("it is placed anew", "small:5", "small")
	if last := now.BindingStatus().LastScheduledTime; last == nil || !last.After(asked.Time) {
		t.Errorf("the last time of scheduling is %v, want one after the request of %v", last, asked)
	}
}

// A pass that finds nothing to decide must not look like the answer to a request that was made before and arrives after it.
func TestNothingToDecideLeavesTheTime(t *testing.T) {
	w := newWorld(t)
	w.member("a")
	b := w.binding("nginx", divided(true))
	w.start()
	now := w.until(b, "it is placed", scheduledFor(workv1alpha2.ReasonSuccess))
	w.quiet()
	last := metav1.NewTime(time.Now().Add(-time.Hour).Truncate(time.Second))
	now.BindingStatus().LastScheduledTime = &last
	if err := w.client.Status().Update(t.Context(), now.(client.Object)); err != nil {
		t.Fatal(err)
	}
	w.respecify(b, func(s *workv1alpha2.ResourceBindingSpec) { s.PropagateDeps = true })
	now = w.until(b, "its generation is observed", scheduledFor(workv1alpha2.ReasonSuccess))
	if got := now.BindingStatus().LastScheduledTime; !last.Equal(got) {
		t.Errorf("the last time of scheduling became %v, want %v", got, last)
	}
}

func TestWithoutPlacement(t *testing.T) {
	w := newWorld(t)
	w.member("a")
	b := w.binding("nginx", func(s *workv1alpha2.ResourceBindingSpec) { s.Placement = nil })
	w.start()
	w.until(b, "it is refused", scheduledFor(workv1alpha2.ReasonSchedulerError))
	w.quiet()
	if diff := cmp.Diff(queue.Depth{}, w.loop.queue.Depth()); diff != "" {
		t.Errorf("only a change of the binding can help, but it is queued (-want +got):\n%s", diff)
	}
}

// What is being deleted is not decided any more.
func TestDeletingIsLeftAlone(t *testing.T) {
	w := newWorld(t)
	w.member("a")
	b := w.binding("nginx", divided(true))
	w.start()
	w.until(b, "it is placed", scheduledFor(workv1alpha2.ReasonSuccess))
	w.quiet()
	for _, patch := range []string{`{"metadata":{"finalizers":["example.com/hold"]}}`, ""} {
		var err error
		if patch != "" {
			err = w.client.Patch(t.Context(), b, client.RawPatch("application/merge-patch+json", []byte(patch)))
		} else {
			err = w.client.Delete(t.Context(), b)
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	w.respecify(b, func(s *workv1alpha2.ResourceBindingSpec) { s.Replicas = 6 })
	w.until(w.binding("later", divided(true)), "a later binding is placed", scheduledFor(workv1alpha2.ReasonSuccess))
	now := w.until(b, "it exists", func(workv1alpha2.Binding) bool { return true })
	if targets(now) != "a:4" {
		t.Errorf("clusters are %q, want a:4 still", targets(now))
	}
	if err := w.client.Patch(t.Context(), b, client.RawPatch("application/merge-patch+json", []byte(`{"metadata":{"finalizers":null}}`))); err != nil {
		t.Fatal(err)
	}
}

func TestDeletedBetweenDecisionAndCommit(t *testing.T) {
	var b *workv1alpha2.ResourceBinding
	var patches atomic.Int32
	w := newWorldIntercepted(t, func(w *world, r *http.Request) {
		if !isSpecPatch(r) || patches.Add(1) != 1 {
			return
		}
		if err := w.client.Delete(r.Context(), b.DeepCopy()); err != nil {
			t.Errorf("deleting: %v", err)
		}
	})
	w.member("a")
	b = w.binding("nginx", divided(true))
	w.start()
	w.until(w.binding("later", divided(true), six(w.name)), "a later binding is placed", scheduledFor(workv1alpha2.ReasonSuccess))
	w.quiet()
	if diff := cmp.Diff(cache.Outstanding{AwaitingReport: 1}, w.loop.fleet.Outstanding()); diff != "" {
		t.Errorf("what is gone holds room (-want +got):\n%s", diff)
	}
	w.expectEvents("Normal ScheduleBindingSucceed")
}

func TestExplain(t *testing.T) {
	bindings := schema.GroupResource{Group: workv1alpha2.GroupVersion.Group, Resource: "resourcebindings"}
	terminating := apierrors.NewForbidden(bindings, "nginx", errors.New("namespace shop is being terminated"))
	terminating.ErrStatus.Details.Causes = []metav1.StatusCause{{Type: corev1.NamespaceTerminatingCause, Field: "metadata.namespace"}}
	refused := apierrors.NewForbidden(bindings, "nginx", errors.New("used up"))
	refused.ErrStatus.Reason = reasonQuotaExceeded
	other := apierrors.NewInternalError(errors.New("broken"))
	tests := []struct {
		name        string
		err         error
		gone, quota bool
	}{
		{name: "the namespace is being terminated: dropped", err: terminating, gone: true},
		{name: "not there", err: apierrors.NewNotFound(bindings, "nginx"), gone: true},
		{name: "quota", err: refused, quota: true},
		{name: "forbidden otherwise", err: apierrors.NewForbidden(bindings, "nginx", errors.New("no right"))},
		{name: "anything else", err: other},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			got := explain(tt.err)
			if !errors.Is(got, tt.err) {
				t.Errorf("the cause is lost: %v", got)
			}
			if errors.Is(got, errGone) != tt.gone || errors.Is(got, errQuota) != tt.quota {
				t.Errorf("%v: gone is %v, want %v; quota is %v, want %v", got, errors.Is(got, errGone), tt.gone, errors.Is(got, errQuota), tt.quota)
			}
		})
	}
}

// told takes down whom events are about.
type told struct{ about []string }

func (r *told) Event(object runtime.Object, kind, reason, message string) {
	ref := object.(*corev1.ObjectReference)
	r.about = append(r.about, strings.Join([]string{ref.APIVersion, ref.Kind, ref.Namespace, ref.Name, string(ref.UID), kind, reason, message}, " "))
}

func TestEventsAreAboutBindingAndTemplate(t *testing.T) {
	spec := workv1alpha2.ResourceBindingSpec{Resource: workv1alpha2.ObjectReference{APIVersion: "apps/v1", Kind: "Deployment", Namespace: "shop", Name: "nginx", UID: "t"}}
	namespaced := &workv1alpha2.ResourceBinding{ObjectMeta: metav1.ObjectMeta{Namespace: "shop", Name: "nginx-deployment", UID: "b"}, Spec: spec}
	spec.Resource = workv1alpha2.ObjectReference{APIVersion: "v1", Kind: "Namespace", Name: "shop", UID: "t"}
	global := &workv1alpha2.ClusterResourceBinding{ObjectMeta: metav1.ObjectMeta{Name: "shop-namespace", UID: "b"}, Spec: spec}
	r := &told{}
	events{r}.succeeded(namespaced, &result{clusters: []workv1alpha2.TargetCluster{{Name: "a", Replicas: 2}, {Name: "b", Replicas: 1}}})
	events{r}.failed(global, "no room")
	want := []string{
		"work.karmada.io/v1alpha2 ResourceBinding shop nginx-deployment b Normal ScheduleBindingSucceed Binding has been scheduled to {a:2, b:1}",
		"apps/v1 Deployment shop nginx t Normal ScheduleBindingSucceed Binding has been scheduled to {a:2, b:1}",
		"work.karmada.io/v1alpha2 ClusterResourceBinding  shop-namespace b Warning ScheduleBindingFailed no room",
		"v1 Namespace  shop t Warning ScheduleBindingFailed no room",
	}
	if diff := cmp.Diff(want, r.about); diff != "" {
		t.Errorf("events (-want +got):\n%s", diff)
	}
}

// The condition says of every outcome what Karmada's users look for.
func TestConditionOfEveryOutcome(t *testing.T) {
	known := []string{
		workv1alpha2.ReasonSuccess, workv1alpha2.ReasonNoClusterFit, workv1alpha2.ReasonUnschedulable, workv1alpha2.ReasonSchedulerError, workv1alpha2.ReasonQuotaExceeded,
	}
	want := []string{"Success", "NoClusterFit", "Unschedulable", "SchedulerError", "QuotaExceeded"}
	if !slices.Equal(known, want) {
		t.Errorf("reasons are %v, want %v", known, want)
	}
	for _, reason := range want {
		r := &result{reason: reason, scheduled: reason == "Success"}
		c := scheduledCondition(&workv1alpha2.ResourceBindingStatus{}, r, time.Unix(1, 0))
		if c.Type != "Scheduled" || c.Reason != reason || meta.IsStatusConditionTrue([]metav1.Condition{c}, "Scheduled") != r.scheduled {
			t.Errorf("the condition for %s is %+v", reason, c)
		}
	}
}
