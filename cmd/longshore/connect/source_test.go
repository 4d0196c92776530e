package connect_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"k8s.io/client-go/rest"

	"github.com/longshore-project/longshore/cmd/longshore/connect"
	"github.com/longshore-project/longshore/cmd/longshore/connect/connecttest"
)

const twoContexts = `apiVersion: v1
kind: Config
clusters: [{name: c, cluster: {server: "https://127.0.0.1:1"}}]
users: [{name: u, user: {token: secret}}]
contexts:
- {name: east, context: {cluster: c, user: u}}
- {name: west, context: {cluster: c, user: u}}
`

func TestLoadSaysWhatIsWrong(t *testing.T) {
	tests := []struct {
		name, content, context string
		want                   []string
	}{
		{"not yaml", "apiVersion: v1\nclusters: [", "", []string{"of the member cannot be read", "--cluster-kubeconfig"}},
		{"another format", "hello", "", []string{"of the member cannot be read", "--cluster-kubeconfig"}},
		{"empty", "", "", []string{"names no cluster", "--cluster-kubeconfig"}},
		{"no current context", twoContexts, "", []string{"has no current context", "--cluster-context", "east, west"}},
		{"unknown context", twoContexts, "north", []string{`has no context "north"`, "--cluster-context", "east, west"}},
		{"context without cluster", strings.ReplaceAll(twoContexts, "{name: c,", "{name: other,"), "east", []string{`has no cluster "c"`, `context "east"`}},
		{"undefined current context", "current-context: north\n" + twoContexts, "", []string{`current context "north"`, "--cluster-context", "east, west"}},
		{"missing CA file", strings.ReplaceAll(twoContexts, `cluster: {server`, `cluster: {certificate-authority: /nonexistent/ca.crt, server`), "east",
			[]string{"/nonexistent/ca.crt"}},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			s := connect.Member()
			s.Kubeconfig = filepath.Join(t.TempDir(), "kubeconfig")
			s.Context = test.context
			if err := os.WriteFile(s.Kubeconfig, []byte(test.content), 0o600); err != nil {
				t.Fatal(err)
			}
			_, err := s.Load()
			expect(t, err, append(test.want, s.Kubeconfig)...)
		})
	}
}

func TestLoadMissingFile(t *testing.T) {
	s := connect.ControlPlane()
	s.Kubeconfig = "/nonexistent/kubeconfig"
	_, err := s.Load()
	expect(t, err, "/nonexistent/kubeconfig of the control plane does not exist", "--kubeconfig")
}

func TestLoadReadsEnvironment(t *testing.T) {
	file := connecttest.Kubeconfig(t, &rest.Config{Host: "https://127.0.0.1:1", BearerToken: "x"})
	t.Setenv("KUBECONFIG", "/nonexistent/first:"+file)
	cfg, err := connect.ControlPlane().Load()
	if err != nil {
		t.Fatal(err)
	}
	if cfg.Host != "https://127.0.0.1:1" || cfg.BearerToken != "x" {
		t.Errorf("loaded host %q, token %q", cfg.Host, cfg.BearerToken)
	}
}

func TestDialUnreachable(t *testing.T) {
	s := connect.Member()
	s.Kubeconfig = connecttest.Kubeconfig(t, &rest.Config{Host: "https://127.0.0.1:1", BearerToken: "x"})
	_, err := s.Dial(t.Context())
	expect(t, err, "no answer from the member", "127.0.0.1:1", "connection refused", "--cluster-kubeconfig")
}

// expect fails unless err is one line that holds every part.
func expect(t *testing.T, err error, parts ...string) {
	t.Helper()
	if err == nil {
		t.Fatal("no error")
	}
	for _, part := range parts {
		if !strings.Contains(err.Error(), part) {
			t.Errorf("error does not say %q:\n%v", part, err)
		}
	}
	if strings.Contains(err.Error(), "\n") {
		t.Errorf("error has several lines:\n%v", err)
	}
}
