package perf

import (
	"context"
	"flag"
	"fmt"
	"math"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"

	"github.com/longshore-project/longshore/apis/crds"
	"github.com/longshore-project/longshore/cmd/longshore/local/localtest"
)

var (
	schedulerFlag = flag.String("scheduler", "", "binary to measure; without it cmd/longshore-scheduler is built")
	profileFlag   = flag.String("profile", "", "file for a CPU profile of the scheduler's last round; the scheduler gets --profiling")
	secondsFlag   = flag.Int("profile-seconds", 5, "length of the profile")
	setFlag       = flag.String("set", "", "name=value: replaces a parameter of every measured workload, for a trial on a busy machine")
)

func TestMain(m *testing.M) {
	BareWriter()
	code := m.Run()
	if built.dir != "" {
		os.RemoveAll(built.dir)
	}
	os.Exit(code)
}

var built struct {
	once sync.Once
	dir  string
	err  error
	log  []byte
}

// program returns the scheduler to measure.
func program(t testing.TB) Program {
	t.Helper()
	p := Program{Path: *schedulerFlag, Profile: *profileFlag, ProfileSeconds: *secondsFlag}
	if p.Profile != "" {
		p.Args = append(p.Args, "--profiling")
	}
	if p.Path == "" {
		p.Path = filepath.Join(binaries(t), "longshore-scheduler")
	}
	return p
}

// binaries returns the directory with the scheduler and the cost plugin, built once.
func binaries(t testing.TB) string {
	t.Helper()
	built.once.Do(func() {
		if built.dir, built.err = os.MkdirTemp("", "longshore-perf-"); built.err == nil {
			build := exec.Command("go", "build", "-o", built.dir+"/", "../../cmd/longshore-scheduler", "../../plugins/examples/cost")
			built.log, built.err = build.CombinedOutput()
		}
	})
	if built.err != nil {
		t.Fatalf("building the scheduler: %v\n%s", built.err, built.log)
	}
	return built.dir
}

func server(t testing.TB) *Server {
	t.Helper()
	plane := localtest.OwnControlPlane(t, localtest.Options{Prepare: crds.Install})
	s, err := NewServer(plane.Config, t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	etcd := plane.Etcd()
	s.Store = &Store{Endpoint: etcd.Endpoint, CAFile: etcd.CAFile, CertFile: etcd.CertFile, KeyFile: etcd.KeyFile}
	if err := s.Store.Open(); err != nil {
		t.Fatal(err)
	}
	return s
}

func cases(t testing.TB) []Case {
	t.Helper()
	all, err := Cases()
	if err != nil {
		t.Fatal(err)
	}
	return all
}

// newRun removes what it has made when the test ends.
func newRun(t testing.TB, s *Server, p Program, c *Case, w *Workload) *Run {
	t.Helper()
	r, err := NewRun(t.Context(), s, p, c, w)
	t.Cleanup(func() {
		if err := r.Close(context.Background()); err != nil {
			t.Error(err)
		}
	})
	if err != nil {
		t.Fatal(err)
	}
	return r
}

// TestCases runs two rounds of the smallest workload of every case and asserts what they do, not how long it takes: every binding is placed
// rightly, with two writes, and the bare writer writes the same.
func TestCases(t *testing.T) {
	s, p := server(t), program(t)
	for _, c := range cases(t) {
		t.Run(c.Name, func(t *testing.T) {
			r := newRun(t, s, p, &c, &c.Workloads[0])
			for range 2 {
				round, err := r.Round(t.Context())
				if err != nil {
					t.Fatal(err)
				}
				checkRound(t, &c, &round)
			}
		})
	}
}

func checkRound(t *testing.T, c *Case, r *Round) {
	t.Helper()
	sides := []Measurement{r.Scheduler}
	if !c.Alone {
		sides = append(sides, r.Bare)
	}
	for i, m := range sides {
		if want := c.Workloads[0].Params["bindings"] - c.Workloads[0].Params["placed"]; m.Bindings != want || m.Writes != float64(2*want) {
			t.Errorf("side %d: %d bindings were placed with %v writes, want %d with twice as many", i, m.Bindings, m.Writes, want)
		}
		if m.Rate <= 0 || m.Peak <= 0 || len(m.Latencies) != m.Bindings || m.Bytes <= 0 {
			t.Errorf("side %d: the measurement is not complete: %+v", i, m)
		}
	}
	// A resource version may be a digit longer for the later of the two.
	if d := math.Abs(r.Bare.Bytes - r.Scheduler.Bytes); !c.Alone && d > float64(r.Scheduler.Bindings) {
		t.Errorf("the bare writer sent %v bytes, the scheduler %v; want the same", r.Bare.Bytes, r.Scheduler.Bytes)
	}
}

// BenchmarkPerf compares the scheduler with the bare writer. One iteration is one round, so -benchtime=5x gives five at one server. What is
// reported are the medians of the rounds.
func BenchmarkPerf(b *testing.B) { benchmark(b, false) }

// BenchmarkMemory places large numbers of bindings upon large fleets. It takes minutes.
func BenchmarkMemory(b *testing.B) { benchmark(b, true) }

func benchmark(b *testing.B, alone bool) {
	all := slices.DeleteFunc(cases(b), func(c Case) bool { return c.Alone != alone })
	for _, c := range all {
		b.Run("case="+c.Name, func(b *testing.B) {
			for _, w := range c.Workloads[1:] {
				replaceParam(b, &w)
				b.Run(w.Name, func(b *testing.B) { measure(b, &c, &w) })
			}
		})
	}
}

// replaceParam obeys -set, and shows it in the name.
func replaceParam(b *testing.B, w *Workload) {
	if *setFlag == "" {
		return
	}
	name, text, _ := strings.Cut(*setFlag, "=")
	value, err := strconv.Atoi(text)
	if _, known := w.Params[name]; !known || err != nil || value <= 0 {
		b.Fatalf("-set %q: write the name of a parameter of %s, =, and a number above zero", *setFlag, w.Name)
	}
	w.Params[name] = value
	w.Name += "/" + *setFlag
}

func measure(b *testing.B, c *Case, w *Workload) {
	s := server(b)
	if c.Alone {
		s.Progress = os.Stderr // It takes so long that one wants to see how it goes.
	}
	// The server ends with what was made there: to delete that first would take as long as to make it.
	r, err := NewRun(b.Context(), s, program(b), c, w)
	if err != nil {
		b.Fatal(err)
	}
	report := Report{Arrivals: c.Arrivals()}
	for b.Loop() {
		round, err := r.Round(b.Context())
		if err != nil {
			b.Fatal(err)
		}
		report.Rounds = append(report.Rounds, round)
		fmt.Fprint(os.Stderr, report.Table()) // Such a benchmark takes long: show how it goes.
	}
	for _, m := range report.Medians() {
		b.ReportMetric(m.Value, m.Unit)
	}
	b.ReportMetric(0, "ns/op") // A round takes as long as it creates and deletes: that says nothing.
}
