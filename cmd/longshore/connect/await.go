package connect

import (
	"context"
	"fmt"

	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/fields"
	"k8s.io/apimachinery/pkg/watch"
	"sigs.k8s.io/controller-runtime/pkg/client"
)

// Await watches the object with the kind, namespace and name of obj until done says so. Done gets the object, or nil when it does not
// exist, at once and each time it changes. The error is done's, the server's, or the cause of ctx.
func Await(ctx context.Context, c client.WithWatch, obj client.Object, done func(client.Object) (bool, error)) error {
	for {
		finished, err := awaitOnce(ctx, c, obj, done)
		if finished || err != nil {
			return err
		}
	}
}

// awaitOnce returns false, nil when the server closes the watch, which it does every few minutes.
func awaitOnce(ctx context.Context, c client.WithWatch, obj client.Object, done func(client.Object) (bool, error)) (bool, error) {
	list := listOf(obj)
	only := client.ListOptions{Namespace: obj.GetNamespace(), FieldSelector: fields.OneTermEqualSelector("metadata.name", obj.GetName())}
	if err := c.List(ctx, list, &only); err != nil {
		return false, err
	}
	items, err := meta.ExtractList(list)
	if err != nil {
		return false, fmt.Errorf("reading the list of %s: %w", obj.GetName(), err)
	}
	var now client.Object
	if len(items) > 0 {
		now = items[0].(client.Object) // Every item of a client.ObjectList is one.
	}
	if finished, err := done(now); finished || err != nil {
		return finished, err
	}
	only.Raw = &metav1.ListOptions{ResourceVersion: list.GetResourceVersion()}
	return follow(ctx, c, list, &only, done)
}

func follow(ctx context.Context, c client.WithWatch, list client.ObjectList, only *client.ListOptions, done func(client.Object) (bool, error)) (bool, error) {
	w, err := c.Watch(ctx, list, only)
	if err != nil {
		return false, err
	}
	defer w.Stop()
	for {
		select {
		case <-ctx.Done():
			return false, context.Cause(ctx)
		case event, open := <-w.ResultChan():
			if !open || event.Type == watch.Error {
				return false, nil
			}
			var now client.Object
			if event.Type != watch.Deleted {
				now = event.Object.(client.Object)
			}
			if finished, err := done(now); finished || err != nil {
				return finished, err
			}
		}
	}
}
