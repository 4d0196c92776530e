package main

import (
	"bytes"
	"context"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/meta"
	"k8s.io/apimachinery/pkg/api/resource"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/watch"
	"k8s.io/client-go/tools/cache"
	watchtools "k8s.io/client-go/tools/watch"
	"sigs.k8s.io/controller-runtime/pkg/client"

	policyv1alpha1 "github.com/longshore-project/longshore/apis/policy/v1alpha1"
	workv1alpha2 "github.com/longshore-project/longshore/apis/work/v1alpha2"
	"github.com/longshore-project/longshore/cmd/longshore/local/localtest"
)

// Sizes of the kill test. The bindings need nearly all the room of the members.
const (
	killBindings = 200
	killReplicas = 4
	killMembers  = 2
	killRoom     = 420
	// longestLife bounds the writes that a process may make before it is killed.
	longestLife = 40
)

// TestKilledAgainAndAgain kills the scheduler after a random number of writes, over and over, while it places bindings. In the end each binding
// is placed, and its placement and its status have been written once each: nothing is lost and nothing done twice.
func TestKilledAgainAndAgain(t *testing.T) {
	config := localtest.ControlPlane(t)
	kubeconfig, c := kubeconfigOf(t, config), newClient(t, config)
	if err := c.Create(t.Context(), &corev1.Namespace{ObjectMeta: metav1.ObjectMeta{Name: "killed"}}); err != nil {
		t.Fatal(err)
	}
	var members []string
	for i := range killMembers {
		members = append(members, fmt.Sprintf("killed-member%d", i))
		createMember(t, c, members[i], killRoom)
	}
	for i := range killBindings {
		d := divided{namespace: "killed", name: fmt.Sprintf("binding-%03d", i), scheduler: "killed", members: members}
		if err := d.create(t.Context(), c); err != nil {
			t.Fatal(err)
		}
	}
	writes := watchWrites(t, c, "killed")
	random := rand.New(rand.NewPCG(1, 2))
	kills := 0
	for writes.total < 2*killBindings {
		p := start(t, kubeconfig)
		life := 1 + random.IntN(longestLife)
		writes.until(t, min(writes.total+life, 2*killBindings))
		p.kill(t)
		kills++
	}
	// A last process, which finds nothing to do.
	p := start(t, kubeconfig)
	barrier := createBinding(t, c, "killed-barrier", "killed", members...)
	eventually(t, "the last process has worked", scheduledIn(c, barrier))
	p.kill(t)
	writes.finish(t, c)

	var list workv1alpha2.ResourceBindingList
	if err := c.List(t.Context(), &list, client.InNamespace("killed")); err != nil {
		t.Fatal(err)
	}
	taken := map[string]int32{}
	for i := range list.Items {
		b := &list.Items[i]
		if b.Name == "mark" {
			continue
		}
		var sum int32
		for _, target := range b.Spec.Clusters {
			sum += target.Replicas
			taken[target.Name] += target.Replicas
		}
		if sum != killReplicas || !meta.IsStatusConditionTrue(b.Status.Conditions, workv1alpha2.ConditionScheduled) {
			t.Errorf("%s is lost: it has %d replicas and the conditions %v", b.Name, sum, b.Status.Conditions)
		}
		if b.Generation != 2 || writes.of[b.Name] != 2 {
			t.Errorf("%s was written %d times up to generation %d, want 2 and 2", b.Name, writes.of[b.Name], b.Generation)
		}
	}
	for name, replicas := range taken {
		if replicas > killRoom {
			t.Errorf("%s got %d replicas and has room for %d", name, replicas, killRoom)
		}
	}
	t.Logf("%d bindings on %v: %d writes, %d kills", killBindings, taken, writes.total, kills)
}

// divided is a binding of a Deployment whose replicas are divided over members.
type divided struct {
	namespace, name, scheduler string
	members                    []string
}

func (d divided) create(ctx context.Context, c client.Client) error {
	return c.Create(ctx, &workv1alpha2.ResourceBinding{
		ObjectMeta: metav1.ObjectMeta{Namespace: d.namespace, Name: d.name, Labels: map[string]string{policyv1alpha1.PropagationPolicyPermanentIDLabel: "id"}},
		Spec: workv1alpha2.ResourceBindingSpec{
			Resource: workv1alpha2.ObjectReference{APIVersion: "apps/v1", Kind: "Deployment", Namespace: d.namespace, Name: d.name}, SchedulerName: d.scheduler,
			Replicas:            killReplicas,
			ReplicaRequirements: &workv1alpha2.ReplicaRequirements{ResourceRequest: corev1.ResourceList{"cpu": resource.MustParse("1")}},
			Placement: &policyv1alpha1.Placement{
				ClusterAffinity: &policyv1alpha1.ClusterAffinity{ClusterNames: d.members},
				ReplicaScheduling: &policyv1alpha1.ReplicaSchedulingStrategy{
					ReplicaSchedulingType: policyv1alpha1.Divided, ReplicaDivisionPreference: policyv1alpha1.Weighted,
					WeightPreference: &policyv1alpha1.ClusterPreferences{DynamicWeight: policyv1alpha1.DynamicWeightByAvailableReplicas},
				},
			},
		},
	})
}

// counter counts the writes that the API server accepted for each binding.
type counter struct {
	events    watch.Interface
	namespace string
	of        map[string]int
	total     int
}

// watchWrites counts from now on.
func watchWrites(t *testing.T, c client.WithWatch, namespace string) *counter {
	t.Helper()
	var list workv1alpha2.ResourceBindingList
	if err := c.List(t.Context(), &list, client.InNamespace(namespace)); err != nil {
		t.Fatal(err)
	}
	// The server ends the watch of a client that reads too slowly, which a test is while it creates bindings: go on where it ended.
	events, err := watchtools.NewRetryWatcherWithContext(t.Context(), list.ResourceVersion, &cache.ListWatch{
		WatchFuncWithContext: func(ctx context.Context, o metav1.ListOptions) (watch.Interface, error) {
			return c.Watch(ctx, &workv1alpha2.ResourceBindingList{}, client.InNamespace(namespace), &client.ListOptions{Raw: &o})
		},
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(events.Stop)
	return &counter{events: events, namespace: namespace, of: map[string]int{}}
}

func (c *counter) count(t *testing.T, e watch.Event) {
	t.Helper()
	b, ok := e.Object.(*workv1alpha2.ResourceBinding)
	if ok && e.Type == watch.Added {
		return // It was created while writes are counted.
	}
	if !ok || e.Type != watch.Modified {
		t.Fatalf("the watch shows %s of %v", e.Type, e.Object)
	}
	c.of[b.Name]++
	c.total++
}

// until counts until there are so many writes in all.
func (c *counter) until(t *testing.T, total int) {
	t.Helper()
	limit := time.After(time.Minute)
	for c.total < total {
		select {
		case e, ok := <-c.events.ResultChan():
			if !ok {
				t.Fatal("the watch ended")
			}
			c.count(t, e)
		case <-limit:
			t.Fatalf("%d writes after a minute, want %d", c.total, total)
		}
	}
}

// finish counts everything that was written before it was called: up to a binding of nobody's that it creates.
func (c *counter) finish(t *testing.T, w client.Client) {
	t.Helper()
	mark := &workv1alpha2.ResourceBinding{
		ObjectMeta: metav1.ObjectMeta{Namespace: c.namespace, Name: "mark"},
		Spec:       workv1alpha2.ResourceBindingSpec{Resource: workv1alpha2.ObjectReference{APIVersion: "v1", Kind: "ConfigMap", Name: "mark"}},
	}
	if err := w.Create(t.Context(), mark); err != nil {
		t.Fatal(err)
	}
	for e := range c.events.ResultChan() {
		if b, ok := e.Object.(*workv1alpha2.ResourceBinding); ok && b.Name == mark.Name {
			return
		}
		c.count(t, e)
	}
	t.Fatal("the watch ended")
}

// program is the scheduler in a process of its own.
type program struct {
	command *exec.Cmd
	output  bytes.Buffer
}

func start(t *testing.T, kubeconfig string) *program {
	t.Helper()
	return startProgram(t, "--kubeconfig", kubeconfig, "--scheduler-name=killed", "--secure-port=0", "--leader-elect=false", "--concurrent-commits=8")
}

func startProgram(t *testing.T, args ...string) *program {
	t.Helper()
	p := &program{command: exec.Command(os.Args[0], args...)}
	p.command.Env = append(os.Environ(), asProgram+"=1")
	p.command.Stdout, p.command.Stderr = &p.output, &p.output
	if err := p.command.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = p.command.Process.Kill() // It is dead already unless the test failed.
		if t.Failed() {
			t.Logf("process %d said:\n%s", p.command.Process.Pid, &p.output)
		}
	})
	return p
}

// kill ends the process without a warning, and waits until it is gone.
func (p *program) kill(t *testing.T) {
	t.Helper()
	if err := p.command.Process.Kill(); err != nil {
		t.Fatalf("killing the scheduler, which said %s: %v", &p.output, err)
	}
	_ = p.command.Wait() // Killed, as intended.
}
