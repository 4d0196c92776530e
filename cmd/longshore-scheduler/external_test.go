package main

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"

	workv1alpha2 "github.com/longshore-project/longshore/apis/work/v1alpha2"
	"github.com/longshore-project/longshore/cmd/longshore/local/localtest"
	"github.com/longshore-project/longshore/plugins/host"
	"github.com/longshore-project/longshore/plugins/sdk"
	"github.com/longshore-project/longshore/scheduler/framework"
)

// asPlugin is the argument that makes the test binary be a plugin.
const asPlugin = "as-plugin"

// Members of which refusing makes something worse than a refusal.
const (
	hanging  = "hanging"
	crashing = "crashing"
	lying    = "lying"
	flooding = "flooding"
)

// refusing is a plugin that refuses one member, which its arguments name.
type refusing struct{ member string }

func (*refusing) Name() string { return "refusing" }

func (p *refusing) Configure(_ context.Context, args sdk.Arguments) error {
	var a struct{ Member string }
	if err := args.Decode(&a); err != nil {
		return err
	}
	if p.member = a.Member; a.Member == "" {
		return errors.New("member is missing: name the member to refuse")
	}
	return nil
}

func (p *refusing) Filter(ctx context.Context, q *framework.Query, _ framework.Bitset) ([]framework.Rejection, error) {
	switch p.member {
	case hanging:
		<-ctx.Done()
		return nil, ctx.Err()
	case crashing:
		os.Exit(3)
	case lying:
		beyond := framework.NewBitset(q.Snapshot.Len() + 1000)
		beyond.Set(q.Snapshot.Len() + 900)
		return []framework.Rejection{{Clusters: beyond, Status: framework.NewStatus(framework.Unschedulable, "no")}}, nil
	case flooding:
		for i := range 5000 {
			fmt.Fprintf(os.Stderr, "noise %d\n", i)
		}
	}
	row, ok := q.Snapshot.Row(p.member)
	if !ok {
		return nil, nil
	}
	refused := framework.NewBitset(q.Snapshot.Len())
	refused.Set(row)
	return []framework.Rejection{{Clusters: refused, Status: framework.NewStatus(framework.Unschedulable, "cluster(s) were refused")}}, nil
}

// TestExternalPlugin lets a plugin in a process of its own take part in the decisions of one of two profiles.
func TestExternalPlugin(t *testing.T) {
	binary, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	content, err := os.ReadFile(binary)
	if err != nil {
		t.Fatal(err)
	}
	file := filepath.Join(t.TempDir(), "scheduler.yaml")
	text := fmt.Sprintf(`apiVersion: scheduler.longshore.dev/v1alpha1
kind: SchedulerConfiguration
profiles:
- schedulerName: picky
  plugins: {filter: {enabled: [{name: Refuse}]}}
  pluginConfig: [{name: Refuse, args: {member: external-bad}}]
  externalPlugins: [{name: Refuse, path: %q, sha256: "%x", args: [%s], deadline: 20s}]
- schedulerName: plain
`, binary, sha256.Sum256(content), asPlugin)
	if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	config := localtest.ControlPlane(t)
	kubeconfig, c, port := kubeconfigOf(t, config), newClient(t, config), freePort(t)
	members := []string{"external-bad", "external-good"}
	for _, name := range members {
		createMember(t, c, name, 10)
	}
	ctx, stop := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() {
		ended <- run(ctx, []string{"--kubeconfig", kubeconfig, "--config", file, fmt.Sprintf("--secure-port=%d", port)}, io.Discard)
	}()
	for scheduler, want := range map[string]string{"picky": "external-good", "plain": "external-bad external-good"} {
		b := createBinding(t, c, "for-"+scheduler, scheduler, members...)
		eventually(t, b.Name+" is scheduled", scheduledIn(c, b))
		if got := strings.Join(namesOf(b), " "); got != want {
			t.Errorf("%s runs on %s, want %s", b.Name, got, want)
		}
	}
	status, body := ask(t, port, "/metrics")
	if want := `longshore_plugin_state{plugin="Refuse",profile="picky",state="Running"} 1`; status != http.StatusOK || !strings.Contains(body, want) {
		t.Errorf("/metrics: status %d without %s", status, want)
	}
	checkReport(t, port)
	stop()
	if err := <-ended; err != nil {
		t.Errorf("run: %v", err)
	}
}

// namesOf returns the members that the binding is placed on.
func namesOf(b *workv1alpha2.ResourceBinding) []string {
	var out []string
	for _, target := range b.Spec.Clusters {
		out = append(out, target.Name)
	}
	return out
}

// checkReport asks for the state of the one plugin, which has filtered.
func checkReport(t *testing.T, port int) {
	t.Helper()
	report, err := reportOf(t, port, host.ReportPath, host.DecodeReport)
	if err != nil {
		t.Fatal(err)
	}
	if len(report.Plugins) != 1 || len(report.Plugins[0].Latencies) != 1 {
		t.Fatalf("%s says %+v, want one plugin that answered in one stage", host.ReportPath, report)
	}
	got := report.Plugins[0]
	if got.Name != "Refuse" || got.Profile != "picky" || got.State != host.Running || got.Latencies[0].Stage != "filter" || got.Latencies[0].Calls == 0 {
		t.Errorf("%s says %+v, want Refuse of picky running, with filter calls", host.ReportPath, got)
	}
}

// reportOf asks the scheduler for a document.
func reportOf[T any](t *testing.T, port int, path string, decode func([]byte) (T, error)) (T, error) {
	t.Helper()
	_, body := ask(t, port, path)
	return decode([]byte(body))
}
