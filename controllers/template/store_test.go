package template_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	apiextensionsv1 "k8s.io/apiextensions-apiserver/pkg/apis/apiextensions/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/utils/ptr"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/manager"

	"github.com/longshore-project/longshore/controllers/template"
	"github.com/longshore-project/longshore/controllers/template/templatetest"
)

func TestMain(m *testing.M) { templatetest.Main(m) }

// journal records events as "added namespace/name", "updated …" and "deleted …".
type journal struct {
	mu    sync.Mutex
	lines []string
}

func (j *journal) handle(e template.Event) {
	j.mu.Lock()
	defer j.mu.Unlock()
	verb := "updated"
	switch {
	case e.Old == nil:
		verb = "added"
	case e.New == nil:
		verb = "deleted"
	}
	j.lines = append(j.lines, fmt.Sprintf("%s %s/%s", verb, e.Ref.Namespace, e.Ref.Name))
}

// of returns the verbs that were recorded for an object.
func (j *journal) of(namespace, name string) []string {
	j.mu.Lock()
	defer j.mu.Unlock()
	var out []string
	for _, line := range j.lines {
		if verb, found := strings.CutSuffix(line, " "+namespace+"/"+name); found {
			out = append(out, verb)
		}
	}
	return out
}

func start(t *testing.T) (*templatetest.Env, *journal) {
	t.Helper()
	j := &journal{}
	env := templatetest.Start(t, func(_ context.Context, _ manager.Manager, store *template.Store) error {
		store.Subscribe(j.handle)
		return nil
	})
	return env, j
}

func (j *journal) await(env *templatetest.Env, name string, want ...string) {
	env.Await(fmt.Sprintf("%s is %q", name, want), func() error {
		if got := j.of(env.Namespace, name); !slices.Equal(got, want) {
			return fmt.Errorf("it is %q", got)
		}
		return nil
	})
}

func TestStoreReportsWhatMatters(t *testing.T) {
	env, j := start(t)
	d := templatetest.Deployment(env.Namespace, "web", 1)
	env.MustCreate(d)
	j.await(env, "web", "added")

	if err := env.Status().Patch(t.Context(), d, client.RawPatch("application/merge-patch+json", []byte(`{"status":{"replicas":1}}`))); err != nil {
		t.Fatal(err)
	}
	env.MustPatch(d, func() {
		d.SetLabels(map[string]string{"policy": "none", "propagationpolicy.karmada.io/permanent-id": "the-id"})
	})
	j.await(env, "web", "added", "updated") // one update, not two

	ref := template.RefOf(d)
	got, err := env.Store.Get(ref)
	if err != nil {
		t.Fatal(err)
	}
	if len(got.GetManagedFields()) != 0 {
		t.Error("managedFields are kept")
	}
	if claimed := env.Store.Claimed("the-id"); !slices.Equal(claimed, []template.Ref{ref}) {
		t.Errorf("claimed are %v", claimed)
	}
	if named := env.Store.Named(ref.Kind, "web"); !slices.Contains(named, ref) {
		t.Errorf("named are %v", named)
	}
	if r, ok := env.Store.Resource(ref.Kind); !ok || r.Name.Resource != "deployments" || !r.StatusSubresource || !r.Namespaced {
		t.Errorf("resource is %+v, %t", r, ok)
	}

	env.MustPatch(d, func() { d.SetLabels(map[string]string{"resourcetemplate.karmada.io/claimed-by": "other"}) })
	j.await(env, "web", "added", "updated", "deleted")
	if _, err := env.Store.Get(ref); !apierrors.IsNotFound(err) {
		t.Errorf("a template of another API: %v", err)
	}
	env.MustPatch(d, func() { d.SetLabels(nil) })
	j.await(env, "web", "added", "updated", "deleted", "added")
	env.MustDelete(d)
	j.await(env, "web", "added", "updated", "deleted", "added", "deleted")
	if _, err := env.Store.Get(ref); !apierrors.IsNotFound(err) {
		t.Errorf("a deleted template: %v", err)
	}
}

func TestLateSubscriberHearsOfEverything(t *testing.T) {
	env, early := start(t)
	d := templatetest.Deployment(env.Namespace, "web", 1)
	env.MustCreate(d)
	early.await(env, "web", "added")
	late := &journal{}
	env.Store.Subscribe(late.handle)
	late.await(env, "web", "added")
}

func widgets() *apiextensionsv1.CustomResourceDefinition {
	return &apiextensionsv1.CustomResourceDefinition{
		ObjectMeta: metav1.ObjectMeta{Name: "widgets.example.com"},
		Spec: apiextensionsv1.CustomResourceDefinitionSpec{
			Group: "example.com", Scope: apiextensionsv1.NamespaceScoped,
			Names: apiextensionsv1.CustomResourceDefinitionNames{Plural: "widgets", Singular: "widget", Kind: "Widget", ListKind: "WidgetList"},
			Versions: []apiextensionsv1.CustomResourceDefinitionVersion{{
				Name: "v1", Served: true, Storage: true,
				Schema: &apiextensionsv1.CustomResourceValidation{OpenAPIV3Schema: &apiextensionsv1.JSONSchemaProps{
					Type: "object", XPreserveUnknownFields: ptr.To(true),
				}},
			}},
		},
	}
}

func TestStoreFollowsCRDs(t *testing.T) {
	env, j := start(t)
	kind := schema.GroupVersionKind{Group: "example.com", Version: "v1", Kind: "Widget"}
	if _, err := env.Store.Get(template.Ref{Kind: kind, Namespace: env.Namespace, Name: "w"}); !errors.Is(err, template.ErrNotReady) {
		t.Errorf("a kind that is not served: %v", err)
	}
	crd := toUnstructured(t, widgets(), "apiextensions.k8s.io/v1", "CustomResourceDefinition")
	env.MustCreate(crd)
	w := &unstructured.Unstructured{Object: map[string]any{"spec": map[string]any{"size": "big"}}}
	w.SetGroupVersionKind(kind)
	w.SetNamespace(env.Namespace)
	w.SetName("w")
	env.Await("the CRD is served", func() error { return env.Create(context.Background(), w) })
	j.await(env, "w", "added")
	if r, ok := env.Store.Resource(kind); !ok || r.StatusSubresource {
		t.Errorf("resource is %+v, %t", r, ok)
	}

	env.MustDelete(crd)
	j.await(env, "w", "added", "deleted")
	env.Await("the kind is dropped", func() error {
		if _, ok := env.Store.Resource(kind); ok {
			return errors.New("it is watched")
		}
		return nil
	})
	env.AwaitQuiet(10 * time.Millisecond)
}

func toUnstructured(t *testing.T, obj any, apiVersion, kind string) *unstructured.Unstructured {
	t.Helper()
	content, err := runtime.DefaultUnstructuredConverter.ToUnstructured(obj)
	if err != nil {
		t.Fatal(err)
	}
	out := &unstructured.Unstructured{Object: content}
	out.SetAPIVersion(apiVersion)
	out.SetKind(kind)
	return out
}
