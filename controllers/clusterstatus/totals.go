package clusterstatus

import (
	"maps"
	"slices"
	"sync"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/resource"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	clusterv1alpha1 "github.com/longshore-project/longshore/apis/cluster/v1alpha1"
)

// node and pod are all that is kept of the member's nodes and pods.
type node struct {
	metav1.ObjectMeta
	ready       bool
	allocatable corev1.ResourceList
}

type pod struct {
	metav1.ObjectMeta
	node     string // empty while it is not scheduled
	requests corev1.ResourceList
}

// totals keeps the sums of a member's nodes and pods. An event costs the same however large the member is. Safe for concurrent use.
type totals struct {
	mu    sync.Mutex
	nodes map[string]*node
	// used is what the pods of each node request, and what pods without a node do under the empty name. The number of pods is in it as
	// resource "pods". A node may be missing while its pods are still there, and the other way round.
	used map[string]corev1.ResourceList
}

func newTotals() *totals {
	return &totals{nodes: map[string]*node{}, used: map[string]corev1.ResourceList{}}
}

func (t *totals) setNode(n *node) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.nodes[n.Name] = n
}

func (t *totals) removeNode(n *node) {
	t.mu.Lock()
	defer t.mu.Unlock()
	delete(t.nodes, n.Name)
}

func (t *totals) addPod(p *pod) {
	t.mu.Lock()
	defer t.mu.Unlock()
	used := t.used[p.node]
	if used == nil {
		used = corev1.ResourceList{}
		t.used[p.node] = used
	}
	add(used, p.requests)
}

func (t *totals) removePod(p *pod) {
	t.mu.Lock()
	defer t.mu.Unlock()
	used := t.used[p.node]
	subtract(used, p.requests)
	if len(used) == 0 {
		delete(t.used, p.node)
	}
}

// summarize adds up. As in Karmada, every node counts, unready and cordoned ones too; who places workloads subtracts what he distrusts.
func (t *totals) summarize(models []clusterv1alpha1.ResourceModel) (*clusterv1alpha1.NodeSummary, *clusterv1alpha1.ResourceSummary) {
	t.mu.Lock()
	defer t.mu.Unlock()
	count := &clusterv1alpha1.NodeSummary{TotalNum: int32(len(t.nodes))}
	sums := &clusterv1alpha1.ResourceSummary{Allocatable: corev1.ResourceList{}, Allocating: t.used[""].DeepCopy(), Allocated: corev1.ResourceList{}}
	for name, used := range t.used {
		if name != "" {
			add(sums.Allocated, used)
		}
	}
	free := make([]corev1.ResourceList, 0, len(t.nodes))
	for _, name := range slices.Sorted(maps.Keys(t.nodes)) { // Sorted: the first amount decides how a sum is printed.
		n := t.nodes[name]
		if n.ready {
			count.ReadyNum++
		}
		add(sums.Allocatable, n.allocatable)
		rest := n.allocatable.DeepCopy()
		takeAway(rest, t.used[name])
		free = append(free, rest)
	}
	sums.AllocatableModelings = newGrader(models).count(free)
	return count, sums
}

func add(sum, amounts corev1.ResourceList) {
	for name, amount := range amounts {
		total := sum[name]
		total.Add(amount)
		sum[name] = total
	}
}

// subtract undoes add; what falls to zero is dropped, as if it had never been added.
func subtract(sum, amounts corev1.ResourceList) {
	for name, amount := range amounts {
		total := sum[name]
		total.Sub(amount)
		if total.IsZero() {
			delete(sum, name)
			continue
		}
		sum[name] = total
	}
}

// takeAway subtracts from what is there and ignores the rest.
func takeAway(from, amounts corev1.ResourceList) {
	for name, amount := range amounts {
		if have, ok := from[name]; ok {
			have.Sub(amount)
			from[name] = have
		}
	}
}

// one is the share of a pod in resource "pods".
var one = *resource.NewQuantity(1, resource.DecimalSI)
