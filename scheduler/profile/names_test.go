package profile

import (
	"context"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	schedulerv1alpha1 "github.com/longshore-project/longshore/apis/scheduler/v1alpha1"
	"github.com/longshore-project/longshore/scheduler/framework"
)

// even is a score that needs no arguments and is not asked by default.
type even struct{}

func (even) Name() string { return "Even" }

func (even) Score(context.Context, *framework.Query, framework.Bitset, []int64) error { return nil }

func TestChoose(t *testing.T) {
	const rest = " ResourceSummary ClusterSelection ReplicaDivision"
	const filters = "ClusterAffinity TaintToleration APIEnablement SpreadConstraint ClusterEviction"
	tests := []struct{ names, want, says string }{
		{names: "*", want: filters + " ClusterLocality=1" + rest},
		{names: "*,-ClusterLocality", want: filters + rest},
		{names: "-TaintToleration, *", want: "ClusterAffinity APIEnablement SpreadConstraint ClusterEviction ClusterLocality=1" + rest},
		{names: "ClusterEviction,ClusterAffinity", want: "ClusterAffinity ClusterEviction" + rest},
		{names: "*,Even", want: filters + " ClusterLocality=1 Even=1" + rest},
		{names: "*,-Even", want: filters + " ClusterLocality=1" + rest},
		{names: "*,Nope", says: `"Nope" is no filter or score; these are APIEnablement, ClusterAffinity, ClusterEviction, ClusterLocality, Costly, Even, SpreadConstraint, TaintToleration`},
		{names: "*,-ReplicaDivision", says: `"ReplicaDivision" is no filter or score; these are APIEnablement, ClusterAffinity, ClusterEviction, ClusterLocality, Costly, Even, SpreadConstraint, TaintToleration`},
		{names: "*,Costly", says: "Costly needs arguments: enable it in a configuration file instead"},
		{names: "Even,-Even", says: "Even is both enabled and left out"},
		{names: "-*", says: `"*" is no filter or score; these are APIEnablement, ClusterAffinity, ClusterEviction, ClusterLocality, Costly, Even, SpreadConstraint, TaintToleration`},
		{names: "-Even", says: "nothing is enabled: write * for the default plugins"},
	}
	for _, tt := range tests {
		t.Run(tt.names, func(t *testing.T) {
			r := NewRegistry(defaults(), costly{}, even{})
			plugins, err := r.Choose(strings.Split(tt.names, ","))
			if tt.says != "" {
				if err == nil || err.Error() != tt.says {
					t.Errorf("error is %v, want %s", err, tt.says)
				}
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			c := &schedulerv1alpha1.SchedulerConfiguration{Profiles: []schedulerv1alpha1.SchedulerProfile{{Plugins: plugins}}}
			schedulerv1alpha1.SetDefaults(c)
			built, faults := Build(c, r, NotStarted)
			if faults != nil {
				t.Fatal(faults)
			}
			if diff := cmp.Diff(strings.Fields(tt.want), order(&built[0])); diff != "" {
				t.Errorf("plugins (-want +got):\n%s", diff)
			}
		})
	}
}
