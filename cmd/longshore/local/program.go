package local

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"

	"k8s.io/apimachinery/pkg/util/validation"
	"k8s.io/apimachinery/pkg/util/wait"
)

// portMark in the arguments or the URL of a program stands for a free port that is chosen when it starts.
const portMark = "{port}"

// Program is a process beside the clusters, such as a scheduler, that lives as long as they do.
type Program struct {
	// Name identifies the program in the folder and names its log. It must be a DNS-1123 label.
	Name string `json:"name"`
	// Command is the program file and its arguments. Every {port} in it stands for one free port.
	Command []string `json:"command"`
	// ReadyURL answers with a code of success when the program can be used; {port} is replaced. Empty means ready as soon as it runs.
	ReadyURL string `json:"readyURL,omitempty"`

	Process Process `json:"process"`
}

// ProgramOptions say how a program is started.
type ProgramOptions struct {
	// Dir holds the clusters; empty means DefaultDir.
	Dir string
	// Timeout bounds the wait for Program.ReadyURL.
	Timeout time.Duration
	// Progress is told what happens; nil means Silent.
	Progress Progress
}

// StartProgram starts a program beside the clusters of a folder and returns when it is ready. One that runs already is left alone, unless
// its command or its file changed: then it is replaced. A program that does not become ready is stopped, and the error ends with its log.
func StartProgram(ctx context.Context, p Program, o ProgramOptions) error {
	if o.Progress == nil {
		o.Progress = Silent
	}
	if err := p.check(); err != nil {
		return err
	}
	return changeState(ctx, o.Dir, o.Progress, func(s *State) error {
		old := s.program(p.Name)
		if old != nil && old.serves(&p) {
			o.Progress.Step(p.Name, "is up already")
			return nil
		}
		if old != nil {
			if err := stop(ctx, old.Process); err != nil {
				return err
			}
		}
		return s.launch(ctx, &p, o)
	})
}

// StopProgram stops a program and forgets it.
func StopProgram(ctx context.Context, dir, name string, progress Progress) error {
	return changeState(ctx, dir, progress, func(s *State) error {
		p := s.program(name)
		if p == nil {
			return fmt.Errorf("no program %q was started in %s: \"longshore local status\" lists them", name, s.dir)
		}
		if err := stop(ctx, p.Process); err != nil {
			return err
		}
		progress.Step(name, "stopped")
		s.Programs = slices.DeleteFunc(s.Programs, func(p *Program) bool { return p.Name == name })
		return s.save()
	})
}

// changeState works on a folder while nobody else can.
func changeState(ctx context.Context, dir string, progress Progress, work func(*State) error) error {
	dir, err := absoluteDir(dir)
	if err != nil {
		return err
	}
	// Without state there is nothing to belong to, and no folder to lock either.
	if _, err := Load(dir); err != nil {
		return err
	}
	unlock, err := lockDir(ctx, dir, progress)
	if err != nil {
		return err
	}
	defer unlock()
	s, err := Load(dir)
	if err != nil {
		return err
	}
	return work(s)
}

func (p *Program) check() error {
	if problems := validation.IsDNS1123Label(p.Name); len(problems) > 0 {
		return fmt.Errorf("%q cannot be the name of a program: use lower case letters, digits and '-'", p.Name)
	}
	if len(p.Command) == 0 || p.Command[0] == "" {
		return fmt.Errorf("which program shall %s be? Give it and its arguments after --", p.Name)
	}
	if p.ReadyURL == "" {
		return nil
	}
	u, err := url.Parse(strings.ReplaceAll(p.ReadyURL, portMark, "1"))
	if err != nil {
		return fmt.Errorf("reading the ready URL: %w", err)
	}
	if ip := net.ParseIP(u.Hostname()); u.Hostname() != "localhost" && !ip.IsLoopback() {
		return fmt.Errorf("ready URL %s is not on this machine: its certificate is not checked, so that only 127.0.0.1, ::1 and localhost are allowed", p.ReadyURL)
	}
	return nil
}

// serves reports whether p runs and a start of wanted would only bring about the same.
func (p *Program) serves(wanted *Program) bool {
	file, err := os.Stat(p.Command[0])
	return p.Process.Alive() && slices.Equal(p.Command, wanted.Command) && p.ReadyURL == wanted.ReadyURL &&
		err == nil && file.ModTime().Before(p.Process.StartedAt)
}

// program returns the record of a program, nil if it was never started.
func (s *State) program(name string) *Program {
	for _, p := range s.Programs {
		if p.Name == name {
			return p
		}
	}
	return nil
}

func (s *State) launch(ctx context.Context, p *Program, o ProgramOptions) error {
	port, err := sharedPorts.pick()
	if err != nil {
		return err
	}
	fill := func(text string) string { return strings.ReplaceAll(text, portMark, strconv.Itoa(port)) }
	args := make([]string, 0, len(p.Command))
	for _, arg := range p.Command[1:] {
		args = append(args, fill(arg))
	}
	logs := s.programLogs()
	p.Process, err = command{
		name: p.Name, path: p.Command[0], args: args, dir: s.dir,
		log: filepath.Join(logs, p.Name+".log"), env: []string{dirMarker + "=" + s.dir},
	}.start()
	if err != nil {
		return err
	}
	s.Programs = append(slices.DeleteFunc(s.Programs, func(old *Program) bool { return old.Name == p.Name }), p)
	if err := s.save(); err != nil {
		return errors.Join(err, kill9(p.Process))
	}
	o.Progress.Step(p.Name, "starting, log in "+p.Process.Log)
	if err := p.awaitReady(ctx, fill(p.ReadyURL), o.Timeout); err != nil {
		return errors.Join(err, kill9(p.Process))
	}
	o.Progress.Step(p.Name, "ready")
	return nil
}

func (s *State) programLogs() string { return filepath.Join(s.dir, "programs") }

// awaitReady ends early if the process does.
func (p *Program) awaitReady(ctx context.Context, readyURL string, timeout time.Duration) error {
	if readyURL == "" {
		return nil
	}
	ctx, cancel := context.WithTimeoutCause(ctx, timeout, fmt.Errorf("not ready after %s", timeout))
	defer cancel()
	last := errors.New("never asked")
	err := wait.PollUntilContextCancel(ctx, pollPeriod, true, func(ctx context.Context) (bool, error) {
		select {
		case <-p.Process.ended():
			return false, p.Process.failure()
		default:
		}
		err := ask(ctx, readyURL)
		if ctx.Err() == nil {
			last = err // the end of the wait itself explains nothing
		}
		return err == nil, nil
	})
	if err == nil {
		return nil
	}
	if ctx.Err() == nil {
		return err // the process ended
	}
	return fmt.Errorf("starting %s: %w: %w; its log %s says:\n%s", p.Name, context.Cause(ctx), last, p.Process.Log, p.Process.tail())
}

// loopback asks servers of this machine, whose certificates nobody signed. check makes sure that it is never used for another.
var loopback = &http.Client{
	Timeout:   probeTimeout,
	Transport: &http.Transport{TLSClientConfig: &tls.Config{InsecureSkipVerify: true}, DisableKeepAlives: true},
}

func ask(ctx context.Context, readyURL string) error {
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, readyURL, nil)
	if err != nil {
		return err
	}
	response, err := loopback.Do(request)
	if err != nil {
		return err
	}
	defer response.Body.Close()
	if response.StatusCode < 200 || response.StatusCode > 299 {
		return fmt.Errorf("%s answers %s", readyURL, response.Status)
	}
	return nil
}

// stopPrograms comes before the clusters stop, so that no program complains about a server that is gone.
func (s *State) stopPrograms(ctx context.Context, progress Progress) error {
	var errs []error
	for _, p := range s.Programs {
		if !p.Process.Alive() {
			continue
		}
		progress.Step(p.Name, "stopping")
		errs = append(errs, stop(ctx, p.Process))
	}
	return errors.Join(errs...)
}
