package spread

// topWidth bounds the tables of the best j members or groups; a label that may
// still take more falls back to the total.
const topWidth = 128

// bounds holds what can still be gained after a step, as suffix tables by row.
// All are optimistic: each ignores every constraint but one.
type bounds struct {
	plan  *plan
	rows  int
	nq    int
	total []int64 // by row, quantity: everything that is left
	items []int64 // by row: members left
	width int     // of top; 0 without a maximum of clusters
	top   []int64 // by row, quantity, j ≤ width: the j largest members left
	open  []int64 // by key, step: groups with a step left
	group []groupBounds
	joint []jointBounds

	window  []int64
	largest []int64
}

// groupBounds bounds by the maximum of one key whose groups follow each other.
type groupBounds struct {
	valid bool
	width int
	at    []int32 // by row: position of its group
	steps []int32 // by position: a step of the group
	rest  []int64 // by row, quantity: what is left of its group
	top   []int64 // by position, quantity, j ≤ width: the j largest groups from there
}

func (b *bounds) init(p *plan) {
	b.plan, b.rows, b.nq = p, len(p.rows)-1, p.quantities()
	b.initTotals()
	b.initTop()
	b.initOpen()
	for len(b.group) < len(p.m.keys) {
		b.group = append(b.group, groupBounds{})
	}
	for k := range p.m.keys {
		b.initGroups(k)
	}
}

func (b *bounds) initTotals() {
	b.total = resize(b.total, (b.rows+1)*b.nq)
	b.items = resize(b.items, b.rows+1)
	clear(b.total[b.rows*b.nq:])
	b.items[b.rows] = 0
	for r := b.rows - 1; r >= 0; r-- {
		sum := b.total[r*b.nq : (r+1)*b.nq]
		copy(sum, b.total[(r+1)*b.nq:])
		b.items[r] = b.items[r+1]
		for s := b.plan.rows[r]; s < b.plan.rows[r+1]; s++ {
			for q, v := range b.plan.full(int(s)) {
				sum[q] += v
			}
			b.items[r] += int64(b.plan.steps[s].size)
		}
	}
}

// initTop fills the sums of the j largest members from each row on.
func (b *bounds) initTop() {
	b.width = 0
	if b.plan.m.size.most == unbounded {
		return
	}
	b.width = min(int(b.plan.m.size.most), topWidth)
	stride := b.width + 1
	b.top = resize(b.top, (b.rows+1)*b.nq*stride)
	b.window = resize(b.window, b.nq*b.width)
	clear(b.window)
	for r := b.rows; r >= 0; r-- {
		if r < b.rows {
			b.pushRow(r)
		}
		for q := range b.nq {
			prefixSums(b.top[(r*b.nq+q)*stride:][:stride], b.window[q*b.width:(q+1)*b.width])
		}
	}
}

// pushRow inserts the members of a row into the windows of largest values.
func (b *bounds) pushRow(r int) {
	p := b.plan
	for s := p.rows[r]; s < p.rows[r+1]; s++ {
		st := &p.steps[s]
		for m := st.members; m < st.members+st.size; m++ {
			for q, v := range p.memberSums[int(m)*b.nq : int(m+1)*b.nq] {
				push(b.window[q*b.width:(q+1)*b.width], v)
			}
		}
	}
}

// push inserts v into a descending window, whose smallest value drops out.
func push(window []int64, v int64) {
	at := len(window) - 1
	if at < 0 || v <= window[at] {
		return
	}
	for ; at > 0 && window[at-1] < v; at-- {
		window[at] = window[at-1]
	}
	window[at] = v
}

func prefixSums(dst, values []int64) {
	dst[0] = 0
	for j, v := range values {
		dst[j+1] = dst[j] + v
	}
}

// initOpen counts, per key and step, the groups that later steps touch.
func (b *bounds) initOpen() {
	p := b.plan
	n := len(p.steps) + 1
	b.open = resize(b.open, n*len(p.m.keys))
	clear(b.open)
	for k := range p.m.keys {
		open := b.open[k*n : (k+1)*n]
		for _, g := range p.spans[p.base[k]:p.base[k+1]] {
			if g.first >= 0 {
				open[g.last]++
			}
		}
		for s := n - 2; s >= 0; s-- {
			open[s] += open[s+1]
		}
	}
}

// initGroups fills the tables of key k when it has a maximum and its groups
// follow each other without overlap.
func (b *bounds) initGroups(k int) {
	g := &b.group[k]
	g.valid = b.plan.m.keys[k].most != unbounded && b.plan.m.keys[k].wide == 1 && b.follow(k)
	if !g.valid {
		return
	}
	p := b.plan
	g.width = min(int(p.m.keys[k].most), topWidth)
	g.at = resize(g.at, b.rows+1)
	g.steps = g.steps[:0]
	previous := int32(-1)
	for r := range b.rows {
		id := b.groupAt(k, int(p.rows[r]))
		if id != previous {
			g.steps = append(g.steps, p.rows[r])
			previous = id
		}
		g.at[r] = int32(len(g.steps) - 1)
	}
	g.at[b.rows] = int32(len(g.steps))
	b.sumGroups(g)
}

// groupAt is the only group of key k that a step touches.
func (b *bounds) groupAt(k, step int) int32 {
	for _, t := range b.plan.touchesOf(step) {
		if int(t.key) == k {
			return t.group
		}
	}
	return -1
}

// follow reports whether no group of key k opens while another is open.
func (b *bounds) follow(k int) bool {
	previous := int32(-1)
	for s := range b.plan.steps {
		id := b.groupAt(k, s)
		if id != previous && b.plan.spans[b.plan.base[k]+id].first != int32(s) {
			return false
		}
		previous = id
	}
	return true
}

func (b *bounds) sumGroups(g *groupBounds) {
	stride := g.width + 1
	g.rest = resize(g.rest, (b.rows+1)*b.nq)
	clear(g.rest)
	g.top = resize(g.top, (len(g.steps)+1)*b.nq*stride)
	b.largest = resize(b.largest, b.nq*g.width)
	clear(b.largest)
	clear(g.top[len(g.steps)*b.nq*stride:])
	for r := b.rows - 1; r >= 0; r-- {
		rest := g.rest[r*b.nq : (r+1)*b.nq]
		for q := range rest {
			rest[q] = b.total[r*b.nq+q] - b.total[(r+1)*b.nq+q]
		}
		if g.at[r+1] == g.at[r] {
			for q := range rest {
				rest[q] += g.rest[(r+1)*b.nq+q]
			}
		}
		if r > 0 && g.at[r-1] == g.at[r] {
			continue
		}
		for q, v := range rest {
			push(b.largest[q*g.width:(q+1)*g.width], v)
			prefixSums(g.top[(int(g.at[r])*b.nq+q)*stride:][:stride], b.largest[q*g.width:(q+1)*g.width])
		}
	}
}

// gain bounds what a label may still add to quantity q from a row on: room
// more clusters, and spare more groups of key k beside the one open there.
func (b *bounds) gain(q, row int, room int64) int64 {
	if b.width > 0 && room <= int64(b.width) {
		return b.top[(row*b.nq+q)*(b.width+1)+int(room)]
	}
	return b.total[row*b.nq+q]
}

func (g *groupBounds) gain(q, row, nq int, spare int64, covered bool) (int64, bool) {
	if spare > int64(g.width) {
		return 0, false
	}
	at := int(g.at[row])
	stride := g.width + 1
	if !covered || at >= len(g.steps) {
		return g.top[(at*nq+q)*stride+int(spare)], true
	}
	return g.rest[row*nq+q] + g.top[((at+1)*nq+q)*stride+int(spare)], true
}
