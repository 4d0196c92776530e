package main

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	"k8s.io/utils/ptr"

	policyv1alpha1 "github.com/longshore-project/longshore/apis/policy/v1alpha1"
	workv1alpha2 "github.com/longshore-project/longshore/apis/work/v1alpha2"
	"github.com/longshore-project/longshore/cmd/longshore/local/localtest"
	"github.com/longshore-project/longshore/plugins/host"
	"github.com/longshore-project/longshore/scheduler/shadow"
)

// Sizes of the shadow test. The haunted bindings are more than a shadow has in hand and in its backlog.
const (
	watchedBindings = 5
	hauntedBindings = 100
	shadowBacklog   = 64
)

const shadowed = `apiVersion: scheduler.longshore.dev/v1alpha1
kind: SchedulerConfiguration
profiles:
- schedulerName: watched
  shadow:
    plugins: {score: {enabled: [{name: cost, weight: 2}]}}
    pluginConfig:
    - name: cost
      args: {prices: [{cluster: shadow-dear, perCoreHour: 0.05}, {cluster: shadow-spot, perCoreHour: 0.01}]}
    externalPlugins: [{name: cost, path: %q, deadline: 1m}]
- schedulerName: haunted
  shadow:
    plugins: {filter: {enabled: [{name: Hang}]}}
    pluginConfig: [{name: Hang, args: {member: %s}}]
    externalPlugins: [{name: Hang, path: %q, args: [%s], deadline: 1h}]
`

// TestShadow lets the cost example rate clusters in the shadow of one profile, and a plugin that hangs haunt another. The differences of the first
// are told, those of the second dropped; what is written is what the profiles decide, once for each binding.
func TestShadow(t *testing.T) {
	binary, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	cost, file := filepath.Join(dir, "cost"), filepath.Join(dir, "scheduler.yaml")
	if out, err := exec.CommandContext(t.Context(), "go", "build", "-o", cost, "../../plugins/examples/cost").CombinedOutput(); err != nil {
		t.Fatalf("building the example: %v\n%s", err, out)
	}
	if err := os.WriteFile(file, fmt.Appendf(nil, shadowed, cost, hanging, binary, asPlugin), 0o600); err != nil {
		t.Fatal(err)
	}
	config := localtest.ControlPlane(t)
	kubeconfig, c, port := kubeconfigOf(t, config), newClient(t, config), freePort(t)
	members := []string{"shadow-dear", "shadow-spot"}
	for _, name := range members {
		createMember(t, c, name, 10)
	}
	ctx, stop := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() {
		ended <- run(ctx, []string{"--kubeconfig", kubeconfig, "--config", file, fmt.Sprintf("--secure-port=%d", port)}, io.Discard)
	}()
	eventually(t, "the plugins of the shadows run", func(context.Context) (bool, error) {
		report, err := reportOf(t, port, host.ReportPath, host.DecodeReport)
		return err == nil && len(report.Plugins) == 2 && report.Plugins[0].State == host.Running && report.Plugins[1].State == host.Running, nil
	})
	var bindings []*workv1alpha2.ResourceBinding
	for i := range watchedBindings {
		b := newBinding("default", fmt.Sprintf("watched-%d", i), "watched", members...)
		b.Spec.Placement.SpreadConstraints = []policyv1alpha1.SpreadConstraint{{SpreadByField: policyv1alpha1.SpreadByCluster, MinGroups: 1, MaxGroups: 1}}
		if err := c.Create(t.Context(), b); err != nil {
			t.Fatal(err)
		}
		bindings = append(bindings, b)
	}
	for i := range hauntedBindings {
		bindings = append(bindings, createBinding(t, c, fmt.Sprintf("haunted-%d", i), "haunted", members...))
	}
	for _, b := range bindings {
		eventually(t, b.Name+" is scheduled", scheduledIn(c, b))
		want := members[:1]
		if b.Spec.SchedulerName == "haunted" {
			want = members
		}
		if diff := cmp.Diff(want, namesOf(b)); diff != "" || b.Generation != 2 {
			t.Errorf("%s was written up to generation %d, want 2; clusters (-want +got):\n%s", b.Name, b.Generation, diff)
		}
	}
	checkShadows(t, port)
	install(t, file, "apiVersion: scheduler.longshore.dev/v1alpha1\nkind: SchedulerConfiguration\nprofiles:\n- {schedulerName: watched, shadow: {}}\n- {schedulerName: haunted}\n")
	eventually(t, "the shadows are others", func(context.Context) (bool, error) {
		report, err := reportOf(t, port, shadow.ReportPath, shadow.DecodeReport)
		return err == nil && len(report.Profiles) == 1, err
	})
	b := createBinding(t, c, "watched-at-last", "watched", members...)
	eventually(t, b.Name+" is scheduled", scheduledIn(c, b))
	eventually(t, "the new shadow has compared", func(context.Context) (bool, error) {
		report, err := reportOf(t, port, shadow.ReportPath, shadow.DecodeReport)
		return err == nil && report.Profiles[0].Compared == 1 && report.Profiles[0].Equal == 1, err
	})
	stop()
	if err := <-ended; err != nil {
		t.Errorf("run: %v", err)
	}
}

// checkShadows waits until what was decided is compared or dropped.
func checkShadows(t *testing.T, port int) {
	t.Helper()
	var report *shadow.Report
	eventually(t, "the shadow has compared", func(context.Context) (bool, error) {
		var err error
		report, err = reportOf(t, port, shadow.ReportPath, shadow.DecodeReport)
		return err == nil && len(report.Profiles) == 2 && report.Profiles[0].Compared == watchedBindings, err
	})
	watched, haunted := report.Profiles[0], report.Profiles[1]
	want := shadow.ProfileReport{Profile: "watched", Compared: watchedBindings, Different: map[shadow.Kind]int64{shadow.Clusters: watchedBindings}}
	if diff := cmp.Diff(want, watched, cmpopts.IgnoreFields(shadow.ProfileReport{}, "Since", "Recent")); diff != "" {
		t.Errorf("report about watched (-want +got):\n%s", diff)
	}
	for _, r := range watched.Recent {
		want := shadow.Difference{Kind: shadow.Clusters, Live: "{shadow-dear:0}", Shadow: "{shadow-spot:0}", Clusters: []shadow.ClusterDifference{
			{Cluster: "shadow-dear", Live: ptr.To[int64](0)},
			{Cluster: "shadow-spot", Shadow: ptr.To[int64](0), Why: "score 200 instead of 0 (cost 100×2)"},
		}}
		if diff := cmp.Diff(want, r.Difference); diff != "" || !strings.HasPrefix(r.Binding, "default/watched-") {
			t.Errorf("difference about %s (-want +got):\n%s", r.Binding, diff)
		}
	}
	if haunted.Compared != 0 || haunted.Errors != 0 || haunted.Dropped < hauntedBindings-shadowBacklog-1 {
		t.Errorf("report about haunted is %+v, want nothing but drops", haunted)
	}
	status, body := ask(t, port, "/metrics")
	for _, want := range []string{
		fmt.Sprintf(`longshore_shadow_decisions_total{profile="watched",result="clusters"} %d`, watchedBindings),
		fmt.Sprintf(`longshore_scheduler_commit_duration_seconds_count{result="written"} %d`, watchedBindings+hauntedBindings),
	} {
		if status != http.StatusOK || !strings.Contains(body, want+"\n") {
			t.Errorf("/metrics: status %d without %s", status, want)
		}
	}
}
