package crds

import (
	"context"
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"

	jsonpatch "github.com/evanphx/json-patch/v5"
	"k8s.io/apiextensions-apiserver/pkg/apis/apiextensions"
	structuralschema "k8s.io/apiextensions-apiserver/pkg/apiserver/schema"
	"k8s.io/apiextensions-apiserver/pkg/apiserver/schema/cel"
	"k8s.io/apiextensions-apiserver/pkg/apiserver/schema/defaulting"
	"k8s.io/apiextensions-apiserver/pkg/apiserver/schema/listtype"
	"k8s.io/apiextensions-apiserver/pkg/apiserver/schema/pruning"
	schemavalidation "k8s.io/apiextensions-apiserver/pkg/apiserver/validation"
	utiljson "k8s.io/apimachinery/pkg/util/json"
	"k8s.io/apimachinery/pkg/util/sets"
	"k8s.io/apimachinery/pkg/util/validation/field"
	celconfig "k8s.io/apiserver/pkg/apis/cel"
	"sigs.k8s.io/yaml"
)

// admission does to an object what an API server does with a definition: prune, default, validate.
type admission struct {
	structural *structuralschema.Structural
	schema     schemavalidation.SchemaValidator
	rules      *cel.Validator
}

// admit changes object into what would be stored. A nil old object means create.
func (a *admission) admit(ctx context.Context, object, old map[string]any) field.ErrorList {
	pruning.Prune(object, a.structural, true)
	defaulting.PruneNonNullableNullsWithoutDefaults(object, a.structural)
	defaulting.Default(object, a.structural)
	errs := schemavalidation.ValidateCustomResource(nil, object, a.schema)
	errs = append(errs, listtype.ValidateListSetsAndMaps(nil, a.structural, object)...)
	if len(errs) > 0 {
		return errs // The server does not run rules on an object whose schema does not hold.
	}
	var oldObject any // A nil map in an interface would not be nil.
	if old != nil {
		oldObject = old
	}
	errs, _ = a.rules.Validate(ctx, nil, a.structural, object, oldObject, celconfig.RuntimeCELCostBudget)
	return errs
}

// suite is one file of testdata/admission.
type suite struct {
	// Base is an object that is accepted.
	Base map[string]any `json:"base"`
	// Stored is part of what the server makes of Base.
	Stored map[string]any `json:"stored"`
	// Cases change Base.
	Cases []admissionCase `json:"cases"`
}

type admissionCase struct {
	Name string `json:"name"`
	// Patch is a JSON merge patch of Base.
	Patch map[string]any `json:"patch"`
	// Update makes this an update of Base; else it is a create.
	Update bool `json:"update"`
	// Refused is part of the error. Empty means that the object is accepted.
	Refused string `json:"refused"`
	// Stored is part of what the server makes of an accepted object.
	Stored map[string]any `json:"stored"`
}

// TestAdmission runs testdata/admission/<definition>.yaml against each definition, and checks that each rule refused something.
func TestAdmission(t *testing.T) {
	untested := sets.New[string]()
	for _, crd := range loadAll(t) {
		internal := toInternal(t, crd)
		a := newAdmission(t, internal)
		untested.Insert(ruleMessages(a.structural)...)
	}
	for _, crd := range loadAll(t) {
		t.Run(crd.Name, func(t *testing.T) {
			a := newAdmission(t, toInternal(t, crd))
			s := readSuite(t, suitePath(crd.Name))
			s.Base["kind"] = crd.Spec.Names.Kind
			runCase(t, a, s, admissionCase{Name: "base", Stored: s.Stored})
			for _, c := range s.Cases {
				t.Run(c.Name, func(t *testing.T) {
					for message := range runCase(t, a, s, c) {
						untested.Delete(message)
					}
				})
			}
		})
	}
	for message := range untested {
		t.Errorf("no case is refused by the rule %q", message)
	}
}

// runCase returns the messages of the rules that refused the object.
func runCase(t *testing.T, a *admission, s suite, c admissionCase) sets.Set[string] {
	t.Helper()
	object := patched(t, s.Base, c.Patch)
	var old map[string]any
	if c.Update {
		old = patched(t, s.Base, nil)
		if errs := a.admit(t.Context(), old, nil); len(errs) > 0 {
			t.Fatalf("base is refused: %v", errs.ToAggregate())
		}
	}
	errs := a.admit(t.Context(), object, old)
	switch {
	case c.Refused == "" && len(errs) > 0:
		t.Errorf("refused: %v", errs.ToAggregate())
	case c.Refused == "":
		if got := patched(t, object, c.Stored); c.Stored != nil && !equalJSON(t, got, object) {
			t.Errorf("stored as\n%s\nwhich does not hold\n%s", toYAML(t, object), toYAML(t, c.Stored))
		}
	case len(errs) != 1 || !strings.Contains(errs[0].Error(), c.Refused):
		t.Errorf("got errors %v, want one that says %q", errs, c.Refused)
	}
	return details(errs)
}

func details(errs field.ErrorList) sets.Set[string] {
	messages := sets.New[string]()
	for _, err := range errs {
		messages.Insert(err.Detail)
	}
	return messages
}

// ruleMessages returns the message of every CEL rule in a schema.
func ruleMessages(s *structuralschema.Structural) []string {
	messages := []string{}
	visitor := structuralschema.Visitor{Structural: func(s *structuralschema.Structural) bool {
		for _, rule := range s.XValidations {
			messages = append(messages, rule.Message)
		}
		return false
	}}
	visitor.Visit(s.DeepCopy())
	return messages
}

func newAdmission(t *testing.T, crd *apiextensions.CustomResourceDefinition) *admission {
	t.Helper()
	validation, err := apiextensions.GetSchemaForVersion(crd, crd.Spec.Versions[0].Name)
	if err != nil {
		t.Fatal(err)
	}
	structural, err := structuralschema.NewStructural(validation.OpenAPIV3Schema)
	if err != nil {
		t.Fatal(err)
	}
	schema, _, err := schemavalidation.NewSchemaValidator(validation.OpenAPIV3Schema)
	if err != nil {
		t.Fatal(err)
	}
	return &admission{structural: structural, schema: schema, rules: cel.NewValidator(structural, true, celconfig.PerCallLimit)}
}

// suitePath returns the file of a definition; two kinds that share a spec share a file.
func suitePath(name string) string {
	switch name {
	case "clusterpropagationpolicies.policy.karmada.io", "clusteroverridepolicies.policy.karmada.io", "clusterresourcebindings.work.karmada.io":
		name = strings.TrimPrefix(name, "cluster")
	}
	return filepath.Join("testdata", "admission", name+".yaml")
}

func readSuite(t *testing.T, path string) suite {
	t.Helper()
	data, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	s := suite{}
	if err := yaml.UnmarshalStrict(data, &s); err != nil {
		t.Fatalf("reading %s: %v", path, err)
	}
	return s
}

// patched returns a new object; numbers are int64 or float64, as in an API server.
func patched(t *testing.T, base, patch map[string]any) map[string]any {
	t.Helper()
	document := toJSON(t, base)
	if patch != nil {
		var err error
		if document, err = jsonpatch.MergePatch(document, toJSON(t, patch)); err != nil {
			t.Fatal(err)
		}
	}
	object := map[string]any{}
	if err := utiljson.Unmarshal(document, &object); err != nil {
		t.Fatal(err)
	}
	return object
}

func equalJSON(t *testing.T, a, b any) bool {
	t.Helper()
	return string(toJSON(t, a)) == string(toJSON(t, b)) // Maps are encoded with sorted keys.
}

func toJSON(t *testing.T, v any) []byte {
	t.Helper()
	data, err := json.Marshal(v)
	if err != nil {
		t.Fatal(err)
	}
	return data
}

func toYAML(t *testing.T, v any) string {
	t.Helper()
	data, err := yaml.Marshal(v)
	if err != nil {
		t.Fatal(err)
	}
	return string(data)
}
