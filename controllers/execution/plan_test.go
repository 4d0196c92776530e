package execution

import (
	"encoding/json"
	"errors"
	"fmt"
	"net/url"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/utils/ptr"

	workv1alpha1 "github.com/longshore-project/longshore/apis/work/v1alpha1"
	"github.com/longshore-project/longshore/controllers/interpreter"
)

// object builds a ConfigMap that belongs to newWork's Work, and changes it.
func object(changes ...func(*unstructured.Unstructured)) *unstructured.Unstructured {
	u := &unstructured.Unstructured{Object: map[string]any{"apiVersion": "v1", "kind": "ConfigMap", "data": map[string]any{"key": "value"}}}
	u.SetNamespace("default")
	u.SetName("settings")
	u.SetLabels(map[string]string{workv1alpha1.ManagedLabel: workv1alpha1.True})
	u.SetAnnotations(map[string]string{workv1alpha1.NamespaceAnnotation: "karmada-es-member1", workv1alpha1.NameAnnotation: "settings-1"})
	for _, change := range changes {
		change(u)
	}
	return u
}

func data(value string) func(*unstructured.Unstructured) {
	return func(u *unstructured.Unstructured) { u.Object["data"] = map[string]any{"key": value} }
}

func unlabelled(u *unstructured.Unstructured) { u.SetLabels(nil) }
func foreign(u *unstructured.Unstructured)    { u.SetLabels(nil); u.SetAnnotations(nil) }
func ofAnotherWork(u *unstructured.Unstructured) {
	u.SetAnnotations(map[string]string{workv1alpha1.NamespaceAnnotation: "karmada-es-member1", workv1alpha1.NameAnnotation: "other"})
}
func stored(u *unstructured.Unstructured) {
	u.SetUID("1")
	u.SetResourceVersion("7")
	u.SetCreationTimestamp(metav1.Unix(1, 0))
}
func deleting(u *unstructured.Unstructured) { u.SetDeletionTimestamp(ptr.To(metav1.Unix(2, 0))) }
func overwriting(u *unstructured.Unstructured) {
	annotations := u.GetAnnotations()
	annotations[workv1alpha1.ConflictResolutionAnnotation] = workv1alpha1.ConflictResolutionOverwrite
	u.SetAnnotations(annotations)
}

func newWork() *workv1alpha1.Work {
	return &workv1alpha1.Work{ObjectMeta: metav1.ObjectMeta{Namespace: "karmada-es-member1", Name: "settings-1", Generation: 1}}
}

func TestPlanApply(t *testing.T) {
	for _, test := range []struct {
		name               string
		manifest, observed *unstructured.Unstructured
		last               applied
		want               step
		wantErr            string
	}{
		{name: "absent", manifest: object(), want: create},
		{name: "equal", manifest: object(), observed: object(stored), want: keep},
		{name: "different", manifest: object(data("new")), observed: object(stored), want: update},
		{name: "different for ever, but both as after the last request", manifest: object(data("new")), observed: object(stored),
			last: remember(object(data("new")), object()), want: keep},
		{name: "drifted since the last request", manifest: object(data("new")), observed: object(stored, data("drifted")),
			last: remember(object(data("new")), object()), want: update},
		{name: "changed since the last request", manifest: object(data("newer")), observed: object(stored),
			last: remember(object(data("new")), object()), want: update},
		{name: "not ours", manifest: object(), observed: object(stored, foreign), want: keep, wantErr: "not managed by this control plane"},
		{name: "not ours, to be taken over", manifest: object(overwriting), observed: object(stored, foreign), want: update},
		{name: "ours, but somebody took the label", manifest: object(), observed: object(stored, unlabelled), want: update},
	} {
		t.Run(test.name, func(t *testing.T) {
			got, _, err := planApply(interpreter.New(), newWork(), test.manifest, test.observed, test.last)
			if got != test.want {
				t.Errorf("step is %v, want %v", got, test.want)
			}
			if (err == nil) != (test.wantErr == "") || err != nil && !strings.Contains(err.Error(), test.wantErr) {
				t.Errorf("error is %v, want %q", err, test.wantErr)
			}
		})
	}
}

func TestPlanApplyLeavesItsArgumentsAlone(t *testing.T) {
	manifest, observed := object(data("new")), object(stored)
	m, o := manifest.DeepCopy(), observed.DeepCopy()
	_, desired, err := planApply(interpreter.New(), newWork(), manifest, observed, applied{})
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(m, manifest) + cmp.Diff(o, observed); diff != "" {
		t.Errorf("arguments were changed:\n%s", diff)
	}
	if desired.GetResourceVersion() != "7" {
		t.Errorf("an update must carry the resource version it was decided for, has %q", desired.GetResourceVersion())
	}
}

func TestPlanRemoval(t *testing.T) {
	preserving := newWork()
	preserving.Spec.PreserveResourcesOnDeletion = ptr.To(true)
	for _, test := range []struct {
		name     string
		work     *workv1alpha1.Work
		observed *unstructured.Unstructured
		want     removal
	}{
		{"gone", newWork(), nil, leave},
		{"ours", newWork(), object(stored), erase},
		{"on its way out", newWork(), object(stored, deleting), leave},
		{"not managed", newWork(), object(stored, unlabelled), leave},
		{"taken over by another work", newWork(), object(stored, ofAnotherWork), leave},
		{"to be preserved", preserving, object(stored), release},
		{"to be preserved, but not ours", preserving, object(stored, foreign), leave},
	} {
		t.Run(test.name, func(t *testing.T) {
			if got := planRemoval(test.work, test.observed); got != test.want {
				t.Errorf("removal is %v, want %v", got, test.want)
			}
		})
	}
}

func TestReleasedKeepsWhatIsNotOurs(t *testing.T) {
	observed := object(stored)
	observed.SetLabels(map[string]string{workv1alpha1.ManagedLabel: workv1alpha1.True, workv1alpha1.PermanentIDLabel: "1", "app": "web", "notkarmada.io/x": "1"})
	before := observed.DeepCopy()
	got := released(observed)
	if diff := cmp.Diff(map[string]string{"app": "web", "notkarmada.io/x": "1"}, got.GetLabels()); diff != "" {
		t.Errorf("labels (-want +got):\n%s", diff)
	}
	if len(got.GetAnnotations()) != 0 {
		t.Errorf("annotations are %v", got.GetAnnotations())
	}
	if diff := cmp.Diff(before, observed); diff != "" {
		t.Errorf("the argument was changed:\n%s", diff)
	}
}

func TestChangedOnlyStatus(t *testing.T) {
	generation := func(n int64) func(*unstructured.Unstructured) {
		return func(u *unstructured.Unstructured) { u.SetGeneration(n) }
	}
	status := func(u *unstructured.Unstructured) { u.Object["status"] = map[string]any{"replicas": int64(1)} }
	newer := func(u *unstructured.Unstructured) { u.SetResourceVersion("8") }
	for _, test := range []struct {
		name     string
		old, new *unstructured.Unstructured
		want     bool
	}{
		{"status", object(generation(1)), object(generation(1), status, newer), true},
		{"spec", object(generation(1)), object(generation(2), status), false},
		{"labels", object(generation(1)), object(generation(1), unlabelled), false},
		{"a kind without generation", object(), object(data("drifted")), false},
		{"status of a kind without generation", object(), object(status, newer), true},
	} {
		t.Run(test.name, func(t *testing.T) {
			if got := changedOnlyStatus(test.old, test.new); got != test.want {
				t.Errorf("got %v, want %v", got, test.want)
			}
		})
	}
}

func TestDecode(t *testing.T) {
	for _, test := range []struct{ name, raw, wantErr string }{
		{"whole", `{"apiVersion":"v1","kind":"ConfigMap","metadata":{"name":"a"}}`, ""},
		{"not JSON", `apiVersion: v1`, "reading the manifest"},
		{"no kind", `{"apiVersion":"v1","metadata":{"name":"a"}}`, "Object 'Kind' is missing"},
		{"no name", `{"apiVersion":"v1","kind":"ConfigMap"}`, "must be set"},
	} {
		t.Run(test.name, func(t *testing.T) {
			_, err := decode(runtime.RawExtension{Raw: []byte(test.raw)})
			if (err == nil) != (test.wantErr == "") || err != nil && !strings.Contains(err.Error(), test.wantErr) {
				t.Errorf("error is %v, want %q", err, test.wantErr)
			}
		})
	}
}

func TestNextStatus(t *testing.T) {
	id := func(name string) workv1alpha1.ResourceIdentifier {
		return workv1alpha1.ResourceIdentifier{Version: "v1", Kind: "ConfigMap", Namespace: "default", Name: name}
	}
	suspendedWork := newWork()
	suspendedWork.Spec.SuspendDispatching = ptr.To(true)
	for _, test := range []struct {
		name                 string
		work                 *workv1alpha1.Work
		outcomes             []outcome
		applied, dispatching metav1.ConditionStatus
		appliedMessage       string
		manifests            int
	}{
		{"applied", newWork(), []outcome{{identifier: id("a"), observed: object()}}, "True", "True", "successfully applied", 1},
		{"refused", newWork(), []outcome{{identifier: id("a"), observed: object()}, {identifier: id("b"), err: errors.New("quota exceeded")}},
			"False", "True", "(1/2): ConfigMap default/b: quota exceeded", 1},
		{"refused, while the old object is there", newWork(), []outcome{{identifier: id("a"), observed: object(), err: errors.New("immutable")}},
			"False", "True", "(0/1)", 1},
		{"suspended", suspendedWork, []outcome{{identifier: id("a"), observed: object()}}, "", "False", "", 1},
		{"suspended before it was ever sent", suspendedWork, []outcome{{identifier: id("a")}}, "", "False", "", 0},
	} {
		t.Run(test.name, func(t *testing.T) {
			next, err := nextStatus(interpreter.New(), test.work, workv1alpha1.WorkStatus{}, test.outcomes)
			if err != nil {
				t.Fatal(err)
			}
			check(t, next, workv1alpha1.ConditionApplied, test.applied, test.appliedMessage)
			check(t, next, workv1alpha1.ConditionDispatching, test.dispatching, "")
			if len(next.ManifestStatuses) != test.manifests {
				t.Errorf("manifestStatuses are %+v, want %d", next.ManifestStatuses, test.manifests)
			}
			again, err := nextStatus(interpreter.New(), test.work, next, test.outcomes)
			if err != nil || !sameStatus(next, again) {
				t.Errorf("the same outcome changes the status again: %v\n%s", err, cmp.Diff(next, again))
			}
		})
	}
}

func TestSilentRetries(t *testing.T) {
	running := newWork()
	running.Status.Conditions = []metav1.Condition{{Type: workv1alpha1.ConditionApplied, Status: metav1.ConditionTrue}}
	unanswered := fmt.Errorf("updating: %w", &url.Error{Op: "Put", URL: "https://member", Err: errors.New("connection refused")})
	missing := fmt.Errorf("creating: %w", apierrors.NewNotFound(schema.GroupResource{Resource: "namespaces"}, "team"))
	for _, test := range []struct {
		name string
		work *workv1alpha1.Work
		err  error
		want int
	}{
		{"a refusal", running, apierrors.NewForbidden(schema.GroupResource{Resource: "secrets"}, "a", nil), 0},
		{"no answer about what runs", running, unanswered, 7},
		{"no answer about what was never applied", newWork(), unanswered, 0},
		{"a missing namespace", newWork(), missing, 1},
		{"another missing object", newWork(), apierrors.NewNotFound(schema.GroupResource{Resource: "secrets"}, "a"), 0},
	} {
		t.Run(test.name, func(t *testing.T) {
			if got := silentRetries(test.work, test.err); got != test.want {
				t.Errorf("got %d, want %d", got, test.want)
			}
		})
	}
}

func check(t *testing.T, status workv1alpha1.WorkStatus, kind string, want metav1.ConditionStatus, message string) {
	t.Helper()
	c := meta.FindStatusCondition(status.Conditions, kind)
	switch {
	case c == nil && want == "":
	case c == nil || c.Status != want || !strings.Contains(c.Message, message):
		t.Errorf("condition %s is %+v, want %s with %q", kind, c, want, message)
	}
}

func TestSameStatusIgnoresHowJSONIsWritten(t *testing.T) {
	status := func(raw string) workv1alpha1.WorkStatus {
		return workv1alpha1.WorkStatus{ManifestStatuses: []workv1alpha1.ManifestStatus{{Status: &runtime.RawExtension{Raw: []byte(raw)}}}}
	}
	if !sameStatus(status(`{"a":1,"b":2}`), status(`{"b": 2, "a": 1}`)) {
		t.Error("key order and spaces make a difference")
	}
	if sameStatus(status(`{"a":1}`), status(`{"a":2}`)) {
		t.Error("values make no difference")
	}
}

// A message that comes back otherwise than it was sent would be written, and told, again and again.
func TestLongFailuresComeBackAsTheyAre(t *testing.T) {
	for _, lead := range []string{"", "x"} {
		sent := appliedCondition([]outcome{{err: errors.New(lead + strings.Repeat("ü", 20<<10))}})
		data, err := json.Marshal(sent)
		if err != nil {
			t.Fatal(err)
		}
		var back metav1.Condition
		if err := json.Unmarshal(data, &back); err != nil {
			t.Fatal(err)
		}
		if back.Message != sent.Message || len(sent.Message) > longestMessage || len(sent.Message) < longestMessage-1 {
			t.Errorf("%d bytes were sent and came back as %d", len(sent.Message), len(back.Message))
		}
	}
}

func TestEventsOf(t *testing.T) {
	of := func(conditions ...metav1.Condition) workv1alpha1.WorkStatus {
		return workv1alpha1.WorkStatus{Conditions: conditions}
	}
	accepted := metav1.Condition{Type: "Applied", Status: "True", Message: "ok"}
	refused := metav1.Condition{Type: "Applied", Status: "False", Message: "no"}
	dispatched, held := metav1.Condition{Type: "Dispatching", Status: "True", Message: "on"}, metav1.Condition{Type: "Dispatching", Status: "False", Message: "off"}
	for _, test := range []struct {
		name     string
		old, new workv1alpha1.WorkStatus
		want     []string
	}{
		{"accepted for the first time", of(), of(dispatched, accepted), []string{"SyncSucceed"}},
		{"nothing new", of(dispatched, accepted), of(dispatched, accepted), nil},
		{"refused", of(dispatched, accepted), of(dispatched, refused), []string{"SyncFailed"}},
		{"suspended from the beginning", of(), of(held), []string{"WorkDispatching"}},
		{"resumed", of(held), of(dispatched, accepted), []string{"SyncSucceed", "WorkDispatching"}},
	} {
		t.Run(test.name, func(t *testing.T) {
			var got []string
			for _, e := range eventsOf(test.old, test.new) {
				got = append(got, e.reason)
			}
			if diff := cmp.Diff(test.want, got); diff != "" {
				t.Errorf("events (-want +got):\n%s", diff)
			}
		})
	}
}
