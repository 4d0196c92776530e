package announce

import (
	"strings"
	"testing"
	"unicode/utf8"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/client-go/tools/events"
)

// accepted is the limit of the API server in bytes.
const accepted = 1024

func TestBoundedShortensWhatWouldBeRefused(t *testing.T) {
	tests := []struct{ name, note, want string }{
		{name: "short", note: "refused: 100% full", want: "refused: 100% full"},
		{name: "at the bound", note: strings.Repeat("a", maxNote), want: strings.Repeat("a", maxNote)},
		{name: "long", note: strings.Repeat("a", 5000), want: strings.Repeat("a", maxNote) + " …"},
		{name: "cut inside a character", note: "a" + strings.Repeat("é", 2000), want: "a" + strings.Repeat("é", maxNote/2-1) + " …"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			recorder := events.NewFakeRecorder(1)
			Bounded(recorder).Eventf(&corev1.Pod{}, nil, "Warning", "Failed", "Sync", "%s", tt.note)
			got := strings.TrimPrefix(<-recorder.Events, "Warning Failed ")
			if got != tt.want || len(got) > accepted || !utf8.ValidString(got) {
				t.Errorf("note of %d bytes is %q, want %q", len(got), got, tt.want)
			}
		})
	}
}

func TestFailuresAreNewsOnce(t *testing.T) {
	var f Failures[string]
	for i, step := range []struct {
		got, want bool
	}{
		{f.Forget("a"), false},
		{f.News("a", "full"), true},
		{f.News("a", "full"), false},
		{f.News("b", "full"), true},
		{f.News("a", "gone"), true},
		{f.Forget("a"), true},
		{f.Forget("a"), false},
		{f.News("a", "gone"), true},
	} {
		if step.got != step.want {
			t.Errorf("step %d: got %t, want %t", i, step.got, step.want)
		}
	}
}
