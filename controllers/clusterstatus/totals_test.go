package clusterstatus

import (
	"math/rand/v2"
	"testing"

	"github.com/google/go-cmp/cmp"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/resource"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	clusterv1alpha1 "github.com/longshore-project/longshore/apis/cluster/v1alpha1"
)

func amounts(cpu, memory, pods string) corev1.ResourceList {
	list := corev1.ResourceList{}
	for name, amount := range map[corev1.ResourceName]string{"cpu": cpu, "memory": memory, "pods": pods} {
		if amount != "" {
			list[name] = resource.MustParse(amount)
		}
	}
	return list
}

func TestGrades(t *testing.T) {
	for _, test := range []struct {
		name string
		free corev1.ResourceList
		want int
	}{
		{"nothing", amounts("0", "0", ""), 0},
		{"less than nothing", amounts("-3", "64Gi", ""), 0},
		{"what a node lacks counts as nothing", amounts("64", "", ""), 0},
		{"the lower bound belongs to the grade", amounts("2", "16Gi", ""), 2},
		{"the upper bound does not", amounts("3999m", "31Gi", ""), 2},
		{"the scarcest resource decides", amounts("100", "20Gi", ""), 2},
		{"the highest grade is open", amounts("100000", "100Ti", ""), 8},
	} {
		t.Run(test.name, func(t *testing.T) {
			if got := newGrader(clusterv1alpha1.DefaultResourceModels()).indexOf(test.free); got != test.want {
				t.Errorf("grade is %d, want %d", got, test.want)
			}
		})
	}
}

// A node that is full is in no grade, and does not end the count, whatever comes after it.
func TestFullNodeDoesNotEndTheCount(t *testing.T) {
	got := newGrader(clusterv1alpha1.DefaultResourceModels()).count([]corev1.ResourceList{amounts("8", "64Gi", "0"), amounts("8", "64Gi", "5")})
	for _, grade := range got {
		want := int32(0)
		if grade.Grade == 4 {
			want = 1
		}
		if grade.Count != want {
			t.Errorf("grade %d has %d nodes, want %d", grade.Grade, grade.Count, want)
		}
	}
}

func TestNoModelsGiveNoCounts(t *testing.T) {
	if got := newGrader(nil).count([]corev1.ResourceList{amounts("1", "1Gi", "1")}); got != nil {
		t.Errorf("counts are %v", got)
	}
}

// After any sequence of events the totals are those of what is there, and nothing is kept of what is gone.
func TestTotalsForgetNothingAndKeepNothing(t *testing.T) {
	random := rand.New(rand.NewPCG(1, 2))
	incremental, alive := newTotals(), map[string]*pod{}
	nodes := []string{"", "a", "b", "gone"}
	for _, name := range []string{"a", "b"} {
		incremental.setNode(&node{ObjectMeta: metav1.ObjectMeta{Name: name}, allocatable: amounts("32", "128Gi", "110")})
	}
	for range 2000 {
		name := string(rune('a' + random.IntN(26)))
		if old := alive[name]; old != nil {
			incremental.removePod(old)
			delete(alive, name)
		}
		if random.IntN(3) > 0 {
			p := &pod{node: nodes[random.IntN(len(nodes))], requests: corev1.ResourceList{
				"cpu": *resource.NewMilliQuantity(random.Int64N(3000), resource.DecimalSI), "pods": one,
			}}
			incremental.addPod(p)
			alive[name] = p
		}
	}
	fresh := newTotals()
	fresh.nodes = incremental.nodes
	for _, p := range alive {
		fresh.addPod(p)
	}
	models := clusterv1alpha1.DefaultResourceModels()
	_, want := fresh.summarize(models)
	_, got := incremental.summarize(models)
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("summary (-from scratch +incremental):\n%s", diff)
	}
	for _, p := range alive {
		incremental.removePod(p)
	}
	if len(incremental.used) != 0 {
		t.Errorf("left over: %v", incremental.used)
	}
}

func TestTrimPodKeepsAmountsOnly(t *testing.T) {
	got, err := trimPod(&corev1.Pod{
		ObjectMeta: metav1.ObjectMeta{Namespace: "default", Name: "web", Labels: map[string]string{"app": "web"}},
		Spec: corev1.PodSpec{
			NodeName:       "a",
			InitContainers: []corev1.Container{{Resources: corev1.ResourceRequirements{Requests: amounts("2", "", "")}}},
			Containers:     []corev1.Container{{Resources: corev1.ResourceRequirements{Requests: amounts("1", "1Gi", "")}}},
			Overhead:       amounts("100m", "", ""),
		},
	})
	if err != nil {
		t.Fatal(err)
	}
	want := &pod{ObjectMeta: metav1.ObjectMeta{Namespace: "default", Name: "web"}, node: "a", requests: amounts("2100m", "1Gi", "1")}
	if diff := cmp.Diff(want, got, cmp.AllowUnexported(pod{})); diff != "" {
		t.Errorf("pod (-want +got):\n%s", diff)
	}
}
