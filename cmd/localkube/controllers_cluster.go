package main

import (
	"context"
	"fmt"
	"os"
	"sync"
	"time"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apiserver/pkg/quota/v1/generic"
	"k8s.io/client-go/util/keyutil"
	"k8s.io/klog/v2"
	"k8s.io/kubernetes/pkg/controller"
	"k8s.io/kubernetes/pkg/controller/endpoint"
	"k8s.io/kubernetes/pkg/controller/endpointslice"
	"k8s.io/kubernetes/pkg/controller/garbagecollector"
	"k8s.io/kubernetes/pkg/controller/namespace"
	"k8s.io/kubernetes/pkg/controller/nodelifecycle"
	"k8s.io/kubernetes/pkg/controller/resourcequota"
	"k8s.io/kubernetes/pkg/controller/serviceaccount"
	"k8s.io/kubernetes/pkg/controller/tainteviction"
	quota "k8s.io/kubernetes/pkg/quota/v1/install"
	tokens "k8s.io/kubernetes/pkg/serviceaccount"
)

const (
	// collectPeriod is how soon garbage and quota of a kind that appeared while the process runs are seen.
	collectPeriod = 10 * time.Second
	// nodeMonitorPeriod, nodeStartupGrace and nodeMonitorGrace are kube-controller-manager's defaults.
	nodeMonitorPeriod = 5 * time.Second
	nodeStartupGrace  = 60 * time.Second
	nodeMonitorGrace  = 50 * time.Second
)

func buildNamespace(ctx context.Context, e *environment) (func(context.Context), error) {
	discover := e.client.Discovery().ServerPreferredNamespacedResources
	c := namespace.NewNamespaceController(ctx, e.client, e.metadata, discover, e.informers.Core().V1().Namespaces(), 5*time.Minute, corev1.FinalizerKubernetes)
	return func(ctx context.Context) { c.Run(ctx, 2*workers) }, nil
}

func buildGarbageCollector(ctx context.Context, e *environment) (func(context.Context), error) {
	c, err := garbagecollector.NewGarbageCollector(ctx, e.client, e.metadata, e.mapper, garbagecollector.DefaultIgnoredResources(), e.anyInformers, e.informersActive)
	if err != nil {
		return nil, err
	}
	return both(
		func(ctx context.Context) { c.Run(ctx, 4*workers, 30*time.Second) },
		func(ctx context.Context) { c.Sync(ctx, e.client.Discovery(), collectPeriod) },
	), nil
}

func buildServiceAccount(ctx context.Context, e *environment) (func(context.Context), error) {
	core := e.informers.Core().V1()
	c, err := serviceaccount.NewServiceAccountsController(klog.FromContext(ctx), core.ServiceAccounts(), core.Namespaces(), e.client,
		serviceaccount.DefaultServiceAccountsControllerOptions())
	if err != nil {
		return nil, err
	}
	return func(ctx context.Context) { c.Run(ctx, 1) }, nil
}

// buildServiceAccountToken fills Secrets of type service-account-token, the long-lived tokens that a join hands to the control plane.
func buildServiceAccountToken(ctx context.Context, e *environment) (func(context.Context), error) {
	if e.options.saKeyFile == "" {
		return nil, errNoSigningKey
	}
	key, err := keyutil.PrivateKeyFromFile(e.options.saKeyFile)
	if err != nil {
		return nil, fmt.Errorf("reading the signing key: %w", err)
	}
	rootCA := e.config.CAData
	if e.options.rootCAFile != "" {
		if rootCA, err = os.ReadFile(e.options.rootCAFile); err != nil {
			return nil, fmt.Errorf("reading the root CA: %w", err)
		}
	}
	generator, err := tokens.JWTTokenGenerator(tokens.LegacyIssuer, key)
	if err != nil {
		return nil, fmt.Errorf("preparing the token generator: %w", err)
	}
	core := e.informers.Core().V1()
	c, err := serviceaccount.NewTokensController(klog.FromContext(ctx), core.ServiceAccounts(), core.Secrets(), e.client,
		serviceaccount.TokensControllerOptions{TokenGenerator: generator, RootCA: rootCA})
	if err != nil {
		return nil, err
	}
	return func(ctx context.Context) { c.Run(ctx, workers) }, nil
}

func buildNodeLifecycle(ctx context.Context, e *environment) (func(context.Context), error) {
	core := e.informers.Core().V1()
	c, err := nodelifecycle.NewNodeLifecycleController(ctx, e.informers.Coordination().V1().Leases(), core.Pods(), core.Nodes(),
		e.informers.Apps().V1().DaemonSets(), e.client, nodeMonitorPeriod, nodeStartupGrace, nodeMonitorGrace, 0.1, 0.01, 50, 0.55)
	if err != nil {
		return nil, err
	}
	return c.Run, nil
}

func buildTaintEviction(ctx context.Context, e *environment) (func(context.Context), error) {
	core := e.informers.Core().V1()
	c, err := tainteviction.New(ctx, e.client, core.Pods(), core.Nodes(), "taint-eviction-controller")
	if err != nil {
		return nil, err
	}
	return c.Run, nil
}

func buildEndpoint(ctx context.Context, e *environment) (func(context.Context), error) {
	core := e.informers.Core().V1()
	c := endpoint.NewEndpointController(ctx, core.Pods(), core.Services(), core.Endpoints(), e.client, 0)
	return func(ctx context.Context) { c.Run(ctx, workers) }, nil
}

func buildEndpointSlice(ctx context.Context, e *environment) (func(context.Context), error) {
	core := e.informers.Core().V1()
	const maxEndpointsPerSlice = 100 // kube-controller-manager's default
	c := endpointslice.NewController(ctx, core.Pods(), core.Services(), core.Nodes(), e.informers.Discovery().V1().EndpointSlices(),
		maxEndpointsPerSlice, e.client, 0)
	return func(ctx context.Context) { c.Run(ctx, workers) }, nil
}

func buildResourceQuota(ctx context.Context, e *environment) (func(context.Context), error) {
	discover := e.client.Discovery().ServerPreferredNamespacedResources
	lister := generic.ListerFuncForResourceFunc(e.informers.ForResource)
	configuration, err := quota.NewQuotaConfigurationForControllers(lister, e.informers)
	if err != nil {
		return nil, err
	}
	c, err := resourcequota.NewController(ctx, &resourcequota.ControllerOptions{
		QuotaClient:               e.client.CoreV1(),
		ResourceQuotaInformer:     e.informers.Core().V1().ResourceQuotas(),
		ResyncPeriod:              controller.StaticResyncPeriodFunc(5 * time.Minute),
		InformerFactory:           e.anyInformers,
		ReplenishmentResyncPeriod: controller.StaticResyncPeriodFunc(resync),
		DiscoveryFunc:             discover,
		IgnoredResourcesFunc:      configuration.IgnoredResources,
		InformersStarted:          e.informersActive,
		Registry:                  generic.NewRegistry(configuration.Evaluators()),
		UpdateFilter:              quota.DefaultUpdateFilter(),
	})
	if err != nil {
		return nil, err
	}
	return both(
		func(ctx context.Context) { c.Run(ctx, workers) },
		func(ctx context.Context) { c.Sync(ctx, discover, collectPeriod) },
	), nil
}

// both runs two parts of one controller until the context ends.
func both(first, second func(context.Context)) func(context.Context) {
	return func(ctx context.Context) {
		var parts sync.WaitGroup
		parts.Go(func() { first(ctx) })
		parts.Go(func() { second(ctx) })
		parts.Wait()
	}
}
