package main

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"net/http"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"
	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime/schema"

	"github.com/longshore-project/longshore/cmd/longshore/local/localtest"
)

// sinkLog is a sink that notes what reaches it, and fails as it is told to.
type sinkLog struct {
	began time.Time
	mu    sync.Mutex
	// at counts the writes by when they were made.
	at map[time.Duration]int
	// calls are the writes in their order, of which those that are made at once have any.
	calls []string
	// longest is the most bytes of a message.
	longest int
	fail    error
}

func newSinkLog() *sinkLog { return &sinkLog{began: time.Now(), at: map[time.Duration]int{}} }

func (s *sinkLog) note(call string, e *corev1.Event) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.at[time.Since(s.began)]++
	s.longest = max(s.longest, len(e.Message))
	s.calls = append(s.calls, fmt.Sprintf("%s %s ×%d", call, e.Message, e.Count))
	return s.fail
}

func (s *sinkLog) create(_ context.Context, e *corev1.Event) error { return s.note("create", e) }

func (s *sinkLog) patch(_ context.Context, e *corev1.Event, _ []byte) error {
	return s.note("patch", e)
}

// sending runs a recorder in a bubble and returns it, and what ends it.
func sending(t *testing.T, sink eventSink, quiet func() <-chan struct{}) (r *recorder, stop func()) {
	t.Helper()
	r = newEventRecorder("test", sink, quiet)
	ctx, cancel := context.WithCancel(t.Context())
	go r.run(ctx)
	return r, func() {
		cancel()
		synctest.Wait()
	}
}

// pass lets time pass, and what is due then be done.
func pass(d time.Duration) {
	time.Sleep(d)
	synctest.Wait()
}

// written returns what has reached the sink.
func (s *sinkLog) written() (at map[time.Duration]int, calls []string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return maps.Clone(s.at), slices.Clone(s.calls)
}

func (s *sinkLog) count() int {
	_, calls := s.written()
	return len(calls)
}

// failWith makes the writes from now on fail.
func (s *sinkLog) failWith(err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.fail = err
}

func always() <-chan struct{} {
	c := make(chan struct{})
	close(c)
	return c
}

// about is the i-th object that has events.
func about(i int) *corev1.ObjectReference {
	return &corev1.ObjectReference{APIVersion: "v1", Kind: "Pod", Namespace: "default", Name: fmt.Sprintf("pod-%d", i)}
}

// Events are gathered, and those of many objects written together.
func TestEventsAreGathered(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		sink := newSinkLog()
		r, stop := sending(t, sink, always)
		defer stop()
		for i := range 20 {
			r.Event(about(i), corev1.EventTypeNormal, "Reason", "message")
		}
		pass(3 * eventInterval)
		r.Event(about(20), corev1.EventTypeNormal, "Reason", "message")
		pass(3 * eventInterval)
		at, _ := sink.written()
		if diff := cmp.Diff(map[time.Duration]int{eventInterval: 20, 4 * eventInterval: 1}, at); diff != "" {
			t.Errorf("writes by time (-want +got):\n%s", diff)
		}
	})
}

// Events wait for results, but not for ever: while results are being written one goes out every now and then, as soon as it is quiet all do.
func TestEventsGiveWayToResults(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		sink, quiet := newSinkLog(), make(chan struct{})
		r, stop := sending(t, sink, func() <-chan struct{} { return quiet })
		defer stop()
		for i := range 10 {
			r.Event(about(i), corev1.EventTypeNormal, "Reason", "message")
		}
		pass(eventInterval + 3*eventPatience - time.Nanosecond)
		if sink.count() != 2 {
			t.Errorf("%d events were written while results were, want 2", sink.count())
		}
		close(quiet)
		synctest.Wait()
		if sink.count() != 10 {
			t.Errorf("%d events are written when it is quiet, want 10", sink.count())
		}
	})
}

// A flood neither fills the memory nor the API server.
func TestEventsInAFlood(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		sink := newSinkLog()
		r, stop := sending(t, sink, always)
		defer stop()
		for i := range 2 * eventBacklog {
			r.Event(about(i), corev1.EventTypeNormal, "Reason", "message")
		}
		pass(eventInterval)
		if sink.count() != eventBurst {
			t.Errorf("%d events are written at first, want the burst, %d", sink.count(), eventBurst)
		}
		began, before := time.Now(), sink.count()
		pass(4 * time.Second)
		if got, most := sink.count()-before, int(time.Since(began).Seconds())*eventQPS; got == 0 || got > most {
			t.Errorf("%d events are written in 4 s, want up to %d", got, most)
		}
		pass(time.Minute)
		if sink.count() != eventBacklog {
			t.Errorf("%d events are written in all, want the backlog, %d", sink.count(), eventBacklog)
		}
	})
}

// A repeated event is one whose count grows, written after the first, and written anew if that is gone.
func TestEventsAreCounted(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		sink := newSinkLog()
		r, stop := sending(t, sink, always)
		defer stop()
		for range 3 {
			r.Event(about(0), corev1.EventTypeWarning, "Reason", "again")
		}
		pass(2 * eventInterval)
		sink.failWith(apierrors.NewNotFound(schema.GroupResource{Resource: "events"}, "it"))
		r.Event(about(0), corev1.EventTypeWarning, "Reason", "again")
		pass(2 * eventInterval)
		want := []string{"create again ×1", "patch again ×2", "patch again ×3", "patch again ×4", "create again ×4"}
		_, calls := sink.written()
		if diff := cmp.Diff(want, calls); diff != "" {
			t.Errorf("writes (-want +got):\n%s", diff)
		}
	})
}

// An event waits for an API server that cannot be reached, and is dropped if it is refused.
func TestEventsThatFail(t *testing.T) {
	for name, tt := range map[string]struct {
		fail error
		want []string
	}{
		"unreachable": {errors.New("connection refused"), []string{"create a ×1", "create a ×1", "create b ×1"}},
		"refused":     {apierrors.NewForbidden(schema.GroupResource{Resource: "events"}, "a", nil), []string{"create a ×1", "create b ×1"}},
		"unusable":    {apierrors.NewGenericServerResponse(http.StatusServiceUnavailable, "POST", schema.GroupResource{}, "a", "", 0, true), []string{"create a ×1", "create b ×1"}},
	} {
		synctest.Test(t, func(t *testing.T) {
			sink := newSinkLog()
			sink.failWith(tt.fail)
			r, stop := sending(t, sink, always)
			defer stop()
			r.Event(about(0), corev1.EventTypeNormal, "Reason", "a")
			pass(2 * eventInterval)
			sink.failWith(nil)
			pass(2 * eventRetry)
			r.Event(about(1), corev1.EventTypeNormal, "Reason", "b")
			pass(2 * eventInterval)
			_, calls := sink.written()
			if diff := cmp.Diff(tt.want, calls); diff != "" {
				t.Errorf("%s: writes (-want +got):\n%s", name, diff)
			}
		})
	}
}

// The API server takes 1,024 bytes. From the tenth similar event on client-go's correlator adds words of its own to the message.
func TestEventsAreShort(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		sink := newSinkLog()
		r, stop := sending(t, sink, always)
		defer stop()
		for i := range 10 {
			r.Event(about(0), corev1.EventTypeWarning, eventRefused, fmt.Sprint(i)+strings.Repeat("é", 2000))
		}
		pass(3 * eventInterval)
		sink.mu.Lock()
		defer sink.mu.Unlock()
		if sink.longest > 1024 || sink.longest < 900 {
			t.Errorf("a message has %d bytes", sink.longest)
		}
		combined := slices.ContainsFunc(sink.calls, func(call string) bool { return strings.Contains(call, "(combined") })
		if len(sink.calls) != 10 || !combined {
			t.Errorf("%d events are written, want 10; one as combined from similar ones: %t", len(sink.calls), combined)
		}
	})
}

// TestEventsAtAServer writes and counts an event about an object without a namespace.
func TestEventsAtAServer(t *testing.T) {
	config := localtest.ControlPlane(t)
	c := newClient(t, config)
	recorder, stop, err := newRecorder(config, "telling", always)
	if err != nil {
		t.Fatal(err)
	}
	defer stop()
	object := &corev1.ObjectReference{APIVersion: "v1", Kind: "Namespace", Name: "told-of"}
	for range 2 {
		recorder.Event(object, corev1.EventTypeNormal, "Telling", "100% told")
	}
	var got corev1.Event
	eventually(t, "the event counts two", func(ctx context.Context) (bool, error) {
		var list corev1.EventList
		if err := c.List(ctx, &list); err != nil {
			return false, err
		}
		for _, e := range list.Items {
			if e.InvolvedObject.Name == object.Name {
				got = e
			}
		}
		return got.Count == 2, nil
	})
	want := corev1.Event{
		ObjectMeta: metav1.ObjectMeta{Namespace: "default"}, InvolvedObject: *object, Type: corev1.EventTypeNormal, Reason: "Telling", Message: "100% told", Count: 2,
		Source: corev1.EventSource{Component: "telling"}, ReportingController: "telling", TypeMeta: got.TypeMeta,
		FirstTimestamp: got.FirstTimestamp, LastTimestamp: got.LastTimestamp,
	}
	want.ObjectMeta = got.ObjectMeta
	want.Namespace = "default"
	if diff := cmp.Diff(want, got); diff != "" || got.FirstTimestamp.IsZero() || got.LastTimestamp.IsZero() {
		t.Errorf("event (-want +got):\n%s", diff)
	}
}
