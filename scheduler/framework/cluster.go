package framework

import (
	"maps"
	"slices"
	"time" //nolint:depguard // A moment is a value here like any other: nothing in this package reads a clock.
)

// Label is one key with its value.
type Label struct{ Key, Value string }

// Effects of a taint that keep workloads away. Other effects (PreferNoSchedule) never reject.
const (
	EffectNoSchedule = "NoSchedule"
	EffectNoExecute  = "NoExecute"
)

// Taint repels requests that do not tolerate it.
type Taint struct{ Key, Value, Effect string }

// String returns the taint as kubectl prints it: key=value:Effect, or key:Effect without a value.
func (t Taint) String() string {
	if t.Value == "" {
		return t.Key + ":" + t.Effect
	}
	return t.Key + "=" + t.Value + ":" + t.Effect
}

// repels reports whether the effect keeps new workloads away.
func (t Taint) repels() bool { return t.Effect == EffectNoSchedule || t.Effect == EffectNoExecute }

// API names a kind that a member serves, for example apps/v1 Deployment.
type API struct{ GroupVersion, Kind string }

// String returns the API as apps/v1/Deployment.
func (a API) String() string { return a.GroupVersion + "/" + a.Kind }

// Grade counts the nodes of a member whose free resources are at least Min.
type Grade struct {
	Count int64
	Min   Resources
}

// Summary is what a member reported about its resources as a whole.
type Summary struct {
	// Allocatable is what the nodes offer; Used is what assigned and waiting pods request of it.
	Allocatable, Used Resources
	// Grades is the member's resource model, empty when it reports none.
	Grades []Grade
}

// Equal reports whether both summaries say the same.
func (s Summary) Equal(o Summary) bool {
	return s.Allocatable.Equal(o.Allocatable) && s.Used.Equal(o.Used) && slices.EqualFunc(s.Grades, o.Grades, func(a, b Grade) bool {
		return a.Count == b.Count && a.Min.Equal(b.Min)
	})
}

// Cluster is what the scheduler knows about one member. Slices and maps are shared between snapshots and must never be changed.
type Cluster struct {
	Name             string
	Labels           map[string]string
	Taints           []Taint
	Provider, Region string
	Zones            []string
	// APIs lists what the member is known to serve. What is not listed counts as not served, even if the list is known to be partial.
	APIs []API
	// Summary is nil when the member never reported its resources: unknown, which is neither nothing nor everything.
	Summary *Summary
	// Reserved is what decisions have promised away and Summary does not include yet.
	Reserved Resources
	// Unseen is the part of Reserved of which the pods are not known to exist, and SeenAt when pods of the rest were last found to exist:
	// what observes pods since then includes the rest.
	Unseen Resources
	SeenAt time.Time
	// Estimates counts the changes of what estimators say about the member.
	Estimates uint64
	// Pull means that an agent in the member connects to the control plane, which may not reach the member otherwise. It is part of FactCapacity:
	// who is asked about the member's room may depend on it.
	Pull bool
	// Deleting members take no part in any decision.
	Deleting bool
}

// Facts is a set of the things that can be known about clusters. A plugin names the facts that it reads, and a change names the facts that
// are different now, so that caches forget and waiting bindings wake for the right reason only.
type Facts uint8

const (
	// FactMembership is which clusters there are and which of them are being deleted.
	FactMembership Facts = 1 << iota
	// FactLabels is the clusters' labels.
	FactLabels
	// FactTaints is the clusters' taints.
	FactTaints
	// FactAPIs is the kinds that clusters serve.
	FactAPIs
	// FactTopology is provider, region and zones.
	FactTopology
	// FactCapacity is the resource summaries, the reservations and what estimators say.
	FactCapacity
	// FactPeers is where the members of workload groups run. It is no fact about clusters, so no change of a snapshot brings it about; whoever
	// commits decisions reports it, with PeersSubject as the subject.
	FactPeers

	factKinds = 7
	// AllFacts is everything that can be known.
	AllFacts = 1<<factKinds - 1
)

var factNames = [factKinds]string{"membership", "labels", "taints", "apis", "topology", "capacity", "peers"}

// String lists the names of the facts, separated by "|".
func (f Facts) String() string {
	out := ""
	for i, name := range factNames {
		if f&(1<<i) == 0 {
			continue
		}
		if out != "" {
			out += "|"
		}
		out += name
	}
	return out
}

// Differences returns the facts in which old and new differ. Both describe the same member.
func Differences(old, new *Cluster) Facts {
	var f Facts
	if old.Deleting != new.Deleting {
		f |= FactMembership
	}
	if !maps.Equal(old.Labels, new.Labels) {
		f |= FactLabels
	}
	if !slices.Equal(old.Taints, new.Taints) {
		f |= FactTaints
	}
	if !slices.Equal(old.APIs, new.APIs) {
		f |= FactAPIs
	}
	if old.Provider != new.Provider || old.Region != new.Region || !slices.Equal(old.Zones, new.Zones) {
		f |= FactTopology
	}
	if !sameCapacity(old, new) {
		f |= FactCapacity
	}
	return f
}

func sameCapacity(old, new *Cluster) bool {
	if old.Estimates != new.Estimates || old.Pull != new.Pull || !old.SeenAt.Equal(new.SeenAt) || !old.Unseen.Equal(new.Unseen) {
		return false
	}
	if !old.Reserved.Equal(new.Reserved) || (old.Summary == nil) != (new.Summary == nil) {
		return false
	}
	return old.Summary == nil || old.Summary == new.Summary || old.Summary.Equal(*new.Summary)
}
