package server

import (
	"context"
	"fmt"
	"math"
	"time"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/resource"

	"github.com/longshore-project/longshore/estimator/census"
	"github.com/longshore-project/longshore/estimator/fit/kube"
	"github.com/longshore-project/longshore/estimator/proto/karmada/pb"
	"github.com/longshore-project/longshore/estimator/proto/karmada/service"
	estimatorv1 "github.com/longshore-project/longshore/estimator/proto/v1"
)

// karmada serves what Karmada's scheduler and descheduler ask. Its answers have no word for unknown, so that is an error.
type karmada struct {
	service.UnimplementedEstimatorServer
	members *Members
}

// member returns a member about which something is known, or the error to answer with.
func (k *karmada) member(name string) (*member, error) {
	found, ok := k.members.member(name)
	if !ok {
		return nil, status.Error(codes.InvalidArgument, k.members.notServed(name))
	}
	if state := found.state(); state.GetUnknown() != estimatorv1.Reason_REASON_UNSPECIFIED {
		return nil, status.Errorf(codes.Unavailable, "nothing is known about member %s: %s", name, state.GetMessage())
	}
	return found, nil
}

// MaxAvailableReplicas implements service.EstimatorServer.
func (k *karmada) MaxAvailableReplicas(_ context.Context, request *pb.MaxAvailableReplicasRequest) (*pb.MaxAvailableReplicasResponse, error) {
	needs := request.GetReplicaRequirements()
	shape, err := shapeFrom(needs.GetNodeClaim(), needs.GetResourceRequestBytes(), needs.GetPriorityClassName())
	if err != nil {
		return nil, status.Errorf(codes.InvalidArgument, "reading replicaRequirements: %v", err)
	}
	question := census.Question{Components: []census.Component{{Shape: shape, Replicas: 1}}, Namespace: needs.GetNamespace()}
	sets, err := k.ask(request.GetCluster(), question, request.GetAssumedWorkloads())
	return &pb.MaxAvailableReplicasResponse{MaxReplicas: sets}, err
}

// MaxAvailableComponentSets implements service.EstimatorServer. No component stands for no set.
func (k *karmada) MaxAvailableComponentSets(_ context.Context, request *pb.MaxAvailableComponentSetsRequest) (*pb.MaxAvailableComponentSetsResponse, error) {
	question, err := questionFrom(request.GetNamespace(), request.GetComponents())
	if err != nil {
		return nil, status.Errorf(codes.InvalidArgument, "reading components: %v", err)
	}
	if len(question.Components) == 0 {
		_, err := k.member(request.GetCluster())
		return &pb.MaxAvailableComponentSetsResponse{}, err
	}
	sets, err := k.ask(request.GetCluster(), question, request.GetAssumedWorkloads())
	return &pb.MaxAvailableComponentSetsResponse{MaxSets: sets}, err
}

func (k *karmada) ask(cluster string, question census.Question, workloads []*pb.AssumedWorkload) (int32, error) {
	found, err := k.member(cluster)
	if err != nil {
		return 0, err
	}
	var assumed []census.Question
	for i, w := range workloads {
		q, err := questionFrom(w.GetNamespace(), w.GetComponents())
		if err != nil {
			return 0, status.Errorf(codes.InvalidArgument, "reading assumed workload %d: %v", i, err)
		}
		assumed = append(assumed, q)
	}
	answer := found.census.Ask([]census.Question{question}, assumed)[0]
	return int32(min(answer.Sets, math.MaxInt32)), nil
}

// questionFrom leaves out components without replicas.
func questionFrom(namespace string, components []*pb.Component) (census.Question, error) {
	question := census.Question{Namespace: namespace}
	for _, c := range components {
		if c.GetReplicas() < 1 {
			continue
		}
		needs := c.GetReplicaRequirements()
		shape, err := shapeFrom(needs.GetNodeClaim(), needs.GetResourceRequestBytes(), needs.GetPriorityClassName())
		if err != nil {
			return question, fmt.Errorf("component %s: %w", c.GetName(), err)
		}
		question.Components = append(question.Components, census.Component{Shape: shape, Replicas: int64(c.GetReplicas())})
	}
	return question, nil
}

func shapeFrom(claim *pb.NodeClaim, requests map[string][]byte, priorityClass string) (*census.Shape, error) {
	config := census.ShapeConfig{
		Requests: make(map[string]int64, len(requests)), NodeSelector: claim.GetNodeSelector(), PriorityClass: priorityClass,
	}
	for name, encoded := range requests {
		var quantity resource.Quantity
		if err := quantity.Unmarshal(encoded); err != nil {
			return nil, fmt.Errorf("decoding the request of %s: %w", name, err)
		}
		config.Requests[name] = kube.Amount(corev1.ResourceName(name), quantity)
	}
	if encoded := claim.GetNodeAffinityBytes(); len(encoded) > 0 {
		config.NodeAffinity = &corev1.NodeSelector{}
		if err := config.NodeAffinity.Unmarshal(encoded); err != nil {
			return nil, fmt.Errorf("decoding the node affinity: %w", err)
		}
	}
	for i, encoded := range claim.GetTolerationsBytes() {
		var toleration corev1.Toleration
		if err := toleration.Unmarshal(encoded); err != nil {
			return nil, fmt.Errorf("decoding toleration %d: %w", i, err)
		}
		config.Tolerations = append(config.Tolerations, toleration)
	}
	return census.NewShape(config)
}

// GetUnschedulableReplicas implements service.EstimatorServer. Beside Deployments it judges StatefulSets, ReplicaSets and Jobs.
func (k *karmada) GetUnschedulableReplicas(_ context.Context, request *pb.UnschedulableReplicasRequest) (*pb.UnschedulableReplicasResponse, error) {
	found, err := k.member(request.GetCluster())
	if err != nil {
		return nil, err
	}
	object := request.GetResource()
	workload := census.Workload{APIVersion: object.GetApiVersion(), Kind: object.GetKind(), Namespace: object.GetNamespace(), Name: object.GetName()}
	pods, exists, err := found.census.Unschedulable(workload, time.Now().Add(-time.Duration(request.GetUnschedulableThreshold())))
	switch {
	case err != nil:
		return nil, status.Error(codes.InvalidArgument, err.Error())
	case !exists:
		return nil, status.Error(codes.NotFound, noReplicaSet(workload))
	}
	return &pb.UnschedulableReplicasResponse{UnschedulableReplicas: int32(pods)}, nil
}
