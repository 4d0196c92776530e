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
		{name: "a report that shows the pods", do: func(c *Cache, _ *clocktesting.FakePassiveClock, t Ticket) {
			c.Confirm(t)
			c.SetCluster(member("a", 10, used(4)))
		}, want: 6},
		{name: "a report that shows half the pods", do: func(c *Cache, _ *clocktesting.FakePassiveClock, t Ticket) {
			c.Confirm(t)
			c.SetCluster(member("a", 10, used(2)))
		}, want: 6},
		{name: "a report that shows more than the pods", do: func(c *Cache, _ *clocktesting.FakePassiveClock, t Ticket) {
			c.Confirm(t)
			c.SetCluster(member("a", 10, used(5)))
		}, want: 5},
		{name: "pods appear and end again", do: func(c *Cache, _ *clocktesting.FakePassiveClock, t Ticket) {
			c.Confirm(t)
			c.SetCluster(member("a", 10, used(4)))
			c.SetCluster(member("a", 10))
		}, want: 10},
		{name: "a report of more nodes includes nothing", do: func(c *Cache, _ *clocktesting.FakePassiveClock, t Ticket) {
			c.Confirm(t)
			c.SetCluster(member("a", 12))
		}, want: 8},
		{name: "seen pods are in the next report", do: func(c *Cache, _ *clocktesting.FakePassiveClock, t Ticket) {
			c.Confirm(t)
			c.Seen("x", "a")
			c.SetCluster(member("a", 10, used(1))) // Others ended, so that the growth is lower than what was promised.
		}, want: 9},
		{name: "seen elsewhere", do: func(c *Cache, _ *clocktesting.FakePassiveClock, t Ticket) {
			c.Confirm(t)
			c.Seen("x", "b")
			c.Seen("y", "a")
			c.SetCluster(member("a", 10, used(1)))
		}, want: 6},
		{name: "restored", do: func(c *Cache, clock *clocktesting.FakePassiveClock, _ Ticket) {
			c.Restore("y", take("a", 3), clock.Now())
		}, want: 3},
		{name: "restored long ago", do: func(c *Cache, clock *clocktesting.FakePassiveClock, t Ticket) {
			c.Confirm(t)
			c.Restore("y", take("a", 3), clock.Now().Add(-Patience))
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

// TestPodsAppearing lets pods of confirmed decisions appear one after the other, in any order and over any number of reports. As long as
// nothing else happens in the members, what is free stays the same, and when all are there nothing is reserved any more.
func TestPodsAppearing(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		c, _ := newCache()
		c.SetCluster(member("a", 1000))
		var pods []int64
		var total int64
		for i := range rapid.IntRange(1, 8).Draw(t, "bindings") {
			pod, replicas := rapid.Int64Range(1, 5).Draw(t, "pod"), rapid.IntRange(1, 5).Draw(t, "replicas")
			c.Confirm(c.Assume(fmt.Sprint(i), take("a", pod*int64(replicas))))
			for range replicas {
				pods, total = append(pods, pod), total+pod
			}
		}
		var there int64
		for _, pod := range rapid.Permutation(pods).Draw(t, "order") {
			if there += pod; rapid.Bool().Draw(t, "report") {
				c.SetCluster(member("a", 1000, used(there)))
			}
			if got := free(c, "a"); got != 1000-total {
				t.Fatalf("free is %d with %d of %d in use, want %d", got, there, total, 1000-total)
			}
		}
		c.SetCluster(member("a", 1000, used(there)))
		if got, held := free(c, "a"), c.Outstanding(); got != 1000-total || held != (Outstanding{}) {
			t.Fatalf("free is %d, want %d; held is %+v, want nothing", got, 1000-total, held)
		}
	})
}

// TestNeverFreerThanPromised lets anything happen beside the pods of confirmed decisions. Nothing but a report frees room, and never more than
// what the report shows, until all is seen, forgotten or too old.
func TestNeverFreerThanPromised(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		c, _ := newCache()
		var inUse, promised int64
		c.SetCluster(member("a", 100))
		for range rapid.IntRange(1, 20).Draw(t, "steps") {
			if rapid.Bool().Draw(t, "decide") {
				cpu := rapid.Int64Range(1, 5).Draw(t, "cpu")
				c.Confirm(c.Assume("x", take("a", cpu)))
				promised += cpu
			} else {
				now := rapid.Int64Range(0, 50).Draw(t, "used")
				promised = max(promised-max(now-inUse, 0), 0)
				inUse = now
				c.SetCluster(member("a", 100, used(inUse)))
			}
			if got := free(c, "a"); got != 100-inUse-promised {
				t.Fatalf("free is %d with %d in use and %d promised", got, inUse, promised)
			}
		}
	})
}

func TestOutstanding(t *testing.T) {
	c, clock := newCache()
	c.SetCluster(member("a", 10))
	expect := func(want Outstanding) {
		t.Helper()
		if got := c.Outstanding(); got != want {
			t.Errorf("outstanding are %+v, want %+v", got, want)
		}
	}
	first, second := c.Assume("x", take("a", 1)), c.Assume("y", take("a", 1))
	expect(Outstanding{InFlight: 2})
	c.Confirm(first)
	c.Confirm(first)
	c.Restore("z", take("a", 1), clock.Now())
	expect(Outstanding{InFlight: 1, AwaitingReport: 2})
	if !c.Holds("z") || c.Holds("nobody") {
		t.Error("Holds does not tell who holds")
	}
	c.Release(second)
	c.Forget("x")
	expect(Outstanding{AwaitingReport: 1})
	clock.SetTime(clock.Now().Add(Patience))
	c.Snapshot()
	expect(Outstanding{})
}

// TestUnseen follows a promise from the decision until the pods are seen and then reported: what observes pods counts them from the moment in
// which they were seen, what sums reports up from the next report on.
func TestUnseen(t *testing.T) {
	c, clock := newCache()
	c.TrackSeen()
	c.SetCluster(member("a", 100))
	cluster := func() *framework.Cluster { return c.Snapshot().Cluster(0) }
	c.Confirm(c.Assume("x", take("a", 10)))
	c.Confirm(c.Assume("y", take("a", 5)))
	if got := cluster(); got.Reserved.Amount("cpu") != 15 || got.Unseen.Amount("cpu") != 15 || !got.SeenAt.IsZero() {
		t.Errorf("decided: %v reserved, %v unseen, seen at %v", got.Reserved, got.Unseen, got.SeenAt)
	}
	clock.SetTime(time.Unix(7, 0))
	c.Seen("x", "a")
	seen := cluster()
	if seen.Reserved.Amount("cpu") != 15 || seen.Unseen.Amount("cpu") != 5 || !seen.SeenAt.Equal(time.Unix(7, 0)) {
		t.Errorf("seen: %v reserved, %v unseen, seen at %v", seen.Reserved, seen.Unseen, seen.SeenAt)
	}
	if c.Seen("x", "a"); cluster() != seen {
		t.Error("what is known already changed the cluster")
	}
	c.SetCluster(member("a", 100, used(10)))
	if got := cluster(); got.Reserved.Amount("cpu") != 5 || got.Unseen.Amount("cpu") != 5 {
		t.Errorf("reported: %v reserved, %v unseen", got.Reserved, got.Unseen)
	}
	c.Forget("y")
	if got := cluster(); len(got.Reserved) != 0 || len(got.Unseen) != 0 {
		t.Errorf("forgotten: %v reserved, %v unseen", got.Reserved, got.Unseen)
	}
}

func TestEstimatesChangedChangesCapacity(t *testing.T) {
	c, _ := newCache()
	c.SetCluster(member("a", 1))
	c.SetCluster(member("b", 1))
	before := c.Snapshot()
	c.EstimatesChanged([]string{"b", "unknown"})
	after := c.Snapshot()
	rows, ok := after.CapacityChangedSince(before.Latest(), nil)
	if diff := cmp.Diff([]int32{1}, rows); !ok || diff != "" {
		t.Errorf("changed rows (-want +got):\n%s", diff)
	}
	if c.SetCluster(member("b", 1)) != 0 {
		t.Error("a report that says nothing new forgot the change")
	}
}
