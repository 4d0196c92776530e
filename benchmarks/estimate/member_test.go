package estimate

import (
	"strconv"
	"testing"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/resource"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/longshore-project/longshore/estimator/census"
)

// member is how large a member is.
type member struct{ nodes, pods int }

// large is the member of every benchmark, small that of the tests.
var (
	large = member{nodes: 5000, pods: 100_000}
	small = member{nodes: 10, pods: 200}
)

// nodeCPU is that of node i, in thousandths of a core.
func nodeCPU(i int) int64 { return int64(16+16*(i%3)) * 1000 }

// podCPU is the request of pod i.
func podCPU(i int) int64 { return int64(100 + 50*(i%7)) }

func newNode(i int) *corev1.Node {
	name := "node-" + strconv.Itoa(i)
	return &corev1.Node{
		ObjectMeta: metav1.ObjectMeta{Name: name, Labels: map[string]string{
			corev1.LabelHostname: name, corev1.LabelOSStable: "linux", corev1.LabelArchStable: "amd64",
			corev1.LabelTopologyZone: "zone-" + strconv.Itoa(i%3), "pool": "pool-" + strconv.Itoa(i%10),
		}},
		Status: corev1.NodeStatus{
			Allocatable: corev1.ResourceList{
				corev1.ResourceCPU: *resource.NewMilliQuantity(nodeCPU(i), resource.DecimalSI), corev1.ResourceMemory: resource.MustParse("128Gi"),
				corev1.ResourceEphemeralStorage: resource.MustParse("200Gi"), corev1.ResourcePods: resource.MustParse("110"),
			},
			Conditions: []corev1.NodeCondition{{Type: corev1.NodeReady, Status: corev1.ConditionTrue}},
		},
	}
}

func (m member) pod(i int) *corev1.Pod {
	return &corev1.Pod{
		ObjectMeta: metav1.ObjectMeta{Namespace: "team-" + strconv.Itoa(i%100), Name: "application-5d4f8c7b9-" + strconv.Itoa(i)},
		Spec: corev1.PodSpec{NodeName: "node-" + strconv.Itoa(i%m.nodes), Containers: []corev1.Container{{
			Resources: corev1.ResourceRequirements{Requests: corev1.ResourceList{
				corev1.ResourceCPU: *resource.NewMilliQuantity(podCPU(i), resource.DecimalSI), corev1.ResourceMemory: resource.MustParse("256Mi"),
			}},
		}}},
	}
}

func trimmed[T any](tb testing.TB, object any) T {
	tb.Helper()
	out, err := census.Trim(object)
	if err != nil {
		tb.Fatal(err)
	}
	return out.(T)
}

// census returns the member as an estimator knows it.
func (m member) census(tb testing.TB) *census.Census {
	tb.Helper()
	c := census.New()
	for i := range m.nodes {
		c.SetNode(trimmed[*census.Node](tb, newNode(i)))
	}
	for i := range m.pods {
		c.SetPod(trimmed[*census.Pod](tb, m.pod(i)))
	}
	return c
}

// room is how many copies of so much cpu, and 1 GiB, fit: counted from what the member is made of.
func (m member) room(cpu int64) int64 {
	free := make([]int64, m.nodes)
	for i := range free {
		free[i] = nodeCPU(i)
	}
	for i := range m.pods {
		free[i%m.nodes] -= podCPU(i)
	}
	each := int64(m.pods / m.nodes)
	total := int64(0)
	for _, f := range free {
		total += min(f/cpu, 110-each, (128*1024-256*each)/1024)
	}
	return total
}
