package clusterselection

import (
	"slices"

	"github.com/longshore-project/longshore/plugins/builtin/topology"
	"github.com/longshore-project/longshore/scheduler/divide"
	"github.com/longshore-project/longshore/scheduler/framework"
)

// settled returns where the request runs now, if it must stay there although another set is better.
//
// Static weights may leave a chosen cluster empty when there are few replicas. Next time nothing runs on it, so a set without it may be
// better, and its division may move everything: decision after decision. So with a maximum that leaves candidates out, a division stays that
// is by the weights, satisfies the constraints and may have left a chosen cluster empty.
func (q *question) settled(chosen []int32) ([]int32, bool) {
	if q.Request.Placement.Strategy != framework.StaticWeight || !q.divided || len(q.current) == 0 {
		return nil, false
	}
	if len(chosen) == 0 || len(chosen) == len(q.ranked) {
		return nil, false
	}
	running := make([]int32, 0, len(q.current))
	for _, row := range q.candidates() {
		if q.current[row] > 0 {
			running = append(running, row)
		}
	}
	if len(running) == 0 || !q.byWeights(running) || !q.satisfies(running) || !q.mayLeaveEmpty(running) {
		return nil, false
	}
	return running, true
}

// mayLeaveEmpty reports whether some candidate, chosen beside the rows, would get no replica: the one with the least weight if any.
func (q *question) mayLeaveEmpty(rows []int32) bool {
	others := q.candidates()
	weights := q.weights(others)
	least := -1
	for i, row := range others {
		if q.current[row] == 0 && (least < 0 || weights[i] < weights[least] || weights[i] == weights[least] && !q.Request.NamesDescending) {
			least = i
		}
	}
	if least < 0 {
		return false
	}
	with := append(slices.Clone(rows), others[least])
	slices.Sort(with)
	return slices.Contains(divide.Apportion(q.replicas, q.weights(with), q.order()), 0)
}

// byWeights reports whether what runs is all replicas, divided over the rows by the weights with one for each at least.
func (q *question) byWeights(rows []int32) bool {
	seated, now := make([]bool, len(rows)), make([]int64, len(rows))
	for i, row := range rows {
		seated[i], now[i] = true, q.current[row]
	}
	if int64(len(rows)) > q.replicas {
		return false
	}
	return slices.Equal(now, divide.ApportionSeated(q.replicas, q.weights(rows), seated, q.order()))
}

func (q *question) satisfies(rows []int32) bool {
	for _, c := range q.constraints {
		if n, _ := topology.Covered(q.Snapshot, c, rows); n < q.needs(c) || n > c.Max() {
			return false
		}
	}
	return true
}

func (q *question) weights(rows []int32) []divide.Weight { return divide.WeightsOf(rows, q.Weights) }

func (q *question) order() divide.Order { return divide.OrderFor(q.Request.NamesDescending) }
