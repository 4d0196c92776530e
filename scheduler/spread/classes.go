package spread

import (
	"cmp"
	"slices"
)

// classify refines the one class of all candidates by each key in turn, unless that
// is done.
func (m *model) classify(b *buffers) {
	if m.classified {
		return
	}
	m.classified = true
	m.classOf = slices.Grow(m.classOf[:0], m.p.Candidates)[:m.p.Candidates]
	m.classes = append(m.classes[:0], class{})
	for _, i := range m.active {
		m.classOf[i] = 0
	}
	for k := range m.keys {
		mem := &m.p.Keys[m.keys[k].index].Membership
		if size := len(m.classes) * len(m.keys[k].first); mem.Start == nil && size <= pairsInTable {
			m.refineByTable(b, mem.Group, len(m.keys[k].first))
		} else {
			m.refineByHash(b, mem)
		}
	}
	if len(m.keys) == 0 && len(m.active) > 0 {
		m.classes[0].member = m.active[0]
	}
}

// pairsInTable bounds the table of (class, group) pairs.
const pairsInTable = 1 << 16

// refineByTable splits the classes by a key with one group per candidate.
func (m *model) refineByTable(b *buffers, group []int32, groups int) {
	b.count = resize(b.count, len(m.classes)*groups)
	for at := range b.count {
		b.count[at] = -1
	}
	m.classes = m.classes[:0]
	for _, i := range m.active {
		id := &b.count[int(m.classOf[i])*groups+int(group[i])]
		if *id < 0 {
			*id = int32(len(m.classes))
			m.classes = append(m.classes, class{member: i})
		}
		m.classOf[i] = *id
	}
}

// refineByHash splits the classes by any key.
func (m *model) refineByHash(b *buffers, mem *Membership) {
	b.pairs.reset(len(m.active))
	b.interim = 0
	m.classes = m.classes[:0]
	for _, i := range m.active {
		m.classOf[i] = m.refine(b, m.classOf[i], mem.of(i))
		if int(m.classOf[i]) == len(m.classes) {
			m.classes = append(m.classes, class{member: i})
		}
	}
}

// refine returns the class of candidates that were in class c and have exactly
// these groups. Partial lists get interim ids above the range of classes.
func (m *model) refine(b *buffers, c int32, groups []int32) int32 {
	const interim = 1 << 30
	state := uint64(c)
	for _, g := range groups[:len(groups)-1] {
		id, fresh := b.pairs.lookup(state<<32|uint64(g), interim+b.interim)
		if fresh {
			b.interim++
		}
		state = uint64(id)
	}
	id, _ := b.pairs.lookup(1<<63|state<<32|uint64(groups[len(groups)-1]), int32(len(m.classes)))
	return id
}

// orderKeys sorts the keys so that few groups are open at a time: those that
// nest with most others first, coarse before fine; then those that cross all
// others, whose groups stay open almost throughout, the fewest groups last.
func (m *model) orderKeys(b *buffers) {
	for a := range m.keys {
		for f := range m.keys[:a] {
			m.nest(a, f, b)
			m.nest(f, a, b)
		}
	}
	slices.SortStableFunc(m.keys, func(x, y keyModel) int {
		if x.degree == 0 && y.degree == 0 {
			return cmp.Compare(y.groups, x.groups)
		}
		return cmp.Or(cmp.Compare(y.degree, x.degree), cmp.Compare(x.groups, y.groups))
	})
	for i := range m.keys {
		m.counters[m.keys[i].index] = i
	}
	for k := range m.counters {
		if m.counters[k] < 0 {
			m.counters[k] = len(m.keys)
		}
	}
	for i := range m.keys {
		for at, k := range m.keys[i].finer {
			m.keys[i].finer[at] = m.counters[k]
		}
	}
	m.chain = m.chained()
	m.laminar = m.chain && (len(m.keys) == 0 || m.keys[len(m.keys)-1].wide <= 1)
}

// chained reports whether the keys nest in their order.
func (m *model) chained() bool {
	for i := range m.keys {
		for j := i + 1; j < len(m.keys); j++ {
			if m.keys[i].wide > 1 || !slices.Contains(m.keys[i].finer, j) {
				return false
			}
		}
	}
	return true
}

// nest notes whether the groups of the fine key lie in those of the coarse key.
func (m *model) nest(coarse, fine int, b *buffers) {
	if !m.nested(coarse, fine, b) {
		return
	}
	up, down := &m.keys[coarse], &m.keys[fine]
	up.finer = append(up.finer, down.index)
	if !slices.Contains(down.finer, up.index) {
		up.degree++
		down.degree++
	}
}

// nested reports whether each group of the fine key lies in one group of the
// coarse key.
func (m *model) nested(coarse, fine int, b *buffers) bool {
	parent := slices.Grow(b.parent[:0], len(m.keys[fine].first))[:len(m.keys[fine].first)]
	b.parent = parent
	for g := range parent {
		parent[g] = -1
	}
	up, down := &m.p.Keys[m.keys[coarse].index].Membership, &m.p.Keys[m.keys[fine].index].Membership
	if up.Start == nil && down.Start == nil {
		return nestedColumns(up.Group, down.Group, parent, m.active)
	}
	for _, i := range m.active {
		above := up.of(i)
		if len(above) != 1 {
			return false
		}
		for _, g := range down.of(i) {
			if p := parent[g]; p != above[0] {
				if p >= 0 {
					return false
				}
				parent[g] = above[0]
			}
		}
	}
	return true
}

// nestedColumns is nested where each candidate has one group. Parent is -1 throughout.
func nestedColumns(up, down, parent, active []int32) bool {
	for _, i := range active {
		g, above := down[i], up[i]
		if parent[g] != above {
			if parent[g] >= 0 {
				return false
			}
			parent[g] = above
		}
	}
	return true
}
