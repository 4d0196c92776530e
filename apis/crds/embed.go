// Package crds holds the CustomResourceDefinitions generated from this module's API types, and installs them.
package crds

import (
	"embed"
	"fmt"

	apiextensionsv1 "k8s.io/apiextensions-apiserver/pkg/apis/apiextensions/v1"
	"sigs.k8s.io/yaml"
)

//go:embed *.yaml
var files embed.FS

// All returns every CustomResourceDefinition, sorted by group and plural name. The caller owns the result. It returns an error only if
// a generated file was changed by hand so that it no longer parses.
func All() ([]*apiextensionsv1.CustomResourceDefinition, error) {
	entries, err := files.ReadDir(".") // Sorted by file name, which is <group>_<plural>.yaml.
	if err != nil {
		return nil, fmt.Errorf("listing the embedded CRDs: %w", err)
	}
	all := make([]*apiextensionsv1.CustomResourceDefinition, 0, len(entries))
	for _, entry := range entries {
		crd, err := read(entry.Name())
		if err != nil {
			return nil, err
		}
		all = append(all, crd)
	}
	return all, nil
}

func read(name string) (*apiextensionsv1.CustomResourceDefinition, error) {
	data, err := files.ReadFile(name)
	if err != nil {
		return nil, fmt.Errorf("reading the embedded CRD %s: %w", name, err)
	}
	crd := &apiextensionsv1.CustomResourceDefinition{}
	if err := yaml.UnmarshalStrict(data, crd); err != nil {
		return nil, fmt.Errorf("parsing the embedded CRD %s (run make generate): %w", name, err)
	}
	return crd, nil
}
