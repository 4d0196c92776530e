package wire

import (
	"cmp"
	"maps"
	"slices"

	pluginv1 "github.com/longshore-project/longshore/plugins/proto/v1"
	"github.com/longshore-project/longshore/scheduler/framework"
)

// fromCluster states the given facts about now. Old is what the peer knows, nil for a cluster that is new to it.
func fromCluster(old, now *framework.Cluster, facts framework.Facts, apis *apiLists) *pluginv1.Cluster {
	c := &pluginv1.Cluster{Name: now.Name, Stated: uint32(facts)}
	if facts&framework.FactMembership != 0 {
		c.Deleting = now.Deleting
	}
	if facts&framework.FactLabels != 0 {
		c.Labels = fromLabels(now.Labels)
	}
	if facts&framework.FactTaints != 0 {
		for _, t := range now.Taints {
			c.Taints = append(c.Taints, &pluginv1.Taint{Key: t.Key, Value: t.Value, Effect: t.Effect})
		}
	}
	if facts&framework.FactAPIs != 0 {
		c.ApiList = apis.position(now.APIs)
	}
	if facts&framework.FactTopology != 0 {
		c.Provider, c.Region, c.Zones = now.Provider, now.Region, now.Zones
	}
	if facts&framework.FactCapacity != 0 {
		c.Reserved = fromResources(now.Reserved)
		if c.SameSummary = old != nil && old.Summary == now.Summary; !c.SameSummary {
			c.Summary = fromSummary(now.Summary)
		}
	}
	return c
}

// toCluster returns what is known after c was said about old. Old stays as it is.
func toCluster(old *framework.Cluster, c *pluginv1.Cluster, apis [][]framework.API) *framework.Cluster {
	now := framework.Cluster{Name: c.GetName()}
	if old != nil {
		now = *old
	}
	facts := framework.Facts(c.GetStated())
	if facts&framework.FactMembership != 0 {
		now.Deleting = c.GetDeleting()
	}
	if facts&framework.FactLabels != 0 {
		now.Labels = toLabels(c.GetLabels())
	}
	if facts&framework.FactTaints != 0 {
		now.Taints = toTaints(c.GetTaints())
	}
	if facts&framework.FactAPIs != 0 {
		now.APIs = nil
		if p := int(c.GetApiList()); p > 0 && p <= len(apis) {
			now.APIs = apis[p-1]
		}
	}
	if facts&framework.FactTopology != 0 {
		now.Provider, now.Region, now.Zones = c.GetProvider(), c.GetRegion(), c.GetZones()
	}
	if facts&framework.FactCapacity != 0 {
		now.Reserved = toResources(c.GetReserved())
		if !c.GetSameSummary() {
			now.Summary = toSummary(c.GetSummary())
		}
	}
	return &now
}

func fromLabels(labels map[string]string) []*pluginv1.Label {
	out := make([]*pluginv1.Label, 0, len(labels))
	for _, key := range slices.Sorted(maps.Keys(labels)) {
		out = append(out, &pluginv1.Label{Key: key, Value: labels[key]})
	}
	return out
}

func toLabels(labels []*pluginv1.Label) map[string]string {
	out := make(map[string]string, len(labels))
	for _, l := range labels {
		out[l.GetKey()] = l.GetValue()
	}
	return out
}

func toTaints(taints []*pluginv1.Taint) []framework.Taint {
	out := make([]framework.Taint, len(taints))
	for i, t := range taints {
		out[i] = framework.Taint{Key: t.GetKey(), Value: t.GetValue(), Effect: t.GetEffect()}
	}
	return out
}

func fromResources(r framework.Resources) []*pluginv1.Resource {
	out := make([]*pluginv1.Resource, len(r))
	for i, a := range r {
		out[i] = &pluginv1.Resource{Name: a.Name, Amount: a.Amount}
	}
	return out
}

// toResources keeps the framework's promise that names are sorted and unique, whatever the peer sent: of one name the last counts.
func toResources(r []*pluginv1.Resource) framework.Resources {
	if len(r) == 0 {
		return nil
	}
	out := make(framework.Resources, len(r))
	sorted := true
	for i, a := range r {
		out[i] = framework.ResourceAmount{Name: a.GetName(), Amount: a.GetAmount()}
		sorted = sorted && (i == 0 || out[i-1].Name < out[i].Name)
	}
	if sorted {
		return out
	}
	amounts := make(map[string]int64, len(out))
	for _, a := range out {
		amounts[a.Name] = a.Amount
	}
	return framework.NewResources(amounts)
}

func fromSummary(s *framework.Summary) *pluginv1.Summary {
	if s == nil {
		return nil
	}
	out := &pluginv1.Summary{Allocatable: fromResources(s.Allocatable), Used: fromResources(s.Used)}
	for _, g := range s.Grades {
		out.Grades = append(out.Grades, &pluginv1.Grade{Count: g.Count, Min: fromResources(g.Min)})
	}
	return out
}

func toSummary(s *pluginv1.Summary) *framework.Summary {
	if s == nil {
		return nil
	}
	out := &framework.Summary{Allocatable: toResources(s.GetAllocatable()), Used: toResources(s.GetUsed())}
	for _, g := range s.GetGrades() {
		out.Grades = append(out.Grades, framework.Grade{Count: g.GetCount(), Min: toResources(g.GetMin())})
	}
	return out
}

// apiLists collects the different lists of APIs of one message: members of one version serve the same hundred kinds or so.
type apiLists struct {
	lists [][]framework.API
	// byLength finds candidates for equality; lists of one fleet differ in few ways.
	byLength map[int][]uint32
}

// position returns where the list is in the message, counted from 1; zero for an empty list.
func (l *apiLists) position(apis []framework.API) uint32 {
	if len(apis) == 0 {
		return 0
	}
	for _, p := range l.byLength[len(apis)] {
		if known := l.lists[p-1]; &known[0] == &apis[0] || slices.Equal(known, apis) {
			return p
		}
	}
	if l.byLength == nil {
		l.byLength = map[int][]uint32{}
	}
	l.lists = append(l.lists, apis)
	p := uint32(len(l.lists))
	l.byLength[len(apis)] = append(l.byLength[len(apis)], p)
	return p
}

func (l *apiLists) messages() []*pluginv1.ApiList {
	out := make([]*pluginv1.ApiList, len(l.lists))
	for i, list := range l.lists {
		out[i] = &pluginv1.ApiList{Apis: make([]*pluginv1.Api, len(list))}
		for j, api := range list {
			out[i].Apis[j] = fromAPI(api)
		}
	}
	return out
}

func toAPILists(lists []*pluginv1.ApiList) [][]framework.API {
	out := make([][]framework.API, len(lists))
	for i, list := range lists {
		out[i] = make([]framework.API, len(list.GetApis()))
		for j, api := range list.GetApis() {
			out[i][j] = toAPI(api)
		}
	}
	return out
}

func fromAPI(a framework.API) *pluginv1.Api {
	return &pluginv1.Api{GroupVersion: a.GroupVersion, Kind: a.Kind}
}

func toAPI(a *pluginv1.Api) framework.API {
	return framework.API{GroupVersion: a.GetGroupVersion(), Kind: a.GetKind()}
}

func byName(a, b *framework.Cluster) int { return cmp.Compare(a.Name, b.Name) }
