package main

import (
	"context"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/util/wait"
	"sigs.k8s.io/controller-runtime/pkg/client"

	workv1alpha2 "github.com/longshore-project/longshore/apis/work/v1alpha2"
	"github.com/longshore-project/longshore/cmd/longshore/local/localtest"
)

// refusingAll returns a configuration in which these profiles refuse the member by means of a plugin in another process.
func refusingAll(t *testing.T, member string, schedulerNames ...string) string {
	t.Helper()
	binary, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	text := "apiVersion: scheduler.longshore.dev/v1alpha1\nkind: SchedulerConfiguration\nprofiles:\n"
	for _, name := range schedulerNames {
		text += fmt.Sprintf(`- schedulerName: %s
  plugins: {filter: {enabled: [{name: Refuse}]}}
  pluginConfig: [{name: Refuse, args: {member: %s}}]
  externalPlugins: [{name: Refuse, path: %q, args: [%s], deadline: 20s}]
`, name, member, binary, asPlugin)
	}
	return text
}

// install puts the text in the place of the file, as an operator's tools do.
func install(t *testing.T, file, text string) {
	t.Helper()
	if err := os.WriteFile(file+".new", []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.Rename(file+".new", file); err != nil {
		t.Fatal(err)
	}
}

// says reports whether the metrics have the line.
func says(t *testing.T, port int, line string) wait.ConditionWithContextFunc {
	t.Helper()
	return func(context.Context) (bool, error) {
		_, body := ask(t, port, "/metrics")
		return strings.Contains(body, line), nil
	}
}

const (
	applied = `longshore_scheduler_configuration_reloads_total{result="applied"} `
	refused = `longshore_scheduler_configuration_reloads_total{result="refused"} `
	valid   = "longshore_scheduler_configuration_valid "
)

// TestReload changes the configuration in the middle of a stream of bindings. All of them are placed, by the one or the other configuration,
// with two writes each. A configuration that cannot be used, or whose plugin does not start, changes nothing and is told.
func TestReload(t *testing.T) {
	config := localtest.ControlPlane(t)
	kubeconfig, c, port := kubeconfigOf(t, config), newClient(t, config), freePort(t)
	if err := c.Create(t.Context(), &corev1.Namespace{ObjectMeta: metav1.ObjectMeta{Name: "reloaded"}}); err != nil {
		t.Fatal(err)
	}
	members := []string{"reload-a", "reload-b"}
	for _, name := range members {
		createMember(t, c, name, 10)
	}
	file := filepath.Join(t.TempDir(), "scheduler.yaml")
	install(t, file, refusingAll(t, "reload-a", "reloaded"))
	ctx, stop := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() {
		ended <- run(ctx, []string{"--kubeconfig", kubeconfig, "--config", file, fmt.Sprintf("--secure-port=%d", port)}, io.Discard)
	}()
	early := createBindingIn(t, c, "reloaded", "early-for-the-second", "reloaded-too", members...)
	writes := watchWrites(t, c, "reloaded")
	count := 0
	for inUse := false; count < 300 || !inUse; count++ {
		createBindingIn(t, c, "reloaded", fmt.Sprintf("binding-%03d", count), "reloaded", members...)
		if count == 100 {
			writes.until(t, 1)
			install(t, file, refusingAll(t, "reload-b", "reloaded", "reloaded-too"))
		}
		if count%10 == 0 && count > 100 {
			inUse, _ = says(t, port, applied+"1\n")(t.Context())
		}
	}
	last := createBindingIn(t, c, "reloaded", "last", "reloaded", members...)
	writes.until(t, 2*(count+2))
	writes.finish(t, c)
	placed := targetsIn(t, c, "reloaded")
	of := map[string]int{}
	for name, targets := range placed {
		of[targets]++
		if writes.of[name] != 2 || targets != "reload-a" && targets != "reload-b" {
			t.Errorf("%s was written %d times and runs on %q, want twice and on one member", name, writes.of[name], targets)
		}
	}
	if placed["binding-000"] != "reload-b" || placed[last.Name] != "reload-a" || placed[early.Name] != "reload-a" {
		t.Errorf("the first runs on %s, the last on %s, that of the new profile on %s; want reload-b and twice reload-a",
			placed["binding-000"], placed[last.Name], placed[early.Name])
	}
	t.Logf("%d bindings, of which so many run on each: %v; %d writes", len(placed), of, writes.total)

	refuses := func(n int, text, why string) {
		install(t, file, text)
		eventually(t, why+": it is refused", says(t, port, fmt.Sprintf("%s%d\n", refused, n)))
		if ok, _ := says(t, port, valid+"0\n")(t.Context()); !ok {
			t.Errorf("%s: the metric says that the file is valid", why)
		}
		b := createBindingIn(t, c, "reloaded", fmt.Sprintf("despite-%d", n), "reloaded-too", members...)
		eventually(t, why+": what is in use goes on", scheduledIn(c, b))
		eventually(t, why+": an event says so", func(ctx context.Context) (bool, error) { return hasEvent(ctx, c, eventRefused, why) })
	}
	refuses(1, "kind: SchedulerConfigur", "line 1")
	refuses(2, strings.Replace(refusingAll(t, "reload-a", "reloaded"), "args: [", `sha256: "`+strings.Repeat("ab", 32)+`", args: [`, 1), "SHA-256 is not abab")
	refuses(3, refusingAll(t, `""`, "reloaded"), "member is missing")
	install(t, file, refusingAll(t, "reload-a", "reloaded"))
	eventually(t, "a good file is in use again", says(t, port, valid+"1\n"))
	b := createBindingIn(t, c, "reloaded", "in-the-end", "reloaded", members...)
	eventually(t, "it decides", scheduledIn(c, b))
	if b.Spec.Clusters[0].Name != "reload-b" {
		t.Errorf("in the end it runs on %v, want reload-b", b.Spec.Clusters)
	}
	stop()
	if err := <-ended; err != nil {
		t.Errorf("run: %v", err)
	}
}

// targetsIn returns where each scheduled binding of the namespace runs; empty for those that are not scheduled. The mark is left out.
func targetsIn(t *testing.T, c client.Client, namespace string) map[string]string {
	t.Helper()
	var list workv1alpha2.ResourceBindingList
	if err := c.List(t.Context(), &list, client.InNamespace(namespace)); err != nil {
		t.Fatal(err)
	}
	out := map[string]string{}
	for i := range list.Items {
		b := &list.Items[i]
		var names []string
		for _, target := range b.Spec.Clusters {
			names = append(names, target.Name)
		}
		if b.Name != "mark" {
			out[b.Name] = ""
			if meta.IsStatusConditionTrue(b.Status.Conditions, workv1alpha2.ConditionScheduled) {
				out[b.Name] = strings.Join(names, " ")
			}
		}
	}
	return out
}

// hasEvent reports whether an event has the reason and these words.
func hasEvent(ctx context.Context, c client.Client, reason, words string) (bool, error) {
	var events corev1.EventList
	if err := c.List(ctx, &events); err != nil {
		return false, err
	}
	for i := range events.Items {
		if events.Items[i].Reason == reason && strings.Contains(events.Items[i].Message, words) {
			return true, nil
		}
	}
	return false, nil
}
