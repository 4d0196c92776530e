package conformance

import (
	"context"
	"errors"
	"fmt"
	"testing"

	"google.golang.org/grpc"
	"google.golang.org/protobuf/encoding/protowire"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/structpb"

	pluginv1 "github.com/longshore-project/longshore/plugins/proto/v1"
	"github.com/longshore-project/longshore/plugins/wire"
	"github.com/longshore-project/longshore/scheduler/framework"
)

// WireCheck is a promise of the protocol itself. Run returns nil if the plugin at the other end keeps it.
type WireCheck struct {
	Name string
	Run  func(ctx context.Context, conn grpc.ClientConnInterface) error
}

// RunWire checks the protocol as subtests over one connection to a plugin in any language. The plugin must work without arguments.
func RunWire(t *testing.T, conn grpc.ClientConnInterface) {
	for _, c := range WireChecks(nil) {
		t.Run(c.Name, func(t *testing.T) {
			if err := c.Run(t.Context(), conn); err != nil {
				t.Error(err)
			}
		})
	}
}

// WireChecks returns the promises of the protocol. The plugin is configured with the arguments, which have the values of encoding/json and are
// nil for none.
func WireChecks(arguments map[string]any) []WireCheck {
	return []WireCheck{
		{"says what it is", saysWhatItIs},
		{"refuses an unknown protocol version", func(ctx context.Context, conn grpc.ClientConnInterface) error {
			return refusesUnknownVersion(ctx, conn, arguments)
		}},
		{"ignores unknown fields", ignoresUnknownFields},
		{"asks for the table after a gap", asksForTable},
		{"a new stream knows nothing", newStreamKnowsNothing},
		{"several questions in one message", severalQuestions},
		{"tables in parts and with removals", tablesInParts},
		{"survives cancelled questions", survivesCancelled},
		{"remembers placements", remembersPlacements},
	}
}

func saysWhatItIs(ctx context.Context, conn grpc.ClientConnInterface) error {
	info, err := describe(ctx, conn)
	if err != nil {
		return err
	}
	if info.GetName() == "" {
		return errors.New("info has no name")
	}
	if _, ok := wire.Common(wire.ProtocolVersions, info.GetProtocolVersions()); !ok {
		return fmt.Errorf("info lists protocol versions %v, none of %v", info.GetProtocolVersions(), wire.ProtocolVersions)
	}
	if len(info.GetStages()) == 0 {
		return errors.New("info lists no stage")
	}
	return nil
}

func describe(ctx context.Context, conn grpc.ClientConnInterface) (*pluginv1.InfoResponse, error) {
	in := &pluginv1.InfoRequest{ProtocolVersions: wire.ProtocolVersions}
	addUnknown(in)
	return pluginv1.NewPlacementPluginClient(conn).Info(ctx, in)
}

func refusesUnknownVersion(ctx context.Context, conn grpc.ClientConnInterface, arguments map[string]any) error {
	var in *structpb.Struct
	if arguments != nil {
		var err error
		if in, err = structpb.NewStruct(arguments); err != nil {
			return fmt.Errorf("encoding the arguments: %w", err)
		}
	}
	client := pluginv1.NewPlacementPluginClient(conn)
	if _, err := client.Configure(ctx, &pluginv1.ConfigureRequest{Arguments: in, ProtocolVersion: 4_000_000}); err == nil {
		return errors.New("configure accepted protocol version 4000000")
	}
	if _, err := client.Configure(ctx, &pluginv1.ConfigureRequest{Arguments: in, ProtocolVersion: wire.ProtocolVersions[0]}); err != nil {
		return fmt.Errorf("configuring: %w", err)
	}
	return nil
}

// unknownField is a number that the protocol is not going to use.
const unknownField = 15_000

// addUnknown adds what a later version of the protocol might.
func addUnknown(m proto.Message) {
	field := protowire.AppendTag(nil, unknownField, protowire.BytesType)
	m.ProtoReflect().SetUnknown(protowire.AppendString(field, "from the future"))
}

// stream is a Work stream with the question that suits the plugin.
type stream struct {
	pluginv1.PlacementPlugin_WorkClient
	stages []pluginv1.Stage
}

// open opens a stream. It ends with ctx.
func open(ctx context.Context, conn grpc.ClientConnInterface) (*stream, error) {
	info, err := describe(ctx, conn)
	if err != nil {
		return nil, err
	}
	work, err := pluginv1.NewPlacementPluginClient(conn).Work(ctx)
	return &stream{work, info.GetStages()}, err
}

// fleetOf returns the messages that tell n clusters.
func fleetOf(n int) []*pluginv1.Table {
	return wire.FromSnapshot(nil, framework.NewSnapshot(clusters(n), 1), 0, framework.AllFacts)
}

// question asks the first of the plugin's stages about n clusters.
func (s *stream) question(id, generation uint64, n int) *pluginv1.Question {
	r := requests()[2]
	rows := framework.FullBitset(n)
	q := &pluginv1.Question{Id: id, Generation: generation, Request: wire.FromRequest(r)}
	q.Request.PlacementFingerprint, q.Request.Placement = "", wire.FromPlacement(r.Placement)
	list := wire.FromRows(rows.AppendRows(nil))
	room := &pluginv1.Capacities{Replicas: make([]int64, n), Known: wire.FromBitset(rows)}
	switch s.stages[0] {
	case pluginv1.Stage_STAGE_FILTER:
		q.Filter = &pluginv1.FilterQuestion{Candidates: wire.FromBitset(rows)}
	case pluginv1.Stage_STAGE_SCORE:
		q.Score = &pluginv1.ScoreQuestion{Clusters: wire.FromBitset(rows)}
	case pluginv1.Stage_STAGE_ESTIMATE:
		q.Estimate = &pluginv1.EstimateQuestion{Rows: list}
	case pluginv1.Stage_STAGE_SELECT:
		q.Select = &pluginv1.SelectQuestion{Ranked: list, Scores: make([]int64, n), Available: room}
	default:
		q.Assign = &pluginv1.AssignQuestion{Selected: list, Current: make([]int64, n), Estimates: room}
	}
	return q
}

// answers returns the next n answers by id.
func (s *stream) answers(n int) (map[uint64]*pluginv1.Answer, error) {
	out := map[uint64]*pluginv1.Answer{}
	for len(out) < n {
		m, err := s.Recv()
		if err != nil {
			return nil, fmt.Errorf("reading answers: %w", err)
		}
		for _, a := range m.GetAnswers() {
			out[a.GetId()] = a
		}
	}
	return out, nil
}

// ask sends one message and returns the answers to its questions, which must be there and be no resync.
func (s *stream) ask(m *pluginv1.WorkRequest) (map[uint64]*pluginv1.Answer, error) {
	if err := s.Send(m); err != nil {
		return nil, err
	}
	out, err := s.answers(len(m.GetQuestions()))
	if err != nil {
		return nil, err
	}
	for _, q := range m.GetQuestions() {
		switch a, ok := out[q.GetId()]; {
		case !ok:
			return nil, fmt.Errorf("question %d was not answered, but others were", q.GetId())
		case a.GetResync():
			return nil, fmt.Errorf("question %d: the plugin does not know the table that was just told", q.GetId())
		case a.GetError() != "":
			return nil, fmt.Errorf("question %d: %s", q.GetId(), a.GetError())
		}
	}
	return out, nil
}

// plain drops the id, so that answers compare.
func plain(a *pluginv1.Answer) string {
	c := proto.Clone(a).(*pluginv1.Answer)
	c.Id = 0
	data, err := proto.MarshalOptions{Deterministic: true}.Marshal(c)
	if err != nil {
		return err.Error()
	}
	return string(data)
}

func ignoresUnknownFields(ctx context.Context, conn grpc.ClientConnInterface) error {
	s, err := open(ctx, conn)
	if err != nil {
		return err
	}
	known, future := s.question(1, 1, 10), s.question(2, 1, 10)
	table := fleetOf(10)[0]
	m := &pluginv1.WorkRequest{Table: table, Questions: []*pluginv1.Question{known, future}}
	for _, part := range []proto.Message{m, table, table.GetClusters()[0], future, future.GetRequest(), future.GetRequest().GetPlacement()} {
		addUnknown(part)
	}
	answers, err := s.ask(m)
	if err != nil {
		return err
	}
	if plain(answers[1]) != plain(answers[2]) {
		return errors.New("fields that the plugin cannot know changed its answer")
	}
	return nil
}

// asksForTable also tells the whole table after the gap, upon which all must be well.
func asksForTable(ctx context.Context, conn grpc.ClientConnInterface) error {
	s, err := open(ctx, conn)
	if err != nil {
		return err
	}
	if _, err := s.ask(&pluginv1.WorkRequest{Table: fleetOf(10)[0], Questions: []*pluginv1.Question{s.question(1, 1, 10)}}); err != nil {
		return err
	}
	gap := &pluginv1.Table{Generation: 9, BaseGeneration: 8, Removed: []string{"member-00001"}}
	if err := s.Send(&pluginv1.WorkRequest{Table: gap, Questions: []*pluginv1.Question{s.question(2, 9, 9)}}); err != nil {
		return err
	}
	answers, err := s.answers(1)
	if err != nil {
		return err
	}
	if !answers[2].GetResync() {
		return errors.New("a question about a table that the plugin cannot have was answered without resync")
	}
	again := fleetOf(10)[0]
	again.Generation = 10
	_, err = s.ask(&pluginv1.WorkRequest{Table: again, Questions: []*pluginv1.Question{s.question(3, 10, 10)}})
	return err
}

func newStreamKnowsNothing(ctx context.Context, conn grpc.ClientConnInterface) error {
	for range 2 {
		s, err := open(ctx, conn)
		if err != nil {
			return err
		}
		if err := s.Send(&pluginv1.WorkRequest{Questions: []*pluginv1.Question{s.question(1, 1, 10)}}); err != nil {
			return err
		}
		answers, err := s.answers(1)
		if err != nil {
			return err
		}
		if !answers[1].GetResync() {
			return errors.New("a stream on which no table was told answered without resync")
		}
		if _, err := s.ask(&pluginv1.WorkRequest{Table: fleetOf(10)[0], Questions: []*pluginv1.Question{s.question(2, 1, 10)}}); err != nil {
			return err
		}
	}
	return nil
}

func severalQuestions(ctx context.Context, conn grpc.ClientConnInterface) error {
	s, err := open(ctx, conn)
	if err != nil {
		return err
	}
	m := &pluginv1.WorkRequest{Table: fleetOf(10)[0]}
	for id := range uint64(20) {
		m.Questions = append(m.Questions, s.question(id+1, 1, 10))
	}
	answers, err := s.ask(m)
	if err != nil {
		return err
	}
	for id, a := range answers {
		if plain(a) != plain(answers[1]) {
			return fmt.Errorf("questions 1 and %d are the same and the answers are not", id)
		}
	}
	return nil
}

func tablesInParts(ctx context.Context, conn grpc.ClientConnInterface) error {
	s, err := open(ctx, conn)
	if err != nil {
		return err
	}
	const many = 1500
	for _, part := range fleetOf(many) {
		if err := s.Send(&pluginv1.WorkRequest{Table: part}); err != nil {
			return err
		}
	}
	if _, err := s.ask(&pluginv1.WorkRequest{Questions: []*pluginv1.Question{s.question(1, 1, many)}}); err != nil {
		return err
	}
	fewer := &pluginv1.Table{Generation: 2, BaseGeneration: 1}
	for _, c := range clusters(many)[10:] {
		fewer.Removed = append(fewer.Removed, c.Name)
	}
	got, err := s.ask(&pluginv1.WorkRequest{Table: fewer, Questions: []*pluginv1.Question{s.question(2, 2, 10)}})
	if err != nil {
		return err
	}
	want, err := s.ask(&pluginv1.WorkRequest{Table: fleetOf(10)[0], Questions: []*pluginv1.Question{s.question(3, 1, 10)}})
	if err == nil && plain(got[2]) != plain(want[3]) {
		err = errors.New("after removals the answer is another than when only the rest was told")
	}
	return err
}

func survivesCancelled(ctx context.Context, conn grpc.ClientConnInterface) error {
	s, err := open(ctx, conn)
	if err != nil {
		return err
	}
	if _, err := s.ask(&pluginv1.WorkRequest{Table: fleetOf(10)[0], Questions: []*pluginv1.Question{s.question(1, 1, 10)}}); err != nil {
		return err
	}
	m := &pluginv1.WorkRequest{Cancelled: []uint64{1, 2, 999}, Questions: []*pluginv1.Question{s.question(2, 1, 10), s.question(3, 1, 10)}}
	if err := s.Send(m); err != nil {
		return err
	}
	if err := s.Send(&pluginv1.WorkRequest{Cancelled: []uint64{3}}); err != nil {
		return err
	}
	if err := s.Send(&pluginv1.WorkRequest{Questions: []*pluginv1.Question{s.question(4, 1, 10)}}); err != nil {
		return err
	}
	for seen := false; !seen; {
		answers, err := s.answers(1)
		if err != nil {
			return err
		}
		_, seen = answers[4]
	}
	return nil
}

// remembersPlacements tells a placement, refers to it, and then refers to it after it was to be forgotten, which may fail but not more.
func remembersPlacements(ctx context.Context, conn grpc.ClientConnInterface) error {
	s, err := open(ctx, conn)
	if err != nil {
		return err
	}
	inline, told, later := s.question(1, 1, 10), s.question(2, 1, 10), s.question(3, 1, 10)
	placement := told.Request.GetPlacement()
	for _, q := range []*pluginv1.Question{told, later} {
		q.Request.PlacementFingerprint, q.Request.Placement = placement.GetFingerprint(), nil
	}
	answers, err := s.ask(&pluginv1.WorkRequest{
		Table: fleetOf(10)[0], Placements: []*pluginv1.Placement{placement}, Questions: []*pluginv1.Question{inline, told},
	})
	if err != nil {
		return err
	}
	if plain(answers[1]) != plain(answers[2]) {
		return errors.New("a placement that was told before leads to another answer than the same placement in the request")
	}
	if _, err := s.ask(&pluginv1.WorkRequest{Questions: []*pluginv1.Question{later}}); err != nil {
		return err
	}
	again := proto.Clone(later).(*pluginv1.Question)
	again.Id = 4
	if err := s.Send(&pluginv1.WorkRequest{ForgetPlacements: true, Questions: []*pluginv1.Question{again}}); err != nil {
		return err
	}
	_, err = s.answers(1)
	return err
}
