package clusterstatus

import (
	"net/http"
	"net/http/httptest"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"k8s.io/client-go/discovery"
	"k8s.io/client-go/rest"

	clusterv1alpha1 "github.com/longshore-project/longshore/apis/cluster/v1alpha1"
)

func TestProbe(t *testing.T) {
	for _, test := range []struct {
		name    string
		answers map[string]int
		want    health
	}{
		{"ready", map[string]int{"/readyz": 200}, health{true, clusterv1alpha1.ReasonClusterReady, "The API server answers that it is ready."}},
		{"an old server has only healthz", map[string]int{"/healthz": 200}, health{true, clusterv1alpha1.ReasonClusterReady, "The API server answers that it is ready."}},
		{"not ready", map[string]int{"/readyz": 500}, health{false, clusterv1alpha1.ReasonClusterNotReady,
			`/readyz answered 500: an error on the server ("an answer") has prevented the request from succeeding`}},
		{"refused", map[string]int{"/readyz": 403}, health{false, clusterv1alpha1.ReasonClusterNotReady,
			"The API server refuses the token in spec.secretRef (/readyz answered 403): join the cluster again or renew the Secret."}},
	} {
		t.Run(test.name, func(t *testing.T) {
			server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				code, ok := test.answers[r.URL.Path]
				if !ok {
					code = http.StatusNotFound
				}
				w.WriteHeader(code)
				_, _ = w.Write([]byte("an answer"))
			}))
			defer server.Close()
			client := discovery.NewDiscoveryClientForConfigOrDie(&rest.Config{Host: server.URL}).RESTClient()
			if diff := cmp.Diff(test.want, probe(t.Context(), client), cmp.AllowUnexported(health{})); diff != "" {
				t.Errorf("health (-want +got):\n%s", diff)
			}
		})
	}
}

func TestProbeWithoutAnswer(t *testing.T) {
	server := httptest.NewServer(http.NotFoundHandler())
	server.Close()
	client := discovery.NewDiscoveryClientForConfigOrDie(&rest.Config{Host: server.URL}).RESTClient()
	if got := probe(t.Context(), client); got.ready || got.reason != clusterv1alpha1.ReasonClusterNotReachable {
		t.Errorf("health is %+v", got)
	}
}

func TestDamper(t *testing.T) {
	type look struct {
		second      int
		ready, want bool
	}
	for _, test := range []struct {
		name  string
		looks []look
	}{
		{"the first look counts at once", []look{{0, true, true}}},
		{"also if it is bad", []look{{0, false, false}}},
		{"a short failure is not reported", []look{{0, true, true}, {10, false, true}, {30, false, true}, {35, true, true}, {50, false, true}}},
		{"a long one is", []look{{0, true, true}, {10, false, true}, {39, false, true}, {40, false, false}}},
		{"recovery takes its own time", []look{{0, false, false}, {10, true, false}, {19, true, false}, {20, true, true}}},
		{"each relapse starts the clock anew", []look{{0, false, false}, {10, true, false}, {15, false, false}, {16, true, false}, {25, true, false}, {26, true, true}}},
	} {
		t.Run(test.name, func(t *testing.T) {
			d := damper{success: 10 * time.Second, failure: 30 * time.Second}
			for _, l := range test.looks {
				if got := d.settle(time.Unix(int64(l.second), 0), l.ready); got != l.want {
					t.Errorf("at %d s with ready=%v: reported %v, want %v", l.second, l.ready, got, l.want)
				}
			}
		})
	}
}
