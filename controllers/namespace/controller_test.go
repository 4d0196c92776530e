package namespace_test

import (
	"context"
	"errors"
	"fmt"
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/client"

	clusterv1alpha1 "github.com/longshore-project/longshore/apis/cluster/v1alpha1"
	policyv1alpha1 "github.com/longshore-project/longshore/apis/policy/v1alpha1"
	workv1alpha1 "github.com/longshore-project/longshore/apis/work/v1alpha1"
	"github.com/longshore-project/longshore/cmd/longshore/local"
	"github.com/longshore-project/longshore/cmd/longshore/local/localtest"
	"github.com/longshore-project/longshore/controllers/cluster"
	"github.com/longshore-project/longshore/controllers/member/membertest"
	"github.com/longshore-project/longshore/controllers/namespace"
)

func TestMain(m *testing.M) {
	os.Exit(localtest.Main(m, localtest.Options{Prepare: membertest.InstallCRDs, Controllers: local.ControlPlaneControllers}))
}

func TestNamespaces(t *testing.T) {
	config := localtest.ControlPlane(t)
	f := &fixture{control: membertest.Client(t, config), writes: &membertest.Writes{}}
	membertest.Run(t, f.writes.Count(config), func(ctx context.Context, mgr ctrl.Manager) error {
		skip, err := namespace.ParseSkip(namespace.DefaultSkipped)
		if err != nil {
			return err
		}
		clusters := &cluster.Controller{Client: mgr.GetClient(), Events: mgr.GetEventRecorder("cluster")}
		namespaces := &namespace.Controller{Client: mgr.GetClient(), Skip: skip}
		return errors.Join(clusters.SetupWithManager(ctx, mgr), namespaces.SetupWithManager(mgr))
	})
	f.join(t, "member1", nil)
	f.join(t, "member2", map[string]string{"tier": "gold"})
	team := &corev1.Namespace{ObjectMeta: metav1.ObjectMeta{Name: "team", Labels: map[string]string{"owner": "a"}}}

	t.Run("a new namespace goes to every member", func(t *testing.T) {
		f.create(t, team)
		f.awaitWorks(t, "member1", "team")
		f.awaitWorks(t, "member2", "team")
	})
	t.Run("some stay at home", func(t *testing.T) {
		f.create(t, &corev1.Namespace{ObjectMeta: metav1.ObjectMeta{Name: "private", Labels: map[string]string{policyv1alpha1.SkipAutoPropagationLabel: "true"}}})
		f.create(t, &corev1.Namespace{ObjectMeta: metav1.ObjectMeta{Name: "karmada-cluster"}})
		f.create(t, &corev1.Namespace{ObjectMeta: metav1.ObjectMeta{Name: "team-b"}})
		f.awaitWorks(t, "member1", "team", "team-b")
	})
	t.Run("a new member gets every namespace", func(t *testing.T) {
		f.join(t, "member3", nil)
		f.awaitWorks(t, "member3", "team", "team-b")
	})
	t.Run("each pair took one write", func(t *testing.T) {
		if got := f.workWrites(); len(got) != 6 || slices.ContainsFunc(got, func(w string) bool { return !strings.HasPrefix(w, "POST ") }) {
			t.Errorf("writes are %v, want 6 creations", got)
		}
	})
	t.Run("a label reaches the manifest", func(t *testing.T) {
		before := team.DeepCopy()
		team.Labels["owner"] = "b"
		if err := f.control.Patch(t.Context(), team, client.MergeFrom(before)); err != nil {
			t.Fatal(err)
		}
		f.awaitManifest(t, "member1", "team", `"owner":"b"`)
	})
	t.Run("a cluster override policy changes the manifest of the members it selects", func(t *testing.T) { testOverride(t, f) })
	t.Run("a lost work is made again", func(t *testing.T) { testLost(t, f) })
	t.Run("works go with their namespace", func(t *testing.T) {
		if err := f.control.Delete(t.Context(), team); err != nil {
			t.Fatal(err)
		}
		f.awaitWorks(t, "member1", "team-b")
	})
}

func testOverride(t *testing.T, f *fixture) {
	policy := &policyv1alpha1.ClusterOverridePolicy{
		ObjectMeta: metav1.ObjectMeta{Name: "gold"},
		Spec: policyv1alpha1.OverrideSpec{
			ResourceSelectors: []policyv1alpha1.ResourceSelector{{APIVersion: "v1", Kind: "Namespace", Name: "team"}},
			OverrideRules: []policyv1alpha1.RuleWithCluster{{
				TargetCluster: &policyv1alpha1.ClusterAffinity{LabelSelector: &metav1.LabelSelector{MatchLabels: map[string]string{"tier": "gold"}}},
				Overriders: policyv1alpha1.Overriders{LabelsOverrider: []policyv1alpha1.LabelAnnotationOverrider{
					{Operator: policyv1alpha1.OverriderAdd, Value: map[string]string{"quality": "gold"}},
				}},
			}},
		},
	}
	f.create(t, policy)
	work := f.awaitManifest(t, "member2", "team", `"quality":"gold"`)
	if record := work.Annotations[workv1alpha1.AppliedClusterOverridesAnnotation]; !strings.Contains(record, `"policyName":"gold"`) {
		t.Errorf("the work records %q", record)
	}
	other := f.awaitManifest(t, "member1", "team", `"owner":"b"`)
	if strings.Contains(string(other.Spec.Workload.Manifests[0].Raw), "quality") {
		t.Error("the policy changed the manifest of a member that it does not select")
	}
	if err := f.control.Delete(t.Context(), policy); err != nil {
		t.Fatal(err)
	}
	membertest.Eventually(t, "the change is taken back", func(ctx context.Context) error {
		if err := f.control.Get(ctx, client.ObjectKeyFromObject(work), work); err != nil {
			return err
		}
		if strings.Contains(string(work.Spec.Workload.Manifests[0].Raw), "quality") || work.Annotations[workv1alpha1.AppliedClusterOverridesAnnotation] != "" {
			return errors.New("not yet")
		}
		return nil
	})
}

func testLost(t *testing.T, f *fixture) {
	work := f.awaitManifest(t, "member1", "team", "team")
	old := work.UID
	work.Finalizers = nil
	if err := errors.Join(f.control.Update(t.Context(), work), f.control.Delete(t.Context(), work)); err != nil {
		t.Fatal(err)
	}
	membertest.Eventually(t, "the work is back", func(ctx context.Context) error {
		err := f.control.Get(ctx, client.ObjectKeyFromObject(work), work)
		if err == nil && work.UID == old {
			return errors.New("it is still the old one")
		}
		return err
	})
}

type fixture struct {
	control client.Client
	writes  *membertest.Writes
}

func (f *fixture) create(t *testing.T, object client.Object) {
	t.Helper()
	if err := f.control.Create(t.Context(), object); err != nil {
		t.Fatalf("creating %s: %v", object.GetName(), err)
	}
}

func (f *fixture) join(t *testing.T, name string, labels map[string]string) {
	t.Helper()
	f.create(t, &clusterv1alpha1.Cluster{
		ObjectMeta: metav1.ObjectMeta{Name: name, Labels: labels},
		Spec:       clusterv1alpha1.ClusterSpec{SyncMode: clusterv1alpha1.Push},
	})
}

// awaitWorks waits until the member's Works, but those being deleted, are for exactly these namespaces.
func (f *fixture) awaitWorks(t *testing.T, cluster string, namespaces ...string) {
	t.Helper()
	membertest.Eventually(t, cluster+" has its works", func(ctx context.Context) error {
		works := &workv1alpha1.WorkList{}
		if err := f.control.List(ctx, works, client.InNamespace(workv1alpha1.ExecutionNamespace(cluster))); err != nil {
			return err
		}
		var got []string
		for i := range works.Items {
			if works.Items[i].DeletionTimestamp.IsZero() {
				got = append(got, works.Items[i].OwnerReferences[0].Name)
			}
		}
		slices.Sort(got)
		if diff := cmp.Diff(namespaces, got); diff != "" {
			return fmt.Errorf("namespaces (-want +got):\n%s", diff)
		}
		return nil
	})
}

func (f *fixture) awaitManifest(t *testing.T, cluster, name, part string) *workv1alpha1.Work {
	t.Helper()
	work := &workv1alpha1.Work{}
	key := client.ObjectKey{Namespace: workv1alpha1.ExecutionNamespace(cluster), Name: workv1alpha1.WorkName("", name, "Namespace")}
	membertest.Eventually(t, "the manifest contains "+part, func(ctx context.Context) error {
		if err := f.control.Get(ctx, key, work); err != nil {
			return err
		}
		if raw := string(work.Spec.Workload.Manifests[0].Raw); !strings.Contains(raw, part) {
			return errors.New(raw)
		}
		return nil
	})
	return work
}

func (f *fixture) workWrites() []string {
	return slices.DeleteFunc(f.writes.All(), func(w string) bool { return !strings.Contains(w, "/works") })
}
