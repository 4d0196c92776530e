package template

import (
	"context"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/client-go/dynamic/dynamicinformer"
	"k8s.io/client-go/tools/cache"

	policyv1alpha1 "github.com/longshore-project/longshore/apis/policy/v1alpha1"
	workv1alpha1 "github.com/longshore-project/longshore/apis/work/v1alpha1"
)

// claimIndex finds templates by the permanent id of the policy that claims them.
const claimIndex = "claim"

// nameIndex finds templates by name in any namespace.
const nameIndex = "name"

// watched is one type under watch.
type watched struct {
	resource Resource
	informer cache.SharedIndexInformer
	started  time.Time
	stop     func() // ends the watch and waits until its handlers have returned
}

func (s *Store) watch(ctx context.Context, r Resource) {
	informer := dynamicinformer.NewFilteredDynamicInformer(
		s.client, r.Name, metav1.NamespaceAll, 0, cache.Indexers{claimIndex: claimsOf, nameIndex: nameOf}, nil).Informer()
	// Setting a transform fails only after the informer has been started.
	_ = informer.SetTransform(s.trim)

	ctx, cancel := context.WithCancel(ctx)
	done := make(chan struct{})
	k := &watched{resource: r, informer: informer, started: time.Now(), stop: func() { cancel(); <-done }}

	s.mu.Lock()
	s.kinds[r.Kind] = k
	for _, sub := range s.subscribers {
		sub.attach(k)
	}
	s.mu.Unlock()

	go func() {
		defer close(done)
		informer.RunWithContext(ctx)
	}()
	s.log.V(1).Info("Watching", "resource", r.Name)
}

// drop ends the watch of a type that is no longer served and reports its templates as deleted.
func (s *Store) drop(k *watched) {
	k.stop()
	s.mu.Lock()
	if s.kinds[k.resource.Kind] == k {
		delete(s.kinds, k.resource.Kind)
	}
	subscribers := append([]*subscription(nil), s.subscribers...)
	s.mu.Unlock()

	items := k.informer.GetStore().List()
	for _, sub := range subscribers {
		sub.detach(k)
		for _, item := range items {
			sub.OnDelete(item)
		}
	}
	s.log.V(1).Info("Stopped watching", "resource", k.resource.Name)
}

// trim keeps memory down: managedFields are never needed, and of an object that is not a template nothing but its
// identity is.
func (s *Store) trim(item any) (any, error) {
	obj, ok := item.(*unstructured.Unstructured)
	if !ok {
		return item, nil
	}
	obj.SetManagedFields(nil)
	if s.scope.Includes(obj) {
		return obj, nil
	}
	return identity(obj), nil
}

func identity(obj *unstructured.Unstructured) *unstructured.Unstructured {
	out := &unstructured.Unstructured{Object: map[string]any{}}
	out.SetGroupVersionKind(obj.GroupVersionKind())
	out.SetNamespace(obj.GetNamespace())
	out.SetName(obj.GetName())
	out.SetUID(obj.GetUID())
	out.SetResourceVersion(obj.GetResourceVersion())
	if owner := obj.GetLabels()[workv1alpha1.ClaimedByLabel]; owner != "" {
		out.SetLabels(map[string]string{workv1alpha1.ClaimedByLabel: owner})
	}
	return out
}

func nameOf(item any) ([]string, error) {
	obj, ok := item.(*unstructured.Unstructured)
	if !ok {
		return nil, nil
	}
	return []string{obj.GetName()}, nil
}

func claimsOf(item any) ([]string, error) {
	obj, ok := item.(*unstructured.Unstructured)
	if !ok {
		return nil, nil
	}
	return policyv1alpha1.ClaimIDs(obj.GetLabels()), nil
}
