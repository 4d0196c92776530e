package framework

import "context"

// Query is what every plugin of one attempt is asked about: a request, the fleet, and the placement's term that is being tried.
type Query struct {
	Snapshot *Snapshot
	Request  *Request
	// Term is an index into Request.Placement.Terms.
	Term int
	// Weights is the static weight of each cluster, by row, zero for clusters that the placement does not list. It is nil unless the
	// strategy is StaticWeight and the placement lists at least one cluster that exists: then all weigh the same.
	Weights []int64
	// Tiers is the overflow tier of each cluster, by row: 0 for the term's own affinity, i for its i-th overflow. It is nil when there is one
	// tier only.
	Tiers []int
}

// CurrentTerm returns the term that is being tried.
func (q *Query) CurrentTerm() *Term { return &q.Request.Placement.Terms[q.Term] }

// Cure names a change of the fleet that could turn a refusal into an acceptance.
type Cure struct {
	// Fact is the one fact that would have to change.
	Fact Facts
	// Subject narrows the change down to, say, one API or taint key. Empty means any change of the fact.
	Subject string
}

// Rejection is a set of clusters refused for one reason.
type Rejection struct {
	Clusters Bitset
	Status   Status
	Cures    []Cure
}

// Filter says which clusters cannot take the request at all. Candidates are the clusters to judge; a rejection may name others, which are
// ignored. Of several rejections of one cluster the first counts. Inputs are read only, and what is returned is never changed afterwards.
//
// The error means that the plugin broke; a refusal is a Rejection. Filter is called by several goroutines at once.
type Filter interface {
	Name() string
	Filter(ctx context.Context, q *Query, candidates Bitset) ([]Rejection, error)
}

// SharedFilter is a Filter whose verdict depends on nothing of the request but its placement, the term, the API and whether it is a
// workload. Its answer for all clusters is reused until one of the facts that it reads changes.
type SharedFilter interface {
	Filter
	Reads(q *Query) Facts
}

// Repeatable is a plugin that gives equal answers to equal queries: whatever it says follows from the request, its Key left out, and from the
// facts of the fleet that DependsOn names, beside which clusters there are. A SharedFilter and a SharedEstimate are repeatable as they are.
// When every plugin of a profile is, equal requests need not be decided twice.
type Repeatable interface {
	DependsOn(q *Query) Facts
}

// LenientFilter is a Filter whose rejections do not drive a request away from where it runs already, if KeepsTargets returns true.
type LenientFilter interface {
	Filter
	KeepsTargets() bool
}

// Score rates clusters from 0 to 100, higher is better. It writes the score of the cluster in row r to scores[r] for every r in clusters and
// leaves the others alone; scores has an element for every row of the snapshot and is zero at first. The error means that the plugin broke.
type Score interface {
	Name() string
	Score(ctx context.Context, q *Query, clusters Bitset, scores []int64) error
}

// SkippableScore is a Score that can tell beforehand that it would rate all clusters 0.
type SkippableScore interface {
	Score
	Skips(q *Query) bool
}

// ScoreRemark is something that scores do not show, about a set of clusters.
type ScoreRemark struct {
	Clusters Bitset
	// Text is what is true of them, such as "have no label x and get 0".
	Text string
}

// RemarkingScore is a Score that can say what its scores do not show, for example about which of the clusters it knew nothing. It is asked
// after Score, and the answer goes into the explanation only.
type RemarkingScore interface {
	Score
	Remarks(q *Query, clusters Bitset) []ScoreRemark
}

// MaxScore is the highest score that a plugin may give.
const MaxScore = 100

// Capacity is how many replicas of a request fit into one cluster beside what runs there. The zero value is unknown, which never counts as
// room.
type Capacity struct {
	Replicas int64
	Known    bool
	// Origin says from where this is known; nil means that the estimate does not tell.
	Origin *Origin
}

// Room returns the replicas that may be counted on: those known to fit.
func (c Capacity) Room() int64 {
	if !c.Known {
		return 0
	}
	return c.Replicas
}

// Estimate says how many replicas fit. It writes the capacity of the cluster in rows[i] to out[i], which is unknown at first. One silent
// cluster is no error: leave it unknown. The error means that the plugin broke.
type Estimate interface {
	Name() string
	Estimate(ctx context.Context, q *Query, rows []int32, out []Capacity) error
}

// SharedEstimate is an Estimate that depends on nothing but the request's Shape and, for each cluster, on that cluster's capacity, if
// PerShape returns true. Its answers are kept, and asked for again only where the capacity changed.
type SharedEstimate interface {
	Estimate
	PerShape() bool
}

// ShapedEstimate is a SharedEstimate that depends on more of a request than its Shape.
type ShapedEstimate interface {
	SharedEstimate
	// ShapeOf returns a text that is equal for requests of which equally many fit.
	ShapeOf(r *Request) string
}

// Selection is the input of Select.
type Selection struct {
	Query
	// Ranked is the feasible clusters, best first: overflow tier ascending, score descending, available descending, name ascending.
	Ranked []int32
	// Scores is the weighted sum of all scores, by row; nil when every cluster has 0.
	Scores []int64
	// Available is the estimate plus what the request runs there, by row. It is nil when capacity plays no role for the request.
	Available []Capacity
}

// Select chooses the set of clusters that satisfies the spread constraints, in any order. A status other than success means that there is
// none and says why; the reasons of a success are remarks for the explanation. The error means that the plugin broke.
type Select interface {
	Name() string
	Select(ctx context.Context, s *Selection) (rows []int32, status Status, err error)
}

// Allotment is the input of Assign.
type Allotment struct {
	Query
	// Selected is the chosen clusters in ascending order, which is the order of names.
	Selected []int32
	// Current is the replicas that run on each selected cluster now, index-aligned with Selected.
	Current []int64
	// Estimates is what fits beside them, by row. It is nil when capacity plays no role for the request.
	Estimates []Capacity
}

// Division is how many replicas each cluster gets, and from what that follows.
type Division struct {
	// Replicas is index-aligned with the selected clusters, and so is Weights.
	Replicas []int64
	// Weights is what the replicas were divided by, nil when nothing was divided.
	Weights []int64
	// Seats is how many replicas were divided by the weights; the rest stayed where it was.
	Seats int64
	// Unplaced is how many replicas found no room.
	Unplaced int64
}

// Assign gives replicas to the selected clusters. A status other than success means that it cannot be done; the division is then partial and
// serves the explanation only. The error means that the plugin broke.
type Assign interface {
	Name() string
	Assign(ctx context.Context, a *Allotment) (Division, Status, error)
}
