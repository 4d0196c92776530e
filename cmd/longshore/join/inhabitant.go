package join

import (
	"context"
	"fmt"
	"slices"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/client-go/discovery"
	"k8s.io/client-go/metadata"
	"k8s.io/client-go/rest"
)

// inhabitant names an object in the namespace that belongs neither to account nor to every namespace, or returns "". Every kind that the
// cluster serves is asked: a namespace with a user's custom object in it must not be deleted.
func inhabitant(ctx context.Context, cfg *rest.Config, namespace, account string) (string, error) {
	disco, err := discovery.NewDiscoveryClientForConfig(cfg)
	if err != nil {
		return "", err
	}
	objects, err := metadata.NewForConfig(cfg)
	if err != nil {
		return "", err
	}
	kinds, err := listable(ctx, disco)
	if err != nil {
		return "", err
	}
	for _, kind := range kinds {
		list, err := objects.Resource(kind).Namespace(namespace).List(ctx, metav1.ListOptions{})
		if apierrors.IsNotFound(err) || apierrors.IsMethodNotSupported(err) {
			continue
		}
		if err != nil {
			return "", fmt.Errorf("listing %s: %w", kind.GroupResource(), err)
		}
		for i := range list.Items {
			if name := list.Items[i].Name; !expected(kind.GroupResource(), name, account) {
				return kind.GroupResource().String() + " " + name, nil
			}
		}
	}
	return "", nil
}

// listable returns the namespaced resources that can be listed. A group that does not answer is an error: what it holds is not known.
func listable(ctx context.Context, disco discovery.DiscoveryInterface) ([]schema.GroupVersionResource, error) {
	lists, err := discovery.ServerPreferredNamespacedResources(disco)
	if err != nil {
		return nil, fmt.Errorf("asking for the kinds of object: %w", err)
	}
	var kinds []schema.GroupVersionResource
	for _, list := range lists {
		gv, err := schema.ParseGroupVersion(list.GroupVersion)
		if err != nil {
			return nil, err
		}
		for _, resource := range list.APIResources {
			if slices.Contains(resource.Verbs, "list") {
				kinds = append(kinds, gv.WithResource(resource.Name))
			}
		}
	}
	return kinds, ctx.Err()
}

// expected reports whether an object is in every namespace or belongs to the account that goes.
func expected(kind schema.GroupResource, name, account string) bool {
	switch kind.Resource {
	case "events":
		return true
	case "configmaps":
		return name == "kube-root-ca.crt"
	case "serviceaccounts":
		return name == "default" || name == account
	case "secrets":
		return name == account
	}
	return false
}
