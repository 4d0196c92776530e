package join_test

import (
	"context"
	"maps"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/util/wait"
	"k8s.io/client-go/discovery"
	clientgoscheme "k8s.io/client-go/kubernetes/scheme"
	"k8s.io/client-go/metadata"
	"k8s.io/client-go/rest"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/longshore-project/longshore/apis"
	clusterv1alpha1 "github.com/longshore-project/longshore/apis/cluster/v1alpha1"
	"github.com/longshore-project/longshore/apis/crds"
	"github.com/longshore-project/longshore/cmd/longshore/connect/connecttest"
	"github.com/longshore-project/longshore/cmd/longshore/local"
	"github.com/longshore-project/longshore/cmd/longshore/local/localtest"
	"github.com/longshore-project/longshore/cmd/longshore/root"
)

func TestMain(m *testing.M) {
	os.Exit(localtest.Main(m, localtest.Options{Controllers: local.ControlPlaneControllers, Prepare: crds.Install}))
}

// side is one cluster of a test: as administrator, and as a file for the command line.
type side struct {
	client.Client
	config     *rest.Config
	kubeconfig string
}

func newSide(t *testing.T, cfg *rest.Config) *side {
	t.Helper()
	scheme := apis.NewScheme()
	if err := clientgoscheme.AddToScheme(scheme); err != nil {
		t.Fatal(err)
	}
	cfg.WarningHandler = rest.NoWarnings{}
	c, err := client.New(cfg, client.Options{Scheme: scheme})
	if err != nil {
		t.Fatal(err)
	}
	return &side{Client: c, config: cfg, kubeconfig: connecttest.Kubeconfig(t, rest.CopyConfig(cfg))}
}

func newMember(t *testing.T) *side {
	t.Helper()
	member := localtest.Member(t, localtest.Options{Nodes: []local.Node{}, Controllers: local.ControlPlaneControllers})
	return newSide(t, member.Config)
}

// fleet is a control plane and a member that has not joined.
type fleet struct {
	controlPlane, member *side
}

func newFleet(t *testing.T) *fleet {
	t.Helper()
	return &fleet{controlPlane: newSide(t, localtest.ControlPlane(t)), member: newMember(t)}
}

// longshore runs a command against the control plane.
func (f *fleet) longshore(t *testing.T, args ...string) (string, error) {
	t.Helper()
	return connecttest.Run(t, root.NewCommand("longshore"), append(args, "--kubeconfig", f.controlPlane.kubeconfig)...)
}

// mustRun fails the test unless the command succeeds and says every part.
func (f *fleet) mustRun(t *testing.T, args []string, parts ...string) string {
	t.Helper()
	out, err := f.longshore(t, args...)
	if err != nil {
		t.Fatalf("longshore %s: %v\n%s", strings.Join(args, " "), err, out)
	}
	for _, part := range parts {
		if !strings.Contains(out, part) {
			t.Errorf("longshore %s does not say %q:\n%s", strings.Join(args, " "), part, out)
		}
	}
	return out
}

// mustFail fails the test unless the command fails with an error that says every part.
func (f *fleet) mustFail(t *testing.T, args []string, parts ...string) string {
	t.Helper()
	out, err := f.longshore(t, args...)
	if err == nil {
		t.Fatalf("longshore %s succeeded:\n%s", strings.Join(args, " "), out)
	}
	for _, part := range parts {
		if !strings.Contains(err.Error(), part) {
			t.Errorf("the error of longshore %s does not say %q: %v", strings.Join(args, " "), part, err)
		}
	}
	return out
}

func (f *fleet) join(name string, more ...string) []string {
	return append([]string{"join", name, "--cluster-kubeconfig", f.member.kubeconfig}, more...)
}

// leave ends a subtest with the member unjoined, whatever happened.
func (f *fleet) leave(t *testing.T, name string) {
	t.Cleanup(func() {
		ctx := context.WithoutCancel(t.Context())
		cluster := &clusterv1alpha1.Cluster{ObjectMeta: metav1.ObjectMeta{Name: name}}
		if f.controlPlane.Get(ctx, client.ObjectKeyFromObject(cluster), cluster) == nil {
			cluster.Finalizers = nil
			_ = f.controlPlane.Update(ctx, cluster)
			_ = f.controlPlane.Delete(ctx, cluster)
		}
		cmd := root.NewCommand("longshore")
		cmd.SetArgs([]string{"unjoin", name, "--kubeconfig", f.controlPlane.kubeconfig, "--cluster-kubeconfig", f.member.kubeconfig})
		cmd.SetOut(os.Stderr)
		if err := cmd.ExecuteContext(ctx); err != nil {
			t.Error(err)
		}
	})
}

func (f *fleet) cluster(t *testing.T, name string) *clusterv1alpha1.Cluster {
	t.Helper()
	cluster := &clusterv1alpha1.Cluster{}
	if err := f.controlPlane.Get(t.Context(), client.ObjectKey{Name: name}, cluster); err != nil {
		t.Fatal(err)
	}
	return cluster
}

// byThemselves come and go without anybody asking: kinds, and objects that are in every cluster or namespace.
var byThemselves = map[string]bool{
	"events": true, "leases": true, "componentstatuses": true, "endpoints": true, "endpointslices": true, "ipaddresses": true,
	"serviceaccounts default": true, "configmaps kube-root-ca.crt": true, "services kubernetes": true,
}

// inventory lists every object of a cluster that somebody must have made.
func (s *side) inventory(t *testing.T) []string {
	t.Helper()
	disco, err := discovery.NewDiscoveryClientForConfig(s.config)
	if err != nil {
		t.Fatal(err)
	}
	objects, err := metadata.NewForConfig(s.config)
	if err != nil {
		t.Fatal(err)
	}
	lists, err := discovery.ServerPreferredResources(disco)
	if err != nil {
		t.Fatal(err)
	}
	names := map[string]bool{}
	for _, list := range lists {
		gv, _ := schema.ParseGroupVersion(list.GroupVersion)
		for _, resource := range list.APIResources {
			if !slices.Contains(resource.Verbs, "list") || byThemselves[resource.Name] {
				continue
			}
			found, err := objects.Resource(gv.WithResource(resource.Name)).List(t.Context(), metav1.ListOptions{})
			if err != nil {
				t.Fatal(err)
			}
			for _, item := range found.Items {
				if !byThemselves[resource.Name+" "+item.Name] {
					names[resource.Name+" "+item.Namespace+"/"+item.Name] = true
				}
			}
		}
	}
	return slices.Sorted(maps.Keys(names))
}

// eventually waits until the member holds exactly want: a garbage collector may still be at work.
func (s *side) eventually(t *testing.T, want []string) {
	t.Helper()
	diff := ""
	err := wait.PollUntilContextTimeout(t.Context(), 200*time.Millisecond, time.Minute, true, func(context.Context) (bool, error) {
		diff = cmp.Diff(want, s.inventory(t))
		return diff == "", nil
	})
	if err != nil {
		t.Errorf("objects in the cluster (-want +got):\n%s", diff)
	}
}

func mustCreate(t *testing.T, c client.Client, objects ...client.Object) {
	t.Helper()
	for _, obj := range objects {
		if err := c.Create(t.Context(), obj); err != nil {
			t.Fatal(err)
		}
	}
}

func isGone(t *testing.T, c client.Client, obj client.Object) bool {
	t.Helper()
	err := c.Get(t.Context(), client.ObjectKeyFromObject(obj), obj)
	if err != nil && !apierrors.IsNotFound(err) {
		t.Fatal(err)
	}
	return err != nil
}
