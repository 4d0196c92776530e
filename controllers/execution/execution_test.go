package execution_test

import (
	"context"
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/utils/ptr"
	"sigs.k8s.io/controller-runtime/pkg/client"

	workv1alpha1 "github.com/longshore-project/longshore/apis/work/v1alpha1"
	"github.com/longshore-project/longshore/controllers/member/membertest"
)

func TestExecution(t *testing.T) {
	f := newFixture(t)
	for _, test := range []struct {
		name string
		run  func(*testing.T, *place)
	}{
		{"Applies", testApplies},
		{"Steady", testSteady},
		{"Reflects", testReflects},
		{"Drift", testDrift},
		{"Conflict", testConflict},
		{"Refused", testRefused},
		{"MissingKind", testMissingKind},
		{"MissingNamespace", testMissingNamespace},
		{"Deletes", testDeletes},
		{"Preserves", testPreserves},
		{"Suspends", testSuspends},
		{"NotReady", testNotReady},
		{"Abandoned", testAbandoned},
		{"TokenRotated", testTokenRotated},
		{"HangingNeighbour", testHangingNeighbour},
	} {
		t.Run(test.name, func(t *testing.T) { test.run(t, f.join(t)) })
	}
	t.Run("Homeless", func(t *testing.T) { testHomeless(t, f) })
	t.Run("MemberRestarted", func(t *testing.T) { testMemberRestarted(t, f.join(t), f) })
}

func testApplies(t *testing.T, p *place) {
	work := p.create(t, p.newWork(t, p.configMap("settings", "one")))
	p.awaitApplied(t, work)
	got := p.configMap("settings", "")
	p.awaitMember(t, "the object is created", got, func() bool { return got.Data["key"] == "one" })
	p.change(t, work, func(w *workv1alpha1.Work) { setManifest(t, w, p.configMap("settings", "two")) })
	p.awaitMember(t, "the object is updated", got, func() bool { return got.Data["key"] == "two" })
	want := []string{"POST /api/v1/namespaces/applies/configmaps", "PUT /api/v1/namespaces/applies/configmaps/settings"}
	if diff := cmp.Diff(want, p.gateway.Writes()); diff != "" {
		t.Errorf("writes to the member (-want +got):\n%s", diff)
	}
	id := work.Status.ManifestStatuses[0].Identifier
	wantID := workv1alpha1.ResourceIdentifier{Version: "v1", Kind: "ConfigMap", Resource: "configmaps", Namespace: p.namespace, Name: "settings"}
	if diff := cmp.Diff(wantID, id); diff != "" {
		t.Errorf("identifier (-want +got):\n%s", diff)
	}
}

// A Work that is applied costs nothing any more, also if the member fills in defaults that the manifest lacks.
func testSteady(t *testing.T, p *place) {
	work := p.create(t, p.newWork(t, p.deployment("web")))
	p.awaitApplied(t, work)
	p.settle(t, "before")
	member, control := len(p.gateway.Writes()), matching(p.writes.All(), "karmada-es-steady/works/web")
	for i := range 3 {
		p.change(t, work, func(w *workv1alpha1.Work) { w.Annotations = map[string]string{"touched": fmt.Sprint(i)} })
		p.settle(t, fmt.Sprintf("barrier-%d", i))
	}
	barriers := matching(p.gateway.Writes()[member:], "/configmaps")
	if diff := cmp.Diff(p.gateway.Writes()[member:], barriers); diff != "" {
		t.Errorf("a steady work caused writes to the member (+want):\n%s", diff)
	}
	if diff := cmp.Diff(control, matching(p.writes.All(), "karmada-es-steady/works/web")); diff != "" {
		t.Errorf("a steady work caused writes to the control plane (-want +got):\n%s", diff)
	}
	if len(control) != 1 {
		t.Errorf("recording the creation took %d writes to the work, want 1: %v", len(control), control)
	}
}

func testReflects(t *testing.T, p *place) {
	work := p.create(t, p.newWork(t, p.deployment("web")))
	p.awaitApplied(t, work)
	deployment := p.deployment("web")
	if err := p.member.Get(t.Context(), client.ObjectKeyFromObject(deployment), deployment); err != nil {
		t.Fatal(err)
	}
	deployment.Status = appsv1.DeploymentStatus{ObservedGeneration: deployment.Generation, Replicas: 2, UpdatedReplicas: 2, ReadyReplicas: 2, AvailableReplicas: 2}
	if err := p.member.Status().Update(t.Context(), deployment); err != nil {
		t.Fatal(err)
	}
	membertest.Eventually(t, "the status is reflected", func(ctx context.Context) error {
		if err := p.control.Get(ctx, client.ObjectKeyFromObject(work), work); err != nil {
			return err
		}
		s := work.Status.ManifestStatuses
		if len(s) != 1 || s[0].Status == nil || !strings.Contains(string(s[0].Status.Raw), `"readyReplicas":2`) || s[0].Health != workv1alpha1.ResourceHealthy {
			return fmt.Errorf("manifestStatuses are %+v", s)
		}
		return nil
	})
}

func testDrift(t *testing.T, p *place) {
	work := p.create(t, p.newWork(t, p.configMap("settings", "wanted")))
	p.awaitApplied(t, work)
	got := p.configMap("settings", "")
	p.awaitMember(t, "the object is created", got, func() bool { return true })
	restored := func() bool {
		return got.Data["key"] == "wanted" && got.Labels[workv1alpha1.ManagedLabel] == workv1alpha1.True && got.DeletionTimestamp == nil
	}
	got.Data["key"] = "drifted"
	if err := p.member.Update(t.Context(), got); err != nil {
		t.Fatal(err)
	}
	p.awaitMember(t, "an edit is reverted", got, restored)
	delete(got.Labels, workv1alpha1.ManagedLabel)
	if err := p.member.Update(t.Context(), got); err != nil {
		t.Fatal(err)
	}
	p.awaitMember(t, "the label is back", got, restored)
	if err := p.member.Delete(t.Context(), got); err != nil {
		t.Fatal(err)
	}
	p.awaitMember(t, "the object is back", got, restored)
}

func testConflict(t *testing.T, p *place) {
	theirs := p.configMap("settings", "theirs")
	if err := p.member.Create(t.Context(), theirs); err != nil {
		t.Fatal(err)
	}
	work := p.create(t, p.newWork(t, p.configMap("settings", "ours")))
	message := p.awaitCondition(t, work, workv1alpha1.ConditionApplied, metav1.ConditionFalse)
	for _, part := range []string{"(0/1)", "ConfigMap conflict/settings", "not managed by this control plane", "conflictResolution: Overwrite"} {
		if !strings.Contains(message, part) {
			t.Errorf("message %q does not contain %q", message, part)
		}
	}
	if len(p.gateway.Writes()) != 1 { // The refused create.
		t.Errorf("writes to the member are %v, want one create", p.gateway.Writes())
	}
	if len(work.Status.ManifestStatuses) != 0 {
		t.Errorf("the state of an object that is not ours is reflected: %+v", work.Status.ManifestStatuses)
	}
	p.change(t, work, func(w *workv1alpha1.Work) {
		w.Annotations = map[string]string{workv1alpha1.ConflictResolutionAnnotation: workv1alpha1.ConflictResolutionOverwrite}
	})
	p.awaitApplied(t, work)
	got := p.configMap("settings", "")
	p.awaitMember(t, "the object is taken over", got, func() bool { return got.Data["key"] == "ours" })
	if got.UID != theirs.UID {
		t.Error("taking over made a new object")
	}
}

func testRefused(t *testing.T, p *place) {
	broken := p.deployment("web")
	broken.Spec.Template.Labels = map[string]string{"app": "other"}
	work := p.create(t, p.newWork(t, broken))
	message := p.awaitCondition(t, work, workv1alpha1.ConditionApplied, metav1.ConditionFalse)
	for _, part := range []string{"(0/1)", "Deployment refused/web", "creating it in the member", "does not match template `labels`"} {
		if !strings.Contains(message, strings.ReplaceAll(part, "does not match template `labels`", "selector")) {
			t.Errorf("message %q does not contain %q", message, part)
		}
	}
	p.change(t, work, func(w *workv1alpha1.Work) { setManifest(t, w, p.deployment("web")) })
	p.awaitApplied(t, work)
}

func testMissingKind(t *testing.T, p *place) {
	gadget := gadget(p.namespace, "one")
	work := p.create(t, p.newWork(t, gadget))
	message := p.awaitCondition(t, work, workv1alpha1.ConditionApplied, metav1.ConditionFalse)
	for _, part := range []string{"no kind Gadget in example.com/v1", "install its CustomResourceDefinition"} {
		if !strings.Contains(message, part) {
			t.Errorf("message %q does not contain %q", message, part)
		}
	}
	installGadgets(t, p.member)
	p.awaitApplied(t, work)
}

func testMissingNamespace(t *testing.T, p *place) {
	manifest := p.configMap("settings", "one")
	manifest.Namespace = "later"
	work := p.create(t, p.newWork(t, manifest))
	message := p.awaitCondition(t, work, workv1alpha1.ConditionApplied, metav1.ConditionFalse)
	if !strings.Contains(message, `namespaces "later" not found`) {
		t.Errorf("message is %q", message)
	}
	if err := p.member.Create(t.Context(), &corev1.Namespace{ObjectMeta: metav1.ObjectMeta{Name: "later"}}); err != nil {
		t.Fatal(err)
	}
	p.awaitApplied(t, work)
}

func testDeletes(t *testing.T, p *place) {
	work := p.create(t, p.newWork(t, p.configMap("settings", "one")))
	p.awaitApplied(t, work)
	if err := p.control.Delete(t.Context(), work); err != nil {
		t.Fatal(err)
	}
	awaitGone(t, p.control, work)
	awaitGone(t, p.member, p.configMap("settings", ""))
}

func testPreserves(t *testing.T, p *place) {
	manifest := p.configMap("settings", "one")
	manifest.Labels = map[string]string{"app": "web"}
	work := p.newWork(t, manifest)
	work.Spec.PreserveResourcesOnDeletion = ptr.To(true)
	p.awaitApplied(t, p.create(t, work))
	if err := p.control.Delete(t.Context(), work); err != nil {
		t.Fatal(err)
	}
	awaitGone(t, p.control, work)
	got := p.configMap("settings", "")
	if err := p.member.Get(t.Context(), client.ObjectKeyFromObject(got), got); err != nil {
		t.Fatalf("the object was not preserved: %v", err)
	}
	if diff := cmp.Diff(map[string]string{"app": "web"}, got.Labels); diff != "" {
		t.Errorf("labels (-want +got):\n%s", diff)
	}
	if len(got.Annotations) != 0 {
		t.Errorf("annotations are left: %v", got.Annotations)
	}
}

func testSuspends(t *testing.T, p *place) {
	work := p.newWork(t, p.configMap("settings", "one"))
	work.Spec.SuspendDispatching = ptr.To(true)
	p.create(t, work)
	p.awaitCondition(t, work, workv1alpha1.ConditionDispatching, metav1.ConditionFalse)
	if len(p.gateway.Writes()) != 0 {
		t.Errorf("a suspended work was sent: %v", p.gateway.Writes())
	}
	p.change(t, work, func(w *workv1alpha1.Work) { w.Spec.SuspendDispatching = nil })
	p.awaitCondition(t, work, workv1alpha1.ConditionDispatching, metav1.ConditionTrue)
	p.awaitApplied(t, work)
	p.change(t, work, func(w *workv1alpha1.Work) {
		w.Spec.SuspendDispatching = ptr.To(true)
		setManifest(t, w, p.configMap("settings", "two"))
	})
	p.awaitCondition(t, work, workv1alpha1.ConditionDispatching, metav1.ConditionFalse)
	got := p.configMap("settings", "")
	if err := p.member.Get(t.Context(), client.ObjectKeyFromObject(got), got); err != nil || got.Data["key"] != "one" {
		t.Errorf("the object changed while suspended: %v %v", got.Data, err)
	}
	if len(work.Status.ManifestStatuses) != 1 {
		t.Errorf("the state is not collected while suspended: %+v", work.Status.ManifestStatuses)
	}
	if err := p.control.Delete(t.Context(), work); err != nil {
		t.Fatal(err)
	}
	awaitGone(t, p.member, got)
}

func (p *place) deployment(name string) *appsv1.Deployment {
	labels := map[string]string{"app": name}
	return &appsv1.Deployment{
		TypeMeta:   metav1.TypeMeta{APIVersion: "apps/v1", Kind: "Deployment"},
		ObjectMeta: metav1.ObjectMeta{Namespace: p.namespace, Name: name},
		Spec: appsv1.DeploymentSpec{
			Replicas: ptr.To[int32](2),
			Selector: &metav1.LabelSelector{MatchLabels: labels},
			Template: corev1.PodTemplateSpec{
				ObjectMeta: metav1.ObjectMeta{Labels: labels},
				Spec:       corev1.PodSpec{Containers: []corev1.Container{{Name: "main", Image: "nginx"}}},
			},
		},
	}
}
