package main

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/watch"
	toolscache "k8s.io/client-go/tools/cache"
	toolswatch "k8s.io/client-go/tools/watch"
	"sigs.k8s.io/controller-runtime/pkg/client"

	workv1alpha2 "github.com/longshore-project/longshore/apis/work/v1alpha2"
	"github.com/longshore-project/longshore/cmd/longshore/local/localtest"
	"github.com/longshore-project/longshore/plugins/host"
)

const (
	outageBindings = 500
	// outageAfter is how many bindings are placed when the plugin is killed.
	outageAfter = 150
	// outageReasons bounds the reasons that a binding may be given while it waits: the stream broke, the process ended, it does not start.
	outageReasons = 3
)

// outage is the life of one set of bindings through the death of a plugin.
type outage struct {
	name, policy string
	// restarts is whether the plugin can be started again at once; if not its binary is gone until every binding had its turn.
	restarts bool
}

// TestPluginKilled enables the cost plugin by configuration only and kills it in the middle of 500 bindings. Under fail what it could not price
// waits, with the plugin's name in the reason, and is placed by price when it is back. Under skip everything is placed, and says so where it was
// decided without. Whatever is placed is written twice: its clusters once, its success once.
func TestPluginKilled(t *testing.T) {
	binary := filepath.Join(t.TempDir(), "cost")
	if out, err := exec.CommandContext(t.Context(), "go", "build", "-o", binary, "../../plugins/examples/cost").CombinedOutput(); err != nil {
		t.Fatalf("building the plugin: %v\n%s", err, out)
	}
	for _, o := range []outage{
		{"fail", "fail", true}, {"fail-for-good", "fail", false}, {"skip", "skip", true}, {"skip-for-good", "skip", false},
	} {
		t.Run(o.name, func(t *testing.T) { o.test(t, binary) })
	}
}

func (o outage) test(t *testing.T, binary string) {
	config := localtest.ControlPlane(t)
	config.QPS = -1
	kubeconfig, c, port := kubeconfigOf(t, config), newClient(t, config), freePort(t)
	namespace := "outage-" + o.name
	cheap, dear := namespace+"-cheap", namespace+"-dear"
	if err := c.Create(t.Context(), &corev1.Namespace{ObjectMeta: metav1.ObjectMeta{Name: namespace}}); err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{cheap, dear} {
		createMember(t, c, name, killReplicas*outageBindings)
	}
	installed := filepath.Join(t.TempDir(), "cost")
	if err := os.Link(binary, installed); err != nil {
		t.Fatal(err)
	}
	file := filepath.Join(t.TempDir(), "scheduler.yaml")
	install(t, file, fmt.Sprintf(`apiVersion: scheduler.longshore.dev/v1alpha1
kind: SchedulerConfiguration
profiles:
- schedulerName: %s
  plugins:
    score: {enabled: [{name: cost, weight: 2}]}
    assign: {enabled: [{name: cost}]}
  pluginConfig: [{name: cost, args: {prices: [{cluster: %s, perCoreHour: 0.01}, {perCoreHour: 0.04}]}}]
  externalPlugins: [{name: cost, path: %q, failurePolicy: %s}]
`, namespace, cheap, installed, o.policy))
	h := follow(t, c, namespace)
	p := startProgram(t, "--kubeconfig", kubeconfig, "--config", file, fmt.Sprintf("--secure-port=%d", port), "--leader-elect=false")
	created := make(chan error, 1)
	go func() { created <- createAll(t.Context(), c, namespace, cheap, dear) }()
	h.until(t, func() bool { return h.placed() >= outageAfter })
	if !o.restarts {
		if err := os.Remove(installed); err != nil {
			t.Fatal(err)
		}
	}
	if err := syscall.Kill(pidOf(t, port), syscall.SIGKILL); err != nil {
		t.Fatal(err)
	}
	if o.policy == "fail" && !o.restarts {
		h.until(t, func() bool { return h.heard() == outageBindings })
		if h.placed() == outageBindings {
			t.Error("every binding is placed although the plugin is gone")
		}
		if err := os.Link(binary, installed); err != nil {
			t.Fatal(err)
		}
	}
	h.until(t, func() bool { return h.placed() == outageBindings })
	p.kill(t)
	if err := <-created; err != nil {
		t.Fatal(err)
	}
	h.check(t, o, cheap)
}

// createAll creates the bindings one after the other.
func createAll(ctx context.Context, c client.Client, namespace string, members ...string) error {
	for i := range outageBindings {
		d := divided{namespace: namespace, name: fmt.Sprintf("binding-%03d", i), scheduler: namespace, members: members}
		if err := d.create(ctx, c); err != nil {
			return err
		}
	}
	return nil
}

// pidOf asks the scheduler for the process of its one plugin.
func pidOf(t *testing.T, port int) int {
	t.Helper()
	_, body := ask(t, port, host.ReportPath)
	report, err := host.DecodeReport([]byte(body))
	if err != nil {
		t.Fatal(err)
	}
	if len(report.Plugins) != 1 || report.Plugins[0].PID == 0 {
		t.Fatalf("plugins are %s, want one that runs", body)
	}
	return report.Plugins[0].PID
}

// history is what was written to bindings.
type history struct {
	events watch.Interface
	of     map[string]*story
}

// story is what was written to one binding.
type story struct {
	generation                 int64
	specs, successes, failures int
	reasons                    []string
	// targets and message are those of the success.
	targets, message string
}

// follow records the writes to bindings that are created from now on.
func follow(t *testing.T, c client.WithWatch, namespace string) *history {
	t.Helper()
	var list workv1alpha2.ResourceBindingList
	if err := c.List(t.Context(), &list, client.InNamespace(namespace)); err != nil {
		t.Fatal(err)
	}
	// The API server ends a watch when it feels like it, early in the life of a CRD above all.
	source := &toolscache.ListWatch{WatchFuncWithContext: func(ctx context.Context, o metav1.ListOptions) (watch.Interface, error) {
		return c.Watch(ctx, &workv1alpha2.ResourceBindingList{}, client.InNamespace(namespace), &client.ListOptions{Raw: &o})
	}}
	events, err := toolswatch.NewRetryWatcherWithContext(t.Context(), list.ResourceVersion, source)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(events.Stop)
	return &history{events: events, of: map[string]*story{}}
}

// until reads until it is so.
func (h *history) until(t *testing.T, so func() bool) {
	t.Helper()
	limit := time.After(2 * time.Minute)
	for !so() {
		select {
		case e, ok := <-h.events.ResultChan():
			b, isBinding := e.Object.(*workv1alpha2.ResourceBinding)
			if !ok || !isBinding {
				t.Fatalf("the watch shows %s of %v", e.Type, e.Object)
			}
			if e.Type == watch.Added {
				h.of[b.Name] = &story{generation: b.Generation}
				continue
			}
			h.of[b.Name].note(b)
		case <-limit:
			t.Fatalf("after two minutes %d bindings are placed and %d were heard of", h.placed(), h.heard())
		}
	}
}

func (r *story) note(b *workv1alpha2.ResourceBinding) {
	if b.Generation != r.generation {
		r.generation = b.Generation
		r.specs++
		return
	}
	condition := meta.FindStatusCondition(b.Status.Conditions, workv1alpha2.ConditionScheduled)
	if condition.Status != metav1.ConditionTrue {
		r.failures++
		r.reasons = append(r.reasons, condition.Message)
		return
	}
	r.successes++
	r.message = condition.Message
	var names []string
	for _, target := range b.Spec.Clusters {
		names = append(names, target.Name)
	}
	r.targets = strings.Join(names, " ")
}

// placed counts the bindings that succeeded, heard those and the ones that failed.
func (h *history) placed() int { return h.count(func(r *story) bool { return r.successes > 0 }) }
func (h *history) heard() int {
	return h.count(func(r *story) bool { return r.successes+r.failures > 0 })
}

func (h *history) count(is func(*story) bool) int {
	n := 0
	for _, r := range h.of {
		if is(r) {
			n++
		}
	}
	return n
}

// check compares every binding with what the policy says.
func (h *history) check(t *testing.T, o outage, cheap string) {
	t.Helper()
	waited := h.count(func(r *story) bool { return r.failures > 0 })
	unpriced := h.count(func(r *story) bool { return strings.Contains(r.message, "It was decided without cost (") })
	for name, r := range h.of {
		if r.specs != 1 || r.successes != 1 {
			t.Errorf("%s: its clusters were written %d times and its success %d times, want once each", name, r.specs, r.successes)
		}
		if r.failures > outageReasons {
			t.Errorf("%s was told %d reasons to wait: %q", name, r.failures, r.reasons)
		}
		for _, reason := range r.reasons {
			if !strings.Contains(reason, "plugin cost: ") {
				t.Errorf("%s waited because %q, which does not name the plugin", name, reason)
			}
		}
		// The one cheap member takes everything, unless nobody knows the prices.
		without := strings.Contains(r.message, "cost (assign: ")
		if (r.targets == cheap) == without {
			t.Errorf("%s runs on %s and says %q", name, r.targets, r.message)
		}
	}
	switch {
	case o.policy == "fail" && unpriced > 0:
		t.Errorf("%d bindings were decided without the plugin", unpriced)
	case o.policy == "fail" && !o.restarts && waited < outageBindings/4:
		t.Errorf("%d bindings waited, want many", waited)
	case o.policy == "skip" && (waited > 0 || unpriced == 0):
		t.Errorf("%d bindings waited and %d were decided without the plugin, want none and some", waited, unpriced)
	case o.policy == "skip" && !o.restarts && unpriced < outageBindings/4:
		t.Errorf("%d bindings were decided without the plugin, want many", unpriced)
	}
	t.Logf("%d bindings: %d waited, %d were decided without the plugin", len(h.of), waited, unpriced)
}
