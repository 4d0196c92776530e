// Command cost is a placement plugin that knows what clusters cost. It scores cheap clusters high, and divides replicas so that the cheapest
// clusters fill up first and the whole stays within a budget.
package main

import (
	"context"
	"errors"
	"fmt"
	"math"
	"slices"
	"strings"

	"github.com/longshore-project/longshore/plugins/sdk"
	"github.com/longshore-project/longshore/scheduler/framework"
)

func main() { sdk.Serve(&plugin{}) }

// micros is an amount of money in millionths, so that sums and comparisons are exact.
type micros int64

// arguments is what the scheduler's configuration says.
type arguments struct {
	// Prices are looked through in order; the first that matches a cluster counts.
	Prices []price
	// Budget is what one workload may cost in an hour; zero stands for no limit.
	Budget float64
}

// price is what one core costs for an hour where everything that is stated matches.
type price struct {
	Cluster, Provider, Region string
	PerCoreHour               float64
}

func (p *price) matches(c *sdk.Cluster) bool {
	return (p.Cluster == "" || p.Cluster == c.Name) && (p.Provider == "" || p.Provider == c.Provider) && (p.Region == "" || p.Region == c.Region)
}

type plugin struct {
	prices []price
	budget micros
}

func (*plugin) Name() string    { return "cost" }
func (*plugin) Version() string { return "v1" }

// Facts spares the scheduler from telling what prices do not depend on.
func (*plugin) Facts() framework.Facts { return framework.FactTopology }

// Configure takes the price table.
func (p *plugin) Configure(_ context.Context, args sdk.Arguments) error {
	var a arguments
	if err := args.Decode(&a); err != nil {
		return err
	}
	if len(a.Prices) == 0 {
		return errors.New("prices is empty: list at least one price, such as {region: eu-1, perCoreHour: 0.04}")
	}
	for i, price := range a.Prices {
		if price.PerCoreHour <= 0 {
			return fmt.Errorf("prices[%d].perCoreHour is %v: it must be above zero", i, price.PerCoreHour)
		}
	}
	p.prices, p.budget = a.Prices, toMicros(a.Budget)
	return nil
}

func toMicros(f float64) micros { return micros(math.Round(f * 1e6)) }

// priceOf returns what a core costs in the cluster for an hour; ok is false when the table does not say.
func (p *plugin) priceOf(c *sdk.Cluster) (price micros, ok bool) {
	for i := range p.prices {
		if p.prices[i].matches(c) {
			return toMicros(p.prices[i].PerCoreHour), true
		}
	}
	return 0, false
}

// Score gives 100 to the cheapest of the clusters, 0 to the dearest and to those without a price, and the others their place between.
func (p *plugin) Score(_ context.Context, q *sdk.Query, clusters sdk.Bitset, scores []int64) error {
	low, high := micros(math.MaxInt64), micros(0)
	for row := range clusters.All() {
		if price, ok := p.priceOf(q.Snapshot.Cluster(row)); ok {
			low, high = min(low, price), max(high, price)
		}
	}
	for row := range clusters.All() {
		switch price, ok := p.priceOf(q.Snapshot.Cluster(row)); {
		case !ok:
			scores[row] = 0
		case low == high:
			scores[row] = framework.MaxScore
		default:
			scores[row] = int64(framework.MaxScore * (high - price) / (high - low))
		}
	}
	return nil
}

// offer is a selected cluster with its price.
type offer struct {
	position   int
	name       string
	perReplica micros
	priced     bool
	current    int64
	room       int64
}

// Assign keeps what runs, takes replicas from the dearest clusters when there are too many, and gives to the cheapest with room when there
// are too few. If the result costs more than the budget it divides from nothing; if that does too, it refuses. It applies where replicas are
// divided by room.
func (p *plugin) Assign(_ context.Context, a *sdk.Allotment) (sdk.Division, sdk.Status, error) {
	if !a.Request.DividesReplicas() || !a.Request.Placement.Strategy.UsesCapacity() || a.Estimates == nil {
		return sdk.Division{}, sdk.Status{}, sdk.ErrSkip
	}
	offers := p.offers(a)
	d, cost := divide(offers, a.Request.Replicas, !a.Request.Fresh)
	if p.over(cost) && !a.Request.Fresh {
		d, cost = divide(offers, a.Request.Replicas, false)
	}
	if d.Unplaced > 0 {
		return d, framework.NewStatus(framework.Unschedulable, fmt.Sprintf("clusters with a price lack room for %d of %d replicas",
			d.Unplaced, a.Request.Replicas)), nil
	}
	if p.over(cost) {
		return d, framework.NewStatus(framework.Unschedulable, fmt.Sprintf("%d replicas cost at least %s an hour; the budget is %s",
			a.Request.Replicas, cost, p.budget)), nil
	}
	return d, sdk.Status{}, nil
}

func (p *plugin) over(cost micros) bool { return p.budget > 0 && cost > p.budget }

// String returns the amount with its millionths, as far as there are any.
func (m micros) String() string {
	return strings.TrimRight(strings.TrimRight(fmt.Sprintf("%d.%06d", m/1e6, m%1e6), "0"), ".")
}

// offers returns the selected clusters, cheapest first and then by name; those without a price come last and have no room for more.
func (p *plugin) offers(a *sdk.Allotment) []offer {
	milliCores := a.Request.Requirements.Amount(framework.ResourceCPU)
	if milliCores == 0 {
		milliCores = 1000
	}
	out := make([]offer, len(a.Selected))
	for i, row := range a.Selected {
		perCore, priced := p.priceOf(a.Snapshot.Cluster(int(row)))
		out[i] = offer{
			position: i, name: a.Snapshot.Name(int(row)), perReplica: perCore * micros(milliCores) / 1000, priced: priced,
			current: a.Current[i], room: a.Current[i] + a.Estimates[row].Room(),
		}
		if !priced {
			out[i].room = a.Current[i]
		}
	}
	slices.SortFunc(out, compareOffers)
	return out
}

func compareOffers(a, b offer) int {
	switch {
	case a.priced != b.priced && a.priced:
		return -1
	case a.priced != b.priced:
		return 1
	case a.perReplica != b.perReplica:
		return int(a.perReplica - b.perReplica)
	}
	return strings.Compare(a.name, b.name)
}

// divide gives replicas to offers, which are sorted by price, and returns what they cost in an hour.
func divide(offers []offer, replicas int64, keep bool) (sdk.Division, micros) {
	d := sdk.Division{Replicas: make([]int64, len(offers))}
	left := replicas
	for _, o := range offers {
		if keep {
			d.Replicas[o.position] = o.current
			left -= o.current
		}
	}
	for i := len(offers) - 1; i >= 0 && left < 0; i-- {
		n := min(-left, d.Replicas[offers[i].position])
		d.Replicas[offers[i].position] -= n
		left += n
	}
	for _, o := range offers {
		n := max(0, min(left, o.room-d.Replicas[o.position]))
		d.Replicas[o.position] += n
		left -= n
	}
	d.Unplaced = left
	var cost micros
	for _, o := range offers {
		cost += o.perReplica * micros(d.Replicas[o.position])
	}
	return d, cost
}
