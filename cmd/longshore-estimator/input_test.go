package main

import (
	"bytes"
	"errors"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
)

// TestBadInput runs the program with what cannot work: it ends with code 1, nothing on the standard output, and one line with the cause.
func TestBadInput(t *testing.T) {
	dir := t.TempDir()
	file := func(name, content string) string {
		path := filepath.Join(dir, name)
		if err := os.WriteFile(path, []byte(content), 0o600); err != nil {
			t.Fatal(err)
		}
		return path
	}
	kubeconfig := file("kubeconfig", "{apiVersion: v1, kind: Config, current-context: it, contexts: [{name: it, context: {cluster: it}}], "+
		"clusters: [{name: it, cluster: {server: 'https://127.0.0.1:1'}}]}")
	taken, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer taken.Close()
	busy := strconv.Itoa(taken.Addr().(*net.TCPAddr).Port)
	tls := certificates(t, filepath.Join(dir, "tls"))
	one := []string{"--cluster-name=a", "--kubeconfig=" + kubeconfig, "--secure-port=0"}
	with := func(args ...string) []string { return append(one[:len(one):len(one)], args...) }
	tests := []struct {
		name, want string
		args       []string
	}{
		{name: "nothing to observe", args: []string{"--insecure"}, want: "nothing to observe: give --cluster-name, --member or --control-plane"},
		{name: "unknown flag", args: []string{"--unknown"}, want: "unknown flag: --unknown"},
		{name: "unknown command", args: []string{"serve"}, want: `unknown command "serve"`},
		{name: "no TLS", args: with(), want: `TLS needs --tls-cert-file, --tls-private-key-file and --client-ca-file; "longshore-estimator certificates DIR" makes them`},
		{name: "open to all", args: with("--insecure", "--bind-address=0.0.0.0"), want: "--insecure works on a loopback address only"},
		{name: "both", args: with("--insecure", "--tls-cert-file=x"), want: "--insecure and TLS files exclude each other"},
		{name: "socket with TLS", args: with("--socket=s", "--insecure"), want: "--socket has no TLS"},
		{name: "long socket", args: with("--socket=" + strings.Repeat("s", 100)), want: "use less than 100 bytes"},
		{name: "address", args: with("--insecure", "--bind-address=here"), want: `--bind-address "here" is not an IP address`},
		{name: "port", args: with("--insecure", "--grpc-port=70000"), want: "--grpc-port is 70000: use 1 to 65535"},
		{name: "one port for two", args: with("--insecure", "--secure-port=10352"), want: "--grpc-port and --secure-port are both 10352"},
		{name: "patience", args: with("--insecure", "--unknown-after=0s"), want: "--unknown-after is 0s: use more than 0"},
		{name: "kubeconfig of nobody", args: []string{"--insecure", "--kubeconfig=x", "--member=a=b"}, want: "--kubeconfig is that of one member"},
		{name: "member without kubeconfig", args: []string{"--insecure", "--member=a"}, want: `--member "a" is not NAME=KUBECONFIG`},
		{name: "member twice", args: with("--insecure", "--member=a="+kubeconfig), want: "member a is given twice"},
		{name: "clusters of nobody", args: with("--insecure", "--clusters=a"), want: "--clusters chooses from the members of --control-plane"},
		{name: "secrets of nobody", args: []string{"--insecure", "--control-plane=" + kubeconfig, "--secret-namespaces="}, want: "--secret-namespaces names no namespace"},
		{name: "missing kubeconfig", args: []string{"--insecure", "--cluster-name=a", "--kubeconfig=/nowhere"}, want: "reading the kubeconfig of a: stat /nowhere"},
		{name: "missing context", args: []string{"--insecure", "--member=a=" + kubeconfig + "#other"}, want: `context "other" does not exist`},
		{name: "missing kubeconfig of the control plane", args: []string{"--insecure", "--control-plane=/nowhere"}, want: "reading the kubeconfig of the control plane: stat /nowhere"},
		{name: "busy port", args: with("--insecure", "--grpc-port="+busy), want: "address already in use; choose another --grpc-port"},
		{name: "busy secure port", args: []string{"--insecure", "--cluster-name=a", "--kubeconfig=" + kubeconfig, "--grpc-port=" + strconv.Itoa(freePort(t)), "--secure-port=" + busy}, want: "address already in use; choose another --secure-port"},
		{name: "missing certificate", args: with("--tls-cert-file=/nowhere", "--tls-private-key-file="+tls+"/server.key", "--client-ca-file="+tls+"/ca.crt"), want: "loading the serving certificate: open /nowhere"},
		{name: "no CA in the file", args: with("--tls-cert-file="+tls+"/server.crt", "--tls-private-key-file="+tls+"/server.key", "--client-ca-file="+kubeconfig), want: "holds no PEM certificate"},
		{name: "certificates without folder", args: []string{"certificates"}, want: "accepts 1 arg(s), received 0"},
		{name: "certificates in a file", args: []string{"certificates", kubeconfig}, want: "making certificates: mkdir"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			command := program(t.Context(), tt.args...)
			var out, errs bytes.Buffer
			command.Stdout, command.Stderr = &out, &errs
			exit, failed := errors.AsType[*exec.ExitError](command.Run())
			if !failed || exit.ExitCode() != 1 {
				t.Errorf("it ended with %v, want code 1", exit)
			}
			said := errs.String()
			if out.Len() > 0 || strings.Count(said, "\n") != 1 || !strings.HasPrefix(said, "longshore-estimator: ") || !strings.Contains(said, tt.want) {
				t.Errorf("it said %q and %q, want one line with %q", &out, said, tt.want)
			}
		})
	}
}

func TestHelpAndVersion(t *testing.T) {
	for argument, want := range map[string]string{
		"--help": "longshore-estimator certificates ./tls", "--version": "longshore-estimator version ",
	} {
		if out, err := program(t.Context(), argument).Output(); err != nil || !strings.Contains(string(out), want) {
			t.Errorf("%s prints %q, %v, want %q", argument, out, err, want)
		}
	}
}
