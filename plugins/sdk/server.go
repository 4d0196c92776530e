package sdk

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"runtime/debug"
	"sync"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	pluginv1 "github.com/longshore-project/longshore/plugins/proto/v1"
	"github.com/longshore-project/longshore/plugins/wire"
	"github.com/longshore-project/longshore/scheduler/framework"
)

// Register makes p answer on the server. Serve and Listen do this already.
func Register(s grpc.ServiceRegistrar, p Plugin) {
	pluginv1.RegisterPlacementPluginServer(s, &server{plugin: p})
}

// server is the gRPC face of one plugin.
type server struct {
	pluginv1.UnimplementedPlacementPluginServer
	plugin Plugin
}

func (s *server) Info(context.Context, *pluginv1.InfoRequest) (*pluginv1.InfoResponse, error) {
	return describe(s.plugin), nil
}

func (s *server) Configure(ctx context.Context, m *pluginv1.ConfigureRequest) (*pluginv1.ConfigureResponse, error) {
	if _, ok := wire.Common(wire.ProtocolVersions, []uint32{m.GetProtocolVersion()}); !ok {
		return nil, status.Errorf(codes.FailedPrecondition, "protocol version %d is not spoken by this plugin", m.GetProtocolVersion())
	}
	c, ok := s.plugin.(Configurer)
	if !ok {
		if len(m.GetArguments().GetFields()) > 0 {
			return nil, status.Errorf(codes.InvalidArgument, "plugin %s takes no arguments", s.plugin.Name())
		}
		return &pluginv1.ConfigureResponse{}, nil
	}
	var args Arguments
	if m.GetArguments() != nil {
		args = m.GetArguments().AsMap()
	}
	if err := guard(func() error { return c.Configure(ctx, args) }); err != nil {
		return nil, status.Error(codes.InvalidArgument, err.Error())
	}
	return &pluginv1.ConfigureResponse{}, nil
}

// Work answers the questions of one stream until the host closes it.
func (s *server) Work(stream pluginv1.PlacementPlugin_WorkServer) error {
	ctx, cancel := context.WithCancel(stream.Context())
	defer cancel()
	w := &work{server: s, stream: stream, over: make(chan error, 1), placements: placements{}, cancels: map[uint64]context.CancelFunc{}}
	w.relay = newRelay(func() { w.receive(ctx) })
	go w.receive(ctx)
	return <-w.over
}

// work is one stream. One goroutine at a time receives; it owns the table and the placements. It answers what it receives itself, unless that
// takes long: then another takes over receiving. Answers come from immutable snapshots.
type work struct {
	*server
	table      wire.Table
	placements placements
	over       chan error
	relay      *relay

	mu      sync.Mutex
	stream  pluginv1.PlacementPlugin_WorkServer
	cancels map[uint64]context.CancelFunc
}

// receive takes in messages until the stream is over or another goroutine does so.
func (w *work) receive(ctx context.Context) {
	for {
		m, err := w.stream.Recv()
		if errors.Is(err, io.EOF) {
			w.over <- nil
			return
		}
		if err != nil {
			w.over <- err
			return
		}
		if m.GetTable() != nil {
			w.table.Apply(m.GetTable())
		}
		w.placements.learn(m)
		w.cancel(m.GetCancelled())
		answers := w.prepare(ctx, m.GetQuestions())
		if len(answers) == 0 {
			continue
		}
		for _, answer := range answers[1:] {
			go answer()
		}
		turn := w.relay.begin()
		answers[0]()
		if !w.relay.end(turn) {
			return
		}
	}
}

// prepare returns for each question what answers it. Questions about another table than this are answered at once.
func (w *work) prepare(ctx context.Context, questions []*pluginv1.Question) []func() {
	var out []func()
	for _, q := range questions {
		snapshot, ok := w.table.Snapshot(q.GetGeneration())
		if !ok {
			w.send(&pluginv1.Answer{Id: q.GetId(), Resync: true})
			continue
		}
		asked, cancel := withBudget(ctx, time.Duration(q.GetBudgetNanoseconds()))
		w.mu.Lock()
		w.cancels[q.GetId()] = cancel
		w.mu.Unlock()
		p := w.placements.of(q.GetRequest())
		out = append(out, func() {
			w.send(w.answer(asked, q, p, snapshot))
			w.cancel([]uint64{q.GetId()})
		})
	}
	return out
}

// budgeted is a context that knows its deadline and has no timer: the host says when it stopped waiting.
type budgeted struct {
	context.Context
	until time.Time
}

// Deadline implements context.Context.
func (b budgeted) Deadline() (time.Time, bool) { return b.until, true }

func withBudget(ctx context.Context, budget time.Duration) (context.Context, context.CancelFunc) {
	ctx, cancel := context.WithCancel(ctx)
	if budget > 0 {
		ctx = budgeted{ctx, time.Now().Add(budget)}
	}
	return ctx, cancel
}

// cancel ends the questions' contexts. Those that are answered already are not known any more.
func (w *work) cancel(ids []uint64) {
	if len(ids) == 0 {
		return
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	for _, id := range ids {
		if cancel, ok := w.cancels[id]; ok {
			cancel()
			delete(w.cancels, id)
		}
	}
}

// send passes an answer on. An error means that the stream is over, which the receiving goroutine learns too.
func (w *work) send(a *pluginv1.Answer) {
	w.mu.Lock()
	defer w.mu.Unlock()
	_ = w.stream.Send(&pluginv1.WorkResponse{Answers: []*pluginv1.Answer{a}})
}

// answer asks the plugin whatever the question contains.
func (w *work) answer(ctx context.Context, q *pluginv1.Question, p placement, s *framework.Snapshot) *pluginv1.Answer {
	a := &pluginv1.Answer{Id: q.GetId()}
	if q.GetRequest() == nil {
		return a
	}
	err := guard(func() error {
		query, err := queryOf(q, p, s)
		if err != nil {
			return err
		}
		return (&exchange{plugin: w.plugin, query: query, question: q, answer: a}).run(ctx)
	})
	if err != nil {
		return &pluginv1.Answer{Id: q.GetId(), Error: err.Error()}
	}
	return a
}

// guard turns a panic of the plugin into an error, and tells the log where it happened.
func guard(call func() error) (err error) {
	defer func() {
		if r := recover(); r != nil {
			fmt.Fprintf(os.Stderr, "panic: %v\n%s", r, debug.Stack())
			err = fmt.Errorf("plugin panicked: %v", r)
		}
	}()
	return call()
}
