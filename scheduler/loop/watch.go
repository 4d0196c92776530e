package loop

import (
	"context"
	"errors"
	"fmt"

	"golang.org/x/sync/errgroup"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/fields"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/client-go/rest"
	toolscache "k8s.io/client-go/tools/cache"

	clusterv1alpha1 "github.com/longshore-project/longshore/apis/cluster/v1alpha1"
	workv1alpha2 "github.com/longshore-project/longshore/apis/work/v1alpha2"
)

// watch keeps up with clusters and with the bindings of both scopes.
type watch struct {
	informers []toolscache.SharedIndexInformer
	handled   []toolscache.InformerSynced
}

func newWatch(work, clusters rest.Interface, l *Loop) (*watch, error) {
	w := &watch{}
	bindings := toolscache.ResourceEventHandlerDetailedFuncs{
		AddFunc:    func(obj any, _ bool) { l.bindingSeen(nil, obj.(workv1alpha2.Binding)) },
		UpdateFunc: func(old, obj any) { l.bindingSeen(old.(workv1alpha2.Binding), obj.(workv1alpha2.Binding)) },
		DeleteFunc: func(obj any) { l.bindingDeleted(last(obj).(workv1alpha2.Binding)) },
	}
	fleet := toolscache.ResourceEventHandlerDetailedFuncs{
		AddFunc:    func(obj any, _ bool) { l.clusterSeen(obj.(*clusterv1alpha1.Cluster)) },
		UpdateFunc: func(_, obj any) { l.clusterSeen(obj.(*clusterv1alpha1.Cluster)) },
		DeleteFunc: func(obj any) { l.clusterDeleted(last(obj).(*clusterv1alpha1.Cluster).Name) },
	}
	return w, errors.Join(
		w.add(clusters, "clusters", &clusterv1alpha1.Cluster{}, slimCluster, fleet),
		w.add(work, "resourcebindings", &workv1alpha2.ResourceBinding{}, slimBinding, bindings),
		w.add(work, "clusterresourcebindings", &workv1alpha2.ClusterResourceBinding{}, slimBinding, bindings),
	)
}

func (w *watch) add(client rest.Interface, resource string, of runtime.Object, slim toolscache.TransformFunc, h toolscache.ResourceEventHandler) error {
	source := toolscache.NewListWatchFromClient(client, resource, metav1.NamespaceAll, fields.Everything())
	informer := toolscache.NewSharedIndexInformer(source, of, 0, toolscache.Indexers{})
	if err := informer.SetTransform(slim); err != nil {
		return fmt.Errorf("watching %s: %w", resource, err)
	}
	handler, err := informer.AddEventHandler(h)
	if err != nil {
		return fmt.Errorf("watching %s: %w", resource, err)
	}
	w.informers = append(w.informers, informer)
	w.handled = append(w.handled, handler.HasSynced)
	return nil
}

// run watches until ctx ends.
func (w *watch) run(ctx context.Context) error {
	var group errgroup.Group
	for _, informer := range w.informers {
		group.Go(func() error {
			informer.RunWithContext(ctx)
			return nil
		})
	}
	return group.Wait()
}

// waitForSync waits until the loop has been told about everything that was there at the start. It returns false if ctx ends first.
func (w *watch) waitForSync(ctx context.Context) bool {
	return toolscache.WaitForCacheSync(ctx.Done(), w.handled...)
}

func (w *watch) synced() bool {
	for _, synced := range w.handled {
		if !synced() {
			return false
		}
	}
	return true
}

// bindings returns every binding that the watch has seen and that is not known to be deleted.
func (w *watch) bindings() []workv1alpha2.Binding {
	var out []workv1alpha2.Binding
	for _, informer := range w.informers {
		for _, object := range informer.GetStore().List() {
			if b, ok := object.(workv1alpha2.Binding); ok {
				out = append(out, b)
			}
		}
	}
	return out
}

// last returns the object of a deletion, of which the watch may have missed the end.
func last(obj any) any {
	if gone, ok := obj.(toolscache.DeletedFinalStateUnknown); ok {
		return gone.Obj
	}
	return obj
}

// slimBinding drops what scheduling never reads and what would fill the memory with a hundred thousand bindings.
func slimBinding(obj any) (any, error) {
	if b, ok := obj.(workv1alpha2.Binding); ok {
		b.SetManagedFields(nil)
		items := b.BindingStatus().AggregatedStatus
		for i := range items {
			items[i] = slimStatus(&items[i])
		}
		b.BindingSpec().RequiredBy = nil
	}
	return obj, nil
}

func slimCluster(obj any) (any, error) {
	if object, err := meta.Accessor(obj); err == nil {
		object.SetManagedFields(nil)
	}
	return obj, nil
}
