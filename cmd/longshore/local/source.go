package local

import (
	"bufio"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"runtime/debug"
	"slices"
	"strings"
)

const (
	mainModule      = "github.com/longshore-project/longshore"
	localkubeModule = mainModule + "/cmd/localkube"
)

// source is the folder of the localkube module.
type source struct {
	dir        string
	kubernetes string // version that its go.mod requires, for example v1.37.2
}

// findSource looks for a clone above the working directory, then above this program's own file, and otherwise downloads the module at
// this program's own version.
func findSource(ctx context.Context) (source, error) {
	dir, err := localSource()
	if errors.Is(err, fs.ErrNotExist) {
		dir, err = downloadSource(ctx, ownVersion())
	}
	if err != nil {
		return source{}, err
	}
	version, err := requiredKubernetes(filepath.Join(dir, "go.mod"))
	return source{dir: dir, kubernetes: version}, err
}

// localSource returns fs.ErrNotExist if neither place is inside a clone.
func localSource() (string, error) {
	working, err := os.Getwd()
	if err != nil {
		return "", fmt.Errorf("finding the working directory: %w", err)
	}
	program, err := os.Executable()
	if err != nil {
		return "", fmt.Errorf("finding this program's file: %w", err)
	}
	for _, start := range []string{working, filepath.Dir(program)} {
		if dir, ok := cloneAbove(start); ok {
			return dir, nil
		}
	}
	return "", fs.ErrNotExist
}

func cloneAbove(dir string) (string, bool) {
	for ; ; dir = filepath.Dir(dir) {
		candidate := filepath.Join(dir, "cmd", "localkube")
		if modulePath(filepath.Join(dir, "go.mod")) == mainModule && modulePath(filepath.Join(candidate, "go.mod")) == localkubeModule {
			return candidate, true
		}
		if dir == filepath.Dir(dir) {
			return "", false
		}
	}
}

func modulePath(goMod string) string {
	content, err := os.ReadFile(goMod)
	if err != nil {
		return ""
	}
	for line := range strings.Lines(string(content)) {
		if path, ok := strings.CutPrefix(line, "module "); ok {
			return strings.TrimSpace(path)
		}
	}
	return ""
}

// ownVersion says what this program was built from: a version that was installed, a commit, or "latest" if that is not recorded.
func ownVersion() string {
	info, ok := debug.ReadBuildInfo()
	if !ok || info.Main.Path != mainModule {
		return "latest"
	}
	for _, setting := range info.Settings {
		if setting.Key == "vcs.revision" {
			return setting.Value
		}
	}
	if info.Main.Version == "" || info.Main.Version == "(devel)" {
		return "latest"
	}
	return info.Main.Version
}

func downloadSource(ctx context.Context, version string) (string, error) {
	cmd := exec.CommandContext(ctx, "go", "mod", "download", "-json", localkubeModule+"@"+version)
	cmd.Dir = os.TempDir() // outside any module
	out, err := cmd.Output()
	var module struct{ Dir, Error string }
	if jsonErr := json.Unmarshal(out, &module); jsonErr == nil && module.Error != "" {
		err = errors.New(module.Error)
	}
	if err != nil {
		return "", fmt.Errorf("downloading %s@%s (or run this inside a clone of the repository): %w", localkubeModule, version, err)
	}
	return module.Dir, nil
}

func requiredKubernetes(goMod string) (string, error) {
	f, err := os.Open(goMod)
	if err != nil {
		return "", fmt.Errorf("reading localkube's go.mod: %w", err)
	}
	defer f.Close()
	for scanner := bufio.NewScanner(f); scanner.Scan(); {
		line := strings.TrimPrefix(strings.TrimSpace(scanner.Text()), "require ")
		if version, ok := strings.CutPrefix(line, "k8s.io/kubernetes "); ok {
			version, _, _ = strings.Cut(version, " ")
			return version, nil
		}
	}
	return "", fmt.Errorf("%s does not require k8s.io/kubernetes", goMod)
}

// key names everything that the binary is made of: equal keys mean equal binaries.
func (s source) key(goVersion string) (string, error) {
	files, err := filepath.Glob(filepath.Join(s.dir, "*.go"))
	if err != nil {
		return "", fmt.Errorf("listing localkube's sources: %w", err)
	}
	files = slices.DeleteFunc(files, func(file string) bool { return strings.HasSuffix(file, "_test.go") })
	files = append(files, filepath.Join(s.dir, "go.mod"), filepath.Join(s.dir, "go.sum"))
	hash := sha256.New()
	fmt.Fprintln(hash, goVersion, runtime.GOOS, runtime.GOARCH, buildFlags(s.kubernetes))
	for _, file := range files {
		content, err := os.ReadFile(file)
		if errors.Is(err, fs.ErrNotExist) && filepath.Base(file) == "go.sum" {
			continue
		}
		if err != nil {
			return "", fmt.Errorf("reading localkube's sources: %w", err)
		}
		fmt.Fprintln(hash, filepath.Base(file), len(content))
		hash.Write(content)
	}
	return s.kubernetes + "-" + hex.EncodeToString(hash.Sum(nil))[:12], nil
}
