package template

import (
	"context"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/client-go/dynamic/dynamicinformer"
	"k8s.io/client-go/tools/cache"
)

type (
	groupList    = metav1.APIGroup
	resourceList = metav1.APIResourceList
)

// claimIndex finds templates by the permanent id of the policy that claims them.
const claimIndex = "claim"

var claimLabels = []string{
	"propagationpolicy.karmada.io/permanent-id",
	"clusterpropagationpolicy.karmada.io/permanent-id",
}

// watched is one type under watch.
type watched struct {
	resource Resource
	informer cache.SharedIndexInformer
	started  time.Time
	stop     func() // ends the watch and waits until its handlers have returned
}

func (s *Store) watch(ctx context.Context, r Resource) {
	informer := dynamicinformer.NewFilteredDynamicInformer(
		s.client, r.Name, metav1.NamespaceAll, 0, cache.Indexers{claimIndex: claimsOf}, nil).Informer()
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
	if owner := obj.GetLabels()[claimedByLabel]; owner != "" {
		out.SetLabels(map[string]string{claimedByLabel: owner})
	}
	return out
}

func claimsOf(item any) ([]string, error) {
	obj, ok := item.(*unstructured.Unstructured)
	if !ok {
		return nil, nil
	}
	labels := obj.GetLabels()
	var ids []string
	for _, label := range claimLabels {
		if id := labels[label]; id != "" {
			ids = append(ids, id)
		}
	}
	return ids, nil
}
