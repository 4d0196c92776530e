package main

import (
	"context"
	"fmt"
	"time"

	corev1 "k8s.io/api/core/v1"
	clientgoscheme "k8s.io/client-go/kubernetes/scheme"
	"k8s.io/klog/v2"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/cache"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/longshore-project/longshore/apis"
	"github.com/longshore-project/longshore/controllers/announce"
	"github.com/longshore-project/longshore/controllers/cluster"
	"github.com/longshore-project/longshore/controllers/clusterstatus"
	"github.com/longshore-project/longshore/controllers/execution"
	"github.com/longshore-project/longshore/controllers/interpreter"
	"github.com/longshore-project/longshore/controllers/member"
	"github.com/longshore-project/longshore/controllers/namespace"
)

// sides register the controllers. The two sides meet only in API objects: one turns templates and policies into Works and brings their
// status back, the other deals with members.
var sides = []func(context.Context, ctrl.Manager, *options) error{
	registerTemplateSide, registerMemberSide, registerDescheduler,
}

// run works until ctx ends. o must be valid.
func run(ctx context.Context, o *options) error {
	mgr, err := newManager(o)
	if err != nil {
		return err
	}
	for _, register := range sides {
		if err := register(ctx, mgr, o); err != nil {
			return err
		}
	}
	return mgr.Start(ctx)
}

func newManager(o *options) (ctrl.Manager, error) {
	ctrl.SetLogger(klog.Background())
	config, err := o.config()
	if err != nil {
		return nil, err
	}
	scheme := apis.NewScheme()
	if err := clientgoscheme.AddToScheme(scheme); err != nil {
		return nil, fmt.Errorf("registering the kinds of Kubernetes: %w", err)
	}
	grace := 10 * time.Second
	mgr, err := ctrl.NewManager(config, ctrl.Options{
		Scheme:                        scheme,
		Cache:                         cacheOptions(),
		Metrics:                       servingOptions(o),
		LeaderElection:                o.leaderElect,
		LeaderElectionID:              "longshore-controller-manager",
		LeaderElectionNamespace:       o.leaderElectNamespace,
		LeaderElectionReleaseOnCancel: true,
		GracefulShutdownTimeout:       &grace,
	})
	if err != nil {
		return nil, fmt.Errorf("connecting to the control plane %s: %w", config.Host, err)
	}
	return mgr, nil
}

// cacheOptions keep only what is read: managedFields never are, and of Secrets only the keys that open members.
func cacheOptions() cache.Options {
	return cache.Options{
		DefaultTransform: cache.TransformStripManagedFields(),
		ByObject:         map[client.Object]cache.ByObject{&corev1.Secret{}: {Transform: member.TrimSecret}},
	}
}

// registerMemberSide registers cluster life, sessions with members, status collection, namespaces and execution.
func registerMemberSide(ctx context.Context, mgr ctrl.Manager, o *options) error {
	skip, err := namespace.ParseSkip(o.skippedNamespaces)
	if err != nil {
		return err
	}
	works := &execution.Controller{
		Client: mgr.GetClient(), Interpreter: interpreter.New(), Events: announce.Bounded(mgr.GetEventRecorder("execution-controller")), Workers: o.workSyncs,
	}
	status := &clusterstatus.Controller{
		Client: mgr.GetClient(), Frequency: o.statusFrequency, WithoutResources: !o.resourceModeling,
		SuccessThreshold: o.successThreshold, FailureThreshold: o.failureThreshold,
	}
	sessions := &member.Controller{Client: mgr.GetClient(), Fleet: member.NewFleet(o.member, works, status)}
	clusters := &cluster.Controller{Client: mgr.GetClient(), Events: announce.Bounded(mgr.GetEventRecorder("cluster-controller"))}
	namespaces := &namespace.Controller{Client: mgr.GetClient(), Skip: skip, Workers: o.namespaceSyncs}
	for _, setup := range []func() error{
		func() error { return works.SetupWithManager(ctx, mgr) },
		func() error { return sessions.SetupWithManager(ctx, mgr) },
		func() error { return clusters.SetupWithManager(ctx, mgr) },
		func() error { return namespaces.SetupWithManager(mgr) },
	} {
		if err := setup(); err != nil {
			return err
		}
	}
	return nil
}
