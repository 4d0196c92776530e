package conformance

import (
	"fmt"
	"slices"

	"github.com/longshore-project/longshore/scheduler/framework"
)

// clusters returns n members that differ in every fact, the same ones each time.
func clusters(n int) []*framework.Cluster {
	apis := []framework.API{{GroupVersion: "apps/v1", Kind: "Deployment"}, {GroupVersion: "v1", Kind: "ConfigMap"}}
	out := make([]*framework.Cluster, n)
	for i := range out {
		c := &framework.Cluster{
			Name: fmt.Sprintf("member-%05d", i), Provider: pick(i, "aws", "gcp", ""), Region: pick(i/2, "eu-1", "us-1", "ap-1", ""),
			Labels: map[string]string{"tier": pick(i, "gold", "silver"), "accelerator": pick(i/3, "h100", "a100", "none"), "cost": pick(i/4, "0.041", "0.03", "unknown")},
			APIs:   apis[:1+i%2],
		}
		if c.Region != "" {
			c.Zones = []string{c.Region + "a", c.Region + "b"}[:1+i%2]
		}
		if i%5 == 4 {
			c.Taints = []framework.Taint{{Key: "dedicated", Value: "batch", Effect: framework.EffectNoSchedule}}
		}
		if i%7 != 6 {
			c.Summary = summary(int64(i))
		}
		c.Deleting = i%31 == 30
		out[i] = c
	}
	return out
}

func pick(i int, values ...string) string { return values[i%len(values)] }

func summary(i int64) *framework.Summary {
	s := &framework.Summary{
		Allocatable: framework.NewResources(map[string]int64{"cpu": 64_000 + i%10*1000, "memory": 256 << 30, "pods": 110 + i%40, "nvidia.com/gpu": i % 9}),
		Used:        framework.NewResources(map[string]int64{"cpu": i % 64 * 1000, "memory": i % 8 << 30, "pods": i % 90}),
	}
	if i%11 == 3 {
		s.Grades = []framework.Grade{{Count: 2 + i%3, Min: framework.NewResources(map[string]int64{"cpu": 8000, "memory": 16 << 30})}}
	}
	return s
}

// requests returns requests of every kind.
func requests() []*framework.Request {
	base := func(key string, change func(*framework.Request)) *framework.Request {
		r := &framework.Request{
			Key: key, API: framework.API{GroupVersion: "apps/v1", Kind: "Deployment"}, Workload: true, Replicas: 12,
			Requirements: framework.NewResources(map[string]int64{"cpu": 500, "memory": 1 << 30}), Shape: "half a core",
			Placement: placement(framework.DynamicWeight),
		}
		change(r)
		return r
	}
	return []*framework.Request{
		base("duplicated", func(r *framework.Request) { r.Placement = placement(framework.Duplicated) }),
		base("weighted", func(r *framework.Request) { r.Placement = weighted() }),
		base("dynamic", func(*framework.Request) {}),
		base("aggregated", func(r *framework.Request) { r.Placement = placement(framework.Aggregated) }),
		base("without replicas", func(r *framework.Request) { r.Replicas = 0 }),
		base("without requirements", func(r *framework.Request) { r.Requirements, r.Shape = nil, "" }),
		base("config", func(r *framework.Request) {
			r.API, r.Workload, r.Replicas, r.Requirements = framework.API{GroupVersion: "v1", Kind: "ConfigMap"}, false, 0, nil
		}),
		base("components", func(r *framework.Request) {
			r.Components = []framework.Component{{Name: "driver", Replicas: 1}, {Name: "worker", Replicas: 3, Requirements: r.Requirements}}
		}),
		base("running", func(r *framework.Request) {
			r.Current = []framework.Assignment{{Cluster: "member-00001", Replicas: 7}, {Cluster: "gone", Replicas: 5}}
			r.Evicting = []string{"member-00002", "gone"}
		}),
		base("fresh", func(r *framework.Request) { r.Fresh, r.NamesDescending = true, true }),
		base("among peers", func(r *framework.Request) {
			r.Peers = &framework.Peers{
				Namespace: "shop", AffinityGroup: "checkout", Bound: true, Together: []string{"member-00001", "member-00003", "gone"},
				AntiAffinityGroup: "databases", Apart: []string{"member-00003", "gone"},
			}
		}),
		base("first of its group", func(r *framework.Request) {
			r.Peers = &framework.Peers{Namespace: "shop", AffinityGroup: "checkout"}
		}),
		base("accelerated", func(r *framework.Request) {
			r.Requirements = framework.NewResources(map[string]int64{"nvidia.com/gpu": 1})
		}),
	}
}

func placement(s framework.Strategy) *framework.Placement {
	return &framework.Placement{
		Fingerprint: "placement " + s.String(), Strategy: s, StrategyStated: true,
		Terms: []framework.Term{{Affinity: framework.Affinity{
			Labels: []framework.LabelRequirement{{Key: "tier", Operator: framework.In, Values: []string{"gold", "silver"}}},
			Fields: []framework.FieldRequirement{{Field: framework.FieldRegion, Operator: framework.NotIn, Values: []string{"ap-1"}}},
		}}},
		Tolerations: []framework.Toleration{{Key: "dedicated", Value: "interactive"}},
		Spread:      []framework.SpreadConstraint{{Key: framework.SpreadByCluster, MinGroups: 1, MaxGroups: 4}},
	}
}

func weighted() *framework.Placement {
	p := placement(framework.StaticWeight)
	p.Fingerprint, p.Spread = "weighted", nil
	p.Terms[0].Affinity = framework.Affinity{Exclude: []string{"member-00003"}}
	p.StaticWeights = []framework.WeightedAffinity{
		{Affinity: framework.Affinity{Names: []string{"member-00001"}}, Weight: 3},
		{Affinity: framework.Affinity{Names: []string{"member-00002", "member-00004"}}, Weight: 1},
	}
	return p
}

func query(s *framework.Snapshot, r *framework.Request) *framework.Query {
	q := &framework.Query{Snapshot: s, Request: r}
	if len(r.Placement.StaticWeights) > 0 {
		q.Weights = s.Weights(r.Placement.StaticWeights)
	}
	return q
}

// question returns the usual question: about 40 clusters and the request of the key.
func question(key string) *framework.Query {
	all := requests()
	i := slices.IndexFunc(all, func(r *framework.Request) bool { return r.Key == key })
	return query(framework.NewSnapshot(clusters(40), 1), all[i])
}
