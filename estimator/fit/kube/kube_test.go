package kube

import (
	"testing"

	"github.com/google/go-cmp/cmp"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/resource"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

func newNode(changes ...func(*corev1.Node)) *corev1.Node {
	n := &corev1.Node{
		ObjectMeta: metav1.ObjectMeta{Name: "a", Labels: map[string]string{"zone": "z1", "size": "7"}},
		Status:     corev1.NodeStatus{Conditions: []corev1.NodeCondition{{Type: corev1.NodeReady, Status: corev1.ConditionTrue}}},
	}
	for _, change := range changes {
		change(n)
	}
	return n
}

func ready(status corev1.ConditionStatus) func(*corev1.Node) {
	return func(n *corev1.Node) { n.Status.Conditions[0].Status = status }
}

func cordoned(n *corev1.Node) { n.Spec.Unschedulable = true }

func tainted(key string, effect corev1.TaintEffect) func(*corev1.Node) {
	return func(n *corev1.Node) {
		n.Spec.Taints = append(n.Spec.Taints, corev1.Taint{Key: key, Value: "v", Effect: effect})
	}
}

func tolerates(key string) []corev1.Toleration {
	return []corev1.Toleration{{Key: key, Operator: corev1.TolerationOpExists}}
}

func term(key string, operator corev1.NodeSelectorOperator, values ...string) *corev1.NodeSelector {
	return &corev1.NodeSelector{NodeSelectorTerms: []corev1.NodeSelectorTerm{{
		MatchExpressions: []corev1.NodeSelectorRequirement{{Key: key, Operator: operator, Values: values}},
	}}}
}

func TestAllows(t *testing.T) {
	named := &corev1.NodeSelector{NodeSelectorTerms: []corev1.NodeSelectorTerm{{
		MatchFields: []corev1.NodeSelectorRequirement{{Key: "metadata.name", Operator: corev1.NodeSelectorOpIn, Values: []string{"b"}}},
	}}}
	for _, test := range []struct {
		name        string
		node        *corev1.Node
		selector    map[string]string
		affinity    *corev1.NodeSelector
		tolerations []corev1.Toleration
		want        bool
	}{
		{name: "anything", node: newNode(), want: true},
		{name: "selector", node: newNode(), selector: map[string]string{"zone": "z1"}, want: true},
		{name: "other selector", node: newNode(), selector: map[string]string{"zone": "z2"}},
		{name: "affinity", node: newNode(), affinity: term("size", corev1.NodeSelectorOpGt, "6"), want: true},
		{name: "other affinity", node: newNode(), affinity: term("size", corev1.NodeSelectorOpLt, "6")},
		{name: "affinity without terms", node: newNode(), affinity: &corev1.NodeSelector{}},
		{name: "another node by name", node: newNode(), affinity: named},
		{name: "cordoned", node: newNode(cordoned)},
		{name: "cordoned and tolerated", node: newNode(cordoned), tolerations: tolerates(corev1.TaintNodeUnschedulable), want: true},
		{name: "not ready", node: newNode(ready(corev1.ConditionFalse))},
		{name: "not ready and tolerated", node: newNode(ready(corev1.ConditionFalse)), tolerations: tolerates(corev1.TaintNodeNotReady), want: true},
		{name: "silent", node: newNode(ready(corev1.ConditionUnknown)), tolerations: tolerates(corev1.TaintNodeNotReady)},
		{name: "never reported", node: &corev1.Node{}},
		{name: "NoSchedule", node: newNode(tainted("k", corev1.TaintEffectNoSchedule))},
		{name: "NoExecute", node: newNode(tainted("k", corev1.TaintEffectNoExecute))},
		{name: "PreferNoSchedule", node: newNode(tainted("k", corev1.TaintEffectPreferNoSchedule)), want: true},
		{name: "tolerated", node: newNode(tainted("k", corev1.TaintEffectNoExecute)), tolerations: tolerates("k"), want: true},
	} {
		t.Run(test.name, func(t *testing.T) {
			claim, err := NewClaim(test.selector, test.affinity, test.tolerations)
			if err != nil {
				t.Fatal(err)
			}
			node := NodeOf(test.node)
			if got := claim.Allows(&node); got != test.want {
				t.Errorf("allowed: %t, want %t", got, test.want)
			}
		})
	}
}

func TestInvalidClaim(t *testing.T) {
	if _, err := NewClaim(map[string]string{"not a key": ""}, nil, nil); err == nil {
		t.Error("no error for a selector with an invalid key")
	}
	if _, err := NewClaim(nil, term("zone", "Like", "z"), nil); err == nil {
		t.Error("no error for an affinity with an unknown operator")
	}
}

func list(amounts ...string) corev1.ResourceList {
	out := corev1.ResourceList{}
	for i := 0; i < len(amounts); i += 2 {
		out[corev1.ResourceName(amounts[i])] = resource.MustParse(amounts[i+1])
	}
	return out
}

func container(requests corev1.ResourceList) corev1.Container {
	return corev1.Container{Resources: corev1.ResourceRequirements{Requests: requests}}
}

func TestRequestsOfANewPod(t *testing.T) {
	always := corev1.ContainerRestartPolicyAlways
	sidecar := container(list("cpu", "100m"))
	sidecar.RestartPolicy = &always
	got := PodRequests(&corev1.Pod{Spec: corev1.PodSpec{
		InitContainers: []corev1.Container{container(list("cpu", "150m", "memory", "1Gi")), sidecar, container(list("cpu", "900m"))},
		Containers:     []corev1.Container{container(list("cpu", "200m", "memory", "100Mi", "nvidia.com/gpu", "1")), container(list("cpu", "0.5m"))},
		Overhead:       list("cpu", "10m", "ephemeral-storage", "1Ki"),
	}})
	want := map[string]int64{"cpu": 1010, "memory": 1 << 30, "nvidia.com/gpu": 1, "ephemeral-storage": 1024}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("requests (-want +got):\n%s", diff)
	}
}

func TestAllocatable(t *testing.T) {
	amounts, places := Allocatable(newNode(func(n *corev1.Node) { n.Status.Allocatable = list("cpu", "2", "pods", "110", "hugepages-2Mi", "4Mi") }))
	if diff := cmp.Diff(map[string]int64{"cpu": 2000, "hugepages-2Mi": 4 << 20}, amounts); diff != "" || places != 110 {
		t.Errorf("%d places; amounts (-want +got):\n%s", places, diff)
	}
}

func TestHoldsRoom(t *testing.T) {
	for phase, want := range map[corev1.PodPhase]bool{corev1.PodPending: true, corev1.PodRunning: true, corev1.PodSucceeded: false, corev1.PodFailed: false} {
		pod := &corev1.Pod{Spec: corev1.PodSpec{NodeName: "a"}, Status: corev1.PodStatus{Phase: phase}}
		if got := HoldsRoom(pod); got != want {
			t.Errorf("%s: %t, want %t", phase, got, want)
		}
	}
	if HoldsRoom(&corev1.Pod{}) {
		t.Error("a pod without a node holds room")
	}
}
