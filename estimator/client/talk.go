package client

import (
	"context"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/connectivity"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/types/known/durationpb"

	"github.com/longshore-project/longshore/estimator/proto/karmada/service"
	estimatorv1 "github.com/longshore-project/longshore/estimator/proto/v1"
)

// report is what an estimator said about one member, with one answer for each question.
type report struct {
	member  string
	state   memberState
	answers []answer
}

// talker speaks a protocol over a connection.
type talker interface {
	// tellsStates reports whether answers stay true as long as the member's generation is the same.
	tellsStates() bool
	// ask returns a report for each member. No questions asks for the states alone.
	ask(ctx context.Context, members []string, questions []*question) ([]report, error)
	// unschedulable returns an answer for each workload.
	unschedulable(ctx context.Context, workloads []Workload, threshold time.Duration) ([]Unschedulable, error)
}

// watcher is a talker that is told of changes.
type watcher interface {
	// follow calls changed and removed until the stream ends.
	follow(ctx context.Context, members []string, changed func([]report), removed func([]string)) error
}

// settle finds the first connection that answers and what is spoken there.
func settle(ctx context.Context, p Protocol, connections []*grpc.ClientConn, scope []string, member string) (talker, error) {
	var last error
	for _, conn := range connections {
		if p == Karmada {
			if last = connected(ctx, conn); last == nil {
				return karmadaTalker{service.NewEstimatorClient(conn), soleMember(scope, member)}, nil
			}
			continue
		}
		t := batchTalker{estimatorv1.NewEstimatorClient(conn)}
		_, last = t.ask(ctx, scope, nil)
		switch {
		case last == nil:
			return t, nil
		case status.Code(last) == codes.Unimplemented && p != Longshore && soleMember(scope, member) != "":
			return karmadaTalker{service.NewEstimatorClient(conn), soleMember(scope, member)}, nil
		}
	}
	return nil, last
}

// soleMember returns whom an estimator for one member serves, empty for one that serves several.
func soleMember(scope []string, member string) string {
	if member == "" && len(scope) == 1 {
		return scope[0]
	}
	return member
}

// connected waits until the connection is made or fails.
func connected(ctx context.Context, conn *grpc.ClientConn) error {
	conn.Connect()
	for {
		switch s := conn.GetState(); {
		case s == connectivity.Ready:
			return nil
		case s == connectivity.TransientFailure || s == connectivity.Shutdown:
			return status.Errorf(codes.Unavailable, "connecting to %s", conn.Target())
		case !conn.WaitForStateChange(ctx, s):
			return status.FromContextError(ctx.Err()).Err()
		}
	}
}

// batchTalker speaks Longshore's protocol.
type batchTalker struct{ service estimatorv1.EstimatorClient }

func (batchTalker) tellsStates() bool { return true }

func (t batchTalker) ask(ctx context.Context, members []string, questions []*question) ([]report, error) {
	request := &estimatorv1.EstimateRequest{Members: members}
	for _, q := range questions {
		request.Questions = append(request.Questions, q.batch)
	}
	response, err := t.service.Estimate(ctx, request)
	if err != nil {
		return nil, err
	}
	now := time.Now()
	reports := make([]report, 0, len(response.GetMembers()))
	for _, m := range response.GetMembers() {
		if len(m.GetAnswers()) != len(questions) {
			return nil, status.Errorf(codes.Internal, "%d answers to %d questions", len(m.GetAnswers()), len(questions))
		}
		r := reportOf(m.GetState(), now)
		for _, a := range m.GetAnswers() {
			r.answers = append(r.answers, answerOf(a, &r.state))
		}
		reports = append(reports, r)
	}
	return reports, nil
}

// reportOf returns a report without answers.
func reportOf(s *estimatorv1.MemberState, now time.Time) report {
	return report{member: s.GetMember(), state: memberState{
		at: now.Add(-s.GetAge().AsDuration()), generation: s.GetGeneration(), instance: s.GetInstance(), missing: missing(s.GetUnknown(), s.GetMessage()),
	}}
}

func answerOf(a *estimatorv1.Answer, s *memberState) answer {
	out := answer{at: s.at, generation: s.generation, instance: s.instance, missing: missing(a.GetUnknown(), a.GetMessage())}
	if out.missing == "" {
		out.sets, out.atLeast, out.quota = max(a.GetSets(), 0), a.GetAtLeast(), a.GetLimitingQuota()
		out.growTo, out.canGrow = max(a.GetCouldGrowTo(), 0), a.CouldGrowTo != nil
	}
	return out
}

// missing says why there is no answer; empty if there is one. The text is equal for equal reasons.
func missing(r estimatorv1.Reason, message string) string {
	switch r {
	case estimatorv1.Reason_REASON_UNSPECIFIED:
		return ""
	case estimatorv1.Reason_REASON_NOT_SERVED:
		return "does not observe the member"
	case estimatorv1.Reason_REASON_NOT_SYNCED:
		return "has not read the member yet"
	case estimatorv1.Reason_REASON_STALE:
		return "the member was not heard for too long"
	case estimatorv1.Reason_REASON_NOT_FOUND:
		return "the member has no such workload"
	default:
		if message == "" {
			return "cannot tell: " + r.String()
		}
		return message
	}
}

func (t batchTalker) follow(ctx context.Context, members []string, changed func([]report), removed func([]string)) error {
	stream, err := t.service.Watch(ctx, &estimatorv1.WatchRequest{Members: members})
	if err != nil {
		return err
	}
	for {
		message, err := stream.Recv()
		if err != nil {
			return err
		}
		now := time.Now()
		reports := make([]report, len(message.GetChanged()))
		for i, s := range message.GetChanged() {
			reports[i] = reportOf(s, now)
		}
		changed(reports)
		removed(message.GetRemoved())
	}
}

func (t batchTalker) unschedulable(ctx context.Context, workloads []Workload, threshold time.Duration) ([]Unschedulable, error) {
	request := &estimatorv1.UnschedulableRequest{Threshold: durationpb.New(threshold)}
	for _, w := range workloads {
		request.Workloads = append(request.Workloads, &estimatorv1.Workload{
			Member: w.Member, ApiVersion: w.APIVersion, Kind: w.Kind, Namespace: w.Namespace, Name: w.Name,
		})
	}
	response, err := t.service.Unschedulable(ctx, request)
	if err != nil {
		return nil, err
	}
	if len(response.GetAnswers()) != len(workloads) {
		return nil, status.Errorf(codes.Internal, "%d answers about %d workloads", len(response.GetAnswers()), len(workloads))
	}
	out := make([]Unschedulable, len(workloads))
	for i, a := range response.GetAnswers() {
		out[i] = Unschedulable{Missing: missing(a.GetUnknown(), a.GetMessage())}
		if out[i].Missing == "" {
			out[i].Replicas = max(a.GetReplicas(), 0)
		}
	}
	return out, nil
}

// watch lets changes renew answers at once, until ctx ends.
func (e *endpoint) watch(ctx context.Context, w watcher) {
	for ctx.Err() == nil {
		_ = w.follow(ctx, e.scope(), e.changed, e.removed) // What broke the stream fails the next call, too, which is where it is told.
		e.poke()
		select {
		case <-ctx.Done():
		case <-time.After(firstPause):
		}
	}
}

// changed takes over states, and has answers renewed that they outdate.
func (e *endpoint) changed(reports []report) {
	var n news
	c := e.client
	c.mu.Lock()
	for i := range reports {
		if !e.left {
			e.report(&reports[i], &job{}, &n)
		}
	}
	c.advance()
	c.mu.Unlock()
	n.tell(c)
	e.poke()
}

func (e *endpoint) removed(members []string) {
	var n news
	c := e.client
	c.mu.Lock()
	for _, name := range members {
		if e.members[name] != nil {
			e.forget(name, &n)
		}
	}
	c.mu.Unlock()
	n.tell(c)
}
