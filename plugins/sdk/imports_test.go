package sdk_test

import (
	"os/exec"
	"strings"
	"testing"
)

// forbidden is what a package must not pull in, by prefix of the import path, directly or through others.
var forbidden = map[string][]string{
	"github.com/longshore-project/longshore/plugins/sdk": {
		"k8s.io/", "sigs.k8s.io/", "github.com/prometheus/", module + "apis", module + "scheduler/cache", module + "scheduler/queue",
		module + "scheduler/loop", module + "scheduler/pipeline", module + "controllers", module + "plugins/host",
	},
	"github.com/longshore-project/longshore/plugins/wire": {"k8s.io/", "sigs.k8s.io/", module + "apis"},
	"github.com/longshore-project/longshore/plugins/host": {
		"k8s.io/", "sigs.k8s.io/", module + "apis", module + "scheduler/cache", module + "scheduler/queue", module + "scheduler/loop",
		module + "controllers",
	},
	"github.com/longshore-project/longshore/plugins/sdk/sdktest": {"k8s.io/", "sigs.k8s.io/", module + "apis", module + "scheduler/loop"},
}

const module = "github.com/longshore-project/longshore/"

func TestImports(t *testing.T) {
	for pkg, prefixes := range forbidden {
		t.Run(pkg[len(module):], func(t *testing.T) {
			out, err := exec.CommandContext(t.Context(), "go", "list", "-deps", pkg).CombinedOutput()
			if err != nil {
				t.Fatalf("listing dependencies: %v\n%s", err, out)
			}
			for dep := range strings.Lines(string(out)) {
				for _, prefix := range prefixes {
					if strings.HasPrefix(dep, prefix) {
						t.Errorf("%s pulls in %s", pkg, strings.TrimSpace(dep))
					}
				}
			}
		})
	}
}
