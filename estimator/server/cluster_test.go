package server

import (
	"context"
	"fmt"
	"net"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials/insecure"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/resource"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/kubernetes"

	"github.com/longshore-project/longshore/cmd/longshore/local"
	"github.com/longshore-project/longshore/cmd/longshore/local/localtest"
	estimatorv1 "github.com/longshore-project/longshore/estimator/proto/v1"
)

// patience of the members in these tests: more than it takes to see twice that an idle member lives.
const patience = 2*probeEvery + time.Second

// observed is real members behind a real server.
type observed struct {
	estimatorv1.EstimatorClient
	conn    *grpc.ClientConn
	members *Members
	ctx     context.Context
	states  map[string]*estimatorv1.MemberState // as the watch tells them
	watch   estimatorv1.Estimator_WatchClient
}

// serveMembers serves no member yet.
func serveMembers(t *testing.T) *observed {
	t.Helper()
	path := filepath.Join(t.TempDir(), "s")
	listener, err := net.Listen("unix", path)
	if err != nil {
		t.Fatal(err)
	}
	o := &observed{members: NewMembers(patience), states: map[string]*estimatorv1.MemberState{}}
	server := grpc.NewServer()
	Register(server, o.members)
	go func() { _ = server.Serve(listener) }()
	t.Cleanup(server.Stop)
	if o.conn, err = grpc.NewClient("unix://"+path, grpc.WithTransportCredentials(insecure.NewCredentials())); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = o.conn.Close() })
	o.EstimatorClient = estimatorv1.NewEstimatorClient(o.conn)
	var end context.CancelFunc
	o.ctx, end = context.WithTimeout(t.Context(), 3*time.Minute)
	t.Cleanup(end)
	if o.watch, err = o.Watch(o.ctx, &estimatorv1.WatchRequest{}); err != nil {
		t.Fatal(err)
	}
	return o
}

// observe observes a member until the function that it returns is called.
func (o *observed) observe(t *testing.T, member *localtest.Cluster) (stop func(), client kubernetes.Interface) {
	t.Helper()
	client, err := kubernetes.NewForConfig(member.Config)
	if err != nil {
		t.Fatal(err)
	}
	ctx, end := context.WithCancel(o.ctx)
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		o.members.Observe(ctx, member.Name, Access{Core: client.CoreV1(), Apps: client.AppsV1()})
	}()
	stop = func() {
		end()
		<-ended
	}
	t.Cleanup(stop)
	return stop, client
}

// until reads the watch until it tells a state of the member that is so; nil stands for a member that is no longer observed.
func (o *observed) until(t *testing.T, what, member string, so func(*estimatorv1.MemberState) bool) {
	t.Helper()
	for !so(o.states[member]) {
		news, err := o.watch.Recv()
		if err != nil {
			t.Fatalf("waiting until %s: %v; the last state of %s is %v", what, err, member, o.states[member])
		}
		for _, state := range news.GetChanged() {
			o.states[state.GetMember()] = state
		}
		for _, name := range news.GetRemoved() {
			delete(o.states, name)
		}
	}
}

func (o *observed) untilKnown(t *testing.T, member string, nodes int32) {
	t.Helper()
	o.until(t, fmt.Sprintf("%s is known with %d nodes", member, nodes), member, func(s *estimatorv1.MemberState) bool {
		return s != nil && s.GetUnknown() == estimatorv1.Reason_REASON_UNSPECIFIED && s.GetUsableNodes() == nodes
	})
}

func (o *observed) untilStale(t *testing.T, member string) {
	t.Helper()
	o.until(t, member+" is stale", member, func(s *estimatorv1.MemberState) bool { return s.GetUnknown() == estimatorv1.Reason_REASON_STALE })
}

// one asks how many pods of a core fit in a member.
func (o *observed) one(t *testing.T, member string) *estimatorv1.Answer {
	t.Helper()
	return o.ask(t, member, &estimatorv1.Question{Components: []*estimatorv1.Component{{Shape: &estimatorv1.Shape{Requests: map[string]int64{"cpu": 1000}}, Replicas: 1}}})
}

func (o *observed) ask(t *testing.T, member string, question *estimatorv1.Question) *estimatorv1.Answer {
	t.Helper()
	response, err := o.Estimate(o.ctx, &estimatorv1.EstimateRequest{Members: []string{member}, Questions: []*estimatorv1.Question{question}})
	if err != nil {
		t.Fatal(err)
	}
	return response.GetMembers()[0].GetAnswers()[0]
}

// addNode creates a ready node of 4 cores.
func addNode(t *testing.T, client kubernetes.Interface, name string) {
	t.Helper()
	nodes := client.CoreV1().Nodes()
	node, err := nodes.Create(t.Context(), &corev1.Node{ObjectMeta: metav1.ObjectMeta{Name: name}, Status: corev1.NodeStatus{
		Allocatable: corev1.ResourceList{"cpu": resource.MustParse("4"), "pods": resource.MustParse("9")},
		Conditions:  []corev1.NodeCondition{{Type: corev1.NodeReady, Status: corev1.ConditionTrue}},
	}}, metav1.CreateOptions{})
	if err != nil {
		t.Fatal(err)
	}
	node.Spec.Taints = nil // New nodes are tainted until a controller sees that they are ready, and there is none.
	if _, err := nodes.Update(t.Context(), node, metav1.UpdateOptions{}); err != nil {
		t.Fatal(err)
	}
}

// TestMembersHangAndDie hangs one of two members and kills the other, one after the other. Each becomes stale, keeps its last number, and is known
// again, with what changed, when it is back. What is said about the other one stays right all the time.
func TestMembersHangAndDie(t *testing.T) {
	o := serveMembers(t)
	var clusters [2]*localtest.Cluster
	var clients [2]kubernetes.Interface
	for i, name := range []string{"a", "b"} {
		clusters[i] = localtest.Member(t, localtest.Options{Name: name, Controllers: []string{}, Nodes: []local.Node{}})
		_, clients[i] = o.observe(t, clusters[i])
		addNode(t, clients[i], "first")
		o.untilKnown(t, name, 1)
	}

	api := slices.IndexFunc(clusters[1].Processes, func(p local.Process) bool { return p.Name == "kube-apiserver" })
	if api < 0 {
		t.Fatalf("b has no API server among %v", clusters[1].Processes)
	}
	send := func(signal syscall.Signal) {
		t.Helper()
		if err := syscall.Kill(clusters[1].Processes[api].PID, signal); err != nil {
			t.Fatal(err)
		}
	}
	send(syscall.SIGSTOP)
	o.untilStale(t, "b")
	if answer := o.one(t, "b"); answer.GetUnknown() != estimatorv1.Reason_REASON_STALE || answer.GetSets() != 4 || !strings.Contains(answer.GetMessage(), "last heard") {
		t.Errorf("about the member that hangs the answer is %v, want stale with the 4 that fitted", answer)
	}
	addNode(t, clients[0], "second")
	o.untilKnown(t, "a", 2)
	if answer := o.one(t, "a"); answer.GetUnknown() != 0 || answer.GetSets() != 8 {
		t.Errorf("beside the member that hangs the answer about the other is %v, want 8", answer)
	}
	send(syscall.SIGCONT)
	o.untilKnown(t, "b", 1)

	if err := clusters[0].Kill(); err != nil {
		t.Fatal(err)
	}
	o.untilStale(t, "a")
	if answer := o.one(t, "a"); answer.GetSets() != 8 || !strings.Contains(answer.GetMessage(), "connection refused") || strings.Contains(answer.GetMessage(), "?") {
		t.Errorf("about the dead member the answer is %v, want stale with the 8 that fitted, and the cause without a query", answer)
	}
	addNode(t, clients[1], "second")
	o.untilKnown(t, "b", 2)
	if err := clusters[0].Restart(t.Context()); err != nil {
		t.Fatal(err)
	}
	o.untilKnown(t, "a", 2)
	addNode(t, clients[0], "third")
	o.untilKnown(t, "a", 3)
	if answer := o.one(t, "a"); answer.GetUnknown() != 0 || answer.GetSets() != 12 {
		t.Errorf("after the restart the answer is %v, want 12", answer)
	}
}

// TestObservationEnds tells watchers that a member is gone, and knows it again, as another instance, when it is observed anew.
func TestObservationEnds(t *testing.T) {
	o := serveMembers(t)
	member := localtest.Member(t, localtest.Options{Name: "a", Controllers: []string{}, Nodes: []local.Node{}})
	stop, client := o.observe(t, member)
	addNode(t, client, "first")
	o.untilKnown(t, "a", 1)
	before := o.states["a"].GetInstance()
	stop()
	o.until(t, "a is no longer observed", "a", func(s *estimatorv1.MemberState) bool { return s == nil })
	if answer := o.one(t, "a"); answer.GetUnknown() != estimatorv1.Reason_REASON_NOT_SERVED || answer.Sets != nil {
		t.Errorf("the answer is %v, want not served", answer)
	}
	o.observe(t, member)
	o.untilKnown(t, "a", 1)
	if o.states["a"].GetInstance() == before {
		t.Error("the instance is the same, so that generations of both observations would be compared")
	}
}
