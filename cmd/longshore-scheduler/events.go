package main

import (
	"fmt"
	"time"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/client-go/kubernetes/scheme"
	typedcorev1 "k8s.io/client-go/kubernetes/typed/core/v1"
	"k8s.io/client-go/rest"
	"k8s.io/client-go/tools/record"

	"github.com/longshore-project/longshore/controllers/announce"
	"github.com/longshore-project/longshore/scheduler/loop"
)

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

// eventQPS and eventPatience keep events from taking the place of results: they tell about the past and may be late or, in a flood, be dropped.
const (
	eventQPS   = 50
	eventBurst = 100
	// eventPatience is how long an event waits for a moment in which no result is being written.
	eventPatience = 500 * time.Millisecond
)

// patientSink writes each event when no result waits to be written, or after eventPatience. Events are written one after the other, so a flood of
// results slows them down to two a second.
type patientSink struct {
	record.EventSink
	// quiet returns a channel that is closed when no result is being written.
	quiet func() <-chan struct{}
}

func (s patientSink) wait() {
	late := time.NewTimer(eventPatience)
	defer late.Stop()
	select {
	case <-s.quiet():
	case <-late.C:
	}
}

// Create implements record.EventSink.
func (s patientSink) Create(e *corev1.Event) (*corev1.Event, error) {
	s.wait()
	return s.EventSink.Create(e)
}

// Update implements record.EventSink.
func (s patientSink) Update(e *corev1.Event) (*corev1.Event, error) {
	s.wait()
	return s.EventSink.Update(e)
}

// Patch implements record.EventSink.
func (s patientSink) Patch(old *corev1.Event, data []byte) (*corev1.Event, error) {
	s.wait()
	return s.EventSink.Patch(old, data)
}

// newRecorder returns a recorder that writes as the scheduler of that name, with a client of its own, when quiet says that nothing more urgent is
// being written.
func newRecorder(config *rest.Config, schedulerName string, quiet func() <-chan struct{}) (loop.Recorder, func(), error) {
	c := rest.CopyConfig(config)
	c.QPS, c.Burst, c.RateLimiter = eventQPS, eventBurst, nil
	// There are two events a binding: this halves what it takes to encode and decode them.
	c.ContentType, c.AcceptContentTypes = runtime.ContentTypeProtobuf, runtime.ContentTypeProtobuf+","+runtime.ContentTypeJSON
	client, err := typedcorev1.NewForConfig(c)
	if err != nil {
		return nil, nil, fmt.Errorf("making a client for events: %w", err)
	}
	broadcaster := record.NewBroadcaster()
	broadcaster.StartRecordingToSink(patientSink{&typedcorev1.EventSinkImpl{Interface: client.Events("")}, quiet})
	return bounded{broadcaster.NewRecorder(scheme.Scheme, corev1.EventSource{Component: schedulerName})}, broadcaster.Shutdown, nil
}

// bounded shortens messages that the API server would refuse.
type bounded struct{ recorder record.EventRecorder }

// Event implements loop.Recorder.
func (b bounded) Event(object runtime.Object, kind, reason, message string) {
	b.recorder.Event(object, kind, reason, announce.Shorten(message))
}
