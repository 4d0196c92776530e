package convert

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/resource"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/yaml"

	clusterv1alpha1 "github.com/longshore-project/longshore/apis/cluster/v1alpha1"
	policyv1alpha1 "github.com/longshore-project/longshore/apis/policy/v1alpha1"
	workv1alpha2 "github.com/longshore-project/longshore/apis/work/v1alpha2"
	"github.com/longshore-project/longshore/scheduler/framework"
)

func parse[T any](t *testing.T, text string) *T {
	t.Helper()
	out := new(T)
	if err := yaml.UnmarshalStrict([]byte(text), out); err != nil {
		t.Fatalf("parsing: %v", err)
	}
	return out
}

func TestFromCluster(t *testing.T) {
	c := parse[clusterv1alpha1.Cluster](t, `
metadata: {name: member1, labels: {env: test}}
spec:
  syncMode: Push
  provider: aws
  region: eu
  zone: eu-1
  taints: [{key: k, value: v, effect: NoSchedule}]
  resourceModels:
  - {grade: 2, ranges: [{name: cpu, min: "2", max: "4"}, {name: memory, min: 16Gi, max: 32Gi}]}
  - {grade: 0, ranges: [{name: cpu, min: 500m, max: "1"}, {name: memory, min: 1Gi, max: 4Gi}]}
  - {grade: 1, ranges: [{name: cpu, min: "1", max: "2"}, {name: memory, min: 4Gi, max: 16Gi}]}
status:
  apiEnablements:
  - {groupVersion: v1, resources: [{name: pods, kind: Pod}, {name: pods/status, kind: Pod}]}
  - {groupVersion: apps/v1, resources: [{name: deployments, kind: Deployment}]}
  resourceSummary:
    allocatable: {cpu: 1500m, memory: 1Ki, pods: "110"}
    allocated: {cpu: "1", pods: "3"}
    allocating: {cpu: 100m}
    allocatableModelings: [{grade: 0, count: 2}, {grade: 1, count: 3}, {grade: 9, count: 1}]
`)
	want := &framework.Cluster{
		Name: "member1", Labels: map[string]string{"env": "test"}, Provider: "aws", Region: "eu", Zones: []string{"eu-1"},
		Taints: []framework.Taint{{Key: "k", Value: "v", Effect: "NoSchedule"}},
		APIs:   []framework.API{{GroupVersion: "apps/v1", Kind: "Deployment"}, {GroupVersion: "v1", Kind: "Pod"}},
		Summary: &framework.Summary{
			Allocatable: framework.NewResources(map[string]int64{"cpu": 1500, "memory": 1024, "pods": 110}),
			Used:        framework.NewResources(map[string]int64{"cpu": 1100, "pods": 3}),
			Grades: []framework.Grade{
				{Count: 2, Min: framework.NewResources(map[string]int64{"cpu": 0, "memory": 0})},
				{Count: 3, Min: framework.NewResources(map[string]int64{"cpu": 1000, "memory": 4 << 30})},
			},
		},
	}
	if diff := cmp.Diff(want, FromCluster(c)); diff != "" {
		t.Errorf("FromCluster (-want +got):\n%s", diff)
	}
	if got := FromCluster(&clusterv1alpha1.Cluster{}); got.Summary != nil {
		t.Errorf("a cluster without a report has the summary %+v, want nil: unknown", got.Summary)
	}
}

func TestFromPlacement(t *testing.T) {
	everywhere := []framework.Term{{}}
	tests := []struct {
		name string
		yaml string
		want framework.Placement
	}{
		{name: "empty", yaml: `{}`, want: framework.Placement{Terms: everywhere}},
		{
			name: "affinity", yaml: `
clusterAffinity:
  clusterNames: [a, b]
  exclude: [c]
  labelSelector: {matchLabels: {z: "1", a: "2"}, matchExpressions: [{key: env, operator: Exists}]}
  fieldSelector: {matchExpressions: [{key: region, operator: NotIn, values: [us]}]}
clusterTolerations: [{key: k, operator: Exists, effect: NoSchedule}, {key: l, value: v}]
`, want: framework.Placement{
				Terms: []framework.Term{{Affinity: framework.Affinity{
					Names: []string{"a", "b"}, Exclude: []string{"c"},
					Labels: []framework.LabelRequirement{
						{Key: "a", Operator: framework.In, Values: []string{"2"}}, {Key: "z", Operator: framework.In, Values: []string{"1"}},
						{Key: "env", Operator: framework.Exists},
					},
					Fields: []framework.FieldRequirement{{Field: framework.FieldRegion, Operator: framework.NotIn, Values: []string{"us"}}},
				}}},
				Tolerations: []framework.Toleration{{Key: "k", Exists: true, Effect: "NoSchedule"}, {Key: "l", Value: "v"}},
			},
		},
		{
			name: "terms and overflow", yaml: `
clusterAffinities:
- {affinityName: one, clusterNames: [a], overflowAffinities: [{affinityName: spill, clusterNames: [b]}]}
- {affinityName: two}
replicaScheduling: {replicaSchedulingType: Divided, replicaDivisionPreference: Aggregated}
`, want: framework.Placement{
				Terms: []framework.Term{
					{Name: "one", Affinity: framework.Affinity{Names: []string{"a"}}, Overflow: []framework.Affinity{{Names: []string{"b"}}}}, {Name: "two"},
				},
				Strategy: framework.Aggregated, StrategyStated: true,
			},
		},
		{
			name: "spread", yaml: `
spreadConstraints: [{minGroups: 2, maxGroups: 3}, {spreadByField: region}, {spreadByLabel: rack, minGroups: 2}]
`, want: framework.Placement{Terms: everywhere, Spread: []framework.SpreadConstraint{
				{Key: framework.SpreadByCluster, MinGroups: 2, MaxGroups: 3}, {Key: framework.SpreadByRegion, MinGroups: 1}, {Label: "rack", MinGroups: 2},
			}},
		},
		{
			name: "static weights", yaml: `
replicaScheduling: {weightPreference: {staticWeightList: [{targetCluster: {clusterNames: [a]}, weight: 3}]}}
`, want: framework.Placement{
				Terms: everywhere, Strategy: framework.StaticWeight, StrategyStated: true,
				StaticWeights: []framework.WeightedAffinity{{Affinity: framework.Affinity{Names: []string{"a"}}, Weight: 3}},
			},
		},
		{
			name: "dynamic weight wins over static", yaml: `
replicaScheduling:
  replicaDivisionPreference: Weighted
  weightPreference: {dynamicWeight: AvailableReplicas, staticWeightList: [{targetCluster: {}, weight: 3}]}
`, want: framework.Placement{Terms: everywhere, Strategy: framework.DynamicWeight, StrategyStated: true},
		},
		{
			name: "stated to be duplicated", yaml: `replicaScheduling: {replicaSchedulingType: Duplicated}`,
			want: framework.Placement{Terms: everywhere, StrategyStated: true},
		},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			p := parse[policyv1alpha1.Placement](t, tt.yaml)
			got, err := FromPlacement(p)
			if err != nil {
				t.Fatal(err)
			}
			tt.want.Fingerprint = Fingerprint(p)
			if diff := cmp.Diff(&tt.want, got); diff != "" {
				t.Errorf("FromPlacement (-want +got):\n%s", diff)
			}
		})
	}
}

func TestFromPlacementRefusesWhatItDoesNotKnow(t *testing.T) {
	tests := []struct{ name, yaml, want string }{
		{"type", `replicaScheduling: {replicaSchedulingType: Mirrored}`, `replicaSchedulingType "Mirrored" is not Duplicated or Divided`},
		{"preference", `replicaScheduling: {replicaDivisionPreference: Even}`, `replicaDivisionPreference "Even" is not Aggregated or Weighted`},
		{"dynamic", `replicaScheduling: {weightPreference: {dynamicWeight: Cost}}`, `dynamicWeight "Cost" is not AvailableReplicas`},
		{"field", `spreadConstraints: [{spreadByField: rack}]`, `spread constraint 0: field "rack" is not cluster, region, zone or provider`},
		{"both", `spreadConstraints: [{spreadByField: zone, spreadByLabel: l}]`, `spread constraint 0 names both field "zone" and label "l": state one of them`},
		{"min over max", `spreadConstraints: [{minGroups: 3, maxGroups: 2}]`, `spread constraint 0: minGroups 3 exceeds maxGroups 2`},
		{"toleration", `clusterTolerations: [{key: k, operator: Gt}]`, `toleration of "k": operator "Gt" is not Exists or Equal`},
		{"label operator", `clusterAffinity: {labelSelector: {matchExpressions: [{key: k, operator: Gt}]}}`, `label selector on "k": operator "Gt" is not In, NotIn, Exists or DoesNotExist`},
		{"selector key", `clusterAffinity: {fieldSelector: {matchExpressions: [{key: name, operator: In}]}}`, `field selector: key "name" is not provider, region or zone`},
		{"selector operator in a term", `clusterAffinities: [{affinityName: t, fieldSelector: {matchExpressions: [{key: zone, operator: Exists}]}}]`, `reading affinity "t": field selector on "zone": operator "Exists" is not In or NotIn`},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			_, err := FromPlacement(parse[policyv1alpha1.Placement](t, tt.yaml))
			if err == nil || err.Error() != tt.want {
				t.Errorf("error is %v, want %s", err, tt.want)
			}
		})
	}
}

func TestFromBinding(t *testing.T) {
	asked, last := metav1.NewTime(time.Unix(20, 0)), metav1.NewTime(time.Unix(10, 0))
	b := &workv1alpha2.ResourceBinding{
		ObjectMeta: metav1.ObjectMeta{Namespace: "ns", Name: "nginx-deployment"},
		Spec: workv1alpha2.ResourceBindingSpec{
			Resource: workv1alpha2.ObjectReference{APIVersion: "apps/v1", Kind: "Deployment", UID: "b"},
			Replicas: 3, ReplicaRequirements: &workv1alpha2.ReplicaRequirements{ResourceRequest: corev1.ResourceList{"cpu": resource.MustParse("250m")}},
			Clusters:              []workv1alpha2.TargetCluster{{Name: "a", Replicas: 3}},
			GracefulEvictionTasks: []workv1alpha2.GracefulEvictionTask{{FromCluster: "c"}},
			RescheduleTriggeredAt: &asked,
		},
		Status: workv1alpha2.ResourceBindingStatus{SchedulerObservedAffinityName: "one", LastScheduledTime: &last},
	}
	placement := &framework.Placement{}
	want := &framework.Request{
		Key: "ns/nginx-deployment", API: framework.API{GroupVersion: "apps/v1", Kind: "Deployment"}, Replicas: 3, Workload: true,
		Requirements: framework.NewResources(map[string]int64{"cpu": 250}), Shape: "replica:cpu=250;", Placement: placement, ObservedTerm: "one",
		Current: []framework.Assignment{{Cluster: "a", Replicas: 3}}, Evicting: []string{"c"}, Fresh: true, NamesDescending: true,
	}
	if diff := cmp.Diff(want, FromBinding(b, placement)); diff != "" {
		t.Errorf("FromBinding (-want +got):\n%s", diff)
	}
	b.Status.LastScheduledTime = nil
	if FromBinding(b, placement).Fresh {
		t.Error("a binding that was never placed is to be placed anew")
	}
	if diff := cmp.Diff(b.Spec.Clusters, ToTargets(&framework.Request{}, FromTargets(b.Spec.Clusters))); diff != "" {
		t.Errorf("targets there and back (-want +got):\n%s", diff)
	}
}
