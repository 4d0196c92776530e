package main

import (
	"bytes"
	"context"
	"crypto/tls"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/longshore-project/longshore/plugins/host"
	"github.com/longshore-project/longshore/scheduler/profile"
)

func TestParseRefuses(t *testing.T) {
	tests := []struct {
		name string
		args []string
		want string
	}{
		{name: "unknown flag", args: []string{"--nope"}, want: "unknown flag: --nope"},
		{name: "argument", args: []string{"run"}, want: `unknown argument "run": longshore-scheduler takes flags only`},
		{name: "no scheduler name", args: []string{"--scheduler-name="}, want: "--scheduler-name is empty: name the bindings to schedule, default-scheduler for those that name none"},
		{name: "two ways to name", args: []string{"--config=x", "--scheduler-name=y"}, want: "--scheduler-name and --config exclude each other: write schedulerName into the profiles of the file"},
		{name: "two ways to choose plugins", args: []string{"--config=x", "--plugins=*"}, want: "--plugins and --config exclude each other: write plugins into the profiles of the file"},
		{name: "no requests", args: []string{"--kube-api-qps=0"}, want: "--kube-api-qps 0 and --kube-api-burst 2000 must be above zero"},
		{name: "no retries for the lease", args: []string{"--leader-elect-retry-period=0s"}, want: "--leader-elect-retry-period 0s must be above zero"},
		{name: "renewal in no time", args: []string{"--leader-elect-renew-deadline=2s"},
			want: "--leader-elect-renew-deadline 2s must be above 1.2 times --leader-elect-retry-period 2s"},
		{name: "two leaders", args: []string{"--leader-elect-lease-duration=10s"},
			want: "--leader-elect-lease-duration 10s must be above --leader-elect-renew-deadline 10s: the leader has to give up before others take over"},
		{name: "no committers", args: []string{"--concurrent-commits=0"}, want: "--concurrent-commits 0 must be at least 1"},
		{name: "port", args: []string{"--secure-port=70000"}, want: "--secure-port 70000 is not a port: 0 to 65535"},
		{name: "address", args: []string{"--bind-address=host"}, want: `--bind-address "host" is not an IP address`},
		{name: "half a certificate", args: []string{"--tls-cert-file=x"}, want: "--tls-cert-file and --tls-private-key-file go together: give both or neither"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			if _, err := parse(tt.args, io.Discard); err == nil || err.Error() != tt.want {
				t.Errorf("error is %v, want %s", err, tt.want)
			}
		})
	}
}

func TestParseAnswers(t *testing.T) {
	for flag, want := range map[string]string{"--version": "longshore-scheduler ", "--help": "--scheduler-name"} {
		var out bytes.Buffer
		if o, err := parse([]string{flag}, &out); o != nil || err != nil || !strings.Contains(out.String(), want) {
			t.Errorf("%s: options %v, error %v, output %q", flag, o, err, out.String())
		}
	}
}

func TestLeaseIsTheSchedulersOwn(t *testing.T) {
	named := func(names ...string) []profile.Profile {
		var out []profile.Profile
		for _, name := range names {
			out = append(out, profile.Profile{SchedulerName: name})
		}
		return out
	}
	for _, tt := range []struct {
		profiles []profile.Profile
		want     string
	}{
		{named("default-scheduler"), "longshore-scheduler"},
		{named("mine"), "longshore-scheduler-mine"},
		{named("mine", "default-scheduler"), "longshore-scheduler"},
		{named("mine", "yours"), "longshore-scheduler-mine"},
	} {
		if got := leaseOf(tt.profiles); got != tt.want {
			t.Errorf("%v: lease %q, want %q", tt.profiles, got, tt.want)
		}
	}
}

func TestAnswersFromTheFile(t *testing.T) {
	file := func(profiles string) string {
		path := filepath.Join(t.TempDir(), "scheduler.yaml")
		text := "apiVersion: scheduler.longshore.dev/v1alpha1\nkind: SchedulerConfiguration\nprofiles:\n" + profiles
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		return path
	}
	good, bad := file("- schedulerName: a\n- schedulerName: b\n"), file("- schedulerNam: a\n- plugins: {filter: {enabled: [{name: Nope}]}}\n")
	tests := []struct {
		name       string
		args       []string
		want, fail []string
	}{
		{name: "valid", args: []string{"--config", good, "--validate"}, want: []string{good + " is valid"}},
		{name: "printed", args: []string{"--config", good, "--print-profile"}, want: []string{"Profile a, ", "Profile b, ", "ClusterLocality"}},
		{name: "without a file", args: []string{"--scheduler-name=mine", "--print-profile"}, want: []string{"Profile mine, reservations on"}},
		{name: "invalid", args: []string{"--config", bad, "--validate"}, fail: []string{bad + " cannot be used:", "line 4: ", "line 5: ", `"Nope"`}},
		{name: "invalid is not run either", args: []string{"--config", bad}, fail: []string{"line 4: "}},
		{name: "no file", args: []string{"--config", good + ".gone", "--validate"}, fail: []string{"reading the configuration: open "}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			var out bytes.Buffer
			err := run(t.Context(), tt.args, &out)
			if (err != nil) != (tt.fail != nil) {
				t.Fatalf("error is %v", err)
			}
			for _, part := range tt.want {
				if !strings.Contains(out.String(), part) {
					t.Errorf("output lacks %q:\n%s", part, out.String())
				}
			}
			for _, part := range tt.fail {
				if !strings.Contains(err.Error(), part) {
					t.Errorf("error lacks %q: %v", part, err)
				}
			}
		})
	}
}

// TestDocumentedConfigurationsAreValid checks the examples that users start from.
func TestDocumentedConfigurationsAreValid(t *testing.T) {
	text, err := os.ReadFile("../../docs/scheduler-configuration.md")
	if err != nil {
		t.Fatal(err)
	}
	examples := strings.Split(string(text), "```yaml\n")[1:]
	wants := []string{"Profile sparing, reservations off", `{"label":"example.com/cost","unit":"EUR per core and hour"}`}
	if len(examples) != len(wants) {
		t.Fatalf("the page has %d examples, want %d", len(examples), len(wants))
	}
	for i, want := range wants {
		example, _, _ := strings.Cut(examples[i], "```")
		path := filepath.Join(t.TempDir(), "scheduler.yaml")
		if err := os.WriteFile(path, []byte(example), 0o600); err != nil {
			t.Fatal(err)
		}
		var out bytes.Buffer
		if err := run(t.Context(), []string{"--config", path, "--print-profile"}, &out); err != nil {
			t.Fatal(err)
		}
		if !strings.Contains(out.String(), want) {
			t.Errorf("example %d: output lacks %q:\n%s", i+1, want, out.String())
		}
	}
}

func TestServer(t *testing.T) {
	o, err := parse(nil, io.Discard)
	if err != nil {
		t.Fatal(err)
	}
	synced := false
	calls := prometheus.NewCounter(prometheus.CounterOpts{Name: "calls_total", Help: "Calls."})
	s, err := newServer(o, func() bool { return synced }, calls, map[string]http.Handler{host.ReportPath: &external{}})
	if err != nil {
		t.Fatal(err)
	}
	s.health.Address = "127.0.0.1:0" // Any free port.
	listener, err := s.health.Listen()
	if err != nil {
		t.Fatal(err)
	}
	ctx, stop := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() { ended <- s.health.ServeOn(ctx, listener) }()
	client := &http.Client{Transport: &http.Transport{TLSClientConfig: &tls.Config{InsecureSkipVerify: true}}}
	ask := func(path string) int {
		response, err := client.Get("https://" + listener.Addr().String() + path)
		if err != nil {
			t.Fatal(err)
		}
		defer response.Body.Close()
		return response.StatusCode
	}
	if got := ask("/readyz"); got != http.StatusOK {
		t.Errorf("standing by: %d, want 200", got)
	}
	s.leading.Store(true)
	if got := ask("/readyz"); got != http.StatusServiceUnavailable {
		t.Errorf("leading before the first lists are read: %d, want 503", got)
	}
	synced = true
	for _, path := range []string{"/readyz", "/healthz", "/metrics", host.ReportPath} {
		if got := ask(path); got != http.StatusOK {
			t.Errorf("%s: %d, want 200", path, got)
		}
	}
	stop()
	if err := <-ended; err != nil {
		t.Errorf("serve: %v", err)
	}
}
