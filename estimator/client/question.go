package client

import (
	"math"

	estimatorv1 "github.com/longshore-project/longshore/estimator/proto/v1"
	"github.com/longshore-project/longshore/scheduler/framework"
)

// ToQuestion returns how many sets of the request fit: its components or, if it has none, one replica.
func ToQuestion(r *framework.Request) *estimatorv1.Question {
	q := &estimatorv1.Question{Namespace: r.Namespace}
	if len(r.Components) == 0 {
		q.Components = []*estimatorv1.Component{{Shape: toShape(r.Requirements, r.Node), Replicas: 1}}
		return q
	}
	for _, c := range r.Components {
		if c.Replicas > 0 {
			q.Components = append(q.Components, &estimatorv1.Component{
				Shape: toShape(c.Requirements, c.Node), Replicas: int32(min(c.Replicas, math.MaxInt32)),
			})
		}
	}
	return q
}

func toShape(requirements framework.Resources, claim *framework.NodeClaim) *estimatorv1.Shape {
	s := &estimatorv1.Shape{Requests: map[string]int64{}}
	for _, a := range requirements {
		if a.Name != framework.ResourcePods && a.Amount > 0 {
			s.Requests[a.Name] = a.Amount
		}
	}
	if claim == nil {
		return s
	}
	s.PriorityClassName = claim.PriorityClass
	for _, l := range claim.Selector {
		if s.NodeSelector == nil {
			s.NodeSelector = map[string]string{}
		}
		s.NodeSelector[l.Key] = l.Value
	}
	for _, t := range claim.Affinity {
		s.NodeAffinity = append(s.NodeAffinity, &estimatorv1.NodeSelectorTerm{Labels: toRequirements(t.Labels), Fields: toRequirements(t.Fields)})
	}
	for _, t := range claim.Tolerations {
		s.Tolerations = append(s.Tolerations, &estimatorv1.Toleration{Key: t.Key, Operator: t.Operator, Value: t.Value, Effect: t.Effect})
	}
	return s
}

func toRequirements(requirements []framework.NodeRequirement) []*estimatorv1.NodeSelectorRequirement {
	var out []*estimatorv1.NodeSelectorRequirement
	for _, r := range requirements {
		out = append(out, &estimatorv1.NodeSelectorRequirement{Key: r.Key, Operator: r.Operator, Values: r.Values})
	}
	return out
}
