package local

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"fmt"
	"math/big"
	"net"
	"os"
	"path/filepath"
	"time"
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
	authority, err := NewAuthority()
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
	if err := writeSigningKey(p.serviceAccounts()); err != nil {
		return fmt.Errorf("creating the key for service accounts: %w", err)
	}
	return authority.CertificateFile(p.caFile())
}

func (p pki) complete() bool {
	_, err := os.Stat(p.caFile())
	return err == nil
}

// Authority is a CA that lives only while it issues: its key is never written. Make it with NewAuthority.
type Authority struct {
	cert *x509.Certificate
	key  *ecdsa.PrivateKey
}

// NewAuthority returns a CA that vouches for itself.
func NewAuthority() (*Authority, error) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return nil, err
	}
	template := &x509.Certificate{
		SerialNumber:          big.NewInt(1),
		Subject:               pkix.Name{CommonName: "longshore-local"},
		NotBefore:             time.Now().Add(-time.Hour),
		NotAfter:              time.Now().Add(certificateLife),
		KeyUsage:              x509.KeyUsageCertSign | x509.KeyUsageDigitalSignature,
		BasicConstraintsValid: true,
		IsCA:                  true,
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	if err != nil {
		return nil, err
	}
	cert, err := x509.ParseCertificate(der)
	return &Authority{cert: cert, key: key}, err
}

// CertificateFile writes the certificate of the CA in PEM.
func (a *Authority) CertificateFile(file string) error {
	return writePEM(file, "CERTIFICATE", a.cert.Raw)
}

// Issue completes the template, signs it and writes certificate and key in PEM.
func (a *Authority) Issue(template *x509.Certificate, certFile, keyFile string) error {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return err
	}
	serial, err := rand.Int(rand.Reader, new(big.Int).Lsh(big.NewInt(1), 120))
	if err != nil {
		return err
	}
	template.SerialNumber = serial
	template.NotBefore, template.NotAfter = a.cert.NotBefore, a.cert.NotAfter
	template.KeyUsage = x509.KeyUsageDigitalSignature
	der, err := x509.CreateCertificate(rand.Reader, template, a.cert, key.Public(), a.key)
	if err != nil {
		return err
	}
	if err := writeKey(keyFile, key); err != nil {
		return err
	}
	return writePEM(certFile, "CERTIFICATE", der)
}

func writeSigningKey(file string) error {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return err
	}
	return writeKey(file, key)
}

func writeKey(file string, key *ecdsa.PrivateKey) error {
	der, err := x509.MarshalECPrivateKey(key)
	if err != nil {
		return err
	}
	return writePEM(file, "EC PRIVATE KEY", der)
}

func writePEM(file, kind string, der []byte) error {
	return os.WriteFile(file, pem.EncodeToMemory(&pem.Block{Type: kind, Bytes: der}), 0o600)
}
