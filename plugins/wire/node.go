package wire

import (
	pluginv1 "github.com/longshore-project/longshore/plugins/proto/v1"
	"github.com/longshore-project/longshore/scheduler/framework"
)

func fromNodeClaim(c *framework.NodeClaim) *pluginv1.NodeClaim {
	if c == nil {
		return nil
	}
	out := &pluginv1.NodeClaim{PriorityClass: c.PriorityClass}
	for _, l := range c.Selector {
		out.Selector = append(out.Selector, &pluginv1.Label{Key: l.Key, Value: l.Value})
	}
	for _, t := range c.Affinity {
		out.Affinity = append(out.Affinity, &pluginv1.NodeTerm{Labels: fromNodeRequirements(t.Labels), Fields: fromNodeRequirements(t.Fields)})
	}
	for _, t := range c.Tolerations {
		out.Tolerations = append(out.Tolerations, &pluginv1.NodeToleration{Key: t.Key, Operator: t.Operator, Value: t.Value, Effect: t.Effect})
	}
	return out
}

func toNodeClaim(m *pluginv1.NodeClaim) *framework.NodeClaim {
	if m == nil {
		return nil
	}
	out := &framework.NodeClaim{PriorityClass: m.GetPriorityClass()}
	for _, l := range m.GetSelector() {
		out.Selector = append(out.Selector, framework.Label{Key: l.GetKey(), Value: l.GetValue()})
	}
	for _, t := range m.GetAffinity() {
		out.Affinity = append(out.Affinity, framework.NodeTerm{Labels: toNodeRequirements(t.GetLabels()), Fields: toNodeRequirements(t.GetFields())})
	}
	for _, t := range m.GetTolerations() {
		out.Tolerations = append(out.Tolerations, framework.NodeToleration{
			Key: t.GetKey(), Operator: t.GetOperator(), Value: t.GetValue(), Effect: t.GetEffect(),
		})
	}
	return out
}

func fromNodeRequirements(list []framework.NodeRequirement) []*pluginv1.Requirement {
	var out []*pluginv1.Requirement
	for _, r := range list {
		out = append(out, &pluginv1.Requirement{Key: r.Key, Operator: r.Operator, Values: r.Values})
	}
	return out
}

func toNodeRequirements(list []*pluginv1.Requirement) []framework.NodeRequirement {
	var out []framework.NodeRequirement
	for _, r := range list {
		out = append(out, framework.NodeRequirement{Key: r.GetKey(), Operator: r.GetOperator(), Values: r.GetValues()})
	}
	return out
}
