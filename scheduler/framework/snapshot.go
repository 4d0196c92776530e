package framework

import (
	"cmp"
	"slices"
)

// Generation counts the changes of a fleet. A higher number is a later state; zero is before the first.
type Generation uint64

// Snapshot is the fleet at one moment: columns over cluster rows, and for every label, taint, API, provider, region and zone the set of
// clusters that have it. Rows are in ascending order of cluster name.
//
// A Snapshot is immutable and safe for concurrent use. With returns a successor that shares whatever did not change, and Generation says of
// each fact when it last changed, so that an answer computed from one snapshot can be reused for another.
type Snapshot struct {
	names      []string
	rows       map[string]int32
	clusters   Column[*Cluster]
	candidates Bitset

	labels    postings[Label]
	labelKeys postings[string]
	taints    postings[Taint]
	repelling []Taint
	apis      postings[API]
	providers postings[string]
	regions   postings[string]
	zones     postings[string]
	provided  Bitset
	regioned  Bitset
	zoned     Bitset
	groups    *groupCache

	summarized Bitset
	modelled   Bitset
	free       map[string]Column[int64]

	generations [factKinds]Generation
	latest      Generation
	capacityLog *capacityChange
}

// NewSnapshot returns the snapshot of the given clusters, all of whose facts have generation g. Names must be unique: of two clusters with
// one name the last counts. The slice is not kept; what the clusters point to is, and must not be changed.
func NewSnapshot(clusters []*Cluster, g Generation) *Snapshot {
	sorted := slices.Clone(clusters)
	slices.SortStableFunc(sorted, func(a, b *Cluster) int { return cmp.Compare(a.Name, b.Name) })
	sorted = keepLastOfName(sorted)
	s := &Snapshot{
		names: make([]string, len(sorted)), rows: make(map[string]int32, len(sorted)), clusters: newColumn[*Cluster](len(sorted)),
		candidates: NewBitset(len(sorted)), zoned: NewBitset(len(sorted)), summarized: NewBitset(len(sorted)), modelled: NewBitset(len(sorted)),
	}
	for i, c := range sorted {
		s.names[i], s.rows[c.Name] = c.Name, int32(i)
	}
	e := s.edit()
	for i, c := range sorted {
		e.replace(i, &Cluster{}, c, AllFacts)
	}
	return e.done(AllFacts, g, nil)
}

func keepLastOfName(sorted []*Cluster) []*Cluster {
	out := sorted[:0]
	for i, c := range sorted {
		if i+1 < len(sorted) && sorted[i+1].Name == c.Name {
			continue
		}
		out = append(out, c)
	}
	return out
}

// With returns the successor of s at generation g, in which the given clusters replace those of the same names. Generation g must be later
// than every generation of s. A cluster that s does not know changes the rows of all others, and so does one that left: make a NewSnapshot
// for those; With panics on them. If nothing differs s itself is returned.
func (s *Snapshot) With(g Generation, changed ...*Cluster) *Snapshot {
	var all Facts
	var capacityRows []int32
	e := s.edit()
	for _, c := range changed {
		row, ok := s.rows[c.Name]
		if !ok {
			panic("framework: With on a cluster that is not in the snapshot: " + c.Name)
		}
		old := e.clusters.out.At(int(row))
		facts := Differences(old, c)
		if facts == 0 {
			continue
		}
		e.replace(int(row), old, c, facts)
		all |= facts
		if facts&FactCapacity != 0 {
			capacityRows = append(capacityRows, row)
		}
	}
	if all == 0 {
		return s
	}
	return e.done(all, g, capacityRows)
}

// Len returns the number of clusters, those that are being deleted included.
func (s *Snapshot) Len() int { return len(s.names) }

// Name returns the name of the cluster in row.
func (s *Snapshot) Name(row int) string { return s.names[row] }

// Row returns the row of the cluster called name.
func (s *Snapshot) Row(name string) (row int, ok bool) {
	r, ok := s.rows[name]
	return int(r), ok
}

// Cluster returns what is known about the cluster in row: read only.
func (s *Snapshot) Cluster(row int) *Cluster { return s.clusters.At(row) }

// Candidates returns the clusters that are not being deleted: read only.
func (s *Snapshot) Candidates() Bitset { return s.candidates }

// Generation returns when one of the given facts last changed.
func (s *Snapshot) Generation(facts Facts) Generation {
	var g Generation
	for i, at := range s.generations {
		if facts&(1<<i) != 0 {
			g = max(g, at)
		}
	}
	return g
}

// Latest returns the generation of the snapshot as a whole.
func (s *Snapshot) Latest() Generation { return s.latest }

// WithAPI returns the clusters that serve the API: read only.
func (s *Snapshot) WithAPI(api API) Bitset { return s.apis[api] }

// WithProvider returns the clusters that name any provider at all: read only.
func (s *Snapshot) WithProvider() Bitset { return s.provided }

// WithRegion returns the clusters that name any region at all: read only.
func (s *Snapshot) WithRegion() Bitset { return s.regioned }

// WithZone returns the clusters that name at least one zone: read only.
func (s *Snapshot) WithZone() Bitset { return s.zoned }

// nonEmpty is the complement of the clusters that have the empty value.
func (s *Snapshot) nonEmpty(p postings[string]) Bitset {
	all := FullBitset(len(s.names))
	all.AndNot(p[""])
	return all
}

// RepellingTaints returns the taints with effect NoSchedule or NoExecute that some cluster has, in order of key, value and effect: read only.
func (s *Snapshot) RepellingTaints() []Taint { return s.repelling }

// repellingTaints collects them.
func (s *Snapshot) repellingTaints() []Taint {
	var out []Taint
	for t := range s.taints {
		if t.repels() {
			out = append(out, t)
		}
	}
	slices.SortFunc(out, compareTaints)
	return out
}

func compareTaints(a, b Taint) int {
	return cmp.Or(cmp.Compare(a.Key, b.Key), cmp.Compare(a.Value, b.Value), cmp.Compare(a.Effect, b.Effect))
}

// WithTaint returns the clusters that have the taint: read only.
func (s *Snapshot) WithTaint(t Taint) Bitset { return s.taints[t] }

// Summarized returns the clusters that reported their resources: read only. For all others the capacity is unknown.
func (s *Snapshot) Summarized() Bitset { return s.summarized }

// Modelled returns the clusters that reported a resource model: read only.
func (s *Snapshot) Modelled() Bitset { return s.modelled }

// Free returns the column of what is free of a resource: allocatable, less used, less reserved, possibly negative; zero where the cluster
// does not offer the resource. Ok is false when no cluster offers it.
func (s *Snapshot) Free(resource string) (c Column[int64], ok bool) {
	c, ok = s.free[resource]
	return c, ok
}
