package host

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"google.golang.org/grpc"

	pluginv1 "github.com/longshore-project/longshore/plugins/proto/v1"
	"github.com/longshore-project/longshore/scheduler/framework"
)

const patience = time.Second

// peer is the plugin's end of a link, in memory. A message is sent when somebody reads it.
type peer struct {
	grpc.ClientStream
	ended    chan struct{}
	sent     chan *pluginv1.WorkRequest
	answered chan *pluginv1.WorkResponse
}

func newPeer() *peer {
	return &peer{ended: make(chan struct{}), sent: make(chan *pluginv1.WorkRequest), answered: make(chan *pluginv1.WorkResponse)}
}

func (p *peer) Send(m *pluginv1.WorkRequest) error {
	select {
	case p.sent <- m:
		return nil
	case <-p.ended:
		return context.Canceled
	}
}

func (p *peer) Recv() (*pluginv1.WorkResponse, error) {
	m, ok := <-p.answered
	if !ok {
		return nil, io.EOF
	}
	return m, nil
}

func (p *peer) answer(a *pluginv1.Answer) {
	p.answered <- &pluginv1.WorkResponse{Answers: []*pluginv1.Answer{a}}
}

// read returns the next message.
func (p *peer) read() *pluginv1.WorkRequest { return <-p.sent }

// result is what became of a question.
type result struct {
	answer *pluginv1.Answer
	err    error
}

// linked runs the test on a link in a bubble of its own time, and ends the link afterwards.
func linked(t *testing.T, test func(t *testing.T, l *link, p *peer)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		p := newPeer()
		l := newLink(p, framework.AllFacts, patience, func() { close(p.ended) })
		defer close(p.answered)
		test(t, l, p)
	})
}

func fleetOf(names ...string) *framework.Snapshot {
	var list []*framework.Cluster
	for _, n := range names {
		list = append(list, &framework.Cluster{Name: n})
	}
	return framework.NewSnapshot(list, 1)
}

// ask asks in the background.
func ask(ctx context.Context, l *link, s *framework.Snapshot) <-chan result {
	out := make(chan result, 1)
	go func() {
		a, err := l.ask(ctx, about{snapshot: s}, &pluginv1.Question{})
		out <- result{a, err}
	}()
	return out
}

func TestQuestionsThatWaitShareAMessage(t *testing.T) {
	linked(t, func(t *testing.T, l *link, p *peer) {
		s := fleetOf("a")
		first := ask(t.Context(), l, s)
		synctest.Wait()
		var others []<-chan result
		for range 3 {
			others = append(others, ask(t.Context(), l, s))
		}
		synctest.Wait()
		if m := p.read(); len(m.GetQuestions()) != 1 || len(m.GetTable().GetClusters()) != 1 {
			t.Errorf("first message is %v, want the table and one question", m)
		}
		m := p.read()
		if len(m.GetQuestions()) != 3 || m.GetTable() != nil {
			t.Fatalf("second message is %v, want three questions and no table", m)
		}
		for id := uint64(4); id > 0; id-- {
			p.answer(&pluginv1.Answer{Id: id})
		}
		for i, c := range append(others, first) {
			if r := <-c; r.err != nil {
				t.Errorf("question %d: %v", i, r.err)
			}
		}
	})
}

func TestChangesAreToldBetweenQuestions(t *testing.T) {
	linked(t, func(t *testing.T, l *link, p *peer) {
		before := fleetOf("a", "b")
		after := before.With(2, &framework.Cluster{Name: "b", Region: "eu"})
		steps := []struct {
			fleet      *framework.Snapshot
			told       int
			generation uint64
		}{{before, 2, 1}, {before, 0, 1}, {after, 1, 2}, {before, 1, 3}, {fleetOf("b"), 0, 4}}
		for i, step := range steps {
			c := ask(t.Context(), l, step.fleet)
			m := p.read()
			if got := len(m.GetTable().GetClusters()); got != step.told || m.GetQuestions()[0].GetGeneration() != step.generation {
				t.Errorf("step %d: %d clusters told and generation %d asked, want %d and %d", i, got,
					m.GetQuestions()[0].GetGeneration(), step.told, step.generation)
			}
			p.answer(&pluginv1.Answer{Id: m.GetQuestions()[0].GetId()})
			if r := <-c; r.err != nil {
				t.Fatal(r.err)
			}
		}
	})
}

// A placement is told with the first question about it, and again after so many others that the plugin was told to forget.
func TestPlacementsAreToldOnce(t *testing.T) {
	linked(t, func(t *testing.T, l *link, p *peer) {
		s := fleetOf("a")
		told := func(fingerprint string) (int, bool) {
			answered := make(chan error, 1)
			go func() {
				_, err := l.ask(t.Context(), about{s, &framework.Placement{Fingerprint: fingerprint}}, &pluginv1.Question{})
				answered <- err
			}()
			m := p.read()
			p.answer(&pluginv1.Answer{Id: m.GetQuestions()[0].GetId()})
			if err := <-answered; err != nil {
				t.Fatal(err)
			}
			return len(m.GetPlacements()), m.GetForgetPlacements()
		}
		forgets := 0
		for i := range rememberedPlacements + 1 {
			n, forget := told(fmt.Sprint(i))
			if again, _ := told(fmt.Sprint(i)); n != 1 || again != 0 {
				t.Fatalf("placement %d was told %d times and then %d times, want once", i, n, again)
			}
			if forget {
				forgets++
			}
		}
		if n, _ := told("0"); n != 1 || forgets != 1 {
			t.Errorf("after %d times of forgetting the first placement was told %d times, want one and one", forgets, n)
		}
		if n, _ := told(""); n != 0 {
			t.Error("a placement without a fingerprint was told apart from its request")
		}
	})
}

func TestResyncTellsEverythingAndAsksAgain(t *testing.T) {
	linked(t, func(t *testing.T, l *link, p *peer) {
		s := fleetOf("a", "b")
		c := ask(t.Context(), l, s)
		p.answer(&pluginv1.Answer{Id: p.read().GetQuestions()[0].GetId(), Resync: true})
		again := p.read()
		if again.GetTable().GetBaseGeneration() != 0 || len(again.GetTable().GetClusters()) != 2 {
			t.Errorf("second message is %v, want the whole table", again)
		}
		p.answer(&pluginv1.Answer{Id: again.GetQuestions()[0].GetId(), Error: "fine"})
		if r := <-c; r.err != nil || r.answer.GetError() != "fine" {
			t.Errorf("got %v, want the second answer", r)
		}
	})
}

func TestEndlessResyncIsGivenUp(t *testing.T) {
	linked(t, func(t *testing.T, l *link, p *peer) {
		c := ask(t.Context(), l, fleetOf("a"))
		for range 3 {
			p.answer(&pluginv1.Answer{Id: p.read().GetQuestions()[0].GetId(), Resync: true})
		}
		if r := <-c; !errors.Is(r.err, errNoResync) {
			t.Errorf("got %v, want %v", r, errNoResync)
		}
	})
}

// A late question is given up between one and one tenth more of the patience, and the plugin is told.
func TestDeadline(t *testing.T) {
	linked(t, func(t *testing.T, l *link, p *peer) {
		begun := time.Now()
		c := ask(t.Context(), l, fleetOf("a"))
		id := p.read().GetQuestions()[0].GetId()
		cancelled := p.read()
		if got := cancelled.GetCancelled(); len(got) != 1 || got[0] != id {
			t.Errorf("the plugin was told %v, want that question %d is over", cancelled, id)
		}
		r := <-c
		if took := time.Since(begun); !errors.Is(r.err, errExpired) || took < patience || took > patience+patience/sweepsPerPatience {
			t.Errorf("got %v after %v", r, took)
		}
		p.answer(&pluginv1.Answer{Id: id}) // too late, and nobody minds
		c = ask(t.Context(), l, fleetOf("a"))
		p.answer(&pluginv1.Answer{Id: p.read().GetQuestions()[0].GetId()})
		if r := <-c; r.err != nil {
			t.Errorf("the next question: %v", r.err)
		}
	})
}

func TestCallerWhoLeaves(t *testing.T) {
	linked(t, func(t *testing.T, l *link, p *peer) {
		ctx, cancel := context.WithCancel(t.Context())
		c := ask(ctx, l, fleetOf("a"))
		id := p.read().GetQuestions()[0].GetId()
		cancel()
		if got := p.read().GetCancelled(); len(got) != 1 || got[0] != id {
			t.Errorf("cancelled %v, want %d", got, id)
		}
		if r := <-c; !errors.Is(r.err, context.Canceled) {
			t.Errorf("got %v", r)
		}
	})
}

// Priming waits as long as its context lasts.
func TestPrimeHasNoDeadline(t *testing.T) {
	linked(t, func(t *testing.T, l *link, p *peer) {
		primed := make(chan error, 1)
		go func() { primed <- l.prime(t.Context(), fleetOf("a")) }()
		m := p.read()
		<-time.After(10 * patience)
		p.answer(&pluginv1.Answer{Id: m.GetQuestions()[0].GetId()})
		if err := <-primed; err != nil {
			t.Error(err)
		}
	})
}

func TestBrokenPeers(t *testing.T) {
	tests := []struct {
		name string
		act  func(p *peer)
		says string
	}{
		{"answers what was not asked", func(p *peer) {
			p.read()
			p.answer(&pluginv1.Answer{Id: 77})
		}, "question 77, which was never asked"},
		{"answers nobody", func(p *peer) {
			p.read()
			p.answer(&pluginv1.Answer{})
		}, "question 0, which was never asked"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			linked(t, func(t *testing.T, l *link, p *peer) {
				c := ask(t.Context(), l, fleetOf("a"))
				tt.act(p)
				if r := <-c; r.err == nil || !strings.Contains(r.err.Error(), tt.says) {
					t.Errorf("got %v, want the words %q", r, tt.says)
				}
				if r := <-ask(t.Context(), l, fleetOf("a")); r.err == nil {
					t.Error("the link still takes questions")
				}
			})
		})
	}
}

// A plugin that reads nothing holds one sender up for its patience and then nobody.
func TestPeerThatDoesNotRead(t *testing.T) {
	linked(t, func(t *testing.T, l *link, p *peer) {
		sender := ask(t.Context(), l, fleetOf("a"))
		synctest.Wait()
		other := ask(t.Context(), l, fleetOf("a"))
		if r := <-other; !errors.Is(r.err, errStuck) {
			t.Errorf("the other caller got %v, want %v", r, errStuck)
		}
		if r := <-sender; !errors.Is(r.err, errStuck) {
			t.Errorf("the sender got %v, want %v", r, errStuck)
		}
	})
}

func TestDrainingLetsAnswersIn(t *testing.T) {
	linked(t, func(t *testing.T, l *link, p *peer) {
		c := ask(t.Context(), l, fleetOf("a"))
		id := p.read().GetQuestions()[0].GetId()
		l.drain()
		if r := <-ask(t.Context(), l, fleetOf("a")); !errors.Is(r.err, errDraining) {
			t.Errorf("a new question got %v, want %v", r, errDraining)
		}
		p.answer(&pluginv1.Answer{Id: id})
		if r := <-c; r.err != nil {
			t.Errorf("the question in flight got %v", r.err)
		}
		<-l.done
	})
}

func TestManyAskers(t *testing.T) {
	linked(t, func(t *testing.T, l *link, p *peer) {
		fleets := []*framework.Snapshot{fleetOf("a"), fleetOf("a", "b")}
		stop := make(chan struct{})
		var peerDone sync.WaitGroup
		peerDone.Go(func() {
			for {
				select {
				case m := <-p.sent:
					for _, q := range m.GetQuestions() {
						p.answer(&pluginv1.Answer{Id: q.GetId(), Error: string(rune('0' + q.GetTerm()))})
					}
				case <-stop:
					return
				}
			}
		})
		var askers sync.WaitGroup
		for i := range 50 {
			askers.Go(func() {
				a, err := l.ask(t.Context(), about{snapshot: fleets[i%2]}, &pluginv1.Question{Term: uint32(i % 10)})
				if err != nil || a.GetError() != string(rune('0'+i%10)) {
					t.Errorf("asker %d got %v, %v", i, a, err)
				}
			})
		}
		askers.Wait()
		close(stop)
		peerDone.Wait()
	})
}
