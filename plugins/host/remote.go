package host

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"net"
	"net/url"
	"os"

	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/grpc/stats"
)

// Dial connects to an address. It replaces the network, for tests that have none.
type Dial func(ctx context.Context, address string) (net.Conn, error)

// dial connects to a plugin that somebody else runs. Nothing is sent before the first call.
func dial(spec *Spec, by Dial, count stats.Handler) (*transport, error) {
	creds := insecure.NewCredentials()
	if spec.TLS != nil {
		config, err := clientTLS(spec)
		if err != nil {
			return nil, err
		}
		creds = credentials.NewTLS(config)
	}
	opts := append(dialOptions(count), grpc.WithTransportCredentials(creds))
	if by != nil {
		opts = append(opts, grpc.WithContextDialer(by))
	}
	conn, err := grpc.NewClient(spec.Address, opts...)
	if err != nil {
		return nil, fmt.Errorf("dialing %s: %w", spec.Address, err)
	}
	return &transport{conn: conn, close: func() { _ = conn.Close() }}, nil
}

// clientTLS reads the files at every start, so that renewed certificates are taken up.
func clientTLS(spec *Spec) (*tls.Config, error) {
	cert, err := tls.LoadX509KeyPair(spec.TLS.CertFile, spec.TLS.KeyFile)
	if err != nil {
		return nil, fmt.Errorf("reading the scheduler's certificate for plugin %s: %w", spec.Name, err)
	}
	pem, err := os.ReadFile(spec.TLS.CAFile)
	if err != nil {
		return nil, fmt.Errorf("reading the CA of plugin %s: %w", spec.Name, err)
	}
	roots := x509.NewCertPool()
	if !roots.AppendCertsFromPEM(pem) {
		return nil, fmt.Errorf("reading the CA of plugin %s: %s holds no PEM certificate", spec.Name, spec.TLS.CAFile)
	}
	return &tls.Config{
		MinVersion: tls.VersionTLS13, Certificates: []tls.Certificate{cert}, RootCAs: roots, ServerName: serverName(spec),
	}, nil
}

// serverName returns the host in the address unless the spec names another.
func serverName(spec *Spec) string {
	if spec.TLS.ServerName != "" {
		return spec.TLS.ServerName
	}
	u, err := url.Parse(spec.Address)
	if err != nil || u.Scheme == "unix" {
		return "localhost"
	}
	host, _, err := net.SplitHostPort(u.Path[min(1, len(u.Path)):])
	if err != nil {
		return u.Path[min(1, len(u.Path)):]
	}
	return host
}
