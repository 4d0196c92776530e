package loop

import (
	"net/http"
	"sync/atomic"
	"testing"

	workv1alpha2 "github.com/longshore-project/longshore/apis/work/v1alpha2"
)

func isClosed(c <-chan struct{}) bool {
	select {
	case <-c:
		return true
	default:
		return false
	}
}

func TestUnderway(t *testing.T) {
	var u underway
	if !isClosed(u.none()) {
		t.Error("it is not quiet at first")
	}
	u.begin()
	u.begin()
	first, second := u.none(), u.none()
	u.end()
	if isClosed(first) || isClosed(u.none()) {
		t.Error("it is quiet although one result is under way")
	}
	u.end()
	if !isClosed(first) || !isClosed(second) || !isClosed(u.none()) {
		t.Error("it is not quiet after the last result")
	}
	u.begin()
	if isClosed(u.none()) {
		t.Error("it stays quiet when the next result comes")
	}
}

// The loop is not quiet from the decision until the result is written.
func TestQuietWhenResultsAreWritten(t *testing.T) {
	var busy, seen atomic.Bool
	w := newWorldIntercepted(t, func(w *world, r *http.Request) {
		if r.Method == http.MethodPatch {
			seen.Store(true)
			busy.Store(!isClosed(w.loop.Quiet()))
		}
	})
	w.member("a")
	w.start()
	w.until(w.binding("nginx"), "it is placed", scheduledFor(workv1alpha2.ReasonSuccess))
	if !seen.Load() || !busy.Load() {
		t.Errorf("a write was seen: %t; the loop was busy meanwhile: %t", seen.Load(), busy.Load())
	}
	<-w.loop.Quiet()
}
