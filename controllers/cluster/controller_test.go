package cluster_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	corev1 "k8s.io/api/core/v1"
	eventsv1 "k8s.io/api/events/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/client"

	clusterv1alpha1 "github.com/longshore-project/longshore/apis/cluster/v1alpha1"
	workv1alpha1 "github.com/longshore-project/longshore/apis/work/v1alpha1"
	workv1alpha2 "github.com/longshore-project/longshore/apis/work/v1alpha2"
	"github.com/longshore-project/longshore/cmd/longshore/local"
	"github.com/longshore-project/longshore/cmd/longshore/local/localtest"
	"github.com/longshore-project/longshore/controllers/cluster"
	"github.com/longshore-project/longshore/controllers/execution"
	"github.com/longshore-project/longshore/controllers/interpreter"
	"github.com/longshore-project/longshore/controllers/member"
	"github.com/longshore-project/longshore/controllers/member/membertest"
)

func TestMain(m *testing.M) {
	os.Exit(localtest.Main(m, localtest.Options{Prepare: membertest.InstallCRDs, Controllers: local.ControlPlaneControllers}))
}

func TestLife(t *testing.T) {
	config := localtest.ControlPlane(t)
	control, writes := membertest.Client(t, config), &membertest.Writes{}
	remote := localtest.Member(t, localtest.Options{Controllers: []string{}, Nodes: []local.Node{}})
	membertest.Run(t, writes.Count(config), func(ctx context.Context, mgr ctrl.Manager) error {
		works := &execution.Controller{Client: mgr.GetClient(), Interpreter: interpreter.New(), Events: mgr.GetEventRecorder("execution")}
		fleet := member.NewFleet(member.Options{Timeout: 5 * time.Second}, works)
		clusters := &cluster.Controller{Client: mgr.GetClient(), Events: mgr.GetEventRecorder("cluster")}
		if err := works.SetupWithManager(ctx, mgr); err != nil {
			return err
		}
		if err := (&member.Controller{Client: mgr.GetClient(), Fleet: fleet}).SetupWithManager(ctx, mgr); err != nil {
			return err
		}
		return clusters.SetupWithManager(ctx, mgr)
	})
	joined := &clusterv1alpha1.Cluster{
		ObjectMeta: metav1.ObjectMeta{Name: "member1"},
		Spec:       clusterv1alpha1.ClusterSpec{SyncMode: clusterv1alpha1.Push},
	}
	t.Run("joins", func(t *testing.T) { testJoin(t, control, joined, writes) })
	t.Run("follows readiness with taints", func(t *testing.T) { testTaints(t, control, joined) })
	t.Run("leaves when nothing is left", func(t *testing.T) { testLeave(t, control, remote) })
}

// Joining takes one write to the Cluster and one namespace.
func testJoin(t *testing.T, control client.Client, joined *clusterv1alpha1.Cluster, writes *membertest.Writes) {
	if err := control.Create(t.Context(), joined); err != nil {
		t.Fatal(err)
	}
	namespace := &corev1.Namespace{ObjectMeta: metav1.ObjectMeta{Name: "karmada-es-member1"}}
	membertest.Eventually(t, "the execution namespace is there", func(ctx context.Context) error {
		return control.Get(ctx, client.ObjectKeyFromObject(namespace), namespace)
	})
	if namespace.Labels[workv1alpha1.SystemLabel] != workv1alpha1.True {
		t.Errorf("labels of the execution namespace are %v", namespace.Labels)
	}
	if err := control.Get(t.Context(), client.ObjectKeyFromObject(joined), joined); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff([]string{clusterv1alpha1.ClusterFinalizer}, joined.Finalizers); diff != "" {
		t.Errorf("finalizers (-want +got):\n%s", diff)
	}
	if diff := cmp.Diff([]corev1.Taint{{Key: clusterv1alpha1.TaintNotReady, Effect: corev1.TaintEffectNoSchedule}}, joined.Spec.Taints); diff != "" {
		t.Errorf("taints (-want +got):\n%s", diff)
	}
	awaitEvent(t, control, clusterv1alpha1.EventCreateExecutionSpaceSucceed)
	awaitEvent(t, control, clusterv1alpha1.EventTaintClusterSucceed)
	want := []string{"PATCH /apis/cluster.karmada.io/v1alpha1/clusters/member1", "POST /api/v1/namespaces"}
	got := slices.DeleteFunc(writes.All(), func(w string) bool { return strings.HasSuffix(w, "/events") })
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("writes (-want +got):\n%s", diff)
	}
}

func testTaints(t *testing.T, control client.Client, joined *clusterv1alpha1.Cluster) {
	for _, test := range []struct {
		ready metav1.ConditionStatus
		want  []corev1.Taint
	}{
		{metav1.ConditionTrue, nil},
		{metav1.ConditionUnknown, []corev1.Taint{{Key: clusterv1alpha1.TaintUnreachable, Effect: corev1.TaintEffectNoSchedule}}},
		{metav1.ConditionFalse, []corev1.Taint{{Key: clusterv1alpha1.TaintNotReady, Effect: corev1.TaintEffectNoSchedule}}},
	} {
		setReady(t, control, joined, test.ready)
		membertest.Eventually(t, "taints follow Ready="+string(test.ready), func(ctx context.Context) error {
			*joined = clusterv1alpha1.Cluster{ObjectMeta: metav1.ObjectMeta{Name: joined.Name}}
			if err := control.Get(ctx, client.ObjectKeyFromObject(joined), joined); err != nil {
				return err
			}
			if diff := cmp.Diff(test.want, joined.Spec.Taints); diff != "" {
				return fmt.Errorf("taints (-want +got):\n%s", diff)
			}
			return nil
		})
	}
}

// A departing cluster first loses its Works, and with them the member's objects, then waits until no binding lists it.
func testLeave(t *testing.T, control client.Client, remote *localtest.Cluster) {
	admin := membertest.Client(t, remote.Config)
	leaving := membertest.Join(t, control, "leaving", remote.Config.Host, membertest.Grant(t, remote.Config, "longshore"), remote.Config.CAData)
	membertest.Eventually(t, "the cluster has its finalizer", func(ctx context.Context) error {
		err := control.Get(ctx, client.ObjectKeyFromObject(leaving), leaving)
		if err == nil && len(leaving.Finalizers) == 0 {
			return errors.New("not yet")
		}
		return err
	})
	setReady(t, control, leaving, metav1.ConditionTrue)
	binding := &workv1alpha2.ResourceBinding{
		ObjectMeta: metav1.ObjectMeta{Namespace: "default", Name: "web-deployment"},
		Spec: workv1alpha2.ResourceBindingSpec{
			Resource: workv1alpha2.ObjectReference{APIVersion: "apps/v1", Kind: "Deployment", Namespace: "default", Name: "web"},
			Clusters: []workv1alpha2.TargetCluster{{Name: "leaving"}},
		},
	}
	settings := &corev1.ConfigMap{ObjectMeta: metav1.ObjectMeta{Namespace: "default", Name: "settings"}}
	if err := errors.Join(control.Create(t.Context(), binding), control.Create(t.Context(), workFor(t, "leaving", settings))); err != nil {
		t.Fatal(err)
	}
	membertest.Eventually(t, "the member has the object", func(ctx context.Context) error {
		return admin.Get(ctx, client.ObjectKeyFromObject(settings), settings)
	})
	if err := control.Delete(t.Context(), leaving); err != nil {
		t.Fatal(err)
	}
	awaitGone(t, admin, settings)
	awaitGone(t, control, &corev1.Namespace{ObjectMeta: metav1.ObjectMeta{Name: "karmada-es-leaving"}})
	if err := control.Get(t.Context(), client.ObjectKeyFromObject(leaving), leaving); err != nil {
		t.Errorf("the cluster went while a binding listed it: %v", err)
	}
	binding.Spec.Clusters = nil
	if err := control.Update(t.Context(), binding); err != nil {
		t.Fatal(err)
	}
	awaitGone(t, control, leaving)
}

func workFor(t *testing.T, cluster string, object *corev1.ConfigMap) *workv1alpha1.Work {
	t.Helper()
	work := &workv1alpha1.Work{ObjectMeta: metav1.ObjectMeta{
		Namespace: workv1alpha1.ExecutionNamespace(cluster), Name: object.Name, Finalizers: []string{workv1alpha1.WorkFinalizer},
	}}
	manifest := object.DeepCopy()
	manifest.TypeMeta = metav1.TypeMeta{APIVersion: "v1", Kind: "ConfigMap"}
	manifest.Labels = map[string]string{workv1alpha1.ManagedLabel: workv1alpha1.True}
	manifest.Annotations = map[string]string{workv1alpha1.NamespaceAnnotation: work.Namespace, workv1alpha1.NameAnnotation: work.Name}
	raw, err := json.Marshal(manifest)
	if err != nil {
		t.Fatal(err)
	}
	work.Spec.Workload.Manifests = []runtime.RawExtension{{Raw: raw}}
	return work
}

func setReady(t *testing.T, control client.Client, cluster *clusterv1alpha1.Cluster, status metav1.ConditionStatus) {
	t.Helper()
	before := cluster.DeepCopy()
	meta.SetStatusCondition(&cluster.Status.Conditions, metav1.Condition{Type: clusterv1alpha1.ConditionReady, Status: status, Reason: "Test"})
	if err := control.Status().Patch(t.Context(), cluster, client.MergeFrom(before)); err != nil {
		t.Fatal(err)
	}
}

func awaitGone(t *testing.T, c client.Client, object client.Object) {
	t.Helper()
	membertest.Eventually(t, object.GetName()+" is gone", func(ctx context.Context) error {
		err := c.Get(ctx, client.ObjectKeyFromObject(object), object)
		if apierrors.IsNotFound(err) {
			return nil
		}
		return fmt.Errorf("it is still there: %+v %w", object, err)
	})
}

func awaitEvent(t *testing.T, control client.Client, reason string) {
	t.Helper()
	membertest.Eventually(t, "there is an event "+reason, func(ctx context.Context) error {
		events := &eventsv1.EventList{}
		if err := control.List(ctx, events); err != nil {
			return err
		}
		for i := range events.Items {
			if events.Items[i].Reason == reason && events.Items[i].Regarding.Kind == "Cluster" {
				return nil
			}
		}
		return fmt.Errorf("there are %d others", len(events.Items))
	})
}
