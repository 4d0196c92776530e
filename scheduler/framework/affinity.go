package framework

import "slices"

// Operator relates a key to a list of values.
type Operator string

// The operators that selectors use. Their names are those of Kubernetes.
const (
	In           Operator = "In"
	NotIn        Operator = "NotIn"
	Exists       Operator = "Exists"
	DoesNotExist Operator = "DoesNotExist"
)

// Field is an attribute of a cluster that a field selector may name.
type Field string

// The fields that can be selected on.
const (
	FieldProvider Field = "provider"
	FieldRegion   Field = "region"
	FieldZone     Field = "zone"
)

// LabelRequirement restricts the label Key. NotIn also holds for clusters that do not have the label.
type LabelRequirement struct {
	Key      string
	Operator Operator
	Values   []string
}

// FieldRequirement restricts a field with In or NotIn. For the zone In holds when one of the cluster's zones is listed, NotIn when none is.
type FieldRequirement struct {
	Field    Field
	Operator Operator
	Values   []string
}

// Affinity describes a group of clusters: those named (all when none is), less the excluded ones, that meet every requirement. The zero
// value is every cluster.
type Affinity struct {
	Labels  []LabelRequirement
	Fields  []FieldRequirement
	Names   []string
	Exclude []string
}

// Empty reports whether the affinity restricts nothing.
func (a *Affinity) Empty() bool {
	return len(a.Labels) == 0 && len(a.Fields) == 0 && len(a.Names) == 0 && len(a.Exclude) == 0
}

// Reads returns the facts on which the affinity depends.
func (a *Affinity) Reads() Facts {
	f := FactMembership
	if len(a.Labels) > 0 {
		f |= FactLabels
	}
	if len(a.Fields) > 0 {
		f |= FactTopology
	}
	return f
}

// Matches reports whether the cluster belongs to the group. It agrees with Snapshot.Match.
func (a *Affinity) Matches(c *Cluster) bool {
	if slices.Contains(a.Exclude, c.Name) || len(a.Names) > 0 && !slices.Contains(a.Names, c.Name) {
		return false
	}
	for i := range a.Labels {
		if !a.Labels[i].matches(c.Labels) {
			return false
		}
	}
	for i := range a.Fields {
		if !a.Fields[i].matches(c) {
			return false
		}
	}
	return true
}

func (r *LabelRequirement) matches(labels map[string]string) bool {
	value, ok := labels[r.Key]
	switch r.Operator {
	case In:
		return ok && slices.Contains(r.Values, value)
	case NotIn:
		return !ok || !slices.Contains(r.Values, value)
	case Exists:
		return ok
	case DoesNotExist:
		return !ok
	}
	return false
}

func (r *FieldRequirement) matches(c *Cluster) bool {
	var has []string
	switch r.Field {
	case FieldProvider:
		has = []string{c.Provider}
	case FieldRegion:
		has = []string{c.Region}
	case FieldZone:
		has = c.Zones
	}
	overlap := slices.ContainsFunc(has, func(v string) bool { return slices.Contains(r.Values, v) })
	return r.Operator == In && overlap || r.Operator == NotIn && !overlap
}

// Match returns the clusters that belong to the group, those that are being deleted included: a new set.
func (s *Snapshot) Match(a *Affinity) Bitset {
	out := s.named(a.Names)
	for _, name := range a.Exclude {
		if row, ok := s.rows[name]; ok {
			out.Unset(int(row))
		}
	}
	for i := range a.Labels {
		s.restrictToLabel(out, &a.Labels[i])
	}
	for i := range a.Fields {
		s.restrictToField(out, &a.Fields[i])
	}
	return out
}

// named returns the set of the clusters with these names, of all clusters when there are none.
func (s *Snapshot) named(names []string) Bitset {
	if len(names) == 0 {
		return FullBitset(s.Len())
	}
	out := NewBitset(s.Len())
	for _, name := range names {
		if row, ok := s.rows[name]; ok {
			out.Set(int(row))
		}
	}
	return out
}

// fewValues is how many values of a requirement are looked up without taking memory.
const fewValues = 8

func (s *Snapshot) restrictToLabel(out Bitset, r *LabelRequirement) {
	switch r.Operator {
	case Exists:
		out.And(s.labelKeys[r.Key])
	case DoesNotExist:
		out.AndNot(s.labelKeys[r.Key])
	default:
		var few [fewValues]Bitset
		listed := few[:0]
		for _, v := range r.Values {
			listed = append(listed, s.labels[Label{r.Key, v}])
		}
		keep(out, listed, r.Operator)
	}
}

func (s *Snapshot) restrictToField(out Bitset, r *FieldRequirement) {
	var sets postings[string]
	switch r.Field {
	case FieldProvider:
		sets = s.providers
	case FieldRegion:
		sets = s.regions
	case FieldZone:
		sets = s.zones
	}
	var few [fewValues]Bitset
	listed := few[:0]
	for _, v := range r.Values {
		listed = append(listed, sets[v])
	}
	keep(out, listed, r.Operator)
}

// keep restricts out to what is in some of the listed sets, or in none.
func keep(out Bitset, listed []Bitset, op Operator) {
	switch op {
	case In:
		out.AndAny(listed)
	case NotIn:
		for _, set := range listed {
			out.AndNot(set)
		}
	default:
		clear(out)
	}
}

// Tiers returns the overflow tier of each cluster by row: 0 for the term's own affinity and for clusters outside every tier, i for the i-th
// overflow. It returns nil when the term has no overflow.
func (s *Snapshot) Tiers(t *Term) []int {
	if len(t.Overflow) == 0 {
		return nil
	}
	tiers := make([]int, s.Len())
	left := FullBitset(s.Len())
	left.AndNot(s.Match(&t.Affinity))
	for i := range t.Overflow {
		tier := s.Match(&t.Overflow[i])
		tier.And(left)
		left.AndNot(tier)
		for row := range tier.All() {
			tiers[row] = i + 1
		}
	}
	return tiers
}

// Weights returns the weight of each cluster by row: the highest of the entries that match it, zero when none does. It returns nil when no
// cluster has a weight.
func (s *Snapshot) Weights(entries []WeightedAffinity) []int64 {
	weights, any := make([]int64, s.Len()), false
	for i := range entries {
		for row := range s.Match(&entries[i].Affinity).All() {
			weights[row], any = max(weights[row], entries[i].Weight), true
		}
	}
	if !any {
		return nil
	}
	return weights
}
