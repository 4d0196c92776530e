package serving

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/go-logr/logr"
	"github.com/prometheus/client_golang/prometheus"

	"github.com/longshore-project/longshore/cmd/internal/keys"
)

// folder holds the files of a server and of a client.
type folder string

func (f folder) file(name string) string { return filepath.Join(string(f), name) }

// issue writes everything anew, with a CA of its own.
func (f folder) issue(t *testing.T) {
	t.Helper()
	authority, err := keys.NewAuthority("test", time.Hour)
	if err != nil {
		t.Fatal(err)
	}
	server := &x509.Certificate{Subject: pkix.Name{CommonName: "server"}, DNSNames: []string{"localhost"}, ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth}}
	client := &x509.Certificate{Subject: pkix.Name{CommonName: "client"}, ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageClientAuth}}
	for _, err := range []error{
		authority.Issue(server, f.file("server.crt"), f.file("server.key")), authority.Issue(client, f.file("client.crt"), f.file("client.key")),
		authority.WriteCertificate(f.file("ca.crt")),
	} {
		if err != nil {
			t.Fatal(err)
		}
	}
}

// client trusts the CA and shows the certificate that are in the folder now.
func (f folder) client(t *testing.T) *tls.Config {
	t.Helper()
	pair, err := tls.LoadX509KeyPair(f.file("client.crt"), f.file("client.key"))
	if err != nil {
		t.Fatal(err)
	}
	ca, err := os.ReadFile(f.file("ca.crt"))
	if err != nil {
		t.Fatal(err)
	}
	roots := x509.NewCertPool()
	roots.AppendCertsFromPEM(ca)
	return &tls.Config{MinVersion: tls.VersionTLS12, Certificates: []tls.Certificate{pair}, RootCAs: roots, ServerName: "localhost"}
}

// handshake connects a server and a client and returns what each thinks of it.
func handshake(t *testing.T, server, client *tls.Config) (atServer, atClient error) {
	t.Helper()
	listener, err := tls.Listen("tcp", "127.0.0.1:0", server)
	if err != nil {
		t.Fatal(err)
	}
	defer listener.Close()
	done := make(chan error, 1)
	go func() {
		conn, err := listener.Accept()
		if err != nil {
			done <- err
			return
		}
		defer conn.Close()
		_, err = conn.Write([]byte("x"))
		done <- err
	}()
	conn, err := tls.Dial("tcp", listener.Addr().String(), client)
	if err != nil {
		return <-done, err
	}
	defer conn.Close()
	_, atClient = io.ReadFull(conn, make([]byte, 1))
	return <-done, atClient
}

func TestCertificatesAreReadAgain(t *testing.T) {
	f := folder(t.TempDir())
	f.issue(t)
	c, err := LoadCertificates(Files{Cert: f.file("server.crt"), Key: f.file("server.key"), ClientCA: f.file("ca.crt")}, "127.0.0.1", logr.Discard())
	if err != nil {
		t.Fatal(err)
	}
	before := f.client(t)
	if server, client := handshake(t, c.Config(), before); server != nil || client != nil {
		t.Fatalf("with the first files: %v at the server, %v at the client", server, client)
	}
	f.issue(t)
	f.age(t, time.Minute)
	if server, client := handshake(t, c.Config(), f.client(t)); server != nil || client != nil {
		t.Errorf("with renewed files: %v at the server, %v at the client", server, client)
	}
	if server, _ := handshake(t, c.Config(), before); server == nil {
		t.Error("a client of the CA from before is still let in")
	}
	if err := os.WriteFile(f.file("server.crt"), []byte("half a certif"), 0o600); err != nil {
		t.Fatal(err)
	}
	if server, client := handshake(t, c.Config(), f.client(t)); server != nil || client != nil {
		t.Errorf("while the files are broken: %v at the server, %v at the client", server, client)
	}
}

// age makes the files look so much younger than they are: file systems may count time coarsely.
func (f folder) age(t *testing.T, by time.Duration) {
	t.Helper()
	then := time.Now().Add(by)
	for _, name := range []string{"server.crt", "server.key", "ca.crt"} {
		if err := os.Chtimes(f.file(name), then, then); err != nil {
			t.Fatal(err)
		}
	}
}

func TestClientsWithoutCertificate(t *testing.T) {
	f := folder(t.TempDir())
	f.issue(t)
	c, err := LoadCertificates(Files{Cert: f.file("server.crt"), Key: f.file("server.key"), ClientCA: f.file("ca.crt")}, "127.0.0.1", logr.Discard())
	if err != nil {
		t.Fatal(err)
	}
	bare := f.client(t)
	bare.Certificates = nil
	if server, _ := handshake(t, c.Config(), bare); server == nil {
		t.Error("a client without a certificate is let in")
	}
}

func TestLoadCertificatesRefuses(t *testing.T) {
	f := folder(t.TempDir())
	f.issue(t)
	for name, files := range map[string]Files{
		"a certificate without key": {Cert: f.file("server.crt")},
		"a file that is not there":  {Cert: f.file("none"), Key: f.file("server.key")},
		"a key of another":          {Cert: f.file("server.crt"), Key: f.file("client.key")},
		"a CA that is none":         {Cert: f.file("server.crt"), Key: f.file("server.key"), ClientCA: f.file("server.key")},
	} {
		if _, err := LoadCertificates(files, "127.0.0.1", logr.Discard()); err == nil {
			t.Errorf("%s: no error", name)
		}
	}
}

func TestHealth(t *testing.T) {
	certificates, err := LoadCertificates(Files{}, "127.0.0.1", logr.Discard())
	if err != nil {
		t.Fatal(err)
	}
	ready := false
	h := &Health{
		Address: "127.0.0.1:0", Certificates: certificates, Ready: func() bool { return ready },
		Metrics: prometheus.NewCounter(prometheus.CounterOpts{Name: "calls_total", Help: "Calls."}),
		More:    map[string]http.Handler{"/more": http.NotFoundHandler()},
	}
	listener, err := h.Listen()
	if err != nil {
		t.Fatal(err)
	}
	ctx, stop := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() { ended <- h.ServeOn(ctx, listener) }()
	client := &http.Client{Transport: &http.Transport{TLSClientConfig: &tls.Config{InsecureSkipVerify: true}}}
	want := func(path string, code int) {
		t.Helper()
		response, err := client.Get("https://" + listener.Addr().String() + path)
		if err != nil {
			t.Fatal(err)
		}
		defer response.Body.Close()
		if response.StatusCode != code {
			t.Errorf("%s: %d, want %d", path, response.StatusCode, code)
		}
	}
	want("/readyz", http.StatusServiceUnavailable)
	ready = true
	for path, code := range map[string]int{"/readyz": 200, "/healthz": 200, "/metrics": 200, "/more": 404, "/debug/pprof/": 404} {
		want(path, code)
	}
	stop()
	if err := <-ended; err != nil {
		t.Errorf("serving: %v", err)
	}
}
