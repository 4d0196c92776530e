package e2e

import (
	"context"
	"fmt"
	"testing"

	"k8s.io/apimachinery/pkg/api/meta"

	clusterv1alpha1 "github.com/longshore-project/longshore/apis/cluster/v1alpha1"
	"github.com/longshore-project/longshore/cmd/longshore/local"
)

// ready reports nil once the Cluster's condition Ready has the status.
func (f *fleet) ready(cluster, status string) func(context.Context) error {
	return func(ctx context.Context) error {
		got, _, err := read[clusterv1alpha1.Cluster](ctx, f, controlPlane, "", "cluster", cluster)
		if err != nil {
			return err
		}
		if c := meta.FindStatusCondition(got.Status.Conditions, clusterv1alpha1.ConditionReady); c == nil || string(c.Status) != status {
			return fmt.Errorf("condition Ready of %s is %+v, want %s", cluster, c, status)
		}
		return nil
	}
}

// TestMemberKilledAndRestarted is not parallel: no other test may need the member that it kills.
func TestMemberKilledAndRestarted(t *testing.T) {
	ns := demo.namespace(t, "member-killed")
	demo.apply(t, ns, deployment("web", 3), policy("web", selectDeployment("web"), weights("member1=1", "member2=1", "member3=1")))
	demo.eventually(t, "each member has one", demo.runs(ns, "web", map[string]int32{"member1": 1, "member2": 1, "member3": 1}))

	if err := local.KillCluster(t.Context(), demo.dir, "member2"); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := local.StartCluster(context.WithoutCancel(t.Context()), demo.dir, "member2"); err != nil {
			t.Error(err)
		}
	})

	demo.must(t, controlPlane, "", "-n", ns, "scale", "deployment", "web", "--replicas=6")
	demo.eventually(t, "the other members follow while one is dead", func(ctx context.Context) error {
		if err := demo.runsIn(ctx, "member1", ns, "web", 2); err != nil {
			return err
		}
		return demo.runsIn(ctx, "member3", ns, "web", 2)
	})
	demo.eventually(t, "the dead member is not ready", demo.ready("member2", "False"))
	placement, err := demo.placement(t.Context(), ns, "web")
	if err != nil || placement["member2"] != 2 {
		t.Errorf("placement is %v, %v: a dead member must keep its share until somebody evicts it", placement, err)
	}

	if err := local.StartCluster(t.Context(), demo.dir, "member2"); err != nil {
		t.Fatal(err)
	}
	demo.eventually(t, "the member is ready again", demo.ready("member2", "True"))
	demo.eventually(t, "the member caught up", demo.runs(ns, "web", map[string]int32{"member1": 2, "member2": 2, "member3": 2}))
}
