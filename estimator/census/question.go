package census

import (
	"cmp"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"

	corev1 "k8s.io/api/core/v1"

	"github.com/longshore-project/longshore/estimator/fit/kube"
)

// Shape is what one pod needs of a node. It does not change; make it with NewShape.
type Shape struct {
	requests      map[string]int64 // positive amounts
	claim         *kube.Claim
	claimKey      string
	key           string // of claim and requests
	priorityClass string
}

// ShapeConfig is what NewShape needs.
type ShapeConfig struct {
	// Requests by resource name: cpu in thousandths of a core, everything else in whole units.
	Requests map[string]int64
	// NodeSelector, NodeAffinity (nil for none) and Tolerations are those of the pod.
	NodeSelector map[string]string
	NodeAffinity *corev1.NodeSelector
	Tolerations  []corev1.Toleration
	// PriorityClass decides which quotas count.
	PriorityClass string
}

// NewShape returns a shape, or what is invalid about it.
func NewShape(config ShapeConfig) (*Shape, error) {
	claim, err := kube.NewClaim(config.NodeSelector, config.NodeAffinity, config.Tolerations)
	if err != nil {
		return nil, err
	}
	s := &Shape{claim: claim, priorityClass: config.PriorityClass, requests: map[string]int64{}}
	for name, amount := range config.Requests {
		if amount < 0 {
			return nil, fmt.Errorf("reading the requests: %s is %d, which is below zero", name, amount)
		}
		if amount > 0 && name != string(corev1.ResourcePods) {
			s.requests[name] = amount
		}
	}
	if s.claimKey, err = claimKey(&config); err != nil {
		return nil, err
	}
	var key strings.Builder
	for _, name := range slices.Sorted(maps.Keys(s.requests)) {
		writeParts(&key, name, strconv.FormatInt(s.requests[name], 10))
	}
	s.key = strconv.Itoa(key.Len()) + ":" + key.String() + s.claimKey
	return s, nil
}

// claimKey returns a text that is different for claims that may allow different nodes.
func claimKey(config *ShapeConfig) (string, error) {
	var key strings.Builder
	for _, name := range slices.Sorted(maps.Keys(config.NodeSelector)) {
		writeParts(&key, name, config.NodeSelector[name])
	}
	key.WriteByte('|')
	tolerations := slices.SortedFunc(slices.Values(config.Tolerations), func(a, b corev1.Toleration) int {
		return cmp.Or(cmp.Compare(a.Key, b.Key), cmp.Compare(a.Operator, b.Operator), cmp.Compare(a.Value, b.Value), cmp.Compare(a.Effect, b.Effect))
	})
	for _, t := range tolerations {
		writeParts(&key, t.Key, string(t.Operator), t.Value, string(t.Effect))
	}
	if config.NodeAffinity != nil {
		affinity, err := config.NodeAffinity.Marshal()
		if err != nil {
			return "", fmt.Errorf("reading the node affinity: %w", err)
		}
		key.WriteByte('|')
		key.Write(affinity)
	}
	return key.String(), nil
}

// writeParts writes parts with their lengths, so that no two lists of parts look alike.
func writeParts(b *strings.Builder, parts ...string) {
	for _, part := range parts {
		b.WriteString(strconv.Itoa(len(part)))
		b.WriteByte(':')
		b.WriteString(part)
	}
}

// Component is one part of a set.
type Component struct {
	Shape *Shape
	// Replicas in one set.
	Replicas int64
}

// Question asks how many complete sets fit. A workload with one pod template is a set of one component with one replica.
type Question struct {
	Components []Component
	// Namespace whose quotas count; empty for none.
	Namespace string
}

// Validate returns what makes the question meaningless.
func (q *Question) Validate() error {
	if len(q.Components) == 0 {
		return errors.New("the question has no component")
	}
	for i, c := range q.Components {
		if c.Replicas < 1 {
			return fmt.Errorf("component %d has %d replicas in a set, which is below 1", i, c.Replicas)
		}
	}
	return nil
}

// Answer is how many sets fit.
type Answer struct {
	// Sets that fit for certain.
	Sets int64
	// Exact is true when not one more fits.
	Exact bool
	// Quota is the name of the ResourceQuota that allows fewer than the nodes; empty when the nodes are the limit.
	Quota string
	// GrowTo is how many sets would fit if every node group had as many nodes as it may have. Meaningless unless CanGrow.
	GrowTo int64
	// CanGrow is true when nodes tell of their groups.
	CanGrow bool
}
