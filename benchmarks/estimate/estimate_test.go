// Package estimate measures how long it takes to say how much fits in a large member, in process and over gRPC with mutual TLS.
package estimate

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"math/big"
	"net"
	"runtime"
	"strconv"
	"testing"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/resource"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/longshore-project/longshore/estimator/census"
	estimatorclient "github.com/longshore-project/longshore/estimator/client"
	estimatorv1 "github.com/longshore-project/longshore/estimator/proto/v1"
	"github.com/longshore-project/longshore/estimator/server"
	"github.com/longshore-project/longshore/plugins/builtin/accurateestimate"
	"github.com/longshore-project/longshore/scheduler/framework"
)

// The member of every benchmark.
const (
	nodes = 5000
	pods  = 100_000
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

func newPod(i int) *corev1.Pod {
	return &corev1.Pod{
		ObjectMeta: metav1.ObjectMeta{Namespace: "team-" + strconv.Itoa(i%100), Name: "application-5d4f8c7b9-" + strconv.Itoa(i)},
		Spec: corev1.PodSpec{NodeName: "node-" + strconv.Itoa(i%nodes), Containers: []corev1.Container{{
			Resources: corev1.ResourceRequirements{Requests: corev1.ResourceList{
				corev1.ResourceCPU: *resource.NewMilliQuantity(podCPU(i), resource.DecimalSI), corev1.ResourceMemory: resource.MustParse("256Mi"),
			}},
		}}},
	}
}

func trimmed[T any](b testing.TB, object any) T {
	b.Helper()
	out, err := census.Trim(object)
	if err != nil {
		b.Fatal(err)
	}
	return out.(T)
}

func newCensus(b testing.TB) *census.Census {
	b.Helper()
	c := census.New()
	for i := range nodes {
		c.SetNode(trimmed[*census.Node](b, newNode(i)))
	}
	for i := range pods {
		c.SetPod(trimmed[*census.Pod](b, newPod(i)))
	}
	return c
}

// expected is how many copies of so much cpu, and 1 GiB, fit: counted from what the member is made of.
func expected(cpu int64) int64 {
	var free [nodes]int64
	for i := range free {
		free[i] = nodeCPU(i)
	}
	for i := range pods {
		free[i%nodes] -= podCPU(i)
	}
	places, memory := int64(110-pods/nodes), int64(128*1024-256*pods/nodes)/1024
	total := int64(0)
	for _, f := range free {
		total += min(f/cpu, places, memory)
	}
	return total
}

// question asks for copies of so much cpu and 1 GiB.
func question(b testing.TB, cpu int64) census.Question {
	b.Helper()
	shape, err := census.NewShape(census.ShapeConfig{Requests: map[string]int64{"cpu": cpu, "memory": 1 << 30}})
	if err != nil {
		b.Fatal(err)
	}
	return census.Question{Components: []census.Component{{Shape: shape, Replicas: 1}}}
}

func check(b testing.TB, got, want int64) {
	b.Helper()
	if got != want {
		b.Fatalf("%d copies are said to fit, want %d", got, want)
	}
}

// BenchmarkEstimate asks about a member with 5,000 nodes and 100,000 pods.
func BenchmarkEstimate(b *testing.B) {
	c := newCensus(b)
	b.Run("by=call/question=warm", func(b *testing.B) {
		q := []census.Question{question(b, 500)}
		got := c.Ask(q, nil)
		for b.Loop() {
			got = c.Ask(q, nil)
		}
		check(b, got[0].Sets, expected(500))
	})
	b.Run("by=call/question=cold", func(b *testing.B) {
		cpu, got := int64(1000), int64(0)
		for b.Loop() { // A shape that nobody asked for lately.
			cpu++
			got = c.Ask([]census.Question{question(b, cpu)}, nil)[0].Sets
		}
		check(b, got, expected(cpu))
	})
	b.Run("by=call/question=after-a-pod", func(b *testing.B) {
		q, p := []census.Question{question(b, 500)}, trimmed[*census.Pod](b, newPod(pods))
		for b.Loop() {
			c.SetPod(p)
			c.Ask(q, nil)
			c.RemovePod(p.Namespace, p.Name)
		}
		check(b, c.Ask(q, nil)[0].Sets, expected(500))
	})
	b.Run("by=call/question=set-cold", func(b *testing.B) { setOfTwo(b, c) })
	b.Run("event=pod", func(b *testing.B) {
		object := newPod(pods)
		for b.Loop() { // As a watch does it: trimmed, put in, and later removed.
			c.SetPod(trimmed[*census.Pod](b, object))
			c.RemovePod(object.Namespace, object.Name)
		}
		check(b, c.Ask([]census.Question{question(b, 500)}, nil)[0].Sets, expected(500))
	})
	overGRPC(b)
}

// setOfTwo asks for sets of a small and a large component that were not asked for lately.
func setOfTwo(b *testing.B, c *census.Census) {
	cpu := int64(4000)
	var got census.Answer
	for b.Loop() {
		cpu++
		q := census.Question{Components: []census.Component{
			{Shape: question(b, cpu).Components[0].Shape, Replicas: 1}, {Shape: question(b, cpu/8).Components[0].Shape, Replicas: 4},
		}}
		got = c.Ask([]census.Question{q}, nil)[0]
	}
	if got.Sets == 0 {
		b.Fatal("no set fits")
	}
	exact := 0.0
	if got.Exact {
		exact = 1
	}
	b.ReportMetric(exact, "exact")
}

func overGRPC(b *testing.B) {
	conn := serve(b)
	client := estimatorv1.NewEstimatorClient(conn)
	floor(b, conn)
	ask := func(b *testing.B, cpu int64) int64 {
		response, err := client.Estimate(b.Context(), request(1, cpu))
		if err != nil {
			b.Fatal(err)
		}
		return response.GetMembers()[0].GetAnswers()[0].GetSets()
	}
	b.Run("by=grpc/question=warm", func(b *testing.B) {
		got := ask(b, 500)
		for b.Loop() {
			got = ask(b, 500)
		}
		check(b, got, expected(500))
	})
	b.Run("by=grpc/question=cold", func(b *testing.B) {
		cpu, got := int64(3000), int64(0)
		for b.Loop() {
			cpu++
			got = ask(b, cpu)
		}
		check(b, got, expected(cpu))
	})
	b.Run("by=grpc/question=100-warm", func(b *testing.B) {
		q := request(100, 500)
		for b.Loop() {
			response, err := client.Estimate(b.Context(), q)
			if err != nil {
				b.Fatal(err)
			}
			check(b, int64(len(response.GetMembers()[0].GetAnswers())), 100)
		}
	})
	asScheduler(b, conn)
}

// asScheduler asks through the scheduler's client, which keeps answers as long as the member has not changed.
func asScheduler(b *testing.B, conn *grpc.ClientConn) {
	asking := estimatorclient.New(b.Context(), estimatorclient.Options{Budget: time.Minute, Servers: []estimatorclient.Server{{
		Name: "estimator", Connect: func(context.Context, string) ([]*grpc.ClientConn, error) { return []*grpc.ClientConn{conn}, nil },
	}}})
	r := &framework.Request{Replicas: 1, Requirements: framework.NewResources(map[string]int64{"cpu": 500, "memory": 1 << 30})}
	b.Run("by=client/question=warm", func(b *testing.B) {
		out := make([]accurateestimate.Answer, 1)
		asking.Answers(b.Context(), r, []string{"member1"}, out)
		for b.Loop() {
			asking.Answers(b.Context(), r, []string{"member1"}, out)
		}
		check(b, out[0].Sets, expected(500))
	})
	asking.Close()
}

func request(n int, cpu int64) *estimatorv1.EstimateRequest {
	r := &estimatorv1.EstimateRequest{Members: []string{"member1"}}
	for i := range n {
		shape := &estimatorv1.Shape{Requests: map[string]int64{"cpu": cpu + int64(i), "memory": 1 << 30}}
		r.Questions = append(r.Questions, &estimatorv1.Question{Components: []*estimatorv1.Component{{Shape: shape, Replicas: 1}}})
	}
	return r
}

// serve returns a connection to a server that observes the member, from a source that lists it once and then has nothing to tell.
func serve(b *testing.B) *grpc.ClientConn {
	b.Helper()
	members := server.NewMembers(time.Hour)
	ctx, stop := context.WithCancel(context.Background())
	b.Cleanup(stop)
	go members.Observe(ctx, "member1", frozen(b))
	for members.States([]string{"member1"})[0].GetUnknown() != estimatorv1.Reason_REASON_UNSPECIFIED {
		runtime.Gosched()
	}
	serverTLS, clientTLS := mutual(b)
	s := grpc.NewServer(grpc.Creds(credentials.NewTLS(serverTLS)))
	server.Register(s, members)
	s.RegisterService(&echoes, struct{}{})
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		b.Fatal(err)
	}
	go func() { _ = s.Serve(listener) }()
	b.Cleanup(s.Stop)
	conn, err := grpc.NewClient(listener.Addr().String(), grpc.WithTransportCredentials(credentials.NewTLS(clientTLS)))
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() { _ = conn.Close() })
	return conn
}

// mutual returns TLS for both sides with one certificate that signs itself.
func mutual(b *testing.B) (server, client *tls.Config) {
	b.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		b.Fatal(err)
	}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), DNSNames: []string{"localhost"}, NotAfter: time.Now().Add(time.Hour), IsCA: true, BasicConstraintsValid: true,
		KeyUsage:    x509.KeyUsageDigitalSignature | x509.KeyUsageCertSign,
		ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth, x509.ExtKeyUsageClientAuth},
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, &key.PublicKey, key)
	if err != nil {
		b.Fatal(err)
	}
	cert, err := x509.ParseCertificate(der)
	if err != nil {
		b.Fatal(err)
	}
	pool := x509.NewCertPool()
	pool.AddCert(cert)
	pair := []tls.Certificate{{Certificate: [][]byte{der}, PrivateKey: key}}
	server = &tls.Config{MinVersion: tls.VersionTLS13, Certificates: pair, ClientCAs: pool, ClientAuth: tls.RequireAndVerifyClientCert}
	return server, &tls.Config{MinVersion: tls.VersionTLS13, Certificates: pair, RootCAs: pool, ServerName: "localhost"}
}

// BenchmarkEstimateMemory measures what the census of the member holds, and what 512 remembered shapes add.
func BenchmarkEstimateMemory(b *testing.B) {
	for b.Loop() {
		before := heap()
		c := newCensus(b)
		filled := heap()
		for i := range int64(512) {
			c.Ask([]census.Question{question(b, 1000+i)}, nil)
		}
		asked := heap()
		b.ReportMetric(float64(filled-before)/(1<<20), "MiB-census")
		b.ReportMetric(float64(asked-filled)/(1<<20), "MiB-512-shapes")
		runtime.KeepAlive(c)
	}
}

func heap() int64 {
	runtime.GC()
	var stats runtime.MemStats
	runtime.ReadMemStats(&stats)
	return int64(stats.HeapAlloc)
}
