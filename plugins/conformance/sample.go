package conformance

import "github.com/longshore-project/longshore/scheduler/framework"

// Fleet returns n members that differ in every fact, the same ones each time.
func Fleet(n int) *framework.Snapshot { return framework.NewSnapshot(clusters(n), 1) }

// Queries returns a question about the fleet for every kind of request. They are the ones that the checks ask.
func Queries(fleet *framework.Snapshot) []*framework.Query {
	var out []*framework.Query
	for _, r := range requests() {
		out = append(out, query(fleet, r))
	}
	return out
}

// Selection returns the question of the query for Select, about every other cluster.
func Selection(q *framework.Query) *framework.Selection { return about(q).selection() }

// Allotment returns the question of the query for Assign, about five clusters with room.
func Allotment(q *framework.Query) *framework.Allotment { return about(q).allotment() }

func about(q *framework.Query) *verdicts {
	return &verdicts{query: q, rows: q.Snapshot.Candidates().AppendRows(nil)}
}
