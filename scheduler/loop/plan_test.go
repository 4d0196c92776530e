package loop

import (
	"encoding/json"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/google/go-cmp/cmp"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/utils/ptr"

	policyv1alpha1 "github.com/longshore-project/longshore/apis/policy/v1alpha1"
	workv1alpha2 "github.com/longshore-project/longshore/apis/work/v1alpha2"
	"github.com/longshore-project/longshore/scheduler/convert"
	"github.com/longshore-project/longshore/scheduler/framework"
	"github.com/longshore-project/longshore/scheduler/queue"
)

// placed returns a binding that is divided over a:2 b:1 and needs nothing.
func placed(change ...func(*workv1alpha2.ResourceBinding)) *workv1alpha2.ResourceBinding {
	b := &workv1alpha2.ResourceBinding{
		ObjectMeta: metav1.ObjectMeta{
			Namespace: "ns", Name: "nginx", UID: "u", Generation: 7, ResourceVersion: "70",
			Labels: map[string]string{policyv1alpha1.PropagationPolicyPermanentIDLabel: "id"},
		},
		Spec: workv1alpha2.ResourceBindingSpec{
			Replicas: 3, Clusters: []workv1alpha2.TargetCluster{{Name: "a", Replicas: 2}, {Name: "b", Replicas: 1}},
			Placement: &policyv1alpha1.Placement{ReplicaScheduling: &policyv1alpha1.ReplicaSchedulingStrategy{ReplicaSchedulingType: policyv1alpha1.Divided}},
		},
	}
	b.Annotations = map[string]string{workv1alpha2.AppliedPlacementAnnotation: convert.Fingerprint(b.Spec.Placement)}
	for _, f := range change {
		f(b)
	}
	return b
}

func TestConsidered(t *testing.T) {
	tests := []struct {
		name   string
		change func(*workv1alpha2.ResourceBinding)
		by     string
		want   bool
	}{
		{name: "no name is the default", change: func(*workv1alpha2.ResourceBinding) {}, by: DefaultSchedulerName, want: true},
		{name: "no name is not mine", change: func(*workv1alpha2.ResourceBinding) {}, by: "mine"},
		{name: "my name", change: func(b *workv1alpha2.ResourceBinding) { b.Spec.SchedulerName = "mine" }, by: "mine", want: true},
		{name: "suspended", change: func(b *workv1alpha2.ResourceBinding) {
			b.Spec.Suspension = &workv1alpha2.Suspension{Scheduling: ptr.To(true)}
		}, by: DefaultSchedulerName},
		{name: "dispatching suspended only", change: func(b *workv1alpha2.ResourceBinding) {
			b.Spec.Suspension = &workv1alpha2.Suspension{Suspension: policyv1alpha1.Suspension{Dispatching: ptr.To(true)}}
		}, by: DefaultSchedulerName, want: true},
		{name: "nobody's", change: func(b *workv1alpha2.ResourceBinding) { b.Labels = nil }, by: DefaultSchedulerName},
		{name: "managed by another API", change: func(b *workv1alpha2.ResourceBinding) {
			b.Labels = map[string]string{workv1alpha2.ManagedByLabel: "MultiClusterService"}
		}, by: DefaultSchedulerName, want: true},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			b := placed(tt.change)
			if got := considered(b) && schedulerOf(b) == tt.by; got != tt.want {
				t.Errorf("considered = %v, want %v", got, tt.want)
			}
		})
	}
}

func TestTriggerOf(t *testing.T) {
	apply := func(b *workv1alpha2.ResourceBinding, p policyv1alpha1.Placement) {
		b.Annotations[workv1alpha2.AppliedPlacementAnnotation] = convert.Fingerprint(&p)
	}
	terms := func(names ...string) []policyv1alpha1.ClusterAffinityTerm {
		var out []policyv1alpha1.ClusterAffinityTerm
		for _, name := range names {
			out = append(out, policyv1alpha1.ClusterAffinityTerm{AffinityName: name, ClusterAffinity: policyv1alpha1.ClusterAffinity{ClusterNames: []string{name}}})
		}
		return out
	}
	withTerms := func(b *workv1alpha2.ResourceBinding, observed string, applied, now []policyv1alpha1.ClusterAffinityTerm) {
		before := *b.Spec.Placement
		before.ClusterAffinities = applied
		apply(b, before)
		b.Spec.Placement.ClusterAffinities = now
		b.Status.SchedulerObservedAffinityName = observed
	}
	tests := []struct {
		name   string
		change func(*workv1alpha2.ResourceBinding)
		lost   string
		want   trigger
	}{
		{name: "all is as it was", change: func(*workv1alpha2.ResourceBinding) {}},
		{name: "never applied", change: func(b *workv1alpha2.ResourceBinding) { b.Annotations = nil }, want: placementChanged},
		{name: "unreadable record", change: func(b *workv1alpha2.ResourceBinding) {
			b.Annotations[workv1alpha2.AppliedPlacementAnnotation] = "{"
		}},
		{name: "written differently", change: func(b *workv1alpha2.ResourceBinding) {
			b.Annotations[workv1alpha2.AppliedPlacementAnnotation] = ` {"replicaScheduling": {"replicaSchedulingType": "Divided"}} `
		}},
		{name: "affinity", change: func(b *workv1alpha2.ResourceBinding) {
			b.Spec.Placement.ClusterAffinity = &policyv1alpha1.ClusterAffinity{ClusterNames: []string{"a"}}
		}, want: placementChanged},
		{name: "workload affinity alone", change: func(b *workv1alpha2.ResourceBinding) {
			b.Spec.Placement.WorkloadAffinity = &policyv1alpha1.WorkloadAffinity{Affinity: &policyv1alpha1.WorkloadAffinityTerm{GroupByLabelKey: "app"}}
		}},
		{name: "another term", change: func(b *workv1alpha2.ResourceBinding) { withTerms(b, "one", terms("one", "two"), terms("one", "three")) }},
		{name: "the term in use", change: func(b *workv1alpha2.ResourceBinding) { withTerms(b, "two", terms("one", "two"), terms("one", "three")) }, want: placementChanged},
		{name: "no term in use", change: func(b *workv1alpha2.ResourceBinding) { withTerms(b, "", terms("one"), terms("one", "two")) }, want: placementChanged},
		{name: "scaled", change: func(b *workv1alpha2.ResourceBinding) { b.Spec.Replicas = 4 }, want: replicasChanged},
		{name: "duplicated and scaled", change: func(b *workv1alpha2.ResourceBinding) {
			b.Spec.Placement.ReplicaScheduling.ReplicaSchedulingType = policyv1alpha1.Duplicated
			apply(b, *b.Spec.Placement)
		}, want: replicasChanged},
		{name: "duplicated follows the fleet", change: func(b *workv1alpha2.ResourceBinding) {
			b.Spec.Placement.ReplicaScheduling.ReplicaSchedulingType = policyv1alpha1.Duplicated
			b.Spec.Clusters = []workv1alpha2.TargetCluster{{Name: "a", Replicas: 3}}
			apply(b, *b.Spec.Placement)
		}, want: followsFleet},
		{name: "no strategy, replicas are nobody's business", change: func(b *workv1alpha2.ResourceBinding) {
			b.Spec.Placement.ReplicaScheduling = nil
			apply(b, *b.Spec.Placement)
		}, want: followsFleet},
		{name: "asked for", change: func(b *workv1alpha2.ResourceBinding) {
			b.Spec.RescheduleTriggeredAt = ptr.To(metav1.NewTime(time.Unix(20, 0)))
			b.Status.LastScheduledTime = ptr.To(metav1.NewTime(time.Unix(10, 0)))
		}, want: rescheduleRequested},
		{name: "asked for before the last success", change: func(b *workv1alpha2.ResourceBinding) {
			b.Spec.RescheduleTriggeredAt = ptr.To(metav1.NewTime(time.Unix(20, 0)))
			b.Status.LastScheduledTime = ptr.To(metav1.NewTime(time.Unix(20, 0)))
		}},
		{name: "a target is lost", change: func(*workv1alpha2.ResourceBinding) {}, lost: "b", want: targetLost},
		{name: "another cluster is lost", change: func(*workv1alpha2.ResourceBinding) {}, lost: "c"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			b := placed(tt.change)
			got := triggerOf(b, convert.Fingerprint(b.Spec.Placement), func(name string) bool { return name == tt.lost })
			if got != tt.want {
				t.Errorf("trigger is %q, want %q", got, tt.want)
			}
		})
	}
}

func TestSpecPatch(t *testing.T) {
	want := func(b *workv1alpha2.ResourceBinding, clusters ...workv1alpha2.TargetCluster) *result {
		return &result{writesSpec: true, clusters: clusters, placement: convert.Fingerprint(b.Spec.Placement)}
	}
	a2, b1 := workv1alpha2.TargetCluster{Name: "a", Replicas: 2}, workv1alpha2.TargetCluster{Name: "b", Replicas: 1}
	const guards = `{"op":"test","path":"/metadata/uid","value":"u"},{"op":"test","path":"/metadata/generation","value":7}`
	const applied = `"/metadata/annotations/policy.karmada.io~1applied-placement","value":"{\"replicaScheduling\":{\"replicaSchedulingType\":\"Divided\"}}"}`
	bare, annotated := placed(), placed(func(b *workv1alpha2.ResourceBinding) { b.Annotations = map[string]string{"x": "y"} })
	bare.Annotations = nil
	recorded := func(applied string) *workv1alpha2.ResourceBinding {
		return placed(func(b *workv1alpha2.ResourceBinding) {
			b.Annotations = map[string]string{workv1alpha2.AppliedPlacementAnnotation: applied}
		})
	}
	tests := []struct {
		name    string
		binding *workv1alpha2.ResourceBinding
		want    *result
		patch   string
	}{
		{name: "all is there, in another order", binding: placed(), want: want(placed(), b1, a2)},
		{name: "the record is there in other words", binding: recorded(`{"replicaScheduling": {"replicaSchedulingType": "Divided"}, "clusterTolerations": []}`), want: want(placed(), a2, b1)},
		{name: "the record cannot be read", binding: recorded("{"), want: want(placed(), a2, b1), patch: `[` + guards + `,{"op":"add","path":` + applied + `]`},
		{
			name: "other clusters, and the record in our words", binding: recorded(`{"replicaScheduling": {"replicaSchedulingType": "Divided"}}`), want: want(placed(), b1),
			patch: `[` + guards + `,{"op":"add","path":"/spec/clusters","value":[{"name":"b","replicas":1}]},{"op":"add","path":` + applied + `]`,
		},
		{name: "a result that keeps what is there", binding: placed(), want: &result{}},
		{
			name: "other clusters", binding: placed(), want: want(placed(), b1),
			patch: `[` + guards + `,{"op":"add","path":"/spec/clusters","value":[{"name":"b","replicas":1}]}]`,
		},
		{name: "no clusters", binding: placed(), want: want(placed()), patch: `[` + guards + `,{"op":"remove","path":"/spec/clusters","value":null}]`},
		{name: "record among other annotations", binding: annotated, want: want(placed(), a2, b1), patch: `[` + guards + `,{"op":"add","path":` + applied + `]`},
		{
			name: "first annotation", binding: bare, want: want(placed(), a2, b1),
			patch: `[` + guards + `,{"op":"test","path":"/metadata/annotations","value":null},{"op":"add","path":"/metadata/annotations","value":{}},{"op":"add","path":` + applied + `]`,
		},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			got, err := specPatch(tt.binding, tt.want)
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(tt.patch, string(got)); diff != "" {
				t.Errorf("specPatch (-want +got):\n%s", diff)
			}
		})
	}
}

func TestStatusPatch(t *testing.T) {
	now := time.Unix(1000, 0).UTC()
	success := &result{scheduled: true, reason: workv1alpha2.ReasonSuccess, message: messageScheduled, term: "one", decided: true}
	other := metav1.Condition{Type: workv1alpha2.ConditionFullyApplied, Status: metav1.ConditionTrue, LastTransitionTime: metav1.NewTime(now)}
	done := func(b *workv1alpha2.ResourceBinding) {
		b.Status = workv1alpha2.ResourceBindingStatus{
			SchedulerObservedGeneration: 7, SchedulerObservedAffinityName: "one",
			Conditions: []metav1.Condition{other, {
				Type: workv1alpha2.ConditionScheduled, Status: metav1.ConditionTrue, Reason: workv1alpha2.ReasonSuccess, Message: messageScheduled,
				LastTransitionTime: metav1.NewTime(now.Add(-time.Hour)),
			}},
		}
	}
	tests := []struct {
		name   string
		change func(*workv1alpha2.ResourceBinding)
		want   *result
		fields []string
	}{
		{name: "first success", change: func(*workv1alpha2.ResourceBinding) {}, want: success, fields: []string{"conditions", "lastScheduledTime", "schedulerObservedGeneration", "schedulerObservingAffinityName"}},
		{name: "nothing new", change: done, want: success},
		{name: "a success in the words of another scheduler", change: func(b *workv1alpha2.ResourceBinding) { done(b); b.Status.Conditions[1].Message = "done" }, want: success},
		{
			name: "a caveat takes the place of their words", change: func(b *workv1alpha2.ResourceBinding) { done(b); b.Status.Conditions[1].Message = "done" },
			want:   &result{scheduled: true, reason: workv1alpha2.ReasonSuccess, message: messageScheduled + " It was decided without x.", term: "one", decided: true},
			fields: []string{"conditions", "lastScheduledTime"},
		},
		{name: "new generation", change: func(b *workv1alpha2.ResourceBinding) { done(b); b.Generation = 8 }, want: success, fields: []string{"lastScheduledTime", "schedulerObservedGeneration"}},
		{
			name: "nothing to decide leaves time and term", change: func(b *workv1alpha2.ResourceBinding) {
				done(b)
				b.Generation, b.Status.LastScheduledTime = 8, ptr.To(metav1.NewTime(now))
			},
			want: &result{scheduled: true, reason: workv1alpha2.ReasonSuccess, message: messageScheduled}, fields: []string{"schedulerObservedGeneration"},
		},
		{
			name: "the time that a process which died did not write", change: func(b *workv1alpha2.ResourceBinding) { done(b); b.Generation = 8 },
			want: &result{scheduled: true, reason: workv1alpha2.ReasonSuccess, message: messageScheduled}, fields: []string{"lastScheduledTime", "schedulerObservedGeneration"},
		},
		{
			name: "a placement without terms leaves the name", change: func(b *workv1alpha2.ResourceBinding) { done(b); b.Generation = 8 },
			want:   &result{scheduled: true, reason: workv1alpha2.ReasonSuccess, message: messageScheduled, decided: true},
			fields: []string{"lastScheduledTime", "schedulerObservedGeneration"},
		},
		{name: "failure leaves generation and time", change: func(b *workv1alpha2.ResourceBinding) { done(b); b.Generation = 8 }, want: &result{reason: workv1alpha2.ReasonUnschedulable, message: "m"}, fields: []string{"conditions"}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			b := placed(tt.change)
			raw, err := statusPatch(b, tt.want, now)
			if err != nil {
				t.Fatal(err)
			}
			if len(tt.fields) == 0 {
				if raw != nil {
					t.Errorf("patch is %s, want none", raw)
				}
				return
			}
			var patch struct {
				Metadata struct{ ResourceVersion, UID string }
				Status   map[string]any
			}
			if err := json.Unmarshal(raw, &patch); err != nil {
				t.Fatal(err)
			}
			var fields []string
			for _, name := range []string{"conditions", "lastScheduledTime", "schedulerObservedGeneration", "schedulerObservingAffinityName"} {
				if _, ok := patch.Status[name]; ok {
					fields = append(fields, name)
				}
			}
			if diff := cmp.Diff(tt.fields, fields); diff != "" || len(fields) != len(patch.Status) {
				t.Errorf("fields of %s (-want +got):\n%s", raw, diff)
			}
			if patch.Metadata.ResourceVersion != "70" || patch.Metadata.UID != "u" {
				t.Errorf("the patch is not guarded: %s", raw)
			}
			if conditions, ok := patch.Status["conditions"].([]any); ok && len(conditions) != max(1, len(b.Status.Conditions)) {
				t.Errorf("conditions of others are lost: %s", raw)
			}
		})
	}
}

// What a decision was made without is said when the binding is placed, and not taken back later.
func TestCaveatStays(t *testing.T) {
	d := &framework.Decision{Targets: []framework.Assignment{{Cluster: "a", Replicas: 2}}, Attempts: []framework.Attempt{{
		Omissions: []framework.Omission{{Plugin: "cost", Stage: "assign", Reason: "no answer within 1s"}},
	}}}
	const message = "Binding has been scheduled successfully. It was decided without cost (assign: no answer within 1s)."
	got, then := outcomeOf(&framework.Request{}, d, "{}")
	if got.message != message || got.caveat != d.Caveat() || then != finish {
		t.Errorf("result is %+v, then %v, want the message %q", got, then, message)
	}
	b := placed(func(b *workv1alpha2.ResourceBinding) {
		b.Status.Conditions = []metav1.Condition{{Type: workv1alpha2.ConditionScheduled, Status: metav1.ConditionTrue, Message: message}}
	})
	if got := satisfied(b).message; got != message {
		t.Errorf("when nothing is to be done the message becomes %q", got)
	}
	b.Status.Conditions[0].Status = metav1.ConditionFalse
	if got := satisfied(b).message; got != messageScheduled {
		t.Errorf("after a failure the message becomes %q", got)
	}
	d.Outcome, d.Status = framework.NoRoom, framework.NewStatus(framework.Unschedulable, "no room")
	if got, _ := outcomeOf(&framework.Request{}, d, "{}"); got.message != "no room; decided without cost (assign: no answer within 1s)" {
		t.Errorf("without room the message is %q", got.message)
	}
}

// However much plugins say, the API server can take it.
func TestMessagesAreShortened(t *testing.T) {
	for _, message := range []string{strings.Repeat("x", 40<<10), strings.Repeat("ü", 20<<10)} {
		want := failed(message)
		c := scheduledCondition(&workv1alpha2.ResourceBindingStatus{}, &want, time.Unix(1e9, 0))
		if len(c.Message) > 32<<10 || len(c.Message) < 32<<10-8 || !utf8.ValidString(c.Message) || !strings.HasSuffix(c.Message, "...") {
			t.Errorf("the message of %d bytes ends in %q", len(c.Message), c.Message[len(c.Message)-8:])
		}
	}
	if got := shorten("short"); got != "short" {
		t.Errorf("a message that fits became %q", got)
	}
}

func TestFlights(t *testing.T) {
	k := queue.Key{Namespace: "ns", Name: "a"}
	tests := []struct {
		name string
		run  func(t *testing.T, f *flights)
	}{
		{"own write seen before its answer", func(t *testing.T, f *flights) {
			f.depart(k, "u", 1)
			expectBool(t, "observe own", f.observe(k, "u", 2), false)
			expectBool(t, "land", f.land(k, 2), false)
			expectBool(t, "outdated", f.outdated(k), false)
		}},
		{"own write seen after its answer", func(t *testing.T, f *flights) {
			f.depart(k, "u", 1)
			expectBool(t, "land", f.land(k, 2), false)
			expectBool(t, "observe own", f.observe(k, "u", 2), false)
			expectBool(t, "observe next", f.observe(k, "u", 3), true)
		}},
		{"a change of others in flight", func(t *testing.T, f *flights) {
			f.depart(k, "u", 1)
			expectBool(t, "observe", f.observe(k, "u", 3), false)
			expectBool(t, "land", f.land(k, 2), true)
		}},
		{"a change of others swallows the own event", func(t *testing.T, f *flights) {
			f.depart(k, "u", 1)
			expectBool(t, "land", f.land(k, 2), false)
			expectBool(t, "observe later", f.observe(k, "u", 3), true)
		}},
		{"wanted while outdated", func(t *testing.T, f *flights) {
			f.depart(k, "u", 1)
			expectBool(t, "land", f.land(k, 2), false)
			expectBool(t, "outdated", f.outdated(k), true)
			expectBool(t, "observe own", f.observe(k, "u", 2), true)
		}},
		{"replaced by another object of the name", func(t *testing.T, f *flights) {
			f.depart(k, "u", 5)
			expectBool(t, "land", f.land(k, 6), false)
			expectBool(t, "observe new", f.observe(k, "v", 1), true)
		}},
		{"deleted in flight", func(t *testing.T, f *flights) {
			f.depart(k, "u", 5)
			f.forget(k)
			expectBool(t, "land", f.land(k, 5), true)
			expectBool(t, "outdated", f.outdated(k), false)
		}},
		{"nothing of ours", func(t *testing.T, f *flights) { expectBool(t, "observe", f.observe(k, "u", 1), true) }},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) { tt.run(t, newFlights()) })
	}
}

func expectBool(t *testing.T, what string, got, want bool) {
	t.Helper()
	if got != want {
		t.Errorf("%s is %v, want %v", what, got, want)
	}
}

func TestReservationsOf(t *testing.T) {
	r := &framework.Request{
		Workload: true, Requirements: framework.NewResources(map[string]int64{"cpu": 500}), Placement: &framework.Placement{},
		Current: []framework.Assignment{{Cluster: "c", Replicas: 2}, {Cluster: "a", Replicas: 1}, {Cluster: "b", Replicas: 5}},
	}
	d := &framework.Decision{Targets: []framework.Assignment{{Cluster: "a", Replicas: 3}, {Cluster: "b", Replicas: 4}, {Cluster: "d", Replicas: 1}}}
	got := map[string]framework.Resources{}
	for _, x := range reservationsOf(r, d) {
		got[x.Cluster] = x.Resources
	}
	want := map[string]framework.Resources{
		"a": framework.NewResources(map[string]int64{"cpu": 1000, "pods": 2}), "d": framework.NewResources(map[string]int64{"cpu": 500, "pods": 1}),
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("reservations (-want +got):\n%s", diff)
	}
}
