package main

import (
	"context"
	"net/http"
	"sync"
	"time"

	"github.com/longshore-project/longshore/scheduler/loop"
	"github.com/longshore-project/longshore/scheduler/profile"
	"github.com/longshore-project/longshore/scheduler/shadow"
)

// shadows lets the shadows of the present configuration decide. It is safe for concurrent use.
type shadows struct {
	metrics *shadow.Metrics
	// changed wakes run when there are others.
	changed chan struct{}

	mu      sync.Mutex
	present shadowSet
}

// shadowSet is the shadows of one configuration, in its order.
type shadowSet []shadowOf

// shadowOf is the shadow of the profile with that name.
type shadowOf struct {
	schedulerName string
	*shadow.Shadow
}

func newShadows(m *shadow.Metrics) *shadows {
	return &shadows{metrics: m, changed: make(chan struct{}, 1)}
}

// of returns the shadows of the profiles, which do not decide yet.
func (s *shadows) of(profiles []profile.Profile) shadowSet {
	var out shadowSet
	for _, p := range profiles {
		if p.Shadow != nil {
			made := shadow.New(shadow.Options{Profile: p.SchedulerName, Pipeline: p.Shadow.Pipeline, Metrics: s.metrics})
			out = append(out, shadowOf{p.SchedulerName, made})
		}
	}
	return out
}

// observer returns the shadow of the profile, nil if it has none.
func (s shadowSet) observer(schedulerName string) loop.Observer {
	for _, one := range s {
		if one.schedulerName == schedulerName {
			return one
		}
	}
	return nil
}

// use makes the shadows those that decide. What the ones before found is forgotten, except for the metrics.
func (s *shadows) use(next shadowSet) {
	s.mu.Lock()
	s.present = next
	s.mu.Unlock()
	select {
	case s.changed <- struct{}{}:
	default: // It is awake already.
	}
}

func (s *shadows) now() shadowSet {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.present
}

// run lets whichever shadows are present decide until ctx ends.
func (s *shadows) run(ctx context.Context) {
	for ctx.Err() == nil {
		running, stop := context.WithCancel(ctx)
		var group sync.WaitGroup
		for _, one := range s.now() {
			group.Go(func() { one.Run(running) })
		}
		select {
		case <-s.changed:
		case <-ctx.Done():
		}
		stop()
		group.Wait()
	}
}

// ServeHTTP tells what the shadows found as a shadow.Report.
func (s *shadows) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	var present []*shadow.Shadow
	for _, one := range s.now() {
		present = append(present, one.Shadow)
	}
	tell(w, r, shadow.NewReport(time.Now(), present...))
}
