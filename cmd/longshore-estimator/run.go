package main

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"net"
	"os"
	"time"

	"golang.org/x/sync/errgroup"
	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/grpc/keepalive"
	"k8s.io/apimachinery/pkg/runtime"
	appsv1client "k8s.io/client-go/kubernetes/typed/apps/v1"
	corev1client "k8s.io/client-go/kubernetes/typed/core/v1"
	"k8s.io/client-go/rest"
	"k8s.io/klog/v2"

	"github.com/longshore-project/longshore/cmd/internal/serving"
	"github.com/longshore-project/longshore/estimator/server"
)

// run works until ctx ends. o must be valid. What is served is opened first, so that a port which is taken ends the program before it does anything.
func run(ctx context.Context, o *options) error {
	certificates, err := serving.LoadCertificates(o.files, o.bindAddress, klog.Background())
	if err != nil {
		return err
	}
	members := server.NewMembers(o.unknownAfter)
	metrics := server.NewMetrics(members)
	group, ctx := errgroup.WithContext(ctx)
	synced := func() bool { return true }
	health := &serving.Health{
		Address: o.healthAddress(), Certificates: certificates, Metrics: metrics, Profiling: o.profiling,
		Ready: func() bool { return synced() && members.Settled() },
	}
	var healthListener net.Listener
	if o.securePort != 0 {
		if healthListener, err = health.Listen(); err != nil {
			return err
		}
	}
	listener, err := o.listen()
	if err != nil {
		return fmt.Errorf("serving estimates: %w", err)
	}
	if err := observeTargets(ctx, group, o, members); err != nil {
		return err
	}
	if o.controlPlane != "" {
		fleet, err := newFleet(ctx, o, members)
		if err != nil {
			return err
		}
		synced = fleet.synced.Load
		group.Go(func() error { return fleet.run(ctx) })
	}
	if healthListener != nil {
		group.Go(func() error { return health.ServeOn(ctx, healthListener) })
	}
	s := newServer(o, certificates, metrics)
	server.Register(s, members)
	group.Go(func() error { return serveEstimates(ctx, s, listener) })
	return group.Wait()
}

// observeTargets starts to observe the members that have a kubeconfig.
func observeTargets(ctx context.Context, group *errgroup.Group, o *options, members *server.Members) error {
	targets, err := o.targets()
	if err != nil {
		return err
	}
	for _, t := range targets {
		config, err := t.config()
		if err != nil {
			return err
		}
		access, err := accessOf(config)
		if err != nil {
			return fmt.Errorf("connecting to member %s: %w", t.name, err)
		}
		group.Go(func() error {
			members.Observe(ctx, t.name, access)
			return nil
		})
	}
	return nil
}

// accessOf returns clients that speak the compact encoding.
func accessOf(config *rest.Config) (access server.Access, err error) {
	config = rest.CopyConfig(config)
	config.ContentType, config.AcceptContentTypes = runtime.ContentTypeProtobuf, runtime.ContentTypeProtobuf+","+runtime.ContentTypeJSON
	if access.Core, err = corev1client.NewForConfig(config); err != nil {
		return access, err
	}
	access.Apps, err = appsv1client.NewForConfig(config)
	return access, err
}

// mostBytes bounds a request: about ten thousand questions.
const mostBytes = 16 << 20

// newServer returns a gRPC server without services, secured as the flags say.
func newServer(o *options, certificates *serving.Certificates, metrics *server.Metrics) *grpc.Server {
	creds := insecure.NewCredentials()
	if o.socket == "" && !o.insecure {
		creds = credentials.NewTLS(certificates.Config("h2"))
	}
	return grpc.NewServer(
		grpc.Creds(creds), grpc.MaxRecvMsgSize(mostBytes), grpc.UnaryInterceptor(metrics.Unary),
		grpc.KeepaliveEnforcementPolicy(keepalive.EnforcementPolicy{MinTime: 5 * time.Second, PermitWithoutStream: true}),
	)
}

// serveEstimates serves gRPC on the listener until ctx ends.
func serveEstimates(ctx context.Context, s *grpc.Server, listener net.Listener) error {
	klog.FromContext(ctx).Info("Serving estimates", "address", listener.Addr().String())
	context.AfterFunc(ctx, s.Stop)
	if err := s.Serve(listener); err != nil {
		return fmt.Errorf("serving estimates: %w", err)
	}
	return nil
}

// listen opens what estimates are served on.
func (o *options) listen() (net.Listener, error) {
	if o.socket != "" {
		return listenOn(o.socket)
	}
	listener, err := net.Listen("tcp", o.grpcAddress())
	if err != nil {
		return nil, fmt.Errorf("%w; choose another --grpc-port or --bind-address", err)
	}
	return listener, nil
}

// listenOn opens a unix socket that nobody else may use, in place of one that a process which is gone left behind.
func listenOn(path string) (net.Listener, error) {
	if conn, err := net.Dial("unix", path); err == nil {
		_ = conn.Close()
		return nil, fmt.Errorf("somebody else serves on %s; choose another --socket", path)
	}
	// It gets its name only when others are locked out.
	unnamed := path + ".new"
	if err := os.Remove(unnamed); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, err
	}
	listener, err := net.ListenUnix("unix", &net.UnixAddr{Name: unnamed, Net: "unix"})
	if err != nil {
		return nil, fmt.Errorf("%w; choose another --socket", err)
	}
	listener.SetUnlinkOnClose(false)
	if err := errors.Join(os.Chmod(unnamed, 0o600), os.Rename(unnamed, path)); err != nil {
		return nil, errors.Join(err, listener.Close())
	}
	return listener, nil
}
