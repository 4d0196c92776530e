package local

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"k8s.io/client-go/rest"
)

// longshore runs "longshore local" with the arguments and returns what it printed.
func longshore(t *testing.T, prepare func(context.Context, *rest.Config) error, args ...string) (stdout, stderr string, err error) {
	t.Helper()
	var out, errOut bytes.Buffer
	cmd := NewCommand(prepare)
	cmd.SilenceErrors = true
	cmd.SetArgs(args)
	cmd.SetOut(&out)
	cmd.SetErr(&errOut)
	err = cmd.ExecuteContext(t.Context())
	return out.String(), errOut.String(), err
}

// TestLifeOfAControlPlane takes a control plane through all commands: members differ only in what they run beside it.
func TestLifeOfAControlPlane(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "set")
	t.Cleanup(func() {
		if err := Down(context.Background(), DownOptions{Dir: dir, Purge: true}); err != nil {
			t.Error(err)
		}
	})
	prepared := 0
	prepare := func(context.Context, *rest.Config) error { prepared++; return nil }
	up := func(want string) {
		t.Helper()
		out, progress, err := longshore(t, prepare, "up", "--members", "0", "--dir", dir)
		if err != nil || !strings.Contains(progress, want) || !strings.Contains(out, "export KUBECONFIG="+dir) {
			t.Fatalf("up: %v, want progress with %q\n%s%s", err, want, progress, out)
		}
	}
	status := func(want Condition) {
		t.Helper()
		out, _, err := longshore(t, nil, "status", "-o", "json", "--dir", dir)
		var statuses []struct{ Condition Condition }
		if jsonErr := json.Unmarshal([]byte(out), &statuses); jsonErr != nil {
			t.Fatalf("status printed %q: %v", out, jsonErr)
		}
		if statuses[0].Condition != want || (err == nil) != (want == ConditionReady) {
			t.Fatalf("status = %s, error %v; want %s", statuses[0].Condition, err, want)
		}
	}
	up("ready after")
	status(ConditionReady)
	up("is up already")

	s, err := Load(dir)
	if err != nil {
		t.Fatal(err)
	}
	endpoint := s.Clusters[0].Endpoint()
	if p, _ := s.Clusters[0].Process(controllers); kill9(p) != nil {
		t.Fatal("cannot kill the controllers")
	}
	status(ConditionDegraded)
	up("ready after")
	status(ConditionReady)

	if err := KillCluster(t.Context(), dir, ControlPlaneName); err != nil {
		t.Fatal(err)
	}
	status(ConditionStopped)
	if err := StartCluster(t.Context(), dir, ControlPlaneName); err != nil {
		t.Fatal(err)
	}
	status(ConditionReady)
	if s, err = Load(dir); err != nil || s.Clusters[0].Endpoint() != endpoint {
		t.Errorf("the endpoint moved from %s to %s, %v", endpoint, s.Clusters[0].Endpoint(), err)
	}
	if prepared != 3 {
		t.Errorf("prepare ran %d times, want once for every up", prepared)
	}
	if _, _, err := longshore(t, nil, "down", "--dir", dir); err != nil {
		t.Fatal(err)
	}
	status(ConditionStopped)
	if _, _, err := longshore(t, nil, "down", "--purge", "--dir", dir); err != nil {
		t.Fatal(err)
	}
	if _, err := os.Stat(dir); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("down --purge left the folder: %v", err)
	}
}

func TestStartTakesOtherPortsIfOneIsTaken(t *testing.T) {
	squatter, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer squatter.Close()
	taken := squatter.Addr().(*net.TCPAddr).Port
	c := &Cluster{Name: "cp", Role: RoleControlPlane, Dir: filepath.Join(t.TempDir(), "cp"), APIPort: taken}
	t.Cleanup(func() {
		if err := c.Kill(); err != nil {
			t.Error(err)
		}
	})
	if err := c.Start(t.Context(), StartOptions{DieWithCaller: true}); err != nil {
		t.Fatal(err)
	}
	if c.APIPort == taken {
		t.Error("the API server claims the port of another program")
	}
	if err := c.Kill(); err != nil {
		t.Fatal(err)
	}
	c.APIPort = taken // now the cluster has a past: whoever knows its address must not be misled
	err = c.Start(t.Context(), StartOptions{DieWithCaller: true})
	if err == nil || !strings.Contains(err.Error(), "another program took port") {
		t.Errorf("Start() = %v, want that a port is taken", err)
	}
}

func TestInterruptedUpLeavesNothingRunning(t *testing.T) {
	dir := t.TempDir()
	ctx, cancel := context.WithCancelCause(t.Context())
	reason := errors.New("interrupt signal received")
	_, err := Up(ctx, Options{Dir: dir, Prepare: func(context.Context, *rest.Config) error {
		cancel(reason)
		return ctx.Err()
	}})
	if !errors.Is(err, reason) {
		t.Errorf("Up() = %v, want %v", err, reason)
	}
	if pids := marked(dirMarker + "=" + dir); len(pids) > 0 {
		t.Errorf("still running: %v", pids)
	}
	if s, err := Load(dir); err != nil || len(s.Clusters[0].Processes) != 0 {
		t.Errorf("recorded: %+v, %v; want no processes", s, err)
	}
}

func TestUnknownClusterAndBadFlags(t *testing.T) {
	dir := t.TempDir()
	if err := StopCluster(t.Context(), dir, "member1"); !errors.Is(err, ErrNoState) {
		t.Errorf("StopCluster() = %v, want ErrNoState", err)
	}
	for _, args := range [][]string{{"up", "--members", "-1"}, {"up", "--members", "many"}, {"status", "-o", "xml"}, {"up", "member1"}} {
		if _, _, err := longshore(t, nil, append(args, "--dir", dir)...); err == nil {
			t.Errorf("longshore local %v is no error", args)
		}
	}
}
