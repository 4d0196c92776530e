package interpreter

import (
	"os"
	"testing"

	"github.com/google/go-cmp/cmp"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/client-go/dynamic"
	"k8s.io/utils/ptr"

	workv1alpha2 "github.com/longshore-project/longshore/apis/work/v1alpha2"
	"github.com/longshore-project/longshore/cmd/longshore/local/localtest"
)

func TestMain(m *testing.M) {
	os.Exit(localtest.Main(m, localtest.Options{}))
}

// A real API server validates status transitions and forbids changes of immutable fields, fills in defaults and omits zeros. These tests show
// that what the interpreter computes gets through, and that what it then reads back gives it nothing more to write.

func newClient(t *testing.T, namespaces ...string) dynamic.Interface {
	t.Helper()
	client, err := dynamic.NewForConfig(localtest.ControlPlane(t))
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range namespaces {
		for _, manifest := range []string{
			`{apiVersion: v1, kind: Namespace, metadata: {name: ` + name + `}}`,
			`{apiVersion: v1, kind: ServiceAccount, metadata: {name: default, namespace: ` + name + `}}`,
		} {
			obj := object(t, manifest)
			if _, err := endpoint(client, obj).Create(t.Context(), obj, metav1.CreateOptions{}); err != nil {
				t.Fatal(err)
			}
		}
	}
	return client
}

func endpoint(client dynamic.Interface, obj *unstructured.Unstructured) dynamic.ResourceInterface {
	plural, _ := meta.UnsafeGuessKindToResource(obj.GroupVersionKind())
	if obj.GetNamespace() == "" {
		return client.Resource(plural)
	}
	return client.Resource(plural).Namespace(obj.GetNamespace())
}

const podTemplate = `template: {metadata: {labels: {app: a}}, spec: {containers: [{name: c, image: nginx}]}}`

func workloadSpec(fields string) string {
	return `{` + fields + `selector: {matchLabels: {app: a}}, ` + podTemplate + `}`
}

var serverObjects = map[string]string{
	"deployment":   `{apiVersion: apps/v1, kind: Deployment, metadata: {name: a}, spec: ` + workloadSpec("replicas: 2, ") + `}`,
	"replica set":  `{apiVersion: apps/v1, kind: ReplicaSet, metadata: {name: a}, spec: ` + workloadSpec("replicas: 2, ") + `}`,
	"stateful set": `{apiVersion: apps/v1, kind: StatefulSet, metadata: {name: a}, spec: ` + workloadSpec("replicas: 2, serviceName: a, ") + `}`,
	"daemon set":   `{apiVersion: apps/v1, kind: DaemonSet, metadata: {name: a}, spec: ` + workloadSpec("") + `}`,
	"job":          `{apiVersion: batch/v1, kind: Job, metadata: {name: a}, spec: {completions: 3, parallelism: 2, ttlSecondsAfterFinished: 60, template: {metadata: {labels: {app: a}}, spec: {restartPolicy: Never, containers: [{name: c, image: nginx}]}}}}`,
	"cron job":     `{apiVersion: batch/v1, kind: CronJob, metadata: {name: a}, spec: {schedule: "@daily", jobTemplate: {spec: {template: {spec: {restartPolicy: Never, containers: [{name: c, image: nginx}]}}}}}}`,
	"pod":          `{apiVersion: v1, kind: Pod, metadata: {name: a}, spec: {containers: [{name: c, image: nginx}]}}`,
	"service":      `{apiVersion: v1, kind: Service, metadata: {name: a}, spec: {ports: [{port: 80}]}}`,
	"headless":     `{apiVersion: v1, kind: Service, metadata: {name: b}, spec: {clusterIP: None, ports: [{port: 80}]}}`,
	"balancer":     `{apiVersion: v1, kind: Service, metadata: {name: c}, spec: {type: LoadBalancer, externalTrafficPolicy: Local, ports: [{port: 80}]}}`,
	"ingress":      `{apiVersion: networking.k8s.io/v1, kind: Ingress, metadata: {name: a}, spec: {defaultBackend: {service: {name: a, port: {number: 80}}}}}`,
	"account":      `{apiVersion: v1, kind: ServiceAccount, metadata: {name: a}, secrets: [{name: own}]}`,
	"secret":       `{apiVersion: v1, kind: Secret, metadata: {name: a}, stringData: {k: v}}`,
	"token":        `{apiVersion: v1, kind: Secret, metadata: {name: b, annotations: {kubernetes.io/service-account.name: default}}, type: kubernetes.io/service-account-token}`,
	"claim":        `{apiVersion: v1, kind: PersistentVolumeClaim, metadata: {name: a}, spec: {accessModes: [ReadWriteOnce], storageClassName: x, resources: {requests: {storage: 1Gi}}}}`,
	"disruption":   `{apiVersion: policy/v1, kind: PodDisruptionBudget, metadata: {name: a}, spec: {minAvailable: 1, selector: {matchLabels: {app: a}}}}`,
	"autoscaler":   `{apiVersion: autoscaling/v2, kind: HorizontalPodAutoscaler, metadata: {name: a}, spec: {maxReplicas: 3, scaleTargetRef: {apiVersion: apps/v1, kind: Deployment, name: a}}}`,
	"config map":   `{apiVersion: v1, kind: ConfigMap, metadata: {name: a}, data: {k: v}}`,
}

// The template of one namespace, pruned, becomes the member's object in another; putting it again after retention changes nothing.
func TestServerAcceptsRetainedObjects(t *testing.T) {
	client := newClient(t, "retain-template", "retain-member")
	for name, text := range serverObjects {
		t.Run(name, func(t *testing.T) {
			template := object(t, text)
			template.SetNamespace("retain-template")
			template, err := endpoint(client, template).Create(t.Context(), template, metav1.CreateOptions{})
			if err != nil {
				t.Fatal(err)
			}
			// The real member is another server: its ports are free.
			if err := endpoint(client, template).Delete(t.Context(), template.GetName(), metav1.DeleteOptions{PropagationPolicy: ptr.To(metav1.DeletePropagationBackground)}); err != nil {
				t.Fatal(err)
			}
			desired := template.DeepCopy()
			Prune(desired)
			desired.SetNamespace("retain-member")
			observed, err := endpoint(client, desired).Create(t.Context(), desired, metav1.CreateOptions{})
			if err != nil {
				t.Fatalf("creating the pruned object: %v", err)
			}
			// The server stores some defaults (a claim's phase) only with the first update.
			settled := putRetained(t, client, desired.DeepCopy(), observed)
			written := putRetained(t, client, desired.DeepCopy(), settled)
			if diff := cmp.Diff(settled, written); diff != "" {
				t.Errorf("putting the retained object changes it (-before +after):\n%s", diff)
			}
		})
	}
}

func putRetained(t *testing.T, client dynamic.Interface, desired, observed *unstructured.Unstructured) *unstructured.Unstructured {
	t.Helper()
	if err := New().Retain(desired, observed); err != nil {
		t.Fatal(err)
	}
	written, err := endpoint(client, desired).Update(t.Context(), desired, metav1.UpdateOptions{})
	if err != nil {
		t.Fatalf("putting the retained object: %v", err)
	}
	return written
}

func TestServerAcceptsAggregatedStatus(t *testing.T) {
	const (
		running  = `{"active":2,"failed":1,"startTime":"2026-01-01T00:00:01Z"}`
		complete = `{"succeeded":2,"startTime":"2026-01-01T00:00:01Z","completionTime":"2026-01-01T00:01:00Z","conditions":[{"type":"Complete","status":"True","lastTransitionTime":"2026-01-01T00:01:01Z"}]}`
		failed   = `{"failed":2,"startTime":"2026-01-01T00:00:00Z","conditions":[{"type":"Failed","status":"True","lastTransitionTime":"2026-01-01T00:01:01Z"}]}`
	)
	tests := []struct {
		name   string
		object string
		steps  [][]string // the statuses of m1, m2 … one after the other
	}{
		{"deployment", "deployment", [][]string{
			{``}, {`{"generation":1,"observedGeneration":1,"resourceTemplateGeneration":1,"replicas":2,"updatedReplicas":2,"readyReplicas":2,"availableReplicas":2,"terminatingReplicas":0}`}, {},
		}},
		{"replica set", "replica set", [][]string{{`{"generation":1,"observedGeneration":1,"resourceTemplateGeneration":1,"replicas":2,"readyReplicas":2,"availableReplicas":2}`}, {``}}},
		{"stateful set", "stateful set", [][]string{{``}, {`{"generation":1,"observedGeneration":1,"resourceTemplateGeneration":1,"replicas":2,"readyReplicas":2,"currentReplicas":2}`}, {}}},
		{"daemon set", "daemon set", [][]string{{``}, {`{"generation":1,"observedGeneration":1,"resourceTemplateGeneration":1,"currentNumberScheduled":2,"desiredNumberScheduled":2}`}, {}}},
		{"job that completes", "job", [][]string{{``, ``}, {running, ``}, {running, running}, {running, complete}, {complete, complete}, {}}},
		{"job that fails while a member still runs", "job", [][]string{{running, running}, {running}, {running, failed}, {complete, failed}}},
		{"job that fails before all have started", "job", [][]string{{failed, ``}}},
		{"cron job", "cron job", [][]string{{`{"active":[{"name":"x","kind":"Job"}],"lastScheduleTime":"2026-01-01T00:00:01Z"}`, `{"active":[{"name":"x","kind":"Job"}]}`}, {`{}`}}},
		{"pod", "pod", [][]string{{`{"phase":"Running","containerStatuses":[{"name":"c","image":"i","imageID":"","ready":true,"restartCount":0}]}`, `{"phase":"Pending"}`}, {`{"phase":"Succeeded"}`}}},
		{"load balancer", "balancer", [][]string{{``}, {`{"loadBalancer":{"ingress":[{"ip":"10.0.0.1","ipMode":"VIP"}]}}`, `{"loadBalancer":{"ingress":[{"hostname":"x.example"}]}}`}, {}}},
		{"ingress", "ingress", [][]string{{``}, {`{"loadBalancer":{"ingress":[{"ip":"10.0.0.1"}]}}`}, {}}},
		{"claim", "claim", [][]string{{`{"phase":"Pending"}`}, {`{"phase":"Bound"}`}, {`{"phase":"Lost"}`, `{"phase":"Bound"}`}}},
		{"disruption budget", "disruption", [][]string{{``}, {`{"currentHealthy":1,"desiredHealthy":2,"expectedPods":3,"disruptedPods":{"x":"2026-01-01T00:00:01Z"}}`, `{"disruptionsAllowed":1}`}, {}}},
		{"autoscaler", "autoscaler", [][]string{{``}, {`{"currentReplicas":1,"desiredReplicas":2}`}, {}}},
	}
	for i, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			namespace := "aggregate-" + string(rune('a'+i))
			client := newClient(t, namespace)
			template := object(t, serverObjects[tt.object])
			template.SetNamespace(namespace)
			template, err := endpoint(client, template).Create(t.Context(), template, metav1.CreateOptions{})
			if err != nil {
				t.Fatal(err)
			}
			for step, statuses := range tt.steps {
				template = aggregateOnServer(t, client, template, step, statuses)
			}
		})
	}
}

// aggregateOnServer writes the aggregated status if it changed and returns what the server made of it.
func aggregateOnServer(t *testing.T, client dynamic.Interface, template *unstructured.Unstructured, step int, statuses []string) *unstructured.Unstructured {
	t.Helper()
	var items []workv1alpha2.AggregatedStatusItem
	for i, status := range statuses {
		items = append(items, item("m"+string(rune('1'+i)), status))
	}
	changed, err := New().Aggregate(template, items)
	if err != nil {
		t.Fatalf("step %d: %v", step, err)
	}
	if !changed {
		return template
	}
	written, err := endpoint(client, template).UpdateStatus(t.Context(), template, metav1.UpdateOptions{})
	if err != nil {
		t.Fatalf("step %d: writing the status: %v", step, err)
	}
	again := written.DeepCopy()
	if changed, err := New().Aggregate(again, items); changed || err != nil {
		t.Errorf("step %d: aggregating once more = %t, %v, want false, nil (-server's +new):\n%s", step, changed, err, cmp.Diff(written, again))
	}
	return written
}

func TestServerKeepsVolumesOfMembers(t *testing.T) {
	client := newClient(t)
	volume := object(t, `{apiVersion: v1, kind: PersistentVolume, metadata: {name: retained}, spec: {capacity: {storage: 1Gi}, accessModes: [ReadWriteOnce], hostPath: {path: /x}}}`)
	volumes := client.Resource(schema.GroupVersionResource{Version: "v1", Resource: "persistentvolumes"})
	observed, err := volumes.Create(t.Context(), volume, metav1.CreateOptions{})
	if err != nil {
		t.Fatal(err)
	}
	if err := setField(observed, map[string]any{"kind": "PersistentVolumeClaim", "namespace": "default", "name": "c", "uid": "u"}, "spec", "claimRef"); err != nil {
		t.Fatal(err)
	}
	if observed, err = volumes.Update(t.Context(), observed, metav1.UpdateOptions{}); err != nil {
		t.Fatal(err)
	}
	written := putRetained(t, client, volume, observed)
	if diff := cmp.Diff(observed, written); diff != "" {
		t.Errorf("putting the retained volume changes it (-before +after):\n%s", diff)
	}
}
