package wire

import (
	"slices"

	pluginv1 "github.com/longshore-project/longshore/plugins/proto/v1"
	"github.com/longshore-project/longshore/scheduler/framework"
)

// chunkClusters is how many clusters go into one message of a table, so that a question never waits behind megabytes.
const chunkClusters = 512

// FromSnapshot returns the messages that turn the table of old, whose generation is base, into that of now, whose generation is base+1. Facts
// limits what is told about clusters. Old is nil for a peer that knows nothing; base is ignored then and all of now is told. If both are
// equal in what is told there is no message, and the generation stays.
func FromSnapshot(old, now *framework.Snapshot, base uint64, facts framework.Facts) []*pluginv1.Table {
	var d difference
	facts &^= framework.FactPeers
	if old == nil {
		d.everything(now, facts)
	} else {
		d.between(old, now, facts)
	}
	if old != nil && len(d.removed) == 0 && len(d.changed) == 0 {
		return nil
	}
	return d.messages(old, base)
}

// difference is what has to be told.
type difference struct {
	removed []string
	changed []change
}

type change struct {
	old, now *framework.Cluster
	facts    framework.Facts
}

func (d *difference) everything(s *framework.Snapshot, facts framework.Facts) {
	d.changed = make([]change, s.Len())
	for row := range d.changed {
		d.changed[row] = change{nil, s.Cluster(row), facts}
	}
}

// between merges two lists of clusters that are both sorted by name. Snapshots of one line share what did not change, so that nearly every
// step is a comparison of two pointers.
func (d *difference) between(old, now *framework.Snapshot, facts framework.Facts) {
	i, j := 0, 0
	for i < old.Len() || j < now.Len() {
		switch {
		case i < old.Len() && j < now.Len() && old.Cluster(i) == now.Cluster(j):
			i++
			j++
		case j == now.Len() || i < old.Len() && old.Name(i) < now.Name(j):
			d.removed = append(d.removed, old.Name(i))
			i++
		case i == old.Len() || now.Name(j) < old.Name(i):
			d.changed = append(d.changed, change{nil, now.Cluster(j), facts})
			j++
		default:
			d.compare(old.Cluster(i), now.Cluster(j), facts)
			i++
			j++
		}
	}
}

func (d *difference) compare(old, now *framework.Cluster, facts framework.Facts) {
	if differing := framework.Differences(old, now) & facts; differing != 0 {
		d.changed = append(d.changed, change{old, now, differing})
	}
}

func (d *difference) messages(old *framework.Snapshot, base uint64) []*pluginv1.Table {
	var out []*pluginv1.Table
	from := base
	if old == nil {
		from = 0
	}
	for first := true; first || len(d.changed) > 0; first = false {
		n := min(len(d.changed), chunkClusters)
		t := tableOf(d.changed[:n])
		t.Generation, t.BaseGeneration, t.Continues = base+1, from, true
		d.changed, from = d.changed[n:], base+1
		out = append(out, t)
	}
	out[0].Removed = d.removed
	out[len(out)-1].Continues = false
	return out
}

func tableOf(changes []change) *pluginv1.Table {
	var apis apiLists
	t := &pluginv1.Table{Clusters: make([]*pluginv1.Cluster, len(changes))}
	for i, c := range changes {
		t.Clusters[i] = fromCluster(c.old, c.now, c.facts, &apis)
	}
	t.ApiLists = apis.messages()
	return t
}

// Table is the plugin's side: the fleet as the host told it. It is not safe for concurrent use; the snapshots that it returns are.
//
//	empty ──Apply(base 0)──► complete ◄──Apply(base = generation)──┐
//	  ▲                         │  └───────────────────────────────┘
//	  └────── any gap ──────────┘
type Table struct {
	generation uint64
	complete   bool
	snapshot   *framework.Snapshot
	// versions numbers the snapshots, so that the generations of their facts grow even when the host starts again.
	versions framework.Generation
	pending  map[string]*framework.Cluster
	removed  []string
}

// Snapshot returns the fleet at the given generation; ok is false when the table does not have that generation.
func (t *Table) Snapshot(generation uint64) (s *framework.Snapshot, ok bool) {
	if !t.complete || t.generation != generation {
		return nil, false
	}
	return t.snapshot, true
}

// Apply takes in one message. A message that does not follow on what the table holds is ignored, and so is everything up to the next complete
// table: then Snapshot does not know the generations that questions name.
func (t *Table) Apply(m *pluginv1.Table) {
	switch base := m.GetBaseGeneration(); {
	case base == 0:
		*t = Table{versions: t.versions, snapshot: framework.NewSnapshot(nil, 0)}
	case t.snapshot == nil || base != t.generation:
		t.snapshot, t.complete = nil, false
		return
	}
	if t.pending == nil {
		t.pending = map[string]*framework.Cluster{}
	}
	t.generation, t.complete = m.GetGeneration(), !m.GetContinues()
	t.removed = append(t.removed, m.GetRemoved()...)
	t.collect(m)
	if t.complete {
		t.commit()
	}
}

func (t *Table) collect(m *pluginv1.Table) {
	apis := toAPILists(m.GetApiLists())
	for _, c := range m.GetClusters() {
		old, ok := t.pending[c.GetName()]
		if !ok {
			if row, known := t.snapshot.Row(c.GetName()); known {
				old = t.snapshot.Cluster(row)
			}
		}
		t.pending[c.GetName()] = toCluster(old, c, apis)
	}
}

// commit makes the snapshot of everything collected.
func (t *Table) commit() {
	t.versions++
	changed := make([]*framework.Cluster, 0, len(t.pending))
	members := len(t.removed) > 0
	for name, c := range t.pending {
		_, known := t.snapshot.Row(name)
		members = members || !known
		changed = append(changed, c)
	}
	if members {
		t.snapshot = framework.NewSnapshot(t.merged(), t.versions)
	} else if len(changed) > 0 {
		slices.SortFunc(changed, byName)
		t.snapshot = t.snapshot.With(t.versions, changed...)
	}
	t.pending, t.removed = nil, nil
}

// merged returns all clusters: those kept, then those said to be new or different. A name that is both removed and stated is there.
func (t *Table) merged() []*framework.Cluster {
	gone := make(map[string]bool, len(t.removed))
	for _, name := range t.removed {
		gone[name] = true
	}
	out := make([]*framework.Cluster, 0, t.snapshot.Len()+len(t.pending))
	for row := range t.snapshot.Len() {
		name := t.snapshot.Name(row)
		if _, replaced := t.pending[name]; !replaced && !gone[name] {
			out = append(out, t.snapshot.Cluster(row))
		}
	}
	for _, c := range t.pending {
		out = append(out, c)
	}
	return out
}
