package clusterstatus

import (
	"context"
	"slices"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/fields"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/watch"
	corev1client "k8s.io/client-go/kubernetes/typed/core/v1"
	"k8s.io/client-go/tools/cache"
	resourcehelper "k8s.io/component-helpers/resource"
)

// activePods leaves out pods that hold no resources any more; the server reports a pod that ends as deleted.
var activePods = fields.AndSelectors(
	fields.OneTermNotEqualSelector("status.phase", string(corev1.PodSucceeded)),
	fields.OneTermNotEqualSelector("status.phase", string(corev1.PodFailed)),
).String()

// inventory watches the nodes and pods of a member. Of each it keeps names and amounts, never the object.
type inventory struct {
	totals *totals
	synced []cache.InformerSynced
	// failed is told why a list or watch ended. It must not block.
	failed func(error)
}

// watchInventory starts watching until ctx ends. failed is told, each time, why a list or watch ended.
func watchInventory(ctx context.Context, client corev1client.CoreV1Interface, failed func(error)) (*inventory, error) {
	i := &inventory{totals: newTotals(), failed: failed}
	nodes := cache.NewSharedIndexInformer(cache.ToListWatcherWithWatchListSemantics(&cache.ListWatch{
		ListWithContextFunc: func(ctx context.Context, options metav1.ListOptions) (runtime.Object, error) {
			return client.Nodes().List(ctx, options)
		},
		WatchFuncWithContext: func(ctx context.Context, options metav1.ListOptions) (watch.Interface, error) {
			return client.Nodes().Watch(ctx, options)
		},
	}, client), &corev1.Node{}, 0, nil)
	pods := cache.NewSharedIndexInformer(cache.ToListWatcherWithWatchListSemantics(&cache.ListWatch{
		ListWithContextFunc: func(ctx context.Context, options metav1.ListOptions) (runtime.Object, error) {
			options.FieldSelector = activePods
			return client.Pods(metav1.NamespaceAll).List(ctx, options)
		},
		WatchFuncWithContext: func(ctx context.Context, options metav1.ListOptions) (watch.Interface, error) {
			options.FieldSelector = activePods
			return client.Pods(metav1.NamespaceAll).Watch(ctx, options)
		},
	}, client), &corev1.Pod{}, 0, nil)
	if err := i.follow(nodes, trimNode, i.nodeEvents()); err != nil {
		return nil, err
	}
	if err := i.follow(pods, trimPod, i.podEvents()); err != nil {
		return nil, err
	}
	go nodes.RunWithContext(ctx)
	go pods.RunWithContext(ctx)
	return i, nil
}

func (i *inventory) follow(informer cache.SharedIndexInformer, trim cache.TransformFunc, handler cache.ResourceEventHandler) error {
	if err := informer.SetTransform(trim); err != nil {
		return err
	}
	err := informer.SetWatchErrorHandlerWithContext(func(_ context.Context, _ *cache.Reflector, err error) { i.failed(err) })
	if err != nil {
		return err
	}
	registration, err := informer.AddEventHandler(handler)
	if err != nil {
		return err
	}
	i.synced = append(i.synced, registration.HasSynced)
	return nil
}

// complete reports whether the totals contain everything; it waits for that no longer than patience.
func (i *inventory) complete(ctx context.Context, patience time.Duration) bool {
	if !slices.ContainsFunc(i.synced, func(synced cache.InformerSynced) bool { return !synced() }) {
		return true
	}
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	return cache.WaitForCacheSync(ctx.Done(), i.synced...)
}

func (i *inventory) nodeEvents() cache.ResourceEventHandler {
	return cache.ResourceEventHandlerFuncs{
		AddFunc:    func(object any) { i.totals.setNode(object.(*node)) },
		UpdateFunc: func(_, new any) { i.totals.setNode(new.(*node)) },
		DeleteFunc: func(object any) { i.totals.removeNode(last(object).(*node)) },
	}
}

func (i *inventory) podEvents() cache.ResourceEventHandler {
	return cache.ResourceEventHandlerFuncs{
		AddFunc: func(object any) { i.totals.addPod(object.(*pod)) },
		UpdateFunc: func(old, new any) {
			i.totals.removePod(old.(*pod))
			i.totals.addPod(new.(*pod))
		},
		DeleteFunc: func(object any) { i.totals.removePod(last(object).(*pod)) },
	}
}

// last unwraps an object whose deletion was missed.
func last(object any) any {
	if tombstone, ok := object.(cache.DeletedFinalStateUnknown); ok {
		return tombstone.Obj
	}
	return object
}

func trimNode(object any) (any, error) {
	n, ok := object.(*corev1.Node)
	if !ok {
		return object, nil
	}
	trimmed := &node{ObjectMeta: identity(&n.ObjectMeta), allocatable: n.Status.Allocatable}
	for _, condition := range n.Status.Conditions {
		if condition.Type == corev1.NodeReady {
			trimmed.ready = condition.Status == corev1.ConditionTrue
		}
	}
	return trimmed, nil
}

func trimPod(object any) (any, error) {
	p, ok := object.(*corev1.Pod)
	if !ok {
		return object, nil
	}
	requests := resourcehelper.PodRequests(p, resourcehelper.PodResourcesOptions{})
	requests[corev1.ResourcePods] = one
	return &pod{ObjectMeta: identity(&p.ObjectMeta), node: p.Spec.NodeName, requests: requests}, nil
}

// identity keeps what a cache needs to store an object.
func identity(meta *metav1.ObjectMeta) metav1.ObjectMeta {
	return metav1.ObjectMeta{Namespace: meta.Namespace, Name: meta.Name, UID: meta.UID, ResourceVersion: meta.ResourceVersion}
}
