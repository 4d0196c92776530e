package outcome

import (
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/prometheus/client_golang/prometheus/testutil"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/resource"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"

	workv1alpha2 "github.com/longshore-project/longshore/apis/work/v1alpha2"
	"github.com/longshore-project/longshore/scheduler/convert"
	"github.com/longshore-project/longshore/scheduler/framework"
)

// bound returns a binding of four replicas of one CPU each, placed as told: a:3 b:1.
func bound(placed string) *workv1alpha2.ResourceBinding {
	b := &workv1alpha2.ResourceBinding{ObjectMeta: metav1.ObjectMeta{Namespace: "shop", Name: "web", UID: "1"}}
	b.Spec.Replicas = 4
	b.Spec.ReplicaRequirements = &workv1alpha2.ReplicaRequirements{ResourceRequest: corev1.ResourceList{"cpu": resource.MustParse("1")}}
	for _, field := range strings.Fields(placed) {
		t := workv1alpha2.TargetCluster{}
		name, count, _ := strings.Cut(field, ":")
		t.Name = name
		if _, err := fmt.Sscan(count, &t.Replicas); err != nil {
			panic(err)
		}
		b.Spec.Clusters = append(b.Spec.Clusters, t)
	}
	return b
}

func summary(cpu, used int64) *framework.Summary {
	return &framework.Summary{
		Allocatable: framework.NewResources(map[string]int64{"cpu": cpu, "pods": 100}), Used: framework.NewResources(map[string]int64{"cpu": used, "pods": 10}),
	}
}

func newOutcomes() (*Outcomes, *[]string) {
	var told []string
	return New(NewMetrics(), func(members []string, roomier bool) { told = append(told, fmt.Sprint(members, roomier)) }), &told
}

func limited(o *Outcomes, s *framework.Summary, shape string) bool {
	_, _, ok := o.Limit(&framework.Cluster{Name: "a", Summary: s}, shape)
	return ok
}

// TestLimitsHoldUntilTheMemberChanges: the descheduler takes two pending replicas away. That they are gone is no room; a node more, or pods
// fewer than ran, is.
func TestLimitsHoldUntilTheMemberChanges(t *testing.T) {
	shape := convert.FromBinding(bound(""), nil).PodShape()
	tests := []struct {
		name  string
		then  *framework.Summary
		holds bool
	}{
		{"nothing changed", summary(10_000, 9000), true},
		{"the pending replicas are gone", summary(10_000, 7000), true},
		{"other pods ended", summary(10_000, 6000), false},
		{"a node joined", summary(12_000, 9000), false},
		{"a node left", summary(8000, 9000), true},
		{"silent", nil, true},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			o, told := newOutcomes()
			o.BindingChanged(bound("a:3 b:1"), bound("a:1 b:1"))
			if diff := cmp.Diff([]string{"[a] false"}, *told); diff != "" {
				t.Fatalf("told (-want +got):\n%s", diff)
			}
			if !limited(o, summary(10_000, 9000), shape) || limited(o, summary(10_000, 9000), "another shape") {
				t.Fatal("the limit is not what was learned")
			}
			for range 2 {
				if got := limited(o, tt.then, shape); got != tt.holds {
					t.Errorf("limited: %t, want %t", got, tt.holds)
				}
			}
			o.mu.Lock()
			defer o.mu.Unlock()
			if kept := len(o.limits) == 1; kept != tt.holds {
				t.Errorf("%d limits are kept", len(o.limits))
			}
		})
	}
}

func TestWithdrawn(t *testing.T) {
	scaled := bound("a:1 b:1")
	scaled.Spec.Replicas = 2
	evicted := bound("b:1")
	evicted.Spec.GracefulEvictionTasks = []workv1alpha2.GracefulEvictionTask{{FromCluster: "a"}}
	tests := []struct {
		name     string
		old, now *workv1alpha2.ResourceBinding
		want     map[string]int64
	}{
		{"taken away", bound("a:3 b:1"), bound("a:1 b:1"), map[string]int64{"a": 2}},
		{"all of it", bound("a:3 b:1"), bound("b:1"), map[string]int64{"a": 3}},
		{"moved", bound("a:3 b:1"), bound("a:1 b:3"), nil},
		{"moved in part", bound("a:3 b:1"), bound("a:1 b:2"), nil},
		{"was short before", bound("a:2 b:1"), bound("a:1 b:1"), nil},
		{"fewer are wanted", bound("a:3 b:1"), scaled, nil},
		{"evicted", bound("a:3 b:1"), evicted, map[string]int64{}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			if diff := cmp.Diff(tt.want, withdrawn(&tt.old.Spec, &tt.now.Spec)); diff != "" {
				t.Errorf("withdrawn (-want +got):\n%s", diff)
			}
		})
	}
}

func healthy(b *workv1alpha2.ResourceBinding, member string, replicas int) *workv1alpha2.ResourceBinding {
	b.Status.AggregatedStatus = append(b.Status.AggregatedStatus, workv1alpha2.AggregatedStatusItem{
		ClusterName: member, Health: workv1alpha2.ResourceHealthy, Status: &runtime.RawExtension{Raw: fmt.Appendf(nil, `{"replicas":%d}`, replicas)},
	})
	return b
}

func TestPredictedAgainstObserved(t *testing.T) {
	o, _ := newOutcomes()
	s := framework.NewSnapshot([]*framework.Cluster{{Name: "a"}, {Name: "b"}}, 1)
	o.Observe(convertRequest(), s, framework.Decision{
		Targets: []framework.Assignment{{Cluster: "a", Replicas: 3}, {Cluster: "b", Replicas: 1}},
		Attempts: []framework.Attempt{{Snapshot: s, Available: []framework.Capacity{
			{Replicas: 9, Known: true, Origin: &framework.Origin{Source: "summary", Fallback: "silent"}},
			{Replicas: 9, Known: true, Origin: &framework.Origin{Source: "estimator dns:///x"}},
		}}},
	})
	now := bound("a:3 b:1")
	o.BindingChanged(now, healthy(healthy(bound("a:3 b:1"), "a", 2), "b", 1))
	o.BindingChanged(now, healthy(bound("a:3 b:1"), "b", 1)) // Counted already.
	o.BindingChanged(now, bound("a:1 b:1"))
	want := `
# HELP longshore_scheduler_estimated_replicas_total Replicas that were placed by an estimate, by its source and by what became of them: they ran, or were taken away because they found no node.
# TYPE longshore_scheduler_estimated_replicas_total counter
longshore_scheduler_estimated_replicas_total{outcome="pending",source="summary"} 2
longshore_scheduler_estimated_replicas_total{outcome="ran",source="estimator"} 1
# HELP longshore_scheduler_learned_limits Members and shapes of which no more is offered until the member changes.
# TYPE longshore_scheduler_learned_limits gauge
longshore_scheduler_learned_limits 1
`
	if err := testutil.CollectAndCompare(o.metrics, strings.NewReader(want)); err != nil {
		t.Error(err)
	}
	o.BindingChanged(now, nil)
	if len(o.placed) != 0 {
		t.Errorf("of a deleted binding it keeps %v", o.placed)
	}
}

// TestForget drops what is known of a member that left, and in the end of all; the metric follows, also where two profiles share it.
func TestForget(t *testing.T) {
	first, _ := newOutcomes()
	second := New(first.metrics, func([]string, bool) {})
	count := func(want float64) {
		t.Helper()
		if got := testutil.ToFloat64(first.metrics.learned); got != want {
			t.Errorf("the metric counts %v limits, want %v", got, want)
		}
	}
	for _, o := range []*Outcomes{first, second} {
		o.placed["shop/web"] = map[string]placement{"a": {3, "summary"}, "b": {1, "summary"}}
		o.BindingChanged(bound("a:3 b:1"), bound("a:1"))
	}
	count(4)
	first.Forget("a")
	count(3)
	if diff := cmp.Diff(map[string]map[string]placement{"shop/web": {"b": {1, "summary"}}}, first.placed, cmp.AllowUnexported(placement{})); diff != "" {
		t.Errorf("predictions that are left (-want +got):\n%s", diff)
	}
	first.Forget("b")
	count(2)
	if len(first.placed) != 0 {
		t.Errorf("predictions %v are left", first.placed)
	}
	second.Close()
	count(0)
}

func convertRequest() *framework.Request {
	r := convert.FromBinding(bound("a:3 b:1"), nil)
	r.Workload = true
	return r
}

func TestLimitsAreBounded(t *testing.T) {
	o, _ := newOutcomes()
	for i := range 3 * limitsKept {
		o.put(limitKey{"a", fmt.Sprint(i)}, &limit{})
		o.put(limitKey{"a", "again"}, &limit{})
	}
	if len(o.limits) > limitsKept || len(o.order) > 2*limitsKept {
		t.Errorf("%d limits in an order of %d are kept", len(o.limits), len(o.order))
	}
}
