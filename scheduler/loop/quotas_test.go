package loop

import (
	"context"
	"fmt"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	corev1 "k8s.io/api/core/v1"
	apiextensionsv1 "k8s.io/apiextensions-apiserver/pkg/apis/apiextensions/v1"
	"k8s.io/apiextensions-apiserver/pkg/client/clientset/clientset"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/api/resource"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/util/wait"
	clocktesting "k8s.io/utils/clock/testing"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/longshore-project/longshore/apis/crds"
	policyv1alpha1 "github.com/longshore-project/longshore/apis/policy/v1alpha1"
	workv1alpha2 "github.com/longshore-project/longshore/apis/work/v1alpha2"
	"github.com/longshore-project/longshore/scheduler/queue"
)

// quotaObject is a quota of so much CPU.
func quotaObject(namespace, name, cpu string) *policyv1alpha1.FederatedResourceQuota {
	return &policyv1alpha1.FederatedResourceQuota{
		ObjectMeta: metav1.ObjectMeta{Namespace: namespace, Name: name},
		Spec:       policyv1alpha1.FederatedResourceQuotaSpec{Overall: corev1.ResourceList{"cpu": resource.MustParse(cpu)}},
	}
}

func (w *world) patch(o client.Object, change func()) {
	w.t.Helper()
	before := o.DeepCopyObject().(client.Object)
	change()
	if err := w.client.Patch(w.t.Context(), o, client.MergeFrom(before)); err != nil {
		w.t.Fatal(err)
	}
}

func (w *world) patchStatus(o client.Object, change func()) {
	w.t.Helper()
	before := o.DeepCopyObject().(client.Object)
	change()
	if err := w.client.Status().Patch(w.t.Context(), o, client.MergeFrom(before)); err != nil {
		w.t.Fatal(err)
	}
}

// woken returns how many bindings changes have woken so far.
func (w *world) woken() float64 {
	return gather(w.t.(*testing.T), w.loop.metrics)["karmada_scheduler_queue_incoming_bindings_total Wake"]
}

// stopTheClock makes the scheduler one whose clock stands still, so that it tries nothing again by itself.
func (w *world) stopTheClock() {
	w.t.Helper()
	o := w.options()
	o.Clock, o.Metrics = clocktesting.NewFakeClock(time.Now()), NewMetrics()
	var err error
	if w.loop, err = New(w.config, o); err != nil {
		w.t.Fatal(err)
	}
}

// startWithQuotas starts the loop and waits until it knows the quotas that there are: a change is one only to who knows what was before.
func (w *world) startWithQuotas() {
	w.t.Helper()
	w.start()
	select {
	case <-w.loop.quotas.intake.synced:
	case <-time.After(patience):
		w.t.Fatal("the quotas were not listed")
	}
}

// small creates a binding of two replicas.
func (w *world) small(name string) *workv1alpha2.ResourceBinding {
	w.t.Helper()
	return w.binding(name, divided(true), func(s *workv1alpha2.ResourceBindingSpec) { s.Replicas = 2 })
}

// allAre waits until the bindings have the condition for that reason, and nothing is in hand.
func (w *world) allAre(reason string, bindings ...*workv1alpha2.ResourceBinding) {
	w.t.Helper()
	for _, b := range bindings {
		w.until(b, "it is "+reason, scheduledFor(reason))
	}
	w.quiet()
}

// A raised quota has decided, once and at once, what it refused. Quotas of other namespaces, and changes that free nothing, wake nobody.
func TestRaisedQuotaWakesWhoItRefused(t *testing.T) {
	w := newWorld(t)
	other := &corev1.Namespace{ObjectMeta: metav1.ObjectMeta{Name: w.namespace + "-other"}}
	w.create(other)
	ours, theirs := quotaObject(w.namespace, "ours", "1"), quotaObject(other.Name, "theirs", "1")
	w.create(ours)
	w.create(theirs)
	const refused = 3
	w.member("a")
	q := &quota{}
	w.enforce(q)
	w.stopTheClock()
	var waiting []*workv1alpha2.ResourceBinding
	for i := range refused {
		waiting = append(waiting, w.small(fmt.Sprintf("nginx-%d", i)))
	}
	w.startWithQuotas()
	w.allAre(workv1alpha2.ReasonQuotaExceeded, waiting...)

	q.replicas.Store(2)
	w.patch(theirs, func() { theirs.Spec.Overall["cpu"] = resource.MustParse("9") })
	w.patchStatus(ours, func() { ours.Status.OverallUsed = corev1.ResourceList{"cpu": resource.MustParse("1")} })
	w.patchStatus(ours, func() { ours.Status.Overall = ours.Spec.Overall })
	w.patch(ours, func() { ours.Labels = map[string]string{"x": "y"} })
	w.create(quotaObject(w.namespace, "another", "1"))
	if d := w.loop.queue.Depth(); d.Backoff != refused {
		t.Errorf("queue is %+v, want %d that wait", d, refused)
	}
	w.patch(ours, func() { ours.Spec.Overall["cpu"] = resource.MustParse("6") })
	w.allAre(workv1alpha2.ReasonSuccess, waiting...)
	if got := w.woken(); got != refused {
		t.Errorf("%v bindings were woken, want each of the %d once", got, refused)
	}
	if got := gather(t, w.loop.metrics)["longshore_scheduler_commit_duration_seconds quota_exceeded"]; got != refused {
		t.Errorf("%v results were refused, want %d: each once", got, refused)
	}
}

func TestDeletedQuotaWakesWhoItRefused(t *testing.T) {
	w := newWorld(t)
	ours := quotaObject(w.namespace, "ours", "1")
	w.create(ours)
	w.member("a")
	q := &quota{}
	w.enforce(q)
	w.stopTheClock()
	b := w.small("nginx")
	w.startWithQuotas()
	w.allAre(workv1alpha2.ReasonQuotaExceeded, b)
	q.replicas.Store(2)
	if err := w.client.Delete(t.Context(), ours); err != nil {
		t.Fatal(err)
	}
	w.allAre(workv1alpha2.ReasonSuccess, b)
	if got := w.woken(); got != 1 {
		t.Errorf("%v bindings were woken, want 1", got)
	}
}

// A control plane may learn what a quota is after the scheduler has started, and may forget it.
func TestQuotasComeAndGo(t *testing.T) {
	w := newWorld(t)
	kind := w.quotaKind()
	t.Cleanup(func() { kind.serve(context.Background()) })
	kind.lose()
	w.member("a")
	q := &quota{}
	w.enforce(q)
	w.stopTheClock()
	w.loop.quotas.recheck = 10 * time.Millisecond
	w.start()
	for i := range 2 {
		q.replicas.Store(0)
		b := w.small(fmt.Sprintf("nginx-%d", i))
		w.allAre(workv1alpha2.ReasonQuotaExceeded, b)
		q.replicas.Store(2)
		kind.serve(t.Context())
		ours, before := quotaObject(w.namespace, "ours", "1"), w.woken()
		w.create(ours)
		w.eventually("a raised quota is noticed", func(context.Context) (bool, error) {
			w.patch(ours, func() {
				ours.Spec.Overall["cpu"] = *resource.NewQuantity(ours.Spec.Overall.Cpu().Value()+1, resource.DecimalSI)
			})
			return w.woken() > before, nil
		})
		w.allAre(workv1alpha2.ReasonSuccess, b)
		kind.lose()
	}
}

// quotaKind is the definition of FederatedResourceQuota.
type quotaKind struct {
	*world
	definition *apiextensionsv1.CustomResourceDefinition
	client     clientset.Interface
}

func (w *world) quotaKind() *quotaKind {
	w.t.Helper()
	all, err := crds.All()
	if err != nil {
		w.t.Fatal(err)
	}
	k := &quotaKind{world: w}
	for _, d := range all {
		if d.Spec.Names.Plural == quotaResource {
			k.definition = d
		}
	}
	if k.client, err = clientset.NewForConfig(w.config); err != nil {
		w.t.Fatal(err)
	}
	return k
}

// serve has the control plane serve the kind.
func (k *quotaKind) serve(ctx context.Context) {
	k.t.Helper()
	if err := crds.InstallThese(ctx, k.config, []*apiextensionsv1.CustomResourceDefinition{k.definition.DeepCopy()}); err != nil {
		k.t.Fatal(err)
	}
}

// lose has the control plane not serve the kind any more.
func (k *quotaKind) lose() {
	k.t.Helper()
	if err := k.client.ApiextensionsV1().CustomResourceDefinitions().Delete(k.t.Context(), k.definition.Name, metav1.DeleteOptions{}); err != nil {
		k.t.Fatal(err)
	}
	k.eventually("the kind is not served", func(ctx context.Context) (bool, error) {
		return apierrors.IsNotFound(k.world.client.List(ctx, &policyv1alpha1.FederatedResourceQuotaList{})), nil
	})
}

// Each case is one quota in two states.
func TestWhatFreesAQuota(t *testing.T) {
	list := func(amounts ...string) corev1.ResourceList {
		out := corev1.ResourceList{}
		for i := 0; i < len(amounts); i += 2 {
			out[corev1.ResourceName(amounts[i])] = resource.MustParse(amounts[i+1])
		}
		return out
	}
	tests := []struct {
		name                string
		overall, nowOverall corev1.ResourceList
		used, nowUsed       corev1.ResourceList
		frees               bool
		again               bool
	}{
		{name: "nothing changed", overall: list("cpu", "1"), nowOverall: list("cpu", "1"), used: list("cpu", "1"), nowUsed: list("cpu", "1")},
		{name: "more is allowed", overall: list("cpu", "1"), nowOverall: list("cpu", "1100m"), frees: true, again: true},
		{name: "more is allowed of one and less of another", overall: list("cpu", "1", "memory", "1Gi"), nowOverall: list("cpu", "500m", "memory", "2Gi"), frees: true, again: true},
		{name: "less is allowed", overall: list("cpu", "2"), nowOverall: list("cpu", "1")},
		{name: "the same is said in other words", overall: list("cpu", "1"), nowOverall: list("cpu", "1000m")},
		{name: "a resource is not bounded any more", overall: list("cpu", "1", "memory", "1Gi"), nowOverall: list("cpu", "1"), frees: true, again: true},
		{name: "another resource is bounded", overall: list("cpu", "1"), nowOverall: list("cpu", "1", "memory", "1Gi")},
		{name: "less is used", overall: list("cpu", "2"), nowOverall: list("cpu", "2"), used: list("cpu", "2"), nowUsed: list("cpu", "1"), frees: true},
		{name: "nothing is used any more", overall: list("cpu", "2"), nowOverall: list("cpu", "2"), used: list("cpu", "2"), frees: true},
		{name: "more is used", overall: list("cpu", "2"), nowOverall: list("cpu", "2"), nowUsed: list("cpu", "1")},
		{name: "less is used of what is not bounded", overall: list("cpu", "2"), nowOverall: list("cpu", "2"), used: list("memory", "2"), nowUsed: list("memory", "1")},
		{name: "as much less is allowed as is used", overall: list("cpu", "2"), nowOverall: list("cpu", "1"), used: list("cpu", "2"), nowUsed: list("cpu", "1")},
		{name: "less of what was not bounded is used", overall: list("cpu", "2"), nowOverall: list("cpu", "2", "pods", "9"), used: list("pods", "2")},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			clock := clocktesting.NewFakeClock(time.Unix(1e9, 0))
			var told []string
			q := newQuotas(nil, clock, func(namespace string) { told = append(told, namespace) })
			state := func(overall, used corev1.ResourceList) {
				o := quotaObject("ns", "q", "0")
				o.Spec.Overall, o.Status.OverallUsed = overall, used
				if err := q.intake.Add(o); err != nil {
					t.Fatal(err)
				}
			}
			expect := func(when string, frees bool) {
				t.Helper()
				var want []string
				if frees {
					want = []string{"ns"}
				}
				if diff := cmp.Diff(want, told); diff != "" {
					t.Errorf("told %s (-want +got):\n%s", when, diff)
				}
				told = nil
			}
			state(tt.overall, tt.used)
			expect("of a new quota", false)
			state(tt.nowOverall, tt.nowUsed)
			expect("of the change", tt.frees)
			if !tt.frees {
				return
			}
			state(tt.overall, tt.used)
			told = nil
			state(tt.nowOverall, tt.nowUsed)
			expect("of the same change soon after", tt.again)
			state(tt.overall, tt.used)
			told = nil
			clock.Step(queue.LongestBackoff)
			state(tt.nowOverall, tt.nowUsed)
			expect("of the same change much later", true)
		})
	}
}

// eventually waits until ok.
func (w *world) eventually(what string, ok wait.ConditionWithContextFunc) {
	w.t.Helper()
	if err := wait.PollUntilContextTimeout(w.t.Context(), 20*time.Millisecond, patience, true, ok); err != nil {
		w.t.Fatalf("waiting until %s: %v", what, err)
	}
}
