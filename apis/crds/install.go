package crds

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"strings"

	apiextensionsv1 "k8s.io/apiextensions-apiserver/pkg/apis/apiextensions/v1"
	"k8s.io/apiextensions-apiserver/pkg/client/clientset/clientset"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/fields"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/apimachinery/pkg/util/sets"
	"k8s.io/apimachinery/pkg/watch"
	"k8s.io/client-go/rest"
	"k8s.io/client-go/tools/cache"
	watchtools "k8s.io/client-go/tools/watch"
	"k8s.io/utils/ptr"
)

// FieldManager owns the fields of installed CustomResourceDefinitions.
const FieldManager = "longshore-crds"

// Install makes an API server serve every kind, and returns when it does and its discovery document says so. Definitions that are already as they should be are not written,
// and fields that others have set, such as labels, stay. It may run again at any time, and beside other installers. The first reader of
// a new kind may still be told to try again after a second, which client-go does by itself, while the server fills its watch cache.
// It returns an error if a definition is refused, if its names are taken by another definition, or if ctx ends first: the error then names
// the kinds that are not served yet.
func Install(ctx context.Context, config *rest.Config) error {
	all, err := All()
	if err != nil {
		return err
	}
	return InstallThese(ctx, config, all)
}

// InstallThese is Install for the given definitions.
func InstallThese(ctx context.Context, config *rest.Config, all []*apiextensionsv1.CustomResourceDefinition) error {
	client, err := clientset.NewForConfig(config)
	if err != nil {
		return fmt.Errorf("connecting to install CRDs: %w", err)
	}
	names := sets.New[string]()
	for _, crd := range all {
		if err := apply(ctx, client, crd); err != nil {
			return err
		}
		names.Insert(crd.Name)
	}
	if err := waitEstablished(ctx, client, names); err != nil {
		return err
	}
	return waitDiscoverable(ctx, config, all)
}

// apply uses server-side apply, which leaves the stored object, and its resourceVersion, alone if nothing changes.
func apply(ctx context.Context, client clientset.Interface, crd *apiextensionsv1.CustomResourceDefinition) error {
	patch, err := applyPatch(crd)
	if err != nil {
		return fmt.Errorf("encoding the CRD %s: %w", crd.Name, err)
	}
	options := metav1.PatchOptions{FieldManager: FieldManager, Force: ptr.To(true)}
	if _, err := client.ApiextensionsV1().CustomResourceDefinitions().Patch(ctx, crd.Name, types.ApplyPatchType, patch, options); err != nil {
		return fmt.Errorf("applying the CRD %s: %w", crd.Name, err)
	}
	return nil
}

// applyPatch leaves out the empty status and creation time which the Go type always encodes: they would be applied as wishes.
func applyPatch(crd *apiextensionsv1.CustomResourceDefinition) ([]byte, error) {
	return json.Marshal(map[string]any{
		"apiVersion": crd.APIVersion,
		"kind":       crd.Kind,
		"metadata":   map[string]any{"name": crd.Name, "annotations": crd.Annotations},
		"spec":       crd.Spec,
	})
}

// waitEstablished watches until every named definition is served.
func waitEstablished(ctx context.Context, client clientset.Interface, pending sets.Set[string]) error {
	definitions := cache.NewListWatchFromClient(client.ApiextensionsV1().RESTClient(), "customresourcedefinitions", "", fields.Everything())
	_, err := watchtools.UntilWithSync(ctx, definitions, &apiextensionsv1.CustomResourceDefinition{}, nil, func(event watch.Event) (bool, error) {
		crd, ok := event.Object.(*apiextensionsv1.CustomResourceDefinition)
		if !ok || !pending.Has(crd.Name) {
			return false, nil
		}
		established, err := isEstablished(crd)
		if established {
			pending.Delete(crd.Name)
		}
		return pending.Len() == 0, err
	})
	if err != nil {
		missing := slices.Sorted(slices.Values(pending.UnsortedList()))
		return fmt.Errorf("waiting until the API server serves %s: %w", strings.Join(missing, ", "), err)
	}
	return nil
}

// isEstablished reports whether a definition is served. It returns an error if it never will be, because its names are taken.
func isEstablished(crd *apiextensionsv1.CustomResourceDefinition) (bool, error) {
	for _, condition := range crd.Status.Conditions {
		switch {
		case condition.Type == apiextensionsv1.NamesAccepted && condition.Status == apiextensionsv1.ConditionFalse:
			return false, fmt.Errorf("names of the CRD %s are taken by another one, which must be deleted first: %s", crd.Name, condition.Message)
		case condition.Type == apiextensionsv1.Established && condition.Status == apiextensionsv1.ConditionTrue:
			return true, nil
		}
	}
	return false, nil
}
