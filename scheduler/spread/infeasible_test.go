package spread_test

import (
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/longshore-project/longshore/scheduler/spread"
)

func groups(ids ...int32) spread.Membership { return spread.Membership{Group: ids} }

func TestInfeasibleNamesTheConstraint(t *testing.T) {
	minimum := func(key string, n int64) spread.Constraint {
		return spread.Constraint{Rule: spread.Minimum, Key: key, Value: n}
	}
	maximum := func(key string, n int64) spread.Constraint {
		return spread.Constraint{Rule: spread.Maximum, Key: key, Value: n}
	}
	room := func(n int64) spread.Constraint { return spread.Constraint{Rule: spread.Room, Value: n} }
	tests := []struct {
		name string
		p    spread.Problem
		want spread.Infeasible
	}{
		{
			name: "no candidates",
			p:    spread.Problem{},
			want: spread.Infeasible{Message: "no candidate clusters"},
		},
		{
			name: "nobody has a zone",
			p: spread.Problem{Candidates: 2, Keys: []spread.Key{
				{Name: "region", Membership: groups(0, 1)},
				{Name: "zone", Min: 2, Membership: groups(spread.NoGroup, spread.NoGroup)},
			}},
			want: spread.Infeasible{
				Key: "zone", Need: 2,
				Message: "needs 2 zones; no candidate cluster has a value for every key (zone: 0 of 2)",
			},
		},
		{
			name: "too few regions",
			p:    spread.Problem{Candidates: 3, Keys: []spread.Key{{Name: "region", Min: 3, Membership: groups(0, 1, 1)}}},
			want: spread.Infeasible{
				Conflict: []spread.Constraint{minimum("region", 3)}, Key: "region", Need: 3, Have: 2,
				Message: "needs 3 regions; the candidate clusters have 2",
			},
		},
		{
			name: "minimum above maximum",
			p:    spread.Problem{Candidates: 3, Keys: []spread.Key{{Name: "cluster", Min: 3, Max: 2}}},
			want: spread.Infeasible{
				Conflict: []spread.Constraint{minimum("cluster", 3), maximum("cluster", 2)}, Key: "cluster", Need: 3, Have: 2,
				Message: "needs 3 clusters but allows at most 2",
			},
		},
		{
			name: "zones without room",
			p: spread.Problem{
				Candidates: 5, Divided: true, Replicas: 4, Capacity: []int64{9, 0, 0, 9, 0},
				Keys: []spread.Key{{Name: "zone", Min: 3, Membership: groups(0, 1, 2, 3, 4)}},
			},
			want: spread.Infeasible{
				Conflict: []spread.Constraint{minimum("zone", 3), room(4)}, Key: "zone", Need: 3, Have: 2,
				Message: "needs 3 zones; 2 of 5 candidate zones have room",
			},
		},
		{
			name: "no room at all",
			p:    spread.Problem{Candidates: 2, Divided: true, Replicas: 10, Capacity: []int64{3, 4}},
			want: spread.Infeasible{
				Conflict: []spread.Constraint{room(10)}, Need: 10, Have: 7,
				Message: "needs room for 10 replicas; the 2 candidate clusters have room for 7",
			},
		},
		{
			name: "room within two regions",
			p: spread.Problem{
				Candidates: 4, Divided: true, Replicas: 10, Capacity: []int64{3, 4, 2, 4},
				Keys: []spread.Key{{Name: "region", Min: 2, Max: 2, Membership: groups(0, 1, 2, 3)}},
			},
			want: spread.Infeasible{
				Conflict: []spread.Constraint{room(10), maximum("region", 2)}, Need: 10, Have: 8,
				Message: "needs room for 10 replicas; 8 fit with at most 2 regions",
			},
		},
		{
			name: "zones within one region",
			p: spread.Problem{Candidates: 4, Keys: []spread.Key{
				{Name: "region", Max: 1, Membership: groups(0, 0, 1, 1)},
				{Name: "zone", Min: 3, Membership: groups(0, 1, 2, 3)},
				{Name: "cluster", Max: 4},
			}},
			want: spread.Infeasible{
				Conflict: []spread.Constraint{minimum("zone", 3), maximum("region", 1)}, Key: "zone", Need: 3, Have: 2,
				Message: "needs 3 zones; 2 possible with at most 1 region",
			},
		},
		{
			name: "regions within zones of which clusters have two",
			p: spread.Problem{Candidates: 3, Keys: []spread.Key{
				{Name: "region", Min: 3, Membership: groups(0, 1, 2)},
				{Name: "zone", Max: 2, Membership: spread.Membership{Start: []int32{0, 2, 4, 6}, Group: []int32{0, 1, 2, 3, 4, 5}}},
			}},
			want: spread.Infeasible{
				Conflict: []spread.Constraint{minimum("region", 3), maximum("zone", 2)}, Key: "region", Need: 3, Have: 1,
				Message: "needs 3 regions; 1 possible with at most 2 zones",
			},
		},
		{
			name: "room within two clusters",
			p: spread.Problem{
				Candidates: 3, Divided: true, Replicas: 10, Capacity: []int64{3, 5, 4},
				Keys: []spread.Key{{Name: "region", Min: 2, Membership: groups(0, 1, 0)}, {Name: "cluster", Max: 2}},
			},
			want: spread.Infeasible{
				Conflict: []spread.Constraint{room(10), maximum("cluster", 2)}, Need: 10, Have: 9,
				Message: "needs room for 10 replicas; 9 fit with at most 2 clusters",
			},
		},
		{
			name: "every cluster in two zones",
			p: spread.Problem{Candidates: 2, Keys: []spread.Key{{
				Name: "zone", Max: 1,
				Membership: spread.Membership{Start: []int32{0, 2, 5}, Group: []int32{0, 1, 0, 1, 2}},
			}}},
			want: spread.Infeasible{
				Conflict: []spread.Constraint{maximum("zone", 1)}, Key: "zone", Need: 1, Have: 2,
				Message: "allows at most 1 zone; every candidate cluster needs 2",
			},
		},
		{
			name: "three keys, two clusters",
			p: spread.Problem{Candidates: 4, Keys: []spread.Key{
				{Name: "zone", Min: 2, Membership: groups(0, 0, 1, 1)},
				{Name: "example.com/rack", Min: 2, Membership: groups(0, 1, 0, 1)},
				{Name: "example.com/rail", Min: 2, Membership: groups(0, 1, 1, 0)},
				{Name: "cluster", Max: 2},
			}},
			want: spread.Infeasible{
				Conflict: []spread.Constraint{minimum("zone", 2), minimum("example.com/rack", 2), minimum("example.com/rail", 2), maximum("cluster", 2)}, Key: "zone", Need: 2, Have: 1,
				Message: "needs 2 zones; 1 possible with at least 2 values of example.com/rack and at least 2 values of example.com/rail and at most 2 clusters",
			},
		},
	}
	for _, tc := range tests {
		t.Run(tc.name, func(t *testing.T) {
			tc.want.Proven = true
			_, got := spread.Solve(&tc.p)
			if d := cmp.Diff(&tc.want, got, cmpopts.EquateEmpty()); d != "" {
				t.Errorf("refusal (-want +got):\n%s", d)
			}
		})
	}
}
