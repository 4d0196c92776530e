package policy_test

import (
	"context"
	"errors"
	"fmt"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
	rbacv1 "k8s.io/api/rbac/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/utils/ptr"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/manager"

	policyv1alpha1 "github.com/longshore-project/longshore/apis/policy/v1alpha1"
	workv1alpha2 "github.com/longshore-project/longshore/apis/work/v1alpha2"
	"github.com/longshore-project/longshore/controllers/interpreter"
	"github.com/longshore-project/longshore/controllers/policy"
	"github.com/longshore-project/longshore/controllers/template"
	"github.com/longshore-project/longshore/controllers/template/templatetest"
)

func TestMain(m *testing.M) { templatetest.Main(m) }

func start(t *testing.T, options policy.Options) *templatetest.Env {
	t.Helper()
	return templatetest.Start(t, func(ctx context.Context, mgr manager.Manager, store *template.Store) error {
		return policy.Setup(ctx, mgr, store, interpreter.New(), options)
	})
}

func pp(namespace, name string, selectors ...policyv1alpha1.ResourceSelector) *policyv1alpha1.PropagationPolicy {
	return &policyv1alpha1.PropagationPolicy{
		ObjectMeta: metav1.ObjectMeta{Namespace: namespace, Name: name},
		Spec:       policyv1alpha1.PropagationSpec{ResourceSelectors: selectors, Placement: members("member1", "member2")},
	}
}

func cpp(name string, selectors ...policyv1alpha1.ResourceSelector) *policyv1alpha1.ClusterPropagationPolicy {
	return &policyv1alpha1.ClusterPropagationPolicy{
		ObjectMeta: metav1.ObjectMeta{Name: name},
		Spec:       policyv1alpha1.PropagationSpec{ResourceSelectors: selectors, Placement: members("member1")},
	}
}

func members(names ...string) policyv1alpha1.Placement {
	return policyv1alpha1.Placement{ClusterAffinity: &policyv1alpha1.ClusterAffinity{ClusterNames: names}}
}

func deployments(name string) policyv1alpha1.ResourceSelector {
	return policyv1alpha1.ResourceSelector{APIVersion: "apps/v1", Kind: "Deployment", Name: name}
}

func bindingFor(obj *unstructured.Unstructured) *workv1alpha2.ResourceBinding {
	return &workv1alpha2.ResourceBinding{ObjectMeta: metav1.ObjectMeta{
		Namespace: obj.GetNamespace(), Name: workv1alpha2.BindingName(obj.GetName(), obj.GetKind()),
	}}
}

// awaitClaim waits until template and binding carry the claim of the policy; an empty key means none.
func awaitClaim(env *templatetest.Env, obj *unstructured.Unstructured, want policy.Key) *workv1alpha2.ResourceBinding {
	b := bindingFor(obj)
	env.Await(fmt.Sprintf("%s is claimed by %q", obj.GetName(), want), func() error {
		ctx := context.Background()
		if err := env.Get(ctx, client.ObjectKeyFromObject(obj), obj); err != nil {
			return err
		}
		if err := env.Get(ctx, client.ObjectKeyFromObject(b), b); err != nil {
			return err
		}
		for _, o := range []metav1.Object{obj, b} {
			if got := policy.ClaimOf(o).Policy; got != want {
				return fmt.Errorf("%s is claimed by %q", o.GetName(), got)
			}
		}
		return nil
	})
	return b
}

// awaitWorkers waits until the controllers have worked on everything that was created before.
func awaitWorkers(env *templatetest.Env) {
	cm := &unstructured.Unstructured{Object: map[string]any{
		"apiVersion": "v1", "kind": "ConfigMap", "metadata": map[string]any{"namespace": env.Namespace, "name": "sentinel"},
	}}
	p := pp(env.Namespace, "sentinel", policyv1alpha1.ResourceSelector{APIVersion: "v1", Kind: "ConfigMap", Name: "sentinel"})
	env.MustCreate(cm, p)
	awaitClaim(env, cm, policy.KeyOf(p))
}

func TestTemplateThenPolicy(t *testing.T) {
	env := start(t, policy.Options{})
	d := templatetest.Deployment(env.Namespace, "web", 3)
	p := pp(env.Namespace, "p", deployments(""))
	env.MustCreate(d)
	env.AwaitQuiet(300 * time.Millisecond)
	env.MustCreate(p)
	b := awaitClaim(env, d, policy.KeyOf(p))
	checkBinding(t, b, d)

	if err := env.Get(t.Context(), client.ObjectKeyFromObject(p), p); err != nil {
		t.Fatal(err)
	}
	if len(p.Finalizers) != 1 || p.Finalizers[0] != policyv1alpha1.PropagationPolicyFinalizer {
		t.Errorf("finalizers of the policy are %q", p.Finalizers)
	}
	if id := p.Labels[policyv1alpha1.PropagationPolicyPermanentIDLabel]; id == "" || id != policy.ClaimOf(b).ID {
		t.Errorf("policy has id %q, binding is claimed by %q", id, policy.ClaimOf(b).ID)
	}
	writes := env.AwaitQuiet(500 * time.Millisecond)
	if len(writes) != 3 {
		t.Errorf("want three writes (policy, claim, binding), got %q", writes)
	}
	if events := env.Writes.Events(); len(events) > 1 {
		t.Errorf("want at most one event, got %q", events)
	}
}

func checkBinding(t *testing.T, b *workv1alpha2.ResourceBinding, d *unstructured.Unstructured) {
	t.Helper()
	if b.Spec.Replicas != 3 || b.Spec.ReplicaRequirements == nil {
		t.Errorf("replicas are %d with %v", b.Spec.Replicas, b.Spec.ReplicaRequirements)
	}
	if !metav1.IsControlledBy(b, d) {
		t.Errorf("owners are %v", b.OwnerReferences)
	}
	if len(b.Finalizers) != 1 || b.Finalizers[0] != workv1alpha2.BindingFinalizer {
		t.Errorf("finalizers are %q", b.Finalizers)
	}
	if b.Labels[workv1alpha2.BindingPermanentIDLabel] == "" {
		t.Error("the binding has no permanent id")
	}
	if b.Generation != 1 {
		t.Errorf("the binding was written %d times", b.Generation)
	}
}

func TestPolicyThenTemplates(t *testing.T) {
	env := start(t, policy.Options{})
	p := pp(env.Namespace, "p", deployments(""), policyv1alpha1.ResourceSelector{APIVersion: "v1", Kind: "ConfigMap", Name: "conf"})
	env.MustCreate(p)
	d1, d2 := templatetest.Deployment(env.Namespace, "one", 1), templatetest.Deployment(env.Namespace, "two", 2)
	cm := &unstructured.Unstructured{Object: map[string]any{
		"apiVersion": "v1", "kind": "ConfigMap",
		"metadata": map[string]any{"namespace": env.Namespace, "name": "conf"}, "data": map[string]any{"a": "b"},
	}}
	env.MustCreate(d1, d2, cm)
	for _, obj := range []*unstructured.Unstructured{d1, d2, cm} {
		awaitClaim(env, obj, policy.KeyOf(p))
	}
}

func TestPolicyUpdateReleasesAndClaims(t *testing.T) {
	env := start(t, policy.Options{})
	p := pp(env.Namespace, "p", deployments("one"))
	d1, d2 := templatetest.Deployment(env.Namespace, "one", 1), templatetest.Deployment(env.Namespace, "two", 2)
	env.MustCreate(p, d1, d2)
	awaitClaim(env, d1, policy.KeyOf(p))

	env.MustPatch(p, func() { p.Spec.ResourceSelectors[0].Name = "two" })
	awaitClaim(env, d2, policy.KeyOf(p))
	b := awaitClaim(env, d1, policy.Key{})
	if b.Spec.Placement == nil {
		t.Error("the released binding lost its placement")
	}

	env.MustPatch(p, func() { p.Spec.Placement = members("member3") })
	updated := bindingFor(d2)
	env.AwaitObject("the new placement arrives", updated, func() error {
		if got := updated.Spec.Placement.ClusterAffinity.ClusterNames; len(got) != 1 || got[0] != "member3" {
			return fmt.Errorf("it is %q", got)
		}
		return nil
	})
}

func TestTemplateChangeDoesNotRelease(t *testing.T) {
	env := start(t, policy.Options{})
	selector := deployments("")
	selector.LabelSelector = &metav1.LabelSelector{MatchLabels: map[string]string{"app": "web"}}
	p := pp(env.Namespace, "p", selector)
	d := templatetest.Deployment(env.Namespace, "web", 1)
	env.MustCreate(p, d)
	awaitClaim(env, d, policy.KeyOf(p))
	env.MustPatch(d, func() {
		d.SetLabels(map[string]string{policyv1alpha1.PropagationPolicyPermanentIDLabel: d.GetLabels()[policyv1alpha1.PropagationPolicyPermanentIDLabel]})
	})
	env.AwaitQuiet(500 * time.Millisecond)
	awaitClaim(env, d, policy.KeyOf(p))
}

func TestPolicyDeletion(t *testing.T) {
	env := start(t, policy.Options{})
	p := pp(env.Namespace, "p", deployments(""))
	d := templatetest.Deployment(env.Namespace, "web", 1)
	env.MustCreate(p, d)
	awaitClaim(env, d, policy.KeyOf(p))
	env.MustDelete(p)
	env.AwaitGone(p)
	awaitClaim(env, d, policy.Key{})
}

func TestTemplateThatLingersDoesNotKeepThePolicy(t *testing.T) {
	env := start(t, policy.Options{})
	p := pp(env.Namespace, "p", deployments(""))
	d := templatetest.Deployment(env.Namespace, "web", 1)
	d.SetFinalizers([]string{"example.com/hold"})
	env.MustCreate(p, d)
	awaitClaim(env, d, policy.KeyOf(p))
	env.MustDelete(d)
	env.MustDelete(p)
	env.AwaitGone(p)
	env.MustPatch(d, func() { d.SetFinalizers(nil) })
}

func TestTemplateDeletion(t *testing.T) {
	env := start(t, policy.Options{})
	p := pp(env.Namespace, "p", deployments(""))
	d := templatetest.Deployment(env.Namespace, "web", 1)
	env.MustCreate(p, d)
	b := awaitClaim(env, d, policy.KeyOf(p))
	env.MustDelete(d)
	env.AwaitObject("the garbage collector deletes the binding", b, func() error {
		if b.DeletionTimestamp == nil {
			return errors.New("it is not being deleted")
		}
		return nil
	})
	env.MustPatch(b, func() { b.Finalizers = nil }) // what the binding controller does
	env.AwaitGone(b)
}

func TestTemplateRecreated(t *testing.T) {
	env := start(t, policy.Options{})
	p := pp(env.Namespace, "p", deployments(""))
	d := templatetest.Deployment(env.Namespace, "web", 1)
	env.MustCreate(p, d)
	old := awaitClaim(env, d, policy.KeyOf(p))
	env.MustDelete(d)
	d = templatetest.Deployment(env.Namespace, "web", 1)
	env.MustCreate(d)
	env.AwaitObject("the old binding goes", old, func() error {
		if old.DeletionTimestamp == nil {
			return errors.New("it is not being deleted")
		}
		return nil
	})
	env.MustPatch(old, func() { old.Finalizers = nil })
	b := awaitClaim(env, d, policy.KeyOf(p))
	if !metav1.IsControlledBy(b, d) {
		t.Errorf("the new binding belongs to %v", b.OwnerReferences)
	}
}

func TestReleasedTemplateGoesToClusterPolicy(t *testing.T) {
	env := start(t, policy.Options{})
	selector := deployments("")
	selector.Namespace = env.Namespace
	p, c := pp(env.Namespace, "p", deployments("")), cpp("c-"+env.Namespace, selector)
	d := templatetest.Deployment(env.Namespace, "web", 1)
	env.MustCreate(c)
	t.Cleanup(func() { _ = env.Delete(context.Background(), c) })
	env.MustCreate(p, d)
	awaitClaim(env, d, policy.KeyOf(p))
	env.MustDelete(p)
	awaitClaim(env, d, policy.KeyOf(c))
	env.MustDelete(c)
	env.AwaitGone(c)
}

func TestPropagationPolicyPreemptsClusterPolicy(t *testing.T) {
	env := start(t, policy.Options{Preemption: true})
	selector := deployments("")
	selector.Namespace = env.Namespace
	c := cpp("c-"+env.Namespace, selector)
	c.Spec.Priority = 100
	d := templatetest.Deployment(env.Namespace, "web", 1)
	env.MustCreate(c, d)
	t.Cleanup(func() { _ = env.Delete(context.Background(), c) })
	awaitClaim(env, d, policy.KeyOf(c))
	p := pp(env.Namespace, "p", deployments("web"))
	p.Spec.Preemption = policyv1alpha1.PreemptAlways
	env.MustCreate(p)
	b := awaitClaim(env, d, policy.KeyOf(p))
	for _, o := range []metav1.Object{d, b} {
		if _, ok := o.GetLabels()[policyv1alpha1.ClusterPropagationPolicyPermanentIDLabel]; ok {
			t.Errorf("%s still carries the claim of the ClusterPropagationPolicy", o.GetName())
		}
		if _, ok := o.GetAnnotations()[policyv1alpha1.ClusterPropagationPolicyNameAnnotation]; ok {
			t.Errorf("%s still names the ClusterPropagationPolicy", o.GetName())
		}
	}
}

func TestClusterScopedTemplate(t *testing.T) {
	env := start(t, policy.Options{})
	name := "reader-" + env.Namespace
	role := &rbacv1.ClusterRole{ObjectMeta: metav1.ObjectMeta{Name: name}}
	c := cpp("c-"+env.Namespace, policyv1alpha1.ResourceSelector{APIVersion: "rbac.authorization.k8s.io/v1", Kind: "ClusterRole", Name: name})
	env.MustCreate(c, role)
	t.Cleanup(func() { _ = env.Delete(context.Background(), c); _ = env.Delete(context.Background(), role) })
	b := &workv1alpha2.ClusterResourceBinding{ObjectMeta: metav1.ObjectMeta{Name: workv1alpha2.BindingName(name, "ClusterRole")}}
	env.AwaitObject("the cluster binding is made", b, func() error { return nil })
	if got := policy.ClaimOf(b).Policy; got != policy.KeyOf(c) {
		t.Errorf("claimed by %v", got)
	}
	if len(b.Finalizers) != 1 || b.Finalizers[0] != workv1alpha2.ClusterBindingFinalizer || b.Labels[workv1alpha2.ClusterBindingPermanentIDLabel] == "" {
		t.Errorf("finalizers %q, labels %v", b.Finalizers, b.Labels)
	}
}

func TestForeignNamespaceIsRefused(t *testing.T) {
	env := start(t, policy.Options{})
	selector := deployments("")
	selector.Namespace = "elsewhere"
	p := pp(env.Namespace, "p", selector)
	env.MustCreate(p)
	awaitEvent(env, env.Namespace, "p", policyv1alpha1.EventApplyPolicyFailed, `namespace "elsewhere"`)
}

func TestInvalidUpdateTouchesNothing(t *testing.T) {
	env := start(t, policy.Options{})
	p := pp(env.Namespace, "p", deployments(""))
	d := templatetest.Deployment(env.Namespace, "web", 1)
	env.MustCreate(p, d)
	b := awaitClaim(env, d, policy.KeyOf(p))
	version := b.ResourceVersion
	env.MustPatch(p, func() {
		p.Spec.ResourceSelectors[0].LabelSelector = &metav1.LabelSelector{MatchExpressions: []metav1.LabelSelectorRequirement{{
			Key: "app", Operator: "Around", Values: []string{"web"},
		}}}
	})
	awaitEvent(env, env.Namespace, "p", policyv1alpha1.EventApplyPolicyFailed, "labelSelector does not parse")
	env.AwaitQuiet(300 * time.Millisecond)
	b = awaitClaim(env, d, policy.KeyOf(p))
	if b.ResourceVersion != version {
		t.Error("the binding was written")
	}
}

func awaitEvent(env *templatetest.Env, namespace, about, reason, part string) {
	env.Await(fmt.Sprintf("event %s on %s says %q", reason, about, part), func() error {
		var list corev1.EventList
		if err := env.List(context.Background(), &list, client.InNamespace(namespace)); err != nil {
			return err
		}
		var seen []string
		for _, e := range list.Items {
			if e.InvolvedObject.Name == about && e.Reason == reason && containsText(e.Message, part) {
				return nil
			}
			seen = append(seen, e.InvolvedObject.Name+": "+e.Reason+": "+e.Message)
		}
		return fmt.Errorf("events are %q", seen)
	})
}

func TestDependentOverrides(t *testing.T) {
	env := start(t, policy.Options{})
	p := pp(env.Namespace, "p", deployments(""))
	p.Spec.DependentOverrides = []string{"first"}
	d := templatetest.Deployment(env.Namespace, "web", 1)
	env.MustCreate(p, d)
	awaitEvent(env, env.Namespace, "web", policyv1alpha1.EventApplyPolicyFailed, "first")
	env.MustCreate(&policyv1alpha1.OverridePolicy{ObjectMeta: metav1.ObjectMeta{Namespace: env.Namespace, Name: "first"}})
	awaitClaim(env, d, policy.KeyOf(p))
}

func TestLazyActivation(t *testing.T) {
	env := start(t, policy.Options{})
	p := pp(env.Namespace, "p", deployments(""))
	p.Spec.ActivationPreference = policyv1alpha1.LazyActivation
	d := templatetest.Deployment(env.Namespace, "web", 1)
	env.MustCreate(d)
	awaitWorkers(env) // or else the template is new when the policy comes
	env.MustCreate(p)
	env.AwaitObject("the claim is recorded", d, func() error {
		if policy.ClaimOf(d).Policy != policy.KeyOf(p) {
			return errors.New("it is not")
		}
		return nil
	})
	env.AwaitQuiet(500 * time.Millisecond)
	if err := env.Get(t.Context(), client.ObjectKeyFromObject(bindingFor(d)), bindingFor(d)); client.IgnoreNotFound(err) != nil || err == nil {
		t.Fatalf("the lazy policy made a binding: %v", err)
	}
	env.MustPatch(d, func() { _ = unstructured.SetNestedField(d.Object, int64(2), "spec", "replicas") })
	b := awaitClaim(env, d, policy.KeyOf(p))
	if b.Spec.Replicas != 2 {
		t.Errorf("the binding has %d replicas", b.Spec.Replicas)
	}

	env.MustPatch(p, func() { p.Spec.PreserveResourcesOnDeletion = ptr.To(true) })
	env.AwaitQuiet(500 * time.Millisecond)
	if b = awaitClaim(env, d, policy.KeyOf(p)); b.Spec.PreserveResourcesOnDeletion != nil {
		t.Error("the policy's change reached the binding before the template changed")
	}
	env.MustPatch(d, func() { d.SetAnnotations(withKey(d.GetAnnotations(), "example.com/touched", "yes")) })
	env.AwaitObject("the policy's change arrives with the template's", b, func() error {
		if b.Spec.PreserveResourcesOnDeletion == nil {
			return errors.New("it has not")
		}
		return nil
	})
}

func TestLazyPolicyBeforeTemplate(t *testing.T) {
	env := start(t, policy.Options{})
	p := pp(env.Namespace, "p", deployments(""))
	p.Spec.ActivationPreference = policyv1alpha1.LazyActivation
	d := templatetest.Deployment(env.Namespace, "web", 1)
	env.MustCreate(p, d) // the template may well be seen before the policy has its permanent id
	awaitClaim(env, d, policy.KeyOf(p))
}

func TestSteadyStateWritesNothing(t *testing.T) {
	env := start(t, policy.Options{})
	p := pp(env.Namespace, "p", deployments(""))
	p.Spec.Suspension = &policyv1alpha1.Suspension{}
	d := templatetest.Deployment(env.Namespace, "web", 1)
	env.MustCreate(p, d)
	b := awaitClaim(env, d, policy.KeyOf(p))
	before := env.AwaitQuiet(500 * time.Millisecond)
	// What the scheduler and the status controller write, and what does not concern propagation, costs nothing.
	env.MustPatch(b, func() { b.Spec.Clusters = []workv1alpha2.TargetCluster{{Name: "member1", Replicas: 1}} })
	env.MustPatch(p, func() { p.Annotations = map[string]string{"note": "nothing"} })
	env.MustPatch(d, func() { d.SetAnnotations(withKey(d.GetAnnotations(), "note", "nothing")) })
	if after := env.AwaitQuiet(700 * time.Millisecond); len(after) != len(before) {
		t.Errorf("writes in the steady state: %q", after[len(before):])
	}
	b = awaitClaim(env, d, policy.KeyOf(p))
	if len(b.Spec.Clusters) != 1 {
		t.Error("the scheduler's clusters were lost")
	}
}

func TestManualClaimRemovalHeals(t *testing.T) {
	env := start(t, policy.Options{})
	p := pp(env.Namespace, "p", deployments(""))
	d := templatetest.Deployment(env.Namespace, "web", 1)
	env.MustCreate(p, d)
	b := awaitClaim(env, d, policy.KeyOf(p))
	env.MustPatch(d, func() { d.SetLabels(map[string]string{"app": "web"}) })
	awaitClaim(env, d, policy.KeyOf(p))
	env.MustDelete(b)
	env.MustPatch(b, func() { b.Finalizers = nil })
	uid := b.UID
	env.AwaitObject("the binding comes back", b, func() error {
		if b.UID == uid {
			return errors.New("it is the old one")
		}
		return nil
	})
}
