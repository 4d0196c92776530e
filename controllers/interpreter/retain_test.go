package interpreter

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestRetain(t *testing.T) {
	tests := []struct{ name, desired, observed, want string }{
		{
			"metadata",
			`{apiVersion: v1, kind: ConfigMap, metadata: {name: a, labels: {both: ours, new: x}, annotations: {resourcetemplate.karmada.io/managed-labels: "both,new"}}, data: {k: v}}`,
			`{apiVersion: v1, kind: ConfigMap, metadata: {name: a, resourceVersion: "7", uid: u, finalizers: [f], ownerReferences: [{apiVersion: v1, kind: Node, name: node1, uid: o}],
labels: {both: theirs, own: z, dropped: q}, annotations: {resourcetemplate.karmada.io/managed-labels: "both,dropped", resourcetemplate.karmada.io/managed-annotations: "gone,resourcetemplate.karmada.io/managed-annotations", gone: "1", kept: "2"}}, data: {k: changed, more: x}}`,
			`{apiVersion: v1, kind: ConfigMap, metadata: {name: a, resourceVersion: "7", finalizers: [f], ownerReferences: [{apiVersion: v1, kind: Node, name: node1, uid: o}],
labels: {both: ours, new: x, own: z}, annotations: {resourcetemplate.karmada.io/managed-labels: "both,new", kept: "2"}}, data: {k: v}}`,
		},
		{
			"deployment", `{apiVersion: apps/v1, kind: Deployment, metadata: {name: a}, spec: {replicas: 2}}`,
			`{apiVersion: apps/v1, kind: Deployment, metadata: {name: a, labels: {resourcetemplate.karmada.io/retain-replicas: "true"}}, spec: {replicas: 9}}`,
			`{apiVersion: apps/v1, kind: Deployment, metadata: {name: a, labels: {resourcetemplate.karmada.io/retain-replicas: "true"}}, spec: {replicas: 2}}`,
		},
		{
			"deployment whose template leaves replicas to the member",
			`{apiVersion: apps/v1, kind: Deployment, metadata: {name: a, labels: {resourcetemplate.karmada.io/retain-replicas: "true"}}, spec: {replicas: 2}}`,
			`{apiVersion: apps/v1, kind: Deployment, metadata: {name: a}, spec: {replicas: 0}}`,
			`{apiVersion: apps/v1, kind: Deployment, metadata: {name: a, labels: {resourcetemplate.karmada.io/retain-replicas: "true"}}, spec: {replicas: 0}}`,
		},
		{
			"pod", `{apiVersion: v1, kind: Pod, metadata: {name: a}, spec: {containers: [{name: c, image: i, volumeMounts: [{name: v}]}, {name: d}], initContainers: [{name: i}], volumes: [{name: v}]}}`,
			`{apiVersion: v1, kind: Pod, metadata: {name: a}, spec: {nodeName: node1, serviceAccountName: default, volumes: [{name: v}, {name: token}], initContainers: [{name: i, volumeMounts: [{name: token}]}],
containers: [{name: d}, {name: c, image: old, volumeMounts: [{name: v}, {name: token}]}]}}`,
			`{apiVersion: v1, kind: Pod, metadata: {name: a}, spec: {nodeName: node1, serviceAccountName: default, volumes: [{name: v}, {name: token}], initContainers: [{name: i, volumeMounts: [{name: token}]}],
containers: [{name: c, image: i, volumeMounts: [{name: v}, {name: token}]}, {name: d}]}}`,
		},
		{
			"service", `{apiVersion: v1, kind: Service, metadata: {name: a}, spec: {type: LoadBalancer}}`,
			`{apiVersion: v1, kind: Service, metadata: {name: a}, spec: {clusterIP: 10.0.0.1, clusterIPs: [10.0.0.1], healthCheckNodePort: 30000}}`,
			`{apiVersion: v1, kind: Service, metadata: {name: a}, spec: {type: LoadBalancer, clusterIP: 10.0.0.1, clusterIPs: [10.0.0.1], healthCheckNodePort: 30000}}`,
		},
		{
			"headless service", `{apiVersion: v1, kind: Service, metadata: {name: a}, spec: {clusterIP: None, clusterIPs: [None]}}`,
			`{apiVersion: v1, kind: Service, metadata: {name: a}, spec: {clusterIP: 10.0.0.1, clusterIPs: [10.0.0.1]}}`,
			`{apiVersion: v1, kind: Service, metadata: {name: a}, spec: {clusterIP: None, clusterIPs: [None]}}`,
		},
		{
			"service that becomes an external name", `{apiVersion: v1, kind: Service, metadata: {name: a}, spec: {type: ExternalName, externalName: x}}`,
			`{apiVersion: v1, kind: Service, metadata: {name: a}, spec: {clusterIP: 10.0.0.1, clusterIPs: [10.0.0.1]}}`,
			`{apiVersion: v1, kind: Service, metadata: {name: a}, spec: {type: ExternalName, externalName: x}}`,
		},
		{
			"service account", `{apiVersion: v1, kind: ServiceAccount, metadata: {name: a}, secrets: [{name: ours}], imagePullSecrets: [{name: pull}]}`,
			`{apiVersion: v1, kind: ServiceAccount, metadata: {name: a}, secrets: [{name: a-token-x}, {name: ours}]}`,
			`{apiVersion: v1, kind: ServiceAccount, metadata: {name: a}, secrets: [{name: ours}, {name: a-token-x}], imagePullSecrets: [{name: pull}]}`,
		},
		{
			"claim", `{apiVersion: v1, kind: PersistentVolumeClaim, metadata: {name: a}, spec: {x: 1}}`,
			`{apiVersion: v1, kind: PersistentVolumeClaim, metadata: {name: a}, spec: {volumeName: pv}}`,
			`{apiVersion: v1, kind: PersistentVolumeClaim, metadata: {name: a}, spec: {x: 1, volumeName: pv}}`,
		},
		{
			"volume", `{apiVersion: v1, kind: PersistentVolume, metadata: {name: a}, spec: {}}`,
			`{apiVersion: v1, kind: PersistentVolume, metadata: {name: a}, spec: {claimRef: {name: c, uid: u}}}`,
			`{apiVersion: v1, kind: PersistentVolume, metadata: {name: a}, spec: {claimRef: {name: c, uid: u}}}`,
		},
		{
			"job", `{apiVersion: batch/v1, kind: Job, metadata: {name: a}, spec: {template: {metadata: {labels: {app: x}}}}}`,
			`{apiVersion: batch/v1, kind: Job, metadata: {name: a}, spec: {selector: {matchLabels: {controller-uid: u}}, template: {metadata: {labels: {app: x, controller-uid: u}}}}}`,
			`{apiVersion: batch/v1, kind: Job, metadata: {name: a}, spec: {selector: {matchLabels: {controller-uid: u}}, template: {metadata: {labels: {app: x, controller-uid: u}}}}}`,
		},
		{
			"token", `{apiVersion: v1, kind: Secret, metadata: {name: a}, type: kubernetes.io/service-account-token}`,
			`{apiVersion: v1, kind: Secret, metadata: {name: a}, type: kubernetes.io/service-account-token, data: {token: eA==}}`,
			`{apiVersion: v1, kind: Secret, metadata: {name: a}, type: kubernetes.io/service-account-token, data: {token: eA==}}`,
		},
		{
			"other secret", `{apiVersion: v1, kind: Secret, metadata: {name: a}, type: Opaque, data: {k: eA==}}`,
			`{apiVersion: v1, kind: Secret, metadata: {name: a}, type: Opaque, data: {token: eQ==}}`,
			`{apiVersion: v1, kind: Secret, metadata: {name: a}, type: Opaque, data: {k: eA==}}`,
		},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			got, observed := object(t, tt.desired), object(t, tt.observed)
			before := observed.DeepCopy()
			if err := New().Retain(got, observed); err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(object(t, tt.want), got); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
			scramble(got.Object)
			if diff := cmp.Diff(before, observed); diff != "" {
				t.Errorf("the observed object was changed or shares memory (-before +after):\n%s", diff)
			}
		})
	}
}

// scramble overwrites everything below value, so that shared memory shows.
func scramble(value any) {
	switch v := value.(type) {
	case map[string]any:
		for key, child := range v {
			scramble(child)
			v[key] = "scrambled"
		}
	case []any:
		for i, child := range v {
			scramble(child)
			v[i] = "scrambled"
		}
	}
}

func TestRetainRefusesMalformedObjects(t *testing.T) {
	tests := []struct{ name, desired, observed, wantErr string }{
		{
			"volumes", `{apiVersion: v1, kind: Pod, metadata: {name: a}, spec: {containers: {}}}`, `{apiVersion: v1, kind: Pod, metadata: {name: a}}`,
			"retaining the member's fields of Pod a: reading .spec.containers",
		},
		{
			"replicas", `{apiVersion: apps/v1, kind: Deployment, metadata: {name: a, labels: {resourcetemplate.karmada.io/retain-replicas: "true"}}}`,
			`{apiVersion: apps/v1, kind: Deployment, metadata: {name: a}, spec: {replicas: x}}`, "reading .spec.replicas",
		},
		{
			"secrets", `{apiVersion: v1, kind: ServiceAccount, metadata: {name: a}, secrets: x}`, `{apiVersion: v1, kind: ServiceAccount, metadata: {name: a}}`,
			"reading .secrets",
		},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			err := New().Retain(object(t, tt.desired), object(t, tt.observed))
			if err == nil || !strings.Contains(err.Error(), tt.wantErr) {
				t.Errorf("Retain() error = %v, want %q in it", err, tt.wantErr)
			}
		})
	}
}

func TestPrune(t *testing.T) {
	tests := []struct{ name, object, want string }{
		{
			"metadata and status", `{apiVersion: v1, kind: Namespace, metadata: {name: a, namespace: n, creationTimestamp: "2026-01-01T00:00:00Z", deletionTimestamp: "2026-01-01T00:00:00Z", deletionGracePeriodSeconds: 1, generation: 3,
managedFields: [{manager: m}], resourceVersion: "1", selfLink: /x, uid: u, ownerReferences: [{name: o}], finalizers: [f], labels: {l: x}, annotations: {a: x, deployment.kubernetes.io/revision: "1"}}, spec: {finalizers: [kubernetes]}, status: {phase: Active}}`,
			`{apiVersion: v1, kind: Namespace, metadata: {name: a, namespace: n, labels: {l: x}, annotations: {a: x, deployment.kubernetes.io/revision: "1"}}, spec: {finalizers: [kubernetes]}}`,
		},
		{
			"deployment", `{apiVersion: apps/v1, kind: Deployment, metadata: {name: a, annotations: {deployment.kubernetes.io/revision: "1"}}}`,
			`{apiVersion: apps/v1, kind: Deployment, metadata: {name: a}}`,
		},
		{
			"replica set", `{apiVersion: apps/v1, kind: ReplicaSet, metadata: {name: a, annotations: {deployment.kubernetes.io/revision: "1", deployment.kubernetes.io/desired-replicas: "2", deployment.kubernetes.io/max-replicas: "3", x: z}}}`,
			`{apiVersion: apps/v1, kind: ReplicaSet, metadata: {name: a, annotations: {x: z}}}`,
		},
		{
			"daemon set", `{apiVersion: apps/v1, kind: DaemonSet, metadata: {name: a, annotations: {deprecated.daemonset.template.generation: "2"}}}`,
			`{apiVersion: apps/v1, kind: DaemonSet, metadata: {name: a}}`,
		},
		{
			"job", `{apiVersion: batch/v1, kind: Job, metadata: {name: a}, spec: {ttlSecondsAfterFinished: 5, selector: {matchLabels: {batch.kubernetes.io/controller-uid: u}},
template: {metadata: {labels: {app: x, controller-uid: u, job-name: a, batch.kubernetes.io/controller-uid: u, batch.kubernetes.io/job-name: a}}}}}`,
			`{apiVersion: batch/v1, kind: Job, metadata: {name: a}, spec: {template: {metadata: {labels: {app: x}}}}}`,
		},
		{
			"job with its own selector", `{apiVersion: batch/v1, kind: Job, metadata: {name: a}, spec: {manualSelector: true, ttlSecondsAfterFinished: 5, selector: {matchLabels: {controller-uid: u}}, template: {metadata: {labels: {controller-uid: u}}}}}`,
			`{apiVersion: batch/v1, kind: Job, metadata: {name: a}, spec: {manualSelector: true, selector: {matchLabels: {controller-uid: u}}, template: {metadata: {labels: {controller-uid: u}}}}}`,
		},
		{
			"token", `{apiVersion: v1, kind: Secret, metadata: {name: a, annotations: {kubernetes.io/service-account.uid: u, kubernetes.io/service-account.name: s}}, type: kubernetes.io/service-account-token, data: {token: eA==}}`,
			`{apiVersion: v1, kind: Secret, metadata: {name: a, annotations: {kubernetes.io/service-account.name: s}}, type: kubernetes.io/service-account-token}`,
		},
		{
			"other secret", `{apiVersion: v1, kind: Secret, metadata: {name: a}, data: {token: eA==}}`, `{apiVersion: v1, kind: Secret, metadata: {name: a}, data: {token: eA==}}`,
		},
		{
			"service account", `{apiVersion: v1, kind: ServiceAccount, metadata: {name: a}, secrets: [{name: a-token-12345}, {name: own}]}`,
			`{apiVersion: v1, kind: ServiceAccount, metadata: {name: a}, secrets: [{name: own}]}`,
		},
		{
			"service account without secrets of its own", `{apiVersion: v1, kind: ServiceAccount, metadata: {name: a}, secrets: [{name: a-token-12345}]}`,
			`{apiVersion: v1, kind: ServiceAccount, metadata: {name: a}}`,
		},
		{
			"service", `{apiVersion: v1, kind: Service, metadata: {name: a}, spec: {clusterIP: 10.0.0.1, clusterIPs: [10.0.0.1], x: z}}`,
			`{apiVersion: v1, kind: Service, metadata: {name: a}, spec: {x: z}}`,
		},
		{
			"headless service", `{apiVersion: v1, kind: Service, metadata: {name: a}, spec: {clusterIP: None, clusterIPs: [None]}}`,
			`{apiVersion: v1, kind: Service, metadata: {name: a}, spec: {clusterIP: None, clusterIPs: [None]}}`,
		},
		{
			"claim", `{apiVersion: v1, kind: PersistentVolumeClaim, metadata: {name: a, annotations: {volume.kubernetes.io/selected-node: n}}}`,
			`{apiVersion: v1, kind: PersistentVolumeClaim, metadata: {name: a}}`,
		},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			got := object(t, tt.object)
			Prune(got)
			if diff := cmp.Diff(object(t, tt.want), got); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
		})
	}
}

func TestManagedKeys(t *testing.T) {
	if got := ManagedKeys(map[string]string{"b": "1", "a": "2"}); got != "a,b" {
		t.Errorf("ManagedKeys() = %q, want a,b", got)
	}
	if got := ManagedKeys(nil); got != "" {
		t.Errorf("ManagedKeys(nil) = %q, want nothing", got)
	}
}
