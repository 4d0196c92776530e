package e2e

import (
	"bufio"
	"context"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"k8s.io/apimachinery/pkg/api/meta"

	workv1alpha2 "github.com/longshore-project/longshore/apis/work/v1alpha2"
)

// sizable returns a Deployment of which a pod takes more than half of the node of 8 cores that each member has: 3 fit in a member, 2 of them
// on the node of 16 cores and none on that of 4, although the sum of what is free would do for 4.
func sizable(replicas int) string {
	return strings.Replace(deployment("sizable", replicas), "cpu: 50m", "cpu: 6", 1)
}

const byRoom = `{replicaScheduling: {replicaSchedulingType: Divided, replicaDivisionPreference: Weighted,
    weightPreference: {dynamicWeight: AvailableReplicas}}}`

// TestPlacementCountsNodes asks for one replica more than fits on the nodes, which only the estimator can know, and then for one less.
func TestPlacementCountsNodes(t *testing.T) {
	ns := demo.namespace(t, "counts-nodes")
	demo.apply(t, ns, sizable(10), policy("sizable", selectDeployment("sizable"), byRoom))
	demo.eventually(t, "one of ten has no node", demo.condition("resourcebinding", ns, "sizable-deployment", workv1alpha2.ConditionScheduled,
		"False", workv1alpha2.ReasonUnschedulable, "clusters lack room for 1 of 10 replicas"))
	demo.must(t, controlPlane, "", "-n", ns, "scale", "deployment", "sizable", "--replicas=9")
	demo.eventually(t, "nine run", demo.runs(ns, "sizable", map[string]int32{"member1": 3, "member2": 3, "member3": 3}))
	binding, _, err := read[workv1alpha2.ResourceBinding](t.Context(), demo, controlPlane, ns, "resourcebinding", "sizable-deployment")
	if err != nil {
		t.Fatal(err)
	}
	if c := meta.FindStatusCondition(binding.Status.Conditions, workv1alpha2.ConditionScheduled); c == nil || strings.Contains(c.Message, "decided with") {
		t.Errorf("condition Scheduled is %+v, want one that tells of no other source of the numbers than the estimator", c)
	}
}

// TestCordonMovesTheEstimate watches the estimate while a node is cordoned by hand, and uncordoned again.
func TestCordonMovesTheEstimate(t *testing.T) {
	t.Parallel()
	watch := exec.CommandContext(t.Context(), filepath.Join(demo.bin, "longshore"), "estimate", "--watch", "--members", "member3",
		"-f", "../../samples/dynamic-weight/deployment.yaml", "--estimator", "unix://"+filepath.Join(demo.dir, "estimator.sock"))
	out, err := watch.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := watch.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = watch.Process.Kill() // It goes on until it is ended.
		_ = watch.Wait()
	})
	rows := make(chan []string)
	go func() {
		defer close(rows)
		for lines := bufio.NewScanner(out); lines.Scan(); {
			rows <- strings.Fields(lines.Text())
		}
	}()
	// until returns what fits as soon as so many nodes take pods.
	until := func(nodes string) (fit string) {
		t.Helper()
		limit := time.After(patience)
		for {
			select {
			case row, ok := <-rows:
				if !ok {
					t.Fatal("the watch ended")
				}
				if len(row) >= 4 && row[1] == "member3" && row[3] == nodes {
					return row[2]
				}
			case <-limit:
				t.Fatalf("the estimate never told of %s nodes", nodes)
			}
		}
	}
	whole := until("3/3")
	began := time.Now()
	demo.must(t, "member3", "", "cordon", "node-1")
	t.Cleanup(func() {
		if _, err := demo.kubectl(context.WithoutCancel(t.Context()), "member3", "", "uncordon", "node-1"); err != nil {
			t.Error(err)
		}
	})
	part := until("2/3")
	t.Logf("%s replicas fitted, and %s told %s after kubectl was called", whole, part, time.Since(began).Round(time.Millisecond))
	if whole == part {
		t.Errorf("%s replicas fit with and without the node", part)
	}
	demo.must(t, "member3", "", "uncordon", "node-1")
	until("3/3")
}
