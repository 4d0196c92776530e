package local

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"time"

	"k8s.io/apimachinery/pkg/util/wait"
)

const (
	// pollPeriod is how often a condition without a notification is looked at.
	pollPeriod = 50 * time.Millisecond
	// stopGrace is how long a process may take to end after it was asked to; then it is killed.
	stopGrace = 10 * time.Second
	// tailLines of a log are shown when its process failed.
	tailLines = 12
	// tailWidth cuts stack traces that are logged as one line.
	tailWidth = 300
	// dirMarker is the environment variable by which processes of a folder are found even if they were never recorded.
	dirMarker = "LONGSHORE_LOCAL_DIR"
)

// Process is a component that was started. The zero value is a process that never ran.
type Process struct {
	// Name is the component: etcd, kube-apiserver, controllers, kube-scheduler or kwok.
	Name string `json:"name"`
	PID  int    `json:"pid"`
	// Birth tells this process from a later one with the same PID.
	Birth string `json:"birth"`
	// Log is the file that holds its output, from the byte LogStart on; what is before belongs to its predecessors.
	Log       string    `json:"log"`
	LogStart  int64     `json:"logStart"`
	StartedAt time.Time `json:"startedAt"`

	exited <-chan struct{}
}

// Alive reports whether the process still runs. A different process that got the same id does not count.
func (p Process) Alive() bool {
	return p.PID > 0 && p.Birth != "" && birth(p.PID) == p.Birth
}

// ended is closed when the process ended; nil, which never is ready, for a process that somebody else started.
func (p Process) ended() <-chan struct{} { return p.exited }

// failure describes a process that ended although it should run.
func (p Process) failure() error {
	return fmt.Errorf("%s (pid %d) ended; its log %s says:\n%s", p.Name, p.PID, p.Log, p.tail())
}

// command is what is needed to start a process.
type command struct {
	name string
	path string
	args []string
	dir  string // working directory
	log  string // output is appended to this file
	env  []string
	// dieWithCaller ends the process when the calling program ends, even if that is killed (Linux).
	dieWithCaller bool
}

// start runs the command in the background and returns as soon as it runs.
func (c command) start() (Process, error) {
	if err := os.MkdirAll(filepath.Dir(c.log), 0o700); err != nil {
		return Process{}, fmt.Errorf("creating the log folder: %w", err)
	}
	log, err := os.OpenFile(c.log, os.O_CREATE|os.O_WRONLY|os.O_APPEND, 0o600)
	if err != nil {
		return Process{}, fmt.Errorf("opening the log: %w", err)
	}
	defer log.Close()
	logStart, err := log.Seek(0, io.SeekEnd)
	if err != nil {
		return Process{}, fmt.Errorf("finding the end of the log: %w", err)
	}
	cmd := exec.Command(c.path, c.args...)
	cmd.Dir = c.dir
	cmd.Env = append(os.Environ(), c.env...)
	cmd.Stdout, cmd.Stderr = log, log
	cmd.SysProcAttr = detached()
	if c.dieWithCaller {
		cmd.SysProcAttr = bound()
	}
	started, exited := make(chan error, 1), make(chan struct{})
	go runOnOwnThread(cmd, started, exited)
	if err := <-started; err != nil {
		return Process{}, fmt.Errorf("starting %s: %w", c.name, err)
	}
	pid := cmd.Process.Pid
	return Process{
		Name: c.name, PID: pid, Birth: birth(pid), Log: c.log, LogStart: logStart, StartedAt: time.Now().Truncate(time.Second), exited: exited,
	}, nil
}

// runOnOwnThread keeps the thread that forked alive as long as the process: the death signal of a bound process is tied to the thread.
func runOnOwnThread(cmd *exec.Cmd, started chan<- error, exited chan<- struct{}) {
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	defer close(exited)
	err := cmd.Start()
	started <- err
	if err == nil {
		_ = cmd.Wait() // the caller looks at the log, which says more than the exit code
	}
}

// stop asks the processes to end, all at once, and kills those that do not within stopGrace or when ctx ends first. It returns when all
// have ended.
func stop(ctx context.Context, processes ...Process) error {
	var errs []error
	for _, p := range processes {
		if p.Alive() {
			if err := terminate(p.PID); err != nil && p.Alive() {
				errs = append(errs, fmt.Errorf("stopping %s (pid %d): %w", p.Name, p.PID, err))
			}
		}
	}
	for _, p := range processes {
		if waitGone(ctx, stopGrace, p) != nil {
			errs = append(errs, kill9(p))
		}
	}
	return errors.Join(errs...)
}

// kill9 kills the processes at once and waits until they are gone.
func kill9(processes ...Process) error {
	var errs []error
	for _, p := range processes {
		if p.Alive() {
			if err := kill(p.PID); err != nil && p.Alive() {
				errs = append(errs, fmt.Errorf("killing %s (pid %d): %w", p.Name, p.PID, err))
			}
		}
	}
	for _, p := range processes {
		errs = append(errs, waitGone(context.Background(), stopGrace, p))
	}
	return errors.Join(errs...)
}

func waitGone(ctx context.Context, limit time.Duration, p Process) error {
	err := wait.PollUntilContextTimeout(ctx, pollPeriod/2, limit, true, func(context.Context) (bool, error) { return !p.Alive(), nil })
	if err != nil {
		return fmt.Errorf("waiting for %s (pid %d) to end: %w", p.Name, p.PID, err)
	}
	return nil
}

// tail returns the last lines of what the process logged, indented, or why there are none.
func (p Process) tail() string {
	const enough = 64 << 10
	f, err := os.Open(p.Log)
	if err != nil {
		return "  (" + err.Error() + ")"
	}
	defer f.Close()
	if size, err := f.Seek(0, io.SeekEnd); err == nil {
		_, _ = f.Seek(max(p.LogStart, size-enough), io.SeekStart)
	}
	content, _ := io.ReadAll(f)
	lines := strings.Split(strings.TrimRight(string(content), "\n"), "\n")
	if len(lines) == 1 && lines[0] == "" {
		return "  (nothing)"
	}
	lines = lines[max(0, len(lines)-tailLines):]
	for i := range lines {
		lines[i] = cut(lines[i], tailWidth)
	}
	return "  " + strings.Join(lines, "\n  ")
}
