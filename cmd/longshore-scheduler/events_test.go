package main

import (
	"fmt"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/client-go/kubernetes/scheme"
	"k8s.io/client-go/tools/record"
)

// createdSink takes down the events that are created.
type createdSink struct {
	record.EventSink
	created chan *corev1.Event
}

func (s createdSink) Create(e *corev1.Event) (*corev1.Event, error) {
	s.created <- e
	return e, nil
}

// The API server takes 1,024 bytes. From the tenth similar event on the recorder adds words of its own to the message.
func TestEventsAreShort(t *testing.T) {
	const similar = 10
	sink := createdSink{created: make(chan *corev1.Event, similar)}
	broadcaster := record.NewBroadcaster()
	defer broadcaster.Shutdown()
	broadcaster.StartRecordingToSink(sink)
	recorder := bounded{broadcaster.NewRecorder(scheme.Scheme, corev1.EventSource{Component: "test"})}
	about := &corev1.ObjectReference{Kind: "Lease", Namespace: "kube-system", Name: "longshore-scheduler"}
	for i := range similar {
		recorder.Event(about, corev1.EventTypeWarning, eventRefused, fmt.Sprint(i)+strings.Repeat("é", 2000))
	}
	var last string
	for range similar {
		last = (<-sink.created).Message
		if len(last) > 1024 || len(last) < 900 {
			t.Errorf("a message has %d bytes", len(last))
		}
	}
	if !strings.HasPrefix(last, "(combined") {
		t.Errorf("the recorder adds nothing to the last message: %.40q", last)
	}
}

// sinkCounter is a sink that counts what reaches it.
type sinkCounter struct {
	record.EventSink
	writes int
}

func (c *sinkCounter) Create(e *corev1.Event) (*corev1.Event, error) {
	c.writes++
	return e, nil
}

func (c *sinkCounter) Update(e *corev1.Event) (*corev1.Event, error) {
	c.writes++
	return e, nil
}

func (c *sinkCounter) Patch(e *corev1.Event, _ []byte) (*corev1.Event, error) {
	c.writes++
	return e, nil
}

// Events wait for results, but not for ever.
func TestEventsGiveWayToResults(t *testing.T) {
	e := &corev1.Event{}
	for name, write := range map[string]func(patientSink) (*corev1.Event, error){
		"create": func(s patientSink) (*corev1.Event, error) { return s.Create(e) },
		"update": func(s patientSink) (*corev1.Event, error) { return s.Update(e) },
		"patch":  func(s patientSink) (*corev1.Event, error) { return s.Patch(e, nil) },
	} {
		synctest.Test(t, func(t *testing.T) {
			c, quiet := &sinkCounter{}, make(chan struct{})
			s := patientSink{c, func() <-chan struct{} { return quiet }}
			done := make(chan error, 1)
			send := func() {
				_, err := write(s)
				done <- err
			}
			go send()
			time.Sleep(eventPatience - time.Nanosecond)
			synctest.Wait()
			if c.writes != 0 {
				t.Errorf("%s: the event is written while results are", name)
			}
			time.Sleep(time.Nanosecond)
			if err := <-done; err != nil || c.writes != 1 {
				t.Errorf("%s: %d events are written after the patience, %v; want 1", name, c.writes, err)
			}
			began := time.Now()
			go send()
			synctest.Wait()
			close(quiet)
			if err := <-done; err != nil || c.writes != 2 || !time.Now().Equal(began) {
				t.Errorf("%s: %d events are written when it is quiet after %v, %v; want 2 at once", name, c.writes, time.Since(began), err)
			}
		})
	}
}
