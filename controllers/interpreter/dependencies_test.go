package interpreter

import (
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

func TestDependencies(t *testing.T) {
	const rich = `{serviceAccountName: robot, imagePullSecrets: [{name: pull}], initContainers: [{name: i, envFrom: [{configMapRef: {name: cm-from}}, {secretRef: {name: s-from}}]}],
containers: [{name: c, env: [{name: A, value: x}, {name: B, valueFrom: {configMapKeyRef: {name: cm-env, key: k}}}, {name: C, valueFrom: {secretKeyRef: {name: s-env, key: k}}}, {name: D, valueFrom: {fieldRef: {fieldPath: x}}}]}],
volumes: [{name: v1, configMap: {name: cm-vol}}, {name: v2, secret: {secretName: s-vol}}, {name: v3, persistentVolumeClaim: {claimName: pvc}}, {name: v4, emptyDir: {}}, {name: v6, configMap: {name: cm-vol}},
{name: v5, projected: {sources: [{configMap: {name: cm-proj}}, {secret: {name: s-proj}}, {serviceAccountToken: {path: t}}]}}, {name: v7, csi: {driver: d, nodePublishSecretRef: {name: s-csi}}}]}`
	want := []string{
		"v1 ConfigMap ns/cm-env", "v1 ConfigMap ns/cm-from", "v1 ConfigMap ns/cm-proj", "v1 ConfigMap ns/cm-vol", "v1 PersistentVolumeClaim ns/pvc",
		"v1 Secret ns/pull", "v1 Secret ns/s-csi", "v1 Secret ns/s-env", "v1 Secret ns/s-from", "v1 Secret ns/s-proj", "v1 Secret ns/s-vol", "v1 ServiceAccount ns/robot",
	}
	template := func(apiVersion, kind, spec string) string {
		return fmt.Sprintf(`{apiVersion: %s, kind: %s, metadata: {name: a, namespace: ns}, spec: %s}`, apiVersion, kind, spec)
	}
	inTemplate := fmt.Sprintf(`{template: {spec: %s}}`, rich)
	tests := []struct {
		name   string
		object string
		want   []string
	}{
		{"deployment", template("apps/v1", "Deployment", inTemplate), want},
		{"replica set", template("apps/v1", "ReplicaSet", inTemplate), want},
		{"stateful set", template("apps/v1", "StatefulSet", inTemplate), want},
		{"daemon set", template("apps/v1", "DaemonSet", inTemplate), want},
		{"job", template("batch/v1", "Job", inTemplate), want},
		{"cron job", template("batch/v1", "CronJob", fmt.Sprintf(`{jobTemplate: {spec: %s}}`, inTemplate)), want},
		{"pod", template("v1", "Pod", rich), want},
		{"default service account", template("v1", "Pod", `{serviceAccountName: default}`), nil},
		{
			"stateful set with claim templates",
			template("apps/v1", "StatefulSet", `{volumeClaimTemplates: [{metadata: {name: www}}], template: {spec: {volumes: [{name: www, persistentVolumeClaim: {claimName: www}}, {name: shared, persistentVolumeClaim: {claimName: shared}}]}}}`),
			[]string{"v1 PersistentVolumeClaim ns/shared"},
		},
		{"ingress", template("networking.k8s.io/v1", "Ingress", `{tls: [{secretName: b}, {hosts: [x]}, {secretName: a}]}`), []string{"v1 Secret ns/a", "v1 Secret ns/b"}},
		{
			"service import", template("multicluster.x-k8s.io/v1alpha1", "ServiceImport", `{}`),
			[]string{"discovery.k8s.io/v1 EndpointSlice ns/ kubernetes.io/service-name=derived-a", "v1 Service ns/derived-a"},
		},
		{"kind without references", template("v1", "ConfigMap", `{}`), nil},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			found, err := New().Dependencies(object(t, tt.object))
			if err != nil {
				t.Fatal(err)
			}
			var got []string
			for _, d := range found {
				text := fmt.Sprintf("%s %s %s/%s", d.APIVersion, d.Kind, d.Namespace, d.Name)
				if d.LabelSelector != nil {
					text += " " + metav1.FormatLabelSelector(d.LabelSelector)
				}
				got = append(got, text)
			}
			if diff := cmp.Diff(tt.want, got); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
		})
	}
}

func TestDependenciesRefusesMalformedObjects(t *testing.T) {
	for text, wantErr := range map[string]string{
		`{apiVersion: apps/v1, kind: Deployment, metadata: {name: a}, spec: {template: {spec: {volumes: x}}}}`: "reading references of Deployment a: decoding the pod spec",
		`{apiVersion: apps/v1, kind: StatefulSet, metadata: {name: a}, spec: {volumeClaimTemplates: [x]}}`:     "reading spec.volumeClaimTemplates[0]",
		`{apiVersion: networking.k8s.io/v1, kind: Ingress, metadata: {name: a}, spec: {tls: x}}`:               "reading .spec.tls",
	} {
		if _, err := New().Dependencies(object(t, text)); err == nil || !strings.Contains(err.Error(), wantErr) {
			t.Errorf("Dependencies(%s) error = %v, want %q in it", text, err, wantErr)
		}
	}
}
