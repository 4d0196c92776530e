package execution_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"

	corev1 "k8s.io/api/core/v1"
	apiextensionsv1 "k8s.io/apiextensions-apiserver/pkg/apis/apiextensions/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/controller-runtime/pkg/client"

	clusterv1alpha1 "github.com/longshore-project/longshore/apis/cluster/v1alpha1"
	workv1alpha1 "github.com/longshore-project/longshore/apis/work/v1alpha1"
	"github.com/longshore-project/longshore/controllers/member/membertest"
)

// While a member is not ready nothing is tried, and deletions wait; when it is ready again both happen.
func testNotReady(t *testing.T, p *place) {
	old := p.create(t, p.newWork(t, p.configMap("old", "one")))
	p.awaitApplied(t, old)
	p.gateway.Close()
	p.setReady(t, metav1.ConditionFalse)
	if err := p.control.Delete(t.Context(), old); err != nil {
		t.Fatal(err)
	}
	fresh := p.create(t, p.newWork(t, p.configMap("fresh", "one")))
	p.gateway.Open()
	p.setReady(t, metav1.ConditionTrue)
	p.awaitApplied(t, fresh)
	awaitGone(t, p.control, old)
	awaitGone(t, p.member, p.configMap("old", ""))
}

// When a member leaves that cannot be reached, its Works do not hold up the departure, and its objects stay.
func testAbandoned(t *testing.T, p *place) {
	work := p.create(t, p.newWork(t, p.configMap("settings", "one")))
	p.awaitApplied(t, work)
	before := p.cluster.DeepCopy()
	p.cluster.Finalizers = []string{clusterv1alpha1.ClusterFinalizer}
	if err := p.control.Patch(t.Context(), p.cluster, client.MergeFrom(before)); err != nil {
		t.Fatal(err)
	}
	p.setReady(t, metav1.ConditionFalse)
	if err := errors.Join(p.control.Delete(t.Context(), work), p.control.Delete(t.Context(), p.cluster)); err != nil {
		t.Fatal(err)
	}
	awaitGone(t, p.control, work)
	if err := p.member.Get(t.Context(), types.NamespacedName{Namespace: p.namespace, Name: "settings"}, &corev1.ConfigMap{}); err != nil {
		t.Errorf("the object of an unreachable member: %v", err)
	}
}

// Without a Cluster nobody can remove a Work's objects, so the Work may go.
func testHomeless(t *testing.T, f *fixture) {
	namespace := &corev1.Namespace{ObjectMeta: metav1.ObjectMeta{Name: workv1alpha1.ExecutionNamespace("nowhere")}}
	work := &workv1alpha1.Work{ObjectMeta: metav1.ObjectMeta{Namespace: namespace.Name, Name: "web", Finalizers: []string{workv1alpha1.WorkFinalizer}}}
	if err := errors.Join(f.control.Create(t.Context(), namespace), f.control.Create(t.Context(), work), f.control.Delete(t.Context(), work)); err != nil {
		t.Fatal(err)
	}
	awaitGone(t, f.control, work)
}

// Every change of the Secret opens a new session with the new token.
func testTokenRotated(t *testing.T, p *place) {
	p.awaitApplied(t, p.create(t, p.newWork(t, p.configMap("first", "one"))))
	p.setToken(t, "of nobody")
	second := p.create(t, p.newWork(t, p.configMap("second", "one")))
	message := p.awaitCondition(t, second, workv1alpha1.ConditionApplied, metav1.ConditionFalse)
	if !strings.Contains(message, "asked for the client to provide credentials") && !strings.Contains(message, "Unauthorized") {
		t.Errorf("message %q does not say that the token is refused", message)
	}
	p.setToken(t, membertest.Grant(t, p.fixture.member.Config, "rotated"))
	p.awaitApplied(t, second)
}

func (p *place) setToken(t *testing.T, token string) {
	t.Helper()
	secret := &corev1.Secret{}
	key := types.NamespacedName{Namespace: workv1alpha1.ClusterNamespace, Name: p.cluster.Name}
	if err := p.control.Get(t.Context(), key, secret); err != nil {
		t.Fatal(err)
	}
	secret.Data[clusterv1alpha1.SecretTokenKey] = []byte(token)
	if err := p.control.Update(t.Context(), secret); err != nil {
		t.Fatal(err)
	}
}

// A member that accepts connections and never answers has as many Works as the healthy one, and they come first.
func testHangingNeighbour(t *testing.T, p *place) {
	endpoint, caBundle := membertest.Silent(t)
	silent := &place{fixture: p.fixture, namespace: p.namespace}
	silent.cluster = membertest.Join(t, p.control, "silent", endpoint, "token", caBundle)
	silent.setReady(t, metav1.ConditionTrue)
	var stuck, fine []*workv1alpha1.Work
	for i := range 20 {
		stuck = append(stuck, silent.create(t, silent.newWork(t, p.configMap(fmt.Sprintf("settings-%d", i), "one"))))
	}
	for i := range 20 {
		fine = append(fine, p.create(t, p.newWork(t, p.configMap(fmt.Sprintf("settings-%d", i), "one"))))
	}
	for _, work := range fine {
		p.awaitApplied(t, work)
	}
	if err := p.control.Get(t.Context(), client.ObjectKeyFromObject(stuck[19]), stuck[19]); err != nil {
		t.Fatal(err)
	}
	if len(stuck[19].Status.Conditions) != 0 {
		t.Errorf("the last work of the silent member was handled before the healthy member was done: %+v", stuck[19].Status.Conditions)
	}
	message := silent.awaitCondition(t, stuck[0], workv1alpha1.ConditionApplied, metav1.ConditionFalse)
	t.Logf("the silent member's first work says: %s", message)
}

// A member that is killed comes back with its data, and what changed meanwhile is applied.
func testMemberRestarted(t *testing.T, p *place, f *fixture) {
	work := p.create(t, p.newWork(t, p.configMap("settings", "one")))
	p.awaitApplied(t, work)
	if err := f.member.Kill(); err != nil {
		t.Fatalf("killing the member: %v", err)
	}
	p.change(t, work, func(w *workv1alpha1.Work) { setManifest(t, w, p.configMap("settings", "two")) })
	if err := f.member.Restart(t.Context()); err != nil {
		t.Fatalf("starting the member again: %v", err)
	}
	got := p.configMap("settings", "")
	p.awaitMember(t, "the change has arrived", got, func() bool { return got.Data["key"] == "two" })
	got.Data["key"] = "drifted"
	if err := p.member.Update(t.Context(), got); err != nil {
		t.Fatal(err)
	}
	p.awaitMember(t, "the member is watched again", got, func() bool { return got.Data["key"] == "two" })
}

func gadget(namespace, name string) *unstructured.Unstructured {
	object := &unstructured.Unstructured{Object: map[string]any{"apiVersion": "example.com/v1", "kind": "Gadget"}}
	object.SetNamespace(namespace)
	object.SetName(name)
	return object
}

func installGadgets(t *testing.T, c client.Client) {
	t.Helper()
	crd := &apiextensionsv1.CustomResourceDefinition{
		TypeMeta:   metav1.TypeMeta{APIVersion: "apiextensions.k8s.io/v1", Kind: "CustomResourceDefinition"},
		ObjectMeta: metav1.ObjectMeta{Name: "gadgets.example.com"},
		Spec: apiextensionsv1.CustomResourceDefinitionSpec{
			Group: "example.com", Scope: apiextensionsv1.NamespaceScoped,
			Names: apiextensionsv1.CustomResourceDefinitionNames{Plural: "gadgets", Kind: "Gadget", ListKind: "GadgetList", Singular: "gadget"},
			Versions: []apiextensionsv1.CustomResourceDefinitionVersion{{
				Name: "v1", Served: true, Storage: true,
				Schema: &apiextensionsv1.CustomResourceValidation{OpenAPIV3Schema: &apiextensionsv1.JSONSchemaProps{Type: "object"}},
			}},
		},
	}
	content, err := runtime.DefaultUnstructuredConverter.ToUnstructured(crd)
	if err != nil {
		t.Fatal(err)
	}
	if err := c.Create(t.Context(), &unstructured.Unstructured{Object: content}); err != nil {
		t.Fatalf("installing the CRD in the member: %v", err)
	}
	membertest.Eventually(t, "the kind is served", func(ctx context.Context) error {
		list := &unstructured.UnstructuredList{Object: map[string]any{"apiVersion": "example.com/v1", "kind": "GadgetList"}}
		return c.List(ctx, list)
	})
}
