package e2e

import (
	"context"
	"fmt"
	"strings"
	"testing"

	corev1 "k8s.io/api/core/v1"
)

// mentions checks whether text holds part.
func mentions(text, part string, want bool) error {
	if strings.Contains(text, part) != want {
		return fmt.Errorf("%q in the text is %t, want %t:\n%s", part, !want, want, text)
	}
	return nil
}

func TestTwoTemplatesOfOnePolicy(t *testing.T) {
	t.Parallel()
	ns := demo.namespace(t, "two-templates")
	demo.apply(t, ns,
		policy("both", "[{apiVersion: apps/v1, kind: Deployment}]", weights("member1=1", "member2=1")),
		deployment("first", 2), deployment("second", 4))
	demo.eventually(t, "the first template runs", demo.runs(ns, "first", map[string]int32{"member1": 1, "member2": 1}))
	demo.eventually(t, "the second template runs", demo.runs(ns, "second", map[string]int32{"member1": 2, "member2": 2}))

	demo.must(t, controlPlane, "", "-n", ns, "delete", "deployment", "first")
	demo.eventually(t, "only the first is gone", demo.absent(ns, "deployment", "first", members...))
	demo.eventually(t, "the second still runs", demo.runs(ns, "second", map[string]int32{"member1": 2, "member2": 2}))
}

func TestServiceAndConfigMapBesideDeployment(t *testing.T) {
	t.Parallel()
	ns := demo.namespace(t, "beside")
	selectors := `[{apiVersion: apps/v1, kind: Deployment, name: web}, {apiVersion: v1, kind: Service, name: web}, {apiVersion: v1, kind: ConfigMap, name: web}]`
	demo.apply(t, ns, deployment("web", 2), policy("web", selectors, copies("member1", "member2")), `
apiVersion: v1
kind: Service
metadata: {name: web}
spec:
  selector: {app: web}
  ports: [{port: 80}]`, `
apiVersion: v1
kind: ConfigMap
metadata: {name: web}
data: {greeting: hello}`)
	targets := []string{"member1", "member2"}
	demo.eventually(t, "the Service is there", demo.present(ns, "service", "web", targets...))
	demo.eventually(t, "the ConfigMap is there", demo.present(ns, "configmap", "web", targets...))
	demo.eventually(t, "the Deployment runs", demo.runs(ns, "web", map[string]int32{"member1": 2, "member2": 2}))
	if err := demo.absent(ns, "service", "web", "member3")(t.Context()); err != nil {
		t.Error(err)
	}

	service, _, err := read[corev1.Service](t.Context(), demo, "member1", ns, "service", "web")
	if err != nil || service.Spec.ClusterIP == "" {
		t.Errorf("the member's own cluster IP was lost: %+v, %v", service.Spec, err)
	}
	demo.must(t, controlPlane, "", "-n", ns, "patch", "configmap", "web", "--type=merge", "-p", `{"data":{"greeting":"good morning"}}`)
	demo.eventually(t, "the new data is in both members", func(ctx context.Context) error {
		for _, member := range targets {
			got, _, err := read[corev1.ConfigMap](ctx, demo, member, ns, "configmap", "web")
			if err != nil || got.Data["greeting"] != "good morning" {
				return fmt.Errorf("%s has %v: %w", member, got.Data, err)
			}
		}
		return nil
	})
}

func TestClusterRoleThroughClusterPolicy(t *testing.T) {
	t.Parallel()
	demo.apply(t, "default", `
apiVersion: rbac.authorization.k8s.io/v1
kind: ClusterRole
metadata: {name: e2e-reader}
rules: [{apiGroups: [""], resources: [pods], verbs: [get, list]}]`, `
apiVersion: policy.karmada.io/v1alpha1
kind: ClusterPropagationPolicy
metadata: {name: e2e-reader}
spec:
  resourceSelectors: [{apiVersion: rbac.authorization.k8s.io/v1, kind: ClusterRole, name: e2e-reader}]
  placement: {clusterAffinity: {clusterNames: [member2, member3]}}`)
	demo.eventually(t, "both members have the role", demo.present("", "clusterrole", "e2e-reader", "member2", "member3"))
	if err := demo.absent("", "clusterrole", "e2e-reader", "member1")(t.Context()); err != nil {
		t.Error(err)
	}
	demo.eventually(t, "its binding is scheduled and applied", func(ctx context.Context) error {
		out, err := demo.kubectl(ctx, controlPlane, "", "get", "clusterresourcebinding", "e2e-reader-clusterrole", "--no-headers")
		if err != nil {
			return err
		}
		if fields := strings.Fields(out); len(fields) < 3 || fields[1] != "True" || fields[2] != "True" {
			return fmt.Errorf("columns are %q, want SCHEDULED and FULLYAPPLIED True", fields)
		}
		return nil
	})

	demo.must(t, controlPlane, "", "delete", "clusterrole/e2e-reader", "clusterpropagationpolicy/e2e-reader")
	demo.eventually(t, "the role is gone everywhere", demo.absent("", "clusterrole", "e2e-reader", members...))
}
