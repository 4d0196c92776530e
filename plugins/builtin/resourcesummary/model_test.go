package resourcesummary

import (
	"fmt"
	"math/rand/v2"
	"testing"

	"github.com/longshore-project/longshore/scheduler/framework"
)

// firstFit is the plain definition: virtual nodes, on which the replicas of one set after the other are placed one by one, each on the first
// node with room. It returns the number of complete sets, at most limit.
func firstFit(grades []framework.Grade, components []framework.Component, limit int64) int64 {
	var nodes []framework.Resources
	for _, g := range grades {
		for range g.Count {
			nodes = append(nodes, g.Min.Plus(framework.Resources{{Name: framework.ResourcePods, Amount: podsOfModelNode}}))
		}
	}
	place := func(needs framework.Resources) bool {
		for i := range nodes {
			left := nodes[i].Minus(needs)
			if !negative(left) {
				nodes[i] = left
				return true
			}
		}
		return false
	}
	for sets := int64(0); sets < limit; sets++ {
		for _, c := range components {
			needs := c.Requirements.Plus(framework.Resources{{Name: framework.ResourcePods, Amount: 1}})
			for range c.Replicas {
				if !place(needs) {
					return sets
				}
			}
		}
	}
	return limit
}

func negative(r framework.Resources) bool {
	for _, a := range r {
		if a.Amount < 0 {
			return true
		}
	}
	return false
}

// modelled is one random question about one member.
type modelled struct {
	cluster framework.Cluster
	request framework.Request
}

// draw returns a member with a small model and a workload of so many components; none means a single template.
func draw(r *rand.Rand, components int) modelled {
	names := []string{"cpu", "memory", "gpu"}
	some := func(most int64, odds int) framework.Resources {
		amounts := map[string]int64{}
		for _, name := range names {
			if r.IntN(odds) > 0 {
				amounts[name] = r.Int64N(most + 1)
			}
		}
		return framework.NewResources(amounts)
	}
	summary := &framework.Summary{Allocatable: framework.NewResources(map[string]int64{"cpu": 1000, "memory": 1000, "gpu": 1000, "pods": r.Int64N(400)})}
	for range 1 + r.IntN(3) {
		summary.Grades = append(summary.Grades, framework.Grade{Count: r.Int64N(5), Min: some(40, 5)})
	}
	out := modelled{cluster: framework.Cluster{Name: "a", Summary: summary}}
	if components == 0 {
		out.request.Requirements = some(9, 3)
	}
	for i := range components {
		out.request.Components = append(out.request.Components, framework.Component{
			Name: fmt.Sprint(i), Replicas: 1 + r.Int64N(4), Requirements: some(9, 3),
		})
	}
	return out
}

// plain is the estimate by definition: what the first-fit placement comes to, bounded by pods and, for sets, by the sums.
func (m *modelled) plain() int64 {
	demand, pods := Demand(&m.request)
	bound := m.cluster.Summary.Allocatable.Amount("pods") / pods
	components := m.request.Components
	if len(components) == 0 {
		if len(demand) == 0 {
			return bound
		}
		components = []framework.Component{{Replicas: 1, Requirements: m.request.Requirements}}
	} else {
		for _, d := range demand {
			bound = min(bound, m.cluster.Summary.Allocatable.Amount(d.Name)/d.Amount)
		}
		if len(demand) == 0 {
			return bound
		}
	}
	return firstFit(m.cluster.Summary.Grades, components, bound)
}

func (m *modelled) estimate(t *testing.T) int64 {
	t.Helper()
	q := &framework.Query{Snapshot: framework.NewSnapshot([]*framework.Cluster{&m.cluster}, 1), Request: &m.request}
	got := make([]framework.Capacity, 1)
	if err := (Plugin{}).Estimate(t.Context(), q, []int32{0}, got); err != nil {
		t.Fatal(err)
	}
	if !got[0].Known {
		t.Fatal("the estimate is unknown")
	}
	return got[0].Replicas
}

// FuzzModel compares the estimate by a model with the placement of one replica after the other.
func FuzzModel(f *testing.F) {
	for seed := range uint64(600) {
		f.Add(seed, uint8(seed%4))
	}
	f.Fuzz(func(t *testing.T, seed uint64, components uint8) {
		m := draw(rand.New(rand.NewPCG(seed, 1)), int(components%4))
		if got, want := m.estimate(t), m.plain(); got != want {
			t.Errorf("estimate is %d, first-fit placement gives %d for %+v in %+v", got, want, m.request, m.cluster.Summary)
		}
	})
}

// FuzzPromises checks that what is promised never adds room, and that promising whole replicas takes at least as many.
func FuzzPromises(f *testing.F) {
	for seed := range uint64(200) {
		f.Add(seed, uint8(seed%4))
	}
	f.Fuzz(func(t *testing.T, seed uint64, components uint8) {
		r := rand.New(rand.NewPCG(seed, 2))
		m := draw(r, int(components%4))
		free := m.estimate(t)
		demand, pods := Demand(&m.request)
		n := r.Int64N(5)
		m.cluster.Reserved = demand.Plus(framework.Resources{{Name: framework.ResourcePods, Amount: pods}}).Times(n)
		if got := m.estimate(t); got > max(free-n, 0) {
			t.Errorf("with %d promised %d fit, of %d", n, got, free)
		}
	})
}

// TestSetsTakeNoTimePerReplica asks for numbers that no loop over replicas or sets would get through.
func TestSetsTakeNoTimePerReplica(t *testing.T) {
	const huge = 1 << 40
	m := modelled{cluster: framework.Cluster{Name: "a", Summary: &framework.Summary{
		Allocatable: framework.NewResources(map[string]int64{"cpu": huge, "pods": huge}),
		Grades:      []framework.Grade{{Count: 3, Min: framework.NewResources(map[string]int64{"cpu": huge})}},
	}}}
	m.request.Components = []framework.Component{{Replicas: huge, Requirements: framework.NewResources(map[string]int64{"cpu": 1})}}
	if got := m.estimate(t); got != 0 {
		t.Errorf("%d sets of %d replicas fit on nodes for 330 pods", got, huge)
	}
	m.request.Components = nil
	m.request.Requirements = framework.NewResources(map[string]int64{"cpu": 1})
	if got := m.estimate(t); got != 3*podsOfModelNode {
		t.Errorf("%d replicas fit, want %d", got, 3*podsOfModelNode)
	}
}
