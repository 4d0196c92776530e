package local

import (
	"bufio"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
	"testing"
	"time"
)

// startSleep starts a process that ends with the test.
func startSleep(t *testing.T, env ...string) Process {
	t.Helper()
	p, err := command{name: "sleep", path: "sleep", args: []string{"600"}, log: filepath.Join(t.TempDir(), "log"), env: env}.start()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := kill9(p); err != nil {
			t.Error(err)
		}
	})
	return p
}

func TestAliveGuardsAgainstReusedIDs(t *testing.T) {
	p := startSleep(t)
	if !p.Alive() {
		t.Error("a process that runs does not count as alive")
	}
	successor := p
	successor.Birth = "another"
	if successor.Alive() {
		t.Error("a process with the same id and another birth counts as alive")
	}
	if err := kill9(successor); err != nil || !p.Alive() {
		t.Errorf("kill9 of the record of an earlier process: %v; the later one is alive: %t", err, p.Alive())
	}
	if (Process{}).Alive() {
		t.Error("the zero value counts as alive")
	}
}

func TestStop(t *testing.T) {
	p := startSleep(t)
	if err := stop(t.Context(), p); err != nil {
		t.Fatal(err)
	}
	if p.Alive() {
		t.Error("the process lives on")
	}
	select {
	case <-p.ended():
	case <-time.After(10 * time.Second):
		t.Error("ended() was not closed")
	}
	if err := stop(t.Context(), p); err != nil {
		t.Errorf("stopping it again: %v", err)
	}
}

func TestFailureShowsItsOwnLogOnly(t *testing.T) {
	log := filepath.Join(t.TempDir(), "log")
	if err := os.WriteFile(log, []byte("words of a predecessor\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	script := "for i in $(seq 40); do echo line $i; done; echo " + strings.Repeat("x", 2*tailWidth)
	p, err := command{name: "script", path: "sh", args: []string{"-c", script}, log: log}.start()
	if err != nil {
		t.Fatal(err)
	}
	<-p.ended()
	message := p.failure().Error()
	for _, want := range []string{"script (pid " + strconv.Itoa(p.PID) + ") ended", log, "line 40", "…"} {
		if !strings.Contains(message, want) {
			t.Errorf("failure() lacks %q:\n%s", want, message)
		}
	}
	for _, unwanted := range []string{"predecessor", "line 5\n"} {
		if strings.Contains(message, unwanted) {
			t.Errorf("failure() contains %q:\n%s", unwanted, message)
		}
	}
}

func TestStartNamesTheProgramThatIsMissing(t *testing.T) {
	_, err := command{name: "etcd", path: "/nowhere/etcd", log: filepath.Join(t.TempDir(), "log")}.start()
	if err == nil || !strings.Contains(err.Error(), "starting etcd") {
		t.Errorf("start() = %v, want an error that names etcd", err)
	}
}

// playing runs the test binary in another role and returns it with its first line of output.
func playing(t *testing.T, role string, env ...string) (*exec.Cmd, string) {
	t.Helper()
	cmd := exec.Command(os.Args[0])
	cmd.Env = append(append(os.Environ(), roleVariable+"="+role), env...)
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	line, err := bufio.NewReader(out).ReadString('\n')
	if err != nil {
		t.Fatalf("reading what the %s says: %v", role, err)
	}
	return cmd, strings.TrimSpace(line)
}

func TestBoundProcessDiesWithAKilledCaller(t *testing.T) {
	if runtime.GOOS != "linux" {
		t.Skip("only Linux can bind a process to its parent")
	}
	parent, line := playing(t, "parent", "LOCAL_TEST_LOG="+filepath.Join(t.TempDir(), "log"))
	pid, err := strconv.Atoi(line)
	if err != nil {
		t.Fatalf("the parent said %q", line)
	}
	child := Process{Name: "child", PID: pid, Birth: birth(pid)}
	if !child.Alive() {
		t.Fatal("the child does not run")
	}
	if err := parent.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	_ = parent.Wait()
	if err := waitGone(t.Context(), stopGrace, child); err != nil {
		t.Error(err)
	}
}

func TestSweepKillsStraysOfThisFolderOnly(t *testing.T) {
	if runtime.GOOS != "linux" {
		t.Skip("only Linux shows other processes' environments")
	}
	dir := t.TempDir()
	stray := startSleep(t, dirMarker+"="+dir)
	recorded := startSleep(t, dirMarker+"="+dir)
	elsewhere := startSleep(t, dirMarker+"="+dir+"/sub")
	s := &State{dir: dir, Clusters: []*Cluster{{Processes: []Process{recorded}}}}
	if err := s.sweep(); err != nil {
		t.Fatal(err)
	}
	if stray.Alive() || !recorded.Alive() || !elsewhere.Alive() {
		t.Errorf("alive: stray %t, recorded %t, elsewhere %t; want only the stray gone", stray.Alive(), recorded.Alive(), elsewhere.Alive())
	}
}
