// Package scheduler holds the test of which package may import which.
package scheduler

import (
	"os/exec"
	"slices"
	"strings"
	"testing"
)

const module = "github.com/longshore-project/longshore/"

// TestImports checks that imports point one way: the packages that decide know nothing of Kubernetes, and the loop gets its plugins by
// injection. Test files are not checked.
func TestImports(t *testing.T) {
	core := []string{"gonum.org/"}
	deciding := append([]string{module + "scheduler/framework", module + "scheduler/divide", module + "scheduler/spread"}, core...)
	tests := []struct {
		packages string
		// only lists the prefixes that are allowed beside the standard library and the package itself; nil allows all.
		only []string
		// never lists the prefixes that are forbidden.
		never []string
	}{
		{packages: "scheduler/framework", only: core},
		{packages: "scheduler/divide", only: core},
		{packages: "scheduler/spread", only: core},
		{packages: "scheduler/pipeline", only: deciding},
		{packages: "plugins/builtin/...", only: append([]string{module + "plugins/builtin", module + "scheduler/pipeline"}, deciding...)},
		{packages: "estimator/fit", only: append([]string{module + "scheduler/framework"}, core...)},
		{packages: "estimator/fit/kube", never: []string{module + "apis", "k8s.io/client-go", "sigs.k8s.io/controller-runtime"}},
		{packages: "estimator/census", never: []string{module + "apis", module + "controllers", "k8s.io/client-go", "google.golang.org/grpc"}},
		{packages: "scheduler/convert", never: []string{"k8s.io/client-go", "sigs.k8s.io/controller-runtime"}},
		{packages: "scheduler/queue", never: []string{module + "apis", module + "plugins", "k8s.io/client-go"}},
		{packages: "scheduler/cache", never: []string{module + "apis", module + "plugins", "k8s.io/client-go"}},
		{packages: "scheduler/journal", only: append([]string{module + "scheduler/framework"}, core...)},
		{packages: "scheduler/shadow", never: []string{module + "apis", module + "plugins", module + "scheduler/loop", "k8s.io/client-go"}},
		{packages: "scheduler/loop", never: []string{module + "plugins", module + "controllers", module + "estimator/server", "sigs.k8s.io/controller-runtime"}},
	}
	for _, tt := range tests {
		t.Run(tt.packages, func(t *testing.T) {
			for name, deps := range dependencies(t, tt.packages) {
				for _, dep := range deps {
					if tt.only != nil && !hasPrefix(dep, tt.only) || hasPrefix(dep, tt.never) {
						t.Errorf("%s depends on %s", strings.TrimPrefix(name, module), dep)
					}
				}
			}
		})
	}
}

// dependencies returns what each package that matches the pattern depends on outside the standard library, itself excluded. Patterns that
// match nothing yet have no packages.
func dependencies(t *testing.T, pattern string) map[string][]string {
	t.Helper()
	list := exec.CommandContext(t.Context(), "go", "list", "-e", "-f",
		`{{if not .Error}}{{.ImportPath}}{{range .Deps}} {{.}}{{end}}{{end}}`, module+pattern)
	text, err := list.Output()
	if err != nil {
		t.Fatalf("listing %s: %v", pattern, err)
	}
	out := map[string][]string{}
	for line := range strings.Lines(string(text)) {
		words := strings.Fields(line)
		if len(words) == 0 {
			continue
		}
		out[words[0]] = slices.DeleteFunc(words[1:], func(dep string) bool { return !strings.Contains(strings.Split(dep, "/")[0], ".") })
	}
	return out
}

func hasPrefix(path string, prefixes []string) bool {
	return slices.ContainsFunc(prefixes, func(p string) bool { return strings.HasPrefix(path, p) })
}
