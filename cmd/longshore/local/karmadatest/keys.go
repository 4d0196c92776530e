package karmadatest

import (
	"crypto/x509"
	"crypto/x509/pkix"
	"fmt"
	"net"
	"os"
	"path/filepath"

	"github.com/longshore-project/longshore/cmd/longshore/local"
)

// keys is a folder with the keys that the servers need to know one another.
type keys struct {
	dir       string
	authority *local.Authority
}

// frontProxy is the name by which the aggregated server knows the main one.
const frontProxy = "front-proxy-client"

func newKeys(dir string) (*keys, error) {
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, fmt.Errorf("creating the folder for keys: %w", err)
	}
	authority, err := local.NewAuthority()
	if err != nil {
		return nil, fmt.Errorf("creating the CA of the front proxy: %w", err)
	}
	k := &keys{dir: dir, authority: authority}
	client := &x509.Certificate{Subject: pkix.Name{CommonName: frontProxy}, ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageClientAuth}}
	if err := authority.Issue(client, k.cert(frontProxy), k.key(frontProxy)); err != nil {
		return nil, fmt.Errorf("issuing the front proxy's certificate: %w", err)
	}
	for _, name := range []string{aggregatedService, webhookService} {
		server := &x509.Certificate{
			Subject: pkix.Name{CommonName: name}, DNSNames: []string{hostOf(name)}, IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)},
			ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth},
		}
		if err := authority.Issue(server, k.cert(name), k.key(name)); err != nil {
			return nil, fmt.Errorf("issuing the certificate of %s: %w", name, err)
		}
	}
	return k, authority.CertificateFile(k.ca())
}

func (k *keys) ca() string              { return filepath.Join(k.dir, "ca.crt") }
func (k *keys) cert(name string) string { return filepath.Join(k.dir, name+".crt") }
func (k *keys) key(name string) string  { return filepath.Join(k.dir, name+".key") }

// hostOf returns the name by which an API server calls a service of the control plane.
func hostOf(service string) string { return service + "." + SystemNamespace + ".svc" }

// bundle returns the certificate of the CA in PEM.
func (k *keys) bundle() ([]byte, error) {
	bundle, err := os.ReadFile(k.ca())
	if err != nil {
		return nil, fmt.Errorf("reading the CA: %w", err)
	}
	return bundle, nil
}

// believeFrontProxy makes a server take the word of the front proxy for who asks.
func (k *keys) believeFrontProxy() []string {
	return []string{
		"--requestheader-client-ca-file=" + k.ca(),
		"--requestheader-allowed-names=" + frontProxy,
		"--requestheader-username-headers=X-Remote-User",
		"--requestheader-group-headers=X-Remote-Group",
		"--requestheader-extra-headers-prefix=X-Remote-Extra-",
	}
}

// beFrontProxy makes a server prove that it is the front proxy.
func (k *keys) beFrontProxy() []string {
	return []string{"--proxy-client-cert-file=" + k.cert(frontProxy), "--proxy-client-key-file=" + k.key(frontProxy)}
}

// serveAs gives a server a certificate for the name of the service.
func (k *keys) serveAs(service string) []string {
	return []string{"--tls-sni-cert-key=" + k.cert(service) + "," + k.key(service)}
}
