package clusterstatus_test

import (
	"context"
	"fmt"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/meta"
	"k8s.io/apimachinery/pkg/api/resource"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/client"

	clusterv1alpha1 "github.com/longshore-project/longshore/apis/cluster/v1alpha1"
	"github.com/longshore-project/longshore/cmd/longshore/local"
	"github.com/longshore-project/longshore/cmd/longshore/local/localtest"
	"github.com/longshore-project/longshore/controllers/clusterstatus"
	"github.com/longshore-project/longshore/controllers/member"
	"github.com/longshore-project/longshore/controllers/member/membertest"
)

func TestMain(m *testing.M) {
	os.Exit(localtest.Main(m, localtest.Options{Prepare: membertest.InstallCRDs}))
}

func TestStatus(t *testing.T) {
	config := localtest.ControlPlane(t)
	control, writes := membertest.Client(t, config), &membertest.Writes{}
	remote := localtest.Member(t, localtest.Options{Controllers: []string{}, Nodes: []local.Node{}})
	membertest.Run(t, writes.Count(config), func(ctx context.Context, mgr ctrl.Manager) error {
		status := &clusterstatus.Controller{
			Client: mgr.GetClient(), Frequency: 100 * time.Millisecond, SuccessThreshold: 300 * time.Millisecond, FailureThreshold: 300 * time.Millisecond,
		}
		fleet := member.NewFleet(member.Options{Timeout: 5 * time.Second}, status)
		return (&member.Controller{Client: mgr.GetClient(), Fleet: fleet}).SetupWithManager(ctx, mgr)
	})
	gateway, admin := membertest.NewGateway(t, remote.Config), membertest.Client(t, remote.Config)
	cluster := membertest.Join(t, control, "member1", gateway.URL, membertest.Grant(t, remote.Config, "longshore"), gateway.CABundle)
	w := &watcher{control: control}

	t.Run("first status is one write and complete", func(t *testing.T) {
		w.awaitReady(t, cluster, metav1.ConditionTrue, clusterv1alpha1.ReasonClusterReady)
		if got := statusWrites(writes, "member1"); len(got) != 1 {
			t.Errorf("status writes are %v, want one", got)
		}
		checkComplete(t, cluster)
	})
	t.Run("nodes and pods are counted", func(t *testing.T) { testCounts(t, w, cluster, admin) })
	t.Run("a heartbeat without news writes nothing", func(t *testing.T) {
		w.awaitHeartbeats(t, gateway, 3)
		before, asked := statusWrites(writes, "member1"), len(gateway.Requests())
		w.awaitHeartbeats(t, gateway, 5)
		since := gateway.Requests()[asked:]
		count := func(request string) []string {
			return slices.DeleteFunc(slices.Clone(since), func(r string) bool { return r != request })
		}
		for _, request := range since {
			// Whole discovery would ask for /api and /apis twice, or for single groups.
			if !slices.Contains([]string{"GET /readyz", "GET /version", "GET /api", "GET /apis"}, request) || len(count(request)) > len(count("GET /readyz"))+1 {
				t.Errorf("a heartbeat without news asked for more: %s", request)
			}
		}
		if diff := cmp.Diff(before, statusWrites(writes, "member1")); diff != "" {
			t.Errorf("status writes (-before +after):\n%s", diff)
		}
	})
	t.Run("a new kind is seen", func(t *testing.T) {
		if err := membertest.InstallCRDs(t.Context(), remote.Config); err != nil {
			t.Fatal(err)
		}
		w.await(t, "works are listed", cluster, func() error {
			if !slices.ContainsFunc(cluster.Status.APIEnablements, func(e clusterv1alpha1.APIEnablement) bool { return e.GroupVersion == "work.karmada.io/v1alpha1" }) {
				return fmt.Errorf("apiEnablements are %+v", cluster.Status.APIEnablements)
			}
			return nil
		})
	})
	t.Run("a member that goes keeps its numbers and comes back", func(t *testing.T) {
		numbers := cluster.Status.ResourceSummary
		gateway.Close()
		w.awaitReady(t, cluster, metav1.ConditionFalse, clusterv1alpha1.ReasonClusterNotReachable)
		if diff := cmp.Diff(numbers, cluster.Status.ResourceSummary); diff != "" || len(cluster.Status.APIEnablements) == 0 {
			t.Errorf("status of an unreachable member was changed (-before +after):\n%s", diff)
		}
		gateway.Open()
		w.awaitReady(t, cluster, metav1.ConditionTrue, clusterv1alpha1.ReasonClusterReady)
	})
	t.Run("a member without secret says so", func(t *testing.T) { testNoSecret(t, w) })
	t.Run("a refused token is not an unreachable member", func(t *testing.T) {
		refused := membertest.Join(t, control, "refused", gateway.URL, "of nobody", gateway.CABundle)
		message := w.awaitReady(t, refused, metav1.ConditionFalse, clusterv1alpha1.ReasonClusterNotReady)
		if !strings.Contains(message, "refuses the token") {
			t.Errorf("message is %q", message)
		}
	})
	t.Run("an id is filled in", func(t *testing.T) { testIdentity(t, w, gateway, admin, remote) })
}

func checkComplete(t *testing.T, cluster *clusterv1alpha1.Cluster) {
	t.Helper()
	status := &cluster.Status
	if !strings.HasPrefix(status.KubernetesVersion, "v1.") {
		t.Errorf("kubernetesVersion is %q", status.KubernetesVersion)
	}
	apps := slices.IndexFunc(status.APIEnablements, func(e clusterv1alpha1.APIEnablement) bool { return e.GroupVersion == "apps/v1" })
	if apps < 0 || !slices.Contains(status.APIEnablements[apps].Resources, clusterv1alpha1.APIResource{Name: "deployments", Kind: "Deployment"}) {
		t.Errorf("deployments are not in apiEnablements: %+v", status.APIEnablements)
	}
	if !meta.IsStatusConditionTrue(status.Conditions, clusterv1alpha1.ConditionCompleteAPIEnablements) {
		t.Errorf("conditions are %+v", status.Conditions)
	}
	if status.NodeSummary == nil || status.ResourceSummary == nil || len(status.ResourceSummary.AllocatableModelings) != 9 {
		t.Errorf("summaries are %+v %+v", status.NodeSummary, status.ResourceSummary)
	}
}

func testCounts(t *testing.T, w *watcher, cluster *clusterv1alpha1.Cluster, admin client.Client) {
	for name, cpu := range map[string]string{"large": "16", "small": "2"} {
		node := &corev1.Node{ObjectMeta: metav1.ObjectMeta{Name: name}}
		create(t, admin, node)
		node.Status.Allocatable = corev1.ResourceList{"cpu": resource.MustParse(cpu), "memory": resource.MustParse("64Gi"), "pods": resource.MustParse("10")}
		if name == "large" {
			node.Status.Conditions = []corev1.NodeCondition{{Type: corev1.NodeReady, Status: corev1.ConditionTrue}}
		}
		if err := admin.Status().Update(t.Context(), node); err != nil {
			t.Fatal(err)
		}
	}
	create(t, admin, &corev1.ServiceAccount{ObjectMeta: metav1.ObjectMeta{Namespace: "default", Name: "default"}})
	pods := map[string]*corev1.Pod{"running": newPod("running", "large", "1500m"), "waiting": newPod("waiting", "", "500m"), "done": newPod("done", "large", "4")}
	for _, pod := range pods {
		create(t, admin, pod)
	}
	pods["done"].Status.Phase = corev1.PodSucceeded
	if err := admin.Status().Update(t.Context(), pods["done"]); err != nil {
		t.Fatal(err)
	}
	want := &clusterv1alpha1.ResourceSummary{
		Allocatable: corev1.ResourceList{"cpu": resource.MustParse("18"), "memory": resource.MustParse("128Gi"), "pods": resource.MustParse("20")},
		Allocating:  corev1.ResourceList{"cpu": resource.MustParse("500m"), "pods": resource.MustParse("1")},
		Allocated:   corev1.ResourceList{"cpu": resource.MustParse("1500m"), "pods": resource.MustParse("1")},
		// large has 14.5 cpus left: grade 4 of cpu, 4 of memory. small has 2: grade 2.
		AllocatableModelings: modelings(map[int32]int32{2: 1, 4: 1}),
	}
	w.await(t, "the totals are right", cluster, func() error {
		if diff := cmp.Diff(want, cluster.Status.ResourceSummary); diff != "" {
			return fmt.Errorf("resourceSummary (-want +got):\n%s", diff)
		}
		if diff := cmp.Diff(&clusterv1alpha1.NodeSummary{TotalNum: 2, ReadyNum: 1}, cluster.Status.NodeSummary); diff != "" {
			return fmt.Errorf("nodeSummary (-want +got):\n%s", diff)
		}
		return nil
	})
	for _, object := range []client.Object{pods["running"], pods["waiting"], &corev1.Node{ObjectMeta: metav1.ObjectMeta{Name: "small"}}} {
		if err := admin.Delete(t.Context(), object, client.GracePeriodSeconds(0)); err != nil {
			t.Fatal(err)
		}
	}
	w.await(t, "what is deleted no longer counts", cluster, func() error {
		got := cluster.Status.ResourceSummary
		if len(got.Allocated) != 0 || len(got.Allocating) != 0 || got.Allocatable.Cpu().Value() != 16 {
			return fmt.Errorf("resourceSummary is %+v", got)
		}
		return nil
	})
}

func newPod(name, node, cpu string) *corev1.Pod {
	return &corev1.Pod{
		ObjectMeta: metav1.ObjectMeta{Namespace: "default", Name: name},
		Spec: corev1.PodSpec{NodeName: node, Containers: []corev1.Container{{
			Name: "main", Image: "nginx", Resources: corev1.ResourceRequirements{Requests: corev1.ResourceList{"cpu": resource.MustParse(cpu)}},
		}}},
	}
}

func modelings(counts map[int32]int32) []clusterv1alpha1.AllocatableModeling {
	result := make([]clusterv1alpha1.AllocatableModeling, 9)
	for i := range result {
		result[i] = clusterv1alpha1.AllocatableModeling{Grade: int32(i), Count: counts[int32(i)]}
	}
	return result
}

func testNoSecret(t *testing.T, w *watcher) {
	cluster := &clusterv1alpha1.Cluster{
		ObjectMeta: metav1.ObjectMeta{Name: "no-secret"},
		Spec: clusterv1alpha1.ClusterSpec{
			SyncMode: clusterv1alpha1.Push, APIEndpoint: "https://127.0.0.1:1",
			SecretRef: &clusterv1alpha1.LocalSecretReference{Namespace: "karmada-cluster", Name: "missing"},
		},
	}
	create(t, w.control, cluster)
	message := w.awaitReady(t, cluster, metav1.ConditionFalse, clusterv1alpha1.ReasonStatusCollectionFailed)
	if !strings.Contains(message, "Secret karmada-cluster/missing of spec.secretRef does not exist") {
		t.Errorf("message is %q", message)
	}
}

func testIdentity(t *testing.T, w *watcher, gateway *membertest.Gateway, admin client.Client, remote *localtest.Cluster) {
	cluster := membertest.Join(t, w.control, "nameless", gateway.URL, membertest.Grant(t, remote.Config, "nameless"), gateway.CABundle)
	before := cluster.DeepCopy()
	cluster.Spec.ID = ""
	if err := w.control.Patch(t.Context(), cluster, client.MergeFrom(before)); err != nil {
		t.Fatal(err)
	}
	system := &corev1.Namespace{ObjectMeta: metav1.ObjectMeta{Name: "kube-system"}}
	if err := admin.Get(t.Context(), client.ObjectKeyFromObject(system), system); err != nil {
		t.Fatal(err)
	}
	w.await(t, "spec.id is the UID of kube-system", cluster, func() error {
		if cluster.Spec.ID != string(system.UID) {
			return fmt.Errorf("spec.id is %q, want %q", cluster.Spec.ID, system.UID)
		}
		return nil
	})
}

type watcher struct {
	control client.Client
}

func (w *watcher) await(t *testing.T, what string, cluster *clusterv1alpha1.Cluster, check func() error) {
	t.Helper()
	membertest.Eventually(t, what, func(ctx context.Context) error {
		*cluster = clusterv1alpha1.Cluster{ObjectMeta: metav1.ObjectMeta{Name: cluster.Name}}
		if err := w.control.Get(ctx, client.ObjectKeyFromObject(cluster), cluster); err != nil {
			return err
		}
		return check()
	})
}

// awaitReady returns the message of condition Ready once it has that status and reason.
func (w *watcher) awaitReady(t *testing.T, cluster *clusterv1alpha1.Cluster, status metav1.ConditionStatus, reason string) string {
	t.Helper()
	message := ""
	w.await(t, fmt.Sprintf("Ready is %s %s", status, reason), cluster, func() error {
		c := meta.FindStatusCondition(cluster.Status.Conditions, clusterv1alpha1.ConditionReady)
		if c == nil || c.Status != status || c.Reason != reason {
			return fmt.Errorf("conditions are %+v", cluster.Status.Conditions)
		}
		message = c.Message
		return nil
	})
	return message
}

// awaitHeartbeats waits for more whole heartbeats: each begins with /readyz, so that the one before the last has ended.
func (w *watcher) awaitHeartbeats(t *testing.T, gateway *membertest.Gateway, more int) {
	t.Helper()
	count := func() int {
		return len(slices.DeleteFunc(gateway.Requests(), func(r string) bool { return r != "GET /readyz" }))
	}
	start := count()
	membertest.Eventually(t, "more heartbeats", func(context.Context) error {
		if count() < start+more+1 {
			return fmt.Errorf("there were %d", count()-start)
		}
		return nil
	})
}

func statusWrites(writes *membertest.Writes, cluster string) []string {
	return slices.DeleteFunc(writes.All(), func(w string) bool { return !strings.HasSuffix(w, "/clusters/"+cluster+"/status") })
}

func create(t *testing.T, c client.Client, object client.Object) {
	t.Helper()
	if err := c.Create(t.Context(), object); err != nil {
		t.Fatalf("creating %s: %v", object.GetName(), err)
	}
}
