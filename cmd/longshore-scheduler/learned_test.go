package main

import (
	"context"
	"fmt"
	"io"
	"path/filepath"
	"strings"
	"testing"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/resource"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/util/wait"
	"sigs.k8s.io/controller-runtime/pkg/client"

	clusterv1alpha1 "github.com/longshore-project/longshore/apis/cluster/v1alpha1"
	workv1alpha2 "github.com/longshore-project/longshore/apis/work/v1alpha2"
	"github.com/longshore-project/longshore/cmd/longshore/local/localtest"
)

// TestLearnedLimits runs the program beside a descheduler that the test plays. A member that left replicas pending is not offered that shape
// again, to this binding or another, until it has more to offer; another shape is. Predictions and what became of them are counted.
func TestLearnedLimits(t *testing.T) {
	file := filepath.Join(t.TempDir(), "scheduler.yaml")
	install(t, file, `apiVersion: scheduler.longshore.dev/v1alpha1
kind: SchedulerConfiguration
profiles: [{schedulerName: learning, estimators: {servers: [{address: "unix:///nowhere/none", members: [nobody]}]}}]
`)
	config := localtest.ControlPlane(t)
	kubeconfig, c, port := kubeconfigOf(t, config), newClient(t, config), freePort(t)
	createMember(t, c, "bad", 100)
	createMember(t, c, "good", 100)
	ctx, stop := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() {
		ended <- run(ctx, []string{"--kubeconfig", kubeconfig, "--config", file, fmt.Sprintf("--secure-port=%d", port)}, io.Discard)
	}()
	create := func(name, cpu string) *workv1alpha2.ResourceBinding {
		t.Helper()
		b := dynamicBinding("learning", "bad", "good")
		b.Name, b.Spec.Resource.Name = name, name
		b.Spec.ReplicaRequirements = &workv1alpha2.ReplicaRequirements{ResourceRequest: corev1.ResourceList{"cpu": resource.MustParse(cpu)}}
		if err := c.Create(t.Context(), b); err != nil {
			t.Fatal(err)
		}
		eventually(t, name+" is scheduled", scheduledIn(c, b))
		return b
	}
	expectPlaced := func(b *workv1alpha2.ResourceBinding, want string) {
		t.Helper()
		if got := placement(b); got != want {
			t.Errorf("%s is placed as %q, want %q", b.Name, got, want)
		}
	}
	expectMetric := func(want string) {
		t.Helper()
		eventually(t, "the metrics have "+want, func(context.Context) (bool, error) {
			_, body := ask(t, port, "/metrics")
			return strings.Contains(body, "\n"+want+"\n"), nil
		})
	}

	first := create("first", "1")
	expectPlaced(first, "bad:2 good:2")
	reportReady(t, c, first, "good", 2)
	withdraw(t, c, first, workv1alpha2.TargetCluster{Name: "good", Replicas: 2})
	eventually(t, "the scheduler moves them", placedAs(c, first, "good:4"))
	expectMetric("longshore_scheduler_learned_limits 1")
	expectMetric(`longshore_scheduler_estimated_replicas_total{outcome="ran",source="summary"} 2`)
	expectMetric(`longshore_scheduler_estimated_replicas_total{outcome="pending",source="summary"} 2`)
	expectPlaced(create("second", "1"), "good:4")
	expectPlaced(create("other", "2"), "bad:2 good:2")

	// The first report after is the baseline; what is more than that is a change.
	setRoom(t, c, "bad", 200)
	tries := 0
	eventually(t, "the member with more to offer is offered the shape again", func(context.Context) (bool, error) {
		tries++
		later := create(fmt.Sprint("later-", tries), "1")
		return strings.Contains(placement(later), "bad:"), c.Delete(t.Context(), later)
	})
	expectMetric("longshore_scheduler_learned_limits 0")
	stop()
	if err := <-ended; err != nil {
		t.Errorf("run: %v", err)
	}
}

// withdraw plays the descheduler: it leaves the binding these clusters.
func withdraw(t *testing.T, c client.Client, b *workv1alpha2.ResourceBinding, left ...workv1alpha2.TargetCluster) {
	t.Helper()
	before := b.DeepCopy()
	b.Spec.Clusters = left
	if err := c.Patch(t.Context(), b, client.MergeFrom(before)); err != nil {
		t.Fatal(err)
	}
}

// reportReady plays the controllers: the member runs so many replicas.
func reportReady(t *testing.T, c client.Client, b *workv1alpha2.ResourceBinding, member string, replicas int) {
	t.Helper()
	before := b.DeepCopy()
	b.Status.AggregatedStatus = []workv1alpha2.AggregatedStatusItem{{
		ClusterName: member, Applied: true, Health: workv1alpha2.ResourceHealthy, Status: &runtime.RawExtension{Raw: fmt.Appendf(nil, `{"replicas":%d}`, replicas)},
	}}
	if err := c.Status().Patch(t.Context(), b, client.MergeFrom(before)); err != nil {
		t.Fatal(err)
	}
}

func setRoom(t *testing.T, c client.Client, member string, cpus int64) {
	t.Helper()
	var cluster clusterv1alpha1.Cluster
	if err := c.Get(t.Context(), client.ObjectKey{Name: member}, &cluster); err != nil {
		t.Fatal(err)
	}
	cluster.Status.ResourceSummary.Allocatable["cpu"] = *resource.NewQuantity(cpus, resource.DecimalSI)
	if err := c.Status().Update(t.Context(), &cluster); err != nil {
		t.Fatal(err)
	}
}

func placedAs(c client.Client, b *workv1alpha2.ResourceBinding, want string) wait.ConditionWithContextFunc {
	return func(ctx context.Context) (bool, error) {
		err := c.Get(ctx, client.ObjectKeyFromObject(b), b)
		return placement(b) == want, err
	}
}
