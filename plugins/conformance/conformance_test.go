package conformance_test

import (
	"context"
	"net"
	"os"
	"strings"
	"sync/atomic"
	"testing"

	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/grpc/test/bufconn"

	"github.com/longshore-project/longshore/plugins/builtin/apienablement"
	"github.com/longshore-project/longshore/plugins/builtin/clusteraffinity"
	"github.com/longshore-project/longshore/plugins/builtin/clustereviction"
	"github.com/longshore-project/longshore/plugins/builtin/clusterlocality"
	"github.com/longshore-project/longshore/plugins/builtin/clusterselection"
	"github.com/longshore-project/longshore/plugins/builtin/freecapacity"
	"github.com/longshore-project/longshore/plugins/builtin/labelscore"
	"github.com/longshore-project/longshore/plugins/builtin/replicadivision"
	"github.com/longshore-project/longshore/plugins/builtin/resourcesummary"
	"github.com/longshore-project/longshore/plugins/builtin/spreadconstraint"
	"github.com/longshore-project/longshore/plugins/builtin/tainttoleration"
	"github.com/longshore-project/longshore/plugins/builtin/workloadaffinity"
	"github.com/longshore-project/longshore/plugins/conformance"
	"github.com/longshore-project/longshore/plugins/sdk"
	"github.com/longshore-project/longshore/plugins/sdk/sdktest"
	"github.com/longshore-project/longshore/scheduler/framework"
)

func builtins() []sdk.Plugin {
	return []sdk.Plugin{
		apienablement.Plugin{}, clusteraffinity.Plugin{}, clustereviction.Plugin{}, clusterlocality.Plugin{}, clusterselection.Plugin{},
		replicadivision.Plugin{}, resourcesummary.Plugin{}, spreadconstraint.Plugin{}, tainttoleration.Plugin{},
		workloadaffinity.Affinity{}, workloadaffinity.AntiAffinity{},
		freecapacity.LeastAllocated{}, freecapacity.BalancedAllocation{},
		labelscore.Cost{Arguments: labelscore.CostArguments{Label: "cost", Missing: 20}},
		labelscore.Preference{Arguments: labelscore.PreferenceArguments{Label: "tier", Scores: map[string]int64{"gold": 90}, Missing: 30}},
	}
}

func TestBuiltinsDirectly(t *testing.T) {
	for _, p := range builtins() {
		t.Run(p.Name(), func(t *testing.T) {
			conformance.Run(t, func(testing.TB) conformance.Subject { return conformance.Of(p) })
		})
	}
}

func TestBuiltinsOverTheWire(t *testing.T) {
	for _, p := range builtins() {
		t.Run(p.Name(), func(t *testing.T) {
			conformance.Run(t, func(t testing.TB) conformance.Subject { return conformance.Of(sdktest.Open(t, p, nil)) })
		})
	}
}

// What lets a memo keep answers survives the wire, together with the facts that make them void.
func TestSharingSurvivesTheWire(t *testing.T) {
	q := sdktest.Query(sdktest.Fleet(sdktest.Cluster{Name: "a"}))
	for _, p := range builtins() {
		external := sdktest.Open(t, p, nil)
		_, wantFilter := p.(framework.SharedFilter)
		f, ok := external.SharedFilter()
		if ok != wantFilter || ok && f.Reads(q) != framework.AllFacts {
			t.Errorf("%s: shared filter is %t, want %t with all facts", p.Name(), ok, wantFilter)
		}
		want, wantEstimate := p.(framework.SharedEstimate)
		e, ok := external.SharedEstimate()
		if ok != wantEstimate || ok && e.PerShape() != want.PerShape() {
			t.Errorf("%s: shared estimate is %t, want %t", p.Name(), ok, wantEstimate)
		}
		if lenient, ok := p.(framework.LenientFilter); ok {
			if got := external.Filter().(framework.LenientFilter).KeepsTargets(); got != lenient.KeepsTargets() {
				t.Errorf("%s: keeps targets is %t", p.Name(), got)
			}
		}
	}
}

// A plugin at the other end of the wire says exactly what it says when it is compiled in.
func TestTheWireChangesNothing(t *testing.T) {
	for _, p := range builtins() {
		t.Run(p.Name(), func(t *testing.T) {
			if err := conformance.Same(t.Context(), conformance.Of(p), conformance.Of(sdktest.Open(t, p, nil))); err != nil {
				t.Error(err)
			}
		})
	}
}

func TestTheSDKKeepsTheProtocol(t *testing.T) {
	for _, p := range builtins() {
		t.Run(p.Name(), func(t *testing.T) { conformance.RunWire(t, serve(t, p)) })
	}
}

// serve returns a connection to the plugin, in memory.
func serve(t *testing.T, p sdk.Plugin) grpc.ClientConnInterface {
	t.Helper()
	l := bufconn.Listen(1 << 20)
	ctx, cancel := context.WithCancel(context.Background())
	served := make(chan error, 1)
	go func() { served <- sdk.Listen(ctx, l, nil, p) }()
	conn, err := grpc.NewClient("passthrough:///memory", grpc.WithTransportCredentials(insecure.NewCredentials()),
		grpc.WithContextDialer(func(ctx context.Context, _ string) (net.Conn, error) { return l.DialContext(ctx) }))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = conn.Close()
		cancel()
		if err := <-served; err != nil {
			t.Error(err)
		}
	})
	return conn
}

// broken is a filter and score that breaks one promise.
type broken struct {
	promise string
	calls   atomic.Int64
}

func (*broken) Name() string { return "broken" }

func (b *broken) Filter(_ context.Context, q *framework.Query, candidates framework.Bitset) ([]framework.Rejection, error) {
	calls := b.calls.Add(1)
	no := framework.NewStatus(framework.Unschedulable, "no")
	switch {
	case b.promise == "same question same answer" && calls%2 == 0:
		return []framework.Rejection{{Clusters: candidates, Status: no}}, nil
	case b.promise == "inputs are read only":
		q.Request.Replicas++
	case b.promise == "no clusters" && q.Snapshot.Len() == 0:
		return nil, os.ErrInvalid
	case b.promise == "ten thousand clusters" && q.Snapshot.Len() > 5000:
		return nil, os.ErrDeadlineExceeded
	case b.promise == "any request" && !q.Request.Workload:
		return nil, os.ErrInvalid
	case b.promise == "follows the fleet" && calls > 3:
		return []framework.Rejection{{Clusters: candidates, Status: no}}, nil
	}
	return nil, nil
}

func (b *broken) Score(_ context.Context, _ *framework.Query, _ framework.Bitset, scores []int64) error {
	if b.promise == "answers are aligned and in range" {
		for i := range scores {
			scores[i] = 1
		}
	}
	return nil
}

// Each check notices who breaks its promise.
func TestChecksNotice(t *testing.T) {
	for _, c := range conformance.Checks() {
		b := &broken{promise: c.Name}
		if c.Name == "order of clusters does not matter" || strings.HasPrefix(c.Name, "concurrent") || strings.HasPrefix(c.Name, "cancelled") {
			b.promise = "same question same answer"
		}
		t.Run(c.Name, func(t *testing.T) {
			if err := c.Run(t.Context(), conformance.Of(&broken{})); err != nil {
				t.Errorf("a plugin that breaks nothing: %v", err)
			}
			if err := c.Run(t.Context(), conformance.Of(b)); err == nil {
				t.Error("nothing was noticed")
			}
		})
	}
}
