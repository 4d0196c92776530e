package framework

import (
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestGroups(t *testing.T) {
	a := &Cluster{Name: "a", Region: "eu", Zones: []string{"eu-2", "eu-1"}, Labels: map[string]string{"rack": "r1"}}
	b := &Cluster{Name: "b", Region: "us", Zones: []string{"us-1"}, Labels: map[string]string{"rack": ""}}
	c := &Cluster{Name: "c", Region: "eu", Zones: []string{"eu-1"}}
	d := &Cluster{Name: "d"}
	s := NewSnapshot([]*Cluster{a, b, c, d}, 1)
	tests := []struct {
		name       string
		constraint SpreadConstraint
		want       *Groups
	}{
		{name: "cluster", constraint: SpreadConstraint{Key: SpreadByCluster}},
		{
			name: "one each", constraint: SpreadConstraint{Key: SpreadByRegion},
			want: &Groups{Names: []string{"eu", "us"}, Group: []int32{0, 1, 0, NoGroup}},
		},
		{
			name: "several each", constraint: SpreadConstraint{Key: SpreadByZone},
			want: &Groups{Names: []string{"eu-1", "eu-2", "us-1"}, Start: []int32{0, 2, 3, 4, 4}, Group: []int32{0, 1, 2, 0}},
		},
		{
			name: "an empty value is no group", constraint: SpreadConstraint{Label: "rack"},
			want: &Groups{Names: []string{"r1"}, Group: []int32{0, NoGroup, NoGroup, NoGroup}},
		},
		{
			name: "nobody has one", constraint: SpreadConstraint{Key: SpreadByProvider},
			want: &Groups{Group: []int32{NoGroup, NoGroup, NoGroup, NoGroup}},
		},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			if diff := cmp.Diff(tt.want, s.Groups(tt.constraint)); diff != "" {
				t.Errorf("Groups (-want +got):\n%s", diff)
			}
		})
	}
	if got := s.WithLabel("rack").AppendRows(nil); !cmp.Equal(got, []int32{0}) {
		t.Errorf("rows with a rack are %v, want [0]", got)
	}
}

func TestGroupsAreKeptWhileTopologyAndLabelsStay(t *testing.T) {
	byRegion := SpreadConstraint{Key: SpreadByRegion}
	s := NewSnapshot([]*Cluster{{Name: "a", Region: "eu"}}, 1)
	first := s.Groups(byRegion)
	full := s.With(2, &Cluster{Name: "a", Region: "eu", Reserved: NewResources(map[string]int64{"cpu": 1})})
	if full.Groups(byRegion) != first {
		t.Error("a change of capacity made new groups")
	}
	moved := full.With(3, &Cluster{Name: "a", Region: "us"})
	if diff := cmp.Diff([]string{"us"}, moved.Groups(byRegion).Names); diff != "" {
		t.Errorf("groups after a move (-want +got):\n%s", diff)
	}
	if diff := cmp.Diff([]string{"eu"}, s.Groups(byRegion).Names); diff != "" {
		t.Errorf("groups of the old snapshot (-want +got):\n%s", diff)
	}
}
