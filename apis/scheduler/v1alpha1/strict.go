package v1alpha1

import (
	"fmt"
	"maps"
	"reflect"
	"slices"
	"strings"
	"time"

	"go.yaml.in/yaml/v3"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/util/validation/field"
)

var (
	durationType = reflect.TypeFor[metav1.Duration]()
	freeFormType = reflect.TypeFor[runtime.RawExtension]()
)

// inspect compares the tree with the Go type of the configuration, takes down faults and lines, and cuts out of the tree what is at fault, so
// that the rest can be looked at too.
func (d *Document) inspect(root *yaml.Node) {
	d.visit(root, reflect.TypeFor[SchedulerConfiguration](), nil)
}

func (d *Document) fault(n *yaml.Node, path *field.Path, format string, args ...any) {
	where := ""
	if path != nil {
		where = path.String() + ": "
	}
	d.faults = append(d.faults, fault{line: n.Line, text: where + fmt.Sprintf(format, args...)})
}

// visit looks at a value that is to have the given type; a nil type allows everything.
func (d *Document) visit(n *yaml.Node, t reflect.Type, path *field.Path) {
	if path != nil {
		d.lines[path.String()] = n.Line
	}
	if n.Kind == yaml.AliasNode {
		d.fault(n, path, "aliases are not supported: write the value out")
		cut(n)
		return
	}
	if t != nil && t.Kind() == reflect.Pointer {
		t = t.Elem()
	}
	if n.Tag == "!!null" && (t == nil || t.Kind() != reflect.String) {
		return // Written without a value, which means the default.
	}
	switch {
	case t == nil:
		d.visitContent(n, path)
	case t == durationType:
		d.visitDuration(n, path)
	case t == freeFormType:
		if d.expect(n, path, yaml.MappingNode, "", "a map of arguments") {
			d.visitContent(n, path)
		}
	default:
		d.visitTyped(n, t, path)
	}
}

func (d *Document) visitTyped(n *yaml.Node, t reflect.Type, path *field.Path) {
	switch t.Kind() {
	case reflect.Struct:
		if d.expect(n, path, yaml.MappingNode, "", "a map") {
			d.visitMap(n, fieldsOf(t), path)
		}
	case reflect.Slice:
		if d.expect(n, path, yaml.SequenceNode, "", "a list") {
			for i, element := range n.Content {
				d.visit(element, t.Elem(), path.Index(i))
			}
		}
	case reflect.Bool:
		d.expect(n, path, yaml.ScalarNode, "!!bool", "true or false")
	case reflect.Int32:
		d.visitInteger(n, path)
	default:
		d.expect(n, path, yaml.ScalarNode, "!!str", "a string")
	}
}

// visitContent looks for what no type is needed to see: keys that appear twice.
func (d *Document) visitContent(n *yaml.Node, path *field.Path) {
	switch n.Kind {
	case yaml.MappingNode:
		d.visitMap(n, nil, path)
	case yaml.SequenceNode:
		for i, element := range n.Content {
			d.visit(element, nil, path.Index(i))
		}
	}
}

// visitMap looks at the keys and values of a map; nil fields allow every key.
func (d *Document) visitMap(n *yaml.Node, fields map[string]reflect.Type, path *field.Path) {
	first := map[string]int{}
	var kept []*yaml.Node
	for i := 0; i+1 < len(n.Content); i += 2 {
		key, value := n.Content[i], n.Content[i+1]
		at := child(path, key.Value)
		if line, twice := first[key.Value]; twice {
			d.fault(key, at, "appears twice; it is set in line %d already", line)
			continue
		}
		first[key.Value] = key.Line
		t, known := fields[key.Value]
		if fields != nil && !known {
			d.fault(key, at, "unknown field; known are %s", strings.Join(slices.Sorted(maps.Keys(fields)), ", "))
			continue
		}
		d.visit(value, t, at)
		d.lines[at.String()] = key.Line
		if fields == nil || value.ShortTag() != "!!null" {
			kept = append(kept, key, value)
		}
	}
	n.Content = kept
}

func child(path *field.Path, name string) *field.Path {
	if path == nil {
		return field.NewPath(name)
	}
	return path.Child(name)
}

// fieldsOf returns the types of the fields of a struct by their names in JSON.
func fieldsOf(t reflect.Type) map[string]reflect.Type {
	out := map[string]reflect.Type{}
	for _, f := range reflect.VisibleFields(t) {
		if name, _, _ := strings.Cut(f.Tag.Get("json"), ","); name != "" && name != "-" {
			out[name] = f.Type
		}
	}
	return out
}

// expect holds it against the document if the value is not of that kind and, for a scalar, of that tag.
func (d *Document) expect(n *yaml.Node, path *field.Path, kind yaml.Kind, tag, want string) bool {
	if n.Kind == kind && (tag == "" || n.ShortTag() == tag) {
		return true
	}
	d.fault(n, path, "%s is not %s", describe(n), want)
	cut(n)
	return false
}

// cut leaves nothing of the value.
func cut(n *yaml.Node) {
	*n = yaml.Node{Kind: yaml.ScalarNode, Tag: "!!null", Value: "null", Line: n.Line}
}

func (d *Document) visitInteger(n *yaml.Node, path *field.Path) {
	var value int32
	if d.expect(n, path, yaml.ScalarNode, "!!int", "a whole number") && n.Decode(&value) != nil {
		d.fault(n, path, "%s is too large", describe(n))
		cut(n)
	}
}

func (d *Document) visitDuration(n *yaml.Node, path *field.Path) {
	const want = "a duration such as 500ms or 2s"
	if !d.expect(n, path, yaml.ScalarNode, "!!str", want) {
		return
	}
	if _, err := time.ParseDuration(n.Value); err != nil {
		d.fault(n, path, "%s is not %s", describe(n), want)
		cut(n)
	}
}

func describe(n *yaml.Node) string {
	switch n.Kind {
	case yaml.MappingNode:
		return "a map"
	case yaml.SequenceNode:
		return "a list"
	}
	if n.ShortTag() == "!!null" {
		return "nothing"
	}
	return fmt.Sprintf("%q", n.Value)
}
