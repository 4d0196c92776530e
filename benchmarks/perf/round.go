package perf

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	workv1alpha2 "github.com/longshore-project/longshore/apis/work/v1alpha2"
)

// Measurement is what one writer did in one round.
type Measurement struct {
	Bindings int
	// Rate is how many bindings were placed per second, counted from the first to the last: neither the start of the process nor its first
	// lists are part of it.
	Rate float64
	// Start is the time from the start of the writer until the first binding was placed. With arrivals it means nothing.
	Start time.Duration
	// Latencies are the times from a binding's arrival until it was placed, in ascending order. In a burst they mean nothing.
	Latencies []time.Duration
	// CPU is the processor time of the writer for these bindings, its start left out.
	CPU time.Duration
	// StartCPU is the processor time that was left out.
	StartCPU time.Duration
	// Peak is the largest resident set of the writer in bytes.
	Peak int64
	// Writes are the changes of bindings that the API server was asked for, Bytes the length of their bodies, Events the events written.
	Writes, Bytes, Events float64
}

// Latency returns the given quantile, between 0 and 1, of the latencies.
func (m *Measurement) Latency(q float64) time.Duration {
	if len(m.Latencies) == 0 {
		return 0
	}
	return m.Latencies[min(len(m.Latencies)-1, int(q*float64(len(m.Latencies))))]
}

// Round is one measurement of each writer. Bare is zero if the case is for the scheduler alone.
type Round struct{ Scheduler, Bare Measurement }

// Ratio returns the scheduler's rate as a part of the bare writer's.
func (r *Round) Ratio() float64 { return r.Scheduler.Rate / r.Bare.Rate }

// Run is one workload of a case at one server.
type Run struct {
	server   *Server
	program  Program
	kase     *Case
	workload *Workload
	// idle is what the scheduler uses to start and to see the fleet.
	idle usage
	// results are those of the scheduler's last round.
	results map[string]*workv1alpha2.ResourceBinding
	// left counts the bindings that trials have left behind, by namespace.
	left   map[string]int
	rounds int
}

// Names of the namespaces, which are those of the schedulers too. They are equally long, so that both write as many bytes.
const (
	schedulerSide = "perf-ours"
	bareSide      = "perf-bare"
)

// NewRun does the setup of the case. Call Close in any event if the server is to be used for something else.
func NewRun(ctx context.Context, s *Server, p Program, c *Case, w *Workload) (*Run, error) {
	r := &Run{server: s, program: p, kase: c, workload: w, left: map[string]int{}}
	for _, op := range c.Setup {
		kinds := op.Kinds
		if kinds == 0 {
			kinds = DefaultKinds
		}
		began, create := time.Now(), s.createClusters
		if op.Stored {
			create = s.storeClusters
		}
		if err := create(ctx, op.Count.in(w), kinds); err != nil {
			return r, err
		}
		s.tell(op.Opcode, began)
	}
	if err := errors.Join(s.ensureNamespace(ctx, schedulerSide), s.ensureNamespace(ctx, bareSide)); err != nil {
		return r, err
	}
	return r, r.measureStart(ctx)
}

// measureStart finds out what the scheduler uses before it places anything.
func (r *Run) measureStart(ctx context.Context) error {
	quiet := r.program
	quiet.Profile = ""
	s, err := startScheduler(quiet, r.server.kubeconfig, schedulerSide)
	if err != nil {
		return err
	}
	err = s.awaitReady(ctx)
	if err == nil {
		r.idle, err = s.usage()
	}
	return errors.Join(err, s.stop())
}

// clusters is how many there are.
func (r *Run) clusters() int {
	n := 0
	for _, op := range r.kase.Setup {
		n += op.Count.in(r.workload)
	}
	return n
}

// Close removes what the run has made.
func (r *Run) Close(ctx context.Context) error {
	return errors.Join(r.tidy(ctx), r.server.deleteClusters(ctx, r.clusters()))
}

// Round measures both writers one after the other. The order changes with every round, so that a machine that becomes slower or faster
// meanwhile favours neither. The very first round begins with the scheduler: the bare writer writes what the scheduler has decided.
func (r *Run) Round(ctx context.Context) (Round, error) {
	var out Round
	sides := []func(context.Context) error{
		func(ctx context.Context) (err error) { out.Scheduler, err = r.measureScheduler(ctx); return err },
		func(ctx context.Context) (err error) { out.Bare, err = r.measureBare(ctx); return err },
	}
	if r.rounds%2 == 1 {
		slices.Reverse(sides)
	}
	r.rounds++
	for _, side := range sides {
		if err := side(ctx); err != nil {
			return out, err
		}
	}
	return out, nil
}

// tidy deletes the bindings that trials have left.
func (r *Run) tidy(ctx context.Context) error {
	for namespace, n := range r.left {
		if err := r.server.deleteBindings(ctx, namespace, n); err != nil {
			return fmt.Errorf("deleting the bindings of the trial before: %w", err)
		}
		delete(r.left, namespace)
	}
	return nil
}

func (r *Run) measureScheduler(ctx context.Context) (Measurement, error) {
	t := &trial{run: r, namespace: schedulerSide, writer: &measured{run: r}}
	m, results, err := t.do(ctx)
	if err != nil {
		return m, fmt.Errorf("measuring the scheduler: %w", err)
	}
	r.results = results
	return m, nil
}

func (r *Run) measureBare(ctx context.Context) (Measurement, error) {
	if r.kase.Alone {
		return Measurement{}, nil
	}
	w, err := startBare(r.server.kubeconfig, r.results)
	if err != nil {
		return Measurement{}, err
	}
	t := &trial{run: r, namespace: bareSide, writer: w}
	m, results, err := t.do(ctx)
	if err == nil {
		err = sameResults(r.results, results)
	}
	if err != nil {
		return m, fmt.Errorf("measuring the bare writer: %w", err)
	}
	return m, nil
}

// sameResults reports whether the two writers have written the same.
func sameResults(ours, bares map[string]*workv1alpha2.ResourceBinding) error {
	for name, b := range bares {
		diff := cmp.Diff(ours[name], b,
			cmpopts.IgnoreFields(metav1.ObjectMeta{}, "Namespace", "UID", "ResourceVersion", "CreationTimestamp", "ManagedFields", "Annotations"),
			cmpopts.IgnoreFields(workv1alpha2.ResourceBindingSpec{}, "Resource", "SchedulerName"))
		if diff != "" {
			return fmt.Errorf("the bare writer and the scheduler have written different things (-scheduler +bare):\n%s", diff)
		}
	}
	return nil
}

// writer places bindings.
type writer interface {
	// begin starts the work. Waiting means that there are bindings to place already; otherwise begin returns when the writer is ready for some.
	begin(ctx context.Context, waiting bool) error
	// offer tells about a binding that was just created.
	offer(b *workv1alpha2.ResourceBinding) error
	// gone is closed when the writer has ended. It may be asked for after begin.
	gone() <-chan struct{}
	// finish ends it and returns what it has used for its work.
	finish() (usage, error)
}

// measured is the scheduler as a writer. It finds the bindings itself.
type measured struct {
	run *Run
	*scheduler
	before usage
}

func (w *measured) begin(ctx context.Context, waiting bool) (err error) {
	if w.scheduler, err = startScheduler(w.run.program, w.run.server.kubeconfig, schedulerSide); err != nil || waiting {
		w.before = w.run.idle
		return err
	}
	if err := w.awaitReady(ctx); err != nil {
		return err
	}
	w.before, err = w.usage()
	return err
}

func (w *measured) offer(*workv1alpha2.ResourceBinding) error { return nil }

func (w *measured) gone() <-chan struct{} { return w.ended }

func (w *measured) finish() (usage, error) {
	if w.scheduler == nil {
		return usage{}, nil
	}
	now, err := w.usage()
	return usage{cpu: max(0, now.cpu-w.before.cpu), start: w.before.cpu, peak: now.peak}, errors.Join(err, w.stop())
}
