package host

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/health/grpc_health_v1"
	"google.golang.org/protobuf/types/known/structpb"

	pluginv1 "github.com/longshore-project/longshore/plugins/proto/v1"
	"github.com/longshore-project/longshore/plugins/wire"
	"github.com/longshore-project/longshore/scheduler/framework"
)

// transport is a connection to a plugin and what holds it up.
type transport struct {
	conn grpc.ClientConnInterface
	// pid is that of the process, zero for a plugin that somebody else runs.
	pid int
	// exited is closed when the process is gone; nil for a plugin that somebody else runs.
	exited <-chan struct{}
	// obituary says how the process ended. It is called after exited.
	obituary func() string
	// close ends the connection, and the process if it is ours. It may take a while.
	close func()
	// binary is the file of the process; nil for a plugin that somebody else runs.
	binary *binary
}

// session is a plugin that was introduced and configured, with its link.
type session struct {
	*link
	transport *transport
	info      *pluginv1.InfoResponse
	started   time.Time
}

// newSession introduces host and plugin to each other, configures the plugin and opens the link. The transport is closed if that does not
// succeed.
func newSession(ctx context.Context, t *transport, spec *Spec) (*session, error) {
	s, err := introduce(ctx, t, spec)
	if err != nil {
		t.close()
		return nil, err
	}
	return s, nil
}

// maxStages leaves room for stages of later versions of the protocol.
const maxStages = 32

func introduce(ctx context.Context, t *transport, spec *Spec) (*session, error) {
	client := pluginv1.NewPlacementPluginClient(t.conn)
	info, err := client.Info(ctx, &pluginv1.InfoRequest{ProtocolVersions: wire.ProtocolVersions})
	if err != nil {
		return nil, fmt.Errorf("asking plugin what it is: %w", err)
	}
	if n := len(info.GetName()) + len(info.GetVersion()); n > maxErrorBytes || len(info.GetStages()) > maxStages {
		return nil, fmt.Errorf("plugin has a name and a version of %d bytes and %d stages; at most %d and %d are allowed",
			n, len(info.GetStages()), maxErrorBytes, maxStages)
	}
	version, ok := wire.Common(wire.ProtocolVersions, info.GetProtocolVersions())
	if !ok {
		return nil, fmt.Errorf("plugin %s %s speaks protocol versions %v and this scheduler %v: build it against a matching SDK",
			info.GetName(), info.GetVersion(), info.GetProtocolVersions(), wire.ProtocolVersions)
	}
	if len(info.GetStages()) == 0 {
		return nil, fmt.Errorf("plugin %s has no ability: it must filter, score, estimate, select or assign", info.GetName())
	}
	arguments, err := toStruct(spec.Arguments)
	if err != nil {
		return nil, err
	}
	if _, err := client.Configure(ctx, &pluginv1.ConfigureRequest{Arguments: arguments, ProtocolVersion: version}); err != nil {
		return nil, fmt.Errorf("configuring plugin: %w", err)
	}
	return open(client, t, info, spec)
}

// open starts the stream, which outlives the start.
func open(client pluginv1.PlacementPluginClient, t *transport, info *pluginv1.InfoResponse, spec *Spec) (*session, error) {
	ctx, cancel := context.WithCancel(context.Background())
	stream, err := client.Work(ctx)
	if err != nil {
		cancel()
		return nil, fmt.Errorf("opening the stream to plugin: %w", err)
	}
	l := newLink(stream, readFacts(info), spec.deadline(), cancel)
	return &session{link: l, transport: t, info: info, started: time.Now()}, nil
}

// readFacts returns the facts that the plugin reads. Zero stands for all.
func readFacts(info *pluginv1.InfoResponse) framework.Facts {
	if r := framework.Facts(info.GetReads()) & framework.AllFacts; r != 0 {
		return r
	}
	return framework.AllFacts
}

func toStruct(arguments map[string]any) (*structpb.Struct, error) {
	if len(arguments) == 0 {
		return nil, nil
	}
	s, err := structpb.NewStruct(arguments)
	if err != nil {
		return nil, fmt.Errorf("encoding arguments: %w", err)
	}
	return s, nil
}

func (s *session) offers(stage pluginv1.Stage) error {
	if slices.Contains(s.info.GetStages(), stage) {
		return nil
	}
	return fmt.Errorf("plugin does not %s; it can %s", verb(stage), strings.Join(verbs(s.info.GetStages()), ", "))
}

// verb returns the stage as metrics, logs and messages name it.
func verb(stage pluginv1.Stage) string {
	return strings.ToLower(strings.TrimPrefix(stage.String(), "STAGE_"))
}

// stagesInOrder returns all stages in the order in which they are asked.
func stagesInOrder() []string {
	return verbs([]pluginv1.Stage{
		pluginv1.Stage_STAGE_FILTER, pluginv1.Stage_STAGE_SCORE, pluginv1.Stage_STAGE_ESTIMATE, pluginv1.Stage_STAGE_SELECT, pluginv1.Stage_STAGE_ASSIGN,
	})
}

func verbs(stages []pluginv1.Stage) []string {
	out := make([]string, len(stages))
	for i, s := range stages {
		out[i] = verb(s)
	}
	return out
}

// ping asks the plugin's health service.
func (s *session) ping(ctx context.Context) error {
	r, err := grpc_health_v1.NewHealthClient(s.transport.conn).Check(ctx, &grpc_health_v1.HealthCheckRequest{})
	if err != nil {
		return fmt.Errorf("pinging plugin: %w", err)
	}
	if r.GetStatus() != grpc_health_v1.HealthCheckResponse_SERVING {
		return fmt.Errorf("pinging plugin: it says %s", r.GetStatus())
	}
	return nil
}

// retire lets the questions in flight be answered, for at most patience, and closes.
func (s *session) retire(patience time.Duration) {
	s.drain()
	timer := time.NewTimer(patience)
	defer timer.Stop()
	select {
	case <-s.done:
	case <-timer.C:
	}
	s.close()
}

func (s *session) close() {
	s.fail(errDraining)
	s.transport.close()
}

// postMortem returns why the link ended, with how the process did if that happened too. The stream breaks a moment before the process is seen
// to be gone.
func (s *session) postMortem() error {
	const moment = time.Second
	err := s.reason()
	if s.transport.exited == nil {
		return err
	}
	timer := time.NewTimer(moment)
	defer timer.Stop()
	select {
	case <-s.transport.exited:
		return fmt.Errorf("plugin process ended: %s", s.transport.obituary())
	case <-timer.C:
		return err
	}
}
