// Command longshore-scheduler decides on which member clusters templates run. It works against any control plane that serves the API groups
// of Karmada, as its only scheduler or beside others under a name of its own.
package main

import (
	"context"
	"fmt"
	"os"
	"os/signal"
	"syscall"

	"github.com/go-logr/logr"
	"github.com/prometheus/client_golang/prometheus"
	"golang.org/x/sync/errgroup"
	"k8s.io/client-go/rest"
	"k8s.io/klog/v2"

	"github.com/longshore-project/longshore/plugins/builtin"
	"github.com/longshore-project/longshore/scheduler/loop"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	if err := run(logr.NewContext(ctx, klog.Background()), os.Args[1:]); err != nil {
		fmt.Fprintln(os.Stderr, "longshore-scheduler:", err)
		os.Exit(1)
	}
}

func run(ctx context.Context, args []string) error {
	o, err := parse(args, os.Stdout)
	if err != nil || o == nil {
		return err
	}
	config, err := o.clientConfig()
	if err != nil {
		return err
	}
	recorder, stopEvents, err := newRecorder(config, o.schedulerName)
	if err != nil {
		return err
	}
	defer stopEvents()
	metrics := loop.NewMetrics()
	profile := builtin.Profile()
	profile.KeepEmpty = o.keepEmpty
	scheduling, err := loop.New(config, loop.Options{
		SchedulerName: o.schedulerName, Profile: profile, Committers: o.committers, Recorder: recorder, Metrics: metrics,
	})
	if err != nil {
		return err
	}
	server, err := newServer(o, scheduling.Synced, prometheus.Collector(metrics))
	if err != nil {
		return err
	}
	group, ctx := errgroup.WithContext(ctx)
	group.Go(func() error { return server.serve(ctx) })
	group.Go(func() error { return lead(ctx, o, config, server, scheduling.Run) })
	return group.Wait()
}

// lead runs work, at once or as soon as this process is the leader.
func lead(ctx context.Context, o *options, config *rest.Config, s *server, work func(context.Context) error) error {
	if !o.leaderElect {
		s.leading.Store(true)
		return work(ctx)
	}
	return elect(ctx, o, config, func(ctx context.Context) error {
		s.leading.Store(true)
		return work(ctx)
	})
}
