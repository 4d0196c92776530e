package status_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"testing"
	"time"

	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/manager"

	policyv1alpha1 "github.com/longshore-project/longshore/apis/policy/v1alpha1"
	workv1alpha1 "github.com/longshore-project/longshore/apis/work/v1alpha1"
	workv1alpha2 "github.com/longshore-project/longshore/apis/work/v1alpha2"
	"github.com/longshore-project/longshore/controllers/binding"
	"github.com/longshore-project/longshore/controllers/interpreter"
	"github.com/longshore-project/longshore/controllers/policy"
	"github.com/longshore-project/longshore/controllers/status"
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
			status.Setup(mgr, store, native, status.Options{}),
		)
	})
	env.Join(members...)
	return env
}

// place creates a Deployment and its policy and schedules it with one replica in each member, as the scheduler does:
// one write of the spec, one of the status.
func place(env *templatetest.Env, members ...string) (*unstructured.Unstructured, *workv1alpha2.ResourceBinding) {
	d := templatetest.Deployment(env.Namespace, "web", int64(len(members)))
	env.MustCreate(&policyv1alpha1.PropagationPolicy{
		ObjectMeta: metav1.ObjectMeta{Namespace: env.Namespace, Name: "all"},
		Spec:       policyv1alpha1.PropagationSpec{ResourceSelectors: []policyv1alpha1.ResourceSelector{{APIVersion: "apps/v1", Kind: "Deployment"}}},
	}, d)
	b := &workv1alpha2.ResourceBinding{ObjectMeta: metav1.ObjectMeta{Namespace: env.Namespace, Name: "web-deployment"}}
	env.AwaitObject("the binding is made", b, func() error { return nil })
	env.MustPatch(b, func() {
		for _, name := range members {
			b.Spec.Clusters = append(b.Spec.Clusters, workv1alpha2.TargetCluster{Name: name, Replicas: 1})
		}
	})
	scheduled(env, b)
	return d, b
}

func scheduled(env *templatetest.Env, b *workv1alpha2.ResourceBinding) {
	now := metav1.Now()
	status := workv1alpha2.ResourceBindingStatus{LastScheduledTime: &now, SchedulerObservedGeneration: 1, Conditions: []metav1.Condition{{
		Type: workv1alpha2.ConditionScheduled, Status: metav1.ConditionTrue, Reason: workv1alpha2.ReasonSuccess, LastTransitionTime: now,
	}}}
	data, err := json.Marshal(map[string]any{"status": status})
	if err != nil {
		panic(err)
	}
	env.Await("the binding takes the scheduler's status", func() error {
		return env.Status().Patch(context.Background(), b, client.RawPatch("application/merge-patch+json", data))
	})
}

// report writes the status of the Deployment's Work as the execution controller does.
func report(env *templatetest.Env, member string, ready int) {
	w := &workv1alpha1.Work{ObjectMeta: metav1.ObjectMeta{
		Namespace: workv1alpha1.ExecutionNamespace(member), Name: workv1alpha1.WorkName(env.Namespace, "web", "Deployment"),
	}}
	env.AwaitObject("the Work is made", w, func() error { return nil })
	health := workv1alpha1.ResourceUnhealthy
	if ready > 0 {
		health = workv1alpha1.ResourceHealthy
	}
	raw := fmt.Sprintf(`{"replicas":1,"updatedReplicas":1,"readyReplicas":%d,"availableReplicas":%d,"generation":1,"observedGeneration":1,"resourceTemplateGeneration":%s}`,
		ready, ready, templateGeneration(w))
	w.Status = workv1alpha1.WorkStatus{
		Conditions: []metav1.Condition{{
			Type: workv1alpha1.ConditionApplied, Status: metav1.ConditionTrue, Reason: workv1alpha1.ReasonAppliedSuccessful, LastTransitionTime: metav1.Now(),
		}},
		ManifestStatuses: []workv1alpha1.ManifestStatus{{
			Identifier: workv1alpha1.ResourceIdentifier{Group: "apps", Version: "v1", Kind: "Deployment", Resource: "deployments", Namespace: env.Namespace, Name: "web"},
			Status:     &runtime.RawExtension{Raw: []byte(raw)}, Health: health,
		}},
	}
	data, err := json.Marshal(map[string]any{"status": w.Status})
	if err != nil {
		panic(err)
	}
	env.Await("the Work takes its status", func() error {
		return env.Status().Patch(context.Background(), w, client.RawPatch("application/merge-patch+json", data))
	})
}

// templateGeneration is what the manifest tells the member. It is not 1: a Deployment counts changes of annotations, and
// so the claim.
func templateGeneration(w *workv1alpha1.Work) string {
	manifest := &unstructured.Unstructured{}
	if err := manifest.UnmarshalJSON(w.Spec.Workload.Manifests[0].Raw); err != nil {
		panic(err)
	}
	return manifest.GetAnnotations()[workv1alpha1.TemplateGenerationAnnotation]
}

func awaitReady(env *templatetest.Env, d *unstructured.Unstructured, want int64) {
	env.AwaitObject(fmt.Sprintf("the template says that %d replicas are ready", want), d, func() error {
		if got, _, _ := unstructured.NestedInt64(d.Object, "status", "readyReplicas"); got != want {
			return fmt.Errorf("it says %d: %v", got, d.Object["status"])
		}
		return nil
	})
}

func TestStatusReachesTheTemplate(t *testing.T) {
	env := start(t, "sr1", "sr2")
	d, b := place(env, "sr2", "sr1")
	report(env, "sr1", 1)
	report(env, "sr2", 1)
	awaitReady(env, d, 2)
	if observed, _, _ := unstructured.NestedInt64(d.Object, "status", "observedGeneration"); observed != d.GetGeneration() {
		t.Errorf("observedGeneration is %d of %d", observed, d.GetGeneration())
	}
	env.AwaitObject("the binding is fully applied", b, func() error {
		if !meta.IsStatusConditionTrue(b.Status.Conditions, workv1alpha2.ConditionFullyApplied) {
			return fmt.Errorf("conditions are %v", b.Status.Conditions)
		}
		return nil
	})
	if !meta.IsStatusConditionTrue(b.Status.Conditions, workv1alpha2.ConditionScheduled) {
		t.Error("the scheduler's condition was lost")
	}
	if items := b.Status.AggregatedStatus; len(items) != 2 || items[0].ClusterName != "sr1" || items[1].ClusterName != "sr2" || items[0].Health != workv1alpha2.ResourceHealthy {
		t.Errorf("aggregated status is %+v", items)
	}
}

// TestWritesOfOneDeployment counts what a Deployment on two members costs in this half of the control plane.
func TestWritesOfOneDeployment(t *testing.T) {
	env := start(t, "wd1", "wd2")
	d, _ := place(env, "wd1", "wd2")
	report(env, "wd1", 0)
	report(env, "wd2", 0)
	env.AwaitQuiet(500 * time.Millisecond)
	report(env, "wd1", 1)
	report(env, "wd2", 1)
	awaitReady(env, d, 2)
	writes := env.AwaitQuiet(500 * time.Millisecond)
	// Policy (once for all its templates), claim, binding, two Works, and for each of the two waves of reports one
	// status of the binding and one of the template.
	const most = 1 + 1 + 1 + 2 + 2*2
	if len(writes) > most {
		t.Errorf("%d writes, want at most %d: %q", len(writes), most, writes)
	}
	t.Logf("%d writes: %q; events: %q", len(writes), writes, env.Writes.Events())
	if events := env.Writes.Events(); len(events) > 1 {
		t.Errorf("want at most one event, got %q", events)
	}

	report(env, "wd1", 1) // the same again
	if again := env.AwaitQuiet(700 * time.Millisecond); len(again) != len(writes) {
		t.Errorf("writes in the steady state: %q", again[len(writes):])
	}
}

// TestRestartWritesNothing starts all controllers with empty caches beside everything that they made before.
func TestRestartWritesNothing(t *testing.T) {
	env := start(t, "rs1", "rs2")
	d, _ := place(env, "rs1", "rs2")
	report(env, "rs1", 1)
	report(env, "rs2", 1)
	awaitReady(env, d, 2)
	before := env.AwaitQuiet(500 * time.Millisecond)
	env.Restart()
	// A second template shows that the controllers have caught up.
	second := templatetest.Deployment(env.Namespace, "second", 1)
	env.MustCreate(second)
	b := &workv1alpha2.ResourceBinding{ObjectMeta: metav1.ObjectMeta{Namespace: env.Namespace, Name: "second-deployment"}}
	env.AwaitObject("the second template has a binding", b, func() error { return nil })
	writes := env.AwaitQuiet(700 * time.Millisecond)[len(before):]
	if len(writes) != 2 { // claim and binding of the second template
		t.Errorf("writes after the restart: %q", writes)
	}
}

func TestTemplateStatusWaitsForScheduling(t *testing.T) {
	env := start(t, "ws1")
	d := templatetest.Deployment(env.Namespace, "web", 1)
	env.MustCreate(d)
	b := &workv1alpha2.ResourceBinding{ObjectMeta: metav1.ObjectMeta{Namespace: env.Namespace, Name: "web-deployment"}}
	b.Spec.Resource = workv1alpha2.ObjectReference{APIVersion: "apps/v1", Kind: "Deployment", Namespace: env.Namespace, Name: "web"}
	b.Spec.Clusters = []workv1alpha2.TargetCluster{{Name: "ws1", Replicas: 1}}
	env.MustCreate(b)
	report(env, "ws1", 1)
	env.AwaitObject("the binding has the status", b, func() error {
		if len(b.Status.AggregatedStatus) != 1 {
			return errors.New("it has not")
		}
		return nil
	})
	env.AwaitQuiet(500 * time.Millisecond)
	if err := env.Get(t.Context(), client.ObjectKeyFromObject(d), d); err != nil {
		t.Fatal(err)
	}
	if got, found, _ := unstructured.NestedInt64(d.Object, "status", "readyReplicas"); found {
		t.Errorf("%d ready replicas before the binding was ever scheduled", got)
	}
	scheduled(env, b)
	awaitReady(env, d, 1)
}

func TestRefusedWorkIsNamed(t *testing.T) {
	env := start(t, "rw1")
	_, b := place(env, "rw1")
	w := &workv1alpha1.Work{ObjectMeta: metav1.ObjectMeta{
		Namespace: workv1alpha1.ExecutionNamespace("rw1"), Name: workv1alpha1.WorkName(env.Namespace, "web", "Deployment"),
	}}
	env.AwaitObject("the Work is made", w, func() error { return nil })
	w.Status.Conditions = []metav1.Condition{{
		Type: workv1alpha1.ConditionApplied, Status: metav1.ConditionFalse, Reason: workv1alpha1.ReasonAppliedFailed,
		Message: "0 of 1 applied: the image is not welcome here", LastTransitionTime: metav1.Now(),
	}}
	if err := env.Status().Update(t.Context(), w); err != nil {
		t.Fatal(err)
	}
	env.AwaitObject("the binding says why", b, func() error {
		items := b.Status.AggregatedStatus
		if len(items) != 1 || items[0].Applied || items[0].AppliedMessage != w.Status.Conditions[0].Message {
			return fmt.Errorf("items are %+v", items)
		}
		if !meta.IsStatusConditionFalse(b.Status.Conditions, workv1alpha2.ConditionFullyApplied) {
			return fmt.Errorf("conditions are %v", b.Status.Conditions)
		}
		return nil
	})
}

func TestDroppedConditionComesBack(t *testing.T) {
	env := start(t, "dc1")
	_, b := place(env, "dc1")
	report(env, "dc1", 1)
	applied := func() error {
		if !meta.IsStatusConditionTrue(b.Status.Conditions, workv1alpha2.ConditionFullyApplied) {
			return fmt.Errorf("conditions are %v", b.Status.Conditions)
		}
		return nil
	}
	env.AwaitObject("the binding is fully applied", b, applied)
	scheduled(env, b) // replaces all conditions
	env.AwaitObject("the binding is fully applied again", b, applied)
}
