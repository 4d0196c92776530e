package host

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"time"

	"google.golang.org/protobuf/proto"

	pluginv1 "github.com/longshore-project/longshore/plugins/proto/v1"
	"github.com/longshore-project/longshore/scheduler/framework"
)

var (
	// errDraining means that the link takes no more questions because another one took its place.
	errDraining = errors.New("link is being replaced")
	errNoResync = errors.New("plugin does not take in the table of clusters")
	errStuck    = errors.New("plugin stopped reading")
	errExpired  = errors.New("no answer in time")
)

// link is one Work stream. It numbers questions, tells the table before them, and hands each answer to who waits for it.
//
// Whoever asks also sends, together with the questions of others that arrived in the meantime: an idle link costs no change of goroutine and a
// busy one fewer messages.
//
//	open ──drain──► draining ──last answer──► closed
//	  └───────────── stream broke ─────────────▲
type link struct {
	stream   pluginv1.PlacementPlugin_WorkClient
	facts    framework.Facts
	patience time.Duration
	// end ends the stream, and with it a message that cannot be sent.
	end     context.CancelFunc
	done    chan struct{}
	sweeper *time.Timer

	mu       sync.Mutex
	err      error
	draining bool
	sending  bool
	// sendingSince is when the message that is being sent was begun, in nanoseconds of the epoch.
	sendingSince atomic.Int64
	// sweeping is whether the sweeper is set.
	sweeping bool
	lastID   uint64
	waiting  map[uint64]waiter
	queue    []pending
	cancels  []uint64

	// forget asks the sender to tell the table anew; retold is the last question that was asked before it did.
	forget bool
	retold uint64

	// told and generation belong to whoever is sending.
	told       *framework.Snapshot
	generation uint64
	placements map[string]bool
}

// about is what the plugin must have been told before a question. The placement may be nil.
type about struct {
	snapshot  *framework.Snapshot
	placement *framework.Placement
}

type pending struct {
	about
	question *pluginv1.Question
}

// waiter is somebody who waits for an answer. A nil answer means that it came too late.
type waiter struct {
	answered chan *pluginv1.Answer
	// since is when the question was asked; zero for one that has no deadline but its context's.
	since time.Time
}

// newLink takes over the stream. Facts is what the plugin reads, patience how long a question waits for its answer and a message for being
// sent. End must end the stream; it is called when the link ends.
func newLink(stream pluginv1.PlacementPlugin_WorkClient, facts framework.Facts, patience time.Duration, end context.CancelFunc) *link {
	l := &link{
		stream: stream, facts: facts | framework.FactMembership, patience: patience, end: end, done: make(chan struct{}),
		waiting: map[uint64]waiter{}, placements: map[string]bool{},
	}
	l.sweeper = time.AfterFunc(patience, l.sweep)
	l.sweeper.Stop()
	go l.receive()
	return l
}

// ask sends the question and waits for the answer, the end of patience, of ctx or of the link. The link fills in id and generation.
func (l *link) ask(ctx context.Context, on about, q *pluginv1.Question) (*pluginv1.Answer, error) {
	const attempts = 3
	for range attempts {
		a, err := l.askOnce(ctx, on, q)
		if err != nil || !a.GetResync() {
			return a, err
		}
		l.resync(a.GetId())
		// The first message may still be read by who sent it.
		q = proto.Clone(q).(*pluginv1.Question)
	}
	return nil, errNoResync
}

func (l *link) askOnce(ctx context.Context, on about, q *pluginv1.Question) (*pluginv1.Answer, error) {
	return l.await(ctx, on, q, waiter{make(chan *pluginv1.Answer, 1), time.Now()})
}

// prime tells the plugin the table and waits, as long as ctx lasts, until it took that in. The question that goes with the table asks for
// nothing, so any answer will do.
func (l *link) prime(ctx context.Context, s *framework.Snapshot) error {
	_, err := l.await(ctx, about{snapshot: s}, &pluginv1.Question{}, waiter{answered: make(chan *pluginv1.Answer, 1)})
	return err
}

func (l *link) await(ctx context.Context, on about, q *pluginv1.Question, w waiter) (*pluginv1.Answer, error) {
	id, err := l.enqueue(on, q, w)
	if err != nil {
		return nil, err
	}
	select {
	case a := <-w.answered:
		if a == nil {
			return nil, errExpired
		}
		return a, nil
	case <-ctx.Done():
		l.abandon(id)
		return nil, ctx.Err()
	case <-l.done:
		return nil, l.reason()
	}
}

func (l *link) enqueue(on about, q *pluginv1.Question, w waiter) (uint64, error) {
	l.mu.Lock()
	if l.err != nil || l.draining {
		defer l.mu.Unlock()
		if l.err != nil {
			return 0, l.err
		}
		return 0, errDraining
	}
	l.lastID++
	id := l.lastID
	q.Id = id
	l.waiting[id] = w
	l.watch()
	l.queue = append(l.queue, pending{on, q})
	l.flush()
	return id, nil
}

// flush sends what is queued, unless somebody else does already. It is called with the lock held and returns without.
func (l *link) flush() {
	if l.sending {
		l.mu.Unlock()
		return
	}
	l.sending = true
	for (len(l.queue) > 0 || len(l.cancels) > 0) && l.err == nil {
		queue, cancels := l.queue, l.cancels
		l.queue, l.cancels = nil, nil
		if l.forget && len(queue) > 0 {
			l.told, l.forget, l.retold = nil, false, queue[0].question.GetId()-1
		}
		l.sendingSince.Store(time.Now().UnixNano())
		l.mu.Unlock()
		err := l.send(queue, cancels)
		l.mu.Lock()
		if err != nil {
			l.failLocked(fmt.Errorf("sending to plugin: %w", err))
		}
	}
	l.sending = false
	l.mu.Unlock()
}

// resync makes the next question be preceded by the whole table, unless that happened since the given question.
func (l *link) resync(id uint64) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.forget = l.forget || id > l.retold
}

// abandon forgets a question and tells the plugin.
func (l *link) abandon(id uint64) {
	l.mu.Lock()
	if _, ok := l.waiting[id]; !ok || l.err != nil {
		l.mu.Unlock()
		return
	}
	l.settle(id)
	l.cancels = append(l.cancels, id)
	l.flush()
}

// receive hands out answers until the stream ends. An answer that nobody waits for any more is dropped.
func (l *link) receive() {
	for {
		m, err := l.stream.Recv()
		if err != nil {
			l.fail(fmt.Errorf("reading from plugin: %w", err))
			return
		}
		for _, a := range m.GetAnswers() {
			if err := l.hand(a); err != nil {
				l.fail(err)
				return
			}
		}
	}
}

func (l *link) hand(a *pluginv1.Answer) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	if a.GetId() == 0 || a.GetId() > l.lastID {
		return fmt.Errorf("plugin answered question %d, which was never asked", a.GetId())
	}
	if w, ok := l.waiting[a.GetId()]; ok {
		w.answered <- a
		l.settle(a.GetId())
	}
	return nil
}

// sweepsPerPatience is how exact deadlines are: an answer is given up at most one tenth of the patience too late.
const sweepsPerPatience = 10

// watch sets the sweeper while somebody waits. One timer for all questions spares each of them a timer of its own, which costs more than the
// rest of the bookkeeping: it wakes the thread that waits for the network. It is called with the lock held.
func (l *link) watch() {
	if !l.sweeping {
		l.sweeping = true
		l.sweeper.Reset(l.patience / sweepsPerPatience)
	}
}

// sweep gives up the questions that waited long enough, and the link if a message does not get through.
func (l *link) sweep() {
	l.mu.Lock()
	l.sweeping = false
	if l.err != nil {
		l.mu.Unlock()
		return
	}
	now := time.Now()
	if l.sending && now.UnixNano()-l.sendingSince.Load() >= int64(l.patience) {
		l.failLocked(errStuck)
		l.mu.Unlock()
		return
	}
	for id, w := range l.waiting {
		if !w.since.IsZero() && now.Sub(w.since) >= l.patience {
			w.answered <- nil
			l.cancels = append(l.cancels, id)
			l.settle(id)
		}
	}
	if len(l.waiting) > 0 {
		l.watch()
	}
	if len(l.cancels) > 0 {
		l.flush()
		return
	}
	l.mu.Unlock()
}

// settle is called with the lock held when a question needs no answer any more.
func (l *link) settle(id uint64) {
	delete(l.waiting, id)
	if l.draining && len(l.waiting) == 0 {
		l.failLocked(errDraining)
	}
}

// drain takes no more questions and closes the link after the last answer.
func (l *link) drain() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.draining = true
	if len(l.waiting) == 0 {
		l.failLocked(errDraining)
	}
}

func (l *link) fail(err error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.failLocked(err)
}

func (l *link) failLocked(err error) {
	if l.err != nil {
		return
	}
	l.err = err
	close(l.done)
	l.end()
}

func (l *link) reason() error {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.err
}
