package apis

import (
	"testing"

	"k8s.io/apimachinery/pkg/runtime/schema"

	"github.com/longshore-project/longshore/apis/crds"
)

// TestSchemeKnowsEveryDefinition shows that types, scheme and generated definitions agree.
func TestSchemeKnowsEveryDefinition(t *testing.T) {
	scheme := NewScheme()
	if err := AddToScheme(scheme); err != nil {
		t.Fatalf("registering twice: %v", err)
	}
	definitions, err := crds.All()
	if err != nil {
		t.Fatal(err)
	}
	for _, crd := range definitions {
		for _, version := range crd.Spec.Versions {
			for _, kind := range []string{crd.Spec.Names.Kind, crd.Spec.Names.ListKind} {
				if gvk := (schema.GroupVersionKind{Group: crd.Spec.Group, Version: version.Name, Kind: kind}); !scheme.Recognizes(gvk) {
					t.Errorf("the scheme does not know %s", gvk)
				}
			}
		}
	}
}
