package interpreter

import (
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	workv1alpha2 "github.com/longshore-project/longshore/apis/work/v1alpha2"
)

type aggregateTest struct {
	name     string
	template string // its status is the status before
	items    []workv1alpha2.AggregatedStatusItem
	want     string // status after; "" means unchanged
}

func testAggregate(t *testing.T, tests []aggregateTest) {
	t.Helper()
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			before := object(t, tt.template)
			want := before.DeepCopy()
			if tt.want != "" {
				want.Object["status"] = object(t, "{apiVersion: v1, kind: X, status: "+tt.want+"}").Object["status"]
			}
			slices.Reverse(tt.items)
			got := before.DeepCopy()
			changed, err := New().Aggregate(got, tt.items)
			if err != nil || changed != (tt.want != "") {
				t.Fatalf("Aggregate() = %t, %v, want %t, nil", changed, err, tt.want != "")
			}
			if diff := cmp.Diff(want, got); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
			if changed, err := New().Aggregate(got, tt.items); changed || err != nil {
				t.Errorf("second Aggregate() = %t, %v, want false, nil", changed, err)
			}
		})
	}
}

func TestAggregateWorkloads(t *testing.T) {
	testAggregate(t, []aggregateTest{
		{
			"deployment: all members observe the template",
			`{apiVersion: apps/v1, kind: Deployment, metadata: {name: a, generation: 4}, spec: {replicas: 5}}`,
			[]workv1alpha2.AggregatedStatusItem{
				item("m1", `{"generation":7,"observedGeneration":7,"resourceTemplateGeneration":4,"replicas":2,"updatedReplicas":2,"readyReplicas":2,"availableReplicas":2}`),
				item("m2", `{"generation":2,"observedGeneration":3,"resourceTemplateGeneration":5,"replicas":3,"updatedReplicas":3,"readyReplicas":1,"availableReplicas":1,"unavailableReplicas":2}`),
			},
			`{observedGeneration: 4, replicas: 5, updatedReplicas: 5, readyReplicas: 3, availableReplicas: 3, unavailableReplicas: 2}`,
		},
		{
			"deployment: a member made from an older template; other fields stay",
			`{apiVersion: apps/v1, kind: Deployment, metadata: {name: a, generation: 4}, spec: {replicas: 2}, status: {observedGeneration: 3, replicas: 9, conditions: [{type: X}], new: 1}}`,
			[]workv1alpha2.AggregatedStatusItem{
				item("m1", `{"generation":7,"observedGeneration":7,"resourceTemplateGeneration":3,"replicas":2}`),
			},
			`{observedGeneration: 3, replicas: 2, conditions: [{type: X}], new: 1}`,
		},
		{
			"deployment: a member that has not observed its own object",
			`{apiVersion: apps/v1, kind: Deployment, metadata: {name: a, generation: 4}, spec: {replicas: 2}}`,
			[]workv1alpha2.AggregatedStatusItem{
				item("m1", `{"generation":7,"observedGeneration":6,"resourceTemplateGeneration":4,"replicas":2}`),
			},
			`{replicas: 2}`,
		},
		{
			"deployment: a member that has not reported",
			`{apiVersion: apps/v1, kind: Deployment, metadata: {name: a, generation: 1}, spec: {replicas: 2}}`,
			[]workv1alpha2.AggregatedStatusItem{
				item("m1", `{"generation":1,"observedGeneration":1,"resourceTemplateGeneration":1,"replicas":1}`), item("m2", ``), item("m3", `null`),
			},
			`{replicas: 1}`,
		},
		{
			"deployment: gone from all members",
			`{apiVersion: apps/v1, kind: Deployment, metadata: {name: a, generation: 1}, spec: {replicas: 2}, status: {observedGeneration: 1, replicas: 2, readyReplicas: 2}}`,
			nil,
			`{observedGeneration: 1, replicas: 0, readyReplicas: 0}`,
		},
		{
			"deployment: waiting for its placement", `{apiVersion: apps/v1, kind: Deployment, metadata: {name: a, generation: 1}, spec: {replicas: 2}}`, nil, ``,
		},
		{
			"deployment: wants nothing and has nothing", `{apiVersion: apps/v1, kind: Deployment, metadata: {name: a, generation: 2}, spec: {replicas: 0}}`, nil,
			`{observedGeneration: 2}`,
		},
		{
			"replica set",
			`{apiVersion: apps/v1, kind: ReplicaSet, metadata: {name: a, generation: 1}, spec: {replicas: 2}}`,
			[]workv1alpha2.AggregatedStatusItem{
				item("m1", `{"generation":1,"observedGeneration":1,"resourceTemplateGeneration":1,"replicas":1,"fullyLabeledReplicas":1}`),
				item("m2", `{"generation":1,"observedGeneration":1,"resourceTemplateGeneration":1,"replicas":1,"fullyLabeledReplicas":1,"readyReplicas":1,"availableReplicas":1}`),
			},
			`{observedGeneration: 1, replicas: 2, fullyLabeledReplicas: 2, readyReplicas: 1, availableReplicas: 1}`,
		},
		{
			"stateful set: observedGeneration can be satisfied",
			`{apiVersion: apps/v1, kind: StatefulSet, metadata: {name: a, generation: 2}, spec: {replicas: 3}, status: {observedGeneration: 1, currentRevision: a-1}}`,
			[]workv1alpha2.AggregatedStatusItem{
				item("m1", `{"generation":1,"observedGeneration":1,"resourceTemplateGeneration":2,"replicas":3,"readyReplicas":2,"currentReplicas":3,"updatedReplicas":3,"availableReplicas":1}`),
			},
			`{observedGeneration: 2, currentRevision: a-1, replicas: 3, readyReplicas: 2, currentReplicas: 3, updatedReplicas: 3, availableReplicas: 1}`,
		},
		{
			"daemon set",
			`{apiVersion: apps/v1, kind: DaemonSet, metadata: {name: a, generation: 1}}`,
			[]workv1alpha2.AggregatedStatusItem{
				item("m1", `{"generation":1,"observedGeneration":1,"resourceTemplateGeneration":1,"currentNumberScheduled":3,"desiredNumberScheduled":3,"numberReady":2,"updatedNumberScheduled":3,"numberAvailable":2,"numberUnavailable":1,"numberMisscheduled":0}`),
				item("m2", `{"generation":1,"observedGeneration":1,"resourceTemplateGeneration":1,"currentNumberScheduled":1,"desiredNumberScheduled":1,"numberReady":1,"updatedNumberScheduled":1,"numberAvailable":1,"numberMisscheduled":1}`),
			},
			`{observedGeneration: 1, currentNumberScheduled: 4, desiredNumberScheduled: 4, numberReady: 3, updatedNumberScheduled: 4, numberAvailable: 3, numberUnavailable: 1, numberMisscheduled: 1}`,
		},
		{
			"sums do not leave the type of the API",
			`{apiVersion: apps/v1, kind: DaemonSet, metadata: {name: a, generation: 1}}`,
			[]workv1alpha2.AggregatedStatusItem{
				item("m1", `{"numberReady":2147483647}`), item("m2", `{"numberReady":2147483647}`),
			},
			`{numberReady: 2147483647}`,
		},
		{"config map has no rule", `{apiVersion: v1, kind: ConfigMap, metadata: {name: a}}`, []workv1alpha2.AggregatedStatusItem{item("m1", `{"x":1}`)}, ``},
	})
}

func TestAggregateOthers(t *testing.T) {
	testAggregate(t, []aggregateTest{
		{
			"autoscaler", `{apiVersion: autoscaling/v2, kind: HorizontalPodAutoscaler, metadata: {name: a}}`,
			[]workv1alpha2.AggregatedStatusItem{item("m1", `{"currentReplicas":1,"desiredReplicas":2}`), item("m2", `{"currentReplicas":3,"desiredReplicas":4}`)},
			`{currentReplicas: 4, desiredReplicas: 6}`,
		},
		{
			"disruption budget", `{apiVersion: policy/v1, kind: PodDisruptionBudget, metadata: {name: a}, status: {observedGeneration: 1, disruptedPods: {m9/x: "2026-01-01T00:00:00Z"}}}`,
			[]workv1alpha2.AggregatedStatusItem{
				item("m1", `{"currentHealthy":1,"desiredHealthy":2,"expectedPods":3,"disruptionsAllowed":0,"disruptedPods":{"x":"2026-01-02T00:00:00Z"}}`),
				item("m2", `{"currentHealthy":1,"desiredHealthy":1,"expectedPods":1,"disruptionsAllowed":1,"disruptedPods":{"x":"2026-01-03T00:00:00Z"}}`),
			},
			`{observedGeneration: 1, currentHealthy: 2, desiredHealthy: 3, expectedPods: 4, disruptionsAllowed: 1, disruptedPods: {m1/x: "2026-01-02T00:00:00Z", m2/x: "2026-01-03T00:00:00Z"}}`,
		},
		{
			"load balancer: sorted, once each", `{apiVersion: v1, kind: Service, metadata: {name: a}, spec: {type: LoadBalancer}}`,
			[]workv1alpha2.AggregatedStatusItem{
				item("m1", `{"loadBalancer":{"ingress":[{"ip":"10.0.0.2","ipMode":"VIP"},{"hostname":"b.example"}]}}`),
				item("m2", `{"loadBalancer":{"ingress":[{"ip":"10.0.0.1"},{"ipMode":"VIP","ip":"10.0.0.2"},{"hostname":"a.example"}]}}`),
				item("m3", `{"loadBalancer":{}}`), item("m4", ``),
			},
			`{loadBalancer: {ingress: [{hostname: a.example}, {hostname: b.example}, {ip: 10.0.0.1}, {ip: 10.0.0.2, ipMode: VIP}]}}`,
		},
		{
			"load balancer: an empty one is no change", `{apiVersion: v1, kind: Service, metadata: {name: a}, spec: {type: LoadBalancer}, status: {loadBalancer: {}}}`,
			[]workv1alpha2.AggregatedStatusItem{item("m1", ``)}, ``,
		},
		{
			"service of another type", `{apiVersion: v1, kind: Service, metadata: {name: a}, spec: {type: ClusterIP}}`,
			[]workv1alpha2.AggregatedStatusItem{item("m1", `{"loadBalancer":{"ingress":[{"ip":"10.0.0.2"}]}}`)}, ``,
		},
		{
			"ingress", `{apiVersion: networking.k8s.io/v1, kind: Ingress, metadata: {name: a}, status: {loadBalancer: {ingress: [{ip: 1.1.1.1}]}}}`,
			[]workv1alpha2.AggregatedStatusItem{item("m1", `{"loadBalancer":{"ingress":[{"ip":"10.0.0.2"}]}}`)},
			`{loadBalancer: {ingress: [{ip: 10.0.0.2}]}}`,
		},
		{
			"cron job", `{apiVersion: batch/v1, kind: CronJob, metadata: {name: a}}`,
			[]workv1alpha2.AggregatedStatusItem{
				item("m1", `{"active":[{"name":"x"}],"lastScheduleTime":"2026-01-02T00:00:00Z","lastSuccessfulTime":"2026-01-01T00:00:00Z"}`),
				item("m2", `{"active":[{"name":"y"},{"name":"z"}],"lastScheduleTime":"2026-01-01T00:00:00Z"}`),
			},
			`{active: [{name: x}, {name: "y"}, {name: z}], lastScheduleTime: "2026-01-02T00:00:00Z", lastSuccessfulTime: "2026-01-01T00:00:00Z"}`,
		},
		{
			"pod: pending comes before running", `{apiVersion: v1, kind: Pod, metadata: {name: a}}`,
			[]workv1alpha2.AggregatedStatusItem{
				item("m1", `{"phase":"Running","containerStatuses":[{"name":"c","restartCount":1}]}`),
				item("m2", `{"phase":"Pending","initContainerStatuses":[{"name":"i"}],"containerStatuses":[{"name":"c"}]}`),
				item("m3", `{"phase":"Succeeded"}`),
			},
			`{phase: Pending, containerStatuses: [{name: c, restartCount: 1}, {name: c}], initContainerStatuses: [{name: i}]}`,
		},
		{
			"pod: nobody has reported", `{apiVersion: v1, kind: Pod, metadata: {name: a}, status: {phase: Pending}}`,
			[]workv1alpha2.AggregatedStatusItem{item("m1", ``)}, ``,
		},
		{
			"volume: bound comes before released", `{apiVersion: v1, kind: PersistentVolume, metadata: {name: a}}`,
			[]workv1alpha2.AggregatedStatusItem{item("m1", `{"phase":"Released"}`), item("m2", `{"phase":"Bound"}`)},
			`{phase: Bound}`,
		},
		{
			"claim: lost wins", `{apiVersion: v1, kind: PersistentVolumeClaim, metadata: {name: a}}`,
			[]workv1alpha2.AggregatedStatusItem{item("m1", `{"phase":"Bound"}`), item("m2", `{"phase":"Pending"}`), item("m3", `{"phase":"Lost"}`)},
			`{phase: Lost}`,
		},
		{
			"claim: pending before bound", `{apiVersion: v1, kind: PersistentVolumeClaim, metadata: {name: a}}`,
			[]workv1alpha2.AggregatedStatusItem{item("m1", `{"phase":"Bound"}`), item("m2", `{"phase":"Pending"}`), item("m3", ``)},
			`{phase: Pending}`,
		},
		{
			"claim: all bound", `{apiVersion: v1, kind: PersistentVolumeClaim, metadata: {name: a}, status: {phase: Pending}}`,
			[]workv1alpha2.AggregatedStatusItem{item("m1", `{"phase":"Bound"}`), item("m2", ``)},
			`{phase: Bound}`,
		},
	})
}

func TestAggregateNamesTheMalformedMember(t *testing.T) {
	template := `{apiVersion: apps/v1, kind: Deployment, metadata: {namespace: ns, name: a, generation: 1}, spec: {replicas: 1}}`
	tests := []struct{ name, template, status, wantErr string }{
		{"no JSON", template, `{"replicas":`, `aggregating status of Deployment ns/a: reading the status reported by member "m2": decoding`},
		{"no object", template, `"text"`, `member "m2": decoding`},
		{"no number", template, `{"replicas":"two"}`, `member "m2": reading .replicas: expected a whole number`},
		{"no generation", template, `{"observedGeneration":[]}`, `member "m2": reading .observedGeneration`},
		{"no list", `{apiVersion: v1, kind: Pod, metadata: {name: a}}`, `{"containerStatuses":{}}`, `member "m2": reading .containerStatuses`},
		{"no entries", `{apiVersion: v1, kind: Pod, metadata: {name: a}}`, `{"containerStatuses":[1]}`, `member "m2": reading containerStatuses[0]`},
		{"no phase", `{apiVersion: v1, kind: PersistentVolumeClaim, metadata: {name: a}}`, `{"phase":1}`, `member "m2": reading .phase`},
		{"no time", `{apiVersion: batch/v1, kind: CronJob, metadata: {name: a}}`, `{"lastScheduleTime":"yesterday"}`, `member "m2": reading .lastScheduleTime`},
		{"no conditions", `{apiVersion: batch/v1, kind: Job, metadata: {name: a}}`, `{"conditions":["Failed"]}`, `member "m2": reading conditions[0]`},
		{"no map", `{apiVersion: policy/v1, kind: PodDisruptionBudget, metadata: {name: a}}`, `{"disruptedPods":[]}`, `member "m2": reading .disruptedPods`},
		{"no balancer", `{apiVersion: networking.k8s.io/v1, kind: Ingress, metadata: {name: a}}`, `{"loadBalancer":[]}`, `member "m2": reading .loadBalancer.ingress`},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			before := object(t, tt.template)
			after := before.DeepCopy()
			changed, err := New().Aggregate(after, []workv1alpha2.AggregatedStatusItem{item("m1", `{"phase":"Bound"}`), item("m2", tt.status)})
			if changed || err == nil || !strings.Contains(err.Error(), tt.wantErr) {
				t.Errorf("Aggregate() = %t, %v, want false and %q in the error", changed, err, tt.wantErr)
			}
			if diff := cmp.Diff(before, after); diff != "" {
				t.Errorf("the template was changed (-before +after):\n%s", diff)
			}
		})
	}
}
