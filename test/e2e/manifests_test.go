package e2e

import (
	"fmt"
	"strings"
)

// deployment returns a Deployment whose pods request little.
func deployment(name string, replicas int) string {
	return fmt.Sprintf(`
apiVersion: apps/v1
kind: Deployment
metadata: {name: %[1]s, labels: {app: %[1]s}}
spec:
  replicas: %[2]d
  selector: {matchLabels: {app: %[1]s}}
  template:
    metadata: {labels: {app: %[1]s}}
    spec:
      containers:
      - name: app
        image: nginx
        resources: {requests: {cpu: 50m, memory: 32Mi}}`, name, replicas)
}

// policy returns a PropagationPolicy with the given selectors and placement, both in YAML flow style.
func policy(name, selectors, placement string) string {
	return fmt.Sprintf(`
apiVersion: policy.karmada.io/v1alpha1
kind: PropagationPolicy
metadata: {name: %s}
spec:
  resourceSelectors: %s
  placement: %s`, name, selectors, placement)
}

// selectDeployment selects one Deployment by name.
func selectDeployment(name string) string {
	return fmt.Sprintf("[{apiVersion: apps/v1, kind: Deployment, name: %s}]", name)
}

// weights returns a placement that divides replicas by static weights of the named members: "member1=2", …
func weights(entries ...string) string {
	names := make([]string, len(entries))
	list := make([]string, len(entries))
	for i, entry := range entries {
		name, weight, _ := strings.Cut(entry, "=")
		names[i] = name
		list[i] = fmt.Sprintf("{targetCluster: {clusterNames: [%s]}, weight: %s}", name, weight)
	}
	return fmt.Sprintf(`{clusterAffinity: {clusterNames: [%s]}, replicaScheduling: {replicaSchedulingType: Divided,
    replicaDivisionPreference: Weighted, weightPreference: {staticWeightList: [%s]}}}`, strings.Join(names, ", "), strings.Join(list, ", "))
}

// copies returns a placement that puts a full copy into each named member.
func copies(names ...string) string {
	return fmt.Sprintf("{clusterAffinity: {clusterNames: [%s]}}", strings.Join(names, ", "))
}
