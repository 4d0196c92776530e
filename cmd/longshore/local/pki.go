package local

import (
	"crypto/x509"
	"crypto/x509/pkix"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"time"

	"github.com/longshore-project/longshore/cmd/internal/keys"
)

// certificateLife is long enough that nobody meets an expired local cluster.
const certificateLife = 10 * 365 * 24 * time.Hour

// pki is the folder with the keys of one cluster. Its CA signs for this cluster only.
type pki string

func (p pki) file(name string) string { return filepath.Join(string(p), name) }
func (p pki) caFile() string          { return p.file("ca.crt") }
func (p pki) cert(name string) string { return p.file(name + ".crt") }
func (p pki) key(name string) string  { return p.file(name + ".key") }
func (p pki) serviceAccounts() string { return p.key("service-accounts") }

// The pairs that ensure writes.
const (
	serverPair = "server" // served by etcd and kube-apiserver
	etcdPair   = "etcd-client"
	adminPair  = "admin" // a member of system:masters
)

// ensure writes the CA and all pairs unless they exist already. ca.crt is written last and marks the folder as complete.
func (p pki) ensure() error {
	if p.complete() {
		return nil
	}
	if err := os.MkdirAll(string(p), 0o700); err != nil {
		return fmt.Errorf("creating the folder for keys: %w", err)
	}
	authority, err := keys.NewAuthority("longshore-local", certificateLife)
	if err != nil {
		return fmt.Errorf("creating the CA: %w", err)
	}
	pairs := map[string]*x509.Certificate{
		serverPair: {
			Subject:     pkix.Name{CommonName: "localhost"},
			DNSNames:    []string{"localhost", "kubernetes", "kubernetes.default", "kubernetes.default.svc"},
			IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1), net.IPv4(10, 0, 0, 1)},
			ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth, x509.ExtKeyUsageClientAuth}, // etcd calls itself
		},
		etcdPair:  {Subject: pkix.Name{CommonName: "kube-apiserver"}, ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageClientAuth}},
		adminPair: {Subject: pkix.Name{CommonName: "admin", Organization: []string{"system:masters"}}, ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageClientAuth}},
	}
	for name, template := range pairs {
		if err := authority.Issue(template, p.cert(name), p.key(name)); err != nil {
			return fmt.Errorf("issuing %s: %w", name, err)
		}
	}
	if err := keys.WriteNew(p.serviceAccounts()); err != nil {
		return fmt.Errorf("creating the key for service accounts: %w", err)
	}
	return authority.WriteCertificate(p.caFile())
}

func (p pki) complete() bool {
	_, err := os.Stat(p.caFile())
	return err == nil
}
