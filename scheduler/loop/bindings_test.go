package loop

import (
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"

	policyv1alpha1 "github.com/longshore-project/longshore/apis/policy/v1alpha1"
	workv1alpha2 "github.com/longshore-project/longshore/apis/work/v1alpha2"
	"github.com/longshore-project/longshore/scheduler/framework"
)

func namesOf(entries []*entry) []string {
	var out []string
	for _, e := range entries {
		out = append(out, e.key.Name)
	}
	slices.Sort(out)
	return out
}

func TestBindingsFindsWhomAClusterConcerns(t *testing.T) {
	x := newBindings()
	add := func(name string, change ...func(*workv1alpha2.ResourceBinding)) *workv1alpha2.ResourceBinding {
		b := placed(change...)
		b.Name = name
		x.put(keyOf(b), b)
		return b
	}
	duplicated := func(clusters ...string) func(*workv1alpha2.ResourceBinding) {
		return func(b *workv1alpha2.ResourceBinding) {
			b.Spec.Placement.ReplicaScheduling = nil
			b.Spec.Placement.ClusterAffinity = &policyv1alpha1.ClusterAffinity{ClusterNames: clusters}
		}
	}
	add("divided")
	add("everywhere", duplicated())
	only := add("only-a", duplicated("a"))
	terms := add("terms", duplicated(), func(b *workv1alpha2.ResourceBinding) {
		b.Spec.Placement.ClusterAffinity = nil
		b.Spec.Placement.ClusterAffinities = []policyv1alpha1.ClusterAffinityTerm{
			{AffinityName: "one", ClusterAffinity: policyv1alpha1.ClusterAffinity{ClusterNames: []string{"x"}}},
			{AffinityName: "two", ClusterAffinity: policyv1alpha1.ClusterAffinity{ClusterNames: []string{"b"}}},
		}
	})
	expect := func(cluster string, followers, on []string) {
		t.Helper()
		if diff := cmp.Diff(followers, namesOf(x.followersOf(&framework.Cluster{Name: cluster}))); diff != "" {
			t.Errorf("followers of %s (-want +got):\n%s", cluster, diff)
		}
		if diff := cmp.Diff(on, namesOf(x.on(cluster))); diff != "" {
			t.Errorf("bindings on %s (-want +got):\n%s", cluster, diff)
		}
	}
	all := []string{"divided", "everywhere", "only-a", "terms"}
	expect("a", []string{"everywhere", "only-a"}, all)
	expect("b", []string{"everywhere", "terms"}, all)
	expect("c", []string{"everywhere"}, nil)

	// A change of the status keeps the class; a change of the spec does not.
	before, _ := x.get(keyOf(terms))
	churned := terms.DeepCopy()
	churned.Status.SchedulerObservedGeneration = 7
	x.put(keyOf(churned), churned)
	if after, _ := x.get(keyOf(terms)); after.class != before.class || after.binding != workv1alpha2.Binding(churned) {
		t.Error("a change of the status gave the binding another class, or was not taken over")
	}
	moved := only.DeepCopy()
	moved.Generation++
	moved.Spec.Placement.ClusterAffinity.ClusterNames = []string{"c"}
	moved.Spec.Clusters = []workv1alpha2.TargetCluster{{Name: "c"}}
	x.put(keyOf(moved), moved)
	expect("a", []string{"everywhere"}, []string{"divided", "everywhere", "terms"})
	expect("c", []string{"everywhere", "only-a"}, []string{"only-a"})

	for _, name := range all {
		b := placed()
		b.Name = name
		if !x.delete(keyOf(b)) || x.delete(keyOf(b)) {
			t.Errorf("delete of %s does not report what it did", name)
		}
	}
	if len(x.entries)+len(x.classes)+len(x.byTarget) != 0 {
		t.Errorf("%d entries, %d classes and %d targets are left of nothing", len(x.entries), len(x.classes), len(x.byTarget))
	}
}

func TestCured(t *testing.T) {
	base := func() *framework.Cluster {
		return &framework.Cluster{
			Name: "a", Taints: []framework.Taint{{Key: "k", Effect: framework.EffectNoSchedule}},
			Summary:  &framework.Summary{Allocatable: framework.NewResources(map[string]int64{"cpu": 10}), Used: framework.NewResources(map[string]int64{"cpu": 5})},
			Reserved: framework.NewResources(map[string]int64{"cpu": 2}),
		}
	}
	becamePods := func(c *framework.Cluster) { c.Summary.Used[0].Amount, c.Reserved = 7, nil }
	tests := []struct {
		name   string
		change func(*framework.Cluster)
		want   []framework.Cure
	}{
		{name: "heartbeat", change: func(*framework.Cluster) {}},
		{name: "less room", change: func(c *framework.Cluster) { c.Summary.Used[0].Amount = 6 }},
		{name: "more room", change: func(c *framework.Cluster) { c.Summary.Used[0].Amount = 4 }, want: []framework.Cure{{Fact: framework.FactCapacity}}},
		{name: "reservations became pods", change: becamePods},
		{
			name: "reservations became pods that estimators counted already", want: []framework.Cure{{Fact: framework.FactCapacity}},
			change: func(c *framework.Cluster) { becamePods(c); c.Estimates = 1 },
		},
		{name: "report withdrawn", change: func(c *framework.Cluster) { c.Summary = nil }},
		{name: "taint gone", change: func(c *framework.Cluster) { c.Taints = nil }, want: []framework.Cure{{Fact: framework.FactTaints, Subject: "k"}}},
		{name: "taint added", change: func(c *framework.Cluster) {
			c.Taints = append(c.Taints, framework.Taint{Key: "l", Effect: framework.EffectNoSchedule})
		}},
		{name: "kind served", change: func(c *framework.Cluster) { c.APIs = []framework.API{{GroupVersion: "v1", Kind: "Pod"}} }, want: []framework.Cure{{Fact: framework.FactAPIs, Subject: "v1/Pod"}}},
		{name: "label", change: func(c *framework.Cluster) { c.Labels = map[string]string{"a": "b"} }, want: []framework.Cure{{Fact: framework.FactLabels}}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			before, now := base(), base()
			tt.change(now)
			if diff := cmp.Diff(tt.want, cured(before, now, framework.Differences(before, now))); diff != "" {
				t.Errorf("cured (-want +got):\n%s", diff)
			}
		})
	}
}
