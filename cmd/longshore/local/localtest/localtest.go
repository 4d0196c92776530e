// Package localtest gives tests a real API server, or a whole member cluster with simulated nodes.
//
// The binaries come from KUBEBUILDER_ASSETS or PATH, or from the cache where "longshore local" keeps localkube; the very first test on a
// machine that has none builds it, which takes minutes. Clusters die with the test binary, even if it is killed (Linux).
package localtest

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"sync"
	"testing"

	"k8s.io/client-go/rest"

	"github.com/longshore-project/longshore/cmd/longshore/local"
)

// Options say what a cluster for tests shall be. The zero value is an API server alone.
type Options struct {
	// Prepare runs once as soon as the API server is ready, for example to install CRDs.
	Prepare func(context.Context, *rest.Config) error
	// Controllers to run beside the API server, for example local.ControlPlaneControllers. Without them namespaces are never emptied,
	// dependents of a deleted owner stay, and there are no tokens for service accounts.
	Controllers []string
	// Nodes are simulated. With nodes there is a scheduler too.
	Nodes []local.Node
	// Name of the cluster; empty means control-plane, or member1 for a Member.
	Name string
}

// shared is the control plane of a test binary that uses Main.
var shared struct {
	options *Options
	once    sync.Once
	cluster *Cluster
	err     error
}

// Main runs the tests of a package with one control plane for all of them. It is started by the first call of ControlPlane, so that a
// run of tests without a server costs nothing. Call it from TestMain: os.Exit(localtest.Main(m, options)).
func Main(m *testing.M, o Options) int {
	shared.options = &o
	code := m.Run()
	if shared.cluster != nil {
		if err := errors.Join(shared.cluster.Kill(), os.RemoveAll(filepath.Dir(shared.cluster.Dir))); err != nil {
			fmt.Fprintln(os.Stderr, "ending the control plane of the tests:", err)
			return max(code, 1)
		}
	}
	return code
}

// ControlPlane returns administrator access to a control plane: the one of the test binary if Main is used (o is ignored then and may be
// left out), otherwise one that ends with the test. Tests that share it must use namespaces of their own.
func ControlPlane(t testing.TB, o ...Options) *rest.Config {
	t.Helper()
	if shared.options == nil {
		return ownControlPlane(t, o...)
	}
	shared.once.Do(func() {
		dir, err := os.MkdirTemp("", "longshore-test-")
		if err != nil {
			shared.err = err
			return
		}
		shared.cluster, shared.err = start(context.Background(), dir, local.RoleControlPlane, *shared.options)
	})
	if shared.err != nil {
		t.Fatalf("starting the control plane of the tests: %v", shared.err)
	}
	t.Cleanup(func() { shared.cluster.reportLosses(t) })
	return rest.CopyConfig(shared.cluster.Config)
}

func ownControlPlane(t testing.TB, o ...Options) *rest.Config {
	t.Helper()
	var options Options
	if len(o) > 0 {
		options = o[0]
	}
	return OwnControlPlane(t, options).Config
}

// OwnControlPlane starts a control plane that ends with the test, also in a test binary that uses Main.
func OwnControlPlane(t testing.TB, o Options) *Cluster {
	t.Helper()
	return startForTest(t, local.RoleControlPlane, o)
}

// Member starts a whole member cluster that ends with the test. Controllers nil means all; Nodes nil means one of 4 CPUs and 16 GiB.
func Member(t testing.TB, o Options) *Cluster {
	t.Helper()
	if o.Controllers == nil {
		o.Controllers = []string{"*"}
	}
	if o.Nodes == nil {
		o.Nodes = local.NodeSizes(0, 1)
	}
	return startForTest(t, local.RoleMember, o)
}

// Cluster is a cluster for a test.
type Cluster struct {
	*local.Cluster
	// Config gives administrator access. It stays valid when the cluster is killed and started again.
	Config *rest.Config
	// Kubeconfig is a file with the same access.
	Kubeconfig string
}

// Restart starts again whatever of the cluster was stopped or killed, with the same data and address, and returns when it is ready.
func (c *Cluster) Restart(ctx context.Context) error {
	return c.Start(ctx, local.StartOptions{DieWithCaller: true})
}

func startForTest(t testing.TB, role local.Role, o Options) *Cluster {
	t.Helper()
	c, err := start(t.Context(), t.TempDir(), role, o)
	if c != nil {
		t.Cleanup(func() {
			c.reportLosses(t)
			if err := c.Kill(); err != nil {
				t.Errorf("ending %s: %v", c.Name, err)
			}
		})
	}
	if err != nil {
		t.Fatalf("starting a cluster for the test: %v", err)
	}
	return c
}

// start returns a cluster beside an error if processes may run already.
func start(ctx context.Context, dir string, role local.Role, o Options) (*Cluster, error) {
	name := o.Name
	if name == "" {
		name = map[local.Role]string{local.RoleControlPlane: "control-plane", local.RoleMember: "member1"}[role]
	}
	c := &Cluster{Cluster: &local.Cluster{Name: name, Role: role, Dir: filepath.Join(dir, name), Nodes: o.Nodes, Controllers: o.Controllers}}
	err := c.Start(ctx, local.StartOptions{Progress: local.NewProgress(os.Stderr), DieWithCaller: true})
	if err != nil {
		return c, err
	}
	c.Kubeconfig = filepath.Join(c.Dir, "kubeconfig")
	if c.Config, err = c.RESTConfig(); err != nil {
		return c, err
	}
	c.Config.QPS = -1 // tests assert results, not politeness
	if o.Prepare == nil {
		return c, nil
	}
	if err := o.Prepare(ctx, rest.CopyConfig(c.Config)); err != nil {
		return c, fmt.Errorf("preparing %s: %w", name, err)
	}
	return c, nil
}

// reportLosses shows the end of the logs of processes that died while the test ran.
func (c *Cluster) reportLosses(t testing.TB) {
	if !t.Failed() {
		return
	}
	for _, loss := range c.Losses() {
		t.Log(loss)
	}
}
