package sdk

import (
	"testing"
	"testing/synctest"
	"time"
)

func TestRelay(t *testing.T) {
	tests := []struct {
		name string
		// work is how long each piece of work takes, one after the other.
		work []time.Duration
		// relieved is the pieces after which the receiver has lost its duty.
		relieved int
	}{
		{"quick work is never interrupted", []time.Duration{handover / 3, handover / 3, handover / 3, handover / 3, handover / 3, handover / 3}, 0},
		{"long work is relieved once", []time.Duration{10 * handover}, 1},
		{"each long work is relieved", []time.Duration{10 * handover, handover / 4, 20 * handover}, 2},
		{"none", nil, 0},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				taken, lost := 0, 0
				r := newRelay(func() { taken++ })
				for _, d := range tt.work {
					turn := r.begin()
					<-time.After(d)
					if !r.end(turn) {
						lost++
					}
					synctest.Wait()
				}
				if taken != tt.relieved || lost != tt.relieved {
					t.Errorf("%d others took over and %d times the duty was lost, want %d", taken, lost, tt.relieved)
				}
				// The timer must come to rest, or the bubble would never end.
				<-time.After(3 * handover)
				if r.armed.Load() {
					t.Error("the timer runs without work")
				}
			})
		})
	}
}
