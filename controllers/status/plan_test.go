package status_test

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"

	policyv1alpha1 "github.com/longshore-project/longshore/apis/policy/v1alpha1"
	workv1alpha1 "github.com/longshore-project/longshore/apis/work/v1alpha1"
	workv1alpha2 "github.com/longshore-project/longshore/apis/work/v1alpha2"
	"github.com/longshore-project/longshore/controllers/status"
)

var now = time.Date(2026, 1, 1, 12, 0, 0, 0, time.UTC)

// work returns a Work that is a minute old; applied is "", "True" or "False".
func work(cluster, applied string, edits ...func(*workv1alpha1.Work)) workv1alpha1.Work {
	w := workv1alpha1.Work{ObjectMeta: metav1.ObjectMeta{
		Namespace: workv1alpha1.ExecutionNamespace(cluster), Name: "web", CreationTimestamp: metav1.NewTime(now.Add(-time.Minute)),
	}}
	if applied != "" {
		w.Status.Conditions = []metav1.Condition{{
			Type: workv1alpha1.ConditionApplied, Status: metav1.ConditionStatus(applied), Message: "message of " + cluster,
		}}
	}
	for _, edit := range edits {
		edit(&w)
	}
	return w
}

func reporting(raw string, health workv1alpha1.ResourceHealth) func(*workv1alpha1.Work) {
	return func(w *workv1alpha1.Work) {
		w.Status.ManifestStatuses = []workv1alpha1.ManifestStatus{{Status: &runtime.RawExtension{Raw: []byte(raw)}, Health: health}}
	}
}

func young(w *workv1alpha1.Work) { w.CreationTimestamp = metav1.NewTime(now.Add(-time.Second)) }

func deleted(w *workv1alpha1.Work) {
	t := metav1.NewTime(now)
	w.DeletionTimestamp = &t
}

func TestItems(t *testing.T) {
	works := []workv1alpha1.Work{
		work("c", "True", reporting(`{"replicas":1}`, workv1alpha1.ResourceHealthy)),
		work("a", "False"),
		work("b", "True"),
		work("gone", "True", deleted),
		work("silent", ""),
		work("new", "", young),
	}
	want := []workv1alpha2.AggregatedStatusItem{
		{ClusterName: "a", AppliedMessage: "message of a", Health: workv1alpha2.ResourceUnknown},
		{ClusterName: "b", Applied: true, Health: workv1alpha2.ResourceUnknown},
		{ClusterName: "c", Applied: true, Health: workv1alpha2.ResourceHealthy, Status: &runtime.RawExtension{Raw: []byte(`{"replicas":1}`)}},
		{ClusterName: "silent", Health: workv1alpha2.ResourceUnknown},
	}
	got, again := status.Items(works, now)
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("items (-want +got):\n%s", diff)
	}
	if again != 4*time.Second {
		t.Errorf("look again in %v, want 4s", again)
	}
}

func targets(names ...string) workv1alpha2.ResourceBindingSpec {
	var spec workv1alpha2.ResourceBindingSpec
	for _, name := range names {
		spec.Clusters = append(spec.Clusters, workv1alpha2.TargetCluster{Name: name})
	}
	return spec
}

func appliedIn(names ...string) []workv1alpha2.AggregatedStatusItem {
	var items []workv1alpha2.AggregatedStatusItem
	for _, name := range names {
		items = append(items, workv1alpha2.AggregatedStatusItem{ClusterName: name, Applied: true})
	}
	return items
}

func TestFullyApplied(t *testing.T) {
	evicting := targets("a")
	evicting.GracefulEvictionTasks = []workv1alpha2.GracefulEvictionTask{{FromCluster: "b", PurgeMode: policyv1alpha1.PurgeGracefully}}
	purging := targets("a")
	purging.GracefulEvictionTasks = []workv1alpha2.GracefulEvictionTask{{FromCluster: "b", PurgeMode: policyv1alpha1.PurgeDirectly}}
	attached := workv1alpha2.ResourceBindingSpec{RequiredBy: []workv1alpha2.BindingSnapshot{{Clusters: targets("a").Clusters}}}
	tests := []struct {
		name  string
		spec  workv1alpha2.ResourceBindingSpec
		items []workv1alpha2.AggregatedStatusItem
		want  metav1.ConditionStatus
	}{
		{name: "not scheduled", want: metav1.ConditionFalse},
		{name: "all applied", spec: targets("a", "b"), items: appliedIn("a", "b"), want: metav1.ConditionTrue},
		{name: "one missing", spec: targets("a", "b"), items: appliedIn("a"), want: metav1.ConditionFalse},
		{name: "one refused", spec: targets("a", "b"), items: append(appliedIn("a"), workv1alpha2.AggregatedStatusItem{ClusterName: "b"}), want: metav1.ConditionFalse},
		{name: "one too many", spec: targets("a"), items: appliedIn("a", "b"), want: metav1.ConditionFalse},
		{name: "another than chosen", spec: targets("a"), items: appliedIn("b"), want: metav1.ConditionFalse},
		{name: "gracefully evicted cluster counts", spec: evicting, items: appliedIn("a"), want: metav1.ConditionFalse},
		{name: "gracefully evicted cluster still applied", spec: evicting, items: appliedIn("a", "b"), want: metav1.ConditionTrue},
		{name: "directly purged cluster does not count", spec: purging, items: appliedIn("a"), want: metav1.ConditionTrue},
		{name: "required by another binding", spec: attached, items: appliedIn("a"), want: metav1.ConditionTrue},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			got := status.FullyApplied(&tt.spec, tt.items)
			if got.Status != tt.want || got.Message == "" {
				t.Errorf("condition is %+v, want status %s", got, tt.want)
			}
		})
	}
}

func TestPlanStatus(t *testing.T) {
	old := metav1.NewTime(now.Add(-time.Hour))
	recent := metav1.NewTime(now.Add(-2 * time.Second))
	binding := func(scheduled metav1.Time, clusters ...string) *workv1alpha2.ResourceBinding {
		return &workv1alpha2.ResourceBinding{
			ObjectMeta: metav1.ObjectMeta{Name: "web-deployment", Namespace: "default", Generation: 2, CreationTimestamp: old},
			Spec:       targets(clusters...),
			Status: workv1alpha2.ResourceBindingStatus{LastScheduledTime: &scheduled,
				Conditions: []metav1.Condition{{Type: workv1alpha2.ConditionScheduled, Status: metav1.ConditionTrue}}},
		}
	}
	settled := func(items ...string) *workv1alpha2.ResourceBinding {
		b := binding(old, items...)
		b.Status.AggregatedStatus = appliedIn(items...)
		c := status.FullyApplied(&b.Spec, b.Status.AggregatedStatus)
		c.ObservedGeneration = 1
		meta.SetStatusCondition(&b.Status.Conditions, c)
		return b
	}
	tests := []struct {
		name         string
		binding      *workv1alpha2.ResourceBinding
		items        []workv1alpha2.AggregatedStatusItem
		wantItems    bool
		wantVerdict  metav1.ConditionStatus // "": no condition written
		wantHeldBack bool
	}{
		{name: "first report", binding: binding(recent, "a"), items: appliedIn("a"), wantItems: true, wantVerdict: metav1.ConditionTrue},
		{name: "nothing yet but young", binding: binding(recent, "a"), wantHeldBack: true},
		{name: "partial and young", binding: binding(recent, "a", "b"), items: appliedIn("a"), wantItems: true, wantHeldBack: true},
		{name: "nothing for long", binding: binding(old, "a"), wantVerdict: metav1.ConditionFalse},
		{name: "steady, although the generation moved on", binding: settled("a", "b"), items: appliedIn("a", "b")},
		{name: "an applied cluster is lost", binding: settled("a", "b"), items: appliedIn("a"), wantItems: true, wantVerdict: metav1.ConditionFalse},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			before := tt.binding.DeepCopy()
			got := status.PlanStatus(tt.binding, tt.items, nil, now)
			if got.ItemsChanged != tt.wantItems || (got.Again > 0) != tt.wantHeldBack {
				t.Errorf("items changed %t, again %v", got.ItemsChanged, got.Again)
			}
			var verdict metav1.ConditionStatus
			if c := meta.FindStatusCondition(got.Conditions, workv1alpha2.ConditionFullyApplied); c != nil {
				verdict = c.Status
				if c.ObservedGeneration != 2 {
					t.Errorf("observedGeneration is %d", c.ObservedGeneration)
				}
				if meta.FindStatusCondition(got.Conditions, workv1alpha2.ConditionScheduled) == nil {
					t.Error("the scheduler's condition is lost")
				}
			}
			if verdict != tt.wantVerdict {
				t.Errorf("FullyApplied %q, want %q", verdict, tt.wantVerdict)
			}
			if diff := cmp.Diff(before, tt.binding); diff != "" {
				t.Errorf("the binding was changed (-before +after):\n%s", diff)
			}
		})
	}
}

func TestPlanStatusIgnoresNotation(t *testing.T) {
	item := func(raw string) []workv1alpha2.AggregatedStatusItem {
		return []workv1alpha2.AggregatedStatusItem{{ClusterName: "a", Applied: true, Status: &runtime.RawExtension{Raw: []byte(raw)}}}
	}
	b := &workv1alpha2.ResourceBinding{Spec: targets("a"), Status: workv1alpha2.ResourceBindingStatus{AggregatedStatus: item(`{"a":1,"b":2}`)}}
	if got := status.PlanStatus(b, item(`{"b": 2, "a": 1}`), nil, now); got.ItemsChanged {
		t.Error("another notation counts as a change")
	}
	if got := status.PlanStatus(b, item(`{"b": 3, "a": 1}`), nil, now); !got.ItemsChanged {
		t.Error("another value does not count as a change")
	}
}
