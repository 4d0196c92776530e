package crds

import (
	"context"
	"encoding/json"
	"errors"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	apiextensionsv1 "k8s.io/apiextensions-apiserver/pkg/apis/apiextensions/v1"
	"k8s.io/apiextensions-apiserver/pkg/client/clientset/clientset"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/apimachinery/pkg/util/sets"
	"k8s.io/apimachinery/pkg/util/wait"
	"k8s.io/client-go/dynamic"
	"k8s.io/client-go/rest"

	"github.com/longshore-project/longshore/cmd/longshore/local/localtest"
)

func TestMain(m *testing.M) {
	os.Exit(localtest.Main(m, localtest.Options{}))
}

// TestInstall runs the steps in an order: they share one API server.
func TestInstall(t *testing.T) {
	config := localtest.ControlPlane(t)
	client := clientset.NewForConfigOrDie(config)

	t.Run("names are taken", func(t *testing.T) { testNamesTaken(t, config) })
	if err := Install(t.Context(), config); err != nil {
		t.Fatal(err)
	}
	t.Run("every kind is served", func(t *testing.T) {
		server := dynamic.NewForConfigOrDie(config)
		for _, crd := range loadAll(t) {
			t.Run(crd.Name, func(t *testing.T) {
				t.Parallel() // A new kind's watch cache makes its first client try again after a second.
				if _, err := server.Resource(resourceOf(crd)).List(t.Context(), metav1.ListOptions{}); err != nil {
					t.Error(err)
				}
			})
		}
	})
	t.Run("bases are accepted and rules hold", func(t *testing.T) { testServed(t, config) })
	t.Run("a second run writes nothing", func(t *testing.T) {
		before := resourceVersions(t, client)
		if err := Install(t.Context(), config); err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(before, resourceVersions(t, client)); diff != "" {
			t.Errorf("resource versions (-before +after):\n%s", diff)
		}
	})
	t.Run("drift is put right and the rest is left alone", func(t *testing.T) {
		const name = "works.work.karmada.io"
		merge(t, client, name, map[string]any{
			"metadata": map[string]any{"labels": map[string]any{"team": "fleet"}},
			"spec":     map[string]any{"names": map[string]any{"shortNames": []string{"wrk"}}},
		})
		if err := Install(t.Context(), config); err != nil {
			t.Fatal(err)
		}
		crd, err := client.ApiextensionsV1().CustomResourceDefinitions().Get(t.Context(), name, metav1.GetOptions{})
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff([]string{"wk"}, crd.Spec.Names.ShortNames); diff != "" {
			t.Errorf("short names (-want +got):\n%s", diff)
		}
		if crd.Labels["team"] != "fleet" {
			t.Errorf("the label of another owner is gone: %v", crd.Labels)
		}
	})
}

// testNamesTaken shows that Install says which definition cannot be served as long as another one has its names, and recovers.
func testNamesTaken(t *testing.T, config *rest.Config) {
	definitions := clientset.NewForConfigOrDie(config).ApiextensionsV1().CustomResourceDefinitions()
	taker := definitionTaking("others", "WorkloadRebalancer")
	if _, err := definitions.Create(t.Context(), taker, metav1.CreateOptions{}); err != nil {
		t.Fatal(err)
	}
	if err := waitEstablished(t.Context(), clientset.NewForConfigOrDie(config), sets.New(taker.Name)); err != nil {
		t.Fatal(err)
	}
	err := Install(t.Context(), config)
	if want := "names of the CRD workloadrebalancers.apps.karmada.io are taken by another one"; err == nil || !strings.Contains(err.Error(), want) {
		t.Errorf("got %v, want an error that says %q", err, want)
	}
	if err := definitions.Delete(t.Context(), taker.Name, metav1.DeleteOptions{}); err != nil {
		t.Fatal(err)
	}
	var last error // The server takes a moment to notice that the names are free.
	err = wait.PollUntilContextTimeout(t.Context(), 100*time.Millisecond, time.Minute, true, func(ctx context.Context) (bool, error) {
		last = Install(ctx, config)
		return last == nil, nil
	})
	if err != nil {
		t.Fatalf("after the other definition is gone: %v: %v", err, last)
	}
}

func definitionTaking(plural, kind string) *apiextensionsv1.CustomResourceDefinition {
	return &apiextensionsv1.CustomResourceDefinition{
		ObjectMeta: metav1.ObjectMeta{Name: plural + ".apps.karmada.io"},
		Spec: apiextensionsv1.CustomResourceDefinitionSpec{
			Group: "apps.karmada.io",
			Scope: apiextensionsv1.ClusterScoped,
			Names: apiextensionsv1.CustomResourceDefinitionNames{Plural: plural, Kind: kind},
			Versions: []apiextensionsv1.CustomResourceDefinitionVersion{{Name: "v1", Served: true, Storage: true,
				Schema: &apiextensionsv1.CustomResourceValidation{OpenAPIV3Schema: &apiextensionsv1.JSONSchemaProps{Type: "object"}}}},
		},
	}
}

// testServed creates the base of each suite through the server, and shows that a refusal carries the rule's message.
func testServed(t *testing.T, config *rest.Config) {
	server := dynamic.NewForConfigOrDie(config)
	for _, crd := range loadAll(t) {
		object := &unstructured.Unstructured{Object: patched(t, readSuite(t, suitePath(crd.Name)).Base, nil)}
		object.SetKind(crd.Spec.Names.Kind)
		resource := server.Resource(resourceOf(crd))
		var objects dynamic.ResourceInterface = resource
		if crd.Spec.Scope == apiextensionsv1.NamespaceScoped {
			object.SetNamespace(metav1.NamespaceDefault)
			objects = resource.Namespace(metav1.NamespaceDefault)
		} else {
			object.SetNamespace("")
		}
		if _, err := objects.Create(t.Context(), object, metav1.CreateOptions{FieldValidation: metav1.FieldValidationStrict}); err != nil {
			t.Errorf("creating the base of %s: %v", crd.Name, err)
		}
	}
	policies := server.Resource(schema.GroupVersionResource{Group: "policy.karmada.io", Version: "v1alpha1", Resource: "propagationpolicies"})
	patch := `{"spec":{"placement":{"spreadConstraints":[{"spreadByField":"zone","minGroups":3,"maxGroups":2}]}}}`
	_, err := policies.Namespace(metav1.NamespaceDefault).Patch(t.Context(), "nginx", types.MergePatchType, []byte(patch), metav1.PatchOptions{})
	if err == nil || !strings.Contains(err.Error(), "minGroups must not exceed maxGroups: lower minGroups") {
		t.Errorf("got %v, want the message of the rule", err)
	}
}

func TestInstallErrors(t *testing.T) {
	config := localtest.ControlPlane(t)
	client := clientset.NewForConfigOrDie(config)

	t.Run("time runs out", func(t *testing.T) {
		ctx, cancel := context.WithTimeout(t.Context(), time.Millisecond)
		defer cancel()
		err := waitEstablished(ctx, client, sets.New("b.example", "a.example")) // Nobody ever creates them.
		if err == nil || !strings.Contains(err.Error(), "waiting until the API server serves a.example, b.example") {
			t.Errorf("got %v, want an error that names the missing definitions", err)
		}
	})
	t.Run("cancelled", func(t *testing.T) {
		ctx, cancel := context.WithCancel(t.Context())
		cancel()
		if err := Install(ctx, config); !errors.Is(err, context.Canceled) {
			t.Errorf("got %v, want %v", err, context.Canceled)
		}
	})
}

func resourceOf(crd *apiextensionsv1.CustomResourceDefinition) schema.GroupVersionResource {
	return schema.GroupVersionResource{Group: crd.Spec.Group, Version: crd.Spec.Versions[0].Name, Resource: crd.Spec.Names.Plural}
}

func resourceVersions(t *testing.T, client clientset.Interface) map[string]string {
	t.Helper()
	list, err := client.ApiextensionsV1().CustomResourceDefinitions().List(t.Context(), metav1.ListOptions{})
	if err != nil {
		t.Fatal(err)
	}
	versions := map[string]string{}
	for _, crd := range list.Items {
		versions[crd.Name] = crd.ResourceVersion
	}
	return versions
}

func merge(t *testing.T, client clientset.Interface, name string, patch map[string]any) {
	t.Helper()
	data, err := json.Marshal(patch)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := client.ApiextensionsV1().CustomResourceDefinitions().Patch(t.Context(), name, types.MergePatchType, data, metav1.PatchOptions{}); err != nil {
		t.Fatal(err)
	}
}
