package crds

import (
	"fmt"
	"strings"
	"testing"

	"k8s.io/apiextensions-apiserver/pkg/apis/apiextensions"
	"k8s.io/apiextensions-apiserver/pkg/apis/apiextensions/validation"
)

// TestLargestObjects shows that an object which uses every bound to the full does not exhaust the server's budget for running rules.
func TestLargestObjects(t *testing.T) {
	tests := []struct {
		name   string
		suite  string
		change func(object map[string]any)
	}{
		{name: "selectors", suite: "propagationpolicies.policy.karmada.io", change: func(object map[string]any) {
			spec(object)["preemption"] = "Always"
			spec(object)["resourceSelectors"] = times(1000, func(i int) any {
				return map[string]any{"apiVersion": "apps/v1", "kind": "Deployment", "name": fmt.Sprint("app-", i)}
			})
		}},
		{name: "affinities", suite: "propagationpolicies.policy.karmada.io", change: func(object map[string]any) {
			spec(object)["placement"] = map[string]any{
				"replicaScheduling": map[string]any{"replicaDivisionPreference": "Aggregated"},
				"clusterAffinities": times(64, func(i int) any {
					return map[string]any{
						"affinityName":       fmt.Sprint("term-", i),
						"clusterNames":       times(200, func(j int) any { return fmt.Sprint("member-", j) }),
						"overflowAffinities": times(32, func(j int) any { return map[string]any{"affinityName": fmt.Sprint("tier-", j)} }),
					}
				}),
				"clusterTolerations": times(256, func(i int) any { return map[string]any{"key": fmt.Sprint("taint-", i), "operator": "Exists"} }),
				"spreadConstraints":  times(32, func(i int) any { return map[string]any{"spreadByLabel": fmt.Sprint("label-", i)} }),
			}
		}},
		{name: "components", suite: "resourcebindings.work.karmada.io", change: func(object map[string]any) {
			spec(object)["components"] = times(64, func(i int) any { return map[string]any{"name": fmt.Sprint("component-", i), "replicas": int64(1)} })
		}},
		{name: "quota", suite: "federatedresourcequotas.policy.karmada.io", change: func(object map[string]any) {
			hard := map[string]any{}
			for i := range 128 {
				hard[fmt.Sprint("example.io/resource-", i)] = int64(i)
			}
			spec(object)["overall"] = hard
			spec(object)["staticAssignments"] = times(1000, func(i int) any {
				return map[string]any{"clusterName": fmt.Sprint("member-", i), "hard": hard}
			})
		}},
		{name: "resource models", suite: "clusters.cluster.karmada.io", change: func(object map[string]any) {
			spec(object)["resourceModels"] = times(64, func(i int) any {
				return map[string]any{"grade": int64(i), "ranges": times(16, func(j int) any {
					return map[string]any{"name": fmt.Sprint("example.io/resource-", j), "min": int64(i), "max": int64(i + 1)}
				})}
			})
		}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			object := patched(t, readSuite(t, suitePath(tt.suite)).Base, nil)
			tt.change(object)
			if errs := admissionOf(t, tt.suite).admit(t.Context(), object, nil); len(errs) > 0 {
				t.Error(errs.ToAggregate())
			}
		})
	}
}

// TestServerRefusesUnboundedRules shows that TestServerAccepts would notice a rule that costs too much.
func TestServerRefusesUnboundedRules(t *testing.T) {
	crd := definition(t, "propagationpolicies.policy.karmada.io")
	schema := crd.Spec.Versions[0].Schema
	if schema == nil {
		schema = crd.Spec.Validation
	}
	placement := schema.OpenAPIV3Schema.Properties["spec"].Properties["placement"]
	affinities := placement.Properties["clusterAffinities"]
	affinities.MaxItems = nil
	placement.Properties["clusterAffinities"] = affinities
	crd.Status.StoredVersions = []string{"v1alpha1"}

	err := validation.ValidateCustomResourceDefinition(t.Context(), crd).ToAggregate()
	if err == nil || !strings.Contains(err.Error(), "estimated rule cost exceeds budget") {
		t.Errorf("got %v, want an error about the estimated cost", err)
	}
}

func spec(object map[string]any) map[string]any { return object["spec"].(map[string]any) }

func times(n int, item func(i int) any) []any {
	list := make([]any, n)
	for i := range list {
		list[i] = item(i)
	}
	return list
}

func definition(t *testing.T, name string) *apiextensions.CustomResourceDefinition {
	t.Helper()
	for _, crd := range loadAll(t) {
		if crd.Name == name {
			return toInternal(t, crd)
		}
	}
	t.Fatalf("no definition is named %s", name)
	return nil
}

func admissionOf(t *testing.T, name string) *admission {
	t.Helper()
	return newAdmission(t, definition(t, name))
}
