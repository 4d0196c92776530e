package local

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

func TestBuildOnceBuildsOnceForManyCallers(t *testing.T) {
	target := filepath.Join(t.TempDir(), "v1", "localkube")
	var builds atomic.Int32
	var callers sync.WaitGroup
	for range 8 {
		callers.Go(func() {
			err := buildOnce(t.Context(), target, Silent, func(out string) error {
				builds.Add(1)
				return os.WriteFile(out, []byte("whole"), 0o700)
			})
			if err != nil {
				t.Error(err)
			}
		})
	}
	callers.Wait()
	if content, err := os.ReadFile(target); builds.Load() != 1 || string(content) != "whole" {
		t.Errorf("%d builds left %q, %v; want one build", builds.Load(), content, err)
	}
}

func TestBuildOnceLeavesNothingAfterAFailure(t *testing.T) {
	target := filepath.Join(t.TempDir(), "v1", "localkube")
	broken := errors.New("broken")
	err := buildOnce(t.Context(), target, Silent, func(out string) error {
		return errors.Join(os.WriteFile(out, []byte("half"), 0o700), broken)
	})
	if !errors.Is(err, broken) {
		t.Errorf("buildOnce() = %v, want the builder's error", err)
	}
	files, err := filepath.Glob(target + "*")
	if diff := cmp.Diff([]string{target + ".lock"}, files); diff != "" || err != nil {
		t.Errorf("files left (-want +got), %v:\n%s", err, diff)
	}
}

func TestBuildOnceSurvivesAKilledBuilder(t *testing.T) {
	target := filepath.Join(t.TempDir(), "v1", "localkube")
	builder, _ := playing(t, "builder", "LOCAL_TEST_TARGET="+target)
	if err := builder.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	_ = builder.Wait()
	if _, err := os.Stat(target); err == nil {
		t.Fatal("the killed builder left a binary")
	}
	err := buildOnce(t.Context(), target, Silent, func(out string) error { return os.WriteFile(out, []byte("whole"), 0o700) })
	if content, readErr := os.ReadFile(target); err != nil || readErr != nil || string(content) != "whole" {
		t.Errorf("buildOnce() = %v and left %q, %v", err, content, readErr)
	}
}

func TestBuildOnceStopsWaitingWhenAsked(t *testing.T) {
	target := filepath.Join(t.TempDir(), "v1", "localkube")
	builder, _ := playing(t, "builder", "LOCAL_TEST_TARGET="+target)
	t.Cleanup(func() {
		_ = builder.Process.Kill()
		_ = builder.Wait()
	})
	ctx, cancel := context.WithCancel(t.Context())
	waiting := stepFunc(func(_, text string) { cancel() })
	err := buildOnce(ctx, target, waiting, func(string) error { return errors.New("built while another builds") })
	if !errors.Is(err, context.Canceled) {
		t.Errorf("buildOnce() = %v, want that the context ended", err)
	}
}

// stepFunc is a Progress that hears of steps only.
type stepFunc func(subject, text string)

func (f stepFunc) Step(subject, text string) { f(subject, text) }
func (f stepFunc) Tick(string, string)       {}

func TestForgetOldKeepsWhatWasWantedLast(t *testing.T) {
	dir := t.TempDir()
	now := time.Now()
	for i := range keepBuilds + 2 {
		name := fmt.Sprintf("v%d/localkube", i)
		writeTree(t, dir, map[string]string{name: "x"})
		at := now.Add(time.Duration(i) * time.Minute)
		if err := os.Chtimes(filepath.Join(dir, name), at, at); err != nil {
			t.Fatal(err)
		}
	}
	if err := forgetOld(dir); err != nil {
		t.Fatal(err)
	}
	left, err := filepath.Glob(filepath.Join(dir, "*"))
	want := []string{filepath.Join(dir, "v2"), filepath.Join(dir, "v3"), filepath.Join(dir, "v4"), filepath.Join(dir, "v5")}
	if diff := cmp.Diff(want, left); diff != "" || err != nil {
		t.Errorf("builds left (-want +got), %v:\n%s", err, diff)
	}
}

func TestRunGoReportsWhatGoSaid(t *testing.T) {
	var lines []string
	if err := runGo(t.Context(), t.TempDir(), []string{"env", "GOOS", "GOARCH"}, func(line string) { lines = append(lines, line) }, nil); err != nil {
		t.Fatal(err)
	}
	if len(lines) != 2 {
		t.Errorf("go env printed %q, want two lines", lines)
	}
	err := runGo(t.Context(), t.TempDir(), []string{"build", "."}, nil, nil)
	if err == nil || !strings.Contains(err.Error(), "go.mod") {
		t.Errorf("building an empty folder: %v, want go's complaint", err)
	}
}

func TestRunGoEndsWithItsContext(t *testing.T) {
	ctx, cancel := context.WithCancelCause(t.Context())
	reason := errors.New("the user pressed Ctrl-C")
	cancel(reason)
	if err := runGo(ctx, t.TempDir(), []string{"env"}, nil, nil); !errors.Is(err, reason) {
		t.Errorf("runGo() = %v, want the reason", err)
	}
}
