package main

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/util/wait"

	clusterv1alpha1 "github.com/longshore-project/longshore/apis/cluster/v1alpha1"
	policyv1alpha1 "github.com/longshore-project/longshore/apis/policy/v1alpha1"
	schedulerv1alpha1 "github.com/longshore-project/longshore/apis/scheduler/v1alpha1"
	workv1alpha2 "github.com/longshore-project/longshore/apis/work/v1alpha2"
	"github.com/longshore-project/longshore/cmd/internal/configfile"
	"github.com/longshore-project/longshore/cmd/longshore/local/localtest"
)

func TestEstimatorFlags(t *testing.T) {
	o, err := parse([]string{"--enable-scheduler-estimator", "--scheduler-estimator-port=1234", "--scheduler-estimator-timeout=1s", "--disable-scheduler-estimator-in-pull-mode"}, &bytes.Buffer{})
	if err != nil {
		t.Fatal(err)
	}
	registry := configfile.Registry()
	c, err := o.configuration(registry)
	if err != nil {
		t.Fatal(err)
	}
	want := []schedulerv1alpha1.EstimatorServer{{
		Service:  &schedulerv1alpha1.EstimatorService{Prefix: "karmada-scheduler-estimator", Namespace: "karmada-system", Port: 1234},
		Protocol: schedulerv1alpha1.ProtocolKarmada, TLS: &schedulerv1alpha1.EstimatorTLS{InsecureSkipVerify: true},
	}}
	got := c.Profiles[0].Estimators
	if diff := cmp.Diff(want, got.Servers); diff != "" || got.Merge != schedulerv1alpha1.MergeMin || got.Deadline.Duration != time.Second || !got.SkipPullMembers {
		t.Errorf("merge %s, deadline %v, skip pull %t, servers (-want +got):\n%s", got.Merge, got.Deadline, got.SkipPullMembers, diff)
	}
	var out bytes.Buffer
	o.printProfile = true
	if err := o.answer(c, registry, &out); err != nil {
		t.Fatal(err)
	}
	if !strings.Contains(out.String(), "AccurateEstimate") || strings.Contains(out.String(), "ResourceSummary") {
		t.Errorf("the profile does not show that it asks estimators:\n%s", out.String())
	}
	for _, flag := range []string{"--enable-scheduler-estimator", "--disable-scheduler-estimator-in-pull-mode"} {
		if _, err := parse([]string{flag, "--config=x"}, &bytes.Buffer{}); err == nil || !strings.Contains(err.Error(), "exclude each other") {
			t.Errorf("with a file and %s the error is %v", flag, err)
		}
	}
}

// TestDeadEstimator places a binding although the estimator cannot be reached, and says so in the condition and the metrics.
func TestDeadEstimator(t *testing.T) {
	file := filepath.Join(t.TempDir(), "scheduler.yaml")
	install(t, file, `apiVersion: scheduler.longshore.dev/v1alpha1
kind: SchedulerConfiguration
profiles: [{schedulerName: estimating, estimators: {servers: [{address: "dns:///127.0.0.1:1", members: [est-a]}]}}]
`)
	config := localtest.ControlPlane(t)
	kubeconfig, c, port := kubeconfigOf(t, config), newClient(t, config), freePort(t)
	createMember(t, c, "est-a", 10)
	createMember(t, c, "est-b", 10)
	ctx, stop := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() {
		ended <- run(ctx, []string{"--kubeconfig", kubeconfig, "--config", file, fmt.Sprintf("--secure-port=%d", port)}, io.Discard)
	}()
	b := dynamicBinding("estimating", "est-a", "est-b")
	if err := c.Create(t.Context(), b); err != nil {
		t.Fatal(err)
	}
	eventually(t, "it is scheduled", scheduledIn(c, b))
	message := meta.FindStatusCondition(b.Status.Conditions, workv1alpha2.ConditionScheduled).Message
	if want := "It was decided with the room of est-a from summary (estimator dns:///127.0.0.1:1: cannot be reached)."; !strings.HasSuffix(message, want) {
		t.Errorf("the condition says %q, want %q at its end", message, want)
	}
	if _, body := ask(t, port, "/metrics"); !strings.Contains(body, `longshore_estimator_client_up{server="estimator dns:///127.0.0.1:1"} 0`) {
		t.Error("the metrics do not show that the estimator is down")
	}
	stop()
	if err := <-ended; err != nil {
		t.Errorf("run: %v", err)
	}
}

// TestDepartedMember stops calling the estimator of a member that left the fleet.
func TestDepartedMember(t *testing.T) {
	file := filepath.Join(t.TempDir(), "scheduler.yaml")
	install(t, file, `apiVersion: scheduler.longshore.dev/v1alpha1
kind: SchedulerConfiguration
profiles: [{schedulerName: departing, estimators: {servers: [{address: "unix:///nowhere/{member}"}]}}]
`)
	config := localtest.ControlPlane(t)
	kubeconfig, c, port := kubeconfigOf(t, config), newClient(t, config), freePort(t)
	createMember(t, c, "leaving", 10)
	createMember(t, c, "staying", 10)
	ctx, stop := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() {
		ended <- run(ctx, []string{"--kubeconfig", kubeconfig, "--config", file, fmt.Sprintf("--secure-port=%d", port)}, io.Discard)
	}()
	b := dynamicBinding("departing", "leaving", "staying")
	if err := c.Create(t.Context(), b); err != nil {
		t.Fatal(err)
	}
	eventually(t, "it is scheduled", scheduledIn(c, b))
	calls := func(member string, want bool) wait.ConditionWithContextFunc {
		return func(context.Context) (bool, error) {
			_, body := ask(t, port, "/metrics")
			return strings.Contains(body, `longshore_estimator_client_up{server="estimator unix:///nowhere/`+member+`"} 0`) == want, nil
		}
	}
	eventually(t, "the estimator of the member is called", calls("leaving", true))
	if err := c.Delete(t.Context(), &clusterv1alpha1.Cluster{ObjectMeta: metav1.ObjectMeta{Name: "leaving"}}); err != nil {
		t.Fatal(err)
	}
	eventually(t, "it is called no more", calls("leaving", false))
	eventually(t, "the other one still is", calls("staying", true))
	stop()
	if err := <-ended; err != nil {
		t.Errorf("run: %v", err)
	}
}

// dynamicBinding is one of four replicas that are divided by what fits.
func dynamicBinding(name string, members ...string) *workv1alpha2.ResourceBinding {
	return &workv1alpha2.ResourceBinding{
		ObjectMeta: metav1.ObjectMeta{Namespace: "default", Name: name, Labels: map[string]string{policyv1alpha1.PropagationPolicyPermanentIDLabel: "id"}},
		Spec: workv1alpha2.ResourceBindingSpec{
			Resource: workv1alpha2.ObjectReference{APIVersion: "apps/v1", Kind: "Deployment", Namespace: "default", Name: name}, SchedulerName: name, Replicas: 4,
			Placement: &policyv1alpha1.Placement{
				ClusterAffinity: &policyv1alpha1.ClusterAffinity{ClusterNames: members},
				ReplicaScheduling: &policyv1alpha1.ReplicaSchedulingStrategy{
					ReplicaSchedulingType: policyv1alpha1.Divided, ReplicaDivisionPreference: policyv1alpha1.Weighted,
					WeightPreference: &policyv1alpha1.ClusterPreferences{DynamicWeight: policyv1alpha1.DynamicWeightByAvailableReplicas},
				},
			},
		},
	}
}
