package census

import (
	"fmt"
	"strconv"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/resource"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"pgregory.net/rapid"
)

func list(amounts ...string) corev1.ResourceList {
	out := corev1.ResourceList{}
	for i := 0; i < len(amounts); i += 2 {
		out[corev1.ResourceName(amounts[i])] = resource.MustParse(amounts[i+1])
	}
	return out
}

// newNode returns a ready node with 4 cpus and 110 places.
func newNode(name string, changes ...func(*corev1.Node)) *corev1.Node {
	n := &corev1.Node{
		ObjectMeta: metav1.ObjectMeta{Name: name, Labels: map[string]string{"kubernetes.io/hostname": name}},
		Status: corev1.NodeStatus{
			Allocatable: list("cpu", "4", "memory", "8Gi", "pods", "110"),
			Conditions:  []corev1.NodeCondition{{Type: corev1.NodeReady, Status: corev1.ConditionTrue}},
		},
	}
	for _, change := range changes {
		change(n)
	}
	return n
}

func label(key, value string) func(*corev1.Node) {
	return func(n *corev1.Node) { n.Labels[key] = value }
}

func offers(amounts ...string) func(*corev1.Node) {
	return func(n *corev1.Node) { n.Status.Allocatable = list(amounts...) }
}

func newPod(name, node, cpu string, changes ...func(*corev1.Pod)) *corev1.Pod {
	p := &corev1.Pod{ObjectMeta: metav1.ObjectMeta{Namespace: "default", Name: name}, Spec: corev1.PodSpec{
		NodeName: node, Containers: []corev1.Container{{Resources: corev1.ResourceRequirements{Requests: list("cpu", cpu)}}},
	}}
	for _, change := range changes {
		change(p)
	}
	return p
}

func controlledBy(apiVersion, kind, name string) func(*corev1.Pod) {
	return func(p *corev1.Pod) {
		yes := true
		p.OwnerReferences = []metav1.OwnerReference{{APIVersion: apiVersion, Kind: kind, Name: name, Controller: &yes}}
	}
}

// add puts objects into the census the way a watch does.
func (c *Census) add(objects ...any) {
	for _, object := range objects {
		trimmed, err := Trim(object)
		if err != nil {
			panic(err)
		}
		switch o := trimmed.(type) {
		case *Node:
			c.SetNode(o)
		case *Pod:
			c.SetPod(o)
		case *ReplicaSet:
			c.SetReplicaSet(o)
		case *Quota:
			c.SetQuota(o)
		default:
			panic(fmt.Sprintf("nothing is kept of %T", object))
		}
	}
}

func newShape(t testing.TB, cpu int64, changes ...func(*ShapeConfig)) *Shape {
	t.Helper()
	config := ShapeConfig{Requests: map[string]int64{"cpu": cpu}}
	for _, change := range changes {
		change(&config)
	}
	s, err := NewShape(config)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func replicas(s *Shape) Question { return Question{Components: []Component{{Shape: s, Replicas: 1}}} }

func (c *Census) one(q Question, assumed ...Question) Answer { return c.Ask([]Question{q}, assumed)[0] }

func wantSets(t *testing.T, c *Census, q Question, want int64) {
	t.Helper()
	if got := c.one(q); got.Sets != want || !got.Exact {
		t.Errorf("%d sets (exact: %t), want %d exactly", got.Sets, got.Exact, want)
	}
}

func TestEvents(t *testing.T) {
	c := New()
	q := replicas(newShape(t, 1000))
	wantSets(t, c, q, 0)
	c.add(newPod("early", "a", "1")) // Its node is not known yet.
	wantSets(t, c, q, 0)
	c.add(newNode("a"), newNode("b"))
	wantSets(t, c, q, 7)
	c.add(newPod("early", "b", "2500m"))
	wantSets(t, c, q, 5)
	c.add(newNode("a", func(n *corev1.Node) { n.Spec.Unschedulable = true }))
	wantSets(t, c, q, 1)
	c.add(newNode("a", offers("cpu", "9", "pods", "8")))
	wantSets(t, c, q, 9)
	c.add(newPod("early", "b", "2500m", func(p *corev1.Pod) { p.Status.Phase = corev1.PodSucceeded }))
	wantSets(t, c, q, 12)
	c.RemoveNode("b")
	wantSets(t, c, q, 8)
	c.add(newPod("early", "a", "3"))
	wantSets(t, c, q, 6)
	c.RemovePod("default", "early")
	c.RemovePod("default", "early")
	wantSets(t, c, q, 8)
	c.RemoveNode("a")
	c.RemoveNode("a")
	wantSets(t, c, q, 0)
	if len(c.byName) != 0 || len(c.vacant) != len(c.rows) {
		t.Errorf("of %d rows %d are vacant and %d have names, want all vacant", len(c.rows), len(c.vacant), len(c.byName))
	}
}

// After any events the answer is that of a census that saw only what is there in the end.
func TestEventsInAnyOrder(t *testing.T) {
	shapes := []*Shape{
		newShape(t, 1000), newShape(t, 700, func(s *ShapeConfig) { s.NodeSelector = map[string]string{"disk": "ssd"} }),
		newShape(t, 0, func(s *ShapeConfig) {
			s.Tolerations = []corev1.Toleration{{Operator: corev1.TolerationOpExists}}
			s.Requests["gpu"] = 1
		}),
	}
	questions := []Question{replicas(shapes[0]), replicas(shapes[1]), replicas(shapes[2]), {Components: []Component{{shapes[0], 1}, {shapes[1], 2}}}}
	rapid.Check(t, func(t *rapid.T) {
		c := New()
		nodes, pods := map[string]*corev1.Node{}, map[string]*corev1.Pod{}
		for range rapid.IntRange(1, 60).Draw(t, "events") {
			node := "n" + strconv.Itoa(rapid.IntRange(0, 4).Draw(t, "node"))
			pod := "p" + strconv.Itoa(rapid.IntRange(0, 9).Draw(t, "pod"))
			switch rapid.IntRange(0, 5).Draw(t, "event") {
			case 0:
				nodes[node] = newNode(node, func(n *corev1.Node) {
					n.Spec.Unschedulable = rapid.Bool().Draw(t, "cordoned")
					n.Labels["disk"] = rapid.SampledFrom([]string{"ssd", "hdd"}).Draw(t, "disk")
					n.Status.Allocatable = list("cpu", rapid.SampledFrom([]string{"2", "3500m"}).Draw(t, "cpu"), "pods", "5", "gpu", "1")
				})
				c.add(nodes[node])
			case 1:
				delete(nodes, node)
				c.RemoveNode(node)
			case 2, 3:
				pods[pod] = newPod(pod, node, rapid.SampledFrom([]string{"0", "500m", "1"}).Draw(t, "request"))
				c.add(pods[pod])
			case 4:
				delete(pods, pod)
				c.RemovePod("default", pod)
			case 5:
				c.Ask(questions, nil)
			}
		}
		fresh := New()
		for _, n := range nodes {
			fresh.add(n)
		}
		for _, p := range pods {
			fresh.add(p)
		}
		if diff := cmp.Diff(fresh.Ask(questions, nil), c.Ask(questions, nil)); diff != "" {
			t.Fatalf("answers (-fresh +after the events):\n%s", diff)
		}
		if want, got := fresh.Summary(), c.Summary(); want.Nodes != got.Nodes || want.UsableNodes != got.UsableNodes || want.Pods != got.Pods {
			t.Fatalf("summary %+v, want %+v", got, want)
		}
	})
}

// A pod event costs one row, and the next answer counts that row only, whatever else there is.
func TestCostOfAPod(t *testing.T) {
	c := New()
	for i := range 2000 {
		c.add(newNode("n" + strconv.Itoa(i)))
	}
	ssd := newShape(t, 1000, func(s *ShapeConfig) { s.NodeSelector = map[string]string{"disk": "ssd"} })
	questions := []Question{replicas(newShape(t, 1000)), replicas(newShape(t, 500)), replicas(ssd)}
	c.Ask(questions, nil)
	cost := func(what string, want int, do func()) {
		t.Helper()
		before, noted := c.counted, c.changes.end()
		do()
		if c.counted != before {
			t.Errorf("%s: %d rows were counted by the event itself", what, c.counted-before)
		}
		if n := c.changes.end() - noted; n > 1 {
			t.Errorf("%s: %d rows changed", what, n)
		}
		c.Ask(questions, nil)
		if got := c.counted - before; got != want {
			t.Errorf("%s: %d rows were counted, want %d", what, got, want)
		}
	}
	cost("nothing", 0, func() {})
	cost("a pod on a node that two shapes can use", 2, func() { c.add(newPod("p", "n7", "1")) })
	cost("the same pod again", 0, func() { c.add(newPod("p", "n7", "1")) })
	cost("a pod without a node", 0, func() { c.add(newPod("q", "", "1")) })
	cost("a heartbeat", 0, func() { c.add(newNode("n7")) })
	cost("a node that all shapes can use now", 3, func() { c.add(newNode("n7", label("disk", "ssd"))) })
	cost("the pod goes", 3, func() { c.RemovePod("default", "p") })
}

// The answer for a set is computed again only when a node changed that it can use.
func TestCostOfASet(t *testing.T) {
	c := New()
	c.add(newNode("a", label("disk", "ssd")), newNode("b"))
	ssd := func(s *ShapeConfig) { s.NodeSelector = map[string]string{"disk": "ssd"} }
	set := Question{Components: []Component{{newShape(t, 1000, ssd), 1}, {newShape(t, 500, ssd), 1}}}
	wantSets(t, c, set, 2)
	p, _ := c.packs.get(packKey(&set))
	p.bound.Sets = 77 // Seen again as long as it is remembered.
	c.add(newPod("p", "b", "1"))
	wantSets(t, c, set, 77)
	c.add(newPod("q", "a", "1"))
	wantSets(t, c, set, 2)
}

func TestForgetting(t *testing.T) {
	c := New()
	c.add(newNode("a"))
	for i := range int64(3 * remembered) {
		c.one(replicas(newShape(t, 1+i)))
	}
	if n := len(c.tallies.recent) + len(c.tallies.older); n > 2*remembered {
		t.Errorf("%d shapes are remembered, want at most %d", n, 2*remembered)
	}
	for i := range 10000 {
		c.add(newPod("p", "a", strconv.Itoa(i%3)))
	}
	if n := len(c.changes.rows); n > 2*keep(1) {
		t.Errorf("%d changes are kept, want at most %d", n, 2*keep(1))
	}
	wantSets(t, c, replicas(newShape(t, 1000)), 4)
}

func TestAssumptions(t *testing.T) {
	c := New()
	c.add(newNode("a"), newNode("b", offers("cpu", "2", "pods", "3")))
	shape := newShape(t, 1000)
	q := replicas(shape)
	for _, test := range []struct {
		assumed int64
		want    int64
	}{{1, 5}, {5, 1}, {6, 0}, {60, 0}} {
		if got := c.one(q, Question{Components: []Component{{shape, test.assumed}}}); got.Sets != test.want {
			t.Errorf("with %d assumed, %d fit, want %d", test.assumed, got.Sets, test.want)
		}
	}
	wantSets(t, c, q, 6)
}

func newQuota(name string, hard, used corev1.ResourceList, changes ...func(*corev1.ResourceQuota)) *corev1.ResourceQuota {
	q := &corev1.ResourceQuota{ObjectMeta: metav1.ObjectMeta{Namespace: "team", Name: name}, Spec: corev1.ResourceQuotaSpec{Hard: hard}}
	q.Status.Used = used
	for _, change := range changes {
		change(q)
	}
	return q
}

func selects(scope corev1.ResourceQuotaScope, operator corev1.ScopeSelectorOperator, values ...string) func(*corev1.ResourceQuota) {
	return func(q *corev1.ResourceQuota) {
		q.Spec.ScopeSelector = &corev1.ScopeSelector{MatchExpressions: []corev1.ScopedResourceSelectorRequirement{
			{ScopeName: scope, Operator: operator, Values: values},
		}}
	}
}

func TestQuota(t *testing.T) {
	class := func(name string) func(*ShapeConfig) { return func(s *ShapeConfig) { s.PriorityClass = name } }
	gpu := func(s *ShapeConfig) { s.Requests["nvidia.com/gpu"] = 1 }
	for _, test := range []struct {
		name  string
		quota *corev1.ResourceQuota
		shape *Shape
		want  int64
	}{
		{"none", newQuota("q", nil, nil), newShape(t, 1000), 40},
		{"cpu", newQuota("q", list("cpu", "10"), list("cpu", "3500m")), newShape(t, 1000), 6},
		{"requests.cpu", newQuota("q", list("requests.cpu", "10"), list("requests.cpu", "9500m")), newShape(t, 1000), 0},
		{"not counted yet", newQuota("q", list("requests.cpu", "10"), nil), newShape(t, 1000), 10},
		{"limits say nothing about requests", newQuota("q", list("limits.cpu", "1"), nil), newShape(t, 1000), 40},
		{"extended", newQuota("q", list("requests.nvidia.com/gpu", "2"), nil), newShape(t, 1000, gpu), 2},
		{"extended, not asked for", newQuota("q", list("requests.nvidia.com/gpu", "2"), nil), newShape(t, 1000), 40},
		{"pods", newQuota("q", list("pods", "7"), list("pods", "4")), newShape(t, 1000), 3},
		{"overdrawn", newQuota("q", list("pods", "7"), list("pods", "9")), newShape(t, 1000), 0},
		{"class", newQuota("q", list("cpu", "1"), nil, selects(corev1.ResourceQuotaScopePriorityClass, corev1.ScopeSelectorOpIn, "high")), newShape(t, 1000, class("high")), 1},
		{"other class", newQuota("q", list("cpu", "1"), nil, selects(corev1.ResourceQuotaScopePriorityClass, corev1.ScopeSelectorOpIn, "high")), newShape(t, 1000, class("low")), 40},
		{"not in", newQuota("q", list("cpu", "1"), nil, selects(corev1.ResourceQuotaScopePriorityClass, corev1.ScopeSelectorOpNotIn, "high")), newShape(t, 1000), 1},
		{"any class", newQuota("q", list("cpu", "1"), nil, func(q *corev1.ResourceQuota) {
			q.Spec.Scopes = []corev1.ResourceQuotaScope{corev1.ResourceQuotaScopePriorityClass}
		}), newShape(t, 1000), 40},
		{"another scope", newQuota("q", list("cpu", "1"), nil, func(q *corev1.ResourceQuota) {
			q.Spec.Scopes = []corev1.ResourceQuotaScope{corev1.ResourceQuotaScopeBestEffort}
		}), newShape(t, 1000), 40},
	} {
		t.Run(test.name, func(t *testing.T) {
			c := New()
			c.add(newNode("a", offers("cpu", "40", "nvidia.com/gpu", "40", "pods", "110")), test.quota)
			q := replicas(test.shape)
			wantSets(t, c, q, 40)
			q.Namespace = "team"
			got := c.one(q)
			if got.Sets != test.want || (got.Quota == "q") != (test.want < 40) {
				t.Errorf("%d fit (limited by %q), want %d", got.Sets, got.Quota, test.want)
			}
			if assumed := c.one(q, q); assumed.Sets != max(0, test.want-1) {
				t.Errorf("beside one that is assumed %d fit, want %d", assumed.Sets, max(0, test.want-1))
			}
			c.RemoveQuota("team", "q")
			wantSets(t, c, q, 40)
		})
	}
}

func TestGrowth(t *testing.T) {
	group := func(name string, most int) func(*corev1.Node) {
		return func(n *corev1.Node) { n.Labels[LabelNodeGroup], n.Labels[LabelNodeGroupMax] = name, strconv.Itoa(most) }
	}
	c := New()
	q := replicas(newShape(t, 1000))
	set := Question{Components: []Component{{newShape(t, 1000), 1}, {newShape(t, 3000), 1}}}
	c.add(newNode("a"))
	if got := c.one(q); got.CanGrow {
		t.Error("a member without node groups can grow")
	}
	c.add(newNode("b", group("small", 3), offers("cpu", "5", "pods", "9")), newNode("c", group("small", 3), offers("cpu", "6", "pods", "9")),
		newPod("agent", "b", "1", controlledBy("apps/v1", "DaemonSet", "agent")))
	for _, test := range []struct {
		name string
		q    Question
		want Answer
	}{
		{"one more node of 5 cpus without the daemon's", q, Answer{Sets: 4 + 4 + 6, Exact: true, CanGrow: true, GrowTo: 18}},
		{"sets", set, Answer{Sets: 3, Exact: true, CanGrow: true, GrowTo: 4}},
		{"tied to a hostname", replicas(newShape(t, 1000, func(s *ShapeConfig) { s.NodeSelector = map[string]string{"kubernetes.io/hostname": "b"} })),
			Answer{Sets: 4, Exact: true, CanGrow: true, GrowTo: 4}},
	} {
		if diff := cmp.Diff(test.want, c.one(test.q)); diff != "" {
			t.Errorf("%s (-want +got):\n%s", test.name, diff)
		}
	}
	c.add(newNode("c", group("small", 2), offers("cpu", "6", "pods", "9")), newNode("b", group("small", 2), offers("cpu", "5", "pods", "9")))
	if got := c.one(q); got.GrowTo != got.Sets {
		t.Errorf("a full group grows from %d to %d", got.Sets, got.GrowTo)
	}
}

func TestUnschedulable(t *testing.T) {
	start := time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)
	refused := func(since time.Time) func(*corev1.Pod) {
		return func(p *corev1.Pod) {
			p.Status.Conditions = []corev1.PodCondition{{Type: corev1.PodScheduled, Status: corev1.ConditionFalse, Reason: "Unschedulable", LastTransitionTime: metav1.NewTime(since)}}
		}
	}
	replicaSet := func(name, revision string) *appsv1.ReplicaSet {
		s := &appsv1.ReplicaSet{ObjectMeta: metav1.ObjectMeta{Namespace: "default", Name: name, Annotations: map[string]string{annotationRevision: revision}}}
		p := &corev1.Pod{}
		controlledBy("apps/v1", "Deployment", "web")(p)
		s.OwnerReferences = p.OwnerReferences
		return s
	}
	c := New()
	c.add(replicaSet("web-9", "9"), replicaSet("web-10", "10"),
		newPod("old", "", "1", controlledBy("apps/v1", "ReplicaSet", "web-9"), refused(start)),
		newPod("new", "", "1", controlledBy("apps/v1", "ReplicaSet", "web-10"), refused(start)),
		newPod("newer", "", "1", controlledBy("apps/v1", "ReplicaSet", "web-10"), refused(start.Add(time.Minute))),
		newPod("fine", "a", "1", controlledBy("apps/v1", "ReplicaSet", "web-10")),
		newPod("db-0", "", "1", controlledBy("apps/v1", "StatefulSet", "db"), refused(start)),
		newPod("pi", "", "1", controlledBy("batch/v1", "Job", "pi"), refused(start)),
		newPod("alien", "", "1", controlledBy("example.com/v1", "StatefulSet", "db"), refused(start)),
	)
	count := func(apiVersion, kind, name string, before time.Time) string {
		n, found, err := c.Unschedulable(Workload{apiVersion, kind, "default", name}, before)
		return fmt.Sprint(n, found, err != nil)
	}
	later := start.Add(time.Hour)
	for _, test := range []struct{ name, got, want string }{
		{"Deployment", count("apps/v1", "Deployment", "web", later), "2 true false"},
		{"Deployment, half a minute in", count("apps/v1", "Deployment", "web", start.Add(30*time.Second)), "1 true false"},
		{"Deployment that is not there", count("apps/v1", "Deployment", "none", later), "0 false false"},
		{"ReplicaSet", count("apps/v1", "ReplicaSet", "web-9", later), "1 true false"},
		{"StatefulSet", count("apps/v1", "StatefulSet", "db", later), "1 true false"},
		{"Job", count("batch/v1", "Job", "pi", later), "1 true false"},
		{"DaemonSet", count("apps/v1", "DaemonSet", "agent", later), "0 false true"},
	} {
		if test.got != test.want {
			t.Errorf("%s: %s, want %s", test.name, test.got, test.want)
		}
	}
	c.add(newPod("new", "a", "1", controlledBy("apps/v1", "ReplicaSet", "web-10")))
	c.RemovePod("default", "newer")
	if got := count("apps/v1", "Deployment", "web", later); got != "0 true false" {
		t.Errorf("when all found a node: %s", got)
	}
	c.RemoveReplicaSet("default", "web-10")
	if got := count("apps/v1", "Deployment", "web", later); got != "1 true false" {
		t.Errorf("after the rollback: %s", got)
	}
}

// TestUnschedulableOfStatefulSets counts what a StatefulSet would lose with fewer replicas: waiting pods after the last that has a node.
func TestUnschedulableOfStatefulSets(t *testing.T) {
	start := time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)
	pod := func(ordinal int, node string) *corev1.Pod {
		p := newPod(fmt.Sprintf("db-%d", ordinal), node, "1", controlledBy("apps/v1", "StatefulSet", "db"))
		if node == "" {
			p.Status.Conditions = []corev1.PodCondition{{Type: corev1.PodScheduled, Status: corev1.ConditionFalse, Reason: "Unschedulable", LastTransitionTime: metav1.NewTime(start)}}
		}
		return p
	}
	c := New()
	expect := func(when string, want int) {
		t.Helper()
		got, found, err := c.Unschedulable(Workload{"apps/v1", "StatefulSet", "default", "db"}, start.Add(time.Hour))
		if got != want || !found || err != nil {
			t.Errorf("%s: %d, found %t, %v; want %d", when, got, found, err, want)
		}
	}
	c.add(pod(0, ""), pod(1, ""), pod(10, ""))
	expect("all wait", 3)
	c.add(pod(9, "a"))
	expect("the last but one has a node", 1)
	c.RemovePod("default", "db-9")
	expect("it is gone", 3)
	c.add(pod(0, "a"), pod(2, "a"))
	expect("one waits in the middle", 1)
	c.add(pod(10, "a"))
	expect("the last has a node", 0)
	c.RetainPods(map[string]struct{}{"default/db-1": {}})
	expect("one is left", 1)
	if len(c.seated)+len(c.seats) != 0 {
		t.Errorf("of pods that are gone it keeps %v and %v", c.seated, c.seats)
	}
}
