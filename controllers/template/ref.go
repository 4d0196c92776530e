// Package template caches every object of the control plane that may be propagated to members.
//
// One [Store] is shared by the controllers that read templates (policy, binding, status). It discovers the served
// types, watches each of them once, and reports the changes that matter to propagation.
//
// Everything the store hands out is shared with its cache and READ-ONLY: a caller that edits must DeepCopy first.
package template

import (
	"fmt"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"
)

// Ref names one object of the control plane. It is comparable and serves as a queue key.
type Ref struct {
	// Kind is the object's group, version and kind, in the version the control plane prefers.
	Kind schema.GroupVersionKind
	// Namespace is empty for cluster-scoped objects.
	Namespace string
	// Name is the object's metadata.name.
	Name string
}

// RefOf returns the reference of obj.
func RefOf(obj *unstructured.Unstructured) Ref {
	return Ref{Kind: obj.GroupVersionKind(), Namespace: obj.GetNamespace(), Name: obj.GetName()}
}

// RefFrom returns the reference of the object that the given fields name, as a binding's spec.resource has them.
// It returns an error when apiVersion does not parse.
func RefFrom(apiVersion, kind, namespace, name string) (Ref, error) {
	gv, err := schema.ParseGroupVersion(apiVersion)
	if err != nil {
		return Ref{}, fmt.Errorf("reading the apiVersion of %s %s/%s: %w", kind, namespace, name, err)
	}
	return Ref{Kind: gv.WithKind(kind), Namespace: namespace, Name: name}, nil
}

// String returns "group/version, Kind=K namespace/name" for logs and errors.
func (r Ref) String() string {
	return r.Kind.String() + " " + r.key()
}

// key is the object's key in its informer's store.
func (r Ref) key() string {
	if r.Namespace == "" {
		return r.Name
	}
	return r.Namespace + "/" + r.Name
}
