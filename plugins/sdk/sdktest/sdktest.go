// Package sdktest lets the author of a plugin test it with go test: no scheduler, no cluster and no process. Open puts the real host and the
// whole protocol, in memory, between the test and the plugin, so that what passes here passes in production.
//
//	p := sdktest.Open(t, nightShift{}, map[string]any{"zone": "eu"})
//	q := sdktest.Query(sdktest.Fleet(sdktest.Cluster{Name: "a", Region: "eu"}))
//	rejections, err := p.Filter().Filter(t.Context(), q, q.Snapshot.Candidates())
package sdktest

import (
	"context"
	"net"
	"testing"
	"time"

	"google.golang.org/grpc/test/bufconn"

	"github.com/longshore-project/longshore/plugins/host"
	"github.com/longshore-project/longshore/plugins/sdk"
	"github.com/longshore-project/longshore/scheduler/framework"
)

// deadline is far from what any machine needs: tests are about answers and not about time.
const deadline = time.Minute

// pipeBytes is the buffer of the connection in memory.
const pipeBytes = 1 << 20

// Open configures the plugin with the arguments, which may be nil, and returns what the scheduler would see of it. The test fails if the plugin
// refuses them. Everything ends with the test.
func Open(t testing.TB, p sdk.Plugin, arguments map[string]any) *host.Plugin {
	t.Helper()
	opened, err := TryOpen(t, p, arguments)
	if err != nil {
		t.Fatalf("opening plugin %s: %v", p.Name(), err)
	}
	return opened
}

// TryOpen is Open for tests that expect a refusal: the error says why the plugin was not taken.
func TryOpen(t testing.TB, p sdk.Plugin, arguments map[string]any) (*host.Plugin, error) {
	t.Helper()
	l := bufconn.Listen(pipeBytes)
	ctx, cancel := context.WithCancel(context.Background())
	served := make(chan error, 1)
	go func() { served <- sdk.Listen(ctx, l, nil, p) }()
	h, opened, err := host.Open(ctx, host.Spec{Name: p.Name(), Address: "unix:///in-memory", Arguments: arguments, Deadline: deadline}, host.Options{
		Dial: func(ctx context.Context, _ string) (net.Conn, error) { return l.DialContext(ctx) },
	})
	t.Cleanup(func() {
		if h != nil {
			if err := h.Close(context.Background()); err != nil {
				t.Error(err)
			}
		}
		cancel()
		if err := <-served; err != nil {
			t.Error(err)
		}
	})
	return opened, err
}

// Cluster is a member as a plugin sees it.
type Cluster = framework.Cluster

// Fleet returns the snapshot of the clusters. It names them in no particular order; rows are in order of name.
func Fleet(clusters ...Cluster) *framework.Snapshot {
	list := make([]*framework.Cluster, len(clusters))
	for i := range clusters {
		list[i] = &clusters[i]
	}
	return framework.NewSnapshot(list, 1)
}

// Query returns a question about a Deployment with ten replicas that may run anywhere in the fleet. Change what the test is about.
func Query(fleet *framework.Snapshot) *framework.Query {
	return &framework.Query{Snapshot: fleet, Request: &framework.Request{
		Key: "default/app", API: framework.API{GroupVersion: "apps/v1", Kind: "Deployment"}, Workload: true, Replicas: 10,
		Placement: &framework.Placement{
			Terms: []framework.Term{{}}, Strategy: framework.DynamicWeight, StrategyStated: true,
		},
	}}
}

// Allotment asks to divide the replicas of q over all clusters, each of which has the given room.
func Allotment(q *framework.Query, room int64) *framework.Allotment {
	rows := q.Snapshot.Candidates().AppendRows(nil)
	a := &framework.Allotment{
		Query: *q, Selected: rows, Current: make([]int64, len(rows)), Estimates: make([]framework.Capacity, q.Snapshot.Len()),
	}
	for _, row := range rows {
		a.Estimates[row] = framework.Capacity{Replicas: room, Known: true}
	}
	return a
}
