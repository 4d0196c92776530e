// Command longshore-scheduler decides on which member clusters templates run. It works against any control plane that serves the API groups
// of Karmada, as its only scheduler or beside others under a name of its own.
package main

import (
	"cmp"
	"context"
	"fmt"
	"io"
	"os"
	"os/signal"
	"syscall"

	"github.com/go-logr/logr"
	"github.com/prometheus/client_golang/prometheus"
	"golang.org/x/sync/errgroup"
	"k8s.io/client-go/rest"
	"k8s.io/klog/v2"

	"github.com/longshore-project/longshore/scheduler/loop"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	if err := run(logr.NewContext(ctx, klog.Background()), os.Args[1:], os.Stdout); err != nil {
		fmt.Fprintln(os.Stderr, "longshore-scheduler:", err)
		os.Exit(1)
	}
}

func run(ctx context.Context, args []string, out io.Writer) error {
	o, err := parse(args, out)
	if err != nil || o == nil {
		return err
	}
	built, err := o.profiles()
	if err != nil {
		return err
	}
	if done, err := o.answerOnly(built, out); done || err != nil {
		return err
	}
	config, err := o.clientConfig()
	if err != nil {
		return err
	}
	profiles, stopEvents, err := toLoop(built, config)
	if err != nil {
		return err
	}
	defer stopEvents()
	o.leaseName = cmp.Or(o.leaseName, leaseOf(built))
	metrics := loop.NewMetrics()
	scheduling, err := loop.New(config, loop.Options{Profiles: profiles, Committers: o.committers, Metrics: metrics})
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
