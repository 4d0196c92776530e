package host

import (
	"testing"
	"time"
)

func TestPause(t *testing.T) {
	for n, want := range map[int]time.Duration{1: firstPause, 2: 2 * firstPause, 3: 4 * firstPause, 7: longestPause, 1000: longestPause} {
		if got := pause(n); got != want {
			t.Errorf("pause(%d) = %v, want %v", n, got, want)
		}
	}
}

// Each step of a breaker's life is a letter: s and f are calls that succeed and fail, - is a call that must not be allowed, p is the pause
// after the present trip, c a call whose caller went away.
func TestBreaker(t *testing.T) {
	tests := []struct{ name, steps string }{
		{"stays closed while calls succeed now and then", "ffffsffffsffffs"},
		{"opens after five failures", "fffff---"},
		{"lets one call through after the pause", "fffff-pf-"},
		{"closes when that succeeds", "fffff-psffffsffff"},
		{"a probe whose caller left is made again", "fffff-pcs"},
		{"pauses grow", "fffffpfpfpf-"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			var b breaker
			now := time.Unix(0, 0)
			for i, step := range tt.steps {
				if step == 'p' {
					now = now.Add(pause(b.trips))
					continue
				}
				if allowed := b.allow(now); allowed != (step != '-') {
					t.Fatalf("step %d (%c): allowed is %t", i, step, allowed)
				}
				switch step {
				case 's', 'f':
					b.done(now, step == 's')
				case 'c':
					b.release()
				}
			}
		})
	}
}

func TestProbesAreSingle(t *testing.T) {
	b := breaker{}
	now := time.Unix(0, 0)
	for range tripAfter {
		b.allow(now)
		b.done(now, false)
	}
	now = now.Add(firstPause)
	if !b.allow(now) || b.allow(now) {
		t.Error("want one call to be let through, not none and not two")
	}
}
