// Package conformance says whether a plugin keeps the promises of its interfaces. It asks the same questions of a plugin that is compiled in
// and of one at the other end of a wire, so that neither can do what the other cannot.
//
//	conformance.Run(t, func(testing.TB) conformance.Subject { return conformance.Of(myPlugin{}) })
package conformance

import (
	"context"
	"slices"
	"testing"

	"github.com/longshore-project/longshore/plugins/host"
	"github.com/longshore-project/longshore/scheduler/framework"
)

// Subject is the plugin to check. Abilities that it lacks are nil.
type Subject struct {
	Name     string
	Filter   framework.Filter
	Score    framework.Score
	Estimate framework.Estimate
	Select   framework.Select
	Assign   framework.Assign
}

// Of returns the subject for a value that implements any of the framework's abilities, or for an external plugin that runs.
func Of(p interface{ Name() string }) Subject {
	if external, ok := p.(*host.Plugin); ok {
		return ofExternal(external)
	}
	s := Subject{Name: p.Name()}
	s.Filter, _ = p.(framework.Filter)
	s.Score, _ = p.(framework.Score)
	s.Estimate, _ = p.(framework.Estimate)
	s.Select, _ = p.(framework.Select)
	s.Assign, _ = p.(framework.Assign)
	return s
}

func ofExternal(p *host.Plugin) Subject {
	s, can := Subject{Name: p.Name()}, p.Status().Stages
	if slices.Contains(can, "filter") {
		s.Filter = p.Filter()
	}
	if slices.Contains(can, "score") {
		s.Score = p.Score()
	}
	if slices.Contains(can, "estimate") {
		s.Estimate = p.Estimate()
	}
	if slices.Contains(can, "select") {
		s.Select = p.Select(everything{})
	}
	if slices.Contains(can, "assign") {
		s.Assign = p.Assign(everything{})
	}
	return s
}

// everything is the next plugin for those that skip: it selects all and gives the first all replicas that are to be divided.
type everything struct{}

func (everything) Name() string { return "everything" }

func (everything) Select(_ context.Context, s *framework.Selection) ([]int32, framework.Status, error) {
	return s.Ranked, framework.Status{}, nil
}

func (everything) Assign(_ context.Context, a *framework.Allotment) (framework.Division, framework.Status, error) {
	d := framework.Division{Replicas: make([]int64, len(a.Selected))}
	if len(d.Replicas) > 0 && a.Request.CountsReplicas() {
		d.Replicas[0] = a.Request.Replicas
	}
	return d, framework.Status{}, nil
}

// Check is one promise. Run returns nil if the subject keeps it, and otherwise what it did instead.
type Check struct {
	Name string
	Run  func(ctx context.Context, s Subject) error
}

// Run checks every promise as a subtest, each on a plugin of its own.
func Run(t *testing.T, newPlugin func(t testing.TB) Subject) {
	for _, c := range Checks() {
		t.Run(c.Name, func(t *testing.T) {
			if err := c.Run(t.Context(), newPlugin(t)); err != nil {
				t.Error(err)
			}
		})
	}
}

// Checks returns the promises that can be checked on any plugin.
func Checks() []Check {
	return []Check{
		{"same question same answer", sameQuestion},
		{"order of clusters does not matter", orderOfClusters},
		{"answers are aligned and in range", aligned},
		{"inputs are read only", readOnly},
		{"any request", anyRequest},
		{"no clusters", noClusters},
		{"ten thousand clusters", manyClusters},
		{"follows the fleet", followsFleet},
		{"concurrent calls", concurrentCalls},
		{"cancelled calls", cancelledCalls},
	}
}
