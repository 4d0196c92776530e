package crds

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	apiextensionsv1 "k8s.io/apiextensions-apiserver/pkg/apis/apiextensions/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/util/sets"
	"k8s.io/apimachinery/pkg/util/wait"
	"k8s.io/client-go/discovery"
	"k8s.io/client-go/rest"
)

// discoveryPeriod is the time between two readings of the discovery document, which a server cannot be asked to watch.
const discoveryPeriod = 50 * time.Millisecond

// waitDiscoverable waits until the discovery document lists every served kind: it follows a little after a definition is established, and
// clients that build a REST mapper before that do not find the kind.
func waitDiscoverable(ctx context.Context, config *rest.Config, all []*apiextensionsv1.CustomResourceDefinition) error {
	client, err := discovery.NewDiscoveryClientForConfig(config)
	if err != nil {
		return fmt.Errorf("connecting for discovery: %w", err)
	}
	pending := servedKinds(all)
	err = wait.PollUntilContextCancel(ctx, discoveryPeriod, true, func(ctx context.Context) (bool, error) {
		// An error means that some group does not answer yet; what did is returned beside it.
		_, lists, _ := client.ServerGroupsAndResourcesWithContext(ctx)
		pending.Delete(listedKinds(lists)...)
		return pending.Len() == 0, nil
	})
	if err != nil {
		return fmt.Errorf("waiting until discovery lists %s: %w", strings.Join(kindNames(pending), ", "), err)
	}
	return nil
}

func servedKinds(all []*apiextensionsv1.CustomResourceDefinition) sets.Set[schema.GroupVersionKind] {
	kinds := sets.New[schema.GroupVersionKind]()
	for _, crd := range all {
		for _, version := range crd.Spec.Versions {
			if version.Served {
				kinds.Insert(schema.GroupVersionKind{Group: crd.Spec.Group, Version: version.Name, Kind: crd.Spec.Names.Kind})
			}
		}
	}
	return kinds
}

func listedKinds(lists []*metav1.APIResourceList) []schema.GroupVersionKind {
	var kinds []schema.GroupVersionKind
	for _, list := range lists {
		for i := range list.APIResources {
			kinds = append(kinds, schema.FromAPIVersionAndKind(list.GroupVersion, list.APIResources[i].Kind))
		}
	}
	return kinds
}

func kindNames(kinds sets.Set[schema.GroupVersionKind]) []string {
	names := make([]string, 0, kinds.Len())
	for kind := range kinds {
		names = append(names, kind.String())
	}
	slices.Sort(names)
	return names
}
