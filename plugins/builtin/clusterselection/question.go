package clusterselection

import (
	"slices"

	"github.com/longshore-project/longshore/plugins/builtin/topology"
	"github.com/longshore-project/longshore/scheduler/framework"
)

// question is a selection with what follows from its request.
type question struct {
	*framework.Selection
	// constraints are in the order of package topology.
	constraints []framework.SpreadConstraint
	// ranked is the candidates, best first.
	ranked []int32
	// replicas to place, and whether they are divided: for sets of components and for what has no replicas this is one whole.
	replicas int64
	divided  bool
	// current is what runs in each row, nil when nothing does or nothing of it counts.
	current map[int32]int64
}

// ask fills in the question.
func (q *question) ask(s *framework.Selection) {
	*q = question{Selection: s, constraints: topology.Constraints(s.Request.Placement), ranked: eligible(s), replicas: 1}
	switch {
	case s.Request.CountsReplicas():
		q.replicas, q.divided = s.Request.Replicas, s.Request.DividesReplicas()
	case s.Request.NeedsRoomForSet():
		q.divided = true
	}
	q.locate()
}

// eligible returns the ranking without the clusters that the static weights would leave empty.
func eligible(s *framework.Selection) []int32 {
	if s.Weights == nil {
		return s.Ranked
	}
	weighted := make([]int32, 0, len(s.Ranked))
	for _, row := range s.Ranked {
		if s.Weights[row] > 0 {
			weighted = append(weighted, row)
		}
	}
	if len(weighted) > 0 {
		return weighted
	}
	return s.Ranked
}

func (q *question) locate() {
	if len(q.Request.Current) == 0 || q.Request.Fresh {
		return
	}
	q.current = make(map[int32]int64, len(q.Request.Current))
	for _, t := range q.Request.Current {
		row, ok := q.Snapshot.Row(t.Cluster)
		if _, twice := q.current[int32(row)]; !ok || twice {
			continue
		}
		if q.Request.CountsReplicas() {
			q.current[int32(row)] = t.Replicas
		} else {
			q.current[int32(row)] = 1
		}
	}
}

// candidates returns the ranked clusters in ascending order.
func (q *question) candidates() []int32 { return q.sorted(new(workspace)) }

// sorted is candidates, laid out in the workspace.
func (q *question) sorted(w *workspace) []int32 {
	if slices.IsSorted(q.ranked) {
		return q.ranked
	}
	if n := q.Snapshot.Len(); len(q.ranked) == n {
		w.rows = slices.Grow(w.rows[:0], n)[:n]
		for i := range w.rows {
			w.rows[i] = int32(i)
		}
		return w.rows
	}
	words := (q.Snapshot.Len() + 63) / 64
	w.set = slices.Grow(w.set[:0], words)[:words]
	clear(w.set)
	for _, row := range q.ranked {
		w.set.Set(int(row))
	}
	w.rows = w.set.AppendRows(w.rows[:0])
	return w.rows
}

// room is what the cluster in row can hold. Static weights divide whatever the room, so there everything fits everywhere, and room beyond
// that is what decides between equals. A set that runs counts as room for itself.
func (q *question) room(row int32) int64 {
	if q.Available == nil {
		return q.replicas
	}
	room := q.Available[row].Room()
	switch {
	case q.divided && !q.Request.Placement.Strategy.UsesCapacity():
		return framework.SaturatingAdd(q.replicas, room)
	case q.divided && !q.Request.CountsReplicas():
		return framework.SaturatingAdd(room, q.current[row])
	}
	return room
}

// keep is what may stay in row.
func (q *question) keep(row int32) int64 {
	if q.divided {
		return min(q.current[row], q.room(row))
	}
	return min(q.current[row], q.replicas)
}

// size is how many clusters the constraints allow.
func (q *question) size() int {
	n := int64(len(q.ranked))
	for _, c := range q.constraints {
		if c.Key == framework.SpreadByCluster && c.Label == "" {
			n = min(n, c.Max())
		}
	}
	return int(n)
}

// needs is how many groups must hold a replica.
func (q *question) needs(c framework.SpreadConstraint) int64 {
	return min(max(c.MinGroups, 1), q.replicas)
}

// unbeaten reports whether no other set can be better than the given first clusters of the ranking, so that there is nothing to search for.
// That is so when the prefix is allowed, is as large as allowed and reaches what no set can exceed: it keeps all replicas that run, and has
// as many groups of every key as exist or are allowed. Of sets of one size the ranking then picks the one with the highest score and, among
// those, the most room and the first names, which is the rest of the order. Tiers come before the score, and only a prefix that is
// everything is known to be best in them.
//
// The answer no may be wrong, yes never is.
func (q *question) unbeaten(prefix []int32) bool {
	whole := len(prefix) == len(q.ranked)
	if !whole && q.Tiers != nil || len(prefix) == 0 {
		return false
	}
	for _, c := range q.constraints {
		n, complete := topology.Covered(q.Snapshot, c, prefix)
		if !complete || n < c.MinGroups || n > c.Max() {
			return false
		}
		if isCluster := c.Key == framework.SpreadByCluster && c.Label == ""; whole || isCluster {
			continue
		}
		if all, complete := topology.Covered(q.Snapshot, c, q.ranked); !complete || n < min(all, c.Max()) {
			return false
		}
	}
	return q.keepsAll(prefix) && q.seats(prefix)
}

// keepsAll reports whether everything that runs on a candidate runs in the set.
func (q *question) keepsAll(set []int32) bool {
	if len(q.current) == 0 || len(set) == len(q.ranked) {
		return true
	}
	for _, row := range q.ranked[len(set):] {
		if q.keep(row) > 0 {
			return false
		}
	}
	return true
}

// seats reports whether the set can hold the replicas in enough groups of every key without moving more than it must. For that it suffices
// that enough groups hold a replica already, or that enough new replicas are to come; one seat for each group is always enough seats.
func (q *question) seats(set []int32) bool {
	if !q.divided || q.replicas == 0 {
		return true
	}
	var room, held int64
	for _, row := range set {
		room = framework.SaturatingAdd(room, q.room(row))
		held = framework.SaturatingAdd(held, q.keep(row))
	}
	if room < q.replicas {
		return false
	}
	occupied := func(i int) bool { return q.keep(set[i]) > 0 }
	open := func(i int) bool { return q.room(set[i]) > 0 }
	return q.seated(set, q.replicas, occupied) || held < q.replicas && q.seated(set, q.replicas-held, open)
}

// seated reports whether the clusters that count are in enough groups and so many seats suffice for them.
func (q *question) seated(set []int32, seats int64, counts func(i int) bool) bool {
	var clusters, groups int64
	for _, c := range q.constraints {
		need := q.needs(c)
		if !topology.Reaches(q.Snapshot, c, need, set, counts) {
			return false
		}
		if c.Key == framework.SpreadByCluster && c.Label == "" {
			clusters = need
		} else {
			groups += need
		}
	}
	return max(clusters, groups) <= seats
}
