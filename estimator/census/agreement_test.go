package census

import (
	"context"
	"fmt"
	"maps"
	"math/rand/v2"
	"strconv"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
	nodev1 "k8s.io/api/node/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/api/resource"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/util/wait"
	"k8s.io/client-go/kubernetes"

	"github.com/longshore-project/longshore/cmd/longshore/local"
	"github.com/longshore-project/longshore/cmd/longshore/local/localtest"
	"github.com/longshore-project/longshore/estimator/fit/kube"
)

// simulated makes kwok keep the node ready. Nodes without it stay as silent as a machine that is off.
func simulated(n *corev1.Node) { n.Annotations = map[string]string{"kwok.x-k8s.io/node": "fake"} }

func withTaint(effect corev1.TaintEffect) func(*corev1.Node) {
	return func(n *corev1.Node) {
		n.Spec.Taints = []corev1.Taint{{Key: "dedicated", Value: "batch", Effect: effect}}
	}
}

// fleetOfAllKinds are nodes that differ in everything that decides where pods may go, except that all become ready: a local member has no others.
func fleetOfAllKinds() []*corev1.Node {
	return []*corev1.Node{
		newNode("plain", simulated, offers("cpu", "4", "memory", "8Gi", "ephemeral-storage", "20Gi", "pods", "20")),
		newNode("odd", simulated, label("size", "7"), offers("cpu", "3333m", "memory", "5000000001", "ephemeral-storage", "7Gi", "pods", "11")),
		newNode("crowded", simulated, label("size", "9"), offers("cpu", "64", "memory", "256Gi", "ephemeral-storage", "500Gi", "pods", "4")),
		newNode("gpu", simulated, label("accelerator", "yes"), offers("cpu", "8", "memory", "16Gi", "ephemeral-storage", "50Gi", "nvidia.com/gpu", "3", "pods", "30")),
		newNode("tainted", simulated, withTaint(corev1.TaintEffectNoSchedule), offers("cpu", "4", "memory", "8Gi", "pods", "10")),
		newNode("evicting", simulated, withTaint(corev1.TaintEffectNoExecute), offers("cpu", "2", "memory", "4Gi", "pods", "10")),
		newNode("disliked", simulated, withTaint(corev1.TaintEffectPreferNoSchedule), offers("cpu", "1", "memory", "2Gi", "pods", "10")),
		newNode("cordoned", simulated, func(n *corev1.Node) { n.Spec.Unschedulable = true }, offers("cpu", "4", "memory", "8Gi", "pods", "10")),
	}
}

func requesting(amounts ...string) corev1.Container {
	return corev1.Container{Name: "c", Image: "pause", Resources: corev1.ResourceRequirements{Requests: list(amounts...)}}
}

func requestingDevices(n string) corev1.Container {
	c := requesting("cpu", "100m", "nvidia.com/gpu", n)
	c.Resources.Limits = list("nvidia.com/gpu", n)
	return c
}

// templates are pods that ask in different ways.
func templates() map[string]corev1.PodSpec {
	always, sandboxed := corev1.ContainerRestartPolicyAlways, "sandboxed"
	named := func(c corev1.Container, name string) corev1.Container {
		c.Name = name
		return c
	}
	sidecar := named(requesting("cpu", "200m"), "sidecar")
	sidecar.RestartPolicy = &always
	terms := func(terms ...corev1.NodeSelectorTerm) *corev1.Affinity {
		return &corev1.Affinity{NodeAffinity: &corev1.NodeAffinity{RequiredDuringSchedulingIgnoredDuringExecution: &corev1.NodeSelector{NodeSelectorTerms: terms}}}
	}
	labeled := func(key string, operator corev1.NodeSelectorOperator, values ...string) corev1.NodeSelectorTerm {
		return corev1.NodeSelectorTerm{MatchExpressions: []corev1.NodeSelectorRequirement{{Key: key, Operator: operator, Values: values}}}
	}
	onNode := func(operator corev1.NodeSelectorOperator, name string) corev1.NodeSelectorTerm {
		return corev1.NodeSelectorTerm{MatchFields: []corev1.NodeSelectorRequirement{{Key: metav1.ObjectNameField, Operator: operator, Values: []string{name}}}}
	}
	narrow := labeled("size", corev1.NodeSelectorOpExists)
	narrow.MatchFields = onNode(corev1.NodeSelectorOpNotIn, "crowded").MatchFields
	tolerating := func(key string, effect corev1.TaintEffect) []corev1.Toleration {
		return []corev1.Toleration{{Key: key, Operator: corev1.TolerationOpExists, Effect: effect}}
	}
	specs := map[string]corev1.PodSpec{
		"cpu and memory":          {Containers: []corev1.Container{requesting("cpu", "700m", "memory", "900Mi")}},
		"nothing but a place":     {Containers: []corev1.Container{requesting()}},
		"devices":                 {Containers: []corev1.Container{requestingDevices("1")}},
		"pairs of devices":        {Containers: []corev1.Container{requestingDevices("2")}},
		"ephemeral storage":       {Containers: []corev1.Container{requesting("ephemeral-storage", "6Gi")}},
		"a millionth of a core":   {Containers: []corev1.Container{requesting("cpu", "1n", "memory", "1Gi")}},
		"init container is most":  {InitContainers: []corev1.Container{named(requesting("cpu", "1500m"), "init")}, Containers: []corev1.Container{requesting("cpu", "300m")}},
		"sidecar and init":        {InitContainers: []corev1.Container{sidecar, named(requesting("cpu", "1100m"), "init")}, Containers: []corev1.Container{requesting("cpu", "900m")}},
		"overhead":                {RuntimeClassName: &sandboxed, Containers: []corev1.Container{requesting("cpu", "500m")}},
		"node selector":           {NodeSelector: map[string]string{"accelerator": "yes"}, Containers: []corev1.Container{requesting("cpu", "600m")}},
		"affinity with numbers":   {Affinity: terms(labeled("size", corev1.NodeSelectorOpGt, "6")), Containers: []corev1.Container{requesting("cpu", "500m")}},
		"affinity that excludes":  {Affinity: terms(labeled("accelerator", corev1.NodeSelectorOpDoesNotExist)), Containers: []corev1.Container{requesting("cpu", "1")}},
		"tolerates all of a key":  {Tolerations: tolerating("dedicated", ""), Containers: []corev1.Container{requesting("cpu", "1")}},
		"tolerates one effect":    {Tolerations: tolerating("dedicated", corev1.TaintEffectNoSchedule), Containers: []corev1.Container{requesting("cpu", "1")}},
		"tolerates the cordon":    {Tolerations: tolerating(corev1.TaintNodeUnschedulable, ""), Containers: []corev1.Container{requesting("cpu", "1")}},
		"larger than every node":  {Containers: []corev1.Container{requesting("cpu", "65")}},
		"a node that nobody has":  {NodeSelector: map[string]string{"accelerator": "no"}, Containers: []corev1.Container{requesting("cpu", "1")}},
		"limits stand for either": {Containers: []corev1.Container{{Name: "c", Image: "pause", Resources: corev1.ResourceRequirements{Limits: list("cpu", "1300m")}}}},
	}
	cpu := func(amount string) []corev1.Container { return []corev1.Container{requesting("cpu", amount)} }
	maps.Copy(specs, map[string]corev1.PodSpec{
		"several containers":            {Containers: []corev1.Container{requesting("cpu", "300m"), named(requesting("cpu", "200m", "memory", "700Mi"), "d")}},
		"storage, memory and cpu":       {Containers: []corev1.Container{requesting("ephemeral-storage", "3Gi", "memory", "1100Mi", "cpu", "200m")}},
		"devices and much memory":       {Containers: []corev1.Container{named(requestingDevices("1"), "d"), requesting("memory", "7Gi")}},
		"devices for the init only":     {InitContainers: []corev1.Container{named(requestingDevices("2"), "init")}, Containers: cpu("100m")},
		"init before the sidecar":       {InitContainers: []corev1.Container{named(requesting("cpu", "1100m"), "init"), sidecar}, Containers: cpu("900m")},
		"overhead beside an init":       {RuntimeClassName: &sandboxed, InitContainers: []corev1.Container{named(requesting("cpu", "1500m"), "init")}, Containers: cpu("300m")},
		"one node by name":              {Affinity: terms(onNode(corev1.NodeSelectorOpIn, "gpu")), Containers: cpu("600m")},
		"all nodes but one":             {Affinity: terms(onNode(corev1.NodeSelectorOpNotIn, "crowded")), Containers: cpu("900m")},
		"either of two terms":           {Affinity: terms(onNode(corev1.NodeSelectorOpIn, "plain"), labeled("accelerator", corev1.NodeSelectorOpExists)), Containers: cpu("900m")},
		"a term of labels and a name":   {Affinity: terms(narrow), Containers: cpu("500m")},
		"affinity below a number":       {Affinity: terms(labeled("size", corev1.NodeSelectorOpLt, "8")), Containers: cpu("500m")},
		"affinity with values":          {Affinity: terms(labeled("size", corev1.NodeSelectorOpIn, "9", "11")), Containers: cpu("500m")},
		"affinity without some values":  {Affinity: terms(labeled("size", corev1.NodeSelectorOpNotIn, "9")), Containers: cpu("800m")},
		"selector and affinity":         {NodeSelector: map[string]string{"accelerator": "yes"}, Affinity: terms(labeled("size", corev1.NodeSelectorOpExists)), Containers: cpu("1")},
		"tolerates another value":       {Tolerations: []corev1.Toleration{{Key: "dedicated", Operator: corev1.TolerationOpEqual, Value: "web"}}, Containers: cpu("1")},
		"tolerates the very value":      {Tolerations: []corev1.Toleration{{Key: "dedicated", Value: "batch", Effect: corev1.TaintEffectNoSchedule}}, Containers: cpu("1")},
		"tolerates the eviction alone":  {Tolerations: tolerating("dedicated", corev1.TaintEffectNoExecute), Containers: cpu("1")},
		"tolerates everything":          {Tolerations: tolerating("", ""), Containers: cpu("1200m")},
		"resources of the pod as whole": {Resources: &corev1.ResourceRequirements{Requests: list("cpu", "1200m", "memory", "1Gi")}, Containers: cpu("300m")},
	})
	random := rand.New(rand.NewPCG(1, 2))
	for i := range 4 {
		specs["random "+strconv.Itoa(i)] = corev1.PodSpec{Containers: []corev1.Container{
			requesting("cpu", fmt.Sprintf("%dm", 300+random.IntN(1500)), "memory", strconv.Itoa(200<<20+random.IntN(1<<30))),
		}}
	}
	return specs
}

// TestAgreesWithKubeScheduler creates in a real cluster as many pods as are said to fit: kube-scheduler finds a node for every one of them, and
// none for one more.
func TestAgreesWithKubeScheduler(t *testing.T) {
	member := localtest.Member(t, localtest.Options{Nodes: []local.Node{{Name: "small", CPU: "2", Memory: "2Gi", Storage: "10Gi", Pods: 6}}})
	client, err := kubernetes.NewForConfig(member.Config)
	if err != nil {
		t.Fatal(err)
	}
	overhead := &nodev1.RuntimeClass{ObjectMeta: metav1.ObjectMeta{Name: "sandboxed"}, Handler: "h", Overhead: &nodev1.Overhead{PodFixed: list("cpu", "250m", "memory", "64Mi")}}
	if _, err := client.NodeV1().RuntimeClasses().Create(t.Context(), overhead, metav1.CreateOptions{}); err != nil {
		t.Fatal(err)
	}
	for _, node := range fleetOfAllKinds() {
		node.Status.Conditions = nil // kwok's word, or nobody's.
		if _, err := client.CoreV1().Nodes().Create(t.Context(), node, metav1.CreateOptions{}); err != nil {
			t.Fatal(err)
		}
	}
	await(t, "nodes to be ready", func(ctx context.Context) (bool, error) {
		open := takeCensus(ctx, t, client).Summary().UsableNodes
		return open == 6, nil
	})
	for i, node := range []string{"plain", "odd", "gpu"} { // What runs already.
		resident := newPod("resident-"+strconv.Itoa(i), node, "1100m")
		resident.Spec.Containers[0].Name, resident.Spec.Containers[0].Image = "c", "pause"
		if _, err := client.CoreV1().Pods("default").Create(t.Context(), resident, metav1.CreateOptions{}); err != nil {
			t.Fatal(err)
		}
	}
	some := 0
	for name, spec := range templates() {
		t.Run(name, func(t *testing.T) { some += compare(t, client, spec) })
	}
	if some < 100 {
		t.Errorf("all templates together had %d pods: the nodes say too little", some)
	}
}

// compare returns how many pods were said to fit.
func compare(t *testing.T, client kubernetes.Interface, spec corev1.PodSpec) int {
	namespace, err := client.CoreV1().Namespaces().Create(t.Context(), &corev1.Namespace{ObjectMeta: metav1.ObjectMeta{GenerateName: "fit-"}}, metav1.CreateOptions{})
	if err != nil {
		t.Fatal(err)
	}
	pods := client.CoreV1().Pods(namespace.Name)
	await(t, "the namespace's service account", func(ctx context.Context) (bool, error) {
		_, err := client.CoreV1().ServiceAccounts(namespace.Name).Get(ctx, "default", metav1.GetOptions{})
		return err == nil, ignoreNotFound(err)
	})
	seconds := int64(0)
	spec.TerminationGracePeriodSeconds = &seconds
	create := func(options metav1.CreateOptions) *corev1.Pod {
		pod, err := pods.Create(t.Context(), &corev1.Pod{ObjectMeta: metav1.ObjectMeta{GenerateName: "p-"}, Spec: spec}, options)
		if err != nil {
			t.Fatal(err)
		}
		return pod
	}
	// What a pod of this template is once the API server has filled in defaults and overhead.
	admitted := create(metav1.CreateOptions{DryRun: []string{metav1.DryRunAll}})
	claimed := int(takeCensus(t.Context(), t, client).one(replicas(shapeOf(t, &admitted.Spec))).Sets)
	for range claimed {
		create(metav1.CreateOptions{})
	}
	await(t, fmt.Sprintf("the %d pods that are said to fit to be scheduled", claimed), func(ctx context.Context) (bool, error) {
		placed, _, err := tell(ctx, client, namespace.Name)
		return placed == claimed, err
	})
	create(metav1.CreateOptions{})
	await(t, fmt.Sprintf("pod %d to be refused", claimed+1), func(ctx context.Context) (bool, error) {
		placed, refused, err := tell(ctx, client, namespace.Name)
		if err == nil && placed > claimed {
			t.Fatalf("%d pods were scheduled, but only %d are said to fit", placed, claimed)
		}
		return refused == 1, err
	})
	if err := pods.DeleteCollection(t.Context(), metav1.DeleteOptions{GracePeriodSeconds: &seconds}, metav1.ListOptions{}); err != nil {
		t.Fatal(err)
	}
	await(t, "the pods to be gone", func(ctx context.Context) (bool, error) {
		left, err := pods.List(ctx, metav1.ListOptions{})
		return err == nil && len(left.Items) == 0, err
	})
	return claimed
}

func ignoreNotFound(err error) error {
	if apierrors.IsNotFound(err) {
		return nil
	}
	return err
}

// tell counts the pods that have a node and those that the scheduler found none for.
func tell(ctx context.Context, client kubernetes.Interface, namespace string) (placed, refused int, err error) {
	pods, err := client.CoreV1().Pods(namespace).List(ctx, metav1.ListOptions{})
	if err != nil {
		return 0, 0, err
	}
	for i := range pods.Items {
		if pods.Items[i].Spec.NodeName != "" {
			placed++
		} else if !refusedSince(&pods.Items[i]).IsZero() {
			refused++
		}
	}
	return placed, refused, nil
}

func takeCensus(ctx context.Context, t *testing.T, client kubernetes.Interface) *Census {
	t.Helper()
	nodes, err := client.CoreV1().Nodes().List(ctx, metav1.ListOptions{})
	if err != nil {
		t.Fatal(err)
	}
	pods, err := client.CoreV1().Pods("").List(ctx, metav1.ListOptions{})
	if err != nil {
		t.Fatal(err)
	}
	c := New()
	for i := range nodes.Items {
		c.add(&nodes.Items[i])
	}
	for i := range pods.Items {
		c.add(&pods.Items[i])
	}
	return c
}

// shapeOf returns what a pod with this spec needs.
func shapeOf(t *testing.T, spec *corev1.PodSpec) *Shape {
	t.Helper()
	config := ShapeConfig{
		Requests: kube.PodRequests(&corev1.Pod{Spec: *spec}), NodeSelector: spec.NodeSelector, Tolerations: spec.Tolerations, PriorityClass: spec.PriorityClassName,
	}
	if spec.Affinity != nil {
		config.NodeAffinity = spec.Affinity.NodeAffinity.RequiredDuringSchedulingIgnoredDuringExecution
	}
	shape, err := NewShape(config)
	if err != nil {
		t.Fatal(err)
	}
	return shape
}

func await(t *testing.T, what string, condition wait.ConditionWithContextFunc) {
	t.Helper()
	if err := wait.PollUntilContextTimeout(t.Context(), 50*time.Millisecond, 5*time.Minute, true, condition); err != nil {
		t.Fatalf("waiting for %s: %v", what, err)
	}
}

// TestAgreesWithQuota creates in a real cluster as many pods as a ResourceQuota is said to allow: the API server admits every one of them, and
// refuses one more.
func TestAgreesWithQuota(t *testing.T) {
	member := localtest.Member(t, localtest.Options{Nodes: []local.Node{{Name: "large", CPU: "100", Memory: "100Gi", Storage: "10Gi", Pods: 110}}})
	client, err := kubernetes.NewForConfig(member.Config)
	if err != nil {
		t.Fatal(err)
	}
	_, err = client.CoreV1().Namespaces().Create(t.Context(), &corev1.Namespace{ObjectMeta: metav1.ObjectMeta{Name: "team"}}, metav1.CreateOptions{})
	if err != nil {
		t.Fatal(err)
	}
	await(t, "the namespace's service account", func(ctx context.Context) (bool, error) {
		_, err := client.CoreV1().ServiceAccounts("team").Get(ctx, "default", metav1.GetOptions{})
		return err == nil, ignoreNotFound(err)
	})
	create := func() error {
		pod := &corev1.Pod{ObjectMeta: metav1.ObjectMeta{GenerateName: "p-"}, Spec: corev1.PodSpec{Containers: []corev1.Container{requesting("cpu", "700m", "memory", "1Gi")}}}
		_, err := client.CoreV1().Pods("team").Create(t.Context(), pod, metav1.CreateOptions{})
		return err
	}
	if err := create(); err != nil { // One that counts already.
		t.Fatal(err)
	}
	quota := newQuota("compute", list("requests.cpu", "5", "memory", "5.5Gi", "pods", "30"), nil)
	if _, err := client.CoreV1().ResourceQuotas("team").Create(t.Context(), quota, metav1.CreateOptions{}); err != nil {
		t.Fatal(err)
	}
	await(t, "the quota to be counted", func(ctx context.Context) (bool, error) {
		quota, err = client.CoreV1().ResourceQuotas("team").Get(ctx, "compute", metav1.GetOptions{})
		used := quota.Status.Used[corev1.ResourceRequestsCPU]
		return err == nil && used.Cmp(resource.MustParse("700m")) == 0, err
	})
	c := takeCensus(t.Context(), t, client)
	c.add(quota)
	q := replicas(newShape(t, 700, func(s *ShapeConfig) { s.Requests["memory"] = 1 << 30 }))
	q.Namespace = "team"
	claimed := c.one(q)
	if claimed.Sets != 4 || claimed.Quota != "compute" {
		t.Errorf("%d are said to fit (limited by %q), want the 4 that 4.5 GiB allow", claimed.Sets, claimed.Quota)
	}
	for i := range claimed.Sets {
		if err := create(); err != nil {
			t.Errorf("pod %d of %d that are said to fit: %v", i+1, claimed.Sets, err)
		}
	}
	if err := create(); !apierrors.IsForbidden(err) {
		t.Errorf("one more pod than is said to fit: %v", err)
	}
}
