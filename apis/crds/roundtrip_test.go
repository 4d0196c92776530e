package crds

import (
	"fmt"
	"testing"

	"github.com/google/go-cmp/cmp"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/serializer"

	"github.com/longshore-project/longshore/apis"
)

// TestRoundTrip shows that the Go types lose nothing that the definitions store: each accepted object is decoded strictly, encoded, and
// stored again, where only defaults may come back.
func TestRoundTrip(t *testing.T) {
	decoder := serializer.NewCodecFactory(apis.NewScheme(), serializer.EnableStrict).UniversalDeserializer()
	for _, crd := range loadAll(t) {
		t.Run(crd.Name, func(t *testing.T) {
			a, s := newAdmission(t, toInternal(t, crd)), readSuite(t, suitePath(crd.Name))
			s.Base["kind"] = crd.Spec.Names.Kind
			for _, c := range append(s.Cases, admissionCase{Name: "base"}) {
				stored := patched(t, s.Base, c.Patch)
				if errs := a.admit(t.Context(), stored, nil); len(errs) > 0 {
					continue
				}
				typed, _, err := decoder.Decode(toJSON(t, stored), nil, nil)
				if err != nil {
					t.Errorf("%s: %v", c.Name, err)
					continue
				}
				again := patched(t, map[string]any{}, asMap(t, typed))
				a.admit(t.Context(), again, nil)
				if diff := cmp.Diff(withoutEmpty(stored), withoutEmpty(again)); diff != "" {
					t.Errorf("%s (-stored +again):\n%s", c.Name, diff)
				}
			}
		})
	}
}

func asMap(t *testing.T, object runtime.Object) map[string]any {
	t.Helper()
	m, err := runtime.DefaultUnstructuredConverter.ToUnstructured(object)
	if err != nil {
		t.Fatal(err)
	}
	return m
}

// withoutEmpty drops empty lists, empty objects, false, 0 and nulls from objects, which Go types do not tell from absence, and writes
// numbers as text, as quantities are.
func withoutEmpty(v any) any {
	switch v := v.(type) {
	case map[string]any:
		kept := map[string]any{}
		for key, value := range v {
			if value = withoutEmpty(value); value != nil {
				kept[key] = value
			}
		}
		if len(kept) > 0 {
			return kept
		}
	case []any:
		kept := []any{}
		for _, item := range v {
			kept = append(kept, withoutEmpty(item))
		}
		if len(kept) > 0 {
			return kept
		}
	case nil:
	default:
		if text := fmt.Sprint(v); text != "" && text != "0" && text != "false" {
			return text
		}
	}
	return nil
}
