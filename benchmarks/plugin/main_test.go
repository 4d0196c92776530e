package plugin

import (
	"context"
	"fmt"
	"net"
	"os"
	"testing"

	"github.com/longshore-project/longshore/plugins/sdk"
	"github.com/longshore-project/longshore/scheduler/framework"
)

// TestMain runs as the other process when the benchmark starts this binary as one.
func TestMain(m *testing.M) {
	if len(os.Args) > 1 {
		switch os.Args[1] {
		case "goplugin":
			sdk.Serve(sampler{})
			return
		case "remote":
			exit(serveRemote(os.Args[2], os.Args[3]))
		case "echo":
			exit(serveEcho(os.Args[2], ""))
		case "echotls":
			exit(serveEcho(os.Args[2], os.Args[3]))
		}
	}
	os.Exit(m.Run())
}

func exit(err error) {
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	os.Exit(0)
}

// serveRemote serves the sampler on a TCP address with the certificates in dir.
func serveRemote(address, dir string) error {
	config, err := serverTLS(dir)
	if err != nil {
		return err
	}
	l, err := net.Listen("tcp", address)
	if err != nil {
		return err
	}
	fmt.Println(l.Addr())
	return sdk.Listen(context.Background(), l, config, sampler{})
}

// sampler is a plugin that does next to nothing, so that the way to it is what is measured: it rejects every cluster without a region and
// rates the others by their rows.
type sampler struct{}

func (sampler) Name() string { return "sampler" }

func (sampler) Filter(_ context.Context, q *sdk.Query, candidates sdk.Bitset) ([]sdk.Rejection, error) {
	without := candidates.Clone()
	without.AndNot(q.Snapshot.WithRegion())
	if without.Empty() {
		return nil, nil
	}
	return []sdk.Rejection{{Clusters: without, Status: framework.NewStatus(framework.Unschedulable, "cluster(s) had no region")}}, nil
}

func (sampler) Score(_ context.Context, _ *sdk.Query, clusters sdk.Bitset, scores []int64) error {
	for row := range clusters.All() {
		scores[row] = scoreOf(row)
	}
	return nil
}

func scoreOf(row int) int64 { return int64(row % (framework.MaxScore + 1)) }
