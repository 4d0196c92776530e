package main

import (
	"context"
	"time"

	"k8s.io/client-go/dynamic"
	"k8s.io/client-go/scale"
	"k8s.io/client-go/util/flowcontrol"
	"k8s.io/kubernetes/pkg/controller/cronjob"
	"k8s.io/kubernetes/pkg/controller/daemon"
	"k8s.io/kubernetes/pkg/controller/deployment"
	"k8s.io/kubernetes/pkg/controller/disruption"
	"k8s.io/kubernetes/pkg/controller/job"
	"k8s.io/kubernetes/pkg/controller/replicaset"
	"k8s.io/kubernetes/pkg/controller/statefulset"
)

// workers is the number of objects that a controller works on at once: kube-controller-manager's usual default.
const workers = 5

func buildDeployment(ctx context.Context, e *environment) (func(context.Context), error) {
	apps := e.informers.Apps().V1()
	c, err := deployment.NewDeploymentController(ctx, apps.Deployments(), apps.ReplicaSets(), e.informers.Core().V1().Pods(), e.client)
	if err != nil {
		return nil, err
	}
	return func(ctx context.Context) { c.Run(ctx, workers) }, nil
}

func buildReplicaSet(ctx context.Context, e *environment) (func(context.Context), error) {
	c := replicaset.NewReplicaSetController(ctx, e.informers.Apps().V1().ReplicaSets(), e.informers.Core().V1().Pods(), e.client, replicaset.BurstReplicas)
	return func(ctx context.Context) { c.Run(ctx, workers) }, nil
}

func buildStatefulSet(ctx context.Context, e *environment) (func(context.Context), error) {
	core, apps := e.informers.Core().V1(), e.informers.Apps().V1()
	c := statefulset.NewStatefulSetController(ctx, core.Pods(), apps.StatefulSets(), core.PersistentVolumeClaims(), apps.ControllerRevisions(), e.client)
	return func(ctx context.Context) { c.Run(ctx, workers) }, nil
}

func buildDaemonSet(ctx context.Context, e *environment) (func(context.Context), error) {
	core, apps := e.informers.Core().V1(), e.informers.Apps().V1()
	backoff := flowcontrol.NewBackOff(time.Second, 15*time.Minute)
	c, err := daemon.NewDaemonSetsController(ctx, apps.DaemonSets(), apps.ControllerRevisions(), core.Pods(), core.Nodes(), e.client, backoff)
	if err != nil {
		return nil, err
	}
	return func(ctx context.Context) { c.Run(ctx, workers) }, nil
}

// buildJob leaves the informers for workloads and pod groups out: they are read only behind a gate that is off by default.
func buildJob(ctx context.Context, e *environment) (func(context.Context), error) {
	c, err := job.NewController(ctx, e.client, e.informers.Core().V1().Pods(), e.informers.Batch().V1().Jobs(), nil, nil)
	if err != nil {
		return nil, err
	}
	return func(ctx context.Context) { c.Run(ctx, workers) }, nil
}

func buildCronJob(ctx context.Context, e *environment) (func(context.Context), error) {
	c, err := cronjob.NewControllerV2(ctx, e.informers.Batch().V1().Jobs(), e.informers.Batch().V1().CronJobs(), e.client)
	if err != nil {
		return nil, err
	}
	return func(ctx context.Context) { c.Run(ctx, workers) }, nil
}

func buildDisruption(ctx context.Context, e *environment) (func(context.Context), error) {
	core, apps := e.informers.Core().V1(), e.informers.Apps().V1()
	scales, err := scale.NewForConfig(e.config, e.mapper, dynamic.LegacyAPIPathResolverFunc, scale.NewDiscoveryScaleKindResolver(e.client.Discovery()))
	if err != nil {
		return nil, err
	}
	c := disruption.NewDisruptionController(ctx, core.Pods(), e.informers.Policy().V1().PodDisruptionBudgets(), core.ReplicationControllers(),
		apps.ReplicaSets(), apps.Deployments(), apps.StatefulSets(), e.client, e.mapper, scales, e.client.Discovery())
	return func(ctx context.Context) { c.Run(ctx, workers) }, nil
}
