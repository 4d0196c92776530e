package main

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"k8s.io/apimachinery/pkg/api/meta"
	"k8s.io/apimachinery/pkg/util/wait"
	"sigs.k8s.io/controller-runtime/pkg/client"

	workv1alpha2 "github.com/longshore-project/longshore/apis/work/v1alpha2"
	"github.com/longshore-project/longshore/cmd/longshore/local/localtest"
)

// TestBrokenPluginIsContained has plugins that hang, crash, lie and flood their log beside one that is fine, in one scheduler. What does not need the
// broken ones is placed as if they were not there; the condition and the metrics name the culprit.
func TestBrokenPluginIsContained(t *testing.T) {
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	// faults is what the metrics call the fault, and what the condition says of it; empty for a plugin whose answers are good.
	faults := map[string]struct{ result, says string }{
		hanging: {"timeout", "no answer within 300ms"}, crashing: {"unavailable", ""}, lying: {"invalid", "invalid: "}, flooding: {"answered", ""},
	}
	var text strings.Builder
	text.WriteString("apiVersion: scheduler.longshore.dev/v1alpha1\nkind: SchedulerConfiguration\nprofiles:\n")
	for kind := range faults {
		for _, policy := range []string{"fail", "skip"} {
			fmt.Fprintf(&text, `- schedulerName: %[1]s-%[2]s
  plugins: {filter: {enabled: [{name: broken}, {name: fine}]}}
  pluginConfig: [{name: broken, args: {member: %[1]s}}, {name: fine, args: {member: contained-bad}}]
  externalPlugins:
  - {name: broken, path: %[3]q, args: [%[4]s], deadline: 300ms, failurePolicy: %[2]s}
  - {name: fine, path: %[3]q, args: [%[4]s], deadline: 20s}
`, kind, policy, self, asPlugin)
		}
	}
	fmt.Fprintf(&text, `- schedulerName: unharmed
  plugins: {filter: {enabled: [{name: fine}]}}
  pluginConfig: [{name: fine, args: {member: contained-bad}}]
  externalPlugins: [{name: fine, path: %q, args: [%s], deadline: 20s}]
`, self, asPlugin)
	file := filepath.Join(t.TempDir(), "scheduler.yaml")
	if err := os.WriteFile(file, []byte(text.String()), 0o600); err != nil {
		t.Fatal(err)
	}
	config := localtest.ControlPlane(t)
	kubeconfig, c, port := kubeconfigOf(t, config), newClient(t, config), freePort(t)
	members := []string{"contained-bad", "contained-good"}
	for _, name := range members {
		createMember(t, c, name, 100)
	}
	startProgram(t, "--kubeconfig", kubeconfig, "--config", file, fmt.Sprintf("--secure-port=%d", port), "--leader-elect=false")
	for kind, fault := range faults {
		waits := createBinding(t, c, kind+"-fail", kind+"-fail", members...)
		goesOn := createBinding(t, c, kind+"-skip", kind+"-skip", members...)
		unharmed := createBinding(t, c, kind+"-unharmed", "unharmed", members...)
		eventually(t, unharmed.Name+" is scheduled", scheduledIn(c, unharmed))
		eventually(t, goesOn.Name+" is scheduled", scheduledIn(c, goesOn))
		for _, b := range []*workv1alpha2.ResourceBinding{unharmed, goesOn} {
			if got := strings.Join(namesOf(b), " "); got != "contained-good" {
				t.Errorf("%s runs on %s, want contained-good: the plugin that is fine decides", b.Name, got)
			}
		}
		eventually(t, "the condition of "+waits.Name+" tells of the plugin", told(c, waits, fault.says, kind == flooding))
		if message := messageOf(goesOn); kind != flooding && !(strings.Contains(message, "broken") && strings.Contains(message, fault.says)) {
			t.Errorf("%s is scheduled with %q, want the name of the plugin and %q", goesOn.Name, message, fault.says)
		}
		if want := fmt.Sprintf(`longshore_plugin_calls_total{plugin="broken",profile="%s-fail",result="%s",stage="filter"}`, kind, fault.result); !measured(t, port, want) {
			t.Errorf("the metrics lack %s", want)
		}
	}
	if want := `longshore_plugin_log_lines_dropped_total{plugin="broken",profile="flooding-fail"}`; !measured(t, port, want) {
		t.Errorf("the metrics lack %s", want)
	}
}

// told reports whether the binding waits and its condition names the broken plugin and says that, or is placed.
func told(c client.Client, b *workv1alpha2.ResourceBinding, says string, placed bool) wait.ConditionWithContextFunc {
	return func(ctx context.Context) (bool, error) {
		if err := c.Get(ctx, client.ObjectKeyFromObject(b), b); err != nil {
			return false, err
		}
		if placed {
			return meta.IsStatusConditionTrue(b.Status.Conditions, workv1alpha2.ConditionScheduled), nil
		}
		message := messageOf(b)
		return meta.IsStatusConditionFalse(b.Status.Conditions, workv1alpha2.ConditionScheduled) && len(b.Spec.Clusters) == 0 &&
			strings.Contains(message, "plugin broken") && strings.Contains(message, says), nil
	}
}

func messageOf(b *workv1alpha2.ResourceBinding) string {
	if c := meta.FindStatusCondition(b.Status.Conditions, workv1alpha2.ConditionScheduled); c != nil {
		return c.Message
	}
	return ""
}

// measured reports whether the scheduler has the series with a value above zero.
func measured(t *testing.T, port int, series string) bool {
	t.Helper()
	_, body := ask(t, port, "/metrics")
	for line := range strings.Lines(body) {
		if value, ok := strings.CutPrefix(line, series+" "); ok {
			return strings.TrimSpace(value) != "0"
		}
	}
	return false
}
