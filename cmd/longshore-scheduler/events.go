package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"time"

	"github.com/go-logr/logr"
	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/client-go/kubernetes/scheme"
	typedcorev1 "k8s.io/client-go/kubernetes/typed/core/v1"
	"k8s.io/client-go/rest"
	"k8s.io/client-go/tools/record"
	"k8s.io/client-go/tools/record/util"
	"k8s.io/client-go/tools/reference"
	"k8s.io/client-go/util/flowcontrol"
	"k8s.io/klog/v2"
	"k8s.io/utils/clock"

	"github.com/longshore-project/longshore/controllers/announce"
	"github.com/longshore-project/longshore/scheduler/loop"
)

// Events tell about the past: they may be late or, in a flood, be dropped, but must not take the place of results.
const (
	eventQPS   = 50
	eventBurst = 100
	// eventInterval is how long events are gathered, so that many share one wake-up of this process and its connection.
	eventInterval = 500 * time.Millisecond
	// eventPatience is how long events that were gathered wait for a moment in which no result is being written.
	eventPatience = 500 * time.Millisecond
	// eventGroup is how many are written at once in such a moment.
	eventGroup = 8
	// eventBacklog is how many may wait. More are dropped.
	eventBacklog = 1000
	// eventRetry is how long they wait when the API server cannot be reached.
	eventRetry = 10 * time.Second
)

// eventSink writes events.
type eventSink interface {
	create(ctx context.Context, e *corev1.Event) error
	patch(ctx context.Context, e *corev1.Event, patch []byte) error
}

// recorders sends the events of each profile under the profile's name.
type recorders struct {
	config *rest.Config
	// loop says when events may be written.
	loop   *theLoop
	byName map[string]loop.Recorder
	stops  []func()
}

func newRecorders(config *rest.Config, l *theLoop) *recorders {
	return &recorders{config: config, loop: l, byName: map[string]loop.Recorder{}}
}

// of returns the recorder of that name. It stays open when its profile is gone: what was decided before is still told.
func (r *recorders) of(schedulerName string) (loop.Recorder, error) {
	if known, ok := r.byName[schedulerName]; ok {
		return known, nil
	}
	recorder, stop, err := newRecorder(r.config, schedulerName, r.quiet)
	if err != nil {
		return nil, err
	}
	r.byName[schedulerName], r.stops = recorder, append(r.stops, stop)
	return recorder, nil
}

// quiet returns a channel that is closed when nothing more urgent than events is being written.
func (r *recorders) quiet() <-chan struct{} {
	if l := r.loop.Load(); l != nil {
		return l.Quiet()
	}
	now := make(chan struct{})
	close(now)
	return now
}

// stop sends no more.
func (r *recorders) stop() {
	for _, f := range r.stops {
		f()
	}
}

// recorder is a loop.Recorder that gathers events and writes those of half a second together. Like the one of client-go it counts repeated events
// in one object and drops those of an object about which there are too many. It writes while run does.
type recorder struct {
	source corev1.EventSource
	sink   eventSink
	// quiet returns a channel that is closed when no result is being written.
	quiet   func() <-chan struct{}
	limiter flowcontrol.RateLimiter
	// correlator is used by the one goroutine that writes.
	correlator *record.EventCorrelator

	mu      sync.Mutex
	waiting []*eventWrite
	// some holds a token when events were added since the last look.
	some chan struct{}
}

var _ loop.Recorder = (*recorder)(nil)

// eventWrite is one event on its way to the API server.
type eventWrite struct {
	event *corev1.Event
	// patch changes the event of an earlier write, if it is not nil.
	patch []byte
	// correlated means that event and patch are what is to be written.
	correlated bool
	err        error
}

func newEventRecorder(schedulerName string, sink eventSink, quiet func() <-chan struct{}) *recorder {
	return &recorder{
		source: corev1.EventSource{Component: schedulerName}, sink: sink, quiet: quiet, limiter: flowcontrol.NewTokenBucketRateLimiter(eventQPS, eventBurst),
		correlator: record.NewEventCorrelator(clock.RealClock{}), some: make(chan struct{}, 1),
	}
}

// Event implements loop.Recorder.
func (r *recorder) Event(object runtime.Object, kind, reason, message string) {
	about, err := reference.GetReference(scheme.Scheme, object)
	if err != nil {
		klog.Background().Error(err, "Telling of an event", "reason", reason)
		return
	}
	now := time.Now()
	r.add(&eventWrite{event: &corev1.Event{
		ObjectMeta: metav1.ObjectMeta{
			Name: util.GenerateEventName(about.Name, now.UnixNano()), Namespace: cmp.Or(about.Namespace, metav1.NamespaceDefault),
		},
		InvolvedObject: *about, Type: kind, Reason: reason, Message: announce.Shorten(message), Count: 1,
		FirstTimestamp: metav1.NewTime(now), LastTimestamp: metav1.NewTime(now), Source: r.source, ReportingController: r.source.Component,
	}})
}

// add lets the event wait, or drops it if too many do.
func (r *recorder) add(w *eventWrite) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if len(r.waiting) >= eventBacklog {
		return
	}
	r.waiting = append(r.waiting, w)
	select {
	case r.some <- struct{}{}:
	default:
	}
}

// run writes events until ctx ends.
func (r *recorder) run(ctx context.Context) {
	for {
		select {
		case <-r.some:
		case <-ctx.Done():
			return
		}
		for pause := eventInterval; pause > 0; {
			select {
			case <-time.After(pause):
			case <-ctx.Done():
				return
			}
			pause = r.flush(ctx)
		}
	}
}

// flush writes what waits, one group after the other, and returns how long to wait before the next flush: 0 until there are new events.
func (r *recorder) flush(ctx context.Context) time.Duration {
	for {
		size := eventGroup
		if !r.isQuiet(ctx) {
			size = 1
		}
		group, left := r.take(size)
		if len(group) == 0 {
			if left {
				return eventInterval
			}
			return 0
		}
		if failed := r.writeAll(ctx, group); len(failed) > 0 {
			r.mu.Lock()
			r.waiting = append(failed, r.waiting...)
			r.mu.Unlock()
			return eventRetry
		}
	}
}

// isQuiet waits for a moment in which no result is being written, and returns false if there was none for eventPatience.
func (r *recorder) isQuiet(ctx context.Context) bool {
	quiet := r.quiet()
	select {
	case <-quiet:
		return true
	default:
	}
	late := time.NewTimer(eventPatience)
	defer late.Stop()
	select {
	case <-quiet:
		return true
	case <-late.C:
	case <-ctx.Done():
	}
	return false
}

// take takes up to size of those that wait, in their order and as far as the limit of the rate allows, and reports whether others are left. No two of
// them are about the same event, so that they may be written at once.
func (r *recorder) take(size int) (group []*eventWrite, left bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	for len(r.waiting) > 0 && len(group) < size {
		next := r.waiting[0]
		if !r.correlate(next) {
			r.waiting = r.waiting[1:]
			continue
		}
		same := slices.ContainsFunc(group, func(w *eventWrite) bool {
			return w.event.Name == next.event.Name && w.event.Namespace == next.event.Namespace
		})
		if same || !r.limiter.TryAccept() {
			break
		}
		r.waiting, group = r.waiting[1:], append(group, next)
	}
	return group, len(r.waiting) > 0
}

// correlate makes the event count as one with earlier ones that are like it, and reports whether it is to be written.
func (r *recorder) correlate(w *eventWrite) bool {
	if w.correlated {
		return true
	}
	found, err := r.correlator.EventCorrelate(w.event)
	if err != nil {
		klog.Background().Error(err, "Comparing an event with earlier ones", "event", w.event.Name)
	}
	if found.Skip {
		return false
	}
	w.event, w.correlated = found.Event, true
	if w.event.Count > 1 {
		w.patch = found.Patch
	}
	return true
}

// writeAll writes the group at once and returns those that may be written later.
func (r *recorder) writeAll(ctx context.Context, group []*eventWrite) (failed []*eventWrite) {
	var all sync.WaitGroup
	for _, w := range group {
		all.Go(func() { w.err = r.write(ctx, w) })
	}
	all.Wait()
	log := logr.FromContextOrDiscard(ctx)
	for _, w := range group {
		var refused apierrors.APIStatus
		switch {
		case w.err == nil || ctx.Err() != nil:
		case apierrors.IsAlreadyExists(w.err), apierrors.HasStatusCause(w.err, corev1.NamespaceTerminatingCause):
			log.V(1).Info("An event was refused", "event", w.event.Name, "err", w.err.Error())
		case errors.As(w.err, &refused):
			log.Error(w.err, "Writing an event", "event", w.event.Name)
		default:
			failed = append(failed, w)
		}
	}
	if len(failed) > 0 {
		log.Error(failed[0].err, "Writing events, to be tried again", "events", len(failed), "after", eventRetry)
	}
	return failed
}

// write changes the event of an earlier write, or creates it.
func (r *recorder) write(ctx context.Context, w *eventWrite) error {
	if w.patch != nil {
		if err := r.sink.patch(ctx, w.event, w.patch); !apierrors.IsNotFound(err) {
			return err
		}
		w.event.ResourceVersion = ""
	}
	return r.sink.create(ctx, w.event)
}

// eventClient is an eventSink that reads nothing of the answers but whether they are good.
type eventClient struct{ rest.Interface }

func (c eventClient) create(ctx context.Context, e *corev1.Event) error {
	return c.Post().Namespace(e.Namespace).Resource("events").Body(e).Do(ctx).Error()
}

func (c eventClient) patch(ctx context.Context, e *corev1.Event, patch []byte) error {
	return c.Patch(types.StrategicMergePatchType).Namespace(e.Namespace).Resource("events").Name(e.Name).Body(patch).Do(ctx).Error()
}

// newRecorder returns a recorder that writes as the scheduler of that name, with a client of its own, when quiet says that nothing more urgent is
// being written.
func newRecorder(config *rest.Config, schedulerName string, quiet func() <-chan struct{}) (loop.Recorder, func(), error) {
	c := rest.CopyConfig(config)
	c.QPS, c.RateLimiter = -1, nil // The recorder limits the rate.
	// There are two events a binding: this halves what it takes to encode them.
	c.ContentType, c.AcceptContentTypes = runtime.ContentTypeProtobuf, runtime.ContentTypeProtobuf+","+runtime.ContentTypeJSON
	client, err := typedcorev1.NewForConfig(c)
	if err != nil {
		return nil, nil, fmt.Errorf("making a client for events: %w", err)
	}
	r := newEventRecorder(schedulerName, eventClient{client.RESTClient()}, quiet)
	ctx, stop := context.WithCancel(logr.NewContext(context.Background(), klog.Background()))
	go r.run(ctx)
	return r, stop, nil
}
