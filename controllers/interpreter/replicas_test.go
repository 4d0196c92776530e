package interpreter

import (
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/resource"

	workv1alpha2 "github.com/longshore-project/longshore/apis/work/v1alpha2"
)

func TestReplicas(t *testing.T) {
	tests := []struct {
		name   string
		object string
		want   int32
		wantOK bool
	}{
		{"deployment", `{apiVersion: apps/v1, kind: Deployment, metadata: {name: a}, spec: {replicas: 5}}`, 5, true},
		{"deployment without replicas counts as none", `{apiVersion: apps/v1, kind: Deployment, metadata: {name: a}, spec: {}}`, 0, true},
		{"replica set", `{apiVersion: apps/v1, kind: ReplicaSet, metadata: {name: a}, spec: {replicas: 2}}`, 2, true},
		{"stateful set", `{apiVersion: apps/v1, kind: StatefulSet, metadata: {name: a}, spec: {replicas: 3}}`, 3, true},
		{"job", `{apiVersion: batch/v1, kind: Job, metadata: {name: a}, spec: {parallelism: 4}}`, 4, true},
		{"job capped by completions", `{apiVersion: batch/v1, kind: Job, metadata: {name: a}, spec: {parallelism: 4, completions: 3}}`, 3, true},
		{"job with more completions", `{apiVersion: batch/v1, kind: Job, metadata: {name: a}, spec: {parallelism: 4, completions: 9}}`, 4, true},
		{"job without parallelism", `{apiVersion: batch/v1, kind: Job, metadata: {name: a}, spec: {completions: 9}}`, 0, true},
		{"pod", `{apiVersion: v1, kind: Pod, metadata: {name: a}, spec: {}}`, 1, true},
		{"daemon set", `{apiVersion: apps/v1, kind: DaemonSet, metadata: {name: a}, spec: {}}`, 0, false},
		{"same kind of another group", `{apiVersion: apps.kruise.io/v1, kind: StatefulSet, metadata: {name: a}, spec: {replicas: 3}}`, 0, false},
		{"config map", `{apiVersion: v1, kind: ConfigMap, metadata: {name: a}}`, 0, false},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			got, requirements, ok, err := New().Replicas(object(t, tt.object))
			if err != nil || got != tt.want || ok != tt.wantOK || requirements != nil {
				t.Errorf("Replicas() = %d, %v, %t, %v, want %d, nil, %t, nil", got, requirements, ok, err, tt.want, tt.wantOK)
			}
		})
	}
}

func TestReplicasRefusesMalformedObjects(t *testing.T) {
	tests := []struct{ name, object, wantErr string }{
		{"text", `{apiVersion: apps/v1, kind: Deployment, metadata: {namespace: ns, name: a}, spec: {replicas: many}}`, "reading replicas of Deployment ns/a: reading .spec.replicas"},
		{"negative", `{apiVersion: apps/v1, kind: Deployment, metadata: {name: a}, spec: {replicas: -1}}`, "-1 is not a number of replicas"},
		{"too great", `{apiVersion: apps/v1, kind: Deployment, metadata: {name: a}, spec: {replicas: 3000000000}}`, "3000000000 is not a number of replicas"},
		{"fraction", `{apiVersion: apps/v1, kind: Deployment, metadata: {name: a}, spec: {replicas: 1.5}}`, "expected a whole number, found 1.5"},
		{"spec is a list", `{apiVersion: apps/v1, kind: Deployment, metadata: {name: a}, spec: []}`, "reading .spec.replicas"},
		{"template is text", `{apiVersion: apps/v1, kind: Deployment, metadata: {name: a}, spec: {template: x}}`, "reading .spec.template.spec"},
		{"pod spec", `{apiVersion: v1, kind: Pod, metadata: {name: a}, spec: {containers: 5}}`, "decoding the pod spec at .spec"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			_, _, _, err := New().Replicas(object(t, tt.object))
			if err == nil || !strings.Contains(err.Error(), tt.wantErr) {
				t.Errorf("Replicas() error = %v, want %q in it", err, tt.wantErr)
			}
		})
	}
}

func TestRequirements(t *testing.T) {
	request := func(pairs ...string) corev1.ResourceList {
		list := corev1.ResourceList{}
		for i := 0; i < len(pairs); i += 2 {
			list[corev1.ResourceName(pairs[i])] = resource.MustParse(pairs[i+1])
		}
		return list
	}
	tests := []struct {
		name string
		pod  string
		want *workv1alpha2.ReplicaRequirements
	}{
		{"nothing", `{containers: [{name: a}]}`, nil},
		{
			"sum of containers", `{containers: [{name: a, resources: {requests: {cpu: 100m, memory: 1Gi}}}, {name: b, resources: {requests: {cpu: 200m}}}]}`,
			&workv1alpha2.ReplicaRequirements{ResourceRequest: request("cpu", "300m", "memory", "1Gi")},
		},
		{
			"missing request from limit", `{containers: [{name: a, resources: {requests: {cpu: 100m}, limits: {cpu: "1", example.com/gpu: 2}}}]}`,
			&workv1alpha2.ReplicaRequirements{ResourceRequest: request("cpu", "100m", "example.com/gpu", "2")},
		},
		{
			"greater init container", `{initContainers: [{name: i, resources: {requests: {cpu: "1"}}}, {name: j, resources: {limits: {memory: 1Gi}}}], containers: [{name: a, resources: {requests: {cpu: 100m, memory: 2Gi}}}]}`,
			&workv1alpha2.ReplicaRequirements{ResourceRequest: request("cpu", "1", "memory", "2Gi")},
		},
		{
			"sidecar adds to containers and to later init containers",
			`{initContainers: [{name: s, restartPolicy: Always, resources: {requests: {cpu: 100m}}}, {name: i, resources: {requests: {cpu: "1"}}}], containers: [{name: a, resources: {requests: {cpu: 500m}}}]}`,
			&workv1alpha2.ReplicaRequirements{ResourceRequest: request("cpu", "1100m")},
		},
		{
			"overhead", `{overhead: {cpu: 50m}, containers: [{name: a, resources: {requests: {cpu: 100m}}}]}`,
			&workv1alpha2.ReplicaRequirements{ResourceRequest: request("cpu", "150m")},
		},
		{
			"request of the pod itself", `{resources: {requests: {cpu: "2"}, limits: {memory: 4Gi}}, containers: [{name: a, resources: {requests: {cpu: 100m}}}]}`,
			&workv1alpha2.ReplicaRequirements{ResourceRequest: request("cpu", "2", "memory", "4Gi")},
		},
		{
			"containers' requests count before the limit of the pod", `{resources: {limits: {cpu: "2"}}, containers: [{name: a, resources: {requests: {cpu: 100m}}}]}`,
			&workv1alpha2.ReplicaRequirements{ResourceRequest: request("cpu", "100m")},
		},
		{
			"node claim", `{nodeSelector: {disk: ssd}, tolerations: [{key: k, operator: Exists}], containers: [{name: a}],
affinity: {nodeAffinity: {requiredDuringSchedulingIgnoredDuringExecution: {nodeSelectorTerms: [{matchExpressions: [{key: z, operator: Exists}]}]}}}}`,
			&workv1alpha2.ReplicaRequirements{
				NodeClaim: &workv1alpha2.NodeClaim{
					NodeSelector: map[string]string{"disk": "ssd"},
					Tolerations:  []corev1.Toleration{{Key: "k", Operator: corev1.TolerationOpExists}},
					HardNodeAffinity: &corev1.NodeSelector{NodeSelectorTerms: []corev1.NodeSelectorTerm{{
						MatchExpressions: []corev1.NodeSelectorRequirement{{Key: "z", Operator: corev1.NodeSelectorOpExists}},
					}}},
				},
			},
		},
		{"preferred affinity claims nothing", `{affinity: {nodeAffinity: {preferredDuringSchedulingIgnoredDuringExecution: []}}, containers: [{name: a}]}`, nil},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			for _, obj := range []string{
				fmt.Sprintf(`{apiVersion: v1, kind: Pod, metadata: {name: a}, spec: %s}`, tt.pod),
				fmt.Sprintf(`{apiVersion: apps/v1, kind: Deployment, metadata: {name: a}, spec: {replicas: 1, template: {spec: %s}}}`, tt.pod),
			} {
				before := object(t, obj)
				after := before.DeepCopy()
				_, got, _, err := New().Replicas(after)
				if err != nil {
					t.Fatal(err)
				}
				if diff := cmp.Diff(tt.want, got); diff != "" {
					t.Errorf("requirements of %s (-want +got):\n%s", before.GetKind(), diff)
				}
				if diff := cmp.Diff(before, after); diff != "" {
					t.Errorf("Replicas changed its argument (-before +after):\n%s", diff)
				}
			}
		})
	}
}

func TestReviseReplicas(t *testing.T) {
	tests := []struct {
		name   string
		object string
		want   string
		wantOK bool
	}{
		{
			"deployment keeps unknown fields", `{apiVersion: apps/v1, kind: Deployment, metadata: {name: a}, spec: {replicas: 9, newField: {x: 1}}}`,
			`{apiVersion: apps/v1, kind: Deployment, metadata: {name: a}, spec: {replicas: 3, newField: {x: 1}}}`, true,
		},
		{
			"stateful set without spec", `{apiVersion: apps/v1, kind: StatefulSet, metadata: {name: a}}`,
			`{apiVersion: apps/v1, kind: StatefulSet, metadata: {name: a}, spec: {replicas: 3}}`, true,
		},
		{
			"job", `{apiVersion: batch/v1, kind: Job, metadata: {name: a}, spec: {parallelism: 8, completions: 8}}`,
			`{apiVersion: batch/v1, kind: Job, metadata: {name: a}, spec: {parallelism: 3, completions: 8}}`, true,
		},
		{"pod", `{apiVersion: v1, kind: Pod, metadata: {name: a}}`, `{apiVersion: v1, kind: Pod, metadata: {name: a}}`, false},
		{"service", `{apiVersion: v1, kind: Service, metadata: {name: a}}`, `{apiVersion: v1, kind: Service, metadata: {name: a}}`, false},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			got := object(t, tt.object)
			ok, err := New().ReviseReplicas(got, 3)
			if err != nil || ok != tt.wantOK {
				t.Fatalf("ReviseReplicas() = %t, %v, want %t, nil", ok, err, tt.wantOK)
			}
			if diff := cmp.Diff(object(t, tt.want), got); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
		})
	}
}

func TestDivideCompletions(t *testing.T) {
	clusters := []workv1alpha2.TargetCluster{{Name: "m1", Replicas: 1}, {Name: "m2", Replicas: 3}}
	var asked []int64
	apportion := func(total int64, parties []workv1alpha2.TargetCluster) map[string]int64 {
		asked = append(asked, total, int64(len(parties)))
		return map[string]int64{"m1": 2, "m2": 7}
	}
	got, ok, err := DivideCompletions(object(t, `{apiVersion: batch/v1, kind: Job, metadata: {name: a}, spec: {completions: 9}}`), clusters, apportion)
	if err != nil || !ok {
		t.Fatalf("DivideCompletions() = %t, %v, want true, nil", ok, err)
	}
	if diff := cmp.Diff(map[string]int64{"m1": 2, "m2": 7}, got); diff != "" {
		t.Errorf("shares (-want +got):\n%s", diff)
	}
	for _, other := range []string{
		`{apiVersion: batch/v1, kind: Job, metadata: {name: a}, spec: {parallelism: 9}}`,
		`{apiVersion: apps/v1, kind: Deployment, metadata: {name: a}, spec: {completions: 9}}`,
	} {
		if _, ok, err := DivideCompletions(object(t, other), clusters, apportion); ok || err != nil {
			t.Errorf("DivideCompletions(%s) = %t, %v, want false, nil", other, ok, err)
		}
	}
	if diff := cmp.Diff([]int64{9, 2}, asked); diff != "" {
		t.Errorf("questions to apportion (-want +got):\n%s", diff)
	}
	revised := object(t, `{apiVersion: batch/v1, kind: Job, metadata: {name: a}, spec: {completions: 9, x: y}}`)
	if err := ReviseCompletions(revised, 7); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(object(t, `{apiVersion: batch/v1, kind: Job, metadata: {name: a}, spec: {completions: 7, x: y}}`), revised); diff != "" {
		t.Errorf("ReviseCompletions (-want +got):\n%s", diff)
	}
}
