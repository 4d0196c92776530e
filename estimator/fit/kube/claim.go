package kube

import (
	"fmt"
	"strings"

	"github.com/go-logr/logr"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/labels"
	schedulinghelper "k8s.io/component-helpers/scheduling/corev1"
	"k8s.io/component-helpers/scheduling/corev1/nodeaffinity"
)

// Node is what a claim reads of a node.
type Node struct {
	// object has name and labels only.
	object corev1.Node
	// taints are those that keep pods away, conditions included.
	taints []corev1.Taint
}

// NodeOf returns the name, labels and taints of node. What keeps pods away from a node without being a taint yet counts as the taint that
// Kubernetes adds for it: spec.unschedulable, and condition Ready other than True. The labels are shared with node.
func NodeOf(node *corev1.Node) Node {
	n := Node{}
	n.object.Name, n.object.Labels = node.Name, node.Labels
	for _, taint := range node.Spec.Taints {
		if keepsAway(&taint) {
			n.taints = append(n.taints, corev1.Taint{Key: taint.Key, Value: taint.Value, Effect: taint.Effect})
		}
	}
	if node.Spec.Unschedulable {
		n.addTaint(corev1.TaintNodeUnschedulable)
	}
	switch readiness(node) {
	case corev1.ConditionTrue:
	case corev1.ConditionFalse:
		n.addTaint(corev1.TaintNodeNotReady)
	default:
		n.addTaint(corev1.TaintNodeUnreachable)
	}
	return n
}

func (n *Node) addTaint(key string) {
	for _, taint := range n.taints {
		if taint.Key == key && taint.Effect == corev1.TaintEffectNoSchedule {
			return
		}
	}
	n.taints = append(n.taints, corev1.Taint{Key: key, Effect: corev1.TaintEffectNoSchedule})
}

// readiness returns Unknown for a node that has not reported yet.
func readiness(node *corev1.Node) corev1.ConditionStatus {
	for _, condition := range node.Status.Conditions {
		if condition.Type == corev1.NodeReady {
			return condition.Status
		}
	}
	return corev1.ConditionUnknown
}

func keepsAway(taint *corev1.Taint) bool {
	return taint.Effect == corev1.TaintEffectNoSchedule || taint.Effect == corev1.TaintEffectNoExecute
}

// Labels returns the node's labels. They must not be changed.
func (n *Node) Labels() map[string]string { return n.object.Labels }

// LastingTaints returns the taints without those that Kubernetes puts on nodes for their condition. They must not be changed.
func (n *Node) LastingTaints() []corev1.Taint {
	var lasting []corev1.Taint
	for _, taint := range n.taints {
		if !strings.HasPrefix(taint.Key, "node.kubernetes.io/") {
			lasting = append(lasting, taint)
		}
	}
	return lasting
}

// Open reports whether pods without tolerations may come.
func (n *Node) Open() bool { return len(n.taints) == 0 }

// Equal reports whether no claim can tell the nodes apart.
func (n *Node) Equal(o *Node) bool {
	return n.object.Name == o.object.Name && labels.Equals(n.object.Labels, o.object.Labels) && equalTaints(n.taints, o.taints)
}

func equalTaints(a, b []corev1.Taint) bool {
	if len(a) != len(b) {
		return false
	}
	for i := range a {
		if a[i].Key != b[i].Key || a[i].Value != b[i].Value || a[i].Effect != b[i].Effect {
			return false
		}
	}
	return true
}

// Claim says which nodes a pod may use. Safe for concurrent use.
type Claim struct {
	selector    labels.Selector            // nil for any node
	affinity    *nodeaffinity.NodeSelector // nil for any node
	tolerations []corev1.Toleration
}

// NewClaim returns the claim of a pod with this node selector, required node affinity (nil for none) and tolerations. It keeps tolerations.
// The error names what is invalid.
func NewClaim(selector map[string]string, affinity *corev1.NodeSelector, tolerations []corev1.Toleration) (*Claim, error) {
	c := &Claim{tolerations: tolerations}
	if len(selector) > 0 {
		s, err := labels.ValidatedSelectorFromSet(selector)
		if err != nil {
			return nil, fmt.Errorf("reading the node selector: %w", err)
		}
		c.selector = s
	}
	if affinity != nil {
		parsed, err := nodeaffinity.NewNodeSelector(affinity)
		if err != nil {
			return nil, fmt.Errorf("reading the node affinity: %w", err)
		}
		c.affinity = parsed
	}
	return c, nil
}

// Allows reports whether a pod with this claim may be placed on node, room aside.
func (c *Claim) Allows(node *Node) bool {
	if c.selector != nil && !c.selector.Matches(labels.Set(node.object.Labels)) {
		return false
	}
	if c.affinity != nil && !c.affinity.Match(&node.object) {
		return false
	}
	// Tolerations with the operators Lt and Gt exist only in members that have them switched on.
	_, kept := schedulinghelper.FindMatchingUntoleratedTaint(logr.Discard(), node.taints, c.tolerations, nil, true)
	return !kept
}
