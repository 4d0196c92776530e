package main

import (
	"bytes"
	"context"
	"crypto/tls"
	"io"
	"net"
	"net/http"
	"strings"
	"testing"

	"github.com/prometheus/client_golang/prometheus"
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
		{name: "no requests", args: []string{"--kube-api-qps=0"}, want: "--kube-api-qps 0 and --kube-api-burst 2000 must be above zero"},
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
	for _, tt := range []struct{ args, want string }{
		{"--leader-elect=true", "longshore-scheduler"},
		{"--scheduler-name=mine", "longshore-scheduler-mine"},
		{"--leader-elect-resource-name=given", "given"},
	} {
		o, err := parse([]string{tt.args}, io.Discard)
		if err != nil {
			t.Fatal(err)
		}
		if got := o.lease(); got != tt.want {
			t.Errorf("%s: lease %q, want %q", tt.args, got, tt.want)
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
	s, err := newServer(o, func() bool { return synced }, calls)
	if err != nil {
		t.Fatal(err)
	}
	var listener net.Listener
	listen := s.listen
	o.securePort = 0 // Any free one.
	s.listen = func() (net.Listener, error) { return listener, err }
	if listener, err = listen(); err != nil {
		t.Fatal(err)
	}
	ctx, stop := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() { ended <- s.serve(ctx) }()
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
	for _, path := range []string{"/readyz", "/healthz", "/metrics"} {
		if got := ask(path); got != http.StatusOK {
			t.Errorf("%s: %d, want 200", path, got)
		}
	}
	stop()
	if err := <-ended; err != nil {
		t.Errorf("serve: %v", err)
	}
}
