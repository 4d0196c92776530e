package local

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"syscall"
	"time"
)

const buildSubject = "localkube"

// keepBuilds is how many builds stay in the cache, so that going back and forth between two branches costs nothing.
const keepBuilds = 4

// buildFlags leave out symbols, which nobody needs and which make the link slower, and put the version in that the API server reports.
// They leave alone how packages are compiled (no -trimpath, no -gcflags): a third of the packages are then shared with Longshore's own
// programs. Whoever builds those with other flags puts them into GOFLAGS, which is honoured here too.
func buildFlags(kubernetes string) []string {
	return []string{"-ldflags=-s -w -X k8s.io/component-base/version.gitVersion=" + kubernetes}
}

// Localkube returns the path of the localkube binary in the user's cache directory, and the version of Kubernetes that it holds. It is
// built first if it is not there. Several programs may call it at once: one builds, the others wait. Building from an empty Go cache
// takes minutes; ctx ends it cleanly.
func Localkube(ctx context.Context, progress Progress) (path, kubernetes string, err error) {
	src, err := findSource(ctx)
	if err != nil {
		return "", "", err
	}
	goVersion, err := exec.CommandContext(ctx, "go", "env", "GOVERSION").Output()
	if err != nil {
		return "", "", fmt.Errorf("asking go for its version (is Go installed and on PATH?): %w", err)
	}
	key, err := src.key(strings.TrimSpace(string(goVersion)))
	if err != nil {
		return "", "", err
	}
	cache, err := os.UserCacheDir()
	if err != nil {
		return "", "", fmt.Errorf("finding the cache directory: %w", err)
	}
	target := filepath.Join(cache, "longshore", "localkube", key, "localkube")
	if fresh(target) {
		return target, src.kubernetes, nil
	}
	return target, src.kubernetes, buildOnce(ctx, target, progress, func(out string) error { return compile(ctx, src, out, progress) })
}

// buildOnce calls build under a lock unless the target exists by then, and moves its result to the target. A builder that is killed
// leaves neither a lock nor half a binary behind.
func buildOnce(ctx context.Context, target string, progress Progress, build func(out string) error) error {
	if err := os.MkdirAll(filepath.Dir(target), 0o755); err != nil {
		return fmt.Errorf("creating the cache folder: %w", err)
	}
	unlock, err := lockFile(ctx, target+".lock", func() { progress.Step(buildSubject, "waiting for another program that builds it") })
	if err != nil {
		return err
	}
	defer unlock()
	if fresh(target) {
		return nil
	}
	out := target + ".part"
	defer os.Remove(out)
	if err := build(out); err != nil {
		return err
	}
	if err := os.Rename(out, target); err != nil {
		return fmt.Errorf("moving the binary into place: %w", err)
	}
	return forgetOld(filepath.Dir(filepath.Dir(target)))
}

// fresh reports whether the binary exists, and notes that it was wanted now.
func fresh(target string) bool {
	now := time.Now()
	return os.Chtimes(target, now, now) == nil
}

// forgetOld removes all but the builds that were wanted last; each has the size of four ordinary programs.
func forgetOld(dir string) error {
	builds, err := filepath.Glob(filepath.Join(dir, "*", "localkube"))
	if err != nil {
		return fmt.Errorf("listing builds: %w", err)
	}
	wanted := map[string]time.Time{}
	for _, build := range builds {
		if info, err := os.Stat(build); err == nil {
			wanted[build] = info.ModTime()
		}
	}
	slices.SortFunc(builds, func(a, b string) int { return wanted[b].Compare(wanted[a]) })
	for _, build := range builds[min(keepBuilds, len(builds)):] {
		if err := os.RemoveAll(filepath.Dir(build)); err != nil {
			return fmt.Errorf("removing an old build: %w", err)
		}
	}
	return nil
}

func compile(ctx context.Context, src source, out string, progress Progress) error {
	begin := time.Now()
	progress.Step(buildSubject, "looking at what must be built (once; Kubernetes "+src.kubernetes+", "+runtime.Version()+")")
	stale, err := stalePackages(ctx, src, progress)
	if err != nil {
		return err
	}
	progress.Step(buildSubject, fmt.Sprintf("building: 0 of %d packages", stale))
	done := 0
	args := append(append([]string{"build", "-v"}, buildFlags(src.kubernetes)...), "-o", out, ".")
	err = runGo(ctx, src.dir, args, nil, func(line string) {
		if strings.Contains(line, " ") {
			return // a message, not a package path
		}
		done++
		if done < stale {
			progress.Tick(buildSubject, fmt.Sprintf("building: %d of %d packages", done, stale))
		} else {
			progress.Tick(buildSubject, "linking")
		}
	})
	if err != nil {
		return err
	}
	progress.Step(buildSubject, fmt.Sprintf("built in %s", time.Since(begin).Round(time.Second)))
	return nil
}

// stalePackages downloads the modules that are needed and counts the packages that are not in Go's build cache.
func stalePackages(ctx context.Context, src source, progress Progress) (int, error) {
	stale, downloads := 0, 0
	count := func(line string) {
		if line != "" {
			stale++
		}
	}
	err := runGo(ctx, src.dir, append([]string{"list", "-deps", "-f", "{{if .Stale}}x{{end}}"}, append(buildFlags(src.kubernetes), ".")...), count,
		func(line string) {
			if strings.HasPrefix(line, "go: downloading") {
				downloads++
				progress.Tick(buildSubject, fmt.Sprintf("downloading modules: %d", downloads))
			}
		})
	return stale, err
}

// runGo runs the go command and passes its output on by line. Both functions may be nil. What it said on stderr becomes the error.
func runGo(ctx context.Context, dir string, args []string, onOut, onErr func(string)) error {
	cmd := exec.CommandContext(ctx, "go", args...)
	cmd.Dir = dir
	cmd.Env = append(os.Environ(), "GOWORK=off")
	cmd.SysProcAttr = grouped()
	cmd.Cancel = func() error { return signalGroup(cmd.Process.Pid, syscall.SIGINT) }
	cmd.WaitDelay = stopGrace
	var complaint []string
	outDone := scanInto(&cmd.Stdout, onOut)
	errDone := scanInto(&cmd.Stderr, func(line string) {
		complaint = append(complaint[max(0, len(complaint)-2*tailLines):], line)
		if onErr != nil {
			onErr(line)
		}
	})
	err := cmd.Run()
	outDone()
	errDone()
	if ctx.Err() != nil {
		return fmt.Errorf("building localkube: %w", context.Cause(ctx))
	}
	if errors.Is(err, fs.ErrNotExist) || errors.Is(err, exec.ErrNotFound) {
		return fmt.Errorf("building localkube needs the go command on PATH: %w", err)
	}
	if err != nil {
		return fmt.Errorf("running go %s in %s: %w\n  %s", args[0], dir, err, strings.Join(complaint, "\n  "))
	}
	return nil
}

// scanInto sets *dst to a writer whose lines are passed to each; the returned function waits for the last one.
func scanInto(dst *io.Writer, each func(string)) func() {
	reader, writer := io.Pipe()
	*dst = writer
	finished := make(chan struct{})
	go func() {
		defer close(finished)
		for scanner := bufio.NewScanner(reader); scanner.Scan(); {
			if each != nil {
				each(scanner.Text())
			}
		}
		_, _ = io.Copy(io.Discard, reader) // a line too long for the scanner must not block the writer
	}()
	return func() {
		_ = writer.Close()
		<-finished
	}
}
