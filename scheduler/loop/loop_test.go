package loop

import (
	"context"
	"encoding/json"
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
	"k8s.io/apimachinery/pkg/util/wait"
	"k8s.io/client-go/kubernetes/scheme"
	"k8s.io/client-go/rest"
	"k8s.io/client-go/tools/record"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/longshore-project/longshore/apis"
	clusterv1alpha1 "github.com/longshore-project/longshore/apis/cluster/v1alpha1"
	"github.com/longshore-project/longshore/apis/crds"
	policyv1alpha1 "github.com/longshore-project/longshore/apis/policy/v1alpha1"
	workv1alpha2 "github.com/longshore-project/longshore/apis/work/v1alpha2"
	"github.com/longshore-project/longshore/cmd/longshore/local/localtest"
	"github.com/longshore-project/longshore/plugins/builtin"
)

func TestMain(m *testing.M) {
	os.Exit(localtest.Main(m, localtest.Options{Prepare: crds.Install}))
}

// patience is how long a test waits for something that takes milliseconds on an idle machine.
const patience = time.Minute

// world is a control plane with a scheduler of its own name, so that tests that share the control plane do not share bindings.
type world struct {
	t         testing.TB
	config    *rest.Config
	client    client.Client
	loop      *Loop
	name      string
	namespace string
	events    *record.FakeRecorder
}

func newWorld(t testing.TB) *world {
	t.Helper()
	config := localtest.ControlPlane(t)
	config.QPS = -1
	s := apis.NewScheme()
	if err := scheme.AddToScheme(s); err != nil {
		t.Fatal(err)
	}
	c, err := client.New(config, client.Options{Scheme: s})
	if err != nil {
		t.Fatal(err)
	}
	name := strings.ToLower(strings.NewReplacer("/", "-", "_", "-").Replace(t.Name()))
	w := &world{t: t, config: config, client: c, name: name, namespace: name, events: record.NewFakeRecorder(1000)}
	w.create(&corev1.Namespace{ObjectMeta: metav1.ObjectMeta{Name: name}})
	w.loop, err = New(config, w.options())
	if err != nil {
		t.Fatal(err)
	}
	return w
}

// options returns those of a scheduler with the name of the test.
func (w *world) options() Options {
	return Options{Profiles: []Profile{{SchedulerName: w.name, Pipeline: builtin.Profile(), Recorder: w.events}}}
}

// start runs the scheduler until the test ends.
func (w *world) start() {
	ctx, stop := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() { ended <- w.loop.Run(ctx) }()
	w.t.Cleanup(func() {
		stop()
		if err := <-ended; err != nil {
			w.t.Errorf("Run: %v", err)
		}
	})
}

func (w *world) create(o client.Object) {
	w.t.Helper()
	if err := w.client.Create(context.Background(), o); err != nil {
		w.t.Fatalf("creating %s: %v", o.GetName(), err)
	}
	if o.GetNamespace() == "" {
		w.t.Cleanup(func() { _ = w.client.Delete(context.Background(), o) })
	}
}

// member creates a cluster that only this test's bindings mean: it carries the test's label.
func (w *world) member(suffix string, change ...func(*clusterv1alpha1.Cluster)) *clusterv1alpha1.Cluster {
	w.t.Helper()
	c := &clusterv1alpha1.Cluster{
		ObjectMeta: metav1.ObjectMeta{Name: w.memberName(suffix), Labels: map[string]string{"test": w.name}},
		Spec:       clusterv1alpha1.ClusterSpec{SyncMode: clusterv1alpha1.Push},
	}
	w.create(c)
	c.Status = clusterv1alpha1.ClusterStatus{
		APIEnablements: []clusterv1alpha1.APIEnablement{{GroupVersion: "apps/v1", Resources: []clusterv1alpha1.APIResource{{Name: "deployments", Kind: "Deployment"}}}},
		ResourceSummary: &clusterv1alpha1.ResourceSummary{
			Allocatable: corev1.ResourceList{"cpu": resource.MustParse("10"), "memory": resource.MustParse("10Gi"), "pods": resource.MustParse("100")},
		},
	}
	for _, f := range change {
		f(c)
	}
	w.updateStatus(c)
	return c
}

func (w *world) updateStatus(c *clusterv1alpha1.Cluster) {
	w.t.Helper()
	if err := w.client.Status().Update(context.Background(), c); err != nil {
		w.t.Fatalf("updating the status of %s: %v", c.Name, err)
	}
}

func (w *world) memberName(suffix string) string {
	if len(w.name) > 35 {
		return w.name[:35] + "-" + suffix
	}
	return w.name + "-" + suffix
}

func (w *world) spec(change ...func(*workv1alpha2.ResourceBindingSpec)) workv1alpha2.ResourceBindingSpec {
	s := workv1alpha2.ResourceBindingSpec{
		Resource:      workv1alpha2.ObjectReference{APIVersion: "apps/v1", Kind: "Deployment", Namespace: w.namespace, Name: "nginx"},
		Replicas:      4,
		SchedulerName: w.name,
		Placement: &policyv1alpha1.Placement{
			ClusterAffinity:   &policyv1alpha1.ClusterAffinity{LabelSelector: &metav1.LabelSelector{MatchLabels: map[string]string{"test": w.name}}},
			ReplicaScheduling: &policyv1alpha1.ReplicaSchedulingStrategy{ReplicaSchedulingType: policyv1alpha1.Duplicated},
		},
		ReplicaRequirements: &workv1alpha2.ReplicaRequirements{ResourceRequest: corev1.ResourceList{"cpu": resource.MustParse("1")}},
	}
	for _, f := range change {
		f(&s)
	}
	return s
}

func divided(dynamic bool) func(*workv1alpha2.ResourceBindingSpec) {
	return func(s *workv1alpha2.ResourceBindingSpec) {
		s.Placement.ReplicaScheduling = &policyv1alpha1.ReplicaSchedulingStrategy{
			ReplicaSchedulingType: policyv1alpha1.Divided, ReplicaDivisionPreference: policyv1alpha1.Weighted,
		}
		if dynamic {
			s.Placement.ReplicaScheduling.WeightPreference = &policyv1alpha1.ClusterPreferences{DynamicWeight: policyv1alpha1.DynamicWeightByAvailableReplicas}
		}
	}
}

func (w *world) binding(name string, change ...func(*workv1alpha2.ResourceBindingSpec)) *workv1alpha2.ResourceBinding {
	w.t.Helper()
	b := &workv1alpha2.ResourceBinding{
		ObjectMeta: metav1.ObjectMeta{Namespace: w.namespace, Name: name, Labels: map[string]string{policyv1alpha1.PropagationPolicyPermanentIDLabel: "id"}},
		Spec:       w.spec(change...),
	}
	w.create(b)
	return b
}

// until waits until the binding is as ok wants it, and returns it.
func (w *world) until(b workv1alpha2.Binding, what string, ok func(workv1alpha2.Binding) bool) workv1alpha2.Binding {
	w.t.Helper()
	now := newBinding(keyOf(b))
	err := wait.PollUntilContextTimeout(w.t.Context(), 20*time.Millisecond, patience, true, func(ctx context.Context) (bool, error) {
		now = newBinding(keyOf(b))
		if err := w.client.Get(ctx, client.ObjectKeyFromObject(b), now.(client.Object)); err != nil {
			return false, err
		}
		return ok(now), nil
	})
	if err != nil {
		text, _ := json.MarshalIndent(now, "", "  ")
		w.t.Fatalf("waiting until %s: %v; it is\n%s", what, err, text)
	}
	return now
}

func scheduledFor(reason string) func(workv1alpha2.Binding) bool {
	return func(b workv1alpha2.Binding) bool {
		c := meta.FindStatusCondition(b.BindingStatus().Conditions, workv1alpha2.ConditionScheduled)
		return c != nil && c.Reason == reason && (reason != workv1alpha2.ReasonSuccess || b.BindingStatus().SchedulerObservedGeneration == b.GetGeneration())
	}
}

// quiet waits until the loop has nothing in hand and nothing left to do.
func (w *world) quiet() {
	w.t.Helper()
	err := wait.PollUntilContextTimeout(w.t.Context(), 20*time.Millisecond, patience, true, func(context.Context) (bool, error) {
		d := w.loop.queue.Depth()
		return d.Active == 0 && d.InHand == 0, nil
	})
	if err != nil {
		w.t.Fatalf("waiting for the loop to be quiet: %v", err)
	}
}

func targets(b workv1alpha2.Binding) string {
	var out []string
	for _, t := range b.BindingSpec().Clusters {
		out = append(out, fmt.Sprintf("%s:%d", t.Name[strings.LastIndex(t.Name, "-")+1:], t.Replicas))
	}
	return strings.Join(out, " ")
}

func TestPlaces(t *testing.T) {
	tests := []struct {
		name   string
		change func(*workv1alpha2.ResourceBindingSpec)
		want   string
	}{
		{name: "duplicated", change: func(*workv1alpha2.ResourceBindingSpec) {}, want: "a:4 b:4"},
		{name: "static", change: divided(false), want: "a:2 b:2"},
		{name: "dynamic", change: divided(true), want: "a:2 b:2"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			w := newWorld(t)
			w.member("a")
			w.member("b")
			b := w.binding("nginx", tt.change)
			w.start()
			now := w.until(b, "it is scheduled", scheduledFor(workv1alpha2.ReasonSuccess))
			if got := targets(now); got != tt.want {
				t.Errorf("clusters are %q, want %q", got, tt.want)
			}
			w.quiet()
			// One write of the spec makes generation 2. A pass over our own write would find nothing to write.
			again := w.until(b, "it exists", func(workv1alpha2.Binding) bool { return true })
			if again.GetGeneration() != 2 || again.GetResourceVersion() != now.GetResourceVersion() {
				t.Errorf("generation %d at resource version %s, want 2 at %s", again.GetGeneration(), again.GetResourceVersion(), now.GetResourceVersion())
			}
			if again.BindingStatus().LastScheduledTime == nil {
				t.Error("lastScheduledTime is not set")
			}
			applied := again.GetAnnotations()[workv1alpha2.AppliedPlacementAnnotation]
			var placement policyv1alpha1.Placement
			if err := json.Unmarshal([]byte(applied), &placement); err != nil {
				t.Fatalf("reading the applied placement %q: %v", applied, err)
			}
			if diff := cmp.Diff(again.BindingSpec().Placement, &placement); diff != "" {
				t.Errorf("applied placement (-spec +annotation):\n%s", diff)
			}
			w.expectEvents("Normal ScheduleBindingSucceed")
		})
	}
}

// expectEvents compares type and reason of the events so far, leaving out repetitions.
func (w *world) expectEvents(want ...string) {
	w.t.Helper()
	w.quiet()
	var got []string
	for len(w.events.Events) > 0 {
		got = append(got, strings.Join(strings.Fields(<-w.events.Events)[:2], " "))
	}
	if diff := cmp.Diff(want, slices.Compact(got)); diff != "" {
		w.t.Errorf("events (-want +got):\n%s", diff)
	}
}

func TestNoClusterFitIsCured(t *testing.T) {
	w := newWorld(t)
	w.member("a", func(c *clusterv1alpha1.Cluster) { c.Status.APIEnablements = nil })
	b := w.binding("nginx", divided(true))
	w.start()
	now := w.until(b, "it fits nowhere", scheduledFor(workv1alpha2.ReasonNoClusterFit))
	message := meta.FindStatusCondition(now.BindingStatus().Conditions, workv1alpha2.ConditionScheduled).Message
	if !strings.Contains(message, "clusters are available: ") || !strings.Contains(message, "1 cluster(s) did not serve apps/v1/Deployment") {
		t.Errorf("message is %q", message)
	}
	w.quiet()
	if d := w.loop.queue.Depth(); d.Parked != 1 {
		t.Errorf("queue is %+v, want one parked", d)
	}
	w.member("b")
	placed := w.until(b, "it is placed", scheduledFor(workv1alpha2.ReasonSuccess))
	if got := targets(placed); got != "b:4" {
		t.Errorf("clusters are %q, want b:4", got)
	}
	w.expectEvents("Warning ScheduleBindingFailed", "Normal ScheduleBindingSucceed")
}

func TestNoRoomKeepsWhatThereIs(t *testing.T) {
	w := newWorld(t)
	a := w.member("a")
	b := w.binding("nginx", divided(true))
	w.start()
	now := w.until(b, "it is placed", scheduledFor(workv1alpha2.ReasonSuccess))
	now.BindingSpec().Replicas = 20
	if err := w.client.Update(t.Context(), now.(client.Object)); err != nil {
		t.Fatal(err)
	}
	now = w.until(b, "it lacks room", scheduledFor(workv1alpha2.ReasonUnschedulable))
	if got := targets(now); got != "a:4" {
		t.Errorf("clusters are %q, want a:4", got)
	}
	if err := w.client.Get(t.Context(), client.ObjectKeyFromObject(a), a); err != nil {
		t.Fatal(err)
	}
	a.Status.ResourceSummary.Allocatable["cpu"] = resource.MustParse("30")
	w.updateStatus(a)
	now = w.until(b, "it is placed again", scheduledFor(workv1alpha2.ReasonSuccess))
	if got := targets(now); got != "a:20" {
		t.Errorf("clusters are %q, want a:20", got)
	}
}

func TestTwoNeverTakeTheSameRoom(t *testing.T) {
	w := newWorld(t)
	w.member("a")
	six := func(s *workv1alpha2.ResourceBindingSpec) { s.Replicas = 6 }
	first, second := w.binding("first", divided(true), six), w.binding("second", divided(true), six)
	w.start()
	reasons := []string{}
	for _, b := range []*workv1alpha2.ResourceBinding{first, second} {
		now := w.until(b, "it is decided", func(b workv1alpha2.Binding) bool { return len(b.BindingStatus().Conditions) > 0 })
		reasons = append(reasons, now.BindingStatus().Conditions[0].Reason)
	}
	slices.Sort(reasons)
	if diff := cmp.Diff([]string{workv1alpha2.ReasonSuccess, workv1alpha2.ReasonUnschedulable}, reasons); diff != "" {
		t.Errorf("reasons (-want +got):\n%s", diff)
	}
}

func TestClusterResourceBinding(t *testing.T) {
	w := newWorld(t)
	w.member("a", func(c *clusterv1alpha1.Cluster) {
		c.Status.APIEnablements = []clusterv1alpha1.APIEnablement{{
			GroupVersion: "rbac.authorization.k8s.io/v1", Resources: []clusterv1alpha1.APIResource{{Name: "clusterroles", Kind: "ClusterRole"}},
		}}
	})
	b := &workv1alpha2.ClusterResourceBinding{
		ObjectMeta: metav1.ObjectMeta{Name: w.name, Labels: map[string]string{policyv1alpha1.ClusterPropagationPolicyPermanentIDLabel: "id"}},
		Spec: w.spec(func(s *workv1alpha2.ResourceBindingSpec) {
			s.Resource = workv1alpha2.ObjectReference{APIVersion: "rbac.authorization.k8s.io/v1", Kind: "ClusterRole", Name: "reader"}
			s.Replicas, s.ReplicaRequirements = 0, nil
		}),
	}
	w.create(b)
	w.start()
	now := w.until(b, "it is scheduled", scheduledFor(workv1alpha2.ReasonSuccess))
	if got := targets(now); got != "a:0" {
		t.Errorf("clusters are %q, want a:0", got)
	}
	w.member("b", func(c *clusterv1alpha1.Cluster) {
		c.Status.APIEnablements = []clusterv1alpha1.APIEnablement{{
			GroupVersion: "rbac.authorization.k8s.io/v1", Resources: []clusterv1alpha1.APIResource{{Name: "clusterroles", Kind: "ClusterRole"}},
		}}
	})
	w.until(b, "it follows the fleet", func(b workv1alpha2.Binding) bool { return targets(b) == "a:0 b:0" })
}
