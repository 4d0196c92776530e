package convert

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	workv1alpha2 "github.com/longshore-project/longshore/apis/work/v1alpha2"
	"github.com/longshore-project/longshore/scheduler/framework"
)

func TestNodeClaims(t *testing.T) {
	b := parse[workv1alpha2.ResourceBinding](t, `
metadata: {namespace: shop, name: web}
spec:
  resource: {apiVersion: apps/v1, kind: Deployment, namespace: shop}
  replicas: 1
  replicaRequirements:
    priorityClassName: high
    nodeClaim:
      nodeSelector: {zone: a, disk: ssd}
      tolerations: [{key: gpu, operator: Exists, effect: NoSchedule}]
      hardNodeAffinity:
        nodeSelectorTerms:
        - matchExpressions: [{key: arch, operator: In, values: [amd64]}]
          matchFields: [{key: metadata.name, operator: NotIn, values: [n1]}]
  components:
  - {name: any, replicas: 1}
  - {name: picky, replicas: 2, replicaRequirements: {nodeClaim: {nodeSelector: {zone: b}}}}
`)
	got := FromBinding(b, nil)
	want := &framework.NodeClaim{
		Selector: []framework.Label{{Key: "disk", Value: "ssd"}, {Key: "zone", Value: "a"}}, PriorityClass: "high",
		Affinity: []framework.NodeTerm{{
			Labels: []framework.NodeRequirement{{Key: "arch", Operator: "In", Values: []string{"amd64"}}},
			Fields: []framework.NodeRequirement{{Key: "metadata.name", Operator: "NotIn", Values: []string{"n1"}}},
		}},
		Tolerations: []framework.NodeToleration{{Key: "gpu", Operator: "Exists", Effect: "NoSchedule"}},
	}
	if diff := cmp.Diff(want, got.Node); diff != "" {
		t.Errorf("claim (-want +got):\n%s", diff)
	}
	if got.Namespace != "shop" || got.Components[0].Node != nil {
		t.Errorf("namespace %q, claim of a component without one %v", got.Namespace, got.Components[0].Node)
	}
	if diff := cmp.Diff(&framework.NodeClaim{Selector: []framework.Label{{Key: "zone", Value: "b"}}}, got.Components[1].Node); diff != "" {
		t.Errorf("claim of a component (-want +got):\n%s", diff)
	}
}
