package perf

import (
	"bytes"
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"time"
)

// usage is what a process has used so far.
type usage struct {
	// cpu is user and system time.
	cpu time.Duration
	// start is the part of an earlier usage that cpu leaves out.
	start time.Duration
	// peak is the largest resident set, in bytes.
	peak int64
}

// clockTick is the unit of times in /proc: USER_HZ is 100 on every architecture that Go runs on.
const clockTick = 10 * time.Millisecond

// usageOf reads /proc, which Linux has.
func usageOf(pid int) (usage, error) {
	dir := filepath.Join("/proc", strconv.Itoa(pid))
	stat, err := os.ReadFile(filepath.Join(dir, "stat"))
	if err != nil {
		return usage{}, fmt.Errorf("reading the CPU time of process %d: %w", pid, err)
	}
	status, err := os.ReadFile(filepath.Join(dir, "status"))
	if err != nil {
		return usage{}, fmt.Errorf("reading the memory of process %d: %w", pid, err)
	}
	cpu, err := parseStat(string(stat))
	if err != nil {
		return usage{}, err
	}
	peak, err := parseStatus(string(status))
	return usage{cpu: cpu, peak: peak}, err
}

// parseStat returns utime and stime, the 14th and 15th field. The second field is the program's name, which may hold blanks and brackets.
func parseStat(text string) (time.Duration, error) {
	fields := strings.Fields(text[strings.LastIndexByte(text, ')')+1:])
	if len(fields) < 13 {
		return 0, fmt.Errorf("reading the CPU time: %q is too short", text)
	}
	user, err1 := strconv.ParseInt(fields[11], 10, 64)
	system, err2 := strconv.ParseInt(fields[12], 10, 64)
	return time.Duration(user+system) * clockTick, errors.Join(err1, err2)
}

// parseStatus returns VmHWM in bytes.
func parseStatus(text string) (int64, error) {
	for line := range strings.Lines(text) {
		if fields := strings.Fields(line); len(fields) == 3 && fields[0] == "VmHWM:" {
			kibibytes, err := strconv.ParseInt(fields[1], 10, 64)
			return kibibytes << 10, err
		}
	}
	return 0, errors.New("reading the memory: there is no VmHWM")
}

// Program is the scheduler to measure.
type Program struct {
	// Path of the binary.
	Path string
	// Args come after those that the measurement needs.
	Args []string
	// Config is a configuration file whose one profile has the name of the measured scheduler; empty measures the default plugins.
	Config string
	// Profile is a file for a CPU profile of the first ProfileSeconds; empty takes none. The program must serve /debug/pprof then.
	Profile        string
	ProfileSeconds int
}

// scheduler is a running Program.
type scheduler struct {
	program Program
	cmd     *exec.Cmd
	address string
	log     bytes.Buffer
	http    *http.Client
	// ended is closed when the process has ended, with the given failure if it ended badly.
	ended   chan struct{}
	failure error
}

// startScheduler runs the program for the bindings that name it.
func startScheduler(p Program, kubeconfig, schedulerName string) (*scheduler, error) {
	port, err := freePort()
	if err != nil {
		return nil, err
	}
	insecure := &http.Transport{TLSClientConfig: &tls.Config{InsecureSkipVerify: true}} // Its certificate is self-signed, and it is our child.
	s := &scheduler{program: p, address: fmt.Sprintf("https://127.0.0.1:%d", port), ended: make(chan struct{}), http: &http.Client{Transport: insecure}}
	profile := "--scheduler-name=" + schedulerName
	if p.Config != "" {
		profile = "--config=" + p.Config
	}
	s.cmd = exec.Command(p.Path, append([]string{
		"--kubeconfig=" + kubeconfig, profile, "--leader-elect=false",
		"--kube-api-qps=100000", "--kube-api-burst=100000", "--secure-port=" + strconv.Itoa(port),
	}, p.Args...)...)
	s.cmd.Stdout, s.cmd.Stderr = &s.log, &s.log
	if err := s.cmd.Start(); err != nil {
		return nil, fmt.Errorf("starting the scheduler: %w", err)
	}
	go func() {
		s.failure = s.cmd.Wait()
		close(s.ended)
	}()
	if p.Profile != "" {
		go s.profile()
	}
	return s, nil
}

// freePort returns a port that nobody listens on now.
func freePort() (int, error) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return 0, fmt.Errorf("looking for a free port: %w", err)
	}
	defer l.Close()
	return l.Addr().(*net.TCPAddr).Port, nil
}

// awaitReady returns when the scheduler has seen everything that is there.
func (s *scheduler) awaitReady(ctx context.Context) error {
	return s.poll(ctx, "/readyz", io.Discard)
}

// poll asks until the answer is good, and writes that.
func (s *scheduler) poll(ctx context.Context, path string, to io.Writer) error {
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	for {
		if done, err := s.ask(ctx, path, to); done {
			return err
		}
		select {
		case <-tick.C:
		case <-s.ended:
			return s.lost()
		case <-ctx.Done():
			return fmt.Errorf("waiting for %s of the scheduler: %w", path, context.Cause(ctx))
		}
	}
}

func (s *scheduler) ask(ctx context.Context, path string, to io.Writer) (done bool, err error) {
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, s.address+path, nil)
	if err != nil {
		return true, err
	}
	answer, err := s.http.Do(request)
	if err != nil {
		return false, nil
	}
	defer answer.Body.Close()
	if answer.StatusCode != http.StatusOK {
		return answer.StatusCode == http.StatusNotFound, fmt.Errorf("asking for %s: %s", path, answer.Status)
	}
	_, err = io.Copy(to, answer.Body)
	return true, err
}

// profile writes a CPU profile, or in its place the reason why there is none.
func (s *scheduler) profile() {
	var out bytes.Buffer
	if err := s.poll(context.Background(), "/debug/pprof/profile?seconds="+strconv.Itoa(s.program.ProfileSeconds), &out); err != nil {
		fmt.Fprintln(&out, err)
	}
	_ = os.WriteFile(s.program.Profile, out.Bytes(), 0o644)
}

// lost says why the process is no longer there. Call it only then.
func (s *scheduler) lost() error {
	if s.failure == nil {
		return fmt.Errorf("the scheduler ended by itself: %s", s.log.Bytes())
	}
	return fmt.Errorf("the scheduler ended: %w: %s", s.failure, s.log.Bytes())
}

func (s *scheduler) usage() (usage, error) { return usageOf(s.cmd.Process.Pid) }

// stop ends the process.
func (s *scheduler) stop() error {
	s.http.CloseIdleConnections()
	if err := s.cmd.Process.Signal(syscall.SIGTERM); err != nil {
		<-s.ended
		return s.lost()
	}
	if <-s.ended; s.failure != nil {
		return s.lost()
	}
	return nil
}
