// Package accurateestimate merges what estimators, which know nodes and pods, say about each member with what its summary says.
//
// What estimators say is less what decisions have promised since: all reservations whose pods were not seen before the answer became true. Where
// no estimator answers, the summary alone counts, member by member, and the capacity tells so.
package accurateestimate

import (
	"context"
	"fmt"
	"math"
	"math/bits"
	"strings"
	"time"

	"github.com/longshore-project/longshore/plugins/builtin/resourcesummary"
	"github.com/longshore-project/longshore/scheduler/framework"
)

// Name is the name of the plugin.
const Name = "AccurateEstimate"

// Answer is what estimators say about one member.
type Answer struct {
	// Sets is how many replicas, or complete sets of components, fit beside the pods that were there at At. It means something only if Known.
	Sets  int64
	Known bool
	// AtLeast means that more than Sets may fit.
	AtLeast bool
	// GrowTo is how many would fit once the member's autoscaler has added all the nodes that it may. It means something only if CanGrow.
	GrowTo  int64
	CanGrow bool
	// Quota names the ResourceQuota that allows fewer than the nodes; empty if the nodes are the limit.
	Quota string
	// Source names the estimator, and At is when the answer was true of the member.
	Source string
	At     time.Time
	// Age is how long ago that was when the question was asked.
	Age time.Duration
	// Missing is a clause that says why nothing is known. It is empty for a member that no estimator is meant to serve.
	Missing string
}

// Source asks estimators.
type Source interface {
	// Answers writes to out[i] how many replicas of the request fit in members[i]. It returns within the profile's budget whatever estimators do.
	Answers(ctx context.Context, r *framework.Request, members []string, out []Answer)
}

// Limits are learned from what was placed and did not run.
type Limits interface {
	// Limit returns how many more replicas of the shape, which is a PodShape, the member may be offered, and a clause that says why. Ok is
	// false if nothing was learned that still holds for the member as it is now.
	Limit(member *framework.Cluster, shape string) (replicas int64, why string, ok bool)
}

// Merge is the rule for a member about which both an estimator and the summary know something.
type Merge string

const (
	// PreferAccurate takes what the estimator says.
	PreferAccurate Merge = "preferAccurate"
	// Min takes the lower number.
	Min Merge = "min"
	// WeightedByAge takes the estimator's number when it is fresh, the summary's when it is as old as Lifetime, and in between the mean,
	// weighted by the age.
	WeightedByAge Merge = "weightedByAge"
)

// Plugin is the estimate.
type Plugin struct {
	// Source asks the estimators. It is required.
	Source Source
	// Summary knows what the members report as a whole; nil knows nothing.
	Summary framework.Estimate
	// Merge is the rule; empty means PreferAccurate.
	Merge Merge
	// Lifetime is the age at which WeightedByAge gives an answer no weight. It is above zero.
	Lifetime time.Duration
	// Limits bound what is offered; nil bounds nothing.
	Limits Limits
	// CountGrowth counts nodes that an autoscaler may add as if they were there. Each capacity in which that makes a difference says so.
	CountGrowth bool
	// SkipPull asks nobody about members that pull.
	SkipPull bool
}

// Name returns the name by which profiles know the plugin.
func (*Plugin) Name() string { return Name }

// PerShape implements framework.SharedEstimate: when an estimator's answer changes, so does the cluster's capacity.
func (*Plugin) PerShape() bool { return true }

// ShapeOf implements framework.ShapedEstimate.
func (*Plugin) ShapeOf(r *framework.Request) string { return r.PodShape() }

// Estimate writes how many replicas, or sets of components, fit.
func (p *Plugin) Estimate(ctx context.Context, q *framework.Query, rows []int32, out []framework.Capacity) error {
	if p.Summary != nil {
		if err := p.Summary.Estimate(ctx, q, rows, out); err != nil {
			return err
		}
	}
	answers := p.answers(ctx, q, rows)
	needs, shape := needsOf(q.Request), q.Request.PodShape()
	var origins origins
	for i, row := range rows {
		cluster := q.Snapshot.Cluster(int(row))
		var from framework.Origin
		out[i], from = p.merge(out[i], &answers[i], taken(cluster, pendingSince(cluster, answers[i].At), needs))
		out[i].Origin = origins.share(p.limit(&out[i], from, cluster, shape))
	}
	return nil
}

// answers returns what estimators say about the clusters, by place in rows.
func (p *Plugin) answers(ctx context.Context, q *framework.Query, rows []int32) []Answer {
	names, places := make([]string, 0, len(rows)), make([]int, 0, len(rows))
	for i, row := range rows {
		if !p.SkipPull || !q.Snapshot.Cluster(int(row)).Pull {
			names, places = append(names, q.Snapshot.Name(int(row))), append(places, i)
		}
	}
	out := make([]Answer, len(rows))
	if len(names) == len(rows) {
		p.Source.Answers(ctx, q.Request, names, out)
		return out
	}
	some := make([]Answer, len(names))
	p.Source.Answers(ctx, q.Request, names, some)
	for i, at := range places {
		out[at] = some[i]
	}
	return out
}

// merge applies the rule. Taken is how many sets of the answer reservations cost.
func (p *Plugin) merge(summary framework.Capacity, a *Answer, taken int64) (framework.Capacity, framework.Origin) {
	if !a.Known {
		return summary, framework.Origin{Source: sourceOf(summary), Fallback: a.Missing}
	}
	from := framework.Origin{Source: a.Source, At: a.At, Note: note(a)}
	sets := a.Sets - taken
	if growth := a.GrowTo - a.Sets; p.CountGrowth && a.CanGrow && growth > 0 {
		from.Fallback, from.Note = "counting nodes that could be added", fmt.Sprintf("%d fit now", max(sets, 0))
		sets, summary.Replicas = sets+growth, framework.SaturatingAdd(summary.Replicas, growth)
	}
	accurate := framework.Capacity{Replicas: max(sets, 0), Known: true}
	switch {
	case !summary.Known, p.Merge == PreferAccurate, p.Merge == "":
		return accurate, from
	case p.Merge == Min && summary.Replicas < accurate.Replicas:
		return summary, framework.Origin{Source: sourceOf(summary), Fallback: from.Fallback}
	case p.Merge == Min:
		return accurate, from
	default:
		accurate.Replicas = weighted(accurate.Replicas, summary.Replicas, a.Age, p.Lifetime)
		from.Source += " and summary by age"
		return accurate, from
	}
}

// note says what a number alone does not.
func note(a *Answer) string {
	var parts []string
	if a.AtLeast {
		parts = append(parts, "at least")
	}
	if a.CanGrow && a.GrowTo > a.Sets {
		parts = append(parts, fmt.Sprintf("could grow to %d", a.GrowTo))
	}
	if a.Quota != "" {
		parts = append(parts, "limited by ResourceQuota "+a.Quota)
	}
	return strings.Join(parts, ", ")
}

func sourceOf(summary framework.Capacity) string {
	if summary.Known {
		return "summary"
	}
	return "nobody"
}

// weighted returns (accurate·(lifetime − age) + summary·age) / lifetime, rounded down, with ages cut to 0 … lifetime. It is exact for all numbers
// that are not negative: products and their sum have 128 bits.
func weighted(accurate, summary int64, age, lifetime time.Duration) int64 {
	whole := uint64(max(lifetime, 1))
	old := min(uint64(max(age, 0)), whole)
	high, low := bits.Mul64(uint64(accurate), whole-old)
	otherHigh, otherLow := bits.Mul64(uint64(max(summary, 0)), old)
	low, carry := bits.Add64(low, otherLow, 0)
	high, _ = bits.Add64(high, otherHigh, carry)
	quotient, _ := bits.Div64(high, low, whole) // No more than the larger of the two, so it fits.
	return int64(quotient)
}

// limit bounds the capacity by what was learned.
func (p *Plugin) limit(c *framework.Capacity, from framework.Origin, cluster *framework.Cluster, shape string) framework.Origin {
	if p.Limits == nil || c.Room() == 0 {
		return from
	}
	if most, why, ok := p.Limits.Limit(cluster, shape); ok && most < c.Replicas {
		c.Replicas = most
		return framework.Origin{Source: "what was learned", Fallback: why}
	}
	return from
}

// origins lets neighbours with one origin share it.
type origins struct{ last *framework.Origin }

func (o *origins) share(from framework.Origin) *framework.Origin {
	if o.last == nil || *o.last != from {
		o.last = &from
	}
	return o.last
}

// needsOf returns what one set takes, pods included.
func needsOf(r *framework.Request) framework.Resources {
	demand, pods := resourcesummary.Demand(r)
	return demand.Plus(framework.Resources{{Name: framework.ResourcePods, Amount: pods}})
}

// pendingSince returns the reservations that an answer true at that time does not include: those whose pods are not known to exist, and all if
// any pods were found to exist only afterwards.
func pendingSince(c *framework.Cluster, at time.Time) framework.Resources {
	if at.Before(c.SeenAt) {
		return c.Reserved
	}
	return c.Unseen
}

// taken returns how many sets of these needs the reservations cost at most.
//
// Of the resource that is scarcest in the member's summary every started set counts. Of the others there is more than that resource can use;
// reservations cost nothing as long as they fit into the surplus:
//
//	max over r of ⌈reserved(r)/need(r)⌉ − (⌊free(r)/need(r)⌋ − min over s of ⌊free(s)/need(s)⌋)
//
// Without a summary nothing is known of a surplus.
func taken(c *framework.Cluster, reserved, needs framework.Resources) int64 {
	if len(reserved) == 0 {
		return 0
	}
	least := int64(math.MaxInt64)
	for _, n := range needs {
		least = min(least, fluid(c, n))
	}
	var most int64
	for _, n := range needs {
		if amount := reserved.Amount(n.Name); amount > 0 {
			most = max(most, (amount-1)/n.Amount+1-(fluid(c, n)-least))
		}
	}
	return most
}

// fluid returns for how many sets the free amount of one resource would do, 0 where that is not known.
func fluid(c *framework.Cluster, need framework.ResourceAmount) int64 {
	if c.Summary == nil {
		return 0
	}
	return max(framework.SaturatingAdd(c.Summary.Allocatable.Amount(need.Name), -c.Summary.Used.Amount(need.Name)), 0) / need.Amount
}
