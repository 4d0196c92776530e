package local

import (
	"context"
	"os"
	"os/exec"
	"path/filepath"
)

// The components of a cluster. Names are those of the upstream programs.
const (
	etcd          = "etcd"
	apiServer     = "kube-apiserver"
	scheduler     = "kube-scheduler"
	controllers   = "kube-controller-manager"
	simulatedNode = "kwok"
)

// binaries says which program acts as which component.
type binaries struct {
	// localkube acts as every component; empty if separate programs are used.
	localkube string
	// separate holds the upstream programs by component.
	separate map[string]string
	// kubernetes is the version, if known.
	kubernetes string
}

// findBinaries takes separate programs only if all that are needed are there: then their versions are the user's business, and never
// some theirs and some ours. Otherwise localkube is built if it is not in the cache.
func findBinaries(ctx context.Context, needed []string, progress Progress) (binaries, error) {
	separate := map[string]string{}
	for _, name := range needed {
		if path, ok := lookUp(name); ok {
			separate[name] = path
		}
	}
	if len(separate) == len(needed) {
		return binaries{separate: separate}, nil
	}
	path, version, err := Localkube(ctx, progress)
	return binaries{localkube: path, kubernetes: version}, err
}

// lookUp finds an upstream program in KUBEBUILDER_ASSETS, where envtest puts them, or on PATH.
func lookUp(name string) (string, bool) {
	if dir := os.Getenv("KUBEBUILDER_ASSETS"); dir != "" {
		path := filepath.Join(dir, name)
		if info, err := os.Stat(path); err == nil && !info.IsDir() && info.Mode()&0o111 != 0 {
			return path, true
		}
	}
	path, err := exec.LookPath(name)
	return path, err == nil
}

// command returns the program for a component and the arguments that come before the component's own.
func (b binaries) command(name string) (path string, args []string) {
	if b.localkube == "" {
		return b.separate[name], nil
	}
	if name == controllers {
		name = "controllers"
	}
	return b.localkube, []string{name}
}
