package framework

import (
	"strconv"
	"strings"
)

// NodeClaim is what one replica asks of its node beside resources. It is read only.
type NodeClaim struct {
	// Selector is labels that the node must have, all of them, sorted by key.
	Selector []Label
	// Affinity is alternatives of which the node must match one; none stands for any node.
	Affinity []NodeTerm
	// Tolerations are the pod's.
	Tolerations []NodeToleration
	// PriorityClass decides which quotas of the namespace count.
	PriorityClass string
}

// NodeTerm is matched by nodes that meet all requirements. One without any is matched by none, as in Kubernetes.
type NodeTerm struct{ Labels, Fields []NodeRequirement }

// NodeRequirement is one condition on a label or field of a node. The operator is In, NotIn, Exists, DoesNotExist, Gt or Lt.
type NodeRequirement struct {
	Key, Operator string
	Values        []string
}

// NodeToleration is the toleration of a pod; an empty operator stands for Equal and an empty effect for all.
type NodeToleration struct{ Key, Operator, Value, Effect string }

// PodShape returns a text that is equal for requests of which equally many fit on the nodes of any member, quotas included. It tells apart
// more than Shape does: node claims and the namespace.
func (r *Request) PodShape() string {
	var b strings.Builder
	writeWords(&b, r.Namespace)
	b.WriteString(r.Requirements.Shape())
	r.Node.write(&b)
	for _, c := range r.Components {
		b.WriteByte('+')
		b.WriteString(strconv.FormatInt(c.Replicas, 10))
		b.WriteByte('*')
		b.WriteString(c.Requirements.Shape())
		c.Node.write(&b)
	}
	return b.String()
}

// write appends the claim so that different claims differ.
func (c *NodeClaim) write(b *strings.Builder) {
	if c == nil {
		return
	}
	b.WriteString("@")
	for _, l := range c.Selector {
		writeWords(b, l.Key, l.Value)
	}
	for _, t := range c.Affinity {
		b.WriteString("|")
		writeRequirements(b, "l", t.Labels)
		writeRequirements(b, "f", t.Fields)
	}
	for _, t := range c.Tolerations {
		b.WriteString("~")
		writeWords(b, t.Key, t.Operator, t.Value, t.Effect)
	}
	b.WriteString("^")
	writeWords(b, c.PriorityClass)
}

func writeRequirements(b *strings.Builder, kind string, requirements []NodeRequirement) {
	for _, r := range requirements {
		b.WriteString(kind)
		writeWords(b, r.Key, r.Operator)
		writeWords(b, r.Values...)
		b.WriteByte('.')
	}
}

// writeWords appends words in quotes, so that no word can be taken for two.
func writeWords(b *strings.Builder, words ...string) {
	for _, w := range words {
		b.WriteString(strconv.Quote(w))
	}
}
