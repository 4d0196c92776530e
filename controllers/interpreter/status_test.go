package interpreter

import (
	"strings"
	"testing"

	workv1alpha2 "github.com/longshore-project/longshore/apis/work/v1alpha2"
)

func TestReflect(t *testing.T) {
	tests := []struct{ name, object, want string }{
		{
			"deployment", `{apiVersion: apps/v1, kind: Deployment, metadata: {name: a, generation: 3, annotations: {resourcetemplate.karmada.io/generation: "2"}},
status: {observedGeneration: 3, replicas: 2, updatedReplicas: 2, readyReplicas: 1, availableReplicas: 1, unavailableReplicas: 1, collisionCount: 4, conditions: [{type: Available}]}}`,
			`{"availableReplicas":1,"generation":3,"observedGeneration":3,"readyReplicas":1,"replicas":2,"resourceTemplateGeneration":2,"unavailableReplicas":1,"updatedReplicas":2}`,
		},
		{"deployment that no controller has seen", `{apiVersion: apps/v1, kind: Deployment, metadata: {name: a, generation: 1}, status: {}}`, ``},
		{
			"stateful set", `{apiVersion: apps/v1, kind: StatefulSet, metadata: {name: a, generation: 1, annotations: {resourcetemplate.karmada.io/generation: "1"}},
status: {observedGeneration: 1, replicas: 1, currentRevision: a-1, updateRevision: a-1, currentReplicas: 1, availableReplicas: 0}}`,
			`{"availableReplicas":0,"currentReplicas":1,"generation":1,"observedGeneration":1,"replicas":1,"resourceTemplateGeneration":1}`,
		},
		{
			"replica set", `{apiVersion: apps/v1, kind: ReplicaSet, metadata: {name: a, generation: 1}, status: {observedGeneration: 1, replicas: 1, fullyLabeledReplicas: 1}}`,
			`{"fullyLabeledReplicas":1,"generation":1,"observedGeneration":1,"replicas":1}`,
		},
		{
			"daemon set", `{apiVersion: apps/v1, kind: DaemonSet, metadata: {name: a, generation: 1}, status: {observedGeneration: 1, currentNumberScheduled: 3, desiredNumberScheduled: 3, numberMisscheduled: 0, numberReady: 3}}`,
			`{"currentNumberScheduled":3,"desiredNumberScheduled":3,"generation":1,"numberMisscheduled":0,"numberReady":3,"observedGeneration":1}`,
		},
		{
			"job", `{apiVersion: batch/v1, kind: Job, metadata: {name: a}, status: {active: 1, ready: 1, terminating: 0, succeeded: 2, failed: 3, startTime: "2026-01-01T00:00:00Z", uncountedTerminatedPods: {}, conditions: [{type: Suspended}]}}`,
			`{"active":1,"conditions":[{"type":"Suspended"}],"failed":3,"startTime":"2026-01-01T00:00:00Z","succeeded":2}`,
		},
		{
			"load balancer", `{apiVersion: v1, kind: Service, metadata: {name: a}, spec: {type: LoadBalancer}, status: {loadBalancer: {ingress: [{ip: 1.1.1.1}]}, conditions: []}}`,
			`{"loadBalancer":{"ingress":[{"ip":"1.1.1.1"}]}}`,
		},
		{"other service", `{apiVersion: v1, kind: Service, metadata: {name: a}, spec: {type: ClusterIP}, status: {loadBalancer: {}}}`, ``},
		{
			"ingress", `{apiVersion: networking.k8s.io/v1, kind: Ingress, metadata: {name: a}, status: {loadBalancer: {ingress: [{hostname: x}]}}}`,
			`{"loadBalancer":{"ingress":[{"hostname":"x"}]}}`,
		},
		{
			"disruption budget", `{apiVersion: policy/v1, kind: PodDisruptionBudget, metadata: {name: a}, status: {currentHealthy: 1, desiredHealthy: 2, expectedPods: 3, disruptionsAllowed: 0, disruptedPods: {p: t}, conditions: [], observedGeneration: 1}}`,
			`{"currentHealthy":1,"desiredHealthy":2,"disruptedPods":{"p":"t"},"disruptionsAllowed":0,"expectedPods":3}`,
		},
		{
			"autoscaler", `{apiVersion: autoscaling/v2, kind: HorizontalPodAutoscaler, metadata: {name: a}, status: {currentReplicas: 1, desiredReplicas: 2, currentMetrics: []}}`,
			`{"currentReplicas":1,"desiredReplicas":2}`,
		},
		{"everything else", `{apiVersion: example.com/v1, kind: Thing, metadata: {name: a}, status: {phase: Ready, count: 1}}`, `{"count":1,"phase":"Ready"}`},
		{"nothing to record", `{apiVersion: v1, kind: ConfigMap, metadata: {name: a}, data: {status: x}}`, ``},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			got, err := New().Reflect(object(t, tt.object))
			if err != nil {
				t.Fatal(err)
			}
			if tt.want == "" {
				if got != nil {
					t.Errorf("Reflect() = %s, want nil", got.Raw)
				}
				return
			}
			if got == nil || string(got.Raw) != tt.want {
				t.Errorf("Reflect() = %v, want %s", got, tt.want)
			}
		})
	}
}

func TestReflectRefusesMalformedObjects(t *testing.T) {
	for text, wantErr := range map[string]string{
		`{apiVersion: apps/v1, kind: Deployment, metadata: {name: a}, status: x}`:                                                                       "reflecting status of Deployment a: reading .status",
		`{apiVersion: apps/v1, kind: Deployment, metadata: {name: a, annotations: {resourcetemplate.karmada.io/generation: x}}, status: {replicas: 1}}`: "reading annotation resourcetemplate.karmada.io/generation",
		`{apiVersion: batch/v1, kind: Job, metadata: {name: a}, status: []}`:                                                                            "reading .status",
	} {
		if _, err := New().Reflect(object(t, text)); err == nil || !strings.Contains(err.Error(), wantErr) {
			t.Errorf("Reflect(%s) error = %v, want %q in it", text, err, wantErr)
		}
	}
}

func TestHealth(t *testing.T) {
	const healthy, unhealthy, unknown = workv1alpha2.ResourceHealthy, workv1alpha2.ResourceUnhealthy, workv1alpha2.ResourceUnknown
	tests := []struct {
		name   string
		object string
		want   workv1alpha2.ResourceHealth
	}{
		{"deployment", `{apiVersion: apps/v1, kind: Deployment, metadata: {name: a, generation: 2}, spec: {replicas: 2}, status: {observedGeneration: 2, updatedReplicas: 2, availableReplicas: 2}}`, healthy},
		{"deployment not observed", `{apiVersion: apps/v1, kind: Deployment, metadata: {name: a, generation: 3}, spec: {replicas: 2}, status: {observedGeneration: 2, updatedReplicas: 2, availableReplicas: 2}}`, unhealthy},
		{"deployment not updated", `{apiVersion: apps/v1, kind: Deployment, metadata: {name: a, generation: 2}, spec: {replicas: 2}, status: {observedGeneration: 2, updatedReplicas: 1, availableReplicas: 2}}`, unhealthy},
		{"deployment not available", `{apiVersion: apps/v1, kind: Deployment, metadata: {name: a, generation: 2}, spec: {replicas: 2}, status: {observedGeneration: 2, updatedReplicas: 2, availableReplicas: 1}}`, unhealthy},
		{"deployment of nothing", `{apiVersion: apps/v1, kind: Deployment, metadata: {name: a, generation: 2}, spec: {replicas: 0}, status: {observedGeneration: 2}}`, healthy},
		{"stateful set", `{apiVersion: apps/v1, kind: StatefulSet, metadata: {name: a, generation: 2}, spec: {replicas: 1}, status: {observedGeneration: 2, updatedReplicas: 1, availableReplicas: 1}}`, healthy},
		{"stateful set not available", `{apiVersion: apps/v1, kind: StatefulSet, metadata: {name: a, generation: 2}, spec: {replicas: 1}, status: {observedGeneration: 2, updatedReplicas: 1}}`, unhealthy},
		{"replica set", `{apiVersion: apps/v1, kind: ReplicaSet, metadata: {name: a, generation: 1}, spec: {replicas: 2}, status: {observedGeneration: 1, availableReplicas: 2}}`, healthy},
		{"replica set not available", `{apiVersion: apps/v1, kind: ReplicaSet, metadata: {name: a, generation: 1}, spec: {replicas: 2}, status: {observedGeneration: 1, availableReplicas: 1}}`, unhealthy},
		{"daemon set", `{apiVersion: apps/v1, kind: DaemonSet, metadata: {name: a, generation: 1}, status: {observedGeneration: 1, desiredNumberScheduled: 2, updatedNumberScheduled: 2, numberAvailable: 2}}`, healthy},
		{"daemon set not updated", `{apiVersion: apps/v1, kind: DaemonSet, metadata: {name: a, generation: 1}, status: {observedGeneration: 1, desiredNumberScheduled: 2, updatedNumberScheduled: 1, numberAvailable: 2}}`, unhealthy},
		{"service", `{apiVersion: v1, kind: Service, metadata: {name: a}, spec: {type: NodePort}}`, healthy},
		{"load balancer", `{apiVersion: v1, kind: Service, metadata: {name: a}, spec: {type: LoadBalancer}, status: {loadBalancer: {ingress: [{ip: 1.1.1.1}]}}}`, healthy},
		{"load balancer without address", `{apiVersion: v1, kind: Service, metadata: {name: a}, spec: {type: LoadBalancer}, status: {loadBalancer: {ingress: [{ports: []}]}}}`, unhealthy},
		{"ingress", `{apiVersion: networking.k8s.io/v1, kind: Ingress, metadata: {name: a}, status: {loadBalancer: {ingress: [{}, {hostname: x}]}}}`, healthy},
		{"ingress without address", `{apiVersion: networking.k8s.io/v1, kind: Ingress, metadata: {name: a}, status: {loadBalancer: {}}}`, unhealthy},
		{"claim", `{apiVersion: v1, kind: PersistentVolumeClaim, metadata: {name: a}, status: {phase: Bound}}`, healthy},
		{"claim pending", `{apiVersion: v1, kind: PersistentVolumeClaim, metadata: {name: a}, status: {phase: Pending}}`, unhealthy},
		{"pod succeeded", `{apiVersion: v1, kind: Pod, metadata: {name: a}, status: {phase: Succeeded}}`, healthy},
		{"pod ready", `{apiVersion: v1, kind: Pod, metadata: {name: a}, status: {phase: Running, conditions: [{type: Initialized, status: "False"}, {type: Ready, status: "True"}]}}`, healthy},
		{"pod not ready", `{apiVersion: v1, kind: Pod, metadata: {name: a}, status: {phase: Running, conditions: [{type: Ready, status: "False"}]}}`, unhealthy},
		{"pod pending", `{apiVersion: v1, kind: Pod, metadata: {name: a}, status: {phase: Pending, conditions: [{type: Ready, status: "True"}]}}`, unhealthy},
		{"pod new", `{apiVersion: v1, kind: Pod, metadata: {name: a}}`, unhealthy},
		{"disruption budget", `{apiVersion: policy/v1, kind: PodDisruptionBudget, metadata: {name: a}, status: {currentHealthy: 2, desiredHealthy: 2}}`, healthy},
		{"disruption budget short of pods", `{apiVersion: policy/v1, kind: PodDisruptionBudget, metadata: {name: a}, status: {currentHealthy: 1, desiredHealthy: 2}}`, unhealthy},
		{"kind without a rule", `{apiVersion: v1, kind: ConfigMap, metadata: {name: a}}`, healthy},
		{"malformed", `{apiVersion: apps/v1, kind: Deployment, metadata: {name: a}, status: {observedGeneration: x}}`, unknown},
		{"malformed pod", `{apiVersion: v1, kind: Pod, metadata: {name: a}, status: {phase: Running, conditions: x}}`, unknown},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			got, err := New().Health(object(t, tt.object))
			if got != tt.want || (err != nil) != (tt.want == unknown) {
				t.Errorf("Health() = %s, %v, want %s", got, err, tt.want)
			}
		})
	}
}
