package plugin

import (
	"bufio"
	"bytes"
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/protobuf/proto"

	"github.com/longshore-project/longshore/plugins/host"
	pluginv1 "github.com/longshore-project/longshore/plugins/proto/v1"
	"github.com/longshore-project/longshore/plugins/wire"
	"github.com/longshore-project/longshore/scheduler/framework"
)

var transports = []string{"inprocess", "goplugin", "remote", "echo", "echotls"}

// BenchmarkPlugin makes one decision's worth of questions: filter, then score what is left.
func BenchmarkPlugin(b *testing.B) {
	for _, transport := range transports {
		for _, n := range []int{100, 1000, 5000} {
			b.Run(fmt.Sprintf("transport=%s/clusters=%d", transport, n), func(b *testing.B) {
				ask := connect(b, transport, fleet(n))
				b.ReportAllocs()
				for b.Loop() {
					if err := ask(b.Context()); err != nil {
						b.Fatal(err)
					}
				}
			})
		}
	}
}

// BenchmarkRatio asks over two transports in turn, so that whatever else the machine does slows both down alike, and reports the ratio of their
// medians: how many bare streams a plugin costs.
func BenchmarkRatio(b *testing.B) {
	for _, pair := range [][2]string{{"goplugin", "echotls"}, {"goplugin", "echo"}, {"remote", "echotls"}} {
		for _, n := range []int{100, 1000, 5000} {
			b.Run(fmt.Sprintf("transport=%s/beside=%s/clusters=%d", pair[0], pair[1], n), func(b *testing.B) {
				asks := [2]func(context.Context) error{connect(b, pair[0], fleet(n)), connect(b, pair[1], fleet(n))}
				var took [2][]time.Duration
				for b.Loop() {
					for i, ask := range asks {
						start := time.Now()
						if err := ask(b.Context()); err != nil {
							b.Fatal(err)
						}
						took[i] = append(took[i], time.Since(start))
					}
				}
				plugin, bare := median(took[0]), median(took[1])
				b.ReportMetric(float64(plugin)/float64(bare), "ratio")
				b.ReportMetric(float64(plugin.Microseconds()), "plugin-µs")
				b.ReportMetric(float64(bare.Microseconds()), "bare-µs")
			})
		}
	}
}

func median(d []time.Duration) time.Duration {
	slices.Sort(d)
	return d[len(d)/2]
}

// TestTransportsAgree runs the smallest case of the benchmark.
func TestTransportsAgree(t *testing.T) {
	for _, transport := range transports {
		t.Run(transport, func(t *testing.T) {
			ask := connect(t, transport, fleet(100))
			for range 3 {
				if err := ask(t.Context()); err != nil {
					t.Error(err)
				}
			}
		})
	}
}

// fleet returns n clusters of which every sixteenth has no region.
func fleet(n int) *framework.Snapshot {
	clusters := make([]*framework.Cluster, n)
	for i := range clusters {
		clusters[i] = &framework.Cluster{
			Name: fmt.Sprintf("member-%05d", i), Region: fmt.Sprintf("region-%d", i%7), Labels: map[string]string{"tier": "gold"},
			Summary: &framework.Summary{Allocatable: framework.NewResources(map[string]int64{"cpu": 64_000, "memory": 256 << 30, "pods": 110})},
		}
		if i%16 == 5 {
			clusters[i].Region = ""
		}
	}
	return framework.NewSnapshot(clusters, 1)
}

func request() *framework.Request {
	return &framework.Request{
		Key: "shop/frontend", API: framework.API{GroupVersion: "apps/v1", Kind: "Deployment"}, Workload: true, Replicas: 20,
		Requirements: framework.NewResources(map[string]int64{"cpu": 500, "memory": 1 << 30}), Shape: "cpu=500;memory=1073741824;",
		Placement: &framework.Placement{
			Fingerprint: "5c2a", Strategy: framework.DynamicWeight, StrategyStated: true,
			Terms: []framework.Term{{Affinity: framework.Affinity{
				Labels: []framework.LabelRequirement{{Key: "tier", Operator: framework.In, Values: []string{"gold"}}},
			}}},
			Tolerations: []framework.Toleration{{Key: "dedicated", Value: "shop"}},
			Spread:      []framework.SpreadConstraint{{Key: framework.SpreadByCluster, MinGroups: 2, MaxGroups: 5}},
		},
		Current: []framework.Assignment{{Cluster: "member-00001", Replicas: 12}, {Cluster: "member-00002", Replicas: 8}},
	}
}

// connect returns a function that asks and checks the answer.
func connect(tb testing.TB, transport string, s *framework.Snapshot) func(context.Context) error {
	switch transport {
	case "inprocess":
		return asker(s, sampler{}, sampler{})
	case "echo", "echotls":
		return echoer(tb, transport, s)
	}
	p := open(tb, transport)
	scores := p.Score()
	return asker(s, p.Filter(), scores)
}

// asker filters and scores as the pipeline does.
func asker(s *framework.Snapshot, f framework.Filter, c framework.Score) func(context.Context) error {
	r := request()
	want := s.Candidates().Clone()
	want.And(s.WithRegion())
	wantScores := make([]int64, s.Len())
	for row := range want.All() {
		wantScores[row] = scoreOf(row)
	}
	return func(ctx context.Context) error {
		q := &framework.Query{Snapshot: s, Request: r}
		rejections, err := f.Filter(ctx, q, s.Candidates())
		if err != nil {
			return err
		}
		feasible := s.Candidates().Clone()
		for _, r := range rejections {
			feasible.AndNot(r.Clusters)
		}
		scores := make([]int64, s.Len())
		if err := c.Score(ctx, q, feasible, scores); err != nil {
			return err
		}
		if !want.Equal(feasible) || !slices.Equal(wantScores, scores) {
			return fmt.Errorf("%d clusters are feasible, want %d; or scores are wrong", feasible.Count(), want.Count())
		}
		return nil
	}
}

// open starts the sampler in another process.
func open(tb testing.TB, transport string) *host.Plugin {
	tb.Helper()
	spec := host.Spec{Name: "sampler", Path: self(tb), Args: []string{"goplugin"}}
	if transport == "remote" {
		dir := certificates(tb)
		address := run(tb, true, "remote", "127.0.0.1:0", dir)
		cert, key := filepath.Join(dir, "tls.crt"), filepath.Join(dir, "tls.key")
		spec = host.Spec{
			Name: "sampler", Address: "dns:///" + address,
			TLS: &host.TLS{CAFile: cert, CertFile: cert, KeyFile: key, ServerName: "localhost"},
		}
	}
	h := host.New(host.Options{})
	tb.Cleanup(func() {
		if err := h.Close(context.Background()); err != nil {
			tb.Error(err)
		}
	})
	if err := h.Apply([]host.Spec{spec}); err != nil {
		tb.Fatal(err)
	}
	p, _ := h.Plugin("sampler")
	if err := p.Ready(tb.Context()); err != nil {
		tb.Fatal(err)
	}
	return p
}

func self(tb testing.TB) string {
	tb.Helper()
	path, err := os.Executable()
	if err != nil {
		tb.Fatal(err)
	}
	return path
}

// run starts this binary until the test ends, and returns its first line if that is wanted.
func run(tb testing.TB, line bool, args ...string) string {
	tb.Helper()
	cmd := exec.Command(self(tb), args...)
	cmd.Stderr = os.Stderr
	out, err := cmd.StdoutPipe()
	if err != nil {
		tb.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		tb.Fatal(err)
	}
	tb.Cleanup(func() {
		_ = cmd.Process.Kill()
		_ = cmd.Wait()
	})
	if !line {
		return ""
	}
	first, err := bufio.NewReader(out).ReadString('\n')
	if err != nil {
		tb.Fatal(err)
	}
	return strings.TrimSpace(first)
}

// echoer sends the bytes of the question and gets those of the answer, without anybody reading either.
func echoer(tb testing.TB, transport string, s *framework.Snapshot) func(context.Context) error {
	tb.Helper()
	question, answer := messages(tb, s)
	dir := certificates(tb)
	socket := filepath.Join(dir, "s")
	run(tb, false, transport, socket, dir)
	creds := insecure.NewCredentials()
	if transport == "echotls" {
		config, err := serverTLS(dir)
		if err != nil {
			tb.Fatal(err)
		}
		creds = credentials.NewTLS(config)
	}
	conn, err := grpc.NewClient("unix://"+socket, grpc.WithTransportCredentials(creds))
	if err != nil {
		tb.Fatal(err)
	}
	tb.Cleanup(func() { _ = conn.Close() })
	stream, err := conn.NewStream(tb.Context(), &echoStream, echoMethod, grpc.ForceCodecV2(rawCodec{}), grpc.WaitForReady(true))
	if err == nil {
		err = stream.SendMsg(&answer)
	}
	if err != nil {
		tb.Fatal(err)
	}
	var got []byte
	return func(context.Context) error {
		if err := stream.SendMsg(&question); err != nil {
			return err
		}
		if err := stream.RecvMsg(&got); err != nil {
			return err
		}
		if !bytes.Equal(got, answer) {
			return fmt.Errorf("%d bytes came back, want %d", len(got), len(answer))
		}
		return nil
	}
}

// messages returns the bytes of the question that the host asks and of the answer that the sampler gives.
func messages(tb testing.TB, s *framework.Snapshot) (question, answer []byte) {
	tb.Helper()
	r := request()
	q := &framework.Query{Snapshot: s, Request: r}
	rejections, err := sampler{}.Filter(tb.Context(), q, s.Candidates())
	if err != nil {
		tb.Fatal(err)
	}
	left := s.Candidates().Clone()
	left.AndNot(rejections[0].Clusters)
	scores := make([]int64, s.Len())
	if err := (sampler{}).Score(tb.Context(), q, left, scores); err != nil {
		tb.Fatal(err)
	}
	data, err := wire.FromScores(scores, left)
	if err != nil {
		tb.Fatal(err)
	}
	question = marshal(tb, &pluginv1.WorkRequest{Questions: []*pluginv1.Question{{
		Id: 1000, Generation: 1, BudgetNanoseconds: int64(host.DefaultDeadline), Request: wire.FromRequest(r),
		Filter: &pluginv1.FilterQuestion{Candidates: wire.FromBitset(s.Candidates())}, Score: &pluginv1.ScoreQuestion{AfterFilter: true},
	}}})
	answer = marshal(tb, &pluginv1.WorkResponse{Answers: []*pluginv1.Answer{{
		Id: 1000, Filter: &pluginv1.FilterAnswer{Rejections: wire.FromRejections(rejections)}, Score: &pluginv1.ScoreAnswer{Scores: data},
	}}})
	return question, answer
}

func marshal(tb testing.TB, m proto.Message) []byte {
	tb.Helper()
	data, err := proto.Marshal(m)
	if err != nil {
		tb.Fatal(err)
	}
	return data
}
