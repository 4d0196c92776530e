package sdk

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"os"
	"runtime/debug"
	"time"

	"github.com/hashicorp/go-hclog"
	"github.com/hashicorp/go-plugin"
	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials"
	"google.golang.org/grpc/health"
	"google.golang.org/grpc/health/grpc_health_v1"

	"github.com/longshore-project/longshore/plugins/wire"
)

// Serve runs p as the process that the scheduler started, and returns when the scheduler lets go of it. Standard output belongs to the
// handshake; what is written to standard error appears in the scheduler's log. Started by hand the process says so and exits.
func Serve(p Plugin) {
	collectLess()
	go exitWithParent(os.Getppid())
	plugin.Serve(&plugin.ServeConfig{
		HandshakeConfig: plugin.HandshakeConfig{
			ProtocolVersion: uint(wire.ProtocolVersions[0]), MagicCookieKey: wire.CookieKey, MagicCookieValue: wire.CookieValue,
		},
		VersionedPlugins: map[int]plugin.PluginSet{1: {wire.PluginName: &served{plugin: p}}},
		GRPCServer: func(opts []grpc.ServerOption) *grpc.Server {
			return grpc.NewServer(append(opts, serverOptions()...)...)
		},
		Logger: hclog.New(&hclog.LoggerOptions{Level: hclog.Warn, Output: os.Stderr, JSONFormat: true}),
	})
}

// garbagePercent lets the heap of a plugin, which is a few megabytes, grow some more before it is collected. By Go's default a collection would
// come every few hundred questions and take longer than all of them.
const garbagePercent = 400

// collectLess leaves the collector alone when the operator set it.
func collectLess() {
	if _, ok := os.LookupEnv("GOGC"); !ok {
		debug.SetGCPercent(garbagePercent)
	}
}

// Listen serves p to schedulers that connect to l, until ctx ends. With a TLS configuration it should demand client certificates; nil is for
// listeners that only the scheduler can reach, such as a unix socket in a private directory.
func Listen(ctx context.Context, l net.Listener, config *tls.Config, p Plugin) error {
	opts := serverOptions()
	if config != nil {
		opts = append(opts, grpc.Creds(credentials.NewTLS(config)))
	}
	s := grpc.NewServer(opts...)
	Register(s, p)
	grpc_health_v1.RegisterHealthServer(s, health.NewServer())
	stop := context.AfterFunc(ctx, s.Stop)
	defer stop()
	if err := s.Serve(l); err != nil && !errors.Is(err, grpc.ErrServerStopped) {
		return fmt.Errorf("serving plugin %s: %w", p.Name(), err)
	}
	return nil
}

func serverOptions() []grpc.ServerOption {
	return []grpc.ServerOption{
		grpc.MaxRecvMsgSize(wire.MaxMessageBytes), grpc.MaxSendMsgSize(wire.MaxMessageBytes),
		grpc.InitialWindowSize(wire.Window), grpc.InitialConnWindowSize(wire.Window),
	}
}

// served introduces the plugin to go-plugin.
type served struct {
	plugin.NetRPCUnsupportedPlugin
	plugin Plugin
}

func (s *served) GRPCServer(_ *plugin.GRPCBroker, g *grpc.Server) error {
	Register(g, s.plugin)
	return nil
}

func (s *served) GRPCClient(context.Context, *plugin.GRPCBroker, *grpc.ClientConn) (any, error) {
	return nil, errors.New("this is the plugin's side; the scheduler is the client")
}

// parentCheck is how often the plugin looks whether the scheduler still lives. A scheduler that was killed cannot end its plugins.
const parentCheck = 2 * time.Second

// exitWithParent ends the process when another one becomes its parent.
func exitWithParent(parent int) {
	for range time.Tick(parentCheck) {
		if os.Getppid() != parent {
			os.Exit(1)
		}
	}
}
