package host

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/hashicorp/go-hclog"
	"github.com/hashicorp/go-plugin"
	"google.golang.org/grpc"
	"google.golang.org/grpc/stats"

	"github.com/longshore-project/longshore/plugins/wire"
)

// killAfter is how long a process may take to end when it is asked to. One that is frozen does not even take the question in.
const killAfter = 3 * time.Second

// launch starts the plugin's process and connects to it: a unix socket in a private directory, with certificates made for this one connection.
// Count sees the messages; it may be nil.
func launch(ctx context.Context, spec *Spec, log *lines, count stats.Handler) (*transport, error) {
	dir, err := os.MkdirTemp("", "longshore-plugin-")
	if err != nil {
		return nil, fmt.Errorf("making a directory for the plugin's socket: %w", err)
	}
	cmd := exec.Command(spec.Path, spec.Args...)
	cmd.Env = append(allowed(spec.Environment), plugin.EnvUnixSocketDir+"="+dir)
	ownGroup(cmd)
	file := newBinary(spec)
	grip := &grip{}
	client := plugin.NewClient(clientConfig(spec, cmd, grip, log, count))
	var started atomic.Pointer[os.Process]
	discard := sync.OnceFunc(func() {
		impatience := time.AfterFunc(killAfter, func() {
			if p := started.Load(); p != nil {
				_ = p.Kill()
			}
		})
		defer impatience.Stop()
		client.Kill()
		_ = os.RemoveAll(dir)
		log.flush()
	})
	stop := context.AfterFunc(ctx, discard)
	defer stop()
	if err := connect(client); err != nil {
		discard()
		return nil, explainStart(ctx, spec, err)
	}
	started.Store(cmd.Process)
	return &transport{
		conn: grip.conn, pid: cmd.Process.Pid, exited: grip.exited, close: discard,
		obituary: func() string { return cmd.ProcessState.String() },
		binary:   file,
	}, nil
}

func clientConfig(spec *Spec, cmd *exec.Cmd, g *grip, log *lines, count stats.Handler) *plugin.ClientConfig {
	config := &plugin.ClientConfig{
		HandshakeConfig:  plugin.HandshakeConfig{MagicCookieKey: wire.CookieKey, MagicCookieValue: wire.CookieValue},
		VersionedPlugins: map[int]plugin.PluginSet{},
		Cmd:              cmd, AutoMTLS: !spec.PlainSocket, SkipHostEnv: true, StartTimeout: spec.startTimeout(),
		AllowedProtocols: []plugin.Protocol{plugin.ProtocolGRPC}, GRPCDialOptions: dialOptions(count),
		Stderr: log, SyncStderr: log, SyncStdout: log, Logger: hclog.NewNullLogger(),
	}
	for _, v := range wire.ProtocolVersions {
		config.VersionedPlugins[int(v)] = plugin.PluginSet{wire.PluginName: g}
	}
	if sum, _ := hex.DecodeString(spec.SHA256); len(sum) > 0 {
		config.SecureConfig = &plugin.SecureConfig{Checksum: sum, Hash: sha256.New()}
	}
	return config
}

// dialOptions returns those of every connection. A nil count counts nothing.
func dialOptions(count stats.Handler) []grpc.DialOption {
	out := []grpc.DialOption{
		grpc.WithDefaultCallOptions(grpc.MaxCallRecvMsgSize(wire.MaxMessageBytes), grpc.MaxCallSendMsgSize(wire.MaxMessageBytes)),
		grpc.WithInitialWindowSize(wire.Window), grpc.WithInitialConnWindowSize(wire.Window),
	}
	if count != nil {
		out = append(out, grpc.WithStatsHandler(count))
	}
	return out
}

func connect(client *plugin.Client) error {
	rpc, err := client.Client()
	if err != nil {
		return err
	}
	_, err = rpc.Dispense(wire.PluginName)
	return err
}

// explainStart adds the cure where there is one.
func explainStart(ctx context.Context, spec *Spec, err error) error {
	if ctx.Err() != nil {
		err = ctx.Err()
	}
	switch {
	case errors.Is(err, plugin.ErrChecksumsDoNotMatch):
		return fmt.Errorf("starting %s: its SHA-256 is not %s: put the output of sha256sum into the configuration if the file is the right one",
			spec.Path, spec.SHA256)
	case errors.Is(err, os.ErrPermission):
		return fmt.Errorf("starting %s: %w: make the file executable", spec.Path, err)
	case strings.HasPrefix(err.Error(), notPlugin):
		return explainIntroduction(spec, err)
	default:
		return fmt.Errorf("starting %s: %w", spec.Path, err)
	}
}

// notPlugin is how go-plugin begins when the first line of a process is not that of a plugin. The line follows, and then a page of guesses.
const notPlugin = "Unrecognized remote plugin message: "

func explainIntroduction(spec *Spec, err error) error {
	first, _, _ := strings.Cut(strings.TrimPrefix(err.Error(), notPlugin), "\n")
	if first = strings.TrimSpace(first); first == "" {
		return fmt.Errorf("starting %s: it ended before it introduced itself as a plugin: what it wrote to standard error says why", spec.Path)
	}
	return fmt.Errorf("starting %s: it wrote %q to standard output instead of introducing itself as a plugin: is it one, and does it write its log to standard error",
		spec.Path, clip(first))
}

// allowed returns the named variables that are set.
func allowed(names []string) []string {
	var out []string
	for _, name := range names {
		if value, ok := os.LookupEnv(name); ok {
			out = append(out, name+"="+value)
		}
	}
	return slices.Clip(out)
}

// grip is how go-plugin hands over the connection.
type grip struct {
	plugin.NetRPCUnsupportedPlugin
	conn   *grpc.ClientConn
	exited <-chan struct{}
}

func (g *grip) GRPCServer(*plugin.GRPCBroker, *grpc.Server) error {
	return errors.New("this is the scheduler's side; the plugin is the server")
}

func (g *grip) GRPCClient(ctx context.Context, _ *plugin.GRPCBroker, conn *grpc.ClientConn) (any, error) {
	g.conn, g.exited = conn, ctx.Done()
	return conn, nil
}
