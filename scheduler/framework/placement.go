package framework

import (
	"fmt"
	"math"
)

// Strategy says how replicas are spread over the selected clusters.
type Strategy int

const (
	// Duplicated gives every selected cluster all replicas. It is the zero value.
	Duplicated Strategy = iota
	// StaticWeight divides by the weights that the placement lists.
	StaticWeight
	// DynamicWeight divides by what the clusters can take.
	DynamicWeight
	// Aggregated divides over as few clusters as can hold the replicas.
	Aggregated
)

var strategyNames = [...]string{"Duplicated", "StaticWeight", "DynamicWeight", "Aggregated"}

// String returns the name of the strategy.
func (s Strategy) String() string {
	if s < 0 || int(s) >= len(strategyNames) {
		return "Strategy(unknown)"
	}
	return strategyNames[s]
}

// Divides reports whether the replicas are split rather than repeated.
func (s Strategy) Divides() bool { return s != Duplicated }

// UsesCapacity reports whether the division depends on what the clusters can take.
func (s Strategy) UsesCapacity() bool { return s == DynamicWeight || s == Aggregated }

// Toleration lets a request onto clusters with matching taints. The zero values follow Kubernetes: no key matches every key, no effect
// every effect.
type Toleration struct {
	Key string
	// Exists matches any value; otherwise the values must be equal.
	Exists bool
	Value  string
	Effect string
}

// Tolerates reports whether the toleration covers the taint.
func (t Toleration) Tolerates(taint Taint) bool {
	if t.Effect != "" && t.Effect != taint.Effect || t.Key != "" && t.Key != taint.Key {
		return false
	}
	return t.Exists || t.Key != "" && t.Value == taint.Value
}

// SpreadKey is what a spread constraint counts.
type SpreadKey string

// The fields that a spread constraint can count. Anything else is counted by label.
const (
	SpreadByCluster  SpreadKey = "cluster"
	SpreadByRegion   SpreadKey = "region"
	SpreadByZone     SpreadKey = "zone"
	SpreadByProvider SpreadKey = "provider"
)

// SpreadConstraint bounds the number of different groups that the chosen clusters belong to.
type SpreadConstraint struct {
	// Key is the field to count; Label is the label key to count instead. Exactly one of them is set.
	Key   SpreadKey
	Label string
	// MinGroups and MaxGroups are inclusive. MaxGroups 0 means that there is no upper bound.
	MinGroups, MaxGroups int64
}

// Max returns the upper bound as a number to compare with.
func (c SpreadConstraint) Max() int64 {
	if c.MaxGroups == 0 {
		return math.MaxInt64
	}
	return c.MaxGroups
}

// Cures lists the changes that put a cluster into another group.
func (c SpreadConstraint) Cures() []Cure {
	switch {
	case c.Label != "":
		return []Cure{{Fact: FactLabels, Subject: c.Label}}
	case c.Key == SpreadByCluster:
		return nil // A cluster that joins cures every refusal.
	}
	return []Cure{{Fact: FactTopology}}
}

// String returns the constraint as it reads in an explanation: "zone: at least 2, at most 3".
func (c SpreadConstraint) String() string {
	name := string(c.Key)
	if c.Label != "" {
		name = "label " + c.Label
	}
	if c.MaxGroups == 0 {
		return fmt.Sprintf("%s: at least %d", name, c.MinGroups)
	}
	return fmt.Sprintf("%s: at least %d, at most %d", name, c.MinGroups, c.MaxGroups)
}

// WeightedAffinity gives a weight to the clusters that match.
type WeightedAffinity struct {
	Affinity Affinity
	Weight   int64
}

// Term is one group of clusters to try.
type Term struct {
	// Name is empty for the single unnamed affinity.
	Name string
	// Affinity is the primary group; Overflow are the tiers that take what does not fit there, in order. Only workloads overflow.
	Affinity Affinity
	Overflow []Affinity
}

// Placement is where a request wants to run. It is shared between requests: read only.
type Placement struct {
	// Fingerprint is equal for equal placements and different for different ones. Empty means that nothing may be cached for it.
	Fingerprint string
	// Terms are tried in order; there is always at least one.
	Terms       []Term
	Tolerations []Toleration
	Spread      []SpreadConstraint
	Strategy    Strategy
	// StrategyStated is whether a strategy was stated at all; without one a change of replicas is not by itself a reason to decide again.
	StrategyStated bool
	// StaticWeights belong to the strategy of that name. Empty means equal weights.
	StaticWeights []WeightedAffinity
}

// SpreadFor returns the constraint on key, if there is one.
func (p *Placement) SpreadFor(key SpreadKey) (SpreadConstraint, bool) {
	for _, c := range p.Spread {
		if c.Key == key && c.Label == "" {
			return c, true
		}
	}
	return SpreadConstraint{}, false
}
