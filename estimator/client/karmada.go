package client

import (
	"context"
	"fmt"
	"math"
	"slices"
	"time"

	"golang.org/x/sync/errgroup"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/status"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/resource"

	"github.com/longshore-project/longshore/estimator/proto/karmada/pb"
	"github.com/longshore-project/longshore/estimator/proto/karmada/service"
	"github.com/longshore-project/longshore/scheduler/framework"
)

// karmadaTalker speaks Karmada's protocol with the estimator of one member.
type karmadaTalker struct {
	service service.EstimatorClient
	member  string
}

func (karmadaTalker) tellsStates() bool { return false }

// callsAtOnce bounds the questions that wait for one of Karmada's estimators.
const callsAtOnce = 8

// ask makes one call for each question. An estimator that does not take one question still may answer the others.
func (t karmadaTalker) ask(ctx context.Context, _ []string, questions []*question) ([]report, error) {
	r := report{member: t.member, answers: make([]answer, len(questions))}
	var calls errgroup.Group
	calls.SetLimit(callsAtOnce)
	for i, q := range questions {
		calls.Go(func() error {
			sets, err := t.sets(ctx, q.request)
			switch status.Code(err) {
			case codes.OK:
				r.answers[i] = answer{sets: max(int64(sets), 0), at: time.Now()}
			case codes.Unavailable, codes.DeadlineExceeded, codes.Canceled:
				return err
			default:
				r.answers[i] = answer{missing: status.Convert(err).Message(), at: time.Now()}
			}
			return nil
		})
	}
	if err := calls.Wait(); err != nil {
		return nil, err
	}
	r.state = memberState{at: time.Now()}
	return []report{r}, nil
}

func (t karmadaTalker) sets(ctx context.Context, q *framework.Request) (int32, error) {
	ctx = metadata.AppendToOutgoingContext(ctx, "object", "kind="+q.API.Kind+", name="+q.Key)
	if len(q.Components) == 0 {
		needs, err := toRequirementsPB(q.Requirements, q.Node)
		if err != nil {
			return 0, status.Error(codes.InvalidArgument, err.Error())
		}
		response, err := t.service.MaxAvailableReplicas(ctx, &pb.MaxAvailableReplicasRequest{
			Cluster: t.member, ReplicaRequirements: &pb.ReplicaRequirements{
				NodeClaim: needs.GetNodeClaim(), Namespace: q.Namespace, PriorityClassName: needs.GetPriorityClassName(),
				ResourceRequestBytes: needs.GetResourceRequestBytes(),
			},
		})
		return response.GetMaxReplicas(), err
	}
	request := &pb.MaxAvailableComponentSetsRequest{Cluster: t.member, Namespace: q.Namespace}
	for _, c := range q.Components {
		needs, err := toRequirementsPB(c.Requirements, c.Node)
		if err != nil {
			return 0, status.Error(codes.InvalidArgument, err.Error())
		}
		request.Components = append(request.Components, &pb.Component{
			Name: c.Name, Replicas: int32(min(c.Replicas, math.MaxInt32)), ReplicaRequirements: needs,
		})
	}
	response, err := t.service.MaxAvailableComponentSets(ctx, request)
	return response.GetMaxSets(), err
}

// toRequirementsPB encodes quantities, affinity and tolerations as Kubernetes does.
func toRequirementsPB(requirements framework.Resources, claim *framework.NodeClaim) (*pb.ComponentReplicaRequirements, error) {
	out := &pb.ComponentReplicaRequirements{ResourceRequestBytes: map[string][]byte{}}
	for _, a := range requirements {
		quantity := resource.NewQuantity(a.Amount, resource.BinarySI)
		if a.Name == framework.ResourceCPU {
			quantity = resource.NewMilliQuantity(a.Amount, resource.DecimalSI)
		}
		data, err := quantity.Marshal()
		if err != nil {
			return nil, fmt.Errorf("encoding the request of %s: %w", a.Name, err)
		}
		out.ResourceRequestBytes[a.Name] = data
	}
	if claim == nil {
		return out, nil
	}
	out.PriorityClassName = claim.PriorityClass
	var err error
	out.NodeClaim, err = toNodeClaimPB(claim)
	return out, err
}

func toNodeClaimPB(claim *framework.NodeClaim) (*pb.NodeClaim, error) {
	out := &pb.NodeClaim{}
	for _, l := range claim.Selector {
		if out.NodeSelector == nil {
			out.NodeSelector = map[string]string{}
		}
		out.NodeSelector[l.Key] = l.Value
	}
	if len(claim.Affinity) > 0 {
		selector := &corev1.NodeSelector{}
		for _, t := range claim.Affinity {
			selector.NodeSelectorTerms = append(selector.NodeSelectorTerms, corev1.NodeSelectorTerm{
				MatchExpressions: toCore(t.Labels), MatchFields: toCore(t.Fields),
			})
		}
		data, err := selector.Marshal()
		if err != nil {
			return nil, fmt.Errorf("encoding the node affinity: %w", err)
		}
		out.NodeAffinityBytes = data
	}
	for _, t := range claim.Tolerations {
		toleration := corev1.Toleration{Key: t.Key, Operator: corev1.TolerationOperator(t.Operator), Value: t.Value, Effect: corev1.TaintEffect(t.Effect)}
		data, err := toleration.Marshal()
		if err != nil {
			return nil, fmt.Errorf("encoding the toleration of %s: %w", t.Key, err)
		}
		out.TolerationsBytes = append(out.TolerationsBytes, data)
	}
	return out, nil
}

func toCore(requirements []framework.NodeRequirement) []corev1.NodeSelectorRequirement {
	var out []corev1.NodeSelectorRequirement
	for _, r := range requirements {
		out = append(out, corev1.NodeSelectorRequirement{Key: r.Key, Operator: corev1.NodeSelectorOperator(r.Operator), Values: r.Values})
	}
	return out
}

// unschedulable makes one call for each workload. What was answered counts also when others were not in time; it is an error if nothing was.
func (t karmadaTalker) unschedulable(ctx context.Context, workloads []Workload, threshold time.Duration) ([]Unschedulable, error) {
	out, failures := make([]Unschedulable, len(workloads)), make([]error, len(workloads))
	var calls errgroup.Group
	calls.SetLimit(callsAtOnce)
	for i, w := range workloads {
		calls.Go(func() error {
			response, err := t.service.GetUnschedulableReplicas(ctx, &pb.UnschedulableReplicasRequest{
				Cluster: t.member, UnschedulableThreshold: int64(threshold),
				Resource: &pb.ObjectReference{ApiVersion: w.APIVersion, Kind: w.Kind, Namespace: w.Namespace, Name: w.Name},
			})
			switch status.Code(err) {
			case codes.OK:
				out[i].Replicas = max(response.GetUnschedulableReplicas(), 0)
			case codes.Unavailable, codes.DeadlineExceeded, codes.Canceled:
				failures[i] = err
				fallthrough
			default:
				out[i].Missing = status.Convert(err).Message()
			}
			return nil
		})
	}
	_ = calls.Wait() // No call's failure is that of others.
	if at := slices.IndexFunc(failures, func(err error) bool { return err == nil }); at < 0 && len(failures) > 0 {
		return nil, failures[0]
	}
	return out, nil
}
