package framework

import (
	"maps"
	"slices"
	"sync"
)

// NoGroup stands for a cluster that belongs to no group of a key.
const NoGroup int32 = -1

// Groups says to which groups of one spread key each cluster of a snapshot belongs. It is read only.
type Groups struct {
	// Names of the groups in ascending order. A group is addressed by its index.
	Names []string
	// Start is nil when every cluster belongs to at most one group. Otherwise the cluster in row r belongs to Group[Start[r]:Start[r+1]].
	Start []int32
	// Group is, with Start nil, the group of each row or NoGroup.
	Group []int32
}

// Of returns the groups of the cluster in row: read only, empty when it belongs to none.
func (g *Groups) Of(row int32) []int32 {
	if g.Start != nil {
		return g.Group[g.Start[row]:g.Start[row+1]]
	}
	if g.Group[row] == NoGroup {
		return nil
	}
	return g.Group[row : row+1]
}

// groupKey is a spread key, or a label key to spread by.
type groupKey struct {
	key   SpreadKey
	label string
}

// groupCache keeps the columns that were asked for. Snapshots share it until provider, region, zones or labels change.
type groupCache struct {
	mu   sync.Mutex
	made map[groupKey]*Groups
}

// Groups returns the groups that the constraint counts, made from the postings when it is first asked for and kept by all snapshots with the
// same topology and labels. It returns nil for the key cluster, where every cluster is a group of its own.
func (s *Snapshot) Groups(c SpreadConstraint) *Groups {
	key := groupKey{c.Key, c.Label}
	if key == (groupKey{key: SpreadByCluster}) {
		return nil
	}
	s.groups.mu.Lock()
	defer s.groups.mu.Unlock()
	g, ok := s.groups.made[key]
	if !ok {
		g = s.makeGroups(key)
		if s.groups.made == nil {
			s.groups.made = map[groupKey]*Groups{}
		}
		s.groups.made[key] = g
	}
	return g
}

func (s *Snapshot) makeGroups(key groupKey) *Groups {
	sets := s.groupSets(key)
	g := &Groups{Names: slices.Sorted(maps.Keys(sets)), Group: make([]int32, s.Len())}
	for row := range g.Group {
		g.Group[row] = NoGroup
	}
	for id, name := range g.Names {
		for row := range sets[name].All() {
			if g.Group[row] != NoGroup {
				g.Start, g.Group = severalGroups(g.Names, sets, s.Len())
				return g
			}
			g.Group[row] = int32(id)
		}
	}
	return g
}

// severalGroups lays the groups of each row out one row after the other.
func severalGroups(names []string, sets postings[string], rows int) (start, group []int32) {
	start = make([]int32, rows+1)
	for _, name := range names {
		for row := range sets[name].All() {
			start[row+1]++
		}
	}
	for row := range rows {
		start[row+1] += start[row]
	}
	group, next := make([]int32, start[rows]), slices.Clone(start)
	for id, name := range names {
		for row := range sets[name].All() {
			group[next[row]] = int32(id)
			next[row]++
		}
	}
	return start, group
}

// groupSets returns the clusters of each group. The empty name is no group.
func (s *Snapshot) groupSets(key groupKey) postings[string] {
	out := postings[string]{}
	switch {
	case key.label != "":
		for l, set := range s.labels {
			if l.Key == key.label {
				out[l.Value] = set
			}
		}
	case key.key == SpreadByProvider:
		maps.Copy(out, s.providers)
	case key.key == SpreadByRegion:
		maps.Copy(out, s.regions)
	case key.key == SpreadByZone:
		maps.Copy(out, s.zones)
	}
	delete(out, "")
	return out
}

// WithLabel returns the clusters that have the label key with a value that is not empty: a new set.
func (s *Snapshot) WithLabel(key string) Bitset {
	out := NewBitset(s.Len())
	out.Or(s.labelKeys[key])
	out.AndNot(s.labels[Label{key, ""}])
	return out
}
