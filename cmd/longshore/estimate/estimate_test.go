package estimate

import (
	"bufio"
	"bytes"
	"context"
	"io"
	"net"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/spf13/cobra"
	"google.golang.org/grpc"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/durationpb"

	estimatorv1 "github.com/longshore-project/longshore/estimator/proto/v1"
)

// told is an estimator that says what it was told to say.
type told struct {
	estimatorv1.UnimplementedEstimatorServer
	// changes is what it says from then on, and tells those who watch.
	changes chan []*estimatorv1.MemberAnswers
	now     atomic.Pointer[estimatorv1.EstimateResponse]
	asked   atomic.Pointer[estimatorv1.EstimateRequest]
}

func telling(members ...*estimatorv1.MemberAnswers) *told {
	e := &told{changes: make(chan []*estimatorv1.MemberAnswers)}
	e.now.Store(&estimatorv1.EstimateResponse{Members: members})
	return e
}

func (e *told) Estimate(_ context.Context, request *estimatorv1.EstimateRequest) (*estimatorv1.EstimateResponse, error) {
	e.asked.Store(request)
	return e.now.Load(), nil
}

func (e *told) Watch(_ *estimatorv1.WatchRequest, stream estimatorv1.Estimator_WatchServer) error {
	for {
		select {
		case <-stream.Context().Done():
			return nil
		case members := <-e.changes:
			e.now.Store(&estimatorv1.EstimateResponse{Members: members})
		}
		if err := stream.Send(&estimatorv1.WatchResponse{}); err != nil {
			return err
		}
	}
}

// serve returns the address of the estimator.
func serve(t *testing.T, e *told) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "s")
	listener, err := net.Listen("unix", path)
	if err != nil {
		t.Fatal(err)
	}
	server := grpc.NewServer()
	estimatorv1.RegisterEstimatorServer(server, e)
	go func() { _ = server.Serve(listener) }()
	t.Cleanup(server.Stop)
	return "unix://" + path
}

func known(member string, sets int64, change ...func(*estimatorv1.Answer)) *estimatorv1.MemberAnswers {
	answer := &estimatorv1.Answer{Sets: proto.Int64(sets)}
	for _, c := range change {
		c(answer)
	}
	state := &estimatorv1.MemberState{Member: member, Age: durationpb.New(3 * time.Second), UsableNodes: 2, Nodes: 3}
	return &estimatorv1.MemberAnswers{State: state, Answers: []*estimatorv1.Answer{answer}}
}

func unknown(member string, reason estimatorv1.Reason, message string) *estimatorv1.MemberAnswers {
	return &estimatorv1.MemberAnswers{
		State:   &estimatorv1.MemberState{Member: member, Unknown: reason, Message: message},
		Answers: []*estimatorv1.Answer{{Unknown: reason, Message: message}},
	}
}

const deployment = `# A comment.
---
apiVersion: v1
kind: Service
metadata: {name: web}
---
apiVersion: apps/v1
kind: Deployment
metadata: {name: web, namespace: team}
spec:
  replicas: 3
  template:
    spec:
      nodeSelector: {disk: ssd}
      containers: [{name: c, resources: {requests: {cpu: 1500m}, limits: {memory: 1Gi}}}]
`

// run runs the command and returns what it printed.
func run(t *testing.T, in string, args ...string) (string, error) {
	t.Helper()
	var out bytes.Buffer
	err := newSilent(in, &out, args...).ExecuteContext(t.Context())
	return out.String(), err
}

// newSilent returns the command as the whole program runs it.
func newSilent(in string, out io.Writer, args ...string) *cobra.Command {
	cmd := NewCommand()
	cmd.SilenceUsage, cmd.SilenceErrors = true, true
	cmd.SetArgs(args)
	cmd.SetIn(strings.NewReader(in))
	cmd.SetOut(out)
	return cmd
}

// TestTable asks two estimators, of which each knows one member that the other does not, and one that is not there.
func TestTable(t *testing.T) {
	first := telling(
		known("member1", 55, func(a *estimatorv1.Answer) { a.CouldGrowTo = proto.Int64(99) }),
		unknown("member2", estimatorv1.Reason_REASON_NOT_SERVED, "not here"),
		unknown("member3", estimatorv1.Reason_REASON_NOT_SYNCED, "listing nodes: refused"),
	)
	second := telling(
		unknown("member1", estimatorv1.Reason_REASON_NOT_SERVED, "not here"),
		known("member2", 7, func(a *estimatorv1.Answer) { a.LimitingQuota = "compute"; a.AtLeast = true }),
		unknown("member3", estimatorv1.Reason_REASON_NOT_SERVED, "not here"),
	)
	out, err := run(t, deployment, "-f", "-", "--estimator", serve(t, first), "--estimator", serve(t, second), "--estimator", "unix:///nowhere")
	want := `Deployment team/web: 3 replicas, each needs cpu 1500m, memory 1Gi
MEMBER    FIT   NODES   AGE   NOTE
member1   55    2/3     3s    could grow to 99
member2   7     2/3     3s    at least; limited by ResourceQuota compute
member3   -     -       -     listing nodes: refused
`
	if diff := cmp.Diff(want, out); diff != "" {
		t.Errorf("the table (-want +got):\n%s", diff)
	}
	if err == nil || !strings.HasPrefix(err.Error(), "asking the estimator at unix:///nowhere: ") {
		t.Errorf("the error is %v, want it to name the estimator that is not there", err)
	}
	question := &estimatorv1.Question{Namespace: "team", Components: []*estimatorv1.Component{{
		Shape: &estimatorv1.Shape{Requests: map[string]int64{"cpu": 1500, "memory": 1 << 30}, NodeSelector: map[string]string{"disk": "ssd"}}, Replicas: 1,
	}}}
	if !proto.Equal(first.asked.Load(), &estimatorv1.EstimateRequest{Questions: []*estimatorv1.Question{question}}) {
		t.Errorf("it asked %v, want %v", first.asked.Load(), question)
	}
}

func TestJSON(t *testing.T) {
	out, err := run(t, deployment, "-f", "-", "-o", "json", "--estimator", serve(t, telling(known("member1", 55))))
	if err != nil || !regexp.MustCompile(`"sets": ?"55"`).MatchString(out) {
		t.Errorf("it printed %q, %v", out, err)
	}
}

// TestWatch prints a row again when it says something else, until it is ended.
func TestWatch(t *testing.T) {
	e := telling()
	ctx, end := context.WithCancel(t.Context())
	read, write := io.Pipe()
	ended := make(chan error, 1)
	cmd := newSilent(deployment, write, "-f", "-", "--watch", "--estimator", serve(t, e))
	go func() { ended <- cmd.ExecuteContext(ctx) }()
	lines := bufio.NewScanner(read)
	expect := func(patterns ...string) {
		t.Helper()
		for _, pattern := range patterns {
			if !lines.Scan() || !regexp.MustCompile(pattern).MatchString(lines.Text()) {
				t.Errorf("it printed %q, want %s", lines.Text(), pattern)
			}
		}
	}
	expect(`^Deployment team/web`)
	e.changes <- []*estimatorv1.MemberAnswers{known("member1", 55), known("member2", 7)}
	expect(`^TIME +MEMBER +FIT`, `^\d\d:\d\d:\d\d\.\d+ +member1 +55 `, ` member2 +7 `)
	e.changes <- []*estimatorv1.MemberAnswers{known("member1", 55), known("member2", 8)}
	expect(` member2 +8 `)
	end()
	if err := <-ended; err != nil {
		t.Errorf("it was ended and says %v", err)
	}
}

// TestPrintChanged does not repeat what is known.
func TestPrintChanged(t *testing.T) {
	var out bytes.Buffer
	table := newTable(&out)
	table.printChanged([]*estimatorv1.MemberAnswers{known("member1", 55), known("member2", 7)})
	older := known("member1", 55)
	older.State.Age = durationpb.New(time.Minute)
	table.printChanged([]*estimatorv1.MemberAnswers{older, known("member2", 8)})
	want := "MEMBER    FIT   NODES   AGE   NOTE\nmember1   55    2/3     3s\nmember2   7     2/3     3s\nmember2   8     2/3     3s\n"
	if diff := cmp.Diff(want, out.String()); diff != "" {
		t.Errorf("the table (-want +got):\n%s", diff)
	}
}

// An estimator that says nothing about a member is one that somebody else wrote.
func TestNoAnswer(t *testing.T) {
	var out bytes.Buffer
	newTable(&out).print([]*estimatorv1.MemberAnswers{{State: &estimatorv1.MemberState{Member: "member1"}}})
	want := "MEMBER    FIT   NODES   AGE   NOTE\nmember1   -     -       -     the estimator does not answer the question\n"
	if diff := cmp.Diff(want, out.String()); diff != "" {
		t.Errorf("the table (-want +got):\n%s", diff)
	}
}

func TestBadInput(t *testing.T) {
	file := filepath.Join(t.TempDir(), "two.yaml")
	if err := os.WriteFile(file, []byte(deployment+"---\n"+deployment), 0o600); err != nil {
		t.Fatal(err)
	}
	tests := []struct {
		name, in, want string
		args           []string
	}{
		{name: "no file", want: "which workload? Name its file with --filename"},
		{name: "missing file", args: []string{"-f", "/nowhere"}, want: "reading the workload: open /nowhere"},
		{name: "no workload", in: "kind: Service\napiVersion: v1", args: []string{"-f", "-"}, want: "it has no object with replicas"},
		{name: "two workloads", args: []string{"-f", file}, want: "it has several workloads, Deployment web and Deployment web"},
		{name: "no YAML", in: "{", args: []string{"-f", "-"}, want: "reading -: "},
		{name: "bad quantity", in: strings.Replace(deployment, "1500m", "many", 1), args: []string{"-f", "-"}, want: "reading replicas of Deployment"},
		{name: "format", args: []string{"-f", "-", "-o", "xml"}, want: `--output "xml" is unknown`},
		{name: "watching JSON", args: []string{"-f", "-", "-o", "json", "-w"}, want: "--watch prints a table"},
		{name: "timeout", args: []string{"-f", "-", "--timeout", "0s"}, want: "--timeout is 0s"},
		{name: "address", in: deployment, args: []string{"-f", "-", "--estimator", "x"}, want: `--estimator "x" is no address`},
		{name: "no TLS", in: deployment, args: []string{"-f", "-", "--estimator", "x:1"}, want: "estimator x:1 is not on this machine: name its CA"},
		{name: "half a pair", in: deployment, args: []string{"-f", "-", "--client-key", "k"}, want: "--client-certificate and --client-key go together"},
		{name: "no CA", in: deployment, args: []string{"-f", "-", "--tls-server-name", "x"}, want: "name the CA with --certificate-authority"},
		{name: "missing CA", in: deployment, args: []string{"-f", "-", "--certificate-authority", "/nowhere"}, want: "open /nowhere"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			if _, err := run(t, tt.in, tt.args...); err == nil || !strings.Contains(err.Error(), tt.want) {
				t.Errorf("the error is %v, want %q", err, tt.want)
			}
		})
	}
}
