package sdk

import (
	"sync/atomic"
	"time"
)

// handover is how long the receiver may be busy before another goroutine receives in its place. It is far above the time that a plugin needs
// to look at a thousand clusters and far below a deadline. While there is work the timer fires so often, which wakes a thread each time.
const handover = 5 * time.Millisecond

// relay passes the duty of receiving on while the goroutine that has it is busy. A hand-over for each question would cost waking a thread,
// which is more than a fast plugin takes to answer; so a timer looks, while there is work, whether the same piece of work is still going on.
//
//	receiving ──begin──► busy ──end──► receiving
//	                       └──two looks of the timer──► relieved: take receives, end returns false
type relay struct {
	take  func()
	timer *time.Timer
	// turn is the piece of work that the receiver is busy with; zero when it receives or was relieved.
	turn  atomic.Uint64
	last  atomic.Uint64
	armed atomic.Bool
	// seen is the turn at the timer's last look.
	seen uint64
}

func newRelay(take func()) *relay {
	r := &relay{take: take}
	r.timer = time.AfterFunc(handover, r.look)
	r.timer.Stop()
	return r
}

// begin says that the receiver is going to be busy.
func (r *relay) begin() (turn uint64) {
	turn = r.last.Add(1)
	r.turn.Store(turn)
	r.arm()
	return turn
}

// end says that the work is done. It reports whether the caller still has the duty of receiving.
func (r *relay) end(turn uint64) bool { return r.turn.CompareAndSwap(turn, 0) }

func (r *relay) arm() {
	if r.armed.CompareAndSwap(false, true) {
		r.timer.Reset(handover)
	}
}

// look relieves the receiver if it is busy with the same work as the last time. The timer goes on while there is work.
func (r *relay) look() {
	turn := r.turn.Load()
	relieved := turn != 0 && turn == r.seen && r.turn.CompareAndSwap(turn, 0)
	r.seen = turn
	r.armed.Store(false)
	if r.turn.Load() != 0 {
		r.arm()
	}
	if relieved {
		r.take()
	}
}
