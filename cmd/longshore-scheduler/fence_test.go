package main

import (
	"context"
	"errors"
	"testing"
	"testing/synctest"
	"time"

	"k8s.io/client-go/tools/leaderelection/resourcelock"
)

// lockDouble is a lock of process "we" whose writes take so long and end so.
type lockDouble struct {
	resourcelock.Interface
	holder string
	takes  time.Duration
	fails  error
	// during is called while a write is under way.
	during func()
}

func (*lockDouble) Identity() string { return "we" }

func (l *lockDouble) Get(context.Context) (*resourcelock.LeaderElectionRecord, []byte, error) {
	return &resourcelock.LeaderElectionRecord{HolderIdentity: l.holder}, nil, l.fails
}

func (l *lockDouble) Update(_ context.Context, r resourcelock.LeaderElectionRecord) error {
	time.Sleep(l.takes)
	if l.during != nil {
		l.during()
	}
	if l.fails == nil {
		l.holder = r.HolderIdentity
	}
	return l.fails
}

func (l *lockDouble) Create(ctx context.Context, r resourcelock.LeaderElectionRecord) error {
	return l.Update(ctx, r)
}

func TestFence(t *testing.T) {
	const limit = 10 * time.Second
	ours := resourcelock.LeaderElectionRecord{HolderIdentity: "we"}
	try := func(write func(context.Context, resourcelock.LeaderElectionRecord) error, r resourcelock.LeaderElectionRecord) {
		_ = write(t.Context(), r) // Some are meant to fail.
	}
	read := func(f *fence) { _, _, _ = f.Get(t.Context()) }
	tests := []struct {
		name string
		do   func(*fence, *lockDouble)
		held bool
		lost int
	}{
		{name: "at first", do: func(*fence, *lockDouble) {}},
		{name: "created", do: func(f *fence, _ *lockDouble) { try(f.Create, ours) }, held: true},
		{name: "could not be created", do: func(f *fence, l *lockDouble) { l.fails = errors.New("no"); try(f.Create, ours) }},
		{name: "taken and read", do: func(f *fence, _ *lockDouble) { try(f.Update, ours); read(f) }, held: true},
		{name: "just before the limit", do: func(f *fence, _ *lockDouble) { try(f.Update, ours); time.Sleep(limit - 1) }, held: true},
		{name: "at the limit", do: func(f *fence, _ *lockDouble) { try(f.Update, ours); time.Sleep(limit) }},
		{name: "the limit counts from before the renewal", do: func(f *fence, l *lockDouble) {
			l.takes = time.Second
			try(f.Update, ours)
			time.Sleep(limit - time.Second)
		}},
		{name: "renewed in time", do: func(f *fence, _ *lockDouble) {
			try(f.Update, ours)
			time.Sleep(limit - 1)
			try(f.Update, ours)
			time.Sleep(limit - 1)
		}, held: true},
		{name: "renewed late", do: func(f *fence, _ *lockDouble) { try(f.Update, ours); time.Sleep(2 * limit); try(f.Update, ours) }, held: true},
		{name: "a renewal that fails is none", do: func(f *fence, l *lockDouble) {
			try(f.Update, ours)
			l.fails = errors.New("no")
			time.Sleep(limit - 1)
			try(f.Update, ours)
			time.Sleep(time.Nanosecond)
		}},
		{name: "found in other hands", do: func(f *fence, l *lockDouble) { try(f.Update, ours); l.holder = "others"; read(f); read(f) }, lost: 1},
		{name: "found in other hands after the limit", do: func(f *fence, l *lockDouble) {
			try(f.Update, ours)
			time.Sleep(limit)
			l.holder = "others"
			read(f)
		}, lost: 1},
		{name: "held by others all the time", do: func(f *fence, l *lockDouble) { l.holder = "others"; read(f) }},
		{name: "could not be read", do: func(f *fence, l *lockDouble) {
			try(f.Update, ours)
			l.holder, l.fails = "others", errors.New("no")
			read(f)
		}, held: true},
		{name: "given back", do: func(f *fence, l *lockDouble) {
			try(f.Update, ours)
			l.during = func() {
				if f.holds() {
					t.Error("it is held while it is given back")
				}
			}
			try(f.Update, resourcelock.LeaderElectionRecord{})
		}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				l, lost := &lockDouble{}, 0
				f := &fence{Interface: l, limit: limit, lost: func() { lost++ }}
				tt.do(f, l)
				if f.holds() != tt.held || lost != tt.lost {
					t.Errorf("held %v, told to be lost %d times; want %v and %d", f.holds(), lost, tt.held, tt.lost)
				}
			})
		})
	}
}
