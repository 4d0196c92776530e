package binding_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
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
	workv1alpha1 "github.com/longshore-project/longshore/apis/work/v1alpha1"
	workv1alpha2 "github.com/longshore-project/longshore/apis/work/v1alpha2"
	"github.com/longshore-project/longshore/controllers/binding"
	"github.com/longshore-project/longshore/controllers/interpreter"
	"github.com/longshore-project/longshore/controllers/policy"
	"github.com/longshore-project/longshore/controllers/template"
	"github.com/longshore-project/longshore/controllers/template/templatetest"
)

func TestMain(m *testing.M) { templatetest.Main(m) }

func start(t *testing.T, members ...string) *templatetest.Env {
	t.Helper()
	env := templatetest.Start(t, func(ctx context.Context, mgr manager.Manager, store *template.Store) error {
		native := interpreter.New()
		return errors.Join(
			binding.RegisterIndexes(ctx, mgr.GetFieldIndexer()),
			policy.Setup(ctx, mgr, store, native, policy.Options{}),
			binding.Setup(mgr, store, native, binding.Options{}),
		)
	})
	env.Join(members...)
	return env
}

func propagate(namespace string) *policyv1alpha1.PropagationPolicy {
	return &policyv1alpha1.PropagationPolicy{
		ObjectMeta: metav1.ObjectMeta{Namespace: namespace, Name: "all"},
		Spec: policyv1alpha1.PropagationSpec{ResourceSelectors: []policyv1alpha1.ResourceSelector{
			{APIVersion: "apps/v1", Kind: "Deployment"}, {APIVersion: "v1", Kind: "ConfigMap"},
		}},
	}
}

// schedule does what the scheduler does to the binding of a template, once it is there.
func schedule(env *templatetest.Env, obj *unstructured.Unstructured, targets ...workv1alpha2.TargetCluster) *workv1alpha2.ResourceBinding {
	b := &workv1alpha2.ResourceBinding{ObjectMeta: metav1.ObjectMeta{
		Namespace: obj.GetNamespace(), Name: workv1alpha2.BindingName(obj.GetName(), obj.GetKind()),
	}}
	env.AwaitObject("the binding is made", b, func() error { return nil })
	env.MustPatch(b, func() { b.Spec.Clusters = targets })
	return b
}

// awaitWorks waits until exactly the given members hold a Work of the template for which check returns nil.
func awaitWorks(env *templatetest.Env, obj *unstructured.Unstructured, members []string, check func(*workv1alpha1.Work) error) []workv1alpha1.Work {
	var found []workv1alpha1.Work
	env.Await(fmt.Sprintf("Works of %s are in %q", obj.GetName(), members), func() error {
		var list workv1alpha1.WorkList
		if err := env.List(context.Background(), &list); err != nil {
			return err
		}
		found = nil
		var names []string
		for _, work := range list.Items {
			if work.Name != workv1alpha1.WorkName(obj.GetNamespace(), obj.GetName(), obj.GetKind()) {
				continue
			}
			if err := check(&work); err != nil {
				return err
			}
			name, _ := workv1alpha1.ClusterOf(work.Namespace)
			found, names = append(found, work), append(names, name)
		}
		if slices.Sort(names); !slices.Equal(names, members) {
			return fmt.Errorf("they are in %q", names)
		}
		return nil
	})
	return found
}

func anything(*workv1alpha1.Work) error { return nil }

func manifest(work *workv1alpha1.Work) *unstructured.Unstructured {
	obj := &unstructured.Unstructured{}
	if err := obj.UnmarshalJSON(work.Spec.Workload.Manifests[0].Raw); err != nil {
		panic(err)
	}
	return obj
}

func replicasAre(want map[string]int64) func(*workv1alpha1.Work) error {
	return func(work *workv1alpha1.Work) error {
		name, _ := workv1alpha1.ClusterOf(work.Namespace)
		got, _, _ := unstructured.NestedInt64(manifest(work).Object, "spec", "replicas")
		if w, ok := want[name]; ok && got != w {
			return fmt.Errorf("%s has %d replicas, want %d", name, got, w)
		}
		return nil
	}
}

// executed does what the execution controller does to a Work that is being deleted.
func executed(env *templatetest.Env, works ...workv1alpha1.Work) {
	for i := range works {
		env.MustPatch(&works[i], func() { works[i].Finalizers = nil })
	}
}

func TestWorksFollowTheBinding(t *testing.T) {
	env := start(t, "wf1", "wf2", "wf3")
	d := templatetest.Deployment(env.Namespace, "web", 5)
	env.MustCreate(propagate(env.Namespace), d)
	b := schedule(env, d, workv1alpha2.TargetCluster{Name: "wf1", Replicas: 3}, workv1alpha2.TargetCluster{Name: "wf2", Replicas: 2})
	works := awaitWorks(env, d, []string{"wf1", "wf2"}, replicasAre(map[string]int64{"wf1": 3, "wf2": 2}))
	for _, work := range works {
		if work.Generation != 1 {
			t.Errorf("Work in %s was written %d times", work.Namespace, work.Generation)
		}
	}
	if writes := env.AwaitQuiet(300 * time.Millisecond); len(writes) != 5 {
		t.Errorf("want five writes (policy, claim, binding, two Works), got %q", writes)
	}

	// The template's status costs nothing, a change of its spec one write for each Work.
	before := len(env.Writes.List())
	env.MustPatch(d, func() {
		_ = unstructured.SetNestedField(d.Object, "1.28", "spec", "template", "metadata", "annotations", "version")
	})
	awaitWorks(env, d, []string{"wf1", "wf2"}, func(work *workv1alpha1.Work) error {
		if v, _, _ := unstructured.NestedString(manifest(work).Object, "spec", "template", "metadata", "annotations", "version"); v != "1.28" {
			return errors.New("the change has not arrived")
		}
		return nil
	})
	if writes := env.AwaitQuiet(300 * time.Millisecond)[before:]; len(writes) != 2 {
		t.Errorf("want one write for each Work, got %q", writes)
	}

	// A cluster leaves and another comes.
	env.MustPatch(b, func() {
		b.Spec.Clusters = []workv1alpha2.TargetCluster{{Name: "wf2", Replicas: 2}, {Name: "wf3", Replicas: 3}}
	})
	old := &works[slices.IndexFunc(works, func(w workv1alpha1.Work) bool { return strings.HasSuffix(w.Namespace, "wf1") })]
	env.AwaitObject("the orphan is deleted", old, func() error {
		if old.DeletionTimestamp == nil {
			return errors.New("it is not")
		}
		return nil
	})
	executed(env, *old)
	awaitWorks(env, d, []string{"wf2", "wf3"}, replicasAre(map[string]int64{"wf2": 2, "wf3": 3}))
}

func TestSteadyStateWritesNothing(t *testing.T) {
	env := start(t, "st1")
	d := templatetest.Deployment(env.Namespace, "web", 2)
	env.MustCreate(propagate(env.Namespace), d)
	b := schedule(env, d, workv1alpha2.TargetCluster{Name: "st1", Replicas: 2})
	work := &awaitWorks(env, d, []string{"st1"}, anything)[0]
	before := env.AwaitQuiet(300 * time.Millisecond)

	work.Status.Conditions = []metav1.Condition{{
		Type: workv1alpha1.ConditionApplied, Status: metav1.ConditionTrue, Reason: workv1alpha1.ReasonAppliedSuccessful, LastTransitionTime: metav1.Now(),
	}}
	if err := env.Status().Update(t.Context(), work); err != nil {
		t.Fatal(err)
	}
	b.Status.SchedulerObservedGeneration = 1
	if err := env.Status().Patch(t.Context(), b, client.RawPatch("application/merge-patch+json", []byte(`{"status":{"schedulerObservedGeneration":2}}`))); err != nil {
		t.Fatal(err)
	}
	env.MustPatch(work, func() { work.Annotations["note"] = "nothing" })
	if after := env.AwaitQuiet(700 * time.Millisecond); len(after) != len(before) {
		t.Errorf("writes in the steady state: %q", after[len(before):])
	}
}

func TestTamperedAndDeletedWorksComeBack(t *testing.T) {
	env := start(t, "tw1")
	d := templatetest.Deployment(env.Namespace, "web", 2)
	env.MustCreate(propagate(env.Namespace), d)
	schedule(env, d, workv1alpha2.TargetCluster{Name: "tw1", Replicas: 2})
	work := &awaitWorks(env, d, []string{"tw1"}, anything)[0]
	env.MustPatch(work, func() { work.Spec.SuspendDispatching = ptr.To(true) })
	awaitWorks(env, d, []string{"tw1"}, func(w *workv1alpha1.Work) error {
		if ptr.Deref(w.Spec.SuspendDispatching, false) {
			return errors.New("still suspended")
		}
		return nil
	})
	env.MustDelete(work)
	executed(env, *work)
	awaitWorks(env, d, []string{"tw1"}, func(w *workv1alpha1.Work) error {
		if w.UID == work.UID {
			return errors.New("still the old one")
		}
		return nil
	})
}

func TestTemplateDeletionEmptiesTheMembers(t *testing.T) {
	env := start(t, "td1", "td2")
	d := templatetest.Deployment(env.Namespace, "web", 2)
	env.MustCreate(propagate(env.Namespace), d)
	b := schedule(env, d, workv1alpha2.TargetCluster{Name: "td1", Replicas: 1}, workv1alpha2.TargetCluster{Name: "td2", Replicas: 1})
	awaitWorks(env, d, []string{"td1", "td2"}, anything)
	env.MustDelete(d)
	works := awaitWorks(env, d, []string{"td1", "td2"}, func(w *workv1alpha1.Work) error {
		if w.DeletionTimestamp == nil {
			return errors.New("not being deleted yet")
		}
		return nil
	})
	if err := env.Get(t.Context(), client.ObjectKeyFromObject(b), b); err != nil {
		t.Fatalf("the binding went before its Works: %v", err)
	}
	executed(env, works...)
	env.AwaitGone(b)
}

func TestPolicyDeletionKeepsTheWorks(t *testing.T) {
	env := start(t, "pd1")
	p, d := propagate(env.Namespace), templatetest.Deployment(env.Namespace, "web", 2)
	env.MustCreate(p, d)
	b := schedule(env, d, workv1alpha2.TargetCluster{Name: "pd1", Replicas: 2})
	awaitWorks(env, d, []string{"pd1"}, anything)
	env.MustDelete(p)
	env.AwaitGone(p)
	env.AwaitObject("the binding is released", b, func() error {
		if policy.ClaimOf(b) != (policy.Claim{}) {
			return errors.New("it is claimed")
		}
		return nil
	})
	env.AwaitQuiet(300 * time.Millisecond)
	awaitWorks(env, d, []string{"pd1"}, func(w *workv1alpha1.Work) error {
		if w.DeletionTimestamp != nil {
			return reallyFail(t, "the Work is being deleted")
		}
		return nil
	})
}

func reallyFail(t *testing.T, what string) error {
	t.Error(what)
	return nil
}

func TestClusterRoleReachesTheMembers(t *testing.T) {
	env := start(t, "cr1", "cr2")
	name := "system:reader-" + env.Namespace
	selector := policyv1alpha1.ResourceSelector{APIVersion: "rbac.authorization.k8s.io/v1", Kind: "ClusterRole", Name: name}
	cpp := &policyv1alpha1.ClusterPropagationPolicy{
		ObjectMeta: metav1.ObjectMeta{Name: "c-" + env.Namespace},
		Spec:       policyv1alpha1.PropagationSpec{ResourceSelectors: []policyv1alpha1.ResourceSelector{selector}},
	}
	role := &rbacv1.ClusterRole{ObjectMeta: metav1.ObjectMeta{Name: name}, Rules: []rbacv1.PolicyRule{{Verbs: []string{"get"}, APIGroups: []string{""}, Resources: []string{"pods"}}}}
	env.MustCreate(cpp, role)
	t.Cleanup(func() { _ = env.Delete(context.Background(), cpp); _ = env.Delete(context.Background(), role) })
	b := &workv1alpha2.ClusterResourceBinding{ObjectMeta: metav1.ObjectMeta{Name: workv1alpha2.BindingName(name, "ClusterRole")}}
	env.AwaitObject("the cluster binding is made", b, func() error { return nil })
	env.MustPatch(b, func() { b.Spec.Clusters = []workv1alpha2.TargetCluster{{Name: "cr1"}, {Name: "cr2"}} })

	obj := &unstructured.Unstructured{}
	obj.SetKind("ClusterRole")
	obj.SetName(name)
	works := awaitWorks(env, obj, []string{"cr1", "cr2"}, anything)
	for i := range works {
		if got := works[i].Annotations[workv1alpha2.ClusterBindingNameAnnotation]; got != b.Name {
			t.Errorf("the Work leads to binding %q", got)
		}
		if m := manifest(&works[i]); m.GetName() != name || m.GetLabels()[workv1alpha2.ClusterBindingPermanentIDLabel] == "" {
			t.Errorf("manifest is %v", m)
		}
	}
	env.MustDelete(role)
	going := awaitWorks(env, obj, []string{"cr1", "cr2"}, func(w *workv1alpha1.Work) error {
		if w.DeletionTimestamp == nil {
			return errors.New("not being deleted yet")
		}
		return nil
	})
	executed(env, going...)
	env.AwaitGone(b)
}

func TestOverridesAndClusterLabels(t *testing.T) {
	env := start(t, "ov1", "ov2")
	d := templatetest.Deployment(env.Namespace, "web", 2)
	env.MustCreate(propagate(env.Namespace), d)
	schedule(env, d, workv1alpha2.TargetCluster{Name: "ov1", Replicas: 1}, workv1alpha2.TargetCluster{Name: "ov2", Replicas: 1})
	awaitWorks(env, d, []string{"ov1", "ov2"}, replicasAre(map[string]int64{"ov1": 1, "ov2": 1}))

	o, ok := scaleOverride(env.Namespace, "more", "", "8").(*policyv1alpha1.OverridePolicy)
	if !ok {
		t.Fatal("not an OverridePolicy")
	}
	o.Spec.ResourceSelectors = []policyv1alpha1.ResourceSelector{{APIVersion: "apps/v1", Kind: "Deployment", Name: "web"}}
	o.Spec.OverrideRules[0].TargetCluster = &policyv1alpha1.ClusterAffinity{LabelSelector: &metav1.LabelSelector{MatchLabels: map[string]string{"size": "big"}}}
	env.MustCreate(o)
	label := func(member, size string) {
		env.Await("the cluster is labelled", func() error {
			c := cluster(member)
			return env.Patch(context.Background(), c, client.RawPatch("application/merge-patch+json", []byte(`{"metadata":{"labels":{"size":"`+size+`"}}}`)))
		})
	}
	label("ov2", "big")
	works := awaitWorks(env, d, []string{"ov1", "ov2"}, replicasAre(map[string]int64{"ov1": 1, "ov2": 8}))
	for _, work := range works {
		applied := work.Annotations[workv1alpha1.AppliedOverridesAnnotation]
		if strings.HasSuffix(work.Namespace, "ov2") != strings.Contains(applied, `"policyName":"more"`) {
			t.Errorf("Work in %s says that it was overridden by %q", work.Namespace, applied)
		}
	}
	env.MustDelete(o)
	awaitWorks(env, d, []string{"ov1", "ov2"}, func(w *workv1alpha1.Work) error {
		if w.Annotations[workv1alpha1.AppliedOverridesAnnotation] != "" {
			return errors.New("still says that it is overridden")
		}
		return replicasAre(map[string]int64{"ov1": 1, "ov2": 1})(w)
	})
}

func TestBrokenOverrideIsNamed(t *testing.T) {
	env := start(t, "bo1")
	d := templatetest.Deployment(env.Namespace, "web", 1)
	o, ok := scaleOverride(env.Namespace, "broken", "bo1", "1").(*policyv1alpha1.OverridePolicy)
	if !ok {
		t.Fatal("not an OverridePolicy")
	}
	o.Spec.OverrideRules[0].Overriders.Plaintext[0].Path = "/spec/absent/field"
	env.MustCreate(o, propagate(env.Namespace), d)
	schedule(env, d, workv1alpha2.TargetCluster{Name: "bo1", Replicas: 1})
	env.Await("an event names the override policy", func() error {
		var list corev1.EventList
		if err := env.List(context.Background(), &list, client.InNamespace(env.Namespace)); err != nil {
			return err
		}
		for _, e := range list.Items {
			if e.Reason == workv1alpha2.EventSyncWorkFailed && strings.Contains(e.Message, "broken") {
				return nil
			}
		}
		return fmt.Errorf("%d events say nothing of it", len(list.Items))
	})
	env.MustDelete(o)
	awaitWorks(env, d, []string{"bo1"}, anything)
}

func TestUnknownClusterDoesNotKeepBackTheOthers(t *testing.T) {
	env := start(t, "uc1")
	d := templatetest.Deployment(env.Namespace, "web", 2)
	env.MustCreate(propagate(env.Namespace), d)
	schedule(env, d, workv1alpha2.TargetCluster{Name: "uc1", Replicas: 1}, workv1alpha2.TargetCluster{Name: "uc2", Replicas: 1})
	awaitWorks(env, d, []string{"uc1"}, anything)
	env.Join("uc2") // and its arrival wakes the binding
	awaitWorks(env, d, []string{"uc1", "uc2"}, anything)
}

func TestForeignBindingIsAdmitted(t *testing.T) {
	env := start(t, "fb1")
	cm := &unstructured.Unstructured{Object: map[string]any{
		"apiVersion": "v1", "kind": "ConfigMap", "metadata": map[string]any{"namespace": env.Namespace, "name": "conf"},
	}}
	env.MustCreate(cm)
	b := newBinding(cm, workv1alpha2.TargetCluster{Name: "fb1"})
	b.Labels = nil
	env.MustCreate(b)
	awaitWorks(env, cm, []string{"fb1"}, anything)
	if err := env.Get(t.Context(), client.ObjectKeyFromObject(b), b); err != nil {
		t.Fatal(err)
	}
	if !slices.Contains(b.Finalizers, workv1alpha2.BindingFinalizer) || b.Labels[workv1alpha2.BindingPermanentIDLabel] == "" {
		t.Errorf("finalizers %q, labels %v", b.Finalizers, b.Labels)
	}
}
