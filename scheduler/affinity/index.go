// Package affinity keeps where the members of workload groups run, so that a request can be told where its peers are without looking at every
// binding. An update costs as much as the binding has targets, a question as much as its groups have clusters.
package affinity

import (
	"maps"
	"slices"

	"github.com/longshore-project/longshore/scheduler/framework"
)

// Membership is what the index must know of one binding.
type Membership struct {
	// Namespace of the binding, empty for a cluster-scoped one. Groups of different namespaces have nothing to do with each other.
	Namespace string
	// Affinity and AntiAffinity are the names of its groups, empty for none.
	Affinity, AntiAffinity string
	// Targets is the names of the clusters to which it is scheduled. Without any it is not scheduled and binds nobody.
	Targets []string
}

// Index is the set of all memberships, the latest that was put for each binding. The zero value is empty and ready. It is not safe for
// concurrent use.
type Index struct {
	members map[string]Membership
	groups  map[groupKey]*group
}

// groupKey names a group; the same name can be used for an affinity and an anti-affinity group, which are two groups then.
type groupKey struct {
	namespace, name string
	anti            bool
}

// group counts scheduled members, in all and by cluster.
type group struct {
	scheduled int
	on        map[string]int
}

// Put records the membership of the binding called key in place of the one before, and returns the subjects of framework.FactPeers of which a
// member may pass a cluster now that it did not before: whoever waits for one of them is to be woken. That is each affinity group of which the
// binding was a scheduled member, and each such anti-affinity group that left a cluster with it. Record a decision when it is made; what the watch
// reports later is then no change. Targets is kept: read only from then on.
func (x *Index) Put(key string, m Membership) []string {
	old := x.members[key]
	if old.equal(&m) {
		return nil
	}
	if m.Affinity == "" && m.AntiAffinity == "" {
		delete(x.members, key)
	} else {
		if x.members == nil {
			x.members, x.groups = map[string]Membership{}, map[groupKey]*group{}
		}
		x.members[key] = m
	}
	x.count(&old, -1)
	x.count(&m, 1)
	return x.eased(&old)
}

// Delete forgets the binding called key and returns the subjects that changed with it, like Put.
func (x *Index) Delete(key string) []string { return x.Put(key, Membership{}) }

// eased returns the subjects of the groups in which a cluster may pass that did not while one member was as before. A member that is new to a
// group makes nothing pass: it can only take clusters from the others.
func (x *Index) eased(before *Membership) []string {
	if len(before.Targets) == 0 {
		return nil
	}
	var out []string
	for _, k := range before.groups() {
		if !k.anti || x.left(k, before.Targets) {
			out = append(out, framework.PeersSubject(k.namespace, k.name))
		}
	}
	return distinct(out)
}

// left reports whether the group runs no longer on one of the clusters.
func (x *Index) left(k groupKey, clusters []string) bool {
	g := x.groups[k]
	return slices.ContainsFunc(clusters, func(name string) bool { return g == nil || g.on[name] == 0 })
}

func (m *Membership) equal(o *Membership) bool {
	return m.Namespace == o.Namespace && m.Affinity == o.Affinity && m.AntiAffinity == o.AntiAffinity && sameTargets(m.Targets, o.Targets)
}

// Peers returns where the other members of the groups of m run, for the binding called key, or nil when it is in no group. What the index
// holds about the binding itself does not count; the targets of m play no role.
func (x *Index) Peers(key string, m Membership) *framework.Peers {
	if m.Affinity == "" && m.AntiAffinity == "" {
		return nil
	}
	out := &framework.Peers{Namespace: m.Namespace, AffinityGroup: m.Affinity, AntiAffinityGroup: m.AntiAffinity}
	if m.Affinity != "" {
		others, counts := x.others(key, groupKey{m.Namespace, m.Affinity, false})
		out.Bound = others > 0
		for name, n := range counts {
			if n == others && others > 0 {
				out.Together = append(out.Together, name)
			}
		}
	}
	if m.AntiAffinity != "" {
		_, counts := x.others(key, groupKey{m.Namespace, m.AntiAffinity, true})
		out.Apart = slices.Collect(maps.Keys(counts))
	}
	slices.Sort(out.Together)
	slices.Sort(out.Apart)
	return out
}

// others returns how many members of the group are scheduled beside the binding called key, and how many of them to each cluster.
func (x *Index) others(key string, k groupKey) (scheduled int, counts map[string]int) {
	g := x.groups[k]
	if g == nil {
		return 0, nil
	}
	self, ok := x.members[key]
	if !ok || len(self.Targets) == 0 || !slices.Contains(self.groups(), k) {
		return g.scheduled, g.on
	}
	counts = maps.Clone(g.on)
	for _, name := range distinct(self.Targets) {
		subtract(counts, name)
	}
	return g.scheduled - 1, counts
}

// count adds the member to its groups, or takes it out when by is −1.
func (x *Index) count(m *Membership, by int) {
	targets := distinct(m.Targets)
	if len(targets) == 0 {
		return
	}
	for _, k := range m.groups() {
		g := x.groups[k]
		if g == nil {
			g = &group{on: map[string]int{}}
			x.groups[k] = g
		}
		g.scheduled += by
		for _, name := range targets {
			if by > 0 {
				g.on[name]++
			} else {
				subtract(g.on, name)
			}
		}
		if g.scheduled == 0 {
			delete(x.groups, k)
		}
	}
}

func (m *Membership) groups() []groupKey {
	var out []groupKey
	if m.Affinity != "" {
		out = append(out, groupKey{m.Namespace, m.Affinity, false})
	}
	if m.AntiAffinity != "" {
		out = append(out, groupKey{m.Namespace, m.AntiAffinity, true})
	}
	return out
}

// subtract drops a count that reaches zero.
func subtract(counts map[string]int, name string) {
	if counts[name]--; counts[name] <= 0 {
		delete(counts, name)
	}
}

func distinct(names []string) []string {
	return slices.Compact(slices.Sorted(slices.Values(names)))
}

func sameTargets(a, b []string) bool {
	return slices.Equal(a, b) || slices.Equal(distinct(a), distinct(b))
}
