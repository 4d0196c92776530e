package pipeline_test

import (
	"flag"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/longshore-project/longshore/scheduler/framework"
)

var update = flag.Bool("update", false, "write the golden files")

func at(provider, region string, zones ...string) func(*framework.Cluster) {
	return func(c *framework.Cluster) { c.Provider, c.Region, c.Zones = provider, region, zones }
}

func labelled(key, value string) func(*framework.Cluster) {
	return func(c *framework.Cluster) { c.Labels = map[string]string{key: value} }
}

func spreadByLabel(key string, least, most int64) func(*framework.Request) {
	return func(r *framework.Request) {
		r.Placement.Spread = append(r.Placement.Spread, framework.SpreadConstraint{Label: key, MinGroups: least, MaxGroups: most})
	}
}

// sites returns clusters at two providers, in three regions and five zones; south has no region and tok is full.
func sites() []*framework.Cluster {
	return []*framework.Cluster{
		member("fra1", 10, at("aws", "eu", "eu-1"), labelled("rack", "r1")),
		member("fra2", 4, at("aws", "eu", "eu-2", "eu-3"), labelled("rack", "r2")),
		member("ber", 7, at("gcp", "eu", "eu-3"), labelled("rack", "r1")),
		member("nyc", 6, at("gcp", "us", "us-1"), labelled("rack", "r3")),
		member("old", 9, at("gcp", "us", "us-1"), tainted("maintenance")),
		member("south", 9, at("gcp", "")),
		member("tok", 0, at("aws", "asia", "asia-1"), labelled("rack", "r4")),
	}
}

func TestExplanations(t *testing.T) {
	tests := []struct {
		name    string
		request *framework.Request
	}{
		{name: "unconstrained", request: request(8, framework.DynamicWeight)},
		{name: "regions and clusters", request: request(8, framework.DynamicWeight, spread(framework.SpreadByRegion, 2, 2), spread(framework.SpreadByCluster, 2, 3))},
		{
			name: "every key at once",
			request: request(6, framework.Aggregated, spread(framework.SpreadByProvider, 2, 0), spread(framework.SpreadByRegion, 2, 2),
				spread(framework.SpreadByZone, 2, 3), spreadByLabel("rack", 2, 3), spread(framework.SpreadByCluster, 2, 4)),
		},
		{
			name: "running replicas stay",
			request: request(8, framework.DynamicWeight, spread(framework.SpreadByZone, 2, 2),
				running(framework.Assignment{Cluster: "nyc", Replicas: 3}, framework.Assignment{Cluster: "fra1", Replicas: 5})),
		},
		{name: "static weights", request: request(7, framework.StaticWeight, weights(map[string]int64{"fra1": 6, "nyc": 1, "ber": 1}), spread(framework.SpreadByRegion, 2, 0))},
		{name: "too few zones have room", request: request(9, framework.DynamicWeight, meaning("tok", "nyc", "fra1"), spread(framework.SpreadByZone, 3, 0))},
		{name: "too few regions", request: request(2, framework.Duplicated, spread(framework.SpreadByRegion, 4, 0))},
		{name: "room under a maximum", request: request(18, framework.DynamicWeight, spread(framework.SpreadByZone, 1, 2))},
		{name: "nowhere enough room", request: request(99, framework.DynamicWeight, spread(framework.SpreadByZone, 1, 2))},
		{name: "joint conflict", request: request(4, framework.Duplicated, spread(framework.SpreadByRegion, 3, 0), spread(framework.SpreadByCluster, 1, 2))},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			d := decide(t, fleet(sites()...), tt.request)
			got := d.Explain()
			for _, c := range d.Cures() {
				got += "  cure: " + strings.TrimSuffix(c.Fact.String()+" "+c.Subject, " ") + "\n"
			}
			golden(t, strings.ReplaceAll(tt.name, " ", "-"), got)
		})
	}
}

func golden(t *testing.T, name, got string) {
	t.Helper()
	path := filepath.Join("testdata", name+".golden")
	if *update {
		if err := os.WriteFile(path, []byte(got), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(string(want), got); diff != "" {
		t.Errorf("explanation (-want +got), run with -update if it is right:\n%s", diff)
	}
}
