package join_test

import (
	"strings"
	"testing"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	clusterv1alpha1 "github.com/longshore-project/longshore/apis/cluster/v1alpha1"
	workv1alpha1 "github.com/longshore-project/longshore/apis/work/v1alpha1"
	"github.com/longshore-project/longshore/cmd/longshore/local"
	"github.com/longshore-project/longshore/cmd/longshore/local/localtest"
)

func TestUnjoinLeavesNothingBehind(t *testing.T) {
	f := newFleet(t)
	before := f.member.inventory(t)
	for _, test := range []struct {
		name string
		args []string
	}{
		{"with the stored credentials", nil},
		{"with the member's kubeconfig", []string{"--cluster-kubeconfig", f.member.kubeconfig}},
	} {
		t.Run(test.name, func(t *testing.T) {
			f.mustRun(t, f.join("tidy"))
			f.mustRun(t, append([]string{"unjoin", "tidy"}, test.args...), "member: namespace/karmada-cluster removed", "cluster tidy unjoined\n")
			f.member.eventually(t, before)
			for _, obj := range []client.Object{
				&clusterv1alpha1.Cluster{ObjectMeta: metav1.ObjectMeta{Name: "tidy"}},
				&corev1.Secret{ObjectMeta: metav1.ObjectMeta{Namespace: "karmada-cluster", Name: "tidy"}},
			} {
				if !isGone(t, f.controlPlane, obj) {
					t.Errorf("%T is still in the control plane", obj)
				}
			}
		})
	}
}

func TestJoinAtOnceAfterUnjoin(t *testing.T) {
	f := newFleet(t)
	f.leave(t, "back")
	f.mustRun(t, f.join("back"))
	f.mustRun(t, []string{"unjoin", "back"})
	f.mustRun(t, f.join("back"), "cluster back joined\n")
	if err := f.agent(t, "back").List(t.Context(), &corev1.NodeList{}); err != nil {
		t.Error(err)
	}
}

func TestUnjoinKeepsWhatIsNotItsOwn(t *testing.T) {
	f := newFleet(t)

	t.Run("a namespace that was there before", func(t *testing.T) {
		mustCreate(t, f.member, &corev1.Namespace{ObjectMeta: metav1.ObjectMeta{Name: "mine"}})
		before := f.member.inventory(t)
		f.mustRun(t, f.join("guest", "--cluster-namespace", "mine"))
		f.mustRun(t, []string{"unjoin", "guest"}, "namespace/mine stays")
		f.member.eventually(t, before)
	})

	t.Run("a namespace that holds something else", func(t *testing.T) {
		f.mustRun(t, f.join("shared"))
		mustCreate(t, f.member, &corev1.ConfigMap{ObjectMeta: metav1.ObjectMeta{Namespace: "karmada-cluster", Name: "precious"}})
		f.mustRun(t, []string{"unjoin", "shared"}, "namespace/karmada-cluster stays, it also holds configmaps precious")
		if isGone(t, f.member, &corev1.ConfigMap{ObjectMeta: metav1.ObjectMeta{Namespace: "karmada-cluster", Name: "precious"}}) {
			t.Error("the user's ConfigMap is gone")
		}
	})

	t.Run("refuses to clean up in another cluster", func(t *testing.T) {
		f.leave(t, "right")
		f.mustRun(t, f.join("right"))
		f.mustFail(t, []string{"unjoin", "right", "--cluster-kubeconfig", f.controlPlane.kubeconfig}, "is not the cluster that is joined")
		f.cluster(t, "right")
	})

	t.Run("unknown cluster", func(t *testing.T) {
		f.mustFail(t, []string{"unjoin", "nobody"}, `no cluster "nobody"`, "kubectl get clusters")
	})
}

func TestUnjoinWithoutMember(t *testing.T) {
	f := &fleet{controlPlane: newSide(t, localtest.ControlPlane(t))}
	member := localtest.Member(t, localtest.Options{Nodes: []local.Node{}, Controllers: local.ControlPlaneControllers})
	f.member = newSide(t, member.Config)
	f.mustRun(t, f.join("lost"))
	if err := member.Kill(); err != nil {
		t.Fatal(err)
	}
	f.mustFail(t, []string{"unjoin", "lost"}, "lost was not touched", "no answer from the member", "--force", "service account karmada-lost")
	f.hold(t, "lost")

	out := f.mustRun(t, []string{"unjoin", "lost", "--force", "--timeout", "5s"}, "will stay there", "clusterrole karmada-lost", "cluster lost unjoined")
	if !strings.Contains(out, "finalizers") {
		t.Errorf("does not say that finalizers were taken away:\n%s", out)
	}
	if err := member.Restart(t.Context()); err != nil {
		t.Fatal(err)
	}
	f.mustRun(t, []string{"unjoin", "lost", "--cluster-kubeconfig", f.member.kubeconfig}, "member: clusterrole/karmada-lost removed")
}

func TestUnjoinSaysWhatHoldsTheCluster(t *testing.T) {
	f := newFleet(t)
	f.mustRun(t, f.join("busy"))
	work := f.hold(t, "busy")
	before := f.member.inventory(t)
	f.mustFail(t, []string{"unjoin", "busy", "--timeout", "1s"}, "1 works in namespace karmada-es-busy", "longshore-controller-manager", "--force")
	f.member.eventually(t, before)

	// The controllers finish after the command gave up. The next run has no Cluster any more to tell it where the member is.
	work.Finalizers = nil
	if err := f.controlPlane.Update(t.Context(), work); err != nil {
		t.Fatal(err)
	}
	cluster := f.cluster(t, "busy")
	cluster.Finalizers = nil
	if err := f.controlPlane.Update(t.Context(), cluster); err != nil {
		t.Fatal(err)
	}
	f.mustRun(t, []string{"unjoin", "busy"}, "member: clusterrole/karmada-busy removed", "control plane: secret/busy")
}

// hold puts a Work with its finalizer into the cluster's execution namespace, and the finalizer of the controllers on the cluster.
func (f *fleet) hold(t *testing.T, name string) *workv1alpha1.Work {
	t.Helper()
	namespace := workv1alpha1.ExecutionNamespace(name)
	work := &workv1alpha1.Work{ObjectMeta: metav1.ObjectMeta{Namespace: namespace, Name: "w", Finalizers: []string{workv1alpha1.WorkFinalizer}}}
	mustCreate(t, f.controlPlane, &corev1.Namespace{ObjectMeta: metav1.ObjectMeta{Name: namespace}}, work)
	cluster := f.cluster(t, name)
	cluster.Finalizers = append(cluster.Finalizers, clusterv1alpha1.ClusterFinalizer)
	if err := f.controlPlane.Update(t.Context(), cluster); err != nil {
		t.Fatal(err)
	}
	return work
}
