package loop

import (
	"encoding/json"
	"fmt"
	"runtime"
	"testing"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/resource"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/client-go/rest"

	clusterv1alpha1 "github.com/longshore-project/longshore/apis/cluster/v1alpha1"
	policyv1alpha1 "github.com/longshore-project/longshore/apis/policy/v1alpha1"
	workv1alpha2 "github.com/longshore-project/longshore/apis/work/v1alpha2"
	"github.com/longshore-project/longshore/plugins/builtin"
	"github.com/longshore-project/longshore/scheduler/convert"
)

// BenchmarkMemory holds a large fleet and many placed bindings, which come in as JSON like from a watch, and reports the heap that is live then:
// in all, and for each cluster and binding. Ten thousand clusters and a hundred thousand bindings shall fit into 2 GiB.
func BenchmarkMemory(b *testing.B) {
	for _, size := range []struct{ clusters, bindings int }{{100, 1_000}, {10_000, 100_000}} {
		b.Run(fmt.Sprintf("clusters=%d/bindings=%d", size.clusters, size.bindings), func(b *testing.B) {
			for b.Loop() {
				l, err := New(&rest.Config{Host: "https://127.0.0.1:1"}, Options{Profiles: []Profile{{Pipeline: builtin.Profile()}}})
				if err != nil {
					b.Fatal(err)
				}
				before := liveHeap()
				for i := range size.clusters {
					feedCluster(b, l, i)
				}
				l.fleet.Snapshot()
				fleet := liveHeap()
				for i := range size.bindings {
					feedBinding(b, l, i, size.clusters)
				}
				all := liveHeap()
				if got := len(l.bindings.all()); got != size.bindings || l.fleet.Snapshot().Len() != size.clusters {
					b.Fatalf("%d bindings and %d clusters are held, want %d and %d", got, l.fleet.Snapshot().Len(), size.bindings, size.clusters)
				}
				b.ReportMetric(float64(all-before)/(1<<20), "heap-MiB")
				b.ReportMetric(float64(fleet-before)/float64(size.clusters), "B/cluster")
				b.ReportMetric(float64(all-fleet)/float64(size.bindings), "B/binding")
				runtime.KeepAlive(l)
			}
		})
	}
}

func liveHeap() int64 {
	var m runtime.MemStats
	runtime.GC()
	runtime.ReadMemStats(&m)
	return int64(m.HeapAlloc)
}

func feedCluster(b *testing.B, l *Loop, i int) {
	b.Helper()
	c := &clusterv1alpha1.Cluster{
		TypeMeta:   metav1.TypeMeta{APIVersion: clusterv1alpha1.GroupVersion.String(), Kind: "Cluster"},
		ObjectMeta: metav1.ObjectMeta{Name: fmt.Sprintf("member-%05d", i), Labels: map[string]string{"tier": fmt.Sprint(i % 3), "team": fmt.Sprint(i % 20)}},
		Spec: clusterv1alpha1.ClusterSpec{
			Provider: "aws", Region: fmt.Sprint("region-", i%10), Zones: []string{fmt.Sprint("zone-", i%30)}, ResourceModels: clusterv1alpha1.DefaultResourceModels(),
		},
	}
	for k := range 80 {
		c.Status.APIEnablements = append(c.Status.APIEnablements, clusterv1alpha1.APIEnablement{
			GroupVersion: fmt.Sprintf("group-%d.example.com/v1", k/10), Resources: []clusterv1alpha1.APIResource{{Name: fmt.Sprint("things", k), Kind: fmt.Sprint("Thing", k)}},
		})
	}
	c.Status.ResourceSummary = &clusterv1alpha1.ResourceSummary{
		Allocatable: corev1.ResourceList{"cpu": *resource.NewQuantity(int64(1000+i), resource.DecimalSI), "memory": resource.MustParse("4Ti"), "pods": resource.MustParse("11000")},
		Allocated:   corev1.ResourceList{"cpu": resource.MustParse("100"), "memory": resource.MustParse("400Gi"), "pods": resource.MustParse("1100")},
	}
	for grade := range int32(9) {
		c.Status.ResourceSummary.AllocatableModelings = append(c.Status.ResourceSummary.AllocatableModelings, clusterv1alpha1.AllocatableModeling{Grade: grade, Count: int32(i % 7)})
	}
	raw, err := json.Marshal(c)
	if err != nil {
		b.Fatal(err)
	}
	decoded := &clusterv1alpha1.Cluster{}
	if err := json.Unmarshal(raw, decoded); err != nil {
		b.Fatal(err)
	}
	kept, err := l.pool.keep(decoded)
	if err != nil {
		b.Fatal(err)
	}
	l.clusterSeen(kept.(*member).cluster)
}

// feedBinding brings the i-th binding as the policy controller, the scheduler and the status controller leave it: on five clusters.
func feedBinding(b *testing.B, l *Loop, i, clusters int) {
	b.Helper()
	w := &workv1alpha2.ResourceBinding{
		TypeMeta: metav1.TypeMeta{APIVersion: workv1alpha2.GroupVersion.String(), Kind: "ResourceBinding"},
		ObjectMeta: metav1.ObjectMeta{
			Namespace: fmt.Sprint("team-", i%100), Name: fmt.Sprintf("nginx-%06d-deployment", i), UID: types.UID(fmt.Sprintf("00000000-0000-4000-8000-%012d", i)),
			ResourceVersion: fmt.Sprint(1_000_000 + i), Generation: 2, Labels: map[string]string{policyv1alpha1.PropagationPolicyPermanentIDLabel: fmt.Sprint(i % 20)},
			Finalizers:    []string{workv1alpha2.BindingFinalizer},
			ManagedFields: []metav1.ManagedFieldsEntry{{Manager: "longshore", Operation: "Update", FieldsV1: metav1.NewFieldsV1(`{"f:spec":{"f:clusters":{},"f:placement":{}}}`)}},
		},
		Spec: workv1alpha2.ResourceBindingSpec{
			Resource: workv1alpha2.ObjectReference{
				APIVersion: "apps/v1", Kind: "Deployment", Namespace: fmt.Sprint("team-", i%100), Name: fmt.Sprintf("nginx-%06d", i),
				UID: types.UID(fmt.Sprintf("10000000-0000-4000-8000-%012d", i)), ResourceVersion: "7",
			},
			Replicas: 10, ReplicaRequirements: &workv1alpha2.ReplicaRequirements{ResourceRequest: corev1.ResourceList{"cpu": resource.MustParse("100m"), "memory": resource.MustParse("128Mi")}},
			Placement: &policyv1alpha1.Placement{
				ClusterAffinity:   &policyv1alpha1.ClusterAffinity{LabelSelector: &metav1.LabelSelector{MatchLabels: map[string]string{"team": fmt.Sprint(i % 20)}}},
				ReplicaScheduling: &policyv1alpha1.ReplicaSchedulingStrategy{ReplicaSchedulingType: policyv1alpha1.Divided, ReplicaDivisionPreference: policyv1alpha1.Aggregated},
			},
		},
	}
	for k := range 5 {
		name := fmt.Sprintf("member-%05d", (i*7+k*13)%clusters)
		w.Spec.Clusters = append(w.Spec.Clusters, workv1alpha2.TargetCluster{Name: name, Replicas: 2})
		w.Status.AggregatedStatus = append(w.Status.AggregatedStatus, item(name, `{"replicas":2,"readyReplicas":2,"updatedReplicas":2}`, workv1alpha2.ResourceHealthy))
	}
	w.Annotations = map[string]string{workv1alpha2.AppliedPlacementAnnotation: convert.Fingerprint(w.Spec.Placement), "propagationpolicy.karmada.io/name": "nginx"}
	w.Status.SchedulerObservedGeneration, w.Status.LastScheduledTime = 2, &metav1.Time{Time: metav1.Unix(1, 0).Time}
	for _, condition := range []string{workv1alpha2.ConditionScheduled, "FullyApplied"} {
		w.Status.Conditions = append(w.Status.Conditions, metav1.Condition{Type: condition, Status: metav1.ConditionTrue, Reason: "Success", Message: messageScheduled, LastTransitionTime: metav1.Unix(1, 0)})
	}
	raw, err := json.Marshal(w)
	if err != nil {
		b.Fatal(err)
	}
	got := &workv1alpha2.ResourceBinding{}
	if err := l.pool.decodeBinding(raw, got); err != nil {
		b.Fatal(err)
	}
	l.bindingSeen(got)
	l.queue.Add(keyOf(got), 0)
	it, err := l.queue.Pop(b.Context())
	if err != nil {
		b.Fatal(err)
	}
	if c := l.decide(b.Context(), it); c != nil {
		b.Fatalf("%s is to be written: %+v", it.Key, c.want)
	}
}
