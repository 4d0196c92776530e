// Package outcome compares what was estimated with what became of it, and learns limits from that.
//
// A placement is predicted to run. It has run when the member reports all its replicas healthy. It did not when somebody, such as the descheduler,
// takes replicas away that found no node and leaves the binding short. The member is then offered nothing of that shape any more until it has
// more to offer: until its allocatable resources grow or less is in use than was, the pending replicas not counted.
package outcome

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"sync"

	"k8s.io/apimachinery/pkg/runtime"

	workv1alpha2 "github.com/longshore-project/longshore/apis/work/v1alpha2"
	"github.com/longshore-project/longshore/scheduler/convert"
	"github.com/longshore-project/longshore/scheduler/framework"
)

const (
	// placementsKept bounds the bindings whose outcome is awaited; others are not counted.
	placementsKept = 1 << 16
	// limitsKept bounds the limits; of more the oldest are forgotten.
	limitsKept = 4096
)

// Outcomes is what was predicted and learned for one profile. Make it with New. It is safe for concurrent use.
type Outcomes struct {
	metrics *Metrics
	changed func(members []string, roomier bool)

	mu     sync.Mutex
	placed map[string]map[string]placement
	limits map[limitKey]*limit
	// order is the keys of limits, the oldest first; keys that are gone by now are skipped.
	order []limitKey
}

// placement is a prediction about one member.
type placement struct {
	replicas int64
	source   string
}

type limitKey struct{ member, shape string }

// limit is what was learned about one member and shape.
type limit struct {
	pending int64
	demand  framework.Resources
	// known means that the baseline is set: what the member offered and had in use, without the pending replicas.
	known             bool
	allocatable, used framework.Resources
}

// New returns outcomes of nothing. Changed is told of members about which something was learned.
func New(m *Metrics, changed func(members []string, roomier bool)) *Outcomes {
	return &Outcomes{metrics: m, changed: changed, placed: map[string]map[string]placement{}, limits: map[limitKey]*limit{}}
}

// Observe takes down what a decision predicts. It implements loop.Observer.
func (o *Outcomes) Observe(r *framework.Request, _ *framework.Snapshot, d framework.Decision) {
	if d.Outcome != framework.Placed || !r.CountsReplicas() {
		return
	}
	a := &d.Attempts[len(d.Attempts)-1]
	if a.Available == nil {
		return
	}
	predicted := make(map[string]placement, len(d.Targets))
	for _, t := range d.Targets {
		if row, ok := a.Snapshot.Row(t.Cluster); ok && t.Replicas > 0 {
			predicted[t.Cluster] = placement{t.Replicas, kindOf(a.Available[row].Origin)}
		}
	}
	o.mu.Lock()
	defer o.mu.Unlock()
	if _, known := o.placed[r.Key]; known || len(o.placed) < placementsKept {
		o.placed[r.Key] = predicted
	}
}

// kindOf returns a source as a bounded label.
func kindOf(origin *framework.Origin) string {
	if origin == nil {
		return "summary"
	}
	kind, _, _ := strings.Cut(origin.Source, " ")
	return kind
}

// BindingChanged takes in what became of a binding. Old is nil for one that was not known, now is nil for one that is gone.
func (o *Outcomes) BindingChanged(old, now workv1alpha2.Binding) {
	if now == nil {
		o.mu.Lock()
		defer o.mu.Unlock()
		delete(o.placed, keyOf(old))
		return
	}
	o.settle(now)
	if old == nil || old.GetUID() != now.GetUID() {
		return
	}
	if taken := withdrawn(old.BindingSpec(), now.BindingSpec()); len(taken) > 0 {
		o.learn(convert.FromBinding(now, nil), taken)
	}
}

func keyOf(b workv1alpha2.Binding) string {
	return strings.TrimPrefix(b.GetNamespace()+"/"+b.GetName(), "/")
}

// settle counts the predictions that came true.
func (o *Outcomes) settle(b workv1alpha2.Binding) {
	o.mu.Lock()
	defer o.mu.Unlock()
	predicted := o.placed[keyOf(b)]
	items := b.BindingStatus().AggregatedStatus
	for i := range items {
		p, ok := predicted[items[i].ClusterName]
		if ok && items[i].Health == workv1alpha2.ResourceHealthy && replicasIn(items[i].Status) >= p.replicas {
			o.metrics.ran(p.source, p.replicas)
			delete(predicted, items[i].ClusterName)
		}
	}
	if predicted != nil && len(predicted) == 0 {
		delete(o.placed, keyOf(b))
	}
}

func replicasIn(status *runtime.RawExtension) int64 {
	var count struct {
		Replicas int64 `json:"replicas"`
	}
	if status == nil || json.Unmarshal(status.Raw, &count) != nil {
		return 0
	}
	return count.Replicas
}

// withdrawn returns how many replicas somebody took away from members without giving them to others: the total was right and is short now, and
// none has more than it had. What is being evicted went for another reason. Nil means that nothing of that kind happened.
func withdrawn(old, now *workv1alpha2.ResourceBindingSpec) map[string]int64 {
	if old.Replicas != now.Replicas || sum(old.Clusters) < int64(old.Replicas) || sum(now.Clusters) >= int64(now.Replicas) {
		return nil
	}
	taken := map[string]int64{}
	for _, t := range old.Clusters {
		taken[t.Name] = int64(t.Replicas)
	}
	for _, t := range now.Clusters {
		if taken[t.Name] -= int64(t.Replicas); taken[t.Name] < 0 {
			return nil
		}
	}
	for i := range now.GracefulEvictionTasks {
		delete(taken, now.GracefulEvictionTasks[i].FromCluster)
	}
	for name, n := range taken {
		if n == 0 {
			delete(taken, name)
		}
	}
	return taken
}

func sum(targets []workv1alpha2.TargetCluster) int64 {
	var n int64
	for _, t := range targets {
		n += int64(t.Replicas)
	}
	return n
}

// learn takes down that the members left replicas pending.
func (o *Outcomes) learn(r *framework.Request, taken map[string]int64) {
	o.mu.Lock()
	predicted := o.placed[r.Key]
	var members []string
	for member, n := range taken {
		source := "unknown"
		if p, ok := predicted[member]; ok {
			source = p.source
		}
		o.metrics.pending(source, n)
		o.put(limitKey{member, r.PodShape()}, &limit{pending: n, demand: r.Requirements.Plus(framework.Resources{{Name: framework.ResourcePods, Amount: 1}})})
		members = append(members, member)
	}
	o.mu.Unlock()
	slices.Sort(members)
	o.changed(members, false)
}

// Close forgets everything, so that the metrics count it no more.
func (o *Outcomes) Close() {
	o.mu.Lock()
	defer o.mu.Unlock()
	for key := range o.limits {
		o.lift(key)
	}
	clear(o.placed)
}

// lift drops a limit, if there is one.
func (o *Outcomes) lift(key limitKey) {
	if o.limits[key] != nil {
		delete(o.limits, key)
		o.metrics.limits(-1)
	}
}

// Forget drops what was predicted and learned about a member that is gone.
func (o *Outcomes) Forget(member string) {
	o.mu.Lock()
	defer o.mu.Unlock()
	for key := range o.limits {
		if key.member == member {
			o.lift(key)
		}
	}
	for binding, predicted := range o.placed {
		if delete(predicted, member); len(predicted) == 0 {
			delete(o.placed, binding)
		}
	}
}

func (o *Outcomes) put(key limitKey, l *limit) {
	if o.limits[key] == nil {
		o.metrics.limits(1)
	}
	o.limits[key] = l
	o.order = append(o.order, key)
	for len(o.limits) > limitsKept || len(o.order) > 2*limitsKept {
		o.lift(o.order[0])
		o.order = o.order[1:]
	}
}

// Limit implements accurateestimate.Limits.
func (o *Outcomes) Limit(member *framework.Cluster, shape string) (replicas int64, why string, ok bool) {
	o.mu.Lock()
	defer o.mu.Unlock()
	key := limitKey{member.Name, shape}
	l := o.limits[key]
	if l == nil {
		return 0, "", false
	}
	if !l.holds(member.Summary) {
		o.lift(key)
		return 0, "", false
	}
	return 0, fmt.Sprintf("%d replicas found no node there before", l.pending), true
}

// holds reports whether the member has no more to offer than when it left replicas pending. The first report that is seen is the baseline: it
// still counts the pending replicas as in use.
func (l *limit) holds(now *framework.Summary) bool {
	if now == nil {
		return true
	}
	if !l.known {
		l.known, l.allocatable, l.used = true, now.Allocatable, now.Used.Minus(l.demand.Times(l.pending))
		return true
	}
	for _, d := range l.demand {
		if now.Allocatable.Amount(d.Name) > l.allocatable.Amount(d.Name) || now.Used.Amount(d.Name) < l.used.Amount(d.Name) {
			return false
		}
	}
	return true
}
