package local

import (
	"archive/zip"
	"bytes"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// writeTree writes files by path below dir.
func writeTree(t *testing.T, dir string, files map[string]string) {
	t.Helper()
	for name, content := range files {
		path := filepath.Join(dir, name)
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(content), 0o644); err != nil {
			t.Fatal(err)
		}
	}
}

func TestKeyChangesWithWhateverTheBinaryIsMadeOf(t *testing.T) {
	tests := []struct {
		name      string
		files     map[string]string
		goVersion string
		same      bool
	}{
		{name: "nothing changed", same: true},
		{name: "a test changed", files: map[string]string{"main_test.go": "package main // more"}, same: true},
		{name: "the README changed", files: map[string]string{"README.md": "more"}, same: true},
		{name: "a source changed", files: map[string]string{"main.go": "package main // more"}},
		{name: "a source was added", files: map[string]string{"etcd.go": "package main"}},
		{name: "a version changed", files: map[string]string{"go.mod": "module m\nrequire k8s.io/kubernetes v1.37.3\n"}},
		{name: "a checksum changed", files: map[string]string{"go.sum": "other"}},
		{name: "the compiler changed", goVersion: "go1.99"},
	}
	base := map[string]string{"go.mod": "module m\n", "go.sum": "sum", "main.go": "package main", "main_test.go": "package main"}
	keyOf := func(t *testing.T, goVersion string, changes map[string]string) string {
		dir := t.TempDir()
		writeTree(t, dir, base)
		writeTree(t, dir, changes)
		key, err := source{dir: dir, kubernetes: "v1.37.2"}.key(goVersion)
		if err != nil {
			t.Fatal(err)
		}
		return key
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			goVersion := test.goVersion
			if goVersion == "" {
				goVersion = "go1.26.0"
			}
			before, after := keyOf(t, "go1.26.0", nil), keyOf(t, goVersion, test.files)
			if (before == after) != test.same {
				t.Errorf("keys %s and %s, want the same: %t", before, after, test.same)
			}
		})
	}
}

func TestCloneAbove(t *testing.T) {
	clone, other := t.TempDir(), t.TempDir()
	writeTree(t, clone, map[string]string{
		"go.mod":               "module " + mainModule + "\n",
		"cmd/localkube/go.mod": "module " + localkubeModule + "\n",
		"scheduler/loop/x.go":  "package loop",
	})
	writeTree(t, other, map[string]string{"go.mod": "module example.com/other\n", "cmd/localkube/go.mod": "module example.com/other/cmd/localkube\n"})
	tests := []struct{ name, from, want string }{
		{"at the top", clone, filepath.Join(clone, "cmd/localkube")},
		{"deep inside", filepath.Join(clone, "scheduler/loop"), filepath.Join(clone, "cmd/localkube")},
		{"inside localkube", filepath.Join(clone, "cmd/localkube"), filepath.Join(clone, "cmd/localkube")},
		{"another module", other, ""},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			if got, ok := cloneAbove(test.from); got != test.want || ok != (test.want != "") {
				t.Errorf("cloneAbove() = %q, %t, want %q", got, ok, test.want)
			}
		})
	}
}

func TestRequiredKubernetesOfThisRepository(t *testing.T) {
	dir, err := os.Getwd()
	if err != nil {
		t.Fatal(err)
	}
	found, ok := cloneAbove(dir)
	if !ok {
		t.Fatal("the test does not find its own clone")
	}
	version, err := requiredKubernetes(filepath.Join(found, "go.mod"))
	if err != nil || version == "" {
		t.Errorf("requiredKubernetes() = %q, %v", version, err)
	}
}

// TestDownloadSource asks a module proxy made of files for a module of two.
func TestDownloadSource(t *testing.T) {
	const version = "v0.1.0"
	proxy := t.TempDir()
	goMod := "module " + localkubeModule + "\n\nrequire k8s.io/kubernetes v1.37.2\n"
	var archive bytes.Buffer
	w := zip.NewWriter(&archive)
	for name, content := range map[string]string{"go.mod": goMod, "main.go": "package main\n"} {
		f, err := w.Create(localkubeModule + "@" + version + "/" + name)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := f.Write([]byte(content)); err != nil {
			t.Fatal(err)
		}
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	writeTree(t, filepath.Join(proxy, localkubeModule, "@v"), map[string]string{
		"list": version + "\n", version + ".info": `{"Version": "` + version + `"}`, version + ".mod": goMod, version + ".zip": archive.String(),
	})
	t.Setenv("GOPROXY", "file://"+proxy)
	t.Setenv("GONOSUMDB", "*")
	t.Setenv("GOMODCACHE", t.TempDir())
	t.Setenv("GOFLAGS", "-modcacherw") // so that the test can tidy up
	dir, err := downloadSource(t.Context(), version)
	if err != nil {
		t.Fatal(err)
	}
	if kubernetes, err := requiredKubernetes(filepath.Join(dir, "go.mod")); kubernetes != "v1.37.2" || err != nil {
		t.Errorf("the module requires Kubernetes %q, %v", kubernetes, err)
	}
	_, err = downloadSource(t.Context(), "v9.9.9")
	if err == nil || !strings.Contains(err.Error(), "inside a clone") || !strings.Contains(err.Error(), "v9.9.9") {
		t.Errorf("a version that is not there: %v, want an error that names it and the cure", err)
	}
}
