package wire_test

import (
	"fmt"
	"testing"

	"github.com/longshore-project/longshore/plugins/wire"
	"github.com/longshore-project/longshore/scheduler/framework"
)

// BenchmarkDelta tells that a decision reserved something on one cluster, which comes before nearly every question.
func BenchmarkDelta(b *testing.B) {
	for _, n := range []int{100, 1000, 10_000} {
		b.Run(fmt.Sprintf("clusters=%d", n), func(b *testing.B) {
			clusters := make([]*framework.Cluster, n)
			for i := range clusters {
				clusters[i] = &framework.Cluster{Name: fmt.Sprintf("member-%05d", i), Summary: &framework.Summary{}}
			}
			before := framework.NewSnapshot(clusters, 1)
			reserved := *clusters[n/2]
			reserved.Reserved = framework.NewResources(map[string]int64{"cpu": 500})
			after := before.With(2, &reserved)
			b.ReportAllocs()
			for b.Loop() {
				if got := wire.FromSnapshot(before, after, 1, framework.AllFacts); len(got) != 1 || len(got[0].GetClusters()) != 1 {
					b.Fatalf("told %v", got)
				}
			}
		})
	}
}
