package main

import (
	"fmt"
	"strings"
	"testing"

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
