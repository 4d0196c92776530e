package local

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
)

var ignoreUnexported = cmpopts.IgnoreUnexported(State{}, Process{})

func TestStateRoundTrip(t *testing.T) {
	dir := t.TempDir()
	saved := &State{Format: stateFormat, dir: dir, CreatedAt: time.Unix(1000, 0).UTC(), Clusters: []*Cluster{{
		Name: "member1", Role: RoleMember, Dir: filepath.Join(dir, "member1"), Provider: "aws", Region: "eu-west-1", Zone: "eu-west-1a",
		Nodes: NodeSizes(0, 2), Controllers: []string{"*"}, Version: "v1.37.2", APIPort: 20001, EtcdPort: 20002,
		Processes: []Process{{Name: etcd, PID: 7, Birth: "99", Log: "log", LogStart: 5, StartedAt: time.Unix(2000, 0).UTC()}},
	}}}
	if err := saved.save(); err != nil {
		t.Fatal(err)
	}
	loaded, err := Load(dir)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(saved, loaded, ignoreUnexported); diff != "" {
		t.Errorf("loaded (-saved +loaded):\n%s", diff)
	}
	info, err := os.Stat(filepath.Join(dir, "state.json"))
	if err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("state.json has mode %v, %v; want 0600", info.Mode(), err)
	}
}

func TestLoadNamesTheCure(t *testing.T) {
	tests := []struct {
		name, content, want string
		noState             bool
	}{
		{name: "no file", want: "longshore local up", noState: true},
		{name: "half a file", content: `{"format": 1, "clus`, want: "down --purge"},
		{name: "another format", content: `{"format": 77}`, want: "another version"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			dir := t.TempDir()
			if test.content != "" {
				writeTree(t, dir, map[string]string{"state.json": test.content})
			}
			_, err := Load(dir)
			if err == nil || !strings.Contains(err.Error(), test.want) || errors.Is(err, ErrNoState) != test.noState {
				t.Errorf("Load() = %v, want %q, ErrNoState: %t", err, test.want, test.noState)
			}
		})
	}
}

func TestRecordBySeveralClustersAtOnce(t *testing.T) {
	s := &State{Format: stateFormat, dir: t.TempDir()}
	const clusters, processes = 4, 5
	for i := range clusters {
		s.Clusters = append(s.Clusters, &Cluster{Name: memberName(i)})
	}
	var starts sync.WaitGroup
	for _, c := range s.Clusters {
		c := c.clone()
		starts.Go(func() {
			for i := range processes {
				c.setProcess(Process{Name: fmt.Sprint(i), PID: i + 1})
				if err := s.record(c); err != nil {
					t.Error(err)
				}
			}
		})
	}
	starts.Wait()
	loaded, err := Load(s.dir)
	if err != nil {
		t.Fatal(err)
	}
	for i, c := range loaded.Clusters {
		if c.Name != memberName(i) || len(c.Processes) != processes {
			t.Errorf("cluster %d is %s with %d processes, want %s with %d", i, c.Name, len(c.Processes), memberName(i), processes)
		}
	}
}

func TestDefaultDir(t *testing.T) {
	t.Setenv("HOME", "/home/jo")
	tests := []struct{ name, xdg, want string }{
		{"unset", "", "/home/jo/.local/state/longshore"},
		{"set", "/var/state", "/var/state/longshore"},
		{"relative, which the specification says to ignore", "state", "/home/jo/.local/state/longshore"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			t.Setenv("XDG_STATE_HOME", test.xdg)
			if got, err := DefaultDir(); got != test.want || err != nil {
				t.Errorf("DefaultDir() = %q, %v, want %q", got, err, test.want)
			}
		})
	}
}

func TestKubeconfigsAreForTheOwnerOnly(t *testing.T) {
	dir := t.TempDir()
	c := &Cluster{Name: ControlPlaneName, Dir: filepath.Join(dir, ControlPlaneName), APIPort: 20001}
	unborn := &Cluster{Name: "member1", Dir: filepath.Join(dir, "member1")}
	s := &State{dir: dir, Clusters: []*Cluster{c, unborn}}
	if err := c.pki().ensure(); err != nil {
		t.Fatal(err)
	}
	if err := s.writeKubeconfigs(); err != nil {
		t.Fatal(err)
	}
	for _, path := range []string{s.Kubeconfig(ControlPlaneName), s.MergedKubeconfig(), c.pki().key(adminPair)} {
		if info, err := os.Stat(path); err != nil || info.Mode().Perm() != 0o600 {
			t.Errorf("%s: %v, %v; want mode 0600", path, info, err)
		}
	}
	if _, err := os.Stat(s.Kubeconfig("member1")); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("a cluster without keys has a kubeconfig: %v", err)
	}
}
