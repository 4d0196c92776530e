package server

import (
	"context"
	"runtime"
	"slices"
	"time"

	"golang.org/x/sync/errgroup"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/proto"
	corev1 "k8s.io/api/core/v1"

	"github.com/longshore-project/longshore/estimator/census"
	estimatorv1 "github.com/longshore-project/longshore/estimator/proto/v1"
)

// batch serves many questions about many members.
type batch struct {
	estimatorv1.UnimplementedEstimatorServer
	members *Members
}

// read is a question, or what is wrong with it.
type read struct {
	question census.Question
	err      error
}

// Estimate implements estimatorv1.EstimatorServer.
func (b *batch) Estimate(ctx context.Context, request *estimatorv1.EstimateRequest) (*estimatorv1.EstimateResponse, error) {
	questions := make([]read, len(request.GetQuestions()))
	for i, q := range request.GetQuestions() {
		questions[i].question, questions[i].err = questionOf(q)
	}
	assumed := map[string][]census.Question{}
	for i, a := range request.GetAssumptions() {
		q, err := questionOf(a.GetWorkload())
		if err != nil {
			return nil, status.Errorf(codes.InvalidArgument, "reading assumption %d: %v", i, err)
		}
		assumed[a.GetMember()] = append(assumed[a.GetMember()], q)
	}
	names := request.GetMembers()
	if len(names) == 0 {
		names = b.members.Names()
	}
	response := &estimatorv1.EstimateResponse{Members: make([]*estimatorv1.MemberAnswers, len(names))}
	var asking errgroup.Group
	asking.SetLimit(runtime.GOMAXPROCS(0))
	for i, name := range names {
		if ctx.Err() != nil {
			break
		}
		asking.Go(func() error {
			response.Members[i] = b.ask(name, questions, assumed[name])
			return nil
		})
	}
	_ = asking.Wait() // No member's answers are an error.
	if err := ctx.Err(); err != nil {
		return nil, status.FromContextError(err).Err()
	}
	return response, nil
}

// ask answers all questions about one member.
func (b *batch) ask(name string, questions []read, assumed []census.Question) *estimatorv1.MemberAnswers {
	found, ok := b.members.member(name)
	if !ok {
		return unknownTo(b.members.stranger(name), questions)
	}
	// First the state, then the answers: the answers are then at least as new as the generation says.
	state := found.state()
	if state.GetUnknown() != estimatorv1.Reason_REASON_UNSPECIFIED && state.GetUnknown() != estimatorv1.Reason_REASON_STALE {
		return unknownTo(state, questions)
	}
	var valid []census.Question
	for _, q := range questions {
		if q.err == nil {
			valid = append(valid, q.question)
		}
	}
	answers := found.census.Ask(valid, assumed)
	out := &estimatorv1.MemberAnswers{State: state, Answers: make([]*estimatorv1.Answer, len(questions))}
	for i, q := range questions {
		if q.err != nil {
			out.Answers[i] = &estimatorv1.Answer{Unknown: estimatorv1.Reason_REASON_INVALID, Message: q.err.Error()}
			continue
		}
		out.Answers[i] = toAnswer(answers[0], state)
		answers = answers[1:]
	}
	return out
}

// unknownTo gives every question the state's reason for an answer.
func unknownTo(state *estimatorv1.MemberState, questions []read) *estimatorv1.MemberAnswers {
	out := &estimatorv1.MemberAnswers{State: state, Answers: make([]*estimatorv1.Answer, len(questions))}
	for i := range questions {
		out.Answers[i] = &estimatorv1.Answer{Unknown: state.GetUnknown(), Message: state.GetMessage()}
	}
	return out
}

func toAnswer(a census.Answer, state *estimatorv1.MemberState) *estimatorv1.Answer {
	answer := &estimatorv1.Answer{
		Unknown: state.GetUnknown(), Message: state.GetMessage(), Sets: proto.Int64(a.Sets), AtLeast: !a.Exact, LimitingQuota: a.Quota,
	}
	if a.CanGrow {
		answer.CouldGrowTo = proto.Int64(a.GrowTo)
	}
	return answer
}

// questionOf reads a question, nil for none.
func questionOf(q *estimatorv1.Question) (census.Question, error) {
	out := census.Question{Namespace: q.GetNamespace()}
	for _, c := range q.GetComponents() {
		shape, err := census.NewShape(census.ShapeConfig{
			Requests: c.GetShape().GetRequests(), NodeSelector: c.GetShape().GetNodeSelector(),
			NodeAffinity: affinityOf(c.GetShape().GetNodeAffinity()), Tolerations: tolerationsOf(c.GetShape().GetTolerations()),
			PriorityClass: c.GetShape().GetPriorityClassName(),
		})
		if err != nil {
			return out, err
		}
		out.Components = append(out.Components, census.Component{Shape: shape, Replicas: int64(c.GetReplicas())})
	}
	return out, out.Validate()
}

func affinityOf(terms []*estimatorv1.NodeSelectorTerm) *corev1.NodeSelector {
	if len(terms) == 0 {
		return nil
	}
	selector := &corev1.NodeSelector{NodeSelectorTerms: make([]corev1.NodeSelectorTerm, len(terms))}
	for i, term := range terms {
		selector.NodeSelectorTerms[i] = corev1.NodeSelectorTerm{
			MatchExpressions: requirementsOf(term.GetLabels()), MatchFields: requirementsOf(term.GetFields()),
		}
	}
	return selector
}

func requirementsOf(requirements []*estimatorv1.NodeSelectorRequirement) []corev1.NodeSelectorRequirement {
	var out []corev1.NodeSelectorRequirement
	for _, r := range requirements {
		out = append(out, corev1.NodeSelectorRequirement{Key: r.GetKey(), Operator: corev1.NodeSelectorOperator(r.GetOperator()), Values: r.GetValues()})
	}
	return out
}

func tolerationsOf(tolerations []*estimatorv1.Toleration) []corev1.Toleration {
	var out []corev1.Toleration
	for _, t := range tolerations {
		out = append(out, corev1.Toleration{
			Key: t.GetKey(), Operator: corev1.TolerationOperator(t.GetOperator()), Value: t.GetValue(), Effect: corev1.TaintEffect(t.GetEffect()),
		})
	}
	return out
}

// Unschedulable implements estimatorv1.EstimatorServer.
func (b *batch) Unschedulable(_ context.Context, request *estimatorv1.UnschedulableRequest) (*estimatorv1.UnschedulableResponse, error) {
	before := time.Now().Add(-request.GetThreshold().AsDuration())
	response := &estimatorv1.UnschedulableResponse{}
	for _, w := range request.GetWorkloads() {
		response.Answers = append(response.Answers, b.unschedulable(w, before))
	}
	return response, nil
}

func (b *batch) unschedulable(w *estimatorv1.Workload, before time.Time) *estimatorv1.UnschedulableAnswer {
	found, ok := b.members.member(w.GetMember())
	if !ok {
		return &estimatorv1.UnschedulableAnswer{Unknown: estimatorv1.Reason_REASON_NOT_SERVED, Message: b.members.notServed(w.GetMember())}
	}
	state := found.state()
	answer := &estimatorv1.UnschedulableAnswer{Unknown: state.GetUnknown(), Message: state.GetMessage(), Age: state.GetAge()}
	if answer.Unknown != estimatorv1.Reason_REASON_UNSPECIFIED && answer.Unknown != estimatorv1.Reason_REASON_STALE {
		return answer
	}
	workload := census.Workload{APIVersion: w.GetApiVersion(), Kind: w.GetKind(), Namespace: w.GetNamespace(), Name: w.GetName()}
	pods, exists, err := found.census.Unschedulable(workload, before)
	switch {
	case err != nil:
		answer.Unknown, answer.Message = estimatorv1.Reason_REASON_INVALID, err.Error()
	case !exists:
		answer.Unknown, answer.Message = estimatorv1.Reason_REASON_NOT_FOUND, noReplicaSet(workload)
	default:
		answer.Replicas = proto.Int32(int32(pods))
	}
	return answer
}

func noReplicaSet(w census.Workload) string {
	return "Deployment " + w.Namespace + "/" + w.Name + " has no ReplicaSet in the member"
}

// watchEvery is how often a watcher is told of changes, at most.
const watchEvery = 200 * time.Millisecond

// Watch implements estimatorv1.EstimatorServer.
func (b *batch) Watch(request *estimatorv1.WatchRequest, stream estimatorv1.Estimator_WatchServer) error {
	ticker := time.NewTicker(watchEvery)
	defer ticker.Stop()
	told := map[string]*estimatorv1.MemberState{}
	for first := true; ; first = false {
		message := news(told, b.members.States(request.GetMembers()))
		if first || len(message.Changed)+len(message.Removed) > 0 {
			if err := stream.Send(message); err != nil {
				return err
			}
		}
		select {
		case <-stream.Context().Done():
			return status.FromContextError(stream.Context().Err()).Err()
		case <-ticker.C:
		}
	}
}

// news returns what differs from what was told, and notes it as told. Ages always differ and are no news.
func news(told map[string]*estimatorv1.MemberState, states []*estimatorv1.MemberState) *estimatorv1.WatchResponse {
	message := &estimatorv1.WatchResponse{}
	there := make(map[string]struct{}, len(states))
	for _, state := range states {
		there[state.GetMember()] = struct{}{}
		before, ok := told[state.GetMember()]
		if ok && before.GetGeneration() == state.GetGeneration() && before.GetInstance() == state.GetInstance() && before.GetUnknown() == state.GetUnknown() {
			continue
		}
		told[state.GetMember()] = state
		message.Changed = append(message.Changed, state)
	}
	for name := range told {
		if _, ok := there[name]; !ok {
			delete(told, name)
			message.Removed = append(message.Removed, name)
		}
	}
	slices.Sort(message.Removed)
	return message
}
