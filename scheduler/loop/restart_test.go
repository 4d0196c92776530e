package loop

import (
	"context"
	"errors"
	"net/http"
	"strings"
	"testing"

	workv1alpha2 "github.com/longshore-project/longshore/apis/work/v1alpha2"
)

// severed is a connection that breaks before every write of a status: what a process sees that dies between its two writes.
type severed struct{ next http.RoundTripper }

var errSevered = errors.New("connection severed")

func (s severed) RoundTrip(r *http.Request) (*http.Response, error) {
	if r.Method == http.MethodPatch && strings.HasSuffix(r.URL.Path, "/status") {
		return nil, errSevered
	}
	return s.next.RoundTrip(r)
}

func TestDiedBetweenTheTwoWrites(t *testing.T) {
	w := newWorld(t)
	w.member("a")
	b := w.binding("nginx", divided(true))
	dying, whole := w.config, *w.config
	dying.Wrap(func(next http.RoundTripper) http.RoundTripper { return severed{next} })
	first, err := New(dying, w.options())
	if err != nil {
		t.Fatal(err)
	}
	ctx, kill := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() { ended <- first.Run(ctx) }()
	placed := w.until(b, "the placement is written", func(b workv1alpha2.Binding) bool { return targets(b) == "a:4" })
	kill()
	if err := <-ended; err != nil {
		t.Fatalf("Run: %v", err)
	}
	if len(placed.BindingStatus().Conditions) != 0 {
		t.Fatal("the status was written after all")
	}

	if w.loop, err = New(&whole, w.options()); err != nil {
		t.Fatal(err)
	}
	w.start()
	now := w.until(b, "the status is written", scheduledFor(workv1alpha2.ReasonSuccess))
	if got := now.GetGeneration(); got != placed.GetGeneration() || targets(now) != "a:4" {
		t.Errorf("the next process wrote the placement again: generation %d with %s, want %d with a:4", got, targets(now), placed.GetGeneration())
	}
}
