// Package e2e drives the programs as a user does: the demo first, then whatever may happen to the fleet that it leaves running.
package e2e

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
)

// demo is the fleet that the demo script brought up; demoOutput is what the script printed.
var (
	demo       *fleet
	demoOutput string
)

func TestMain(m *testing.M) {
	flag.Parse()
	if testing.Short() {
		fmt.Println("e2e: left out with -short")
		return
	}
	code, err := withFleet(m.Run)
	if err != nil {
		fmt.Fprintln(os.Stderr, "e2e:", err)
		code = 1
	}
	os.Exit(code)
}

// withFleet builds the programs, runs the demo, then the tests, and takes everything down again, also after Ctrl-C.
func withFleet(tests func() int) (code int, err error) {
	ctx, cancel := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer cancel()
	dir, err := os.MkdirTemp("", "longshore-e2e-")
	if err != nil {
		return 1, err
	}
	defer os.RemoveAll(dir)
	demo = &fleet{dir: filepath.Join(dir, "state"), bin: filepath.Join(dir, "bin")}
	if err := build(ctx, demo.bin); err != nil {
		return 1, err
	}
	defer func() { err = errors.Join(err, demo.script(context.WithoutCancel(ctx), "down")) }()
	if err := demo.script(ctx, "up"); err != nil {
		return 1, err
	}
	code = tests()
	if code != 0 {
		demo.printLogs()
	}
	return code, nil
}

// build compiles the programs as `make build` does, into another folder.
func build(ctx context.Context, bin string) error {
	cmd := exec.CommandContext(ctx, "make", "-s", "-C", "../..", "build", "BIN="+bin)
	cmd.Stdout, cmd.Stderr = os.Stderr, os.Stderr
	if err := cmd.Run(); err != nil {
		return fmt.Errorf("building the programs: %w", err)
	}
	return nil
}

// script runs the demo script. Its output is kept in demoOutput and shown as it comes.
func (f *fleet) script(ctx context.Context, step string) error {
	cmd := exec.CommandContext(ctx, "../demo/demo.sh", step)
	cmd.Env = append(os.Environ(), "BIN="+f.bin, "DEMO_DIR="+f.dir)
	var out strings.Builder
	cmd.Stdout, cmd.Stderr = &echo{&out}, os.Stderr
	if err := cmd.Run(); err != nil {
		return fmt.Errorf("demo %s: %w", step, err)
	}
	demoOutput += out.String()
	return nil
}

// echo keeps what is written and copies it to the standard error.
type echo struct{ kept *strings.Builder }

func (e *echo) Write(p []byte) (int, error) {
	e.kept.Write(p)
	return os.Stderr.Write(p)
}

// printLogs shows the end of the programs' logs, for a test that failed.
func (f *fleet) printLogs() {
	logs, _ := filepath.Glob(filepath.Join(f.dir, "programs", "*.log"))
	for _, log := range logs {
		text, err := os.ReadFile(log)
		if err != nil {
			fmt.Fprintln(os.Stderr, err)
			continue
		}
		fmt.Fprintf(os.Stderr, "--- end of %s\n%s\n", filepath.Base(log), text[max(0, len(text)-8<<10):])
	}
}
