package template_test

import (
	"testing"

	"github.com/google/go-cmp/cmp"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"

	"github.com/longshore-project/longshore/controllers/namespace"
	"github.com/longshore-project/longshore/controllers/template"
	"github.com/longshore-project/longshore/controllers/template/templatetest"
)

func TestSignificant(t *testing.T) {
	set := func(value any, fields ...string) func(*unstructured.Unstructured) {
		return func(o *unstructured.Unstructured) { _ = unstructured.SetNestedField(o.Object, value, fields...) }
	}
	tests := []struct {
		name string
		edit func(*unstructured.Unstructured)
		want bool
	}{
		{name: "nothing", edit: func(*unstructured.Unstructured) {}},
		{name: "status", edit: set(int64(3), "status", "replicas")},
		{name: "resourceVersion", edit: set("2", "metadata", "resourceVersion")},
		{name: "managedFields", edit: set([]any{map[string]any{"manager": "x"}}, "metadata", "managedFields")},
		{name: "spec", edit: set(int64(3), "spec", "replicas"), want: true},
		{name: "label", edit: set("x", "metadata", "labels", "new"), want: true},
		{name: "annotation", edit: set("x", "metadata", "annotations", "new"), want: true},
		{name: "deletion", edit: set("2026-01-01T00:00:00Z", "metadata", "deletionTimestamp"), want: true},
		{name: "finalizer", edit: set([]any{"x"}, "metadata", "finalizers"), want: true},
		{name: "another top-level field", edit: set("x", "data", "key"), want: true},
		{name: "removed field", edit: func(o *unstructured.Unstructured) { delete(o.Object, "spec") }, want: true},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			before := templatetest.Deployment("default", "web", 1)
			after := before.DeepCopy()
			tt.edit(after)
			if got := template.Significant(before, after); got != tt.want {
				t.Errorf("significant is %t, want %t", got, tt.want)
			}
			if got := template.Significant(after, before); got != tt.want {
				t.Errorf("the other way round, significant is %t, want %t", got, tt.want)
			}
		})
	}
}

func scope(t *testing.T, apis string, namespaces ...string) *template.Scope {
	t.Helper()
	skip, err := namespace.ParseSkip(namespaces)
	if err != nil {
		t.Fatal(err)
	}
	s, err := template.ParseScope(apis, skip)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func TestIncludesKind(t *testing.T) {
	s := scope(t, "example.com; networking.k8s.io/v1/Ingress,IngressClass ;batch/v1;v1/Secret")
	for gvk, want := range map[schema.GroupVersionKind]bool{
		{Group: "apps", Version: "v1", Kind: "Deployment"}:                           true,
		{Version: "v1", Kind: "ConfigMap"}:                                           true,
		{Group: "networking.k8s.io", Version: "v1", Kind: "NetworkPolicy"}:           true,
		{Group: "rbac.authorization.k8s.io", Version: "v1", Kind: "ClusterRole"}:     true,
		{Group: "multicluster.x-k8s.io", Version: "v1alpha1", Kind: "ServiceImport"}: true,
		{Version: "v1", Kind: "Event"}:                                               false,
		{Group: "events.k8s.io", Version: "v1", Kind: "Event"}:                       false,
		{Group: "coordination.k8s.io", Version: "v1", Kind: "Lease"}:                 false,
		{Group: "policy.karmada.io", Version: "v1alpha1", Kind: "PropagationPolicy"}: false,
		{Group: "work.karmada.io", Version: "v1alpha2", Kind: "ResourceBinding"}:     false,
		{Group: "cluster.karmada.io", Version: "v1alpha1", Kind: "Cluster"}:          false,
		{Group: "example.com", Version: "v1", Kind: "Thing"}:                         false,
		{Group: "networking.k8s.io", Version: "v1", Kind: "Ingress"}:                 false,
		{Group: "networking.k8s.io", Version: "v1", Kind: "IngressClass"}:            false,
		{Group: "batch", Version: "v1", Kind: "Job"}:                                 false,
		{Version: "v1", Kind: "Secret"}:                                              false,
	} {
		if got := s.IncludesKind(gvk); got != want {
			t.Errorf("IncludesKind(%v) = %t, want %t", gvk, got, want)
		}
	}
}

func TestIncludes(t *testing.T) {
	s := scope(t, "", append([]string{"tmp"}, namespace.DefaultSkipped...)...)
	object := func(kind, namespace, name string, labels map[string]string) *unstructured.Unstructured {
		o := &unstructured.Unstructured{}
		o.SetKind(kind)
		o.SetNamespace(namespace)
		o.SetName(name)
		o.SetLabels(labels)
		return o
	}
	tests := []struct {
		name string
		obj  *unstructured.Unstructured
		want bool
	}{
		{name: "ordinary", obj: object("ConfigMap", "default", "a", nil), want: true},
		{name: "cluster scoped", obj: object("ClusterRole", "", "kube-reader", nil), want: true},
		{name: "system namespace", obj: object("ConfigMap", "karmada-system", "a", nil)},
		{name: "execution namespace", obj: object("ConfigMap", "karmada-es-member1", "a", nil)},
		{name: "skipped by pattern", obj: object("ConfigMap", "kube-system", "extension-apiserver-authentication", nil)},
		{name: "a pattern must match the whole name", obj: object("ConfigMap", "my-kube-things", "a", nil), want: true},
		{name: "no prefix of a pattern", obj: object("ConfigMap", "tmp-2", "a", nil), want: true},
		{name: "a Namespace by its own name", obj: object("Namespace", "", "kube-system", nil)},
		{name: "another Namespace", obj: object("Namespace", "", "shop", nil), want: true},
		{name: "owned by another API", obj: object("Service", "default", "a", map[string]string{"resourcetemplate.karmada.io/claimed-by": "MultiClusterService"})},
		{name: "empty owner", obj: object("Service", "default", "a", map[string]string{"resourcetemplate.karmada.io/claimed-by": ""}), want: true},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			if got := s.Includes(tt.obj); got != tt.want {
				t.Errorf("included is %t, want %t", got, tt.want)
			}
		})
	}
}

func TestParseScopeErrors(t *testing.T) {
	if _, err := template.ParseScope("a/b/c/d", nil); err == nil {
		t.Error("four parts of an API are accepted")
	}
}

func TestCatalog(t *testing.T) {
	all := metav1.Verbs{"get", "list", "watch", "patch"}
	version := func(group, v string) metav1.GroupVersionForDiscovery {
		return metav1.GroupVersionForDiscovery{GroupVersion: group + "/" + v, Version: v}
	}
	groups := []*metav1.APIGroup{{
		Name: "apps", Versions: []metav1.GroupVersionForDiscovery{version("apps", "v1"), version("apps", "v1beta1")}, PreferredVersion: version("apps", "v1"),
	}, {
		Name: "example.com", Versions: []metav1.GroupVersionForDiscovery{version("example.com", "v2"), version("example.com", "v1")}, PreferredVersion: version("example.com", "v1"),
	}}
	lists := []*metav1.APIResourceList{
		{GroupVersion: "apps/v1", APIResources: []metav1.APIResource{
			{Name: "deployments", Kind: "Deployment", Namespaced: true, Verbs: all},
			{Name: "deployments/status", Kind: "Deployment", Namespaced: true, Verbs: metav1.Verbs{"get", "patch"}},
			{Name: "reviews", Kind: "Review", Verbs: metav1.Verbs{"create"}},
		}},
		{GroupVersion: "apps/v1beta1", APIResources: []metav1.APIResource{
			{Name: "deployments", Kind: "Deployment", Namespaced: true, Verbs: all}, {Name: "old", Kind: "Old", Namespaced: true, Verbs: all},
		}},
		{GroupVersion: "example.com/v1", APIResources: []metav1.APIResource{{Name: "things", Kind: "Thing", Verbs: all}}},
		{GroupVersion: "example.com/v2", APIResources: []metav1.APIResource{{Name: "things", Kind: "Thing", Verbs: all}, {Name: "hidden", Kind: "Hidden", Verbs: all}}},
	}
	resource := func(group, version, name, kind string, namespaced, status bool) template.Resource {
		gv := schema.GroupVersion{Group: group, Version: version}
		return template.Resource{Kind: gv.WithKind(kind), Name: gv.WithResource(name), Namespaced: namespaced, StatusSubresource: status}
	}
	want := []template.Resource{
		resource("apps", "v1", "deployments", "Deployment", true, true),
		resource("apps", "v1beta1", "old", "Old", true, false),
		resource("example.com", "v1", "things", "Thing", false, false),
	}
	if diff := cmp.Diff(want, template.Catalog(groups, lists, scope(t, "example.com/v2/Hidden"))); diff != "" {
		t.Errorf("catalog (-want +got):\n%s", diff)
	}
}
