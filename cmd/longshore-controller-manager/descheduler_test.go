package main

import (
	"bytes"
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"google.golang.org/grpc"
	appsv1 "k8s.io/api/apps/v1"
	batchv1 "k8s.io/api/batch/v1"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/resource"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/rest"
	"k8s.io/utils/ptr"
	"sigs.k8s.io/controller-runtime/pkg/client"

	policyv1alpha1 "github.com/longshore-project/longshore/apis/policy/v1alpha1"
	workv1alpha2 "github.com/longshore-project/longshore/apis/work/v1alpha2"
	"github.com/longshore-project/longshore/cmd/longshore/local"
	"github.com/longshore-project/longshore/cmd/longshore/local/localtest"
	"github.com/longshore-project/longshore/controllers/member/membertest"
	"github.com/longshore-project/longshore/estimator/server"
)

// TestDescheduler runs all there is: two members with nodes, an estimator that watches them, the scheduler's program and the controllers. In one
// member pods find no node, for reasons that no estimator foresees or because of a cordon. They run in the other one in the end, of each kind.
func TestDescheduler(t *testing.T) {
	config := localtest.ControlPlane(t)
	control := membertest.Client(t, config)
	// Equal amounts, but one place against four for pods that need a port of their node.
	small := localtest.Member(t, localtest.Options{Name: "small", Nodes: []local.Node{{Name: "only", CPU: "16", Memory: "64Gi", Storage: "100Gi", Pods: 110}}})
	var nodes []local.Node
	for i := range 4 {
		nodes = append(nodes, local.Node{Name: fmt.Sprint("node-", i), CPU: "4", Memory: "16Gi", Storage: "100Gi", Pods: 110})
	}
	large := localtest.Member(t, localtest.Options{Name: "large", Nodes: nodes})
	file := estimating(t, small, large)
	runScheduler(t, config, file)
	port := freePort(t)
	runProgram(t, config, port, "--descheduler-config", file, "--descheduling-interval=1s", "--unschedulable-threshold=2s", "--cluster-status-update-frequency=1s")
	for _, m := range []*localtest.Cluster{small, large} {
		awaitReady(t, control, join(t, control, m))
	}

	inSmall := membertest.Client(t, small.Config)
	occupy(t, inSmall)
	const ns = "moving"
	objects := []client.Object{&corev1.Namespace{ObjectMeta: metav1.ObjectMeta{Name: ns}}, dynamicPolicy(ns)}
	for _, o := range append(objects, workloads(ns)...) {
		if err := control.Create(t.Context(), o); err != nil {
			t.Fatal(err)
		}
	}
	await(t, control, ns, "steady-deployment", "large:2 small:2")
	membertest.Eventually(t, "the Deployment is ready in both members", func(ctx context.Context) error {
		return ready(ctx, control, ns, "steady", 4)
	})
	for _, name := range []string{"web-deployment", "db-statefulset", "bare-replicaset", "queue-job"} {
		await(t, control, ns, name, "large:4")
	}
	cordon(t, inSmall, ns)
	await(t, control, ns, "steady-deployment", "large:4")
	membertest.Eventually(t, "all replicas are ready", func(ctx context.Context) error {
		return errors.Join(ready(ctx, control, ns, "steady", 4), ready(ctx, control, ns, "web", 4))
	})
	await(t, control, ns, "counted-job", "large:2 small:2")
	// Nothing was taken twice: the scheduler has not offered small again what it left pending there.
	metrics := readMetrics(t, port, membertest.Grant(t, config, "reader"))
	for _, want := range []string{
		`longshore_descheduler_replicas_total{kind="Deployment"} 4`, `longshore_descheduler_replicas_total{kind="StatefulSet"} 2`,
		`longshore_descheduler_replicas_total{kind="ReplicaSet"} 2`, `longshore_descheduler_replicas_total{kind="Job"} 2`,
		`longshore_descheduler_postponed_replicas 0`, `longshore_estimator_client_up{server="estimator unix://`,
	} {
		if !strings.Contains(metrics, "\n"+want) {
			t.Errorf("the metrics lack %q:\n%s", want, metrics)
		}
	}
}

// readMetrics returns what the program tells who has the token, as far as it is about estimators and the descheduler.
func readMetrics(t *testing.T, port int, token string) string {
	t.Helper()
	request, err := http.NewRequestWithContext(t.Context(), http.MethodGet, fmt.Sprintf("https://127.0.0.1:%d/metrics", port), nil)
	if err != nil {
		t.Fatal(err)
	}
	request.Header.Set("Authorization", "Bearer "+token)
	insecure := &http.Transport{TLSClientConfig: &tls.Config{InsecureSkipVerify: true}, DisableKeepAlives: true}
	response, err := (&http.Client{Transport: insecure}).Do(request)
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	body, err := io.ReadAll(response.Body)
	if err != nil || response.StatusCode != http.StatusOK {
		t.Fatalf("reading metrics: %s, %v\n%s", response.Status, err, body)
	}
	out := "\n"
	for line := range strings.Lines(string(body)) {
		if strings.HasPrefix(line, "longshore_descheduler") || strings.HasPrefix(line, "longshore_estimator") {
			out += line
		}
	}
	return out
}

// estimating serves an estimator for the members and returns a configuration that names it.
func estimating(t *testing.T, members ...*localtest.Cluster) (file string) {
	t.Helper()
	observed := server.NewMembers(server.DefaultPatience)
	ctx, stop := context.WithCancel(context.Background())
	t.Cleanup(stop)
	for _, m := range members {
		kube, err := kubernetes.NewForConfig(m.Config)
		if err != nil {
			t.Fatal(err)
		}
		go observed.Observe(ctx, m.Name, server.Access{Core: kube.CoreV1(), Apps: kube.AppsV1()})
	}
	dir, err := os.MkdirTemp("", "longshore-") // The path of a socket must be short.
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = os.RemoveAll(dir) })
	listener, err := net.Listen("unix", filepath.Join(dir, "s"))
	if err != nil {
		t.Fatal(err)
	}
	s := grpc.NewServer()
	server.Register(s, observed)
	go func() { _ = s.Serve(listener) }()
	t.Cleanup(s.Stop)
	file = filepath.Join(dir, "scheduler.yaml")
	text := fmt.Sprintf(`apiVersion: scheduler.longshore.dev/v1alpha1
kind: SchedulerConfiguration
profiles: [{estimators: {servers: [{address: "unix://%s"}]}}]
`, listener.Addr())
	if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return file
}

// runScheduler runs the scheduler's program until the test ends.
func runScheduler(t *testing.T, config *rest.Config, file string) {
	t.Helper()
	program := filepath.Join(t.TempDir(), "longshore-scheduler")
	if out, err := exec.CommandContext(t.Context(), "go", "build", "-o", program, "../longshore-scheduler").CombinedOutput(); err != nil {
		t.Fatalf("building the scheduler: %v\n%s", err, out)
	}
	runProcess(t, exec.Command(program, "--kubeconfig", kubeconfig(t, config), "--config", file, "--leader-elect=false", "--secure-port=0"))
}

// runProgram runs the program under test, in a process of its own, until the test ends.
func runProgram(t *testing.T, config *rest.Config, port int, args ...string) {
	t.Helper()
	args = append(args, "--kubeconfig", kubeconfig(t, config), "--leader-elect=false", "--bind-address=127.0.0.1", fmt.Sprintf("--secure-port=%d", port))
	cmd := exec.Command(os.Args[0], args...)
	cmd.Env = append(os.Environ(), asProgram+"=1")
	runProcess(t, cmd)
}

func runProcess(t *testing.T, cmd *exec.Cmd) {
	t.Helper()
	var log bytes.Buffer
	cmd.Stdout, cmd.Stderr = &log, &log
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = cmd.Process.Kill()
		_ = cmd.Wait()
		if t.Failed() {
			t.Logf("%s says:\n%s", filepath.Base(cmd.Path), log.String())
		}
	})
}

// Ports of the nodes that pods need. An estimator does not look at ports.
const (
	firstPort = 8001
	portCount = 4
)

// occupy takes the ports of the only node of the small member.
func occupy(t *testing.T, member client.Client) {
	t.Helper()
	pod := &corev1.Pod{ObjectMeta: metav1.ObjectMeta{Namespace: "default", Name: "occupier"}}
	pod.Spec = podSpec("100m")
	for i := range int32(portCount) {
		pod.Spec.Containers[0].Ports = append(pod.Spec.Containers[0].Ports, corev1.ContainerPort{ContainerPort: firstPort + i, HostPort: firstPort + i})
	}
	if err := member.Create(t.Context(), pod); err != nil {
		t.Fatal(err)
	}
	membertest.Eventually(t, "the ports are taken", func(ctx context.Context) error {
		if err := member.Get(ctx, client.ObjectKeyFromObject(pod), pod); err != nil || pod.Spec.NodeName != "" {
			return err
		}
		return errors.New("the pod has no node")
	})
}

func podSpec(cpu string, ports ...int32) corev1.PodSpec {
	c := corev1.Container{Name: "main", Image: "nginx", Resources: corev1.ResourceRequirements{Requests: corev1.ResourceList{"cpu": resource.MustParse(cpu)}}}
	for _, p := range ports {
		c.Ports = append(c.Ports, corev1.ContainerPort{ContainerPort: p, HostPort: p})
	}
	return corev1.PodSpec{Containers: []corev1.Container{c}, TerminationGracePeriodSeconds: ptr.To[int64](0)}
}

// workloads returns one of each kind with four replicas that need ports, and a Deployment that needs none. Each has a shape of its own, so that
// what is learned of one says nothing about the others. A Job that counts completions must stay where it is.
func workloads(ns string) []client.Object {
	named := func(name string) metav1.ObjectMeta { return metav1.ObjectMeta{Namespace: ns, Name: name} }
	template := func(name, cpu string, ports ...int32) (*metav1.LabelSelector, corev1.PodTemplateSpec) {
		labels := map[string]string{"app": name}
		return &metav1.LabelSelector{MatchLabels: labels}, corev1.PodTemplateSpec{ObjectMeta: metav1.ObjectMeta{Labels: labels}, Spec: podSpec(cpu, ports...)}
	}
	four := ptr.To[int32](4)
	steady, web := &appsv1.Deployment{ObjectMeta: named("steady")}, &appsv1.Deployment{ObjectMeta: named("web")}
	db, bare := &appsv1.StatefulSet{ObjectMeta: named("db")}, &appsv1.ReplicaSet{ObjectMeta: named("bare")}
	queue, counted := &batchv1.Job{ObjectMeta: named("queue")}, &batchv1.Job{ObjectMeta: named("counted")}
	steady.Spec.Replicas, web.Spec.Replicas, db.Spec.Replicas, bare.Spec.Replicas = four, four, four, four
	steady.Spec.Selector, steady.Spec.Template = template("steady", "500m")
	web.Spec.Selector, web.Spec.Template = template("web", "100m", firstPort)
	db.Spec.Selector, db.Spec.Template = template("db", "200m", firstPort+1)
	bare.Spec.Selector, bare.Spec.Template = template("bare", "300m", firstPort+2)
	_, queue.Spec.Template = template("queue", "400m", firstPort+3)
	_, counted.Spec.Template = template("counted", "410m", firstPort+3)
	queue.Spec.Parallelism, counted.Spec.Parallelism, counted.Spec.Completions = four, four, four
	queue.Spec.Template.Spec.RestartPolicy, counted.Spec.Template.Spec.RestartPolicy = corev1.RestartPolicyNever, corev1.RestartPolicyNever
	return []client.Object{steady, web, db, bare, queue, counted}
}

func dynamicPolicy(ns string) *policyv1alpha1.PropagationPolicy {
	p := &policyv1alpha1.PropagationPolicy{ObjectMeta: metav1.ObjectMeta{Namespace: ns, Name: "by-room"}}
	p.Spec.ResourceSelectors = []policyv1alpha1.ResourceSelector{
		{APIVersion: "apps/v1", Kind: "Deployment"}, {APIVersion: "apps/v1", Kind: "StatefulSet"}, {APIVersion: "apps/v1", Kind: "ReplicaSet"}, {APIVersion: "batch/v1", Kind: "Job"},
	}
	p.Spec.Placement.ReplicaScheduling = &policyv1alpha1.ReplicaSchedulingStrategy{
		ReplicaSchedulingType: policyv1alpha1.Divided, ReplicaDivisionPreference: policyv1alpha1.Weighted,
		WeightPreference: &policyv1alpha1.ClusterPreferences{DynamicWeight: policyv1alpha1.DynamicWeightByAvailableReplicas},
	}
	return p
}

// await waits until the binding has these replicas, by name of the member.
func await(t *testing.T, control client.Client, ns, name, want string) {
	t.Helper()
	membertest.Eventually(t, name+" is placed as "+want, func(ctx context.Context) error {
		var b workv1alpha2.ResourceBinding
		if err := control.Get(ctx, client.ObjectKey{Namespace: ns, Name: name}, &b); err != nil {
			return err
		}
		var got []string
		for _, t := range b.Spec.Clusters {
			got = append(got, fmt.Sprintf("%s:%d", t.Name, t.Replicas))
		}
		if strings.Join(got, " ") != want {
			return fmt.Errorf("it is placed as %v; conditions %+v; members report %+v", got, b.Status.Conditions, b.Status.AggregatedStatus)
		}
		return nil
	})
}

func ready(ctx context.Context, control client.Client, ns, name string, want int32) error {
	var d appsv1.Deployment
	if err := control.Get(ctx, client.ObjectKey{Namespace: ns, Name: name}, &d); err != nil {
		return err
	}
	if d.Status.ReadyReplicas != want {
		return fmt.Errorf("%s has status %+v", name, d.Status)
	}
	return nil
}

// cordon closes the member's only node and deletes the pods there that have been steady.
func cordon(t *testing.T, member client.Client, ns string) {
	t.Helper()
	node := &corev1.Node{ObjectMeta: metav1.ObjectMeta{Name: "only"}}
	err := member.Patch(t.Context(), node, client.RawPatch("application/merge-patch+json", []byte(`{"spec":{"unschedulable":true}}`)))
	if err != nil {
		t.Fatal(err)
	}
	if err := member.DeleteAllOf(t.Context(), &corev1.Pod{}, client.InNamespace(ns), client.MatchingLabels{"app": "steady"}); err != nil {
		t.Fatal(err)
	}
}
