package binding

import (
	"context"
	"fmt"

	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/reconcile"

	workv1alpha1 "github.com/longshore-project/longshore/apis/work/v1alpha1"
	workv1alpha2 "github.com/longshore-project/longshore/apis/work/v1alpha2"
)

// Names of the field indexes that [RegisterIndexes] adds.
const (
	workIndex     = "binding.id"       // Works by the permanent id of their binding
	clusterIndex  = "binding.cluster"  // bindings by each cluster that should hold the template
	resourceIndex = "binding.resource" // bindings by apiVersion/kind of the template
)

// RegisterIndexes adds the indexes that this package and package status read. Call it once for a manager, before Setup
// of either.
func RegisterIndexes(ctx context.Context, indexer client.FieldIndexer) error {
	if err := indexer.IndexField(ctx, &workv1alpha1.Work{}, workIndex, idsOfWork); err != nil {
		return fmt.Errorf("indexing Works by binding: %w", err)
	}
	for _, kind := range []client.Object{&workv1alpha2.ResourceBinding{}, &workv1alpha2.ClusterResourceBinding{}} {
		if err := indexer.IndexField(ctx, kind, clusterIndex, clustersOfBinding); err != nil {
			return fmt.Errorf("indexing bindings by cluster: %w", err)
		}
		if err := indexer.IndexField(ctx, kind, resourceIndex, resourceOfBinding); err != nil {
			return fmt.Errorf("indexing bindings by kind of template: %w", err)
		}
	}
	return nil
}

func idsOfWork(obj client.Object) []string {
	var ids []string
	for _, label := range []string{workv1alpha2.BindingPermanentIDLabel, workv1alpha2.ClusterBindingPermanentIDLabel} {
		if id := obj.GetLabels()[label]; id != "" {
			ids = append(ids, id)
		}
	}
	return ids
}

func clustersOfBinding(obj client.Object) []string {
	b, ok := obj.(workv1alpha2.Binding)
	if !ok {
		return nil
	}
	targets := Targets(b.BindingSpec())
	names := make([]string, len(targets))
	for i := range targets {
		names[i] = targets[i].Name
	}
	return names
}

func resourceOfBinding(obj client.Object) []string {
	b, ok := obj.(workv1alpha2.Binding)
	if !ok {
		return nil
	}
	return []string{kindKey(b.BindingSpec().Resource.APIVersion, b.BindingSpec().Resource.Kind)}
}

func kindKey(apiVersion, kind string) string { return apiVersion + "/" + kind }

// WorksOf returns the Works of a binding, those being deleted included; none if it has no permanent id. They share
// memory with the cache: read-only.
func WorksOf(ctx context.Context, reader client.Reader, b workv1alpha2.Binding) ([]workv1alpha1.Work, error) {
	id := b.GetLabels()[idLabel(b)]
	if id == "" {
		return nil, nil
	}
	var works workv1alpha1.WorkList
	if err := reader.List(ctx, &works, client.MatchingFields{workIndex: id}, client.UnsafeDisableDeepCopy); err != nil {
		return nil, fmt.Errorf("listing the Works of binding %s: %w", b.GetName(), err)
	}
	return works.Items, nil
}

// RequestOf returns the request for the binding that a Work belongs to; ok is false if it belongs to none.
func RequestOf(work client.Object) (req reconcile.Request, ok bool) {
	annotations := work.GetAnnotations()
	if name := annotations[workv1alpha2.BindingNameAnnotation]; name != "" {
		return RequestFor(annotations[workv1alpha2.BindingNamespaceAnnotation], name), true
	}
	if name := annotations[workv1alpha2.ClusterBindingNameAnnotation]; name != "" {
		return RequestFor("", name), true
	}
	return reconcile.Request{}, false
}

// RequestFor returns the request for a ResourceBinding, or for a ClusterResourceBinding if namespace is empty.
func RequestFor(namespace, name string) reconcile.Request {
	return reconcile.Request{NamespacedName: types.NamespacedName{Namespace: namespace, Name: name}}
}

// New returns an empty ResourceBinding, or a ClusterResourceBinding if namespace is empty, with that name.
func New(namespace, name string) workv1alpha2.Binding {
	var b workv1alpha2.Binding = &workv1alpha2.ResourceBinding{}
	if namespace == "" {
		b = &workv1alpha2.ClusterResourceBinding{}
	}
	b.SetNamespace(namespace)
	b.SetName(name)
	return b
}
