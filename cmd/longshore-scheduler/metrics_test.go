package main

import (
	"context"
	"crypto/tls"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"testing"

	"github.com/longshore-project/longshore/cmd/internal/metricstest"
	"github.com/longshore-project/longshore/cmd/longshore/local/localtest"
)

// freePort returns a port on which nobody listens.
func freePort(t *testing.T) int {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	return l.Addr().(*net.TCPAddr).Port
}

// ask returns status and body of the answer, 0 if nobody answers.
func ask(t *testing.T, port int, path string) (int, string) {
	t.Helper()
	client := &http.Client{Transport: &http.Transport{TLSClientConfig: &tls.Config{InsecureSkipVerify: true}, DisableKeepAlives: true}}
	request, err := http.NewRequestWithContext(t.Context(), http.MethodGet, fmt.Sprintf("https://127.0.0.1:%d%s", port, path), nil)
	if err != nil {
		t.Fatal(err)
	}
	response, err := client.Do(request)
	if err != nil {
		return 0, ""
	}
	defer response.Body.Close()
	body, err := io.ReadAll(response.Body)
	if err != nil {
		t.Fatal(err)
	}
	return response.StatusCode, string(body)
}

func TestMetricsAreDocumented(t *testing.T) {
	metricstest.Check(t, "scheduler", newMetrics(true).registry)
}

// TestServesHealthAndMetrics asks the whole program on its secure port.
func TestServesHealthAndMetrics(t *testing.T) {
	config := localtest.ControlPlane(t)
	kubeconfig, c, port := kubeconfigOf(t, config), newClient(t, config), freePort(t)
	createMember(t, c, "scraped-member", 10)
	ctx, stop := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() {
		ended <- run(ctx, []string{
			"--kubeconfig", kubeconfig, "--scheduler-name=scraped", "--leader-elect=false", fmt.Sprintf("--secure-port=%d", port),
		}, io.Discard)
	}()
	for _, path := range []string{"/healthz", "/readyz"} {
		eventually(t, path+" says ok", func(context.Context) (bool, error) {
			status, body := ask(t, port, path)
			return status == http.StatusOK && body == "ok", nil
		})
	}
	eventually(t, "a binding is scheduled", scheduledIn(c, createBinding(t, c, "scraped", "scraped", "scraped-member")))
	status, body := ask(t, port, "/metrics")
	if status != http.StatusOK {
		t.Errorf("/metrics: %d, want 200", status)
	}
	for _, line := range []string{
		`karmada_scheduler_queue_depth{queue="active"} 0`,
		`karmada_scheduler_queue_depth{queue="backoff"} 0`,
		`karmada_scheduler_queue_depth{queue="unschedulable"} 0`,
		`longshore_scheduler_commit_conflicts_total 0`,
		`longshore_scheduler_reservations{state="in_flight"} 0`,
		`karmada_scheduler_schedule_attempts_total{result="scheduled",schedule_type="PlacementChanged"} 1`,
		"process_cpu_seconds_total ",
	} {
		if !strings.Contains(body, "\n"+line) {
			t.Errorf("/metrics lacks %q", line)
		}
	}
	metricstest.Served(t, body)
	stop()
	if err := <-ended; err != nil {
		t.Errorf("run: %v", err)
	}
}
