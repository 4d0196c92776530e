package cordon_test

import (
	"fmt"
	"os"
	"strings"
	"sync"
	"testing"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/util/retry"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/longshore-project/longshore/apis"
	clusterv1alpha1 "github.com/longshore-project/longshore/apis/cluster/v1alpha1"
	"github.com/longshore-project/longshore/apis/crds"
	"github.com/longshore-project/longshore/cmd/longshore/connect/connecttest"
	"github.com/longshore-project/longshore/cmd/longshore/cordon"
	"github.com/longshore-project/longshore/cmd/longshore/local/localtest"
	"github.com/longshore-project/longshore/cmd/longshore/root"
)

func TestMain(m *testing.M) {
	os.Exit(localtest.Main(m, localtest.Options{Prepare: crds.Install}))
}

// fleet is a control plane with clusters that nobody watches.
type fleet struct {
	client.Client
	kubeconfig string
}

func newFleet(t *testing.T, clusters ...string) *fleet {
	t.Helper()
	cfg := localtest.ControlPlane(t)
	c, err := client.New(cfg, client.Options{Scheme: apis.NewScheme()})
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range clusters {
		cluster := &clusterv1alpha1.Cluster{
			ObjectMeta: metav1.ObjectMeta{Name: name, Labels: map[string]string{"test": strings.Split(name, "-")[0]}},
			Spec:       clusterv1alpha1.ClusterSpec{SyncMode: clusterv1alpha1.Push},
		}
		if err := c.Create(t.Context(), cluster); err != nil {
			t.Fatal(err)
		}
	}
	return &fleet{Client: c, kubeconfig: connecttest.Kubeconfig(t, cfg)}
}

func (f *fleet) longshore(t *testing.T, args ...string) (string, error) {
	t.Helper()
	return connecttest.Run(t, root.NewCommand("longshore"), append(args, "--kubeconfig", f.kubeconfig)...)
}

func (f *fleet) taints(t *testing.T, name string) []corev1.Taint {
	t.Helper()
	cluster := &clusterv1alpha1.Cluster{}
	if err := f.Get(t.Context(), client.ObjectKey{Name: name}, cluster); err != nil {
		t.Fatal(err)
	}
	return cluster.Spec.Taints
}

func TestCordonAndUncordon(t *testing.T) {
	f := newFleet(t, "plain-a", "plain-b", "plain-c")
	steps := []struct {
		args     []string
		want     string
		cordoned []bool
	}{
		{[]string{"cordon", "plain-a"}, "cluster plain-a cordoned\n", []bool{true, false, false}},
		{[]string{"cordon", "plain-a", "plain-b"}, "cluster plain-a already cordoned\ncluster plain-b cordoned\n", []bool{true, true, false}},
		{[]string{"uncordon", "plain-a"}, "cluster plain-a uncordoned\n", []bool{false, true, false}},
		{[]string{"uncordon", "plain-a"}, "cluster plain-a already uncordoned\n", []bool{false, true, false}},
		{
			[]string{"cordon", "-l", "test=plain"}, "cluster plain-a cordoned\ncluster plain-b already cordoned\ncluster plain-c cordoned\n",
			[]bool{true, true, true},
		},
	}
	for _, step := range steps {
		out, err := f.longshore(t, step.args...)
		if err != nil || out != step.want {
			t.Errorf("longshore %v: %v\n%s", step.args, err, out)
		}
		for i, name := range []string{"plain-a", "plain-b", "plain-c"} {
			if got := cordon.Cordoned(f.taints(t, name)); got != step.cordoned[i] {
				t.Errorf("after longshore %v: %s cordoned is %t", step.args, name, got)
			}
		}
	}
}

func TestCordonGoesOnAfterAnUnknownCluster(t *testing.T) {
	f := newFleet(t, "known")
	out, err := f.longshore(t, "cordon", "nobody", "known")
	if err == nil || !strings.Contains(err.Error(), `no cluster "nobody"`) {
		t.Errorf("error %v", err)
	}
	if out != "cluster known cordoned\n" {
		t.Errorf("printed %q", out)
	}
}

func TestCordonLosesNoTaintOfOthers(t *testing.T) {
	f := newFleet(t, "busy")
	const others = 20
	var work sync.WaitGroup
	work.Go(func() {
		for range others {
			for _, command := range []string{"cordon", "uncordon"} {
				if _, err := f.longshore(t, command, "busy"); err != nil && !strings.Contains(err.Error(), "object has been modified") {
					t.Error(err)
				}
			}
		}
	})
	work.Go(func() {
		for i := range others {
			if err := f.taint(t, "busy", fmt.Sprintf("other-%d", i)); err != nil {
				t.Error(err)
			}
		}
	})
	work.Wait()
	found := 0
	for _, taint := range f.taints(t, "busy") {
		if strings.HasPrefix(taint.Key, "other-") {
			found++
		}
	}
	if found != others {
		t.Errorf("%d of %d taints are left", found, others)
	}
}

// taint adds a taint as a controller does.
func (f *fleet) taint(t *testing.T, name, key string) error {
	return retry.OnError(retry.DefaultBackoff, func(error) bool { return true }, func() error {
		cluster := &clusterv1alpha1.Cluster{}
		if err := f.Get(t.Context(), client.ObjectKey{Name: name}, cluster); err != nil {
			return err
		}
		cluster.Spec.Taints = append(cluster.Spec.Taints, corev1.Taint{Key: key, Effect: corev1.TaintEffectNoSchedule})
		return f.Update(t.Context(), cluster)
	})
}
