package e2e

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"os/exec"
	"strings"
	"testing"
	"time"

	appsv1 "k8s.io/api/apps/v1"
	"k8s.io/apimachinery/pkg/api/meta"
	"k8s.io/apimachinery/pkg/util/wait"

	workv1alpha2 "github.com/longshore-project/longshore/apis/work/v1alpha2"
)

const (
	// patience bounds every wait for a state. A loaded machine needs a small part of it.
	patience = 2 * time.Minute
	// controlPlane is the kubeconfig context of the control plane.
	controlPlane = "control-plane"
)

var members = []string{"member1", "member2", "member3"}

// fleet is a running set of local clusters with scheduler and controllers, driven through its kubeconfig.
type fleet struct {
	// dir is the folder of `longshore local`; bin holds the programs.
	dir, bin string
}

// command runs a program to its end and returns what it printed; an error carries both streams.
func (f *fleet) command(ctx context.Context, stdin, name string, args ...string) (string, error) {
	cmd := exec.CommandContext(ctx, name, args...)
	cmd.Stdin = strings.NewReader(stdin)
	var out, both bytes.Buffer
	cmd.Stdout, cmd.Stderr = &teeWriter{&out, &both}, &both
	if err := cmd.Run(); err != nil {
		return out.String(), fmt.Errorf("%s %s: %w\n%s", name, strings.Join(args, " "), err, both.String())
	}
	return out.String(), nil
}

// teeWriter copies what is written to both buffers, which happens from one goroutine for each stream.
type teeWriter struct{ first, second *bytes.Buffer }

func (t *teeWriter) Write(p []byte) (int, error) {
	t.first.Write(p)
	return t.second.Write(p)
}

// kubectl runs kubectl in a cluster of the fleet.
func (f *fleet) kubectl(ctx context.Context, cluster, stdin string, args ...string) (string, error) {
	return f.command(ctx, stdin, "kubectl", append([]string{"--kubeconfig", f.kubeconfig(cluster)}, args...)...)
}

// must runs kubectl and ends the test when it fails.
func (f *fleet) must(t *testing.T, cluster, stdin string, args ...string) string {
	t.Helper()
	out, err := f.kubectl(t.Context(), cluster, stdin, args...)
	if err != nil {
		t.Fatal(err)
	}
	return out
}

// refused runs kubectl, expects it to fail, and returns what it said.
func (f *fleet) refused(t *testing.T, stdin string, args ...string) string {
	t.Helper()
	_, err := f.kubectl(t.Context(), controlPlane, stdin, args...)
	if err == nil {
		t.Fatalf("kubectl %v was accepted:\n%s", args, stdin)
	}
	return err.Error()
}

func (f *fleet) kubeconfig(cluster string) string { return f.dir + "/" + cluster + ".kubeconfig" }

// namespace creates a namespace for the test and deletes it, and with it everything that the test propagated, in the end.
func (f *fleet) namespace(t *testing.T, name string) string {
	t.Helper()
	f.must(t, controlPlane, "", "create", "namespace", name)
	t.Cleanup(func() {
		if _, err := f.kubectl(context.WithoutCancel(t.Context()), controlPlane, "", "delete", "namespace", name, "--wait=false"); err != nil {
			t.Error(err)
		}
	})
	return name
}

// apply applies manifests in the control plane.
func (f *fleet) apply(t *testing.T, namespace string, manifests ...string) {
	t.Helper()
	f.must(t, controlPlane, strings.Join(manifests, "\n---\n"), "--namespace", namespace, "apply", "-f", "-")
}

// read decodes one object of a cluster. found is false, without an error, when it does not exist.
func read[T any](ctx context.Context, f *fleet, cluster, namespace, resource, name string) (object T, found bool, err error) {
	out, err := f.kubectl(ctx, cluster, "", "--namespace", namespace, "get", resource, name, "--ignore-not-found", "-o", "json")
	if err != nil || strings.TrimSpace(out) == "" {
		return object, false, err
	}
	return object, true, json.Unmarshal([]byte(out), &object)
}

// eventually waits until check returns nil, and ends the test with its last error and the state of the fleet when it never does.
func (f *fleet) eventually(t *testing.T, what string, check func(context.Context) error) {
	t.Helper()
	var last error
	err := wait.PollUntilContextTimeout(t.Context(), 200*time.Millisecond, patience, true, func(ctx context.Context) (bool, error) {
		if now := check(ctx); ctx.Err() == nil {
			last = now
		}
		return last == nil && ctx.Err() == nil, nil
	})
	if err != nil {
		t.Fatalf("waiting until %s: %v: %v\n%s", what, err, last, f.state(t))
	}
}

// state is what a person would look at first when something does not happen.
func (f *fleet) state(t *testing.T) string {
	out, err := f.kubectl(context.WithoutCancel(t.Context()), controlPlane, "",
		"get", "clusters,resourcebindings,clusterresourcebindings,works,deployments", "--all-namespaces", "-o", "wide")
	if err != nil {
		return err.Error()
	}
	return out
}

// placement returns the replicas of each target of a Deployment's binding.
func (f *fleet) placement(ctx context.Context, namespace, deployment string) (map[string]int32, error) {
	binding, found, err := read[workv1alpha2.ResourceBinding](ctx, f, controlPlane, namespace, "resourcebinding", deployment+"-deployment")
	if err != nil || !found {
		return nil, fmt.Errorf("reading the binding of %s: found %t, %w", deployment, found, err)
	}
	scheduled := meta.FindStatusCondition(binding.Status.Conditions, workv1alpha2.ConditionScheduled)
	if scheduled == nil || scheduled.Status != "True" || binding.Status.SchedulerObservedGeneration == 0 {
		return nil, fmt.Errorf("binding of %s is not scheduled: %+v", deployment, scheduled)
	}
	placement := map[string]int32{}
	for _, target := range binding.Spec.Clusters {
		placement[target.Name] = target.Replicas
	}
	return placement, nil
}

// runs reports nil once every member has exactly the stated replicas of the Deployment, ready, and the template's status shows their sum.
// Members that are not in want must not have the Deployment.
func (f *fleet) runs(namespace, deployment string, want map[string]int32) func(context.Context) error {
	return func(ctx context.Context) error {
		placement, err := f.placement(ctx, namespace, deployment)
		if err != nil {
			return err
		}
		if fmt.Sprint(placement) != fmt.Sprint(want) {
			return fmt.Errorf("placement of %s is %v, want %v", deployment, placement, want)
		}
		var sum int32
		for _, member := range members {
			sum += want[member]
			if err := f.runsIn(ctx, member, namespace, deployment, want[member]); err != nil {
				return err
			}
		}
		template, _, err := read[appsv1.Deployment](ctx, f, controlPlane, namespace, "deployment", deployment)
		if err != nil {
			return err
		}
		if got := template.Status; got.ReadyReplicas != sum || got.Replicas != sum || got.ObservedGeneration != template.Generation {
			return fmt.Errorf("template %s at generation %d shows %+v, want %d ready", deployment, template.Generation, got, sum)
		}
		return nil
	}
}

// runsIn checks one member: absent for 0 replicas, otherwise that many and all ready.
func (f *fleet) runsIn(ctx context.Context, member, namespace, deployment string, replicas int32) error {
	got, found, err := read[appsv1.Deployment](ctx, f, member, namespace, "deployment", deployment)
	switch {
	case err != nil:
		return err
	case found != (replicas > 0):
		return fmt.Errorf("%s has %s: %t, want %d replicas", member, deployment, found, replicas)
	case found && (*got.Spec.Replicas != replicas || got.Status.ReadyReplicas != replicas):
		return fmt.Errorf("%s runs %d of %d replicas of %s, want %d", member, got.Status.ReadyReplicas, *got.Spec.Replicas, deployment, replicas)
	}
	return nil
}

// absent reports nil once no member has the object.
func (f *fleet) absent(namespace, resource, name string, from ...string) func(context.Context) error {
	return func(ctx context.Context) error {
		for _, member := range from {
			if out, err := f.kubectl(ctx, member, "", "--namespace", namespace, "get", resource, name, "--ignore-not-found", "-o", "name"); err != nil || out != "" {
				return fmt.Errorf("%s still has %q: %w", member, out, err)
			}
		}
		return nil
	}
}

// present reports nil once every listed member has the object.
func (f *fleet) present(namespace, resource, name string, in ...string) func(context.Context) error {
	return func(ctx context.Context) error {
		for _, member := range in {
			if out, err := f.kubectl(ctx, member, "", "--namespace", namespace, "get", resource, name, "--ignore-not-found", "-o", "name"); err != nil || out == "" {
				return fmt.Errorf("%s does not have %s %s: %w", member, resource, name, err)
			}
		}
		return nil
	}
}
