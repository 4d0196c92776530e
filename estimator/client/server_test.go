package client

import (
	"context"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/prometheus/client_golang/prometheus/testutil"
	"google.golang.org/grpc"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/resource"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/kubernetes"

	"github.com/longshore-project/longshore/cmd/longshore/local/localtest"
	estimatorv1 "github.com/longshore-project/longshore/estimator/proto/v1"
	"github.com/longshore-project/longshore/estimator/server"
)

func TestMain(m *testing.M) { os.Exit(localtest.Main(m, localtest.Options{})) }

// real is an estimator that observes an API server under several names, and counts its calls.
type real struct {
	address string
	members *server.Members
	server  *grpc.Server

	mu sync.Mutex
	// questions is how many each call of Estimate that had any asked, and workloads how many each call of Unschedulable did.
	questions, workloads []int
	// gate, if not nil, holds up calls until it is closed; held is how many it holds.
	gate chan struct{}
	held int
}

// newReal observes one node of so many CPUs as each of the members.
func newReal(t *testing.T, cpus int64, members ...string) *real {
	t.Helper()
	kube, err := kubernetes.NewForConfig(localtest.ControlPlane(t))
	if err != nil {
		t.Fatal(err)
	}
	createNode(t, kube, cpus)
	r := &real{members: server.NewMembers(server.DefaultPatience), address: "unix://" + filepath.Join(t.TempDir(), "s")}
	ctx, stop := context.WithCancel(context.Background())
	t.Cleanup(stop)
	for _, name := range members {
		go r.members.Observe(ctx, name, server.Access{Core: kube.CoreV1(), Apps: kube.AppsV1()})
	}
	awaitThat(t, "all members are read", func() bool {
		states := r.members.States(members)
		for _, s := range states {
			if s.GetUnknown() != estimatorv1.Reason_REASON_UNSPECIFIED || s.GetNodes() == 0 {
				return false
			}
		}
		return true
	})
	r.start(t)
	return r
}

func createNode(t *testing.T, kube kubernetes.Interface, cpus int64) {
	t.Helper()
	node := &corev1.Node{ObjectMeta: metav1.ObjectMeta{Name: strings.ToLower(t.Name())}}
	amounts := corev1.ResourceList{"cpu": *resource.NewQuantity(cpus, resource.DecimalSI), "pods": resource.MustParse("1000")}
	node.Status = corev1.NodeStatus{Allocatable: amounts, Conditions: []corev1.NodeCondition{{Type: corev1.NodeReady, Status: corev1.ConditionTrue}}}
	created, err := kube.CoreV1().Nodes().Create(t.Context(), node, metav1.CreateOptions{})
	if err != nil {
		t.Fatal(err)
	}
	created.Spec.Taints, created.Spec.Unschedulable = nil, false // The server adds the taint of nodes that are not ready.
	if created, err = kube.CoreV1().Nodes().Update(t.Context(), created, metav1.UpdateOptions{}); err != nil {
		t.Fatal(err)
	}
	created.Status = node.Status
	if _, err := kube.CoreV1().Nodes().UpdateStatus(t.Context(), created, metav1.UpdateOptions{}); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := kube.CoreV1().Nodes().Delete(context.Background(), node.Name, metav1.DeleteOptions{}); err != nil {
			t.Error(err)
		}
	})
}

// start serves, also after the server was stopped.
func (r *real) start(t *testing.T) {
	t.Helper()
	listener, err := net.Listen("unix", strings.TrimPrefix(r.address, "unix://"))
	if err != nil {
		t.Fatal(err)
	}
	r.server = grpc.NewServer(grpc.UnaryInterceptor(r.count))
	server.Register(r.server, r.members)
	go func(s *grpc.Server) { _ = s.Serve(listener) }(r.server)
	t.Cleanup(r.server.Stop)
}

func (r *real) count(ctx context.Context, request any, _ *grpc.UnaryServerInfo, handle grpc.UnaryHandler) (any, error) {
	r.mu.Lock()
	switch q := request.(type) {
	case *estimatorv1.EstimateRequest:
		if n := len(q.GetQuestions()); n > 0 {
			r.questions = append(r.questions, n)
		}
	case *estimatorv1.UnschedulableRequest:
		r.workloads = append(r.workloads, len(q.GetWorkloads()))
	}
	gate := r.gate
	if gate != nil {
		r.held++
	}
	r.mu.Unlock()
	if gate != nil {
		select {
		case <-gate:
		case <-ctx.Done():
			return nil, ctx.Err()
		}
	}
	return handle(ctx, request)
}

// hang holds up calls until the function is called.
func (r *real) hang() (release func()) {
	r.mu.Lock()
	defer r.mu.Unlock()
	gate := make(chan struct{})
	r.gate = gate
	return sync.OnceFunc(func() {
		r.mu.Lock()
		defer r.mu.Unlock()
		r.gate, r.held = nil, 0
		close(gate)
	})
}

func (r *real) holds() int {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.held
}

func (r *real) asked() []int {
	r.mu.Lock()
	defer r.mu.Unlock()
	return append([]int(nil), r.questions...)
}

// startReal returns a client of real estimators that has heard them all.
func startReal(t *testing.T, o Options, reals ...*real) (*Client, chan change) {
	t.Helper()
	for i, r := range reals {
		o.Servers = append(o.Servers, Server{Name: fmt.Sprint("of-", i), Connect: connectTo(r.address)})
	}
	c, told := start(t, o)
	awaitThat(t, "the estimators are heard", func() bool {
		c.mu.Lock()
		defer c.mu.Unlock()
		for _, e := range c.shared {
			if !e.heard {
				return false
			}
		}
		return true
	})
	return c, told
}

// TestOneCallForManyQuestions: whatever comes up while a call is under way goes into the next one, to each estimator.
func TestOneCallForManyQuestions(t *testing.T) {
	const many = 40
	first := newReal(t, 840, "a", "b")
	second := &real{members: first.members, address: "unix://" + filepath.Join(t.TempDir(), "s")}
	second.start(t)
	c, _ := startReal(t, Options{Servers: []Server{
		{Name: "first", Connect: connectTo(first.address), Members: []string{"a"}}, {Name: "second", Connect: connectTo(second.address), Members: []string{"b"}},
	}})
	release, releaseSecond := first.hang(), second.hang()
	c.Prefetch(request(1000))
	awaitThat(t, "the first calls are under way", func() bool { return first.holds() > 0 && second.holds() > 0 })
	for i := range int64(many) {
		c.Prefetch(request(1000 * (i + 2)))
	}
	release()
	releaseSecond()
	for i := range int64(many) {
		want := fmt.Sprint(840 / (i + 2))
		expect(t, ask(t, c, request(1000*(i+2)), "a", "b"), want, want)
	}
	for _, r := range []*real{first, second} {
		if diff := cmp.Diff([]int{1, many}, r.asked()); diff != "" {
			t.Errorf("questions in each call (-want +got):\n%s", diff)
		}
	}
}

// TestBudgetIsSpentOnce: of a silent estimator one decision waits for the budget, and all others decide at once, until it answers again.
func TestBudgetIsSpentOnce(t *testing.T) {
	r := newReal(t, 8, "a")
	metrics := NewMetrics()
	c, told := startReal(t, Options{Budget: 20 * time.Millisecond, Metrics: metrics}, r)
	release := r.hang()
	for i := range int64(50) {
		expectLate(t, ask(t, c, request(1000*(i+1)), "a"))
	}
	if got := testutil.ToFloat64(metrics.late); got != 1 {
		t.Errorf("%v decisions waited for their whole budget, want 1", got)
	}
	if got := len(r.asked()); got != 1 {
		t.Errorf("%d calls were made meanwhile, want the one that hangs", got)
	}
	release()
	eventually(t, told, change{"a", true})
	awaitThat(t, "all questions are answered", func() bool { return ask(t, c, request(4000), "a")[0] == "2" })
	expect(t, ask(t, c, request(8000), "a"), "1")
}

// TestBreaker: an estimator that is gone costs no decision its budget and is called again by itself only, and counts again as soon as it is back.
func TestBreaker(t *testing.T) {
	r := newReal(t, 8, "a")
	metrics := NewMetrics()
	c, told := startReal(t, Options{Metrics: metrics}, r)
	expect(t, ask(t, c, request(1000), "a"), "8")
	up := func() float64 { return testutil.ToFloat64(metrics.up.WithLabelValues("estimator of-0")) }
	if up() != 1 {
		t.Error("the estimator does not count as up")
	}
	r.server.Stop()
	if got := ask(t, c, request(2000), "a"); !strings.HasSuffix(got[0], "estimator of-0: cannot be reached") {
		t.Errorf("of an estimator that is gone it says %q", got)
	}
	for i := range int64(50) { // Each would wait for 20 s.
		ask(t, c, request(3000+i), "a")
	}
	if up() != 0 || testutil.ToFloat64(metrics.late) != 0 {
		t.Errorf("up: %v, overruns: %v; want neither", up(), testutil.ToFloat64(metrics.late))
	}
	expect(t, ask(t, c, request(1000), "a"), "8") // What it said is not too old.
	r.start(t)
	eventually(t, told, change{"a", true})
	awaitThat(t, "it counts again", func() bool { return ask(t, c, request(2000), "a")[0] == "4" })
	if up() != 1 {
		t.Error("the estimator does not count as up again")
	}
}

// TestUnschedulableInOneCall asks each estimator once about all of its workloads.
func TestUnschedulableInOneCall(t *testing.T) {
	r := newReal(t, 8, "a", "b")
	c, _ := startReal(t, Options{}, r)
	var workloads []Workload
	for i := range 100 {
		workloads = append(workloads, Workload{[]string{"a", "b"}[i%2], "apps/v1", "StatefulSet", "default", fmt.Sprint("db-", i)})
	}
	for i, got := range c.Unschedulable(t.Context(), workloads, time.Minute) {
		if got != (Unschedulable{}) {
			t.Errorf("of %v it says %+v", workloads[i], got)
		}
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	if diff := cmp.Diff([]int{100}, r.workloads); diff != "" {
		t.Errorf("workloads in each call (-want +got):\n%s", diff)
	}
}
