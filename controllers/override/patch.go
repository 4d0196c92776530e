package override

import (
	"bufio"
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"

	jsonpatch "github.com/evanphx/json-patch/v5"
	apiextensionsv1 "k8s.io/apiextensions-apiserver/pkg/apis/apiextensions/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	kjson "k8s.io/apimachinery/pkg/util/json"
	utilyaml "k8s.io/apimachinery/pkg/util/yaml"
	"sigs.k8s.io/yaml"

	policyv1alpha1 "github.com/longshore-project/longshore/apis/policy/v1alpha1"
)

// strict is RFC 6902 to the letter: what is removed or replaced must exist, as must the parent of what is added, and a list is never
// counted from its end. That is the zero value: the package's own defaults are laxer.
var strict = &jsonpatch.ApplyOptions{}

var null = json.RawMessage("null")

// operation returns one operation of a patch. A value of the API type cannot tell null from absent; where that is allowed it is null.
func operation(operator policyv1alpha1.OverriderOperator, path string, value *apiextensionsv1.JSON) (jsonpatch.Operation, error) {
	switch operator {
	case policyv1alpha1.OverriderAdd, policyv1alpha1.OverriderReplace, policyv1alpha1.OverriderRemove:
	default:
		return nil, fmt.Errorf("operator %q is unknown: use add, remove or replace", operator)
	}
	op := jsonpatch.Operation{"op": quoted(string(operator)), "path": quoted(path)}
	if operator == policyv1alpha1.OverriderRemove {
		return op, nil
	}
	op["value"] = &null
	if hasValue(value) {
		raw := json.RawMessage(value.Raw)
		op["value"] = &raw
	}
	return op, nil
}

func hasValue(value *apiextensionsv1.JSON) bool {
	return value != nil && len(value.Raw) > 0
}

func quoted(text string) *json.RawMessage {
	raw, _ := json.Marshal(text) // A string always has a JSON form.
	return (*json.RawMessage)(&raw)
}

// overridePlaintext applies the operations one after the other to the whole object, which is encoded and decoded only once.
func overridePlaintext(obj *unstructured.Unstructured, overriders []policyv1alpha1.PlaintextOverrider) error {
	if len(overriders) == 0 {
		return nil
	}
	patch := make(jsonpatch.Patch, 0, len(overriders))
	for i := range overriders {
		op, err := operation(overriders[i].Operator, overriders[i].Path, overriders[i].Value)
		if err != nil {
			return fmt.Errorf("reading operation %d: %w", i, err)
		}
		patch = append(patch, op)
	}
	document, err := json.Marshal(obj.Object)
	if err != nil {
		return fmt.Errorf("encoding the object: %w", err)
	}
	if document, err = patch.ApplyWithOptions(document, strict); err != nil {
		return err
	}
	var changed map[string]any
	if err := kjson.Unmarshal(document, &changed); err != nil {
		return fmt.Errorf("decoding the patched object: %w", err)
	}
	if changed == nil {
		return errors.New("the patch leaves nothing of the object")
	}
	obj.Object = changed
	return nil
}

// overrideField patches the document that a string field holds.
func overrideField(obj *unstructured.Unstructured, o *policyv1alpha1.FieldOverrider) error {
	if (len(o.JSON) > 0) == (len(o.YAML) > 0) {
		return fmt.Errorf("reading the overrider of %q: set exactly one of json and yaml", o.FieldPath)
	}
	patches, decode, encode := o.JSON, asIs, asIs
	if len(o.YAML) > 0 {
		patches, decode, encode = o.YAML, fromYAML, yaml.JSONToYAML
	}
	patch, err := documentPatch(patches)
	if err != nil {
		return err
	}
	return editString(obj, o.FieldPath, func(text string) (string, error) {
		document, err := decode([]byte(text))
		if err != nil {
			return "", fmt.Errorf("decoding the document: %w", err)
		}
		if document, err = patch.ApplyWithOptions(document, strict); err != nil {
			return "", fmt.Errorf("patching the document: %w", err)
		}
		changed, err := encode(document)
		if err != nil {
			return "", fmt.Errorf("encoding the document: %w", err)
		}
		return string(changed), nil
	})
}

func asIs(document []byte) ([]byte, error) {
	return document, nil
}

// fromYAML refuses what would not survive the way to JSON and back: duplicate keys and further documents.
func fromYAML(text []byte) ([]byte, error) {
	reader := utilyaml.NewYAMLReader(bufio.NewReader(bytes.NewReader(text)))
	var first []byte
	for {
		document, err := reader.Read()
		if errors.Is(err, io.EOF) {
			return yaml.YAMLToJSONStrict(first)
		}
		if err != nil {
			return nil, err
		}
		switch {
		case len(bytes.TrimSpace(document)) == 0:
		case first == nil:
			first = document
		default:
			return nil, errors.New("it holds several documents, but a patch is for one: keep each document in a field of its own")
		}
	}
}

func documentPatch(patches []policyv1alpha1.DocumentPatch) (jsonpatch.Patch, error) {
	result := make(jsonpatch.Patch, 0, len(patches))
	for _, p := range patches {
		removes := p.Operator == policyv1alpha1.OverriderRemove
		if removes == hasValue(p.Value) {
			return nil, fmt.Errorf("reading the operation at subPath %q: add and replace need a value and remove takes none", p.SubPath)
		}
		op, err := operation(p.Operator, p.SubPath, p.Value)
		if err != nil {
			return nil, fmt.Errorf("reading the operation at subPath %q: %w", p.SubPath, err)
		}
		result = append(result, op)
	}
	return result, nil
}
