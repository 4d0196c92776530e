package host

import (
	"sync"

	pluginv1 "github.com/longshore-project/longshore/plugins/proto/v1"
	"github.com/longshore-project/longshore/scheduler/framework"
)

// keptQueries is for how many queries something waits to be asked for; there is one for each decision that is being made, and some of decisions
// that ended before they asked.
const keptQueries = 16

// kept keeps what came with an answer and is asked for by a later call about the same query. It holds on to the query, so that the query's
// address means this query and no later one; a query that was changed meanwhile is another one. It is safe for concurrent use.
type kept[V any] struct {
	mu      sync.Mutex
	entries [keptQueries]entry[V]
	next    int
}

type entry[V any] struct {
	query *framework.Query
	as    framework.Query
	value V
}

// put keeps the value until it is taken or newer ones need its place.
func (k *kept[V]) put(q *framework.Query, v V) {
	k.mu.Lock()
	defer k.mu.Unlock()
	k.entries[k.next] = entry[V]{q, *q, v}
	k.next = (k.next + 1) % keptQueries
}

// take returns the latest value of the query and forgets all that it kept for it.
func (k *kept[V]) take(q *framework.Query) (v V, ok bool) {
	k.mu.Lock()
	defer k.mu.Unlock()
	for i := range k.entries {
		// From the oldest to the latest.
		e := &k.entries[(k.next+i)%keptQueries]
		if e.query != q {
			continue
		}
		if e.as.Request == q.Request && e.as.Snapshot == q.Snapshot && e.as.Term == q.Term {
			v, ok = e.value, true
		}
		*e = entry[V]{}
	}
	return v, ok
}

// fusedScore is scores that came together with a verdict.
type fusedScore struct {
	// clusters is the candidates that the verdict left, which are rated.
	clusters framework.Bitset
	answer   *pluginv1.ScoreAnswer
}

func fuse(candidates framework.Bitset, rejections []framework.Rejection, a *pluginv1.ScoreAnswer) fusedScore {
	left := candidates.Clone()
	for _, r := range rejections {
		left.AndNot(r.Clusters)
	}
	return fusedScore{left, a}
}
