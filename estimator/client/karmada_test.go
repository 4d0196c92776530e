package client

import (
	"context"
	"errors"
	"net"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/prometheus/client_golang/prometheus/testutil"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/status"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/resource"

	schedulerv1alpha1 "github.com/longshore-project/longshore/apis/scheduler/v1alpha1"
	"github.com/longshore-project/longshore/estimator/proto/karmada/pb"
	"github.com/longshore-project/longshore/estimator/proto/karmada/service"
	"github.com/longshore-project/longshore/scheduler/framework"
)

// karmadas is an estimator of one member as Karmada's: it decodes what it is asked and answers with fixed numbers.
type karmadas struct {
	service.UnimplementedEstimatorServer
	t       *testing.T
	cluster string

	mu     sync.Mutex
	object []string
	asked  pb.ReplicaRequirements
}

func (k *karmadas) MaxAvailableReplicas(ctx context.Context, r *pb.MaxAvailableReplicasRequest) (*pb.MaxAvailableReplicasResponse, error) {
	if r.GetCluster() != k.cluster {
		return nil, status.Errorf(codes.InvalidArgument, "this is the estimator of %s", k.cluster)
	}
	k.mu.Lock()
	defer k.mu.Unlock()
	md, _ := metadata.FromIncomingContext(ctx)
	k.object = md.Get("object")
	k.asked.NodeClaim, k.asked.Namespace = r.GetReplicaRequirements().GetNodeClaim(), r.GetReplicaRequirements().GetNamespace()
	k.asked.ResourceRequestBytes = r.GetReplicaRequirements().GetResourceRequestBytes()
	return &pb.MaxAvailableReplicasResponse{MaxReplicas: 7}, nil
}

func (k *karmadas) MaxAvailableComponentSets(_ context.Context, r *pb.MaxAvailableComponentSetsRequest) (*pb.MaxAvailableComponentSetsResponse, error) {
	return &pb.MaxAvailableComponentSetsResponse{MaxSets: int32(len(r.GetComponents()))}, nil
}

func (k *karmadas) GetUnschedulableReplicas(ctx context.Context, r *pb.UnschedulableReplicasRequest) (*pb.UnschedulableReplicasResponse, error) {
	if r.GetResource().GetKind() != "Deployment" {
		return nil, errors.New("only Deployments")
	}
	if r.GetResource().GetName() == "slow" {
		<-ctx.Done()
		return nil, ctx.Err()
	}
	return &pb.UnschedulableReplicasResponse{UnschedulableReplicas: int32(time.Duration(r.GetUnschedulableThreshold()).Minutes())}, nil
}

func (k *karmadas) serve(t *testing.T) string {
	path := filepath.Join(t.TempDir(), k.cluster)
	listener, err := net.Listen("unix", path)
	if err != nil {
		t.Fatal(err)
	}
	s := grpc.NewServer()
	service.RegisterEstimatorServer(s, k)
	go func() { _ = s.Serve(listener) }()
	t.Cleanup(s.Stop)
	return "unix://" + path
}

// TestSlowWorkload keeps what Karmada's estimator says of other workloads, also of many.
func TestSlowWorkload(t *testing.T) {
	a := &karmadas{t: t, cluster: "a"}
	address := a.serve(t)
	c, _ := start(t, Options{Deadline: time.Second, Servers: []Server{{
		Name: "of-{member}", PerMember: true, Protocol: Karmada,
		Connect: func(context.Context, string) ([]*grpc.ClientConn, error) { return Dial(nil, address) },
	}}})
	workloads := []Workload{{Member: "a", Kind: "Deployment", Name: "slow"}}
	want := []Unschedulable{{Missing: "context deadline exceeded"}}
	for range 10 * callsAtOnce {
		workloads, want = append(workloads, Workload{Member: "a", Kind: "Deployment"}), append(want, Unschedulable{Replicas: 5})
	}
	if diff := cmp.Diff(want, c.Unschedulable(t.Context(), workloads, 5*time.Minute)); diff != "" {
		t.Errorf("unschedulable (-want +got):\n%s", diff)
	}
	got := c.Unschedulable(t.Context(), workloads[:1], 5*time.Minute)
	if !strings.HasSuffix(got[0].Missing, ": no answer within 1s") {
		t.Errorf("if nothing is answered it says %+v", got[0])
	}
}

// TestDeparted leaves the estimators of members that are gone, and one that fails and is not asked for any more; both are found again.
func TestDeparted(t *testing.T) {
	a := &karmadas{t: t, cluster: "a"}
	addresses := map[string]string{"a": a.serve(t), "dead": "unix://" + filepath.Join(t.TempDir(), "none")}
	metrics := NewMetrics()
	c, _ := start(t, Options{Metrics: metrics, Lifetime: 60 * time.Millisecond, Servers: []Server{{
		Name: "of-{member}", PerMember: true, Protocol: Karmada,
		Connect: func(_ context.Context, member string) ([]*grpc.ClientConn, error) {
			return Dial(nil, addresses[member])
		},
	}}})
	asked := func() { ask(t, c, request(1), "a", "dead") }
	known := func() (names []string) {
		c.mu.Lock()
		defer c.mu.Unlock()
		for key := range c.own {
			names = append(names, key.member)
		}
		slices.Sort(names)
		return names
	}
	asked()
	if n := testutil.CollectAndCount(metrics, "longshore_estimator_client_up"); n != 2 {
		t.Errorf("%d estimators have a metric", n)
	}
	c.Retain(func(member string) bool { return member != "a" })
	if diff := cmp.Diff([]string{"dead"}, known()); diff != "" {
		t.Errorf("estimators after a left (-want +got):\n%s", diff)
	}
	c.mu.Lock()
	for _, q := range c.book.questions {
		for key := range q.answers {
			t.Errorf("an answer about %s is left", key.member)
		}
	}
	c.mu.Unlock()
	asked()
	expect(t, ask(t, c, request(1), "a"), "7")
	c.mu.Lock()
	for _, e := range c.own {
		e.routed = e.routed.Add(-2 * abandonAfter)
	}
	c.mu.Unlock()
	awaitThat(t, "the dead one is left", func() bool { return slices.Equal(known(), []string{"a"}) })
	if n := testutil.CollectAndCount(metrics, "longshore_estimator_client_up"); n != 1 {
		t.Errorf("%d estimators have a metric after one was left", n)
	}
	if got := ask(t, c, request(1), "dead"); !strings.HasSuffix(got[0], "cannot be reached") {
		t.Errorf("of the one that is back it says %q", got)
	}
}

// TestKarmadasEstimators asks one of Karmada's estimators for each member, found out by itself or said.
func TestKarmadasEstimators(t *testing.T) {
	for _, protocol := range []Protocol{Auto, Karmada} {
		t.Run(string(protocol), func(t *testing.T) {
			a, b := &karmadas{t: t, cluster: "a"}, &karmadas{t: t, cluster: "b"}
			addresses := map[string]string{"a": a.serve(t), "b": b.serve(t), "dead": "unix://" + filepath.Join(t.TempDir(), "none")}
			c, _ := start(t, Options{Servers: []Server{{
				Name: "of-{member}", PerMember: true, Protocol: protocol,
				Connect: func(_ context.Context, member string) ([]*grpc.ClientConn, error) {
					return Dial(nil, addresses[member])
				},
			}}})
			r := request(250)
			r.Key, r.API.Kind, r.Namespace = "shop/web", "Deployment", "shop"
			r.Node = &framework.NodeClaim{
				Selector:    []framework.Label{{Key: "disk", Value: "ssd"}},
				Affinity:    []framework.NodeTerm{{Labels: []framework.NodeRequirement{{Key: "zone", Operator: "In", Values: []string{"z"}}}}},
				Tolerations: []framework.NodeToleration{{Key: "gpu", Operator: "Exists"}},
			}
			expect(t, ask(t, c, r, "a", "b", "dead"), "7", "7", "estimator of-dead: cannot be reached")
			a.verify(t)
			sets := &framework.Request{Components: []framework.Component{{Replicas: 1}, {Replicas: 3}}}
			expect(t, ask(t, c, sets, "a"), "2")
			got := c.Unschedulable(t.Context(), []Workload{{Member: "a", Kind: "Deployment"}, {Member: "b", Kind: "Job"}}, 5*time.Minute)
			if diff := cmp.Diff([]Unschedulable{{Replicas: 5}, {Missing: "only Deployments"}}, got); diff != "" {
				t.Errorf("unschedulable (-want +got):\n%s", diff)
			}
		})
	}
}

// verify decodes what was asked with Kubernetes' own types.
func (k *karmadas) verify(t *testing.T) {
	t.Helper()
	k.mu.Lock()
	defer k.mu.Unlock()
	if diff := cmp.Diff([]string{"kind=Deployment, name=shop/web"}, k.object); diff != "" {
		t.Errorf("metadata (-want +got):\n%s", diff)
	}
	var cpu resource.Quantity
	var affinity corev1.NodeSelector
	var toleration corev1.Toleration
	for what, err := range map[string]error{
		"cpu":        cpu.Unmarshal(k.asked.GetResourceRequestBytes()["cpu"]),
		"affinity":   affinity.Unmarshal(k.asked.GetNodeClaim().GetNodeAffinityBytes()),
		"toleration": toleration.Unmarshal(k.asked.GetNodeClaim().GetTolerationsBytes()[0]),
	} {
		if err != nil {
			t.Errorf("decoding %s: %v", what, err)
		}
	}
	if cpu.String() != "250m" || affinity.NodeSelectorTerms[0].MatchExpressions[0].Values[0] != "z" || toleration.Key != "gpu" ||
		k.asked.GetNamespace() != "shop" || k.asked.GetNodeClaim().GetNodeSelector()["disk"] != "ssd" {
		t.Errorf("asked for %v cpu, %v, %v, in %s on %v", cpu.String(), affinity, toleration, k.asked.GetNamespace(), k.asked.GetNodeClaim().GetNodeSelector())
	}
}

func TestServiceAddresses(t *testing.T) {
	s := &schedulerv1alpha1.EstimatorService{Prefix: "est", Namespace: "ns", Port: 10352}
	tests := []struct {
		name, host string
		err        error
		want       []string
	}{
		{name: "no Service", want: []string{"dns:///est-m.ns.svc.cluster.local:10352", "dns:///est-m.ns.svc:10352"}},
		{name: "ExternalName", host: "est.example.com", want: []string{"dns:///est.example.com:10352"}},
		{name: "another type", err: errors.New("not ExternalName")},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			asked := ""
			got, err := serviceAddresses(t.Context(), s, func(_ context.Context, namespace, name string) (string, error) {
				asked = namespace + "/" + name
				return tt.host, tt.err
			}, "m")
			if diff := cmp.Diff(tt.want, got); diff != "" || !errors.Is(err, tt.err) || asked != "ns/est-m" {
				t.Errorf("asked for %s, error %v, addresses (-want +got):\n%s", asked, err, diff)
			}
		})
	}
}

func TestFromConfig(t *testing.T) {
	section := &schedulerv1alpha1.Estimators{Servers: []schedulerv1alpha1.EstimatorServer{
		{Address: "dns:///localhost:1", TLS: &schedulerv1alpha1.EstimatorTLS{CAFile: filepath.Join(t.TempDir(), "missing")}},
		{Service: &schedulerv1alpha1.EstimatorService{}},
	}}
	schedulerv1alpha1.SetEstimatorDefaults(section)
	o := FromConfig(section, nil)
	if o.Servers[0].Name != "dns:///localhost:1" || o.Servers[1].Name != "karmada-scheduler-estimator-{member}" || !o.Servers[1].PerMember || o.Servers[1].Protocol != Karmada {
		t.Errorf("servers are %+v", o.Servers)
	}
	if _, err := o.Servers[0].Connect(t.Context(), ""); err == nil || !strings.Contains(err.Error(), "reading the CA of the estimator") {
		t.Errorf("with a missing file the error is %v", err)
	}
}
