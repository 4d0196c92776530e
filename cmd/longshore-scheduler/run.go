package main

import (
	"cmp"
	"context"
	"net/http"
	"sync/atomic"
	"time"

	"golang.org/x/sync/errgroup"
	"k8s.io/client-go/rest"

	schedulerv1alpha1 "github.com/longshore-project/longshore/apis/scheduler/v1alpha1"
	"github.com/longshore-project/longshore/plugins/host"
	"github.com/longshore-project/longshore/scheduler/journal"
	"github.com/longshore-project/longshore/scheduler/loop"
	"github.com/longshore-project/longshore/scheduler/profile"
	"github.com/longshore-project/longshore/scheduler/shadow"
)

// theLoop is the loop as soon as there is one, for what it is made with and what must tell it something.
type theLoop = atomic.Pointer[loop.Loop]

// schedule runs until ctx ends.
func schedule(ctx context.Context, o *options, c *schedulerv1alpha1.SchedulerConfiguration, r *profile.Registry) error {
	config, err := o.clientConfig()
	if err != nil {
		return err
	}
	measured := newMetrics(o.config != "")
	running := new(theLoop)
	external, err := startExternal(ctx, c, measured.plugins, running)
	if err != nil {
		return err
	}
	defer external.close()
	built, err := o.build(c, r, external.plugin)
	if err != nil {
		return err
	}
	recorders := newRecorders(config, running)
	defer recorders.stop()
	shadows := newShadows(measured.shadows)
	shadowing := shadows.of(built)
	decided := journal.New(time.Now)
	profiles, err := toLoop(built, recorders, shadowing, decided)
	if err != nil {
		return err
	}
	asked, err := newEstimators(ctx, config, measured, running)
	if err != nil {
		return err
	}
	settle, err := asked.attach(c, profiles)
	if err != nil {
		return err
	}
	settle(true)
	defer asked.close()
	o.leaseName = cmp.Or(o.leaseName, leaseOf(built))
	lease := &fence{limit: o.renewDeadline}
	scheduling, err := loop.New(config, loop.Options{
		Profiles: profiles, Committers: o.committers, Metrics: measured.loop, Absent: absent, MayWrite: func() bool { return !o.leaderElect || lease.holds() },
	})
	if err != nil {
		return err
	}
	running.Store(scheduling)
	server, err := newServer(o, scheduling.Synced, measured.registry, map[string]http.Handler{
		host.ReportPath: external, shadow.ReportPath: shadows, journal.ReportPath: &explainer{decided, scheduling},
	})
	if err != nil {
		return err
	}
	work := func(ctx context.Context) error {
		external.await(ctx)
		return scheduling.Run(ctx)
	}
	group, ctx := errgroup.WithContext(ctx)
	group.Go(func() error { return server.serve(ctx) })
	shadows.use(shadowing)
	group.Go(func() error {
		shadows.run(ctx)
		return nil
	})
	if o.config != "" {
		reloading := &reloader{
			options: o, registry: r, external: external, estimators: asked, recorders: recorders, shadows: shadows, journal: decided, loop: scheduling, metrics: measured.reloads,
		}
		group.Go(func() error { return reloading.run(ctx) })
	}
	group.Go(func() error {
		newThrift(func() bool { return !scheduling.Synced() || scheduling.Waiting() > o.committers }).run(ctx)
		return nil
	})
	group.Go(func() error { return lead(ctx, o, config, server, lease, work) })
	return group.Wait()
}

// lead runs work, at once or as soon as this process is the leader.
func lead(ctx context.Context, o *options, config *rest.Config, s *server, f *fence, work func(context.Context) error) error {
	if !o.leaderElect {
		s.leading.Store(true)
		return work(ctx)
	}
	return elect(ctx, o, config, f, func(ctx context.Context) error {
		s.leading.Store(true)
		return work(ctx)
	})
}
