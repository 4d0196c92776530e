package local

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestLookUp(t *testing.T) {
	assets, path := t.TempDir(), t.TempDir()
	t.Setenv("KUBEBUILDER_ASSETS", assets)
	t.Setenv("PATH", path)
	install := func(dir, name string, mode os.FileMode) string {
		file := filepath.Join(dir, name)
		if err := os.WriteFile(file, nil, mode); err != nil {
			t.Fatal(err)
		}
		return file
	}
	inAssets := install(assets, etcd, 0o755)
	install(path, etcd, 0o755)
	install(assets, apiServer, 0o644)
	onPath := install(path, scheduler, 0o755)
	for name, want := range map[string]string{etcd: inAssets, apiServer: "", scheduler: onPath, simulatedNode: ""} {
		if got, ok := lookUp(name); got != want || ok != (want != "") {
			t.Errorf("lookUp(%s) = %q, %t, want %q", name, got, ok, want)
		}
	}
}

func TestFindBinariesTakesACompleteSetOfPrograms(t *testing.T) {
	assets := t.TempDir()
	t.Setenv("KUBEBUILDER_ASSETS", assets)
	t.Setenv("PATH", "")
	want := map[string]string{}
	for _, name := range []string{etcd, apiServer} {
		want[name] = filepath.Join(assets, name)
		if err := os.WriteFile(want[name], nil, 0o755); err != nil {
			t.Fatal(err)
		}
	}
	found, err := findBinaries(t.Context(), []string{etcd, apiServer}, Silent)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(want, found.separate); diff != "" || found.localkube != "" {
		t.Errorf("programs (-want +got), localkube %q:\n%s", found.localkube, diff)
	}
	// Without go on PATH localkube cannot be built, which shows that it was tried.
	if _, err := findBinaries(t.Context(), []string{etcd, apiServer, simulatedNode}, Silent); err == nil {
		t.Error("an incomplete set of programs was taken")
	}
}

func TestCommandOfEachComponent(t *testing.T) {
	one := binaries{localkube: "/cache/localkube"}
	several := binaries{separate: map[string]string{controllers: "/bin/kube-controller-manager"}}
	tests := []struct {
		name      string
		from      binaries
		component string
		path      string
		args      []string
	}{
		{"localkube", one, etcd, "/cache/localkube", []string{"etcd"}},
		{"localkube runs fewer controllers under another name", one, controllers, "/cache/localkube", []string{"controllers"}},
		{"upstream program", several, controllers, "/bin/kube-controller-manager", nil},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			path, args := test.from.command(test.component)
			if path != test.path || !cmp.Equal(args, test.args) {
				t.Errorf("command() = %s %v, want %s %v", path, args, test.path, test.args)
			}
		})
	}
}
