package wire

import (
	"fmt"

	pluginv1 "github.com/longshore-project/longshore/plugins/proto/v1"
	"github.com/longshore-project/longshore/scheduler/framework"
)

// FromRequest returns the message of a request. A placement with a fingerprint is not in it and must be told before.
func FromRequest(r *framework.Request) *pluginv1.Request {
	out := &pluginv1.Request{
		Key: r.Key, Api: fromAPI(r.API), Replicas: r.Replicas, Workload: r.Workload, Requirements: fromResources(r.Requirements),
		Shape: r.Shape, ObservedTerm: r.ObservedTerm, Evicting: r.Evicting, Fresh: r.Fresh,
		NamesDescending: r.NamesDescending, Peers: fromPeers(r.Peers), Node: fromNodeClaim(r.Node), Namespace: r.Namespace,
	}
	switch p := r.Placement; {
	case p == nil:
	case p.Fingerprint == "":
		out.Placement = FromPlacement(p)
	default:
		out.PlacementFingerprint = p.Fingerprint
	}
	for _, c := range r.Components {
		out.Components = append(out.Components, &pluginv1.Component{
			Name: c.Name, Replicas: c.Replicas, Requirements: fromResources(c.Requirements), Node: fromNodeClaim(c.Node),
		})
	}
	for _, a := range r.Current {
		out.Current = append(out.Current, &pluginv1.Assignment{Cluster: a.Cluster, Replicas: a.Replicas})
	}
	return out
}

// ToRequest returns the request of a message, which is not changed and must not be changed afterwards. Placement is the value of its
// placement.
func ToRequest(m *pluginv1.Request, placement *framework.Placement) *framework.Request {
	out := &framework.Request{
		Key: m.GetKey(), API: toAPI(m.GetApi()), Replicas: m.GetReplicas(), Workload: m.GetWorkload(),
		Requirements: toResources(m.GetRequirements()), Shape: m.GetShape(), Placement: placement, ObservedTerm: m.GetObservedTerm(),
		Evicting: m.GetEvicting(), Fresh: m.GetFresh(), NamesDescending: m.GetNamesDescending(), Peers: toPeers(m.GetPeers()),
		Node: toNodeClaim(m.GetNode()), Namespace: m.GetNamespace(),
	}
	for _, c := range m.GetComponents() {
		out.Components = append(out.Components, framework.Component{
			Name: c.GetName(), Replicas: c.GetReplicas(), Requirements: toResources(c.GetRequirements()), Node: toNodeClaim(c.GetNode()),
		})
	}
	for _, a := range m.GetCurrent() {
		out.Current = append(out.Current, framework.Assignment{Cluster: a.GetCluster(), Replicas: a.GetReplicas()})
	}
	return out
}

func fromPeers(p *framework.Peers) *pluginv1.Peers {
	if p == nil {
		return nil
	}
	return &pluginv1.Peers{
		Namespace: p.Namespace, AffinityGroup: p.AffinityGroup, Bound: p.Bound, Together: p.Together,
		AntiAffinityGroup: p.AntiAffinityGroup, Apart: p.Apart,
	}
}

func toPeers(m *pluginv1.Peers) *framework.Peers {
	if m == nil {
		return nil
	}
	return &framework.Peers{
		Namespace: m.GetNamespace(), AffinityGroup: m.GetAffinityGroup(), Bound: m.GetBound(), Together: m.GetTogether(),
		AntiAffinityGroup: m.GetAntiAffinityGroup(), Apart: m.GetApart(),
	}
}

// FromPlacement returns the message of a placement.
func FromPlacement(p *framework.Placement) *pluginv1.Placement {
	out := &pluginv1.Placement{
		Fingerprint: p.Fingerprint, Strategy: pluginv1.Strategy(p.Strategy), StrategyStated: p.StrategyStated,
	}
	for i := range p.Terms {
		t := &p.Terms[i]
		term := &pluginv1.Term{Name: t.Name, Affinity: fromAffinity(&t.Affinity)}
		for j := range t.Overflow {
			term.Overflow = append(term.Overflow, fromAffinity(&t.Overflow[j]))
		}
		out.Terms = append(out.Terms, term)
	}
	for _, t := range p.Tolerations {
		out.Tolerations = append(out.Tolerations, &pluginv1.Toleration{Key: t.Key, Exists: t.Exists, Value: t.Value, Effect: t.Effect})
	}
	for _, c := range p.Spread {
		out.Spread = append(out.Spread, &pluginv1.SpreadConstraint{
			Key: string(c.Key), Label: c.Label, MinGroups: c.MinGroups, MaxGroups: c.MaxGroups,
		})
	}
	for i := range p.StaticWeights {
		w := &p.StaticWeights[i]
		out.StaticWeights = append(out.StaticWeights, &pluginv1.WeightedAffinity{Affinity: fromAffinity(&w.Affinity), Weight: w.Weight})
	}
	return out
}

// ToPlacement returns the placement of a message. A strategy that this code does not know is an error: guessing would place replicas wrongly.
func ToPlacement(m *pluginv1.Placement) (*framework.Placement, error) {
	if _, known := pluginv1.Strategy_name[int32(m.GetStrategy())]; !known {
		return nil, fmt.Errorf("strategy %d is unknown to this plugin: build it against a newer SDK", m.GetStrategy())
	}
	out := &framework.Placement{
		Fingerprint: m.GetFingerprint(), Strategy: framework.Strategy(m.GetStrategy()), StrategyStated: m.GetStrategyStated(),
	}
	for _, t := range m.GetTerms() {
		term := framework.Term{Name: t.GetName(), Affinity: toAffinity(t.GetAffinity())}
		for _, a := range t.GetOverflow() {
			term.Overflow = append(term.Overflow, toAffinity(a))
		}
		out.Terms = append(out.Terms, term)
	}
	for _, t := range m.GetTolerations() {
		out.Tolerations = append(out.Tolerations, framework.Toleration{
			Key: t.GetKey(), Exists: t.GetExists(), Value: t.GetValue(), Effect: t.GetEffect(),
		})
	}
	for _, c := range m.GetSpread() {
		out.Spread = append(out.Spread, framework.SpreadConstraint{
			Key: framework.SpreadKey(c.GetKey()), Label: c.GetLabel(), MinGroups: c.GetMinGroups(), MaxGroups: c.GetMaxGroups(),
		})
	}
	for _, w := range m.GetStaticWeights() {
		out.StaticWeights = append(out.StaticWeights, framework.WeightedAffinity{
			Affinity: toAffinity(w.GetAffinity()), Weight: w.GetWeight(),
		})
	}
	return out, nil
}

func fromAffinity(a *framework.Affinity) *pluginv1.Affinity {
	out := &pluginv1.Affinity{Names: a.Names, Exclude: a.Exclude}
	for _, l := range a.Labels {
		out.Labels = append(out.Labels, &pluginv1.Requirement{Key: l.Key, Operator: string(l.Operator), Values: l.Values})
	}
	for _, f := range a.Fields {
		out.Fields = append(out.Fields, &pluginv1.Requirement{Key: string(f.Field), Operator: string(f.Operator), Values: f.Values})
	}
	return out
}

func toAffinity(m *pluginv1.Affinity) framework.Affinity {
	out := framework.Affinity{Names: m.GetNames(), Exclude: m.GetExclude()}
	for _, l := range m.GetLabels() {
		out.Labels = append(out.Labels, framework.LabelRequirement{
			Key: l.GetKey(), Operator: framework.Operator(l.GetOperator()), Values: l.GetValues(),
		})
	}
	for _, f := range m.GetFields() {
		out.Fields = append(out.Fields, framework.FieldRequirement{
			Field: framework.Field(f.GetKey()), Operator: framework.Operator(f.GetOperator()), Values: f.GetValues(),
		})
	}
	return out
}
