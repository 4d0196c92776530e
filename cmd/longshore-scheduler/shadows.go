package main

import (
	"context"
	"net/http"
	"sync"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/longshore-project/longshore/scheduler/loop"
	"github.com/longshore-project/longshore/scheduler/profile"
	"github.com/longshore-project/longshore/scheduler/shadow"
)

// shadows is the shadows of those profiles that have one.
type shadows struct {
	// inOrder is in the order of the configuration.
	inOrder []*shadow.Shadow
	byName  map[string]*shadow.Shadow
}

// newShadows returns shadows that do nothing before run.
func newShadows(profiles []profile.Profile, r prometheus.Registerer) *shadows {
	out, metrics := &shadows{byName: map[string]*shadow.Shadow{}}, shadow.NewMetrics(r)
	for _, p := range profiles {
		if p.Shadow == nil {
			continue
		}
		s := shadow.New(shadow.Options{Profile: p.SchedulerName, Pipeline: p.Shadow.Pipeline, Metrics: metrics})
		out.inOrder, out.byName[p.SchedulerName] = append(out.inOrder, s), s
	}
	return out
}

// observer returns the shadow of the profile, nil if it has none.
func (s *shadows) observer(schedulerName string) loop.Observer {
	if found, ok := s.byName[schedulerName]; ok {
		return found
	}
	return nil
}

// run lets the shadows decide until ctx ends.
func (s *shadows) run(ctx context.Context) {
	var group sync.WaitGroup
	for _, one := range s.inOrder {
		group.Go(func() { one.Run(ctx) })
	}
	group.Wait()
}

// ServeHTTP tells what the shadows found as a shadow.Report.
func (s *shadows) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	tell(w, r, shadow.NewReport(time.Now(), s.inOrder...))
}
