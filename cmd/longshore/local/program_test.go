package local

import (
	"bytes"
	"fmt"
	"net/http"
	"os"
	"strings"
	"testing"
	"time"
)

// playProgram acts as a program that is ready, as one that never is, or as one that ends at once.
func playProgram(role string) {
	switch role {
	case "serve":
		_ = http.ListenAndServe(os.Args[1], http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { fmt.Fprintln(w, "ok") }))
	case "refuse":
		_ = http.ListenAndServe(os.Args[1], http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
			http.Error(w, "no leader", http.StatusServiceUnavailable)
		}))
	}
	fmt.Println("the last words")
	os.Exit(3)
}

// emptyFleet is a folder with a state but without clusters; its programs end with the test.
func emptyFleet(t *testing.T) (dir string) {
	t.Helper()
	s := &State{Format: stateFormat, CreatedAt: time.Now(), dir: t.TempDir()}
	if err := s.save(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := Down(t.Context(), DownOptions{Dir: s.dir}); err != nil && t.Context().Err() == nil {
			t.Error(err)
		}
		if err := s.sweep(); err != nil {
			t.Error(err)
		}
	})
	return s.dir
}

func programOf(t *testing.T, act, name string) Program {
	t.Helper()
	t.Setenv(roleVariable, act)
	return Program{Name: name, Command: []string{os.Args[0], "127.0.0.1:{port}"}, ReadyURL: "http://127.0.0.1:{port}/readyz"}
}

func recorded(t *testing.T, dir, name string) *Program {
	t.Helper()
	s, err := Load(dir)
	if err != nil {
		t.Fatal(err)
	}
	return s.program(name)
}

func TestStartProgram(t *testing.T) {
	dir := emptyFleet(t)
	p := programOf(t, "serve", "scheduler")
	o := ProgramOptions{Dir: dir, Timeout: 20 * time.Second}
	start := func(t *testing.T, p Program) *Program {
		t.Helper()
		if err := StartProgram(t.Context(), p, o); err != nil {
			t.Fatal(err)
		}
		now := recorded(t, dir, p.Name)
		if now == nil || !now.Process.Alive() {
			t.Fatalf("recorded is %v", now)
		}
		return now
	}
	first := start(t, p)

	t.Run("again leaves it alone", func(t *testing.T) {
		// The test binary was built in the second in which the program started, for all its timestamps say.
		if old := time.Now().Add(-time.Hour); os.Chtimes(os.Args[0], old, old) != nil {
			t.Skip("cannot set the age of the test binary")
		}
		if again := start(t, p); again.Process.PID != first.Process.PID {
			t.Errorf("process %d replaced %d", again.Process.PID, first.Process.PID)
		}
	})
	t.Run("another command replaces it", func(t *testing.T) {
		changed := p
		changed.Command = append(changed.Command[:2:2], "-v=1")
		if again := start(t, changed); again.Process.PID == first.Process.PID || first.Process.Alive() {
			t.Errorf("process %d still runs", first.Process.PID)
		}
	})
	t.Run("status shows it", func(t *testing.T) {
		s, err := Load(dir)
		if err != nil {
			t.Fatal(err)
		}
		var out bytes.Buffer
		if err := s.writePrograms(&out, time.Now()); err != nil || !strings.Contains(out.String(), "Running") {
			t.Errorf("%v\n%s", err, &out)
		}
	})
	t.Run("down ends it", func(t *testing.T) {
		if err := Down(t.Context(), DownOptions{Dir: dir}); err != nil {
			t.Fatal(err)
		}
		if now := recorded(t, dir, p.Name); now == nil || now.Process.Alive() {
			t.Errorf("recorded is %v", now)
		}
	})
	t.Run("stop forgets it", func(t *testing.T) {
		running := start(t, p)
		if err := StopProgram(t.Context(), dir, p.Name, Silent); err != nil {
			t.Fatal(err)
		}
		if running.Process.Alive() || recorded(t, dir, p.Name) != nil {
			t.Error("the program still runs or is recorded")
		}
		if err := StopProgram(t.Context(), dir, p.Name, Silent); err == nil || !strings.Contains(err.Error(), "local status") {
			t.Errorf("stopping twice: %v", err)
		}
	})
}

func TestStartProgramFails(t *testing.T) {
	tests := []struct {
		name, act string
		change    func(*Program)
		timeout   time.Duration
		want      string
	}{
		{"ends at once", "end", nil, 20 * time.Second, "the last words"},
		{"never ready", "refuse", nil, 2 * time.Second, "503 Service Unavailable"},
		{"not on this machine", "serve", func(p *Program) { p.ReadyURL = "https://10.0.0.1/readyz" }, time.Second, "not on this machine"},
		{"bad name", "serve", func(p *Program) { p.Name = "../x" }, time.Second, "cannot be the name"},
		{"no program", "serve", func(p *Program) { p.Command = nil }, time.Second, "after --"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			dir := emptyFleet(t)
			p := programOf(t, test.act, "scheduler")
			if test.change != nil {
				test.change(&p)
			}
			err := StartProgram(t.Context(), p, ProgramOptions{Dir: dir, Timeout: test.timeout})
			if err == nil || !strings.Contains(err.Error(), test.want) {
				t.Errorf("error %v, want one that says %q", err, test.want)
			}
			if now := recorded(t, dir, p.Name); now != nil && now.Process.Alive() {
				t.Error("the program still runs")
			}
		})
	}
}

func TestStartProgramNeedsAFleet(t *testing.T) {
	err := StartProgram(t.Context(), programOf(t, "serve", "scheduler"), ProgramOptions{Dir: t.TempDir()})
	if err == nil || !strings.Contains(err.Error(), "longshore local up") {
		t.Errorf("error %v", err)
	}
}
