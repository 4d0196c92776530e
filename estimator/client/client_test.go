package client

import (
	"context"
	"fmt"
	"net"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"google.golang.org/grpc"
	"google.golang.org/protobuf/proto"

	estimatorv1 "github.com/longshore-project/longshore/estimator/proto/v1"
	"github.com/longshore-project/longshore/plugins/builtin/accurateestimate"
	"github.com/longshore-project/longshore/scheduler/framework"
)

// patience is how long tests wait for what happens in the background before they fail.
const patience = 20 * time.Second

// fake is an estimator for several members with as much room as the test says. Where a member has room for n, n/cpu replicas fit.
type fake struct {
	estimatorv1.UnimplementedEstimatorServer
	address string
	server  *grpc.Server

	mu     sync.Mutex
	states map[string]*estimatorv1.MemberState
	room   map[string]int64
	// news is closed and replaced when anything changes.
	news chan struct{}
	// gate, if not nil, holds up calls until it is closed.
	gate chan struct{}
	// growth, if not nil, is how many more than its room a member could take.
	growth *int64
	// asked counts the questions about members that were answered.
	asked int
}

func newFake(t *testing.T, members map[string]int64) *fake {
	f := &fake{states: map[string]*estimatorv1.MemberState{}, room: members, news: make(chan struct{})}
	for name := range members {
		f.states[name] = &estimatorv1.MemberState{Member: name, Generation: 1, Instance: 1}
	}
	f.address = "unix://" + filepath.Join(t.TempDir(), "s")
	f.start(t)
	return f
}

func (f *fake) start(t *testing.T) {
	t.Helper()
	listener, err := net.Listen("unix", strings.TrimPrefix(f.address, "unix://"))
	if err != nil {
		t.Fatal(err)
	}
	f.server = grpc.NewServer()
	estimatorv1.RegisterEstimatorServer(f.server, f)
	go func() { _ = f.server.Serve(listener) }()
	t.Cleanup(f.server.Stop)
}

// set changes the room of a member, as a pod or node does.
func (f *fake) set(member string, room int64) {
	f.mu.Lock()
	defer f.mu.Unlock()
	state := proto.CloneOf(f.states[member])
	state.Generation++
	f.states[member], f.room[member] = state, room
	f.announce()
}

// lose makes the member unknown.
func (f *fake) lose(member string) {
	f.mu.Lock()
	defer f.mu.Unlock()
	state := proto.CloneOf(f.states[member])
	state.Unknown, state.Message = estimatorv1.Reason_REASON_STALE, "it is silent"
	f.states[member] = state
	f.announce()
}

func (f *fake) announce() {
	close(f.news)
	f.news = make(chan struct{})
}

// hang holds up calls until the function is called.
func (f *fake) hang() (release func()) {
	f.mu.Lock()
	defer f.mu.Unlock()
	gate := make(chan struct{})
	f.gate = gate
	return sync.OnceFunc(func() {
		f.mu.Lock()
		defer f.mu.Unlock()
		f.gate = nil
		close(gate)
	})
}

func (f *fake) count() int {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.asked
}

func (f *fake) Estimate(ctx context.Context, r *estimatorv1.EstimateRequest) (*estimatorv1.EstimateResponse, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if gate := f.gate; gate != nil {
		f.mu.Unlock()
		select {
		case <-gate:
		case <-ctx.Done():
		}
		f.mu.Lock()
		if err := ctx.Err(); err != nil {
			return nil, err
		}
	}
	names := r.GetMembers()
	if len(names) == 0 {
		for name := range f.states {
			names = append(names, name)
		}
		slices.Sort(names)
	}
	out := &estimatorv1.EstimateResponse{}
	for _, name := range names {
		answers := &estimatorv1.MemberAnswers{State: f.states[name]}
		if answers.State == nil {
			answers.State = &estimatorv1.MemberState{Member: name, Unknown: estimatorv1.Reason_REASON_NOT_SERVED}
		}
		for _, q := range r.GetQuestions() {
			f.asked++
			answer := &estimatorv1.Answer{
				Unknown: answers.State.Unknown, Message: answers.State.Message,
				Sets: proto.Int64(f.room[name] / max(q.GetComponents()[0].GetShape().GetRequests()["cpu"], 1)),
			}
			if f.growth != nil {
				answer.CouldGrowTo = proto.Int64(answer.GetSets() + *f.growth)
				answer.AtLeast, answer.LimitingQuota = true, "team"
			}
			answers.Answers = append(answers.Answers, answer)
		}
		out.Members = append(out.Members, answers)
	}
	return out, nil
}

func (f *fake) Watch(_ *estimatorv1.WatchRequest, stream estimatorv1.Estimator_WatchServer) error {
	for {
		f.mu.Lock()
		message, news := &estimatorv1.WatchResponse{}, f.news
		for _, state := range f.states {
			message.Changed = append(message.Changed, state)
		}
		f.mu.Unlock()
		if err := stream.Send(message); err != nil {
			return err
		}
		select {
		case <-news:
		case <-stream.Context().Done():
			return stream.Context().Err()
		}
	}
}

func (f *fake) Unschedulable(_ context.Context, r *estimatorv1.UnschedulableRequest) (*estimatorv1.UnschedulableResponse, error) {
	out := &estimatorv1.UnschedulableResponse{}
	for _, w := range r.GetWorkloads() {
		answer := &estimatorv1.UnschedulableAnswer{Replicas: proto.Int32(int32(len(w.GetName())))}
		if w.GetKind() == "Pod" {
			answer = &estimatorv1.UnschedulableAnswer{Unknown: estimatorv1.Reason_REASON_INVALID, Message: "a Pod has no replicas"}
		}
		out.Answers = append(out.Answers, answer)
	}
	return out, nil
}

// change is one call of Options.Changed.
type change struct {
	members string
	roomier bool
}

// start returns a client with generous limits, and where it tells of changes.
func start(t *testing.T, o Options, fakes ...*fake) (*Client, chan change) {
	t.Helper()
	told := make(chan change, 1000)
	o.Changed = func(members []string, roomier bool) { told <- change{strings.Join(members, " "), roomier} }
	for _, f := range fakes {
		o.Servers = append(o.Servers, Server{Name: filepath.Base(filepath.Dir(f.address)), Connect: connectTo(f.address)})
	}
	if o.Budget == 0 {
		o.Budget = patience
	}
	if o.Deadline == 0 {
		o.Deadline = patience
	}
	if o.Lifetime == 0 {
		o.Lifetime = time.Hour
	}
	c := New(t.Context(), o)
	t.Cleanup(c.Close)
	return c, told
}

func connectTo(address string) Connect {
	return func(context.Context, string) ([]*grpc.ClientConn, error) { return Dial(nil, address) }
}

// eventually waits for these calls of Changed, in any order and among others.
func eventually(t *testing.T, told chan change, want ...change) {
	t.Helper()
	timeout := time.After(patience)
	for len(want) > 0 {
		select {
		case got := <-told:
			want = slices.DeleteFunc(want, func(w change) bool { return w == got })
		case <-timeout:
			t.Fatalf("nobody was told %+v", want)
		}
	}
}

// awaitThat waits until something becomes true that happens in the background.
func awaitThat(t *testing.T, what string, is func() bool) {
	t.Helper()
	tick, timeout := time.NewTicker(time.Millisecond), time.After(patience)
	defer tick.Stop()
	for !is() {
		select {
		case <-tick.C:
		case <-timeout:
			t.Fatalf("waiting until %s", what)
		}
	}
}

func request(cpu int64) *framework.Request {
	return &framework.Request{Replicas: 1, Requirements: framework.NewResources(map[string]int64{"cpu": cpu})}
}

// ask returns the answers as text: a number, or why there is none.
func ask(t *testing.T, c *Client, r *framework.Request, members ...string) []string {
	t.Helper()
	answers := make([]accurateestimate.Answer, len(members))
	c.Answers(t.Context(), r, members, answers)
	out := make([]string, len(members))
	for i, a := range answers {
		if out[i] = a.Missing; a.Known {
			out[i] = fmt.Sprint(a.Sets)
		}
	}
	return out
}

func expect(t *testing.T, got []string, want ...string) {
	t.Helper()
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("answers (-want +got):\n%s", diff)
	}
}

func TestAnswersAreKeptUntilTheMemberChanges(t *testing.T) {
	f := newFake(t, map[string]int64{"a": 10, "b": 20})
	c, told := start(t, Options{}, f)
	expect(t, ask(t, c, request(2), "a", "b", "stranger"), "5", "10", "")
	asked := f.count()
	for range 100 {
		expect(t, ask(t, c, request(2), "a", "b"), "5", "10")
	}
	c.Prefetch(request(2))
	if got := f.count(); got != asked {
		t.Errorf("%d answers were asked for again", got-asked)
	}
	f.set("b", 30)
	eventually(t, told, change{"b", true})
	expect(t, ask(t, c, request(2), "a", "b"), "5", "15")
	f.set("b", 4)
	eventually(t, told, change{"b", false})
	expect(t, ask(t, c, request(2), "a", "b"), "5", "2")
	f.lose("a")
	eventually(t, told, change{"a", false})
	if got := ask(t, c, request(2), "a", "b"); !strings.HasSuffix(got[0], ": the member was not heard for too long") || got[1] != "2" {
		t.Errorf("with a silent member the answers are %q", got)
	}
}

// TestGrowth hands on what an answer says beside its number, and tells when only that changes.
func TestGrowth(t *testing.T) {
	f := newFake(t, map[string]int64{"a": 10})
	f.growth = proto.Int64(3)
	c, told := start(t, Options{}, f)
	answers := make([]accurateestimate.Answer, 1)
	c.Answers(t.Context(), request(2), []string{"a"}, answers)
	got := answers[0]
	got.Source, got.At, got.Age = "", time.Time{}, 0
	want := accurateestimate.Answer{Sets: 5, Known: true, AtLeast: true, GrowTo: 8, CanGrow: true, Quota: "team"}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("answer (-want +got):\n%s", diff)
	}
	for _, step := range []struct {
		growth  int64
		roomier bool
	}{{9, true}, {1, false}} {
		f.mu.Lock()
		f.growth = proto.Int64(step.growth)
		f.mu.Unlock()
		f.set("a", 10)
		eventually(t, told, change{"a", step.roomier})
	}
}

func TestPrefetch(t *testing.T) {
	f := newFake(t, map[string]int64{"a": 10})
	release := f.hang()
	c, told := start(t, Options{Budget: time.Nanosecond}, f)
	c.Prefetch(request(5))
	expectLate(t, ask(t, c, request(1), "a"))
	release()
	eventually(t, told, change{"a", true})
	expect(t, ask(t, c, request(5), "a"), "2")
}

func expectLate(t *testing.T, got []string) {
	t.Helper()
	for _, text := range got {
		if !strings.HasPrefix(text, "estimator ") || !strings.Contains(text, "no answer") {
			t.Errorf("of a hung estimator it says %q", text)
		}
	}
}

// TestOneHungOneDead: of three estimators one hangs and one is gone; both cost a decision its budget at most once, and the third answers.
func TestOneHungOneDead(t *testing.T) {
	healthy, hung, dead := newFake(t, map[string]int64{"a": 10}), newFake(t, map[string]int64{"b": 10}), newFake(t, map[string]int64{"c": 10})
	c, told := start(t, Options{Lifetime: time.Hour, Budget: 10 * time.Second, Deadline: time.Second}, healthy, hung, dead)
	expect(t, ask(t, c, request(1), "a", "b", "c"), "10", "10", "10")
	release := hung.hang()
	dead.server.Stop()
	got := ask(t, c, request(2), "a", "b", "c")
	if got[0] != "5" || !strings.HasSuffix(got[1], ": no answer within 1s") || !strings.HasSuffix(got[2], ": cannot be reached") {
		t.Errorf("answers are %q", got)
	}
	// What they said before still counts: it is not too old.
	expect(t, ask(t, c, request(1), "a", "b", "c"), "10", "10", "10")
	release()
	dead.start(t)
	eventually(t, told, change{"b", true}, change{"c", true})
	expect(t, ask(t, c, request(2), "a", "b", "c"), "5", "5", "5")
}

// TestLateAnswers wake whoever decided without them.
func TestLateAnswers(t *testing.T) {
	f := newFake(t, map[string]int64{"a": 10})
	c, told := start(t, Options{Budget: 10 * time.Millisecond}, f)
	c.options.Budget = 10 * time.Millisecond
	release := f.hang()
	expectLate(t, ask(t, c, request(1), "a"))
	expectLate(t, ask(t, c, request(2), "a")) // It is late: nobody waits again.
	release()
	eventually(t, told, change{"a", true})
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, e := range c.shared {
		if e.fault != "" {
			t.Errorf("after its answer the estimator counts as %q", e.fault)
		}
	}
}

// TestOldAnswersEnd: what a silent estimator said counts for the lifetime and no longer, and its end is told.
func TestOldAnswersEnd(t *testing.T) {
	f := newFake(t, map[string]int64{"a": 10})
	c, told := start(t, Options{Lifetime: 300 * time.Millisecond, Deadline: 200 * time.Millisecond}, f)
	expect(t, ask(t, c, request(1), "a"), "10")
	release := f.hang()
	eventually(t, told, change{"a", false})
	expectLate(t, ask(t, c, request(1), "a"))
	release()
	eventually(t, told, change{"a", true})
}

// TestManyShapes forgets questions beyond the bound and still tells those who may hold on to their answers.
func TestManyShapes(t *testing.T) {
	f := newFake(t, map[string]int64{"a": 1000})
	c, told := start(t, Options{}, f)
	for cpu := range int64(questionsKept + 10) {
		expect(t, ask(t, c, request(cpu+1), "a"), fmt.Sprint(1000/(cpu+1)))
	}
	if n := len(c.book.questions); n != questionsKept {
		t.Errorf("%d questions are kept", n)
	}
	f.set("a", 1000)
	eventually(t, told, change{"a", false})
}

func TestUnschedulable(t *testing.T) {
	f, dead := newFake(t, map[string]int64{"a": 1}), newFake(t, map[string]int64{"b": 1})
	dead.server.Stop()
	c, _ := start(t, Options{}, f)
	got := c.Unschedulable(t.Context(), []Workload{{Member: "a", Kind: "Job", Name: "four"}, {Member: "a", Kind: "Pod"}, {Member: "x"}}, time.Minute)
	want := []Unschedulable{{Replicas: 4}, {Missing: "a Pod has no replicas"}, {Missing: "no estimator observes member x"}}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("unschedulable (-want +got):\n%s", diff)
	}
	c, _ = start(t, Options{}, dead)
	if got := c.Unschedulable(t.Context(), []Workload{{Member: "b"}}, time.Minute); !strings.HasSuffix(got[0].Missing, ": cannot be reached") {
		t.Errorf("of a dead estimator it says %+v", got[0])
	}
}
