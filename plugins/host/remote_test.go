package host_test

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"math/big"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/longshore-project/longshore/plugins/host"
	"github.com/longshore-project/longshore/plugins/sdk"
	"github.com/longshore-project/longshore/scheduler/framework"
)

// identity writes a self-signed certificate for localhost and its key, and returns the files and the pair.
func identity(t *testing.T) (certFile, keyFile string, pair tls.Certificate) {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "localhost"}, DNSNames: []string{"localhost"},
		NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour), IsCA: true, BasicConstraintsValid: true,
		ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth, x509.ExtKeyUsageClientAuth},
	}
	cert, err := x509.CreateCertificate(rand.Reader, template, template, &key.PublicKey, key)
	if err != nil {
		t.Fatal(err)
	}
	secret, err := x509.MarshalECPrivateKey(key)
	if err != nil {
		t.Fatal(err)
	}
	certPEM := pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: cert})
	keyPEM := pem.EncodeToMemory(&pem.Block{Type: "EC PRIVATE KEY", Bytes: secret})
	dir := t.TempDir()
	certFile, keyFile = filepath.Join(dir, "tls.crt"), filepath.Join(dir, "tls.key")
	for path, data := range map[string][]byte{certFile: certPEM, keyFile: keyPEM} {
		if err := os.WriteFile(path, data, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	if pair, err = tls.X509KeyPair(certPEM, keyPEM); err != nil {
		t.Fatal(err)
	}
	return certFile, keyFile, pair
}

// listen serves a plugin until stop is called.
func listen(t *testing.T, network, address string, config *tls.Config) (at net.Addr, stop func()) {
	t.Helper()
	l, err := net.Listen(network, address)
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	served := make(chan error, 1)
	go func() { served <- sdk.Listen(ctx, l, config, &misfit{}) }()
	stop = func() {
		cancel()
		if err := <-served; err != nil {
			t.Error(err)
		}
	}
	return l.Addr(), stop
}

func TestRemoteOverMutualTLS(t *testing.T) {
	cert, key, pair := identity(t)
	strangerCert, strangerKey, _ := identity(t)
	leaf, err := x509.ParseCertificate(pair.Certificate[0])
	if err != nil {
		t.Fatal(err)
	}
	pool := x509.NewCertPool()
	pool.AddCert(leaf)
	at, stop := listen(t, "tcp", "127.0.0.1:0", &tls.Config{
		MinVersion: tls.VersionTLS13, Certificates: []tls.Certificate{pair}, ClientCAs: pool, ClientAuth: tls.RequireAndVerifyClientCert,
	})
	defer stop()
	tests := []struct {
		name string
		tls  host.TLS
		says string
	}{
		{"known to each other", host.TLS{CAFile: cert, CertFile: cert, KeyFile: key, ServerName: "localhost"}, ""},
		{"scheduler is a stranger", host.TLS{CAFile: cert, CertFile: strangerCert, KeyFile: strangerKey, ServerName: "localhost"}, "asking plugin"},
		{"plugin is a stranger", host.TLS{CAFile: strangerCert, CertFile: cert, KeyFile: key, ServerName: "localhost"}, "unknown authority"},
		{"another name", host.TLS{CAFile: cert, CertFile: cert, KeyFile: key, ServerName: "elsewhere"}, "not elsewhere"},
		{"no such file", host.TLS{CAFile: "/nonexistent", CertFile: cert, KeyFile: key}, "reading the CA of plugin misfit"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			seen := make(states, 100)
			h := host.New(host.Options{OnChange: func(s host.Status) { seen <- s }})
			defer h.Close(context.Background())
			spec := host.Spec{Name: "misfit", Address: "dns:///" + at.String(), TLS: &tt.tls}
			if err := h.Apply([]host.Spec{spec}); err != nil {
				t.Fatal(err)
			}
			if tt.says == "" {
				seen.await(t, host.Running)
			} else if got := seen.await(t, host.Waiting).LastError; got == nil || !strings.Contains(got.Error(), tt.says) {
				t.Errorf("last error is %v, want the words %q", got, tt.says)
			}
		})
	}
}

// A remote plugin that went away is taken up again when it is back, with its arguments.
func TestRemoteComesBack(t *testing.T) {
	socket := filepath.Join(t.TempDir(), "s")
	_, stop := listen(t, "unix", socket, nil)
	seen := make(states, 100)
	_, p := start(t, host.Spec{Name: "misfit", Address: "unix://" + socket, Arguments: map[string]any{"color": "red"}},
		host.Options{OnChange: func(s host.Status) { seen <- s }})
	seen.await(t, host.Running)
	stop()
	seen.await(t, host.Waiting)
	_, stop = listen(t, "unix", socket, nil)
	defer stop()
	if got := seen.await(t, host.Running); got.Restarts != 1 || got.PID != 0 {
		t.Errorf("status is %+v", got)
	}
	rejections, err := p.Filter().Filter(t.Context(), query(fleet(3), "fine"), framework.FullBitset(3))
	if err != nil || rejections[0].Status.Message() != "cluster(s) were not red" {
		t.Errorf("after coming back: %v, %v", rejections, err)
	}
}
