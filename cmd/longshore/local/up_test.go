package local

import (
	"os"
	"path/filepath"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func names(s *State) []string {
	var result []string
	for _, c := range s.Clusters {
		result = append(result, c.Name)
	}
	return result
}

func TestPlanAddsWhatIsMissing(t *testing.T) {
	s := &State{dir: "/d"}
	s.plan(Options{Members: 1, Nodes: 2})
	if diff := cmp.Diff([]string{"control-plane", "member1"}, names(s)); diff != "" {
		t.Fatalf("clusters (-want +got):\n%s", diff)
	}
	s.Clusters[1].APIPort = 20001
	s.plan(Options{Members: 3, Nodes: 5})
	if diff := cmp.Diff([]string{"control-plane", "member1", "member2", "member3"}, names(s)); diff != "" {
		t.Fatalf("clusters (-want +got):\n%s", diff)
	}
	if known := s.Clusters[1]; known.APIPort != 20001 || len(known.Nodes) != 2 {
		t.Errorf("the member that was there changed: %+v", known)
	}
	s.plan(Options{Members: 1})
	if len(s.Clusters) != 4 {
		t.Errorf("asking for fewer members forgot some: %v", names(s))
	}
}

func TestTheFirstMembersDifferInEveryRespect(t *testing.T) {
	s := &State{dir: "/d"}
	s.plan(Options{Members: 3, Nodes: 3})
	for _, property := range []struct {
		name string
		of   func(*Cluster) string
	}{
		{"provider", func(c *Cluster) string { return c.Provider }},
		{"region", func(c *Cluster) string { return c.Region }},
		{"zone", func(c *Cluster) string { return c.Zone }},
		{"size of the first node", func(c *Cluster) string { return c.Nodes[0].CPU }},
	} {
		var values []string
		for _, c := range s.Clusters[1:] {
			values = append(values, property.of(c))
		}
		slices.Sort(values)
		if len(slices.Compact(values)) != 3 {
			t.Errorf("%s of the members: %v, want three different ones", property.name, values)
		}
	}
}

func TestNodeObject(t *testing.T) {
	node, err := NodeSizes(1, 1)[0].object(&Cluster{Region: "eu", Zone: "eu-a", Version: "v1.37.2"})
	if err != nil {
		t.Fatal(err)
	}
	allocatable := node.Status.Allocatable
	got := []string{
		allocatable.Cpu().String(), allocatable.Memory().String(), allocatable.Pods().String(), allocatable.StorageEphemeral().String(),
		node.Labels["topology.kubernetes.io/region"], node.Labels["topology.kubernetes.io/zone"],
	}
	if diff := cmp.Diff([]string{"8", "32Gi", "110", "400Gi", "eu", "eu-a"}, got); diff != "" {
		t.Errorf("cpu, memory, pods, storage, region, zone (-want +got):\n%s", diff)
	}
	if _, err := (Node{Name: "n", CPU: "many", Memory: "1Gi", Storage: "1Gi"}).object(&Cluster{}); err == nil {
		t.Error("a node with \"many\" CPUs is no error")
	}
}

func TestStopNewerThanSparesWhatRanBefore(t *testing.T) {
	old, young := startSleep(t), startSleep(t)
	s := &State{Format: stateFormat, dir: t.TempDir(), Clusters: []*Cluster{{Name: "member1", Processes: []Process{old}}}}
	before := s.pids()
	c := s.Clusters[0].clone()
	young.Name = "another"
	c.setProcess(young)
	if err := s.record(c); err != nil {
		t.Fatal(err)
	}
	if err := s.stopNewerThan(before); err != nil {
		t.Fatal(err)
	}
	if !old.Alive() || young.Alive() {
		t.Errorf("alive: old %t, young %t; want only the young one gone", old.Alive(), young.Alive())
	}
	if loaded, err := Load(s.dir); err != nil || len(loaded.Clusters[0].Processes) != 1 {
		t.Errorf("recorded: %+v, %v; want the old process only", loaded, err)
	}
}

// TestDownAfterAKilledUp has a process that was recorded and one that was started and never recorded.
func TestDownAfterAKilledUp(t *testing.T) {
	dir := t.TempDir()
	recorded, unrecorded := startSleep(t, dirMarker+"="+dir), startSleep(t, dirMarker+"="+dir)
	s := &State{Format: stateFormat, dir: dir, Clusters: []*Cluster{{Name: "member1", Dir: filepath.Join(dir, "member1"), Processes: []Process{recorded}}}}
	if err := s.save(); err != nil {
		t.Fatal(err)
	}
	if err := Down(t.Context(), DownOptions{Dir: dir}); err != nil {
		t.Fatal(err)
	}
	if recorded.Alive() || unrecorded.Alive() {
		t.Errorf("alive: recorded %t, unrecorded %t; want neither", recorded.Alive(), unrecorded.Alive())
	}
	loaded, err := Load(dir)
	if err != nil || len(loaded.Clusters) != 1 || len(loaded.Clusters[0].Processes) != 0 {
		t.Errorf("recorded after Down: %+v, %v; want a cluster without processes", loaded, err)
	}
}

func TestPurgeRemovesOnlyWhatIsOurs(t *testing.T) {
	dir := t.TempDir()
	writeTree(t, dir, map[string]string{
		"state.json": "not even JSON", "kubeconfig": "", "member1.kubeconfig": "", "lock": "",
		"control-plane/pki/ca.crt": "", "member1/pki/admin.key": "", "member1/data/x": "",
		"notes.txt": "", "member-list/x": "", "projects/member1/pki/ca.crt": "",
	})
	if err := Down(t.Context(), DownOptions{Dir: dir}); err == nil {
		t.Error("Down with an unreadable state is no error")
	}
	if err := Down(t.Context(), DownOptions{Dir: dir, Purge: true}); err != nil {
		t.Fatal(err)
	}
	entries, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	var left []string
	for _, entry := range entries {
		left = append(left, entry.Name())
	}
	if diff := cmp.Diff([]string{"member-list", "notes.txt", "projects"}, left); diff != "" {
		t.Errorf("left (-want +got):\n%s", diff)
	}
}

func TestDownWithoutAnything(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "never")
	if err := Down(t.Context(), DownOptions{Dir: dir, Purge: true}); err != nil {
		t.Error(err)
	}
	if _, err := os.Stat(dir); err == nil {
		t.Error("Down created the folder")
	}
}
