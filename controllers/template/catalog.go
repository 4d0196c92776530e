package template

import (
	"slices"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime/schema"
)

// Resource is one served type whose objects may be templates.
type Resource struct {
	// Kind is the type in the version that the server prefers among those that serve it.
	Kind schema.GroupVersionKind
	// Name is the resource to address in requests.
	Name schema.GroupVersionResource
	// Namespaced tells the scope of the objects.
	Namespaced bool
	// StatusSubresource tells whether status is written through /status.
	StatusSubresource bool
}

// neededVerbs are what a type must offer to be watched and claimed.
var neededVerbs = []string{"list", "watch", "patch"}

// Catalog returns the types in the discovery answer that scope includes, one version of each: the group's preferred
// version, or else the first listed version that serves the type.
func Catalog(groups []*metav1.APIGroup, lists []*metav1.APIResourceList, scope *Scope) []Resource {
	byVersion := make(map[string][]metav1.APIResource, len(lists))
	for _, list := range lists {
		byVersion[list.GroupVersion] = list.APIResources
	}
	var out []Resource
	for _, group := range groups {
		seen := map[string]bool{}
		for _, version := range versionsByPreference(group) {
			gv := schema.GroupVersion{Group: group.Name, Version: version}
			for _, r := range propagatable(gv, byVersion[gv.String()], scope) {
				if !seen[r.Name.Resource] {
					seen[r.Name.Resource] = true
					out = append(out, r)
				}
			}
		}
	}
	return out
}

func versionsByPreference(group *metav1.APIGroup) []string {
	versions := []string{group.PreferredVersion.Version}
	for _, v := range group.Versions {
		if v.Version != group.PreferredVersion.Version {
			versions = append(versions, v.Version)
		}
	}
	return versions
}

func propagatable(gv schema.GroupVersion, served []metav1.APIResource, scope *Scope) []Resource {
	names := make(map[string]bool, len(served))
	for _, r := range served {
		names[r.Name] = true
	}
	var out []Resource
	for _, r := range served {
		gvk := gv.WithKind(r.Kind)
		if !offers(r.Verbs, neededVerbs) || !scope.IncludesKind(gvk) {
			continue
		}
		out = append(out, Resource{
			Kind:              gvk,
			Name:              gv.WithResource(r.Name),
			Namespaced:        r.Namespaced,
			StatusSubresource: names[r.Name+"/status"],
		})
	}
	return out
}

func offers(verbs metav1.Verbs, needed []string) bool {
	return !slices.ContainsFunc(needed, func(v string) bool { return !slices.Contains(verbs, v) })
}
