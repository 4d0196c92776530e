package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"sync/atomic"
	"time"

	"github.com/google/uuid"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/rest"
	"k8s.io/client-go/tools/leaderelection"
	"k8s.io/client-go/tools/leaderelection/resourcelock"
)

// Times of the leader election: those of the Kubernetes control plane.
const (
	leaseDuration = 15 * time.Second
	renewDeadline = 10 * time.Second
	retryPeriod   = 2 * time.Second
)

var errLostLease = errors.New("the lease was lost: another process may schedule now, so this one ends")

// elect runs work while this process holds the lease. When it loses the lease it ends: what it knows may be out of date.
func elect(ctx context.Context, o *options, config *rest.Config, work func(context.Context) error) error {
	// A client of its own, so that the loop's writes cannot delay the renewal.
	client, err := kubernetes.NewForConfig(config)
	if err != nil {
		return fmt.Errorf("making a client for the lease: %w", err)
	}
	if err := mayLease(ctx, client, o); err != nil {
		return err
	}
	host, err := os.Hostname()
	if err != nil {
		return fmt.Errorf("naming this process: %w", err)
	}
	lock, err := resourcelock.New(resourcelock.LeasesResourceLock, o.leaseNamespace, o.leaseName, client.CoreV1(), client.CoordinationV1(),
		resourcelock.ResourceLockConfig{Identity: host + "_" + uuid.NewString()})
	if err != nil {
		return fmt.Errorf("preparing the lease: %w", err)
	}
	ctx, stop := context.WithCancel(ctx)
	defer stop()
	var started atomic.Bool
	ended := make(chan error, 1)
	elector, err := leaderelection.NewLeaderElector(leaderelection.LeaderElectionConfig{
		Lock: lock, LeaseDuration: leaseDuration, RenewDeadline: renewDeadline, RetryPeriod: retryPeriod, ReleaseOnCancel: true,
		Callbacks: leaderelection.LeaderCallbacks{
			OnStartedLeading: func(ctx context.Context) {
				started.Store(true)
				ended <- work(ctx)
				stop()
			},
			OnStoppedLeading: func() {},
		},
	})
	if err != nil {
		return fmt.Errorf("preparing the leader election: %w", err)
	}
	elector.Run(ctx)
	if ctx.Err() == nil {
		return errLostLease
	}
	if started.Load() {
		return <-ended
	}
	return nil
}

// mayLease returns an error if the lease is forbidden to this account: the election would try for ever. Other failures may pass.
func mayLease(ctx context.Context, client kubernetes.Interface, o *options) error {
	_, err := client.CoordinationV1().Leases(o.leaseNamespace).Get(ctx, o.leaseName, metav1.GetOptions{})
	if apierrors.IsForbidden(err) {
		return fmt.Errorf("taking the lease: %w; name it in the Role of deploy/scheduler.yaml, or choose another with --leader-elect-resource-name", err)
	}
	return nil
}
