package host_test

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/prometheus/client_golang/prometheus"

	"github.com/longshore-project/longshore/plugins/host"
	"github.com/longshore-project/longshore/scheduler/framework"
)

func TestProcessAnswersEveryStage(t *testing.T) {
	_, p := start(t, spec(t, "fine"), host.Options{})
	q := query(fleet(130), "fine")
	all := framework.FullBitset(130)

	rejections, err := p.Filter().Filter(t.Context(), q, all)
	if err != nil {
		t.Fatal(err)
	}
	rejected := framework.NewBitset(130)
	rejected.Set(1)
	want := []framework.Rejection{{
		Clusters: rejected, Status: framework.NewStatus(framework.Unschedulable, "cluster(s) were not blue"),
		Cures: []framework.Cure{{Fact: framework.FactLabels, Subject: "color"}},
	}}
	if diff := cmp.Diff(want, rejections); diff != "" {
		t.Errorf("rejections (-want +got):\n%s", diff)
	}
	scores := make([]int64, 130)
	if err := p.Score().Score(t.Context(), q, all, scores); err != nil {
		t.Fatal(err)
	}
	row, _ := q.Snapshot.Row("cluster-42")
	if scores[row] != 42 {
		t.Errorf("score of cluster-42 is %d, want 42", scores[row])
	}
	rows, status, err := p.Select(fallback{}).Select(t.Context(), &framework.Selection{Query: *q, Ranked: []int32{7, 3}})
	if err != nil || !status.IsSuccess() || !cmp.Equal(rows, []int32{7}) {
		t.Errorf("selected %v, %v, %v, want [7]", rows, status, err)
	}
	d, status, err := p.Assign(fallback{}).Assign(t.Context(), allotment(q))
	if err != nil || !status.IsSuccess() || d.Replicas[0] != 10 {
		t.Errorf("assigned %v, %v, %v, want 10 to the first", d.Replicas, status, err)
	}
}

// What explains an answer crosses the wire with it: remarks, with the verdict of a filter or without, and the origins of capacities.
func TestExplanationsArrive(t *testing.T) {
	_, p := start(t, spec(t, "fine"), host.Options{})
	q, all := query(fleet(3), "shop/web"), framework.FullBitset(3)
	score := p.Score().(framework.RemarkingScore)
	if _, err := p.Filter().Filter(t.Context(), q, all); err != nil {
		t.Fatal(err)
	}
	left := framework.FullBitset(3)
	left.Unset(1)
	for _, tt := range []struct {
		name     string
		clusters framework.Bitset
	}{{"with the verdict", left}, {"alone", all}} {
		name, clusters := tt.name, tt.clusters
		if err := score.Score(t.Context(), q, clusters, make([]int64, 3)); err != nil {
			t.Fatal(err)
		}
		remarks := score.Remarks(q, clusters)
		if len(remarks) != 1 || remarks[0].Text != "are asked about shop/web" || !remarks[0].Clusters.Has(0) {
			t.Errorf("%s: remarks are %v, want one about the first cluster", name, remarks)
		}
		if again := score.Remarks(q, clusters); again != nil {
			t.Errorf("%s: the remarks are said again: %v", name, again)
		}
	}
	out := make([]framework.Capacity, 2)
	if err := p.Estimate().Estimate(t.Context(), q, []int32{0, 2}, out); err != nil {
		t.Fatal(err)
	}
	from := &framework.Origin{Source: "ledger", At: time.Unix(1_000_000, 5).UTC(), Fallback: "the scales are broken"}
	if diff := cmp.Diff([]framework.Capacity{{}, {Replicas: 2, Known: true, Origin: from}}, out); diff != "" {
		t.Errorf("capacities (-want +got):\n%s", diff)
	}
}

// What a plugin may do wrong, and what the caller is told under the policy fail.
func TestMisbehaviourIsContained(t *testing.T) {
	s := spec(t, "fine")
	s.Deadline = 2 * time.Second
	_, p := start(t, s, host.Options{})
	tests := []struct {
		name, key string
		result    host.Result
		says      string
	}{
		{"hangs", "hang", host.TimedOut, "no answer within 2s"},
		{"panics", "panic", host.Broken, "plugin panicked: index out of range"},
		{"reports an error", "error", host.Broken, "price table is empty"},
		{"names unknown clusters", "unknown", host.Invalid, "there are 3 clusters"},
		{"rejects with success", "success", host.Invalid, "status is Success"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			q := query(fleet(3), tt.key)
			_, err := p.Filter().Filter(t.Context(), q, framework.FullBitset(3))
			checkCallError(t, err, tt.result, tt.says)
			if _, err := p.Filter().Filter(t.Context(), query(fleet(3), "fine"), framework.FullBitset(3)); err != nil {
				t.Errorf("the next request suffers: %v", err)
			}
		})
	}
}

func checkCallError(t *testing.T, err error, result host.Result, says string) {
	t.Helper()
	var failed *host.CallError
	if !errors.As(err, &failed) {
		t.Fatalf("error is %v, want a CallError", err)
	}
	if failed.Plugin != "misfit" || failed.Result != result || !strings.Contains(err.Error(), says) {
		t.Errorf("error is %q with result %q, want result %q and the words %q", err, failed.Result, result, says)
	}
}

func TestAnswersOutOfRangeAreRefused(t *testing.T) {
	_, p := start(t, spec(t, "fine"), host.Options{})
	s := fleet(3)
	err := p.Score().Score(t.Context(), query(s, "overscore"), framework.FullBitset(3), make([]int64, 3))
	checkCallError(t, err, host.Broken, "score 101")
	for key, says := range map[string]string{"unknown": "cluster-2 was chosen twice or was not", "twice": "chosen twice"} {
		_, _, err := p.Select(fallback{}).Select(t.Context(), &framework.Selection{Query: *query(s, key), Ranked: []int32{0, 1}})
		checkCallError(t, err, host.Invalid, says)
	}
	for key, says := range map[string]string{
		"short": "2 numbers of replicas for 3 clusters", "negative": "-1 replicas for cluster cluster-0",
	} {
		_, _, err := p.Assign(fallback{}).Assign(t.Context(), allotment(query(s, key)))
		checkCallError(t, err, host.Invalid, says)
	}
}

func TestExplanationsOutOfBoundsAreRefused(t *testing.T) {
	_, p := start(t, spec(t, "fine"), host.Options{})
	s := fleet(3)
	err := p.Score().Score(t.Context(), query(s, "overremark"), framework.FullBitset(3), make([]int64, 3))
	checkCallError(t, err, host.Invalid, "1000 remarks")
	err = p.Estimate().Estimate(t.Context(), query(s, "nobody"), []int32{1}, make([]framework.Capacity, 1))
	checkCallError(t, err, host.Invalid, "source of 0")
}

// A plugin that says with its verdict that it does not score is not asked for scores again.
func TestSkippedScoreIsNotAskedForTwice(t *testing.T) {
	_, p := start(t, spec(t, "fine"), host.Options{})
	q, all, score := query(fleet(3), "skip"), framework.FullBitset(3), p.Score()
	if rejections, err := p.Filter().Filter(t.Context(), q, all); err != nil || rejections != nil {
		t.Fatalf("filter says %v, %v, want nothing", rejections, err)
	}
	scores := make([]int64, 3)
	if err := score.Score(t.Context(), q, all, scores); err != nil || scores[2] != 0 {
		t.Errorf("scores are %v, %v, want none", scores, err)
	}
	if calls := p.Status().Latencies["score"].Calls; calls != 0 {
		t.Errorf("the plugin was asked for scores %d times more", calls)
	}
}

func TestReplicasMustNotGetLost(t *testing.T) {
	_, p := start(t, spec(t, "fine"), host.Options{})
	_, _, err := p.Assign(fallback{}).Assign(t.Context(), allotment(query(fleet(3), "lost")))
	checkCallError(t, err, host.Invalid, "0 replicas were divided and 0 left over, but 10 are wanted")
}

func TestSkippingPluginsLeaveItToTheNext(t *testing.T) {
	_, p := start(t, spec(t, "fine"), host.Options{})
	q := query(fleet(3), "skip")
	if got, err := p.Filter().Filter(t.Context(), q, framework.FullBitset(3)); err != nil || len(got) != 0 {
		t.Errorf("filter said %v, %v, want nothing", got, err)
	}
	rows, _, err := p.Select(fallback{}).Select(t.Context(), &framework.Selection{Query: *q, Ranked: []int32{2, 1}})
	if err != nil || len(rows) != 2 {
		t.Errorf("selected %v, %v, want what the fallback says", rows, err)
	}
	d, _, err := p.Assign(fallback{}).Assign(t.Context(), allotment(q))
	if err != nil || d.Replicas[2] != 10 {
		t.Errorf("assigned %v, %v, want what the fallback says", d.Replicas, err)
	}
}

// Under the policy skip a decision goes on, and both the decision and the host say without whom.
func TestFailurePolicySkip(t *testing.T) {
	s := spec(t, "fine")
	s.FailurePolicy = host.Skip
	var omissions []host.Omission
	_, p := start(t, s, host.Options{OnOmission: func(o host.Omission) { omissions = append(omissions, o) }})
	_, err := p.Filter().Filter(t.Context(), query(fleet(3), "error"), framework.FullBitset(3))
	checkOmitted(t, err, framework.Omission{Plugin: "misfit", Stage: "filter", Reason: "error: price table is empty"})
	err = p.Score().Score(t.Context(), query(fleet(3), "overscore"), framework.FullBitset(3), make([]int64, 3))
	checkOmitted(t, err, framework.Omission{Plugin: "misfit", Stage: "score", Reason: "error: score 101 of row 0 is not in 0 to 100"})
	assign := p.Assign(fallback{})
	_, _, err = assign.Assign(t.Context(), allotment(query(fleet(3), "lost")))
	checkOmitted(t, err, framework.Omission{
		Plugin: "misfit", Stage: "assign", Reason: "invalid: 0 replicas were divided and 0 left over, but 10 are wanted",
	})
	if next := assign.(framework.ChainedAssign).NextAssign(); next != (fallback{}) {
		t.Errorf("then %v divides, want the fallback", next)
	}
	var stages []string
	for _, o := range omissions {
		stages = append(stages, o.Stage+" "+o.Request)
	}
	if diff := cmp.Diff([]string{"filter error", "score overscore", "assign lost"}, stages); diff != "" {
		t.Errorf("omissions (-want +got):\n%s", diff)
	}
}

func checkOmitted(t *testing.T, err error, want framework.Omission) {
	t.Helper()
	omitted, ok := errors.AsType[*framework.OmittedError](err)
	if !ok {
		t.Fatalf("error is %v, want an OmittedError", err)
	}
	if diff := cmp.Diff(want, omitted.Omission); diff != "" {
		t.Errorf("omission (-want +got):\n%s", diff)
	}
}

// states collects what a host reports, so that tests wait for a state instead of for time.
type states chan host.Status

func (s states) await(t *testing.T, want host.State) host.Status {
	t.Helper()
	for {
		select {
		case got := <-s:
			if got.State == want {
				return got
			}
		case <-t.Context().Done():
			t.Fatalf("waiting for state %s: %v", want, t.Context().Err())
		}
	}
}

func TestCrashIsNamedAndThePluginComesBack(t *testing.T) {
	seen := make(states, 100)
	_, p := start(t, spec(t, "fine"), host.Options{OnChange: func(s host.Status) { seen <- s }})
	seen.await(t, host.Running)
	_, err := p.Filter().Filter(t.Context(), query(fleet(3), "exit"), framework.FullBitset(3))
	checkCallError(t, err, host.Unavailable, "reading from plugin")
	if s := seen.await(t, host.Waiting); s.LastError == nil || !strings.Contains(s.LastError.Error(), "exit status 7") {
		t.Errorf("last error is %v, want the exit status", s.LastError)
	}
	if s := seen.await(t, host.Running); s.Restarts != 1 || s.Version != "v1.2.3" || s.ReportedName != "misfit" {
		t.Errorf("status after the restart: %+v", s)
	}
	got, err := p.Filter().Filter(t.Context(), query(fleet(3), "fine"), framework.FullBitset(3))
	if err != nil || got[0].Status.Message() != "cluster(s) were not blue" {
		t.Errorf("after the restart: %v, %v, want the arguments to be configured again", got, err)
	}
}

// A plugin whose calls never return is killed and started again.
func TestHungPluginIsReplaced(t *testing.T) {
	s := spec(t, "fine")
	s.Deadline = 500 * time.Millisecond
	seen := make(states, 100)
	_, p := start(t, s, host.Options{OnChange: func(s host.Status) { seen <- s }})
	seen.await(t, host.Running)
	for range 5 {
		_, err := p.Filter().Filter(t.Context(), query(fleet(3), "hang"), framework.FullBitset(3))
		checkCallError(t, err, host.TimedOut, "no answer")
	}
	if s := seen.await(t, host.Waiting); !strings.Contains(s.LastError.Error(), "too many deadlines") {
		t.Errorf("last error is %v", s.LastError)
	}
	seen.await(t, host.Running)
	if _, err := p.Filter().Filter(t.Context(), query(fleet(3), "fine"), framework.FullBitset(3)); err != nil {
		t.Errorf("after the restart: %v", err)
	}
}

// A plugin that breaks every call is left alone after some, without a restart that would not help.
func TestBrokenPluginIsSuspended(t *testing.T) {
	_, p := start(t, spec(t, "fine"), host.Options{})
	for range 5 {
		_, err := p.Filter().Filter(t.Context(), query(fleet(3), "error"), framework.FullBitset(3))
		checkCallError(t, err, host.Broken, "price table")
	}
	_, err := p.Filter().Filter(t.Context(), query(fleet(3), "fine"), framework.FullBitset(3))
	checkCallError(t, err, host.Unavailable, "left alone for a while")
	if s := p.Status(); !s.Suspended || s.Restarts != 0 {
		t.Errorf("status is %+v, want suspended and not restarted", s)
	}
}

func TestCancelledCallerIsNotThePluginsFault(t *testing.T) {
	_, p := start(t, spec(t, "fine"), host.Options{})
	for range 6 {
		ctx, cancel := context.WithTimeout(t.Context(), 20*time.Millisecond)
		_, err := p.Filter().Filter(ctx, query(fleet(3), "wait"), framework.FullBitset(3))
		cancel()
		if !errors.Is(err, context.DeadlineExceeded) {
			t.Fatalf("error is %v, want the caller's own", err)
		}
	}
	if p.Status().Suspended {
		t.Error("plugin is suspended")
	}
}

// What keeps a plugin from starting is said, and what the operator can do about it.
func TestRefusedStarts(t *testing.T) {
	tests := []struct {
		name, kind string
		change     func(*host.Spec)
		says       string
	}{
		{"wrong hash", "fine", func(s *host.Spec) { s.SHA256 = strings.Repeat("ab", 32) }, "SHA-256 is not abab"},
		{"other protocol version", "future", nil, "Plugin version: 99, Client versions: [1]"},
		{"exits at once", "exits", nil, "starting "},
		{"never speaks", "silent", func(s *host.Spec) { s.StartTimeout = 200 * time.Millisecond }, "starting "},
		{"no such file", "fine", func(s *host.Spec) { s.Path = "/nonexistent/plugin" }, "no such file"},
		{"refuses its arguments", "fine", func(s *host.Spec) { s.Arguments = map[string]any{"refuse": "color must be blue"} }, "color must be blue"},
		{"unknown argument", "fine", func(s *host.Spec) { s.Arguments = map[string]any{"colour": "blue"} }, `unknown field "colour"`},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			s := spec(t, tt.kind)
			if tt.change != nil {
				tt.change(&s)
			}
			seen := make(states, 100)
			h := host.New(host.Options{OnChange: func(s host.Status) { seen <- s }})
			defer h.Close(context.Background())
			if err := h.Apply([]host.Spec{s}); err != nil {
				t.Fatal(err)
			}
			if got := seen.await(t, host.Waiting); got.LastError == nil || !strings.Contains(got.LastError.Error(), tt.says) {
				t.Errorf("last error is %v, want the words %q", got.LastError, tt.says)
			}
			p, _ := h.Plugin("misfit")
			_, err := p.Filter().Filter(t.Context(), query(fleet(3), "fine"), framework.FullBitset(3))
			checkCallError(t, err, host.Unavailable, tt.says)
		})
	}
}

// sumOf returns the SHA-256 of a file.
func sumOf(t *testing.T, path string) string {
	t.Helper()
	data, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return fmt.Sprintf("%x", sha256.Sum256(data))
}

func TestRightHashIsAccepted(t *testing.T) {
	s := spec(t, "fine")
	s.SHA256 = sumOf(t, s.Path)
	start(t, s, host.Options{})
}

func TestEnvironmentIsAnAllowList(t *testing.T) {
	t.Setenv("SECRET_TOKEN", "hunter2")
	t.Setenv("PRICE_TABLE", "/etc/prices")
	s := spec(t, "environment")
	s.Environment = []string{"PRICE_TABLE", "UNSET_VARIABLE"}
	seen := make(states, 100)
	h := host.New(host.Options{OnChange: func(s host.Status) { seen <- s }})
	defer h.Close(context.Background())
	if err := h.Apply([]host.Spec{s}); err != nil {
		t.Fatal(err)
	}
	says := seen.await(t, host.Waiting).LastError.Error()
	if _, list, _ := strings.Cut(says, "environment: "); list != "PRICE_TABLE" {
		t.Errorf("the plugin sees %q, want PRICE_TABLE only", list)
	}
}

// Calls in flight while the configuration changes are answered by the old process, later ones by the new.
func TestReloadLosesNoCall(t *testing.T) {
	seen := make(states, 100)
	h, p := start(t, spec(t, "fine"), host.Options{OnChange: func(s host.Status) { seen <- s }})
	seen.await(t, host.Running)
	stop := make(chan struct{})
	var wg sync.WaitGroup
	for range 4 {
		wg.Go(func() {
			for {
				select {
				case <-stop:
					return
				default:
				}
				if _, err := p.Filter().Filter(t.Context(), query(fleet(3), "fine"), framework.FullBitset(3)); err != nil {
					t.Errorf("a call got lost: %v", err)
				}
			}
		})
	}
	changed := spec(t, "fine")
	changed.Arguments = map[string]any{"color": "green"}
	if err := h.Apply([]host.Spec{changed}); err != nil {
		t.Fatal(err)
	}
	seen.await(t, host.Running)
	close(stop)
	wg.Wait()
	got, err := p.Filter().Filter(t.Context(), query(fleet(3), "fine"), framework.FullBitset(3))
	if err != nil || got[0].Status.Message() != "cluster(s) were not green" {
		t.Errorf("after the reload: %v, %v", got, err)
	}
}

// A plugin can be told the fleet before the first question, and is told it again when it comes back.
func TestPrime(t *testing.T) {
	h, p := start(t, spec(t, "fine"), host.Options{})
	if err := p.Prime(t.Context(), fleet(5000)); err != nil {
		t.Fatal(err)
	}
	if err := p.Prime(t.Context(), fleet(3)); err != nil {
		t.Fatal(err)
	}
	if err := h.Close(t.Context()); err != nil {
		t.Fatal(err)
	}
	if err := p.Prime(t.Context(), fleet(3)); err == nil || !strings.Contains(err.Error(), "it does not run (Stopped)") {
		t.Errorf("error is %v, want that the plugin is stopped", err)
	}
}

// What a plugin writes is counted when it is too much, and does not slow its answers down.
func TestFloodedLog(t *testing.T) {
	registry := prometheus.NewRegistry()
	_, p := start(t, spec(t, "fine"), host.Options{Metrics: host.NewMetrics(registry)})
	if _, err := p.Filter().Filter(t.Context(), query(fleet(3), "flood"), framework.FullBitset(3)); err != nil {
		t.Fatal(err)
	}
	for dropped := 0.0; dropped < 4000; {
		families, err := registry.Gather()
		if err != nil {
			t.Fatal(err)
		}
		for _, f := range families {
			if f.GetName() == "longshore_plugin_log_lines_dropped_total" {
				dropped = f.GetMetric()[0].GetCounter().GetValue()
			}
		}
		if _, err := p.Filter().Filter(t.Context(), query(fleet(3), "fine"), framework.FullBitset(3)); err != nil {
			t.Fatal(err)
		}
	}
}

func TestSpecsAreValidated(t *testing.T) {
	tests := []struct {
		name, says string
		spec       host.Spec
	}{
		{"no name", "name is empty", host.Spec{Path: "/p"}},
		{"neither path nor address", "exactly one of path and address", host.Spec{Name: "x"}},
		{"both", "exactly one of path and address", host.Spec{Name: "x", Path: "/p", Address: "unix:///s"}},
		{"relative path", "not absolute", host.Spec{Name: "x", Path: "p"}},
		{"short hash", "64 hexadecimal digits", host.Spec{Name: "x", Path: "/p", SHA256: "abcd"}},
		{"no hash at all", "64 hexadecimal digits", host.Spec{Name: "x", Path: "/p", SHA256: "yes"}},
		{"open network", "needs tls", host.Spec{Name: "x", Address: "dns:///plugins:1234"}},
		{"strange address", "unknown scheme", host.Spec{Name: "x", Address: "plugins:1234"}},
		{"policy", "neither fail nor skip", host.Spec{Name: "x", Path: "/p", FailurePolicy: "ignore"}},
		{"deadline", "must not be negative", host.Spec{Name: "x", Path: "/p", Deadline: -1}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			if err := host.New(host.Options{}).Apply([]host.Spec{tt.spec}); err == nil || !strings.Contains(err.Error(), tt.says) {
				t.Errorf("error is %v, want the words %q", err, tt.says)
			}
		})
	}
	twice := []host.Spec{{Name: "x", Path: "/p"}, {Name: "x", Path: "/p"}}
	if err := host.New(host.Options{}).Apply(twice); err == nil || !strings.Contains(err.Error(), "listed twice") {
		t.Errorf("error is %v, want that x is listed twice", err)
	}
}

// A process that does not even answer pings is killed and started again.
func TestFrozenProcess(t *testing.T) {
	seen := make(states, 100)
	_, p := start(t, spec(t, "fine"), host.Options{PingInterval: 200 * time.Millisecond, OnChange: func(s host.Status) { seen <- s }})
	frozen := seen.await(t, host.Running).PID
	if err := syscall.Kill(frozen, syscall.SIGSTOP); err != nil {
		t.Fatal(err)
	}
	if got := seen.await(t, host.Waiting).LastError; got == nil || !strings.Contains(got.Error(), "pinging plugin") {
		t.Errorf("last error is %v, want that pings failed", got)
	}
	seen.await(t, host.Running)
	if _, err := p.Filter().Filter(t.Context(), query(fleet(3), "fine"), framework.FullBitset(3)); err != nil {
		t.Error(err)
	}
	if err := syscall.Kill(frozen, 0); err == nil {
		t.Errorf("process %d is still there", frozen)
	}
}

// copyFile puts a copy of from in the place of to, as an installation does.
func copyFile(t *testing.T, from, to string) {
	t.Helper()
	data, err := os.ReadFile(from)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(to+".new", data, 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.Rename(to+".new", to); err != nil {
		t.Fatal(err)
	}
}

// An unpinned binary that was replaced is run instead of the old one, which first answers what it was asked.
func TestBinaryIsReplaced(t *testing.T) {
	s := spec(t, "fine")
	installed := filepath.Join(t.TempDir(), "plugin")
	copyFile(t, s.Path, installed)
	self := s.Path
	s.Path = installed
	seen := make(states, 100)
	_, p := start(t, s, host.Options{PingInterval: 20 * time.Millisecond, OnChange: func(s host.Status) { seen <- s }})
	before := seen.await(t, host.Running)
	copyFile(t, self, installed)
	after := seen.await(t, host.Running)
	if after.PID == before.PID || after.Restarts != 1 {
		t.Errorf("status is %+v after %+v, want another process", after, before)
	}
	if _, err := p.Filter().Filter(t.Context(), query(fleet(3), "fine"), framework.FullBitset(3)); err != nil {
		t.Error(err)
	}
}

// A successor that does not start leaves the plugin as it was.
func TestFailedReloadKeepsTheOld(t *testing.T) {
	s := spec(t, "fine")
	h, p := start(t, s, host.Options{PingInterval: 10 * time.Millisecond})
	s.Arguments = map[string]any{"refuse": "no such color"}
	if err := h.Apply([]host.Spec{s}); err != nil {
		t.Fatal(err)
	}
	for p.Status().LastError == nil {
		if _, err := p.Filter().Filter(t.Context(), query(fleet(3), "fine"), framework.FullBitset(3)); err != nil {
			t.Fatal(err)
		}
	}
	if s := p.Status(); s.State != host.Running || !strings.Contains(s.LastError.Error(), "no such color") {
		t.Errorf("status is %+v, want running with the refusal as the last error", s)
	}
}
