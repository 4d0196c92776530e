package local

import (
	"crypto/tls"
	"crypto/x509"
	"os"
	"testing"
	"time"
)

func TestEnsureIssuesPairsThatTheCAVouchesFor(t *testing.T) {
	keys := pki(t.TempDir())
	if err := keys.ensure(); err != nil {
		t.Fatal(err)
	}
	ca, err := os.ReadFile(keys.caFile())
	if err != nil {
		t.Fatal(err)
	}
	roots := x509.NewCertPool()
	roots.AppendCertsFromPEM(ca)
	tests := []struct {
		pair  string
		host  string
		usage x509.ExtKeyUsage
	}{
		{serverPair, "127.0.0.1", x509.ExtKeyUsageServerAuth},
		{serverPair, "localhost", x509.ExtKeyUsageServerAuth},
		{serverPair, "", x509.ExtKeyUsageClientAuth},
		{etcdPair, "", x509.ExtKeyUsageClientAuth},
		{adminPair, "", x509.ExtKeyUsageClientAuth},
	}
	for _, test := range tests {
		pair, err := tls.LoadX509KeyPair(keys.cert(test.pair), keys.key(test.pair))
		if err != nil {
			t.Fatal(err)
		}
		options := x509.VerifyOptions{
			Roots: roots, DNSName: test.host, KeyUsages: []x509.ExtKeyUsage{test.usage}, CurrentTime: time.Now().AddDate(9, 0, 0),
		}
		if _, err := pair.Leaf.Verify(options); err != nil {
			t.Errorf("%s for %q in nine years: %v", test.pair, test.host, err)
		}
	}
}

func TestEnsureKeepsACompleteFolderAndRedoesAPartOfOne(t *testing.T) {
	keys := pki(t.TempDir())
	read := func() string {
		t.Helper()
		if err := keys.ensure(); err != nil {
			t.Fatal(err)
		}
		content, err := os.ReadFile(keys.key(adminPair))
		if err != nil {
			t.Fatal(err)
		}
		return string(content)
	}
	first := read()
	if read() != first {
		t.Error("a complete folder got new keys")
	}
	if err := os.Remove(keys.caFile()); err != nil {
		t.Fatal(err)
	}
	if read() == first {
		t.Error("keys of a lost CA stayed")
	}
}
