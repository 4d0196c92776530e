package perf

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"sync"
	"time"

	workv1alpha2 "github.com/longshore-project/longshore/apis/work/v1alpha2"
)

// trial runs the operations of a round for one writer.
type trial struct {
	run       *Run
	namespace string
	writer    writer

	// stored is how many bindings were placed before.
	stored int

	mu sync.Mutex
	// arrived is when each binding came, or should have come.
	arrived  map[string]time.Time
	observer *observer
	started  time.Time
	before   traffic
	result   Measurement
}

// do returns the measurement and the bindings as they are afterwards. Whatever happens, the writer has ended then. The bindings stay: the next
// trial deletes them, so that the last one, which may have made a hundred thousand, does not.
func (t *trial) do(ctx context.Context) (Measurement, map[string]*workv1alpha2.ResourceBinding, error) {
	if err := t.run.tidy(ctx); err != nil {
		_, stopErr := t.writer.finish()
		return Measurement{}, nil, errors.Join(err, stopErr)
	}
	t.arrived = map[string]time.Time{}
	var err error
	for _, op := range t.run.kase.Round {
		began := time.Now()
		if err = t.step(ctx, &op); err != nil {
			err = fmt.Errorf("%s: %w", op.Opcode, err)
			break
		}
		t.run.server.tell(op.Opcode, began)
	}
	used, stopErr := t.writer.finish()
	if t.observer != nil {
		t.observer.end()
	}
	t.result.CPU, t.result.StartCPU, t.result.Peak = used.cpu, used.start, used.peak
	var results map[string]*workv1alpha2.ResourceBinding
	if err = errors.Join(err, stopErr); err == nil {
		results, err = t.check(ctx)
	}
	if err == nil {
		err = t.count(ctx)
	}
	t.run.left[t.namespace] = t.stored + len(t.arrived)
	return t.result, results, err
}

func (t *trial) step(ctx context.Context, op *Op) error {
	switch op.Opcode {
	case CreateBindings:
		return t.create(ctx, op)
	case StartWriter:
		return t.start(ctx)
	default:
		return t.await(ctx)
	}
}

// create makes the bindings, each at its time. A binding that comes late because the server is slow counts from when it should have come.
func (t *trial) create(ctx context.Context, op *Op) error {
	placed := op.Placed.in(t.run.workload)
	if placed > 0 {
		if err := t.run.server.storeBindings(ctx, placed, t.run.clusters(), op.Mix, t.namespace); err != nil {
			return err
		}
		t.stored = placed
	}
	n := op.Count.in(t.run.workload) - placed
	at := arrivals(n, op.PerSecond.in(t.run.workload))
	began := time.Now()
	return forAll(ctx, n, func(ctx context.Context, i int) error {
		if err := sleepUntil(ctx, began.Add(at[i])); err != nil {
			return err
		}
		b := newBinding(placed+i, op.Mix, t.namespace, t.namespace)
		t.mu.Lock()
		t.arrived[b.Name] = began.Add(at[i])
		t.mu.Unlock()
		if err := t.run.server.client.Create(ctx, b); err != nil {
			return fmt.Errorf("creating binding %s: %w", b.Name, err)
		}
		return t.writer.offer(b)
	})
}

func sleepUntil(ctx context.Context, when time.Time) error {
	wait := time.Until(when)
	if wait <= 0 {
		return ctx.Err()
	}
	timer := time.NewTimer(wait)
	defer timer.Stop()
	select {
	case <-timer.C:
		return nil
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}

// start begins to watch, and then lets the writer begin.
func (t *trial) start(ctx context.Context) (err error) {
	if t.observer, err = t.run.server.observe(ctx, t.namespace, t.bindings()); err != nil {
		return err
	}
	if t.before, err = t.run.server.traffic(ctx); err != nil {
		return err
	}
	t.started = time.Now()
	return t.writer.begin(ctx, len(t.arrived) > 0)
}

// bindings is how many there are going to be placed.
func (t *trial) bindings() int {
	for _, op := range t.run.kase.Round {
		if op.Opcode == CreateBindings {
			return op.Count.in(t.run.workload) - op.Placed.in(t.run.workload)
		}
	}
	return 0
}

// await waits until all are placed, and measures.
func (t *trial) await(ctx context.Context) error {
	placed, err := t.observer.await(ctx, t.writer.gone())
	if err != nil {
		return err
	}
	times := slices.SortedFunc(maps.Values(placed), time.Time.Compare)
	first, last := times[0], times[len(times)-1]
	t.result = Measurement{
		Bindings: len(placed), Rate: float64(len(placed)-1) / last.Sub(first).Seconds(), Start: first.Sub(t.started),
	}
	for name, at := range placed {
		t.result.Latencies = append(t.result.Latencies, at.Sub(t.arrived[name]))
	}
	slices.Sort(t.result.Latencies)
	return nil
}

// countPatience is how long the server may take to count what it has answered.
const countPatience = 5 * time.Second

// count reads what was written; the writer must have ended. The server counts a request some time after it has answered: it is asked until it has
// counted the two writes that placed each binding, of its spec and of its status. What it has not counted by the end of patience is not in the result.
func (t *trial) count(ctx context.Context) error {
	patience, cancel := context.WithTimeout(ctx, countPatience)
	defer cancel()
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	for {
		now, err := t.run.server.traffic(ctx)
		if err != nil {
			return err
		}
		spent := now.since(t.before)
		t.result.Writes, t.result.Bytes, t.result.Events = spent.writes, spent.bytes, spent.events
		if spent.writes >= float64(2*t.result.Bindings) {
			return nil
		}
		select {
		case <-tick.C:
		case <-patience.Done():
			return context.Cause(ctx) // nil if it was but the patience that ended
		}
	}
}

// check returns the bindings if every one is placed rightly, by one change of its spec.
func (t *trial) check(ctx context.Context) (map[string]*workv1alpha2.ResourceBinding, error) {
	results, err := t.run.server.bindings(ctx, t.namespace)
	if err != nil {
		return nil, err
	}
	for _, b := range results {
		if err := checkPlaced(b); err != nil {
			return nil, err
		}
		if b.Generation != 2 {
			return nil, fmt.Errorf("binding %s has generation %d: its spec was changed %d times, once is enough", b.Name, b.Generation, b.Generation-1)
		}
	}
	return results, nil
}
