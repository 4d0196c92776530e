package descheduler

import (
	"context"
	"fmt"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/prometheus/client_golang/prometheus/testutil"
	batchv1 "k8s.io/api/batch/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/tools/events"
	"k8s.io/utils/ptr"
	"sigs.k8s.io/controller-runtime/pkg/client"

	workv1alpha2 "github.com/longshore-project/longshore/apis/work/v1alpha2"
	"github.com/longshore-project/longshore/cmd/longshore/local/localtest"
	"github.com/longshore-project/longshore/controllers/member/membertest"
)

func TestMain(m *testing.M) {
	os.Exit(localtest.Main(m, localtest.Options{Prepare: membertest.InstallCRDs}))
}

// scripted answers from a table and notes what it was asked.
type scripted struct {
	// pending is replicas without a node by member and workload: "a/web".
	pending map[string]int32
	// calls is the questions of each call.
	calls [][]string
	// meanwhile happens while it answers.
	meanwhile func()
}

func (s *scripted) Unschedulable(_ context.Context, questions []Question, _ time.Duration) []Answer {
	var asked []string
	out := make([]Answer, len(questions))
	for i, q := range questions {
		key := q.Member + "/" + q.Workload.Name
		asked = append(asked, key)
		n, known := s.pending[key]
		if out[i].Replicas = n; !known {
			out[i].Missing = "it hangs"
		}
	}
	s.calls = append(s.calls, asked)
	if s.meanwhile != nil {
		s.meanwhile()
	}
	return out
}

// world is a control plane with a descheduler whose rounds the test calls.
type world struct {
	*Controller
	t         *testing.T
	client    client.Client
	namespace string
	estimator *scripted
	events    *events.FakeRecorder
	writes    *membertest.Writes
}

func newWorld(t *testing.T) *world {
	t.Helper()
	config := localtest.ControlPlane(t)
	w := &world{
		t: t, client: membertest.Client(t, config), namespace: strings.ToLower(t.Name()), estimator: &scripted{pending: map[string]int32{}},
		events: events.NewFakeRecorder(100), writes: &membertest.Writes{},
	}
	counted := membertest.Client(t, w.writes.Count(config))
	w.Controller = &Controller{
		Client: counted, Templates: counted, Estimators: w.estimator, Events: w.events, Metrics: NewMetrics(), Threshold: time.Minute, Budget: DefaultBudget,
	}
	w.must(w.client.Create(t.Context(), &corev1.Namespace{ObjectMeta: metav1.ObjectMeta{Name: w.namespace}}))
	t.Cleanup(func() { // Rounds look at every namespace.
		w.must(w.client.DeleteAllOf(context.Background(), &workv1alpha2.ResourceBinding{}, client.InNamespace(w.namespace)))
	})
	return w
}

func (w *world) must(err error) {
	w.t.Helper()
	if err != nil {
		w.t.Fatal(err)
	}
}

// bind creates a binding with so many assigned and ready replicas in members a, b, c …
func (w *world) bind(apiVersion, kind, name string, assigned, ready []int32) {
	w.t.Helper()
	b := bound(assigned, ready)
	b.Namespace, b.Name = w.namespace, name
	b.Spec.Resource = workv1alpha2.ObjectReference{APIVersion: apiVersion, Kind: kind, Namespace: w.namespace, Name: name}
	for _, n := range assigned {
		b.Spec.Replicas += n
	}
	status := b.Status
	w.must(w.client.Create(w.t.Context(), b))
	b.Status = status
	w.must(w.client.Status().Update(w.t.Context(), b))
}

// round runs one and returns the writes to bindings in it.
func (w *world) round() []string {
	w.t.Helper()
	before := len(w.writes.All())
	w.must(w.Round(w.t.Context()))
	return w.writes.All()[before:]
}

// clusters returns what is assigned: "a:3 b:1".
func (w *world) clusters(name string) string {
	w.t.Helper()
	var b workv1alpha2.ResourceBinding
	w.must(w.client.Get(w.t.Context(), client.ObjectKey{Namespace: w.namespace, Name: name}, &b))
	var out []string
	for _, t := range b.Spec.Clusters {
		out = append(out, fmt.Sprintf("%s:%d", t.Name, t.Replicas))
	}
	return strings.Join(out, " ")
}

func (w *world) expectClusters(name, want string) {
	w.t.Helper()
	if got := w.clusters(name); got != want {
		w.t.Errorf("%s has %q, want %q", name, got, want)
	}
}

// TestRound relieves every kind with one call to the estimators and one write for each binding that changes, and then has nothing to do.
func TestRound(t *testing.T) {
	w := newWorld(t)
	w.bind("apps/v1", "Deployment", "web", []int32{5, 3}, []int32{2, 3})
	w.bind("apps/v1", "StatefulSet", "db", []int32{2, 2}, []int32{1, 0})
	w.bind("apps/v1", "ReplicaSet", "bare", []int32{2}, []int32{0})
	w.bind("batch/v1", "Job", "queue", []int32{3}, []int32{0})
	w.must(w.client.Create(t.Context(), newJob(w.namespace, "queue", nil)))
	w.bind("apps/v1", "Deployment", "unknown", []int32{4}, []int32{0})
	w.bind("apps/v1", "Deployment", "well", []int32{4}, []int32{4})
	w.bind("apps/v1", "DaemonSet", "agent", []int32{4}, []int32{0})
	w.estimator.pending = map[string]int32{"a/web": 3, "a/db": 0, "b/db": 2, "a/bare": 2, "a/queue": 1}
	writes := w.round()
	slices.Sort(writes)
	path := func(name string) string {
		return "PATCH /apis/work.karmada.io/v1alpha2/namespaces/testround/resourcebindings/" + name
	}
	if diff := cmp.Diff([]string{path("bare"), path("db"), path("queue"), path("web")}, writes); diff != "" {
		t.Errorf("writes (-want +got):\n%s", diff)
	}
	if diff := cmp.Diff([][]string{{"a/bare", "a/db", "b/db", "a/queue", "a/unknown", "a/web"}}, w.estimator.calls); diff != "" {
		t.Errorf("calls to estimators (-want +got):\n%s", diff)
	}
	for name, want := range map[string]string{"web": "a:2 b:3", "db": "a:2", "bare": "", "queue": "a:2", "unknown": "a:4"} {
		w.expectClusters(name, want)
	}
	for _, moves := range []string{"a 2 to 0", "b 2 to 0", "a 3 to 2", "a 5 to 2"} { // On the binding and on its template.
		on, template := <-w.events.Events, <-w.events.Events
		if want := "Normal DescheduleBindingSucceed replicas that found no node for 1m0s were taken away: " + moves; on != want || template != want {
			t.Errorf("events %q and %q, want %q", on, template, want)
		}
	}
	want := `
# HELP longshore_descheduler_replicas_total Replicas that were taken away because they found no node, by kind.
# TYPE longshore_descheduler_replicas_total counter
longshore_descheduler_replicas_total{kind="Deployment"} 3
longshore_descheduler_replicas_total{kind="Job"} 1
longshore_descheduler_replicas_total{kind="ReplicaSet"} 2
longshore_descheduler_replicas_total{kind="StatefulSet"} 2
# HELP longshore_descheduler_unknown Workloads in members, with replicas that are not ready, of which no estimator could tell in the last round whether they find a node.
# TYPE longshore_descheduler_unknown gauge
longshore_descheduler_unknown 1
`
	if err := testutil.CollectAndCompare(w.Metrics, strings.NewReader(want), "longshore_descheduler_replicas_total", "longshore_descheduler_unknown"); err != nil {
		t.Error(err)
	}
	// They are short now and wait for the scheduler: whatever estimators still say, nothing more is taken.
	if writes := w.round(); len(writes) != 0 || len(w.estimator.calls[1]) != 1 {
		t.Errorf("the next round asks %v and writes %v", w.estimator.calls[1], writes)
	}
}

func newJob(namespace, name string, completions *int32) *batchv1.Job {
	return &batchv1.Job{
		ObjectMeta: metav1.ObjectMeta{Namespace: namespace, Name: name},
		Spec: batchv1.JobSpec{
			Parallelism: ptr.To[int32](3), Completions: completions,
			Template: corev1.PodTemplateSpec{Spec: corev1.PodSpec{RestartPolicy: corev1.RestartPolicyNever, Containers: []corev1.Container{{Name: "main", Image: "queue"}}}},
		},
	}
}

// TestCountedJobsStay: no member lets the completions of a Job that exists be changed, and they go where the replicas go.
func TestCountedJobsStay(t *testing.T) {
	w := newWorld(t)
	w.bind("batch/v1", "Job", "counted", []int32{3}, []int32{0})
	w.bind("batch/v1", "Job", "gone", []int32{3}, []int32{0})
	w.must(w.client.Create(t.Context(), newJob(w.namespace, "counted", ptr.To[int32](9))))
	w.estimator.pending = map[string]int32{"a/counted": 2, "a/gone": 2}
	if writes := w.round(); len(writes) != 0 {
		t.Errorf("it writes %v", writes)
	}
}

// TestBudgetGoesRound: whoever got nothing of the budget comes first in the next round.
func TestBudgetGoesRound(t *testing.T) {
	w := newWorld(t)
	w.Budget = 4
	for _, name := range []string{"one", "three", "two"} {
		w.bind("apps/v1", "Deployment", name, []int32{3, 3}, []int32{0, 3})
		w.estimator.pending["a/"+name] = 3
	}
	w.round()
	w.expectClusters("one", "b:3")
	w.expectClusters("three", "a:2 b:3")
	w.expectClusters("two", "a:3 b:3")
	if got := testutil.ToFloat64(w.Metrics.postponed); got != 5 {
		t.Errorf("%v replicas are said to be postponed, want 5", got)
	}
	// The scheduler gives everybody's replicas back to a; those of one come last now.
	for _, name := range []string{"one", "three"} {
		w.restore(name)
	}
	w.round()
	w.expectClusters("three", "b:3")
	w.expectClusters("two", "a:2 b:3")
	w.expectClusters("one", "a:3 b:3")
}

// restore plays the scheduler that finds room for everything in the old places.
func (w *world) restore(name string) {
	w.t.Helper()
	b := &workv1alpha2.ResourceBinding{ObjectMeta: metav1.ObjectMeta{Namespace: w.namespace, Name: name}}
	w.must(w.client.Patch(w.t.Context(), b, client.RawPatch("application/merge-patch+json", []byte(`{"spec":{"clusters":[{"name":"a","replicas":3},{"name":"b","replicas":3}]}}`))))
}

// TestChangedMeanwhile leaves a binding alone that is not any more what the answer was for.
func TestChangedMeanwhile(t *testing.T) {
	w := newWorld(t)
	w.bind("apps/v1", "Deployment", "web", []int32{3, 3}, []int32{0, 3})
	w.estimator.pending["a/web"] = 3
	w.estimator.meanwhile = func() {
		b := bound([]int32{3, 3}, []int32{3, 3})
		status := b.Status
		w.must(w.client.Get(t.Context(), client.ObjectKey{Namespace: w.namespace, Name: "web"}, b))
		b.Status = status
		w.must(w.client.Status().Update(t.Context(), b))
	}
	w.round()
	w.expectClusters("web", "a:3 b:3")
	if got := testutil.ToFloat64(w.Metrics.bindings.WithLabelValues("stale")); got != 1 || len(w.events.Events) != 0 {
		t.Errorf("%v bindings count as stale, and %d events tell of it", got, len(w.events.Events))
	}
}

// TestRefused tells of a write that the API server refuses, and goes on with other bindings.
func TestRefused(t *testing.T) {
	w := newWorld(t)
	for _, name := range []string{"bad", "good"} {
		w.bind("apps/v1", "Deployment", name, []int32{3, 3}, []int32{0, 3})
		w.estimator.pending["a/"+name] = 3
	}
	w.Client = refusing{w.Client, "bad"}
	if err := w.Round(t.Context()); err == nil || !strings.Contains(err.Error(), "taking replicas away from binding testrefused/bad: no quota") {
		t.Errorf("the round ends with: %v", err)
	}
	w.expectClusters("good", "b:3")
	if got := <-w.events.Events; got != "Warning DescheduleBindingFailed taking replicas away from binding testrefused/bad: no quota" {
		t.Errorf("the event is %q", got)
	}
}

// refusing is a client that may not patch one object.
type refusing struct {
	client.Client
	name string
}

func (r refusing) Patch(ctx context.Context, o client.Object, p client.Patch, options ...client.PatchOption) error {
	if o.GetName() == r.name {
		return fmt.Errorf("no quota")
	}
	return r.Client.Patch(ctx, o, p, options...)
}
