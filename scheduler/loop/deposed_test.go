package loop

import (
	"sync/atomic"
	"testing"

	workv1alpha2 "github.com/longshore-project/longshore/apis/work/v1alpha2"
	"github.com/longshore-project/longshore/scheduler/cache"
)

// A process that may not write decides in vain: it leaves the binding alone, gives back the room, and tries again later.
func TestNothingIsWrittenWithoutLeave(t *testing.T) {
	w := newWorld(t)
	w.member("a")
	var may atomic.Bool
	o := w.options()
	o.MayWrite = may.Load
	var err error
	if w.loop, err = New(w.config, o); err != nil {
		t.Fatal(err)
	}
	b := w.binding("nginx", divided(true))
	w.start()
	for w.loop.queue.Depth().Backoff == 0 {
		w.quiet()
	}
	now := w.until(b, "it exists", func(workv1alpha2.Binding) bool { return true })
	if now.GetResourceVersion() != b.GetResourceVersion() {
		t.Errorf("the binding was written: %v", now)
	}
	if held := w.loop.fleet.Outstanding(); held != (cache.Outstanding{}) {
		t.Errorf("what was not written holds room: %+v", held)
	}
	w.expectEvents()
	may.Store(true)
	w.until(b, "it is placed", scheduledFor(workv1alpha2.ReasonSuccess))
}
