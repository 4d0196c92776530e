package cache

import (
	"fmt"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	clocktesting "k8s.io/utils/clock/testing"
	"pgregory.net/rapid"

	"github.com/longshore-project/longshore/scheduler/framework"
)

func member(name string, cpu int64, change ...func(*framework.Cluster)) *framework.Cluster {
	c := &framework.Cluster{Name: name, Summary: &framework.Summary{Allocatable: framework.NewResources(map[string]int64{"cpu": cpu})}}
	for _, f := range change {
		f(c)
	}
	return c
}

func used(cpu int64) func(*framework.Cluster) {
	return func(c *framework.Cluster) { c.Summary.Used = framework.NewResources(map[string]int64{"cpu": cpu}) }
}

func free(c *Cache, name string) int64 {
	s := c.Snapshot()
	row, _ := s.Row(name)
	column, _ := s.Free("cpu")
	return column.At(row)
}

func take(cluster string, cpu int64) []Reservation {
	return []Reservation{{Cluster: cluster, Resources: framework.NewResources(map[string]int64{"cpu": cpu})}}
}

func newCache() (*Cache, *clocktesting.FakePassiveClock) {
	clock := clocktesting.NewFakePassiveClock(time.Unix(0, 0))
	return New(clock), clock
}

func TestSnapshotsAreMadeWhenSomethingChanged(t *testing.T) {
	c, _ := newCache()
	if got := c.SetCluster(member("a", 10)); got != framework.AllFacts {
		t.Errorf("a new cluster changes %v", got)
	}
	first := c.Snapshot()
	if c.SetCluster(member("a", 10)) != 0 || c.Snapshot() != first {
		t.Error("a report that says nothing new made a snapshot")
	}
	if got := c.SetCluster(member("a", 11)); got != framework.FactCapacity {
		t.Errorf("more cpu changes %v", got)
	}
	second := c.Snapshot()
	if second.Latest() <= first.Latest() || second.Generation(framework.FactLabels) != first.Generation(framework.FactLabels) {
		t.Errorf("generations: %d then %d", first.Latest(), second.Latest())
	}
	c.SetCluster(member("b", 1))
	if got := c.Snapshot().Len(); got != 2 {
		t.Errorf("%d clusters, want 2", got)
	}
	if !c.RemoveCluster("a") || c.RemoveCluster("a") {
		t.Error("RemoveCluster does not report what it did")
	}
	if got := c.Snapshot().Len(); got != 1 || first.Len() != 1 {
		t.Errorf("%d clusters, want 1", got)
	}
}

func TestReservations(t *testing.T) {
	tests := []struct {
		name string
		do   func(c *Cache, clock *clocktesting.FakePassiveClock, t Ticket)
		want int64
	}{
		{name: "in flight counts", do: func(*Cache, *clocktesting.FakePassiveClock, Ticket) {}, want: 6},
		{name: "released", do: func(c *Cache, _ *clocktesting.FakePassiveClock, t Ticket) { c.Release(t) }, want: 10},
		{name: "binding forgotten", do: func(c *Cache, _ *clocktesting.FakePassiveClock, _ Ticket) { c.Forget("x") }, want: 10},
		{name: "confirmed still counts", do: func(c *Cache, _ *clocktesting.FakePassiveClock, t Ticket) { c.Confirm(t) }, want: 6},
		{name: "a report in flight releases nothing", do: func(c *Cache, _ *clocktesting.FakePassiveClock, _ Ticket) {
			c.SetCluster(member("a", 10, used(1)))
		}, want: 5},
		{name: "a changed report includes what is confirmed", do: func(c *Cache, _ *clocktesting.FakePassiveClock, t Ticket) {
			c.Confirm(t)
			c.SetCluster(member("a", 10, used(4)))
		}, want: 6},
		{name: "a heartbeat includes nothing", do: func(c *Cache, _ *clocktesting.FakePassiveClock, t Ticket) {
			c.Confirm(t)
			c.SetCluster(member("a", 10))
		}, want: 6},
		{name: "patience ends", do: func(c *Cache, clock *clocktesting.FakePassiveClock, t Ticket) {
			c.Confirm(t)
			clock.SetTime(clock.Now().Add(Patience))
		}, want: 10},
		{name: "patience does not end what is in flight", do: func(_ *Cache, clock *clocktesting.FakePassiveClock, _ Ticket) {
			clock.SetTime(clock.Now().Add(2 * Patience))
		}, want: 6},
		{name: "the next decision about the binding adds", do: func(c *Cache, _ *clocktesting.FakePassiveClock, _ Ticket) {
			c.Assume("x", take("a", 1))
		}, want: 5},
		{name: "the cluster rejoins", do: func(c *Cache, _ *clocktesting.FakePassiveClock, _ Ticket) {
			c.RemoveCluster("a")
			c.SetCluster(member("a", 10))
		}, want: 6},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			c, clock := newCache()
			c.SetCluster(member("a", 10))
			ticket := c.Assume("x", take("a", 4))
			tt.do(c, clock, ticket)
			if got := free(c, "a"); got != tt.want {
				t.Errorf("free is %d, want %d", got, tt.want)
			}
		})
	}
}

// TestLedgerAddsUp compares the sums with a plain list of what is held.
func TestLedgerAddsUp(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		c, _ := newCache()
		for i := range 3 {
			c.SetCluster(member(fmt.Sprint(i), 100))
		}
		held := map[Ticket]map[string]int64{}
		for range rapid.IntRange(0, 30).Draw(t, "steps") {
			if rapid.Bool().Draw(t, "assume") {
				cluster, cpu := fmt.Sprint(rapid.IntRange(0, 2).Draw(t, "cluster")), rapid.Int64Range(1, 5).Draw(t, "cpu")
				held[c.Assume(fmt.Sprint(rapid.IntRange(0, 4).Draw(t, "binding")), take(cluster, cpu))] = map[string]int64{cluster: cpu}
			} else {
				ticket := Ticket(rapid.IntRange(0, 30).Draw(t, "ticket"))
				if _, ok := held[ticket]; c.Release(ticket) != ok {
					t.Fatalf("Release(%d) does not report what it did", ticket)
				}
				delete(held, ticket)
			}
			want, got := map[string]int64{"0": 100, "1": 100, "2": 100}, map[string]int64{}
			for _, rooms := range held {
				for cluster, cpu := range rooms {
					want[cluster] -= cpu
				}
			}
			for name := range want {
				got[name] = free(c, name)
			}
			if diff := cmp.Diff(want, got); diff != "" {
				t.Fatalf("free (-want +got):\n%s", diff)
			}
		}
	})
}
