package queue

import (
	"context"
	"errors"
	"fmt"
	"runtime"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	clocktesting "k8s.io/utils/clock/testing"

	"github.com/longshore-project/longshore/scheduler/framework"
)

func key(name string) Key { return Key{Namespace: "ns", Name: name} }

func newQueue() (*Queue, *clocktesting.FakeClock) {
	c := clocktesting.NewFakeClock(time.Unix(0, 0))
	return New(c), c
}

// names takes all active bindings, in order.
func names(q *Queue) []string {
	var out []string
	for {
		it, _, ok := q.take()
		if !ok {
			return out
		}
		out = append(out, it.Key.Name)
	}
}

func expect(t *testing.T, q *Queue, want ...string) {
	t.Helper()
	if diff := cmp.Diff(want, names(q)); diff != "" {
		t.Errorf("active (-want +got):\n%s", diff)
	}
}

func TestOrder(t *testing.T) {
	q, clock := newQueue()
	q.Add(key("first"), 0)
	q.Add(key("second"), 0)
	clock.Step(time.Second)
	q.Add(key("urgent"), 10)
	q.Add(key("third"), 0)
	q.Add(key("first"), 100) // Queued already: place and priority stay.
	expect(t, q, "urgent", "first", "second", "third")
}

// A binding that waits for something else than its turn is not queued: it comes back with the priority that it has by then.
func TestPriorityOfWhatWaits(t *testing.T) {
	waits := map[string]func(*Queue){
		"backoff": func(q *Queue) { q.Retry(key("a"), "") },
		"parked":  func(q *Queue) { q.Park(key("a"), nil, true) },
		"in hand": func(*Queue) {},
	}
	for name, wait := range waits {
		t.Run(name, func(t *testing.T) {
			q, _ := newQueue()
			q.Add(key("a"), 0)
			names(q)
			wait(q)
			q.Add(key("first"), 5)
			q.Add(key("a"), 10)
			q.Done(key("a")) // Puts down what is in hand; the others are not.
			expect(t, q, "a", "first")
		})
	}
}

func TestBackoffDoubles(t *testing.T) {
	q, clock := newQueue()
	q.Add(key("a"), 0)
	for _, wait := range []time.Duration{time.Second, 2 * time.Second, 4 * time.Second, 8 * time.Second, 10 * time.Second, 10 * time.Second} {
		expect(t, q, "a")
		q.Retry(key("a"), "")
		clock.Step(wait - time.Millisecond)
		expect(t, q)
		clock.Step(time.Millisecond)
	}
	expect(t, q, "a")
	q.Done(key("a"))
	q.Add(key("a"), 0)
	expect(t, q, "a")
	q.Retry(key("a"), "")
	clock.Step(time.Second)
	expect(t, q, "a") // Done has ended the row of failures.
}

func TestAddEndsEveryWait(t *testing.T) {
	q, _ := newQueue()
	for _, name := range []string{"backoff", "parked"} {
		q.Add(key(name), 0)
	}
	names(q)
	q.Retry(key("backoff"), "")
	q.Park(key("parked"), nil, true)
	if diff := cmp.Diff(Depth{Backoff: 1, Parked: 1}, q.Depth()); diff != "" {
		t.Errorf("depth (-want +got):\n%s", diff)
	}
	q.Add(key("backoff"), 0)
	q.Add(key("parked"), 0)
	expect(t, q, "backoff", "parked")
}

func TestAddedInHandComesAgain(t *testing.T) {
	puts := map[string]func(*Queue){
		"Done":  func(q *Queue) { q.Done(key("a")) },
		"Retry": func(q *Queue) { q.Retry(key("a"), "") },
		"Park":  func(q *Queue) { q.Park(key("a"), nil, false) },
	}
	for name, put := range puts {
		t.Run(name, func(t *testing.T) {
			q, _ := newQueue()
			q.Add(key("a"), 0)
			expect(t, q, "a")
			q.Add(key("a"), 0)
			expect(t, q)
			put(q)
			expect(t, q, "a")
			put(q)
			expect(t, q)
		})
	}
}

func TestWake(t *testing.T) {
	deployments := framework.Cure{Fact: framework.FactAPIs, Subject: "apps/v1/Deployment"}
	jobs := framework.Cure{Fact: framework.FactAPIs, Subject: "batch/v1/Job"}
	anyAPI := framework.Cure{Fact: framework.FactAPIs}
	capacity := framework.Cure{Fact: framework.FactCapacity}
	tests := []struct {
		name   string
		change framework.Cure
		want   []string
	}{
		{name: "the named subject, and who waits for any", change: deployments, want: []string{"deployment", "both", "any"}},
		{name: "any subject wakes all of the fact", change: anyAPI, want: []string{"deployment", "job", "both", "any"}},
		{name: "a fact of which nobody knows", change: framework.Cure{Fact: framework.FactTaints, Subject: "k"}},
		{name: "one of two reasons", change: capacity, want: []string{"both"}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			q, _ := newQueue()
			waits := []struct {
				name  string
				cures []framework.Cure
			}{{"deployment", []framework.Cure{deployments}}, {"job", []framework.Cure{jobs}}, {"both", []framework.Cure{deployments, capacity}}, {"any", []framework.Cure{anyAPI}}}
			for _, w := range waits {
				q.Add(key(w.name), 0)
			}
			names(q)
			for _, w := range waits {
				q.Park(key(w.name), w.cures, false)
			}
			if got := q.Wake(tt.change); got != len(tt.want) {
				t.Errorf("Wake = %d, want %d", got, len(tt.want))
			}
			expect(t, q, tt.want...)
		})
	}
}

// TestWakeInHand covers a change that comes between a decision and the parking of its binding.
func TestWakeInHand(t *testing.T) {
	q, _ := newQueue()
	q.Add(key("a"), 0)
	expect(t, q, "a")
	q.Wake(framework.Cure{Fact: framework.FactLabels})
	q.Park(key("a"), []framework.Cure{{Fact: framework.FactCapacity}, {Fact: framework.FactLabels}}, false)
	expect(t, q, "a")
	q.Park(key("a"), []framework.Cure{{Fact: framework.FactLabels}}, false)
	expect(t, q)
}

// Room that a decision held for a while was missing to those that were decided about since, and to nobody else.
func TestWakeAfter(t *testing.T) {
	q, _ := newQueue()
	room := framework.Cure{Fact: framework.FactCapacity}
	for _, name := range []string{"before", "holder", "after", "others"} {
		q.Add(key(name), 0)
	}
	turns := map[string]uint64{}
	for {
		it, _, ok := q.take()
		if !ok {
			break
		}
		turns[it.Key.Name] = it.Turn
	}
	q.Park(key("before"), []framework.Cure{room}, true)
	q.Park(key("after"), []framework.Cure{room}, true)
	q.Park(key("others"), []framework.Cure{{Fact: framework.FactLabels}}, true)
	if n := q.WakeAfter(turns["holder"], room); n != 1 {
		t.Errorf("%d are woken, want 1", n)
	}
	expect(t, q, "after")
	q.Park(key("after"), []framework.Cure{room}, true)
	if n := q.Wake(room); n != 2 {
		t.Errorf("room of which nobody knew wakes %d, want 2", n)
	}
}

func TestResume(t *testing.T) {
	q, clock := newQueue()
	for _, name := range []string{"second", "first", "other", "nothing"} {
		q.Add(key(name), 0)
	}
	names(q)
	q.Retry(key("first"), "cost")
	q.Retry(key("second"), "cost")
	q.Retry(key("other"), "rack")
	q.Retry(key("nothing"), "")
	if n := q.Resume("cost"); n != 2 {
		t.Errorf("%d are tried again, want the two that lacked it", n)
	}
	expect(t, q, "second", "first") // In the order in which they came.
	if n := q.Resume("cost"); n != 0 {
		t.Errorf("%d are tried again, want none: both are in hand", n)
	}
	q.Retry(key("first"), "cost")
	q.Retry(key("second"), "rack")
	expect(t, q)
	clock.Step(FirstBackoff)
	expect(t, q, "other", "nothing", "first") // It came back while first was in hand; the others have waited their time.
	q.Retry(key("first"), "cost")
	q.Retry(key("other"), "rack")
	q.Retry(key("nothing"), "")
	expect(t, q) // But not since first was taken again.
	clock.Step(LongestBackoff)
	if got := names(q); len(got) != 4 {
		t.Errorf("after the longest wait %v are active, want all four", got)
	}
	if n := q.Resume("cost") + q.Resume("rack"); n != 0 {
		t.Errorf("%d are tried again although time has done that already", n)
	}
}

// TestReturnsInVainAreLimited lets what a binding lacks come back every 100 ms and never help.
func TestReturnsInVainAreLimited(t *testing.T) {
	q, clock := newQueue()
	started := clock.Now()
	var attempts []time.Duration
	resumed := 0
	q.Add(key("a"), 0)
	for clock.Since(started) <= 3500*time.Millisecond {
		for range names(q) {
			attempts = append(attempts, clock.Since(started))
			q.Retry(key("a"), "quota")
		}
		clock.Step(100 * time.Millisecond)
		resumed += q.Resume("quota")
	}
	want := []time.Duration{0, 100 * time.Millisecond, 1100 * time.Millisecond, 2100 * time.Millisecond, 3100 * time.Millisecond}
	if diff := cmp.Diff(want, attempts); diff != "" {
		t.Errorf("attempts (-want +got):\n%s", diff)
	}
	if resumed != len(want) {
		t.Errorf("%d were resumed, want %d: once for each further attempt, and for the one that is due next", resumed, len(want))
	}
}

// TestWhatCameBackIsForgotten lets many things come back once each, of which one is of use to what is in hand.
func TestWhatCameBackIsForgotten(t *testing.T) {
	q, _ := newQueue()
	q.Add(key("a"), 0)
	names(q)
	q.Resume("quota")
	for i := range 3 * fewResumes {
		if i == fewResumes/2 {
			q.Retry(key("a"), "quota")
			expect(t, q, "a") // It came back while a was in hand.
		}
		q.Resume(fmt.Sprint("quota of ", i))
	}
	q.Retry(key("a"), "")
	for i := range 3 * fewResumes {
		q.Resume(fmt.Sprint("quota of another ", i))
	}
	if n := len(q.resumes); n > 2*fewResumes {
		t.Errorf("%d names are kept", n)
	}
}

func TestFlush(t *testing.T) {
	q, clock := newQueue()
	q.Add(key("flushed"), 0)
	q.Add(key("patient"), 0)
	names(q)
	q.Park(key("flushed"), nil, true)
	q.Park(key("patient"), nil, false)
	clock.Step(FlushAfter)
	expect(t, q, "flushed")
}

func TestPopWaits(t *testing.T) {
	q, clock := newQueue()
	popped := make(chan string)
	go func() {
		for {
			it, err := q.Pop(t.Context())
			if err != nil {
				return
			}
			popped <- it.Key.Name
		}
	}()
	q.Add(key("now"), 0)
	if got := <-popped; got != "now" {
		t.Errorf("popped %s", got)
	}
	q.Retry(key("now"), "")
	for !clock.HasWaiters() {
		runtime.Gosched()
	}
	clock.Step(FirstBackoff)
	if got := <-popped; got != "now" {
		t.Errorf("popped %s", got)
	}
	ctx, stop := context.WithCancel(t.Context())
	stop()
	if _, err := q.Pop(ctx); !errors.Is(err, context.Canceled) {
		t.Errorf("error is %v", err)
	}
}

// TestWakesInVainAreRare lets a change come every 100 ms that might cure a binding and never does.
func TestWakesInVainAreRare(t *testing.T) {
	q, clock := newQueue()
	room := framework.Cure{Fact: framework.FactCapacity}
	started := clock.Now()
	var attempts []time.Duration
	q.Add(key("a"), 0)
	for clock.Since(started) <= 36*time.Second {
		for range names(q) {
			attempts = append(attempts, clock.Since(started))
			q.Park(key("a"), []framework.Cure{room}, true)
		}
		clock.Step(100 * time.Millisecond)
		q.Wake(room)
	}
	want := []time.Duration{0, 100 * time.Millisecond}
	for _, wait := range []time.Duration{1, 2, 4, 8, 10, 10} {
		want = append(want, want[len(want)-1]+wait*time.Second)
	}
	if diff := cmp.Diff(want, attempts); diff != "" {
		t.Errorf("attempts (-want +got):\n%s", diff)
	}
	clock.Step(time.Minute)
	q.Add(key("a"), 0)
	expect(t, q, "a")
	q.Done(key("a"))
	q.Add(key("a"), 0)
	expect(t, q, "a")
	q.Park(key("a"), []framework.Cure{room}, false)
	q.Wake(room)
	expect(t, q, "a") // Done has ended the row.
}

func TestAddOverridesTheWaitOfAWake(t *testing.T) {
	q, _ := newQueue()
	room := framework.Cure{Fact: framework.FactCapacity}
	q.Add(key("a"), 0)
	for range 2 {
		expect(t, q, "a")
		q.Park(key("a"), []framework.Cure{room}, true)
		q.Wake(room)
	}
	expect(t, q)
	if diff := cmp.Diff(Depth{Backoff: 1}, q.Depth()); diff != "" {
		t.Errorf("depth (-want +got):\n%s", diff)
	}
	q.Add(key("a"), 0)
	expect(t, q, "a")
}

func TestChangesWhileInHandAreLimitedToo(t *testing.T) {
	q, clock := newQueue()
	room := framework.Cure{Fact: framework.FactCapacity}
	q.Add(key("a"), 0)
	for _, wait := range []time.Duration{0, time.Second, 2 * time.Second} {
		clock.Step(wait)
		expect(t, q, "a")
		q.Wake(room)
		q.Park(key("a"), []framework.Cure{room}, true)
		if wait > 0 {
			expect(t, q)
		}
	}
}
