package client

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"net"
	"os"
	"strconv"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/credentials"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/grpc/status"

	schedulerv1alpha1 "github.com/longshore-project/longshore/apis/scheduler/v1alpha1"
)

// ExternalHost returns the host that the ExternalName Service of that name in the control plane stands for. It returns an empty host if there is
// no such Service, and an error if it is of another type.
type ExternalHost func(ctx context.Context, namespace, name string) (string, error)

// FromConfig returns the options of a section of the configuration, which must be valid and have its defaults.
func FromConfig(e *schedulerv1alpha1.Estimators, hosts ExternalHost) Options {
	o := Options{Deadline: e.Deadline.Duration, Budget: e.Budget.Duration, Lifetime: e.CacheFor.Duration}
	for i := range e.Servers {
		o.Servers = append(o.Servers, fromServer(&e.Servers[i], hosts))
	}
	return o
}

func fromServer(s *schedulerv1alpha1.EstimatorServer, hosts ExternalHost) Server {
	out := Server{PerMember: s.PerMember(), Members: s.Members, Protocol: Protocol(s.Protocol)}
	if s.Service != nil {
		out.Name = s.Service.Prefix + "-{member}"
		out.Connect = func(ctx context.Context, member string) ([]*grpc.ClientConn, error) {
			addresses, err := serviceAddresses(ctx, s.Service, hosts, member)
			if err != nil {
				return nil, err
			}
			return Dial(s.TLS, addresses...)
		}
		return out
	}
	out.Name = s.Address
	out.Connect = func(_ context.Context, member string) ([]*grpc.ClientConn, error) {
		return Dial(s.TLS, s.AddressFor(member))
	}
	return out
}

// serviceAddresses returns where the estimator of the member may be, in the order in which to try.
func serviceAddresses(ctx context.Context, s *schedulerv1alpha1.EstimatorService, hosts ExternalHost, member string) ([]string, error) {
	name := s.Prefix + "-" + member
	host, err := hosts(ctx, s.Namespace, name)
	if err != nil {
		return nil, err
	}
	candidates := []string{name + "." + s.Namespace + ".svc.cluster.local", name + "." + s.Namespace + ".svc"}
	if host != "" {
		candidates = []string{host}
	}
	for i, c := range candidates {
		candidates[i] = "dns:///" + net.JoinHostPort(c, strconv.Itoa(int(s.Port)))
	}
	return candidates, nil
}

// largestAnswer bounds a message: 5,000 members with 256 answers each take some 30 MB.
const largestAnswer = 256 << 20

// Dial opens a connection to each address, which the caller closes. Opening does not wait for the network. Certificates are read again each time;
// without t there is no TLS.
func Dial(t *schedulerv1alpha1.EstimatorTLS, addresses ...string) ([]*grpc.ClientConn, error) {
	creds, err := credentialsOf(t)
	if err != nil {
		return nil, err
	}
	var out []*grpc.ClientConn
	for _, address := range addresses {
		conn, err := grpc.NewClient(address, grpc.WithTransportCredentials(creds), grpc.WithUnaryInterceptor(inTime),
			grpc.WithDefaultCallOptions(grpc.MaxCallRecvMsgSize(largestAnswer)))
		if err != nil {
			for _, opened := range out {
				_ = opened.Close()
			}
			return nil, fmt.Errorf("dialing %s: %w", address, err)
		}
		out = append(out, conn)
	}
	return out, nil
}

// inTime says of every call that ended because its deadline passed what is said when the client ends it: which side notices first is chance, and
// messages must not change with it. The server's way is to reset the stream, which arrives as cancelled, or, if the deadline has passed here too by
// then, as late with a message about the reset. A caller who cancelled, and a server that is late by a deadline of its own, keep their errors.
func inTime(
	ctx context.Context, method string, request, reply any, conn *grpc.ClientConn, invoke grpc.UnaryInvoker, options ...grpc.CallOption,
) error {
	err := invoke(ctx, method, request, reply, conn, options...)
	deadline, limited := ctx.Deadline()
	if !limited {
		return err
	}
	ended := false
	switch status.Code(err) {
	case codes.Canceled:
		ended = !errors.Is(ctx.Err(), context.Canceled)
	case codes.DeadlineExceeded:
		ended = !deadline.After(time.Now())
	}
	if ended {
		return status.FromContextError(context.DeadlineExceeded).Err()
	}
	return err
}

func credentialsOf(t *schedulerv1alpha1.EstimatorTLS) (credentials.TransportCredentials, error) {
	if t == nil {
		return insecure.NewCredentials(), nil
	}
	config := &tls.Config{MinVersion: tls.VersionTLS12, ServerName: t.ServerName, InsecureSkipVerify: t.InsecureSkipVerify}
	if t.CAFile != "" {
		pem, err := os.ReadFile(t.CAFile)
		if err != nil {
			return nil, fmt.Errorf("reading the CA of the estimator: %w", err)
		}
		config.RootCAs = x509.NewCertPool()
		if !config.RootCAs.AppendCertsFromPEM(pem) {
			return nil, fmt.Errorf("reading the CA of the estimator: %s holds no PEM certificate", t.CAFile)
		}
	}
	if t.CertFile != "" {
		pair, err := tls.LoadX509KeyPair(t.CertFile, t.KeyFile)
		if err != nil {
			return nil, fmt.Errorf("reading the certificate for estimators: %w", err)
		}
		config.Certificates = []tls.Certificate{pair}
	}
	return credentials.NewTLS(config), nil
}
