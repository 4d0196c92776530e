package loop

import (
	"context"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/resource"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"sigs.k8s.io/controller-runtime/pkg/client"

	clusterv1alpha1 "github.com/longshore-project/longshore/apis/cluster/v1alpha1"
	workv1alpha2 "github.com/longshore-project/longshore/apis/work/v1alpha2"
	"github.com/longshore-project/longshore/scheduler/cache"
	"github.com/longshore-project/longshore/scheduler/convert"
	"github.com/longshore-project/longshore/scheduler/framework"
)

func item(cluster, status string, health workv1alpha2.ResourceHealth) workv1alpha2.AggregatedStatusItem {
	s := workv1alpha2.AggregatedStatusItem{ClusterName: cluster, Health: health, Applied: true, AppliedMessage: "x"}
	if status != "" {
		s.Status = &runtime.RawExtension{Raw: []byte(status)}
	}
	return s
}

func TestUnobserved(t *testing.T) {
	tests := []struct {
		name  string
		items []workv1alpha2.AggregatedStatusItem
		want  []int64
	}{
		{name: "nothing is known", want: []int64{2, 1}},
		{name: "some pods exist", items: []workv1alpha2.AggregatedStatusItem{item("a", `{"replicas":1,"readyReplicas":0}`, "Unhealthy")}, want: []int64{1, 1}},
		{name: "all pods exist and none is ready", items: []workv1alpha2.AggregatedStatusItem{item("a", `{"replicas":2}`, "Unhealthy")}, want: []int64{0, 1}},
		{name: "more pods exist during an update", items: []workv1alpha2.AggregatedStatusItem{item("b", `{"replicas":5}`, "Unknown")}, want: []int64{2, 0}},
		{name: "fewer pods exist and they are healthy", items: []workv1alpha2.AggregatedStatusItem{item("a", `{"replicas":1}`, "Healthy")}, want: []int64{1, 1}},
		{name: "healthy without a count", items: []workv1alpha2.AggregatedStatusItem{item("a", `{"active":2}`, "Healthy")}, want: []int64{0, 1}},
		{name: "unhealthy without a count", items: []workv1alpha2.AggregatedStatusItem{item("a", "", "Unhealthy")}, want: []int64{2, 1}},
		{name: "a count of another type", items: []workv1alpha2.AggregatedStatusItem{item("a", `{"replicas":"two"}`, "Unhealthy")}, want: []int64{2, 1}},
		{name: "another cluster", items: []workv1alpha2.AggregatedStatusItem{item("c", `{"replicas":2}`, "Healthy")}, want: []int64{2, 1}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			b := placed(func(b *workv1alpha2.ResourceBinding) { b.Status.AggregatedStatus = tt.items })
			want := []framework.Assignment{{Cluster: "a", Replicas: tt.want[0]}, {Cluster: "b", Replicas: tt.want[1]}}
			for range 3 { // The watch keeps less of the status, and that is enough.
				if diff := cmp.Diff(want, unobserved(convert.FromBinding(b, nil), b.Status.AggregatedStatus)); diff != "" {
					t.Fatalf("unobserved (-want +got):\n%s", diff)
				}
				newPool().slim(b)
			}
		})
	}
}

func TestRestoredOf(t *testing.T) {
	now := time.Unix(10_000, 0)
	written := func(ago time.Duration) func(*workv1alpha2.ResourceBinding) {
		return func(b *workv1alpha2.ResourceBinding) {
			at := metav1.NewTime(now.Add(-ago))
			b.Status.SchedulerObservedGeneration, b.Status.LastScheduledTime = b.Generation, &at
			b.Spec.ReplicaRequirements = &workv1alpha2.ReplicaRequirements{ResourceRequest: corev1.ResourceList{"cpu": resource.MustParse("1")}}
		}
	}
	room := func(cluster string, replicas int64) cache.Reservation {
		return cache.Reservation{Cluster: cluster, Resources: framework.NewResources(map[string]int64{"cpu": 1000 * replicas, "pods": replicas})}
	}
	tests := []struct {
		name   string
		change func(*workv1alpha2.ResourceBinding)
		want   []cache.Reservation
		ago    time.Duration
	}{
		{name: "just written", change: func(*workv1alpha2.ResourceBinding) {}, want: []cache.Reservation{room("a", 2), room("b", 1)}, ago: time.Minute},
		{name: "the status was not written any more", change: func(b *workv1alpha2.ResourceBinding) { b.Generation++ },
			want: []cache.Reservation{room("a", 2), room("b", 1)}},
		{name: "pods exist in one cluster", change: func(b *workv1alpha2.ResourceBinding) {
			b.Status.AggregatedStatus = []workv1alpha2.AggregatedStatusItem{item("a", `{"replicas":2}`, "Unhealthy")}
		}, want: []cache.Reservation{room("b", 1)}, ago: time.Minute},
		{name: "long ago", change: written(cache.Patience), ago: cache.Patience},
		{name: "a set of components", change: func(b *workv1alpha2.ResourceBinding) { components(&b.Spec) }, ago: time.Minute, want: []cache.Reservation{
			{Cluster: "a", Resources: framework.NewResources(map[string]int64{"cpu": 4000, "pods": 3})},
			{Cluster: "b", Resources: framework.NewResources(map[string]int64{"cpu": 4000, "pods": 3})},
		}},
		{name: "a set of components that runs well", change: func(b *workv1alpha2.ResourceBinding) {
			components(&b.Spec)
			b.Status.AggregatedStatus = []workv1alpha2.AggregatedStatusItem{item("a", `{"replicas":0}`, "Healthy"), item("b", `{"replicas":9}`, "Unhealthy")}
		}, ago: time.Minute, want: []cache.Reservation{{Cluster: "b", Resources: framework.NewResources(map[string]int64{"cpu": 4000, "pods": 3})}}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			want := restored{key: "ns/nginx", reservations: tt.want, confirmed: now.Add(-tt.ago)}
			got := restoredOf(placed(written(time.Minute), tt.change), now)
			if diff := cmp.Diff(want, got, cmp.AllowUnexported(restored{})); diff != "" {
				t.Errorf("restored (-want +got):\n%s", diff)
			}
		})
	}
}

// replace ends the running loop and starts another that knows nothing of it.
func (w *world) replace(stop context.CancelFunc, ended <-chan error) {
	w.t.Helper()
	stop()
	if err := <-ended; err != nil {
		w.t.Fatalf("Run: %v", err)
	}
	var err error
	if w.loop, err = New(w.config, w.options()); err != nil {
		w.t.Fatal(err)
	}
	w.start()
}

// TestRoomStaysTakenWhenTheSchedulerIsReplaced lets one process place a binding and another, which finds no pods yet in the member's report,
// decide about the next.
func TestRoomStaysTakenWhenTheSchedulerIsReplaced(t *testing.T) {
	six := func(s *workv1alpha2.ResourceBindingSpec) { s.Replicas = 6 }
	w := newWorld(t)
	a := w.member("a")
	ctx, stop := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() { ended <- w.loop.Run(ctx) }()
	first := w.until(w.binding("first", divided(true), six), "it is placed", scheduledFor(workv1alpha2.ReasonSuccess))
	w.replace(stop, ended)
	second := w.binding("second", divided(true), six)
	w.until(second, "it finds the room taken", scheduledFor(workv1alpha2.ReasonUnschedulable))

	// Two of the six pods are reported, then all: it stays six that are taken.
	for _, cpu := range []string{"2", "6"} {
		w.use(a, cpu)
		if got := w.freeCPU(a); got != 4000 {
			t.Errorf("with %s in use there are %d left, want 4000", cpu, got)
		}
	}
	// Then the first binding ends in the member, which makes room for the second.
	if err := w.client.Delete(t.Context(), first.(client.Object)); err != nil {
		t.Fatal(err)
	}
	w.use(a, "0")
	now := w.until(second, "it is placed", scheduledFor(workv1alpha2.ReasonSuccess))
	if got := targets(now); got != "a:6" {
		t.Errorf("clusters are %q, want a:6", got)
	}
}

// TestSeenPodsAreNotCountedTwice replaces the scheduler when the pods of the first binding are in the member's report already.
func TestSeenPodsAreNotCountedTwice(t *testing.T) {
	w := newWorld(t)
	a := w.member("a")
	ctx, stop := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() { ended <- w.loop.Run(ctx) }()
	six := func(s *workv1alpha2.ResourceBindingSpec) { s.Replicas = 6 }
	first := w.until(w.binding("first", divided(true), six), "it is placed", scheduledFor(workv1alpha2.ReasonSuccess)).(*workv1alpha2.ResourceBinding)
	first.Status.AggregatedStatus = []workv1alpha2.AggregatedStatusItem{item(a.Name, `{"replicas":6}`, workv1alpha2.ResourceHealthy)}
	if err := w.client.Status().Update(t.Context(), first); err != nil {
		t.Fatal(err)
	}
	w.use(a, "6")
	w.replace(stop, ended)
	now := w.until(w.binding("second", divided(true)), "it is placed", scheduledFor(workv1alpha2.ReasonSuccess))
	if got := targets(now); got != "a:4" {
		t.Errorf("clusters are %q, want a:4", got)
	}
}

// use lets the member report that so many processors are in use, and waits until the loop has seen it.
func (w *world) use(c *clusterv1alpha1.Cluster, cpu string) {
	w.t.Helper()
	if err := w.client.Get(w.t.Context(), client.ObjectKeyFromObject(c), c); err != nil {
		w.t.Fatal(err)
	}
	c.Status.ResourceSummary.Allocated = corev1.ResourceList{"cpu": resource.MustParse(cpu)}
	w.updateStatus(c)
	w.handledUpTo(c)
}

// freeCPU returns how many thousandths of a processor may be given away.
func (w *world) freeCPU(c *clusterv1alpha1.Cluster) int64 {
	w.t.Helper()
	s := w.loop.fleet.Snapshot()
	row, ok := s.Row(c.Name)
	column, known := s.Free("cpu")
	if !ok || !known {
		w.t.Fatalf("nothing is known of %s", c.Name)
	}
	return column.At(row)
}
