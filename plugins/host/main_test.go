package host_test

import (
	"context"
	"errors"
	"fmt"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/hashicorp/go-plugin"
	"google.golang.org/grpc"

	"github.com/longshore-project/longshore/plugins/host"
	"github.com/longshore-project/longshore/plugins/sdk"
	"github.com/longshore-project/longshore/plugins/wire"
	"github.com/longshore-project/longshore/scheduler/framework"
)

// TestMain runs as a plugin when the tests start this binary as one.
func TestMain(m *testing.M) {
	if len(os.Args) > 2 && os.Args[1] == "plugin" {
		servePlugin(os.Args[2])
		return
	}
	os.Exit(m.Run())
}

func servePlugin(kind string) {
	switch kind {
	case "silent":
		select {}
	case "exits":
		fmt.Fprintln(os.Stderr, "cannot open the price table")
		os.Exit(3)
	case "future":
		serveVersion(99)
	default:
		sdk.Serve(&misfit{kind: kind})
	}
}

// serveVersion speaks a protocol that no host knows.
func serveVersion(v int) {
	plugin.Serve(&plugin.ServeConfig{
		HandshakeConfig:  plugin.HandshakeConfig{ProtocolVersion: uint(v), MagicCookieKey: wire.CookieKey, MagicCookieValue: wire.CookieValue},
		VersionedPlugins: map[int]plugin.PluginSet{v: {}},
		GRPCServer:       func(opts []grpc.ServerOption) *grpc.Server { return grpc.NewServer(opts...) },
	})
}

// misfit is a plugin whose behaviour depends on the request's key, so that one process can behave well and badly in turn.
type misfit struct {
	kind  string
	color string
}

func (m *misfit) Name() string    { return "misfit" }
func (m *misfit) Version() string { return "v1.2.3" }

func (m *misfit) Configure(_ context.Context, args sdk.Arguments) error {
	var a struct{ Color, Refuse string }
	if err := args.Decode(&a); err != nil {
		return err
	}
	if a.Refuse != "" {
		return errors.New(a.Refuse)
	}
	m.color = a.Color
	if m.kind == "environment" {
		return errors.New("environment: " + strings.Join(names(os.Environ()), " "))
	}
	return nil
}

func names(environ []string) []string {
	var out []string
	for _, e := range environ {
		name, _, _ := strings.Cut(e, "=")
		if name == strings.ToUpper(name) && !strings.Contains(name, "PLUGIN") {
			out = append(out, name)
		}
	}
	slices.Sort(out)
	return out
}

// Filter rejects cluster-1 with the configured color as the reason, unless the key asks for something worse.
func (m *misfit) Filter(ctx context.Context, q *sdk.Query, candidates sdk.Bitset) ([]sdk.Rejection, error) {
	switch q.Request.Key {
	case "hang":
		select {}
	case "wait":
		<-ctx.Done()
		return nil, ctx.Err()
	case "exit":
		os.Exit(7)
	case "panic":
		panic("index out of range")
	case "error":
		return nil, errors.New("price table is empty")
	case "skip":
		return nil, sdk.ErrSkip
	case "unknown":
		beyond := framework.NewBitset(q.Snapshot.Len() + 1000)
		beyond.Set(q.Snapshot.Len() + 900)
		return []sdk.Rejection{{Clusters: beyond, Status: framework.NewStatus(framework.Unschedulable, "no")}}, nil
	case "success":
		return []sdk.Rejection{{Clusters: candidates}}, nil
	case "flood":
		for i := range 5000 {
			fmt.Fprintf(os.Stderr, "noise %d\n", i)
		}
	}
	rejected := framework.NewBitset(q.Snapshot.Len())
	if row, ok := q.Snapshot.Row("cluster-1"); ok {
		rejected.Set(row)
	}
	return []sdk.Rejection{{
		Clusters: rejected, Status: framework.NewStatus(framework.Unschedulable, "cluster(s) were not "+m.color),
		Cures: []sdk.Cure{{Fact: framework.FactLabels, Subject: "color"}},
	}}, nil
}

// Score rates a cluster by its region's length.
func (m *misfit) Score(_ context.Context, q *sdk.Query, clusters sdk.Bitset, scores []int64) error {
	if q.Request.Key == "skip" {
		return sdk.ErrSkip
	}
	for row := range clusters.All() {
		scores[row] = int64(len(q.Snapshot.Cluster(row).Region))
		if q.Request.Key == "overscore" {
			scores[row] = 101
		}
	}
	return nil
}

// Remarks says of the first cluster what the key is, or of far too many.
func (m *misfit) Remarks(q *sdk.Query, clusters sdk.Bitset) []sdk.ScoreRemark {
	first := framework.NewBitset(q.Snapshot.Len())
	first.Set(0)
	n := 1
	if q.Request.Key == "overremark" {
		n = 1000
	}
	return slices.Repeat([]sdk.ScoreRemark{{Clusters: first, Text: "are asked about " + q.Request.Key}}, n)
}

// Estimate finds room for as many replicas as the row in every cluster but the first, or claims one place too many.
func (m *misfit) Estimate(_ context.Context, q *sdk.Query, rows []int32, out []sdk.Capacity) error {
	from := &sdk.Origin{Source: "ledger", At: time.Unix(1_000_000, 5).UTC(), Fallback: "the scales are broken"}
	if q.Request.Key == "nobody" {
		from = &sdk.Origin{}
	}
	for i, row := range rows {
		if row > 0 {
			out[i] = sdk.Capacity{Replicas: int64(row), Known: true, Origin: from}
		}
	}
	return nil
}

// Select chooses the best cluster, or one that was not offered.
func (m *misfit) Select(_ context.Context, s *sdk.Selection) ([]int32, sdk.Status, error) {
	switch s.Request.Key {
	case "skip":
		return nil, framework.NewStatus(framework.Skip), nil
	case "unknown":
		return []int32{int32(s.Snapshot.Len() - 1)}, sdk.Status{}, nil
	case "twice":
		return []int32{s.Ranked[0], s.Ranked[0]}, sdk.Status{}, nil
	case "none":
		return nil, framework.NewStatus(framework.Unschedulable, "nothing is cheap enough"), nil
	}
	return s.Ranked[:1], sdk.Status{}, nil
}

// Assign gives everything to the first cluster, or too much to all.
func (m *misfit) Assign(_ context.Context, a *sdk.Allotment) (sdk.Division, sdk.Status, error) {
	d := sdk.Division{Replicas: make([]int64, len(a.Selected))}
	switch a.Request.Key {
	case "skip":
		return sdk.Division{}, sdk.Status{}, sdk.ErrSkip
	case "short":
		d.Replicas = d.Replicas[1:]
	case "negative":
		d.Replicas[0] = -1
	case "lost":
	default:
		d.Replicas[0] = a.Request.Replicas
	}
	return d, sdk.Status{}, nil
}

// spec returns the spec of a plugin process of this kind.
func spec(t *testing.T, kind string) host.Spec {
	t.Helper()
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	return host.Spec{Name: "misfit", Path: self, Args: []string{"plugin", kind}, Arguments: map[string]any{"color": "blue"}}
}

// start returns a host that runs the one plugin, which is up already.
func start(t *testing.T, s host.Spec, o host.Options) (*host.Host, *host.Plugin) {
	t.Helper()
	h := host.New(o)
	t.Cleanup(func() {
		if err := h.Close(context.Background()); err != nil {
			t.Error(err)
		}
	})
	if err := h.Apply([]host.Spec{s}); err != nil {
		t.Fatal(err)
	}
	p, _ := h.Plugin(s.Name)
	if err := p.Ready(t.Context()); err != nil {
		t.Fatal(err)
	}
	return h, p
}

// fleet returns n clusters called cluster-0, cluster-1 and so on, in regions of different lengths.
func fleet(n int) *framework.Snapshot {
	clusters := make([]*framework.Cluster, n)
	for i := range clusters {
		clusters[i] = &framework.Cluster{Name: fmt.Sprintf("cluster-%d", i), Region: strings.Repeat("r", i%100)}
	}
	return framework.NewSnapshot(clusters, 1)
}

// query returns a question about a request with the key.
func query(s *framework.Snapshot, key string) *framework.Query {
	return &framework.Query{Snapshot: s, Request: &framework.Request{
		Key: key, Workload: true, Replicas: 10,
		Placement: &framework.Placement{Terms: []framework.Term{{}}, Strategy: framework.DynamicWeight},
	}}
}

// allotment asks to divide over all clusters of the query.
func allotment(q *framework.Query) *framework.Allotment {
	rows := framework.FullBitset(q.Snapshot.Len()).AppendRows(nil)
	return &framework.Allotment{Query: *q, Selected: rows, Current: make([]int64, len(rows))}
}

// fallback decides where the plugin does not apply.
type fallback struct{}

func (fallback) Name() string { return "fallback" }

func (fallback) Select(_ context.Context, s *framework.Selection) ([]int32, framework.Status, error) {
	return s.Ranked, framework.Status{}, nil
}

func (fallback) Assign(_ context.Context, a *framework.Allotment) (framework.Division, framework.Status, error) {
	d := framework.Division{Replicas: make([]int64, len(a.Selected))}
	d.Replicas[len(d.Replicas)-1] = a.Request.Replicas
	return d, framework.Status{}, nil
}
