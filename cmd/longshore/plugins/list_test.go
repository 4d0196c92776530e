package plugins

import (
	"encoding/json"
	"encoding/pem"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"k8s.io/client-go/util/cert"

	"github.com/longshore-project/longshore/cmd/longshore/connect/connecttest"
	"github.com/longshore-project/longshore/plugins/host"
)

var now = time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)

// report is what a scheduler says that has three plugins.
func report() *host.Report {
	r, wrong := host.NewReport(now), now.Add(-3*time.Minute)
	r.Plugins = []host.PluginReport{
		{
			Name: "carbon", Profile: "green", Source: "dns:///plugins:8443", FailurePolicy: host.Skip, State: host.Waiting, Since: now.Add(-5 * time.Second),
			LastError: "asking plugin what it is:\nno route to host", LastErrorTime: &wrong,
		},
		{
			Name: "cost", Profile: "default-scheduler", Version: "v1", FailurePolicy: host.Fail, Stages: []string{"score", "assign"}, State: host.Running,
			Since: now.Add(-50 * time.Hour), Restarts: 3, Suspended: true, Latencies: []host.StageLatency{
				{Stage: "score", Calls: 512, P50: host.Duration(67_432), P90: host.Duration(123_456), P99: host.Duration(2_345_678)},
			},
		},
	}
	return r
}

// serve answers at the path with the document, and returns the address of the server and the file with its CA.
func serve(t *testing.T, path string, document any) (address, caFile string) {
	t.Helper()
	mux := http.NewServeMux()
	mux.HandleFunc(path, func(w http.ResponseWriter, _ *http.Request) {
		if err := json.NewEncoder(w).Encode(document); err != nil {
			t.Error(err)
		}
	})
	mux.HandleFunc("/hidden/", func(w http.ResponseWriter, _ *http.Request) { http.Error(w, "log in first", http.StatusForbidden) })
	s := httptest.NewTLSServer(mux)
	t.Cleanup(s.Close)
	caFile = filepath.Join(t.TempDir(), "ca.crt")
	if err := os.WriteFile(caFile, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: s.Certificate().Raw}), 0o600); err != nil {
		t.Fatal(err)
	}
	return s.URL, caFile
}

func TestList(t *testing.T) {
	address, caFile := serve(t, host.ReportPath, report())
	want := `NAME    PROFILE            VERSION  STATE              SINCE  RESTARTS  POLICY  STAGE   CALLS  P50     P90    P99
carbon  green              -        Waiting            5s     0         skip    -       0      -       -      -
cost    default-scheduler  v1       Running,Suspended  2d     3         fail    score   512    67.4µs  123µs  2.35ms
                                                                                assign  0      -       -      -
carbon of green, last error 3m ago: asking plugin what it is:; no route to host
`
	for name, args := range map[string][]string{
		"loopback": nil, "CA": {"--certificate-authority", caFile}, "insecure": {"--insecure-skip-tls-verify"},
	} {
		t.Run(name, func(t *testing.T) {
			out, err := connecttest.Run(t, NewCommand(), append([]string{"list", "--scheduler", address}, args...)...)
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(want, out); diff != "" {
				t.Errorf("table (-want +got):\n%s", diff)
			}
		})
	}
}

func TestListPrintsDocuments(t *testing.T) {
	address, _ := serve(t, host.ReportPath, report())
	for format, want := range map[string]string{"json": `"name":"carbon","profile":"green"`, "yaml": "- deadline: 0s\n  failurePolicy: skip\n"} {
		out, err := connecttest.Run(t, NewCommand(), "list", "--scheduler", address, "-o", format)
		if err != nil || !strings.Contains(out, want) {
			t.Errorf("%s: error %v, output\n%s\nlacks %s", format, err, out, want)
		}
	}
}

func TestListWithoutPlugins(t *testing.T) {
	address, _ := serve(t, host.ReportPath, host.NewReport(now))
	out, err := connecttest.Run(t, NewCommand(), "list", "--scheduler", address)
	if want := "the scheduler has no external plugins\n"; err != nil || out != want {
		t.Errorf("error %v, output %q, want %q", err, out, want)
	}
}

func TestListExplains(t *testing.T) {
	address, _ := serve(t, "/other", nil)
	_, key, _ := strings.Cut(address, "https://")
	closed := httptest.NewTLSServer(nil)
	closed.Close()
	strange, _, err := cert.GenerateSelfSignedCertKey("elsewhere", nil, nil)
	if err != nil {
		t.Fatal(err)
	}
	text, stranger := filepath.Join(t.TempDir(), "text"), filepath.Join(t.TempDir(), "ca.crt")
	for file, content := range map[string][]byte{text: []byte("no certificate"), stranger: strange} {
		if err := os.WriteFile(file, content, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	tests := []struct {
		name string
		args []string
		want string
	}{
		{"nobody", []string{"--scheduler", closed.URL}, "no scheduler answers at " + closed.URL + ": dial tcp "},
		{"no address", []string{"--scheduler", key}, `--scheduler "` + key + `" is no address: write https://host:port`},
		{"no TLS", []string{"--scheduler", "http://127.0.0.1:1"}, `--scheduler "http://127.0.0.1:1" is no address: write https://host:port`},
		{"something else", []string{"--scheduler", address}, "what answers at " + address + " does not know /debug/plugins: it is no longshore-scheduler, or an older one"},
		{"refuses", []string{"--scheduler", address + "/hidden"}, "the scheduler at " + address + "/hidden answers 403 Forbidden: log in first"},
		{"no CA", []string{"--certificate-authority", "nothing"}, "reading --certificate-authority: open nothing: no such file or directory"},
		{"empty CA", []string{"--certificate-authority", text}, "reading --certificate-authority: " + text + " holds no PEM certificate"},
		{"other CA", []string{"--scheduler", address, "--certificate-authority", stranger}, "the scheduler at " + address + " shows a certificate that is not trusted: "},
		{"format", []string{"-o", "xml"}, `--output "xml" is unknown: table, json or yaml`},
		{"patience", []string{"--scheduler", address, "--timeout", "1ns"}, "the scheduler at " + address + " does not answer within 1ns: see --timeout"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			_, err := connecttest.Run(t, NewCommand(), append([]string{"list"}, tt.args...)...)
			if err == nil || !strings.HasPrefix(err.Error(), tt.want) {
				t.Fatalf("error is %v, want %s", err, tt.want)
			}
			if strings.Contains(err.Error(), "\n") {
				t.Errorf("error has several lines: %v", err)
			}
		})
	}
}
