package binding

import (
	"errors"
	"testing"

	"github.com/google/go-cmp/cmp"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/client-go/tools/events"
	"sigs.k8s.io/controller-runtime/pkg/client"
)

// told returns the events since the last call.
func told(recorder *events.FakeRecorder) []string {
	var out []string
	for len(recorder.Events) > 0 {
		out = append(out, <-recorder.Events)
	}
	return out
}

// A Work that cannot be written and one that cannot be removed, pass after pass, are two pieces of news.
func TestFailuresOfTwoKindsAreToldOnceEach(t *testing.T) {
	recorder := events.NewFakeRecorder(100)
	a, b, template := newAnnouncer(recorder), New("shop", "web-deployment"), &unstructured.Unstructured{}
	pass := func(removed, written error) {
		a.cleanedUp(b, removed)
		if written != nil {
			a.failed(b, template, written)
		} else {
			a.succeeded(b, template)
		}
	}
	stuck, refused := errors.New("it is stuck"), errors.New("it is refused")
	for range 3 {
		pass(stuck, refused)
	}
	want := []string{"Warning CleanupWorkFailed it is stuck", "Warning SyncWorkFailed it is refused", "Warning SyncWorkFailed it is refused"}
	if diff := cmp.Diff(want, told(recorder)); diff != "" {
		t.Errorf("events of three passes (-want +got):\n%s", diff)
	}
	pass(nil, nil)
	pass(stuck, nil)
	want = []string{
		"Normal SyncWorkSucceed every Work is as it should be", "Normal SyncWorkSucceed every Work is as it should be", "Warning CleanupWorkFailed it is stuck",
	}
	if diff := cmp.Diff(want, told(recorder)); diff != "" {
		t.Errorf("events after it went well once (-want +got):\n%s", diff)
	}
	a.forget(client.ObjectKeyFromObject(b))
	pass(stuck, nil)
	if got := told(recorder); len(got) != 1 {
		t.Errorf("another binding of the name fails and is told of by %v, want one event", got)
	}
}
