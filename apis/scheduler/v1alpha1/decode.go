package v1alpha1

import (
	"bytes"
	"cmp"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"

	"go.yaml.in/yaml/v3"
	"k8s.io/apimachinery/pkg/util/validation/field"
	sigsyaml "sigs.k8s.io/yaml"
)

// Document is a configuration file that was read.
type Document struct {
	// Configuration is what the file says, with its defaults. Of a file with faults it is what could be understood.
	Configuration SchedulerConfiguration
	// faults is what is wrong with the form of the file.
	faults []fault
	// lines holds the line of each field by its path.
	lines map[string]int
}

// fault is something wrong in one place.
type fault struct {
	line int
	text string
}

// Decode reads a configuration file in YAML or JSON. It fails if the text is neither. Fields that do not exist, appear twice or have values of
// the wrong type are held against the document and told by Check, together with everything else that is wrong.
func Decode(text []byte) (*Document, error) {
	root, err := parse(text)
	if err != nil {
		return nil, err
	}
	d := &Document{lines: map[string]int{}}
	d.inspect(root)
	// What remains of the tree is free of what a decoder would refuse.
	if text, err = yaml.Marshal(root); err == nil {
		err = sigsyaml.UnmarshalStrict(text, &d.Configuration)
	}
	if err != nil {
		return nil, fmt.Errorf("decoding the configuration: %w", err)
	}
	SetDefaults(&d.Configuration)
	return d, nil
}

// parse returns the top of the only document in the text.
func parse(text []byte) (*yaml.Node, error) {
	decoder := yaml.NewDecoder(bytes.NewReader(text))
	var document, second yaml.Node
	switch err := decoder.Decode(&document); {
	case errors.Is(err, io.EOF):
		return nil, errors.New("the configuration is empty: it starts with apiVersion: " + GroupVersion.String())
	case err != nil:
		return nil, fmt.Errorf("reading the configuration: %w", err)
	}
	if err := decoder.Decode(&second); !errors.Is(err, io.EOF) {
		return nil, fmt.Errorf("line %d: the configuration ends here, but a second document follows: write one document", max(second.Line, 1))
	}
	return document.Content[0], nil
}

// Check returns everything that is wrong, in order of lines: the form of the file, what Validate finds, and what the caller found beside. Nil
// means that the configuration can be used.
func (d *Document) Check(found field.ErrorList) error {
	faults := slices.Clone(d.faults)
	for _, f := range append(Validate(&d.Configuration), found...) {
		faults = append(faults, fault{line: d.lineOf(f.Field), text: f.Error()})
	}
	slices.SortStableFunc(faults, func(a, b fault) int { return cmp.Compare(a.line, b.line) })
	var errs []error
	for _, f := range faults {
		errs = append(errs, fmt.Errorf("line %d: %s", f.line, f.text))
	}
	return errors.Join(errs...)
}

// lineOf returns the line of the field or, if the file leaves it out, of what it would be in.
func (d *Document) lineOf(path string) int {
	for path != "" {
		if line, ok := d.lines[path]; ok {
			return line
		}
		path = path[:max(strings.LastIndexAny(path, ".["), 0)]
	}
	return 1
}
