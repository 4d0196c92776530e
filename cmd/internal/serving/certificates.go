package serving

import (
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"net"
	"os"
	"slices"
	"sync"
	"time"

	"github.com/go-logr/logr"
	"k8s.io/client-go/util/cert"
)

// Files are what a TLS server reads, in PEM.
type Files struct {
	// Cert and Key of the server. Both empty: a certificate that nobody can verify is made.
	Cert, Key string
	// ClientCA signs the certificates of clients, which they must then show. Empty: clients need none.
	ClientCA string
}

// Certificates are files that are read again when they change, so that renewed certificates need no restart: connections that exist go on, new
// ones see what is in the files then. Files that cannot be used are reported once and leave what was read before in force. Safe for concurrent use.
type Certificates struct {
	files Files
	log   logr.Logger

	mu     sync.Mutex
	stamps []stamp
	config *tls.Config
}

// stamp changes when a file does.
type stamp struct {
	modified time.Time
	size     int64
}

// LoadCertificates reads files for the first time. host is who a certificate is made for if there is none.
func LoadCertificates(files Files, host string, log logr.Logger) (*Certificates, error) {
	if (files.Cert == "") != (files.Key == "") {
		return nil, errors.New("a certificate and its key go together: give both files or neither")
	}
	c := &Certificates{files: files, log: log}
	if files.Cert == "" {
		pair, err := selfSigned(host)
		if err != nil {
			return nil, fmt.Errorf("making a serving certificate: %w", err)
		}
		c.config = &tls.Config{MinVersion: tls.VersionTLS12, Certificates: []tls.Certificate{pair}}
		return c, nil
	}
	if info, err := os.Stat(files.Key); err == nil && info.Mode().Perm()&0o077 != 0 {
		log.Info("The private key can be read by other users: chmod 600 it", "file", files.Key)
	}
	c.stamps = c.stamp()
	var err error
	c.config, err = c.read()
	return c, err
}

// Config returns what a server needs. protocols are those of ALPN, in order of preference.
func (c *Certificates) Config(protocols ...string) *tls.Config {
	return c.serve(protocols, func(*tls.Config) {})
}

// HealthConfig is Config for clients that have no certificate, such as probes.
func (c *Certificates) HealthConfig(protocols ...string) *tls.Config {
	return c.serve(protocols, func(config *tls.Config) { config.ClientAuth, config.ClientCAs = tls.NoClientCert, nil })
}

func (c *Certificates) serve(protocols []string, change func(*tls.Config)) *tls.Config {
	return &tls.Config{
		MinVersion: tls.VersionTLS12,
		NextProtos: protocols,
		GetConfigForClient: func(*tls.ClientHelloInfo) (*tls.Config, error) {
			config := c.current().Clone()
			config.NextProtos = protocols
			change(config)
			return config, nil
		},
	}
}

func (c *Certificates) current() *tls.Config {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.files.Cert == "" {
		return c.config
	}
	stamps := c.stamp()
	if slices.Equal(stamps, c.stamps) {
		return c.config
	}
	c.stamps = stamps
	config, err := c.read()
	if err != nil {
		c.log.Error(err, "Certificates changed and cannot be used; those from before stay in force")
		return c.config
	}
	c.log.Info("Certificates were read again", "file", c.files.Cert)
	c.config = config
	return config
}

func (c *Certificates) stamp() []stamp {
	var stamps []stamp
	for _, file := range []string{c.files.Cert, c.files.Key, c.files.ClientCA} {
		var s stamp
		if info, err := os.Stat(file); err == nil {
			s = stamp{modified: info.ModTime(), size: info.Size()}
		}
		stamps = append(stamps, s)
	}
	return stamps
}

func (c *Certificates) read() (*tls.Config, error) {
	pair, err := tls.LoadX509KeyPair(c.files.Cert, c.files.Key)
	if err != nil {
		return nil, fmt.Errorf("loading the serving certificate: %w", err)
	}
	config := &tls.Config{MinVersion: tls.VersionTLS12, Certificates: []tls.Certificate{pair}}
	if c.files.ClientCA == "" {
		return config, nil
	}
	pem, err := os.ReadFile(c.files.ClientCA)
	if err != nil {
		return nil, fmt.Errorf("reading the CA of clients: %w", err)
	}
	config.ClientCAs, config.ClientAuth = x509.NewCertPool(), tls.RequireAndVerifyClientCert
	if !config.ClientCAs.AppendCertsFromPEM(pem) {
		return nil, fmt.Errorf("reading the CA of clients: %s holds no PEM certificate", c.files.ClientCA)
	}
	return config, nil
}

func selfSigned(host string) (tls.Certificate, error) {
	certPEM, keyPEM, err := cert.GenerateSelfSignedCertKey("localhost", []net.IP{net.ParseIP(host)}, nil)
	if err != nil {
		return tls.Certificate{}, err
	}
	return tls.X509KeyPair(certPEM, keyPEM)
}
