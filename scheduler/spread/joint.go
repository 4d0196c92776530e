package spread

// impossible is below every sum of quantities, even after additions.
const impossible = -quantityLimit << 20

// jointWork bounds the effort put into the tables of one key. Beyond it the
// bounds that look at one maximum at a time must do.
const jointWork = 1 << 20

// jointBounds bounds what a label may still add to each quantity when the
// clusters and the groups of one key are limited together. For one key alone,
// whose groups follow each other, the bound is attained.
//
// For a row, with the group that is open there already covered or not, and for
// j new groups and at most c clusters, the tables hold
//
//	best[j][c] = max over x ≤ c of F(x) + later[j or j−1][c−x]
//
// where F(x) sums the x largest members left in the open group and later is
// best at the start of the next group: the knapsack recursion over groups
// (Kellerer, Pferschy and Pisinger, Knapsack Problems, ch. 11).
type jointBounds struct {
	valid       bool
	capped      bool // the key has a maximum: the other quantities are bounded too
	groups, max int  // dimensions: j ≤ groups, c ≤ max
	covered     []int64
	fresh       []int64
	later       []int64
	members     int // of the open group, at most max
	window      []int64
	sums        []int64
}

// initJoint fills the tables of every key that has a known count of groups.
func (b *bounds) initJoint(known *incumbent) {
	for len(b.joint) < len(b.plan.m.keys) {
		b.joint = append(b.joint, jointBounds{})
	}
	for k := range b.plan.m.keys {
		j := &b.joint[k]
		key := &b.plan.m.keys[k]
		j.valid = false
		if !known.ok || b.width == 0 || key.wide != 1 || b.plan.m.size.most > topWidth || !b.follow(k) {
			continue
		}
		j.capped = key.most != unbounded
		j.groups, j.max = int(known.counted[k]), b.width
		if j.capped {
			j.groups = int(key.most)
		}
		if b.rows*(j.groups+1)*j.max*max(j.max, b.nq) > jointWork {
			continue
		}
		j.valid = true
		b.fillJoint(k)
	}
}

// fillJoint fills the tables of key k from the last row to the first.
func (b *bounds) fillJoint(k int) {
	j := &b.joint[k]
	table := (j.groups + 1) * (j.max + 1)
	j.covered = resize(j.covered, (b.rows+1)*b.nq*table)
	j.fresh = resize(j.fresh, (b.rows+1)*b.nq*table)
	j.later = resize(j.later, table)
	j.window = resize(j.window, j.max)
	j.sums = resize(j.sums, j.max+1)
	for q := range b.nq { // the number of clusters is bounded well enough alone
		exact := q == b.plan.quantityRoom()
		if b.total[q] == 0 || q == b.plan.quantitySize() || !exact && !j.capped {
			continue
		}
		b.fillQuantity(k, q, exact)
	}
}

func (b *bounds) fillQuantity(k, q int, exact bool) {
	j := &b.joint[k]
	j.endTable(j.table(j.fresh, b.rows, b.nq, q), exact)
	next := int32(-1)
	for r := b.rows - 1; r >= 0; r-- {
		group := b.groupAt(k, int(b.plan.rows[r]))
		if group != next {
			copy(j.later, j.table(j.fresh, r+1, b.nq, q))
			clear(j.window)
			j.members, next = 0, group
		}
		j.members = min(j.max, j.members+b.membersIn(r))
		b.pushQuantity(j.window, r, q)
		prefixSums(j.sums, j.window)
		j.combine(j.table(j.fresh, r, b.nq, q), 1, exact)
		if b.mayBeCovered(k, r) {
			j.combine(j.table(j.covered, r, b.nq, q), 0, exact)
		}
	}
}

// mayBeCovered reports whether the group of key k at row r can be covered when
// a step of that row comes next.
func (b *bounds) mayBeCovered(k, r int) bool {
	first, end := b.plan.rows[r], b.plan.rows[r+1]
	return end > first+1 || b.plan.spans[b.plan.base[k]+b.groupAt(k, int(first))].first < first
}

// endTable is the table after the last row: nothing can be added, and exactly
// j > 0 groups cannot be reached.
func (j *jointBounds) endTable(t []int64, exact bool) {
	clear(t)
	if exact {
		for i := j.max + 1; i < len(t); i++ {
			t[i] = impossible
		}
	}
}

// membersIn counts the members of a row.
func (b *bounds) membersIn(r int) int { return int(b.items[r] - b.items[r+1]) }

func (b *bounds) pushQuantity(window []int64, r, q int) {
	p := b.plan
	for s := p.rows[r]; s < p.rows[r+1]; s++ {
		st := &p.steps[s]
		for m := st.members; m < st.members+st.size; m++ {
			push(window, p.memberSums[int(m)*b.nq+q])
		}
	}
}

// combine adds the open group to later. New is 1 when taking any of it covers a
// new group. In exact tables fewer clusters than groups are impossible.
func (j *jointBounds) combine(dst []int64, new int, exact bool) {
	stride := j.max + 1
	for g := range j.groups + 1 {
		out := dst[g*stride : (g+1)*stride]
		copy(out, j.later[g*stride:(g+1)*stride])
		if g < new {
			continue
		}
		from := j.later[(g-new)*stride : (g-new+1)*stride]
		fewest := 0
		if exact {
			fewest = g - new
		}
		for c := fewest + 1; c <= j.max; c++ {
			best := out[c]
			for x := 1; x <= min(c-fewest, j.members); x++ {
				best = max(best, j.sums[x]+from[c-x])
			}
			out[c] = best
		}
	}
}

func (j *jointBounds) table(t []int64, row, nq, q int) []int64 {
	n := (j.groups + 1) * (j.max + 1)
	return t[(row*nq+q)*n:][:n]
}

// gain looks up the bound; ok is false outside the tables.
func (j *jointBounds) gain(q, row, nq int, groups, clusters int64, covered bool) (int64, bool) {
	if groups < 0 || groups > int64(j.groups) || clusters > int64(j.max) {
		return 0, false
	}
	t := j.fresh
	if covered {
		t = j.covered
	}
	n := (j.groups + 1) * (j.max + 1)
	return t[(row*nq+q)*n+int(groups)*(j.max+1)+int(clusters)], true
}
