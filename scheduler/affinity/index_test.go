package affinity_test

import (
	"fmt"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	"pgregory.net/rapid"

	"github.com/longshore-project/longshore/scheduler/affinity"
	"github.com/longshore-project/longshore/scheduler/framework"
)

func TestPutNamesWhatChanged(t *testing.T) {
	var x affinity.Index
	web := affinity.Membership{Namespace: "shop", Affinity: "app=web", AntiAffinity: "zone=a"}
	steps := []struct {
		name    string
		targets []string
		want    []string
	}{
		{name: "an unscheduled member binds nobody"},
		{name: "a new member eases nothing", targets: []string{"a", "b"}},
		{name: "the same again", targets: []string{"b", "a"}},
		{name: "left one cluster", targets: []string{"b"}, want: []string{"shop/app=web", "shop/zone=a"}},
		{name: "took another", targets: []string{"b", "c"}, want: []string{"shop/app=web"}},
	}
	for _, step := range steps {
		web.Targets = step.targets
		if diff := cmp.Diff(step.want, x.Put("shop/web", web), cmpopts.EquateEmpty()); diff != "" {
			t.Errorf("%s (-want +got):\n%s", step.name, diff)
		}
	}
	if diff := cmp.Diff([]string{"shop/app=web", "shop/zone=a"}, x.Delete("shop/web")); diff != "" {
		t.Errorf("deleted (-want +got):\n%s", diff)
	}
}

// TestPeersAgainstAScan compares the index with looking at all bindings.
func TestPeersAgainstAScan(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		var x affinity.Index
		all := map[string]affinity.Membership{}
		for range rapid.IntRange(0, 30).Draw(t, "changes") {
			key := fmt.Sprint(rapid.IntRange(0, 5).Draw(t, "binding"))
			if rapid.IntRange(0, 5).Draw(t, "deletes") == 0 {
				delete(all, key)
				x.Delete(key)
				continue
			}
			m := affinity.Membership{
				Namespace: rapid.SampledFrom([]string{"n", "m"}).Draw(t, "namespace"),
				Affinity:  rapid.SampledFrom([]string{"", "g", "h"}).Draw(t, "affinity"), AntiAffinity: rapid.SampledFrom([]string{"", "g", "h"}).Draw(t, "anti"),
				Targets: rapid.SliceOfN(rapid.SampledFrom([]string{"a", "b", "c", "d"}), 0, 4).Draw(t, "targets"),
			}
			all[key] = m
			x.Put(key, m)
		}
		key := fmt.Sprint(rapid.IntRange(0, 6).Draw(t, "who"))
		me := all[key]
		if diff := cmp.Diff(scan(all, key, me), x.Peers(key, me), cmpopts.EquateEmpty()); diff != "" {
			t.Fatalf("peers of %s %+v among %+v (-scan +index):\n%s", key, me, all, diff)
		}
	})
}

func scan(all map[string]affinity.Membership, key string, me affinity.Membership) *framework.Peers {
	if me.Affinity == "" && me.AntiAffinity == "" {
		return nil
	}
	out := &framework.Peers{Namespace: me.Namespace, AffinityGroup: me.Affinity, AntiAffinityGroup: me.AntiAffinity}
	together := []string{"a", "b", "c", "d"}
	for other, m := range all {
		if other == key || m.Namespace != me.Namespace || len(m.Targets) == 0 {
			continue
		}
		if me.Affinity != "" && m.Affinity == me.Affinity {
			out.Bound = true
			together = slices.DeleteFunc(together, func(name string) bool { return !slices.Contains(m.Targets, name) })
		}
		if me.AntiAffinity != "" && m.AntiAffinity == me.AntiAffinity {
			out.Apart = append(out.Apart, m.Targets...)
		}
	}
	if out.Bound {
		out.Together = together
	}
	slices.Sort(out.Apart)
	out.Apart = slices.Compact(out.Apart)
	return out
}

// TestCostDoesNotGrowWithBindings counts what a question and an update allocate, which is in proportion to the entries that they copy.
func TestCostDoesNotGrowWithBindings(t *testing.T) {
	cost := func(bindings int) (question, update float64) {
		var x affinity.Index
		for i := range bindings {
			x.Put(fmt.Sprintf("shop/%d", i), affinity.Membership{Namespace: "shop", Affinity: "app=web", AntiAffinity: fmt.Sprint(i % 7), Targets: []string{"a", "b", "c"}})
		}
		me := affinity.Membership{Namespace: "shop", Affinity: "app=web", AntiAffinity: "1", Targets: []string{"b"}}
		elsewhere := me
		elsewhere.Targets = []string{"c"}
		question = testing.AllocsPerRun(10, func() { x.Peers("shop/1", me) })
		update = testing.AllocsPerRun(10, func() { x.Put("shop/1", me); x.Put("shop/1", elsewhere) })
		return question, update
	}
	question, update := cost(10)
	if question == 0 || update == 0 {
		t.Fatal("nothing is allocated, so nothing is counted")
	}
	for _, bindings := range []int{1_000, 10_000} {
		if q, u := cost(bindings); q != question || u != update {
			t.Errorf("with %d bindings a question allocates %v times and an update %v times, with 10 bindings %v and %v", bindings, q, u, question, update)
		}
	}
}
