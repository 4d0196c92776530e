package loop

import (
	"context"
	"maps"
	"slices"
	"sync"

	"golang.org/x/sync/errgroup"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/fields"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/client-go/rest"
	toolscache "k8s.io/client-go/tools/cache"

	clusterv1alpha1 "github.com/longshore-project/longshore/apis/cluster/v1alpha1"
	workv1alpha2 "github.com/longshore-project/longshore/apis/work/v1alpha2"
	"github.com/longshore-project/longshore/scheduler/queue"
)

// watch keeps up with clusters and with the bindings of both scopes.
type watch struct {
	reflectors []*toolscache.Reflector
	intakes    []*intake
}

func newWatch(work, clusters rest.Interface, l *Loop) *watch {
	w := &watch{}
	seen, gone := func(o any) { l.bindingSeen(o.(workv1alpha2.Binding)) }, l.bindingDeleted
	w.add(clusters, "clusters", &clusterv1alpha1.Cluster{}, newIntake(
		l.pool.keep, func(o any) { l.clusterSeen(o.(*member).cluster) }, func(key queue.Key) { l.clusterDeleted(key.Name) },
	))
	w.add(work, "resourcebindings", &workv1alpha2.ResourceBinding{}, newIntake(l.pool.keep, seen, gone))
	w.add(work, "clusterresourcebindings", &workv1alpha2.ClusterResourceBinding{}, newIntake(l.pool.keep, seen, gone))
	return w
}

func (w *watch) add(client rest.Interface, resource string, of runtime.Object, into *intake) {
	source := toolscache.NewListWatchFromClient(client, resource, metav1.NamespaceAll, fields.Everything())
	w.reflectors = append(w.reflectors, toolscache.NewReflectorWithOptions(source, of, into, toolscache.ReflectorOptions{Name: "scheduler of " + resource}))
	w.intakes = append(w.intakes, into)
}

// run watches until ctx ends.
func (w *watch) run(ctx context.Context) error {
	var group errgroup.Group
	for _, r := range w.reflectors {
		group.Go(func() error {
			r.RunWithContext(ctx)
			return nil
		})
	}
	return group.Wait()
}

// waitForSync waits until the loop has been told about everything that was there at the start. It returns false if ctx ends first.
func (w *watch) waitForSync(ctx context.Context) bool {
	for _, x := range w.intakes {
		select {
		case <-x.synced:
		case <-ctx.Done():
			return false
		}
	}
	return true
}

func (w *watch) isSynced() bool {
	for _, x := range w.intakes {
		select {
		case <-x.synced:
		default:
			return false
		}
	}
	return true
}

// bindings returns every binding that the watch has seen and that is not known to be deleted.
func (w *watch) bindings() []workv1alpha2.Binding {
	var out []workv1alpha2.Binding
	for _, x := range w.intakes {
		x.mu.Lock()
		for _, object := range x.kept {
			if b, ok := object.(workv1alpha2.Binding); ok {
				out = append(out, b)
			}
		}
		x.mu.Unlock()
	}
	return out
}

// intake passes on what a reflector delivers, and keeps it: the very object that the loop holds. So it can tell after a new list what is gone. A
// reflector calls it from one goroutine.
type intake struct {
	keep toolscache.TransformFunc
	seen func(any)
	gone func(queue.Key)
	// mu guards kept.
	mu   sync.Mutex
	kept map[queue.Key]any
	// synced is closed when the first list has been passed on.
	synced chan struct{}
	once   sync.Once
}

var _ toolscache.TransformingStore = (*intake)(nil)

func newIntake(keep toolscache.TransformFunc, seen func(any), gone func(queue.Key)) *intake {
	return &intake{keep: keep, seen: seen, gone: gone, kept: map[queue.Key]any{}, synced: make(chan struct{})}
}

// Transformer implements toolscache.TransformingStore: a list that is not complete yet is kept small too.
func (x *intake) Transformer() toolscache.TransformFunc { return x.keep }

// Add implements toolscache.ReflectorStore.
func (x *intake) Add(object any) error {
	kept, err := x.keep(object)
	if err != nil {
		return err
	}
	key, err := nameOf(kept)
	if err != nil {
		return err
	}
	x.mu.Lock()
	x.kept[key] = kept
	x.mu.Unlock()
	x.seen(kept)
	return nil
}

// Update implements toolscache.ReflectorStore.
func (x *intake) Update(object any) error { return x.Add(object) }

// Delete implements toolscache.ReflectorStore.
func (x *intake) Delete(object any) error {
	key, err := nameOf(object)
	if err != nil {
		return err
	}
	x.drop(key)
	return nil
}

// Replace implements toolscache.ReflectorStore: what was known and is not listed is gone.
func (x *intake) Replace(objects []any, _ string) error {
	listed := make(map[queue.Key]struct{}, len(objects))
	for _, o := range objects {
		key, err := nameOf(o)
		if err != nil {
			return err
		}
		listed[key] = struct{}{}
	}
	for _, key := range x.known() {
		if _, ok := listed[key]; !ok {
			x.drop(key)
		}
	}
	for i, o := range objects {
		if err := x.Add(o); err != nil {
			return err
		}
		objects[i] = nil
	}
	x.once.Do(func() { close(x.synced) })
	return nil
}

func (x *intake) drop(key queue.Key) {
	x.mu.Lock()
	delete(x.kept, key)
	x.mu.Unlock()
	x.gone(key)
}

func (x *intake) known() []queue.Key {
	x.mu.Lock()
	defer x.mu.Unlock()
	return slices.Collect(maps.Keys(x.kept))
}

// Resync implements toolscache.ReflectorStore.
func (x *intake) Resync() error { return nil }

func nameOf(object any) (queue.Key, error) {
	m, err := meta.Accessor(object)
	if err != nil {
		return queue.Key{}, err
	}
	return queue.Key{Namespace: m.GetNamespace(), Name: m.GetName()}, nil
}
