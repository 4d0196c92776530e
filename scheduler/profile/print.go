package profile

import (
	"fmt"
	"io"
	"text/tabwriter"

	"github.com/longshore-project/longshore/scheduler/framework"
)

// Print writes the profile as a table: what is asked, in which order, with which weight and arguments, and which facts about clusters may
// change its answer. The shadow follows.
func (p *Profile) Print(w io.Writer) error {
	if err := p.print(w); err != nil || p.Shadow == nil {
		return err
	}
	fmt.Fprintln(w)
	return p.Shadow.print(w)
}

func (p *Profile) print(w io.Writer) error {
	t := tabwriter.NewWriter(w, 0, 8, 2, ' ', 0)
	fmt.Fprintf(t, "Profile %s, reservations %s\n", p.SchedulerName, map[bool]string{true: "on", false: "off"}[p.Reservations])
	fmt.Fprintln(t, "POINT\tORDER\tPLUGIN\tWEIGHT\tREADS\tARGUMENTS")
	row := func(point Point, i int, plugin Named, weight string) {
		arguments := "-"
		if a, ok := p.arguments[plugin.Name()]; ok {
			arguments = string(a)
		}
		fmt.Fprintf(t, "%s\t%d\t%s\t%s\t%s\t%s\n", point, i+1, plugin.Name(), weight, reads(plugin), arguments)
	}
	for i, f := range p.Pipeline.Filters {
		row(Filter, i, f, "-")
	}
	for i, s := range p.Pipeline.Scores {
		row(Score, i, s.Plugin, fmt.Sprint(s.Weight))
	}
	for i, e := range p.Pipeline.Estimates {
		row(Estimate, i, e, "-")
	}
	row(Select, 0, p.Pipeline.Select, "-")
	row(Assign, 0, p.Pipeline.Assign, "-")
	return t.Flush()
}

// reads says upon which facts the plugin's answer depends, at most; answers of plugins that do not tell are never reused.
func reads(plugin Named) string {
	switch p := plugin.(type) {
	case framework.SharedFilter:
		return p.Reads(everything()).String()
	case framework.SharedEstimate:
		if p.PerShape() {
			return (framework.FactCapacity | framework.FactMembership).String()
		}
	}
	return "(asked every time)"
}

// everything is a query for which a plugin reads all that it ever does.
func everything() *framework.Query {
	affinity := framework.Affinity{Labels: make([]framework.LabelRequirement, 1), Fields: make([]framework.FieldRequirement, 1)}
	placement := &framework.Placement{
		Terms:         []framework.Term{{Affinity: affinity, Overflow: []framework.Affinity{affinity}}},
		StaticWeights: make([]framework.WeightedAffinity, 1),
		Spread:        make([]framework.SpreadConstraint, 1),
	}
	return &framework.Query{Snapshot: framework.NewSnapshot(nil, 1), Request: &framework.Request{Workload: true, Placement: placement}}
}
