package host

import (
	"sync"

	pluginv1 "github.com/longshore-project/longshore/plugins/proto/v1"
	"github.com/longshore-project/longshore/scheduler/framework"
)

// fusedKept is how many scores wait to be asked for; there is one for each decision that is being made, and some of decisions that ended
// before scoring.
const fusedKept = 16

// fused keeps scores that came together with a verdict until they are asked for. It holds on to the query, so that the query's address means
// this query and no later one. It is safe for concurrent use.
type fused struct {
	mu   sync.Mutex
	kept [fusedKept]fusedScore
	next int
}

type fusedScore struct {
	query    *framework.Query
	request  *framework.Request
	snapshot *framework.Snapshot
	term     int
	clusters framework.Bitset
	answer   *pluginv1.ScoreAnswer
}

// put keeps the scores of the candidates that the verdict left.
func (f *fused) put(q *framework.Query, candidates framework.Bitset, rejections []framework.Rejection, a *pluginv1.ScoreAnswer) {
	left := candidates.Clone()
	for _, r := range rejections {
		left.AndNot(r.Clusters)
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	f.kept[f.next] = fusedScore{q, q.Request, q.Snapshot, q.Term, left, a}
	f.next = (f.next + 1) % fusedKept
}

// take returns the scores for exactly these clusters and forgets whatever it kept for the query.
func (f *fused) take(q *framework.Query, clusters framework.Bitset) (a *pluginv1.ScoreAnswer, ok bool) {
	f.mu.Lock()
	defer f.mu.Unlock()
	for i := range f.kept {
		k := &f.kept[i]
		if k.query != q {
			continue
		}
		if k.request == q.Request && k.snapshot == q.Snapshot && k.term == q.Term && k.clusters.Equal(clusters) {
			a, ok = k.answer, !k.answer.GetSkip()
		}
		*k = fusedScore{}
	}
	return a, ok
}
