package plugins

import (
	"context"
	"slices"
	"sync/atomic"
	"time"

	"google.golang.org/grpc/stats"

	"github.com/longshore-project/longshore/plugins/conformance"
	"github.com/longshore-project/longshore/plugins/host"
	"github.com/longshore-project/longshore/scheduler/framework"
)

// asking asks one question and drops the answer.
type asking func(ctx context.Context, q *framework.Query) error

// stage is a way to ask a plugin.
type stage struct {
	name string
	ask  func(p *host.Plugin) asking
}

// stagesOf returns how to ask a plugin with those abilities. A host that was asked for the plugin's score once asks for it together with every
// filter, so the filter alone comes first.
func stagesOf(can []string) []stage {
	var out []stage
	for _, s := range []stage{
		{"filter", askFilter}, {"score", askScore}, {"estimate", askEstimate}, {"select", askSelect}, {"assign", askAssign},
	} {
		if slices.Contains(can, s.name) {
			out = append(out, s)
		}
	}
	if slices.Contains(can, "filter") && slices.Contains(can, "score") {
		out = append(out, stage{"decision", askBoth})
	}
	return out
}

func askFilter(p *host.Plugin) asking {
	filter := p.Filter()
	return func(ctx context.Context, q *framework.Query) error {
		_, err := filter.Filter(ctx, q, q.Snapshot.Candidates())
		return err
	}
}

func askScore(p *host.Plugin) asking {
	score := p.Score()
	return func(ctx context.Context, q *framework.Query) error {
		return score.Score(ctx, q, q.Snapshot.Candidates(), make([]int64, q.Snapshot.Len()))
	}
}

func askBoth(p *host.Plugin) asking {
	filter, score := p.Filter(), p.Score()
	return func(ctx context.Context, q *framework.Query) error {
		rejections, err := filter.Filter(ctx, q, q.Snapshot.Candidates())
		if err != nil {
			return err
		}
		left := q.Snapshot.Candidates().Clone()
		for _, r := range rejections {
			left.AndNot(r.Clusters)
		}
		return score.Score(ctx, q, left, make([]int64, q.Snapshot.Len()))
	}
}

func askEstimate(p *host.Plugin) asking {
	estimate := p.Estimate()
	return func(ctx context.Context, q *framework.Query) error {
		rows := q.Snapshot.Candidates().AppendRows(nil)
		return estimate.Estimate(ctx, q, rows, make([]framework.Capacity, len(rows)))
	}
}

func askSelect(p *host.Plugin) asking {
	next := p.Select(next{})
	return func(ctx context.Context, q *framework.Query) error {
		_, _, err := next.Select(ctx, conformance.Selection(q))
		return err
	}
}

func askAssign(p *host.Plugin) asking {
	next := p.Assign(next{})
	return func(ctx context.Context, q *framework.Query) error {
		_, _, err := next.Assign(ctx, conformance.Allotment(q))
		return err
	}
}

// next stands behind plugins that skip.
type next struct{}

func (next) Name() string { return "next" }

func (next) Select(context.Context, *framework.Selection) ([]int32, framework.Status, error) {
	return nil, framework.Status{}, nil
}

func (next) Assign(context.Context, *framework.Allotment) (framework.Division, framework.Status, error) {
	return framework.Division{}, framework.Status{}, nil
}

// contestant is a plugin that is measured.
type contestant struct {
	*host.Plugin
	host  *host.Host
	count *counter
}

func enter(ctx context.Context, spec *host.Spec, n *notes) (*contestant, error) {
	c := &contestant{count: &counter{}}
	var err error
	c.host, c.Plugin, err = host.Open(ctx, *spec, host.Options{Log: n.log(), Count: c.count})
	return c, err
}

func (c *contestant) close() error { return c.host.Close(context.Background()) }

// tell tells the plugin the fleet for the first time.
func (c *contestant) tell(ctx context.Context, fleet *framework.Snapshot) (*row, error) {
	c.count.reset()
	start := time.Now()
	if err := c.Prime(ctx, fleet); err != nil {
		return nil, err
	}
	out := &row{took: []time.Duration{time.Since(start)}}
	out.sent, out.received = c.count.perCall(1)
	return out, nil
}

// counter counts bytes of messages, as they are on the wire.
type counter struct{ sent, received atomic.Int64 }

func (c *counter) reset() {
	c.sent.Store(0)
	c.received.Store(0)
}

func (c *counter) perCall(calls int) (sent, received int64) {
	return c.sent.Load() / int64(calls), c.received.Load() / int64(calls)
}

// TagRPC implements stats.Handler.
func (*counter) TagRPC(ctx context.Context, _ *stats.RPCTagInfo) context.Context { return ctx }

// TagConn implements stats.Handler.
func (*counter) TagConn(ctx context.Context, _ *stats.ConnTagInfo) context.Context { return ctx }

// HandleConn implements stats.Handler.
func (*counter) HandleConn(context.Context, stats.ConnStats) {}

// HandleRPC implements stats.Handler.
func (c *counter) HandleRPC(_ context.Context, s stats.RPCStats) {
	switch s := s.(type) {
	case *stats.OutPayload:
		c.sent.Add(int64(s.WireLength))
	case *stats.InPayload:
		c.received.Add(int64(s.WireLength))
	}
}
