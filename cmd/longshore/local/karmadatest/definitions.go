package karmadatest

import (
	"slices"

	apiextensionsv1 "k8s.io/apiextensions-apiserver/pkg/apis/apiextensions/v1"
	"k8s.io/utils/ptr"

	"github.com/longshore-project/longshore/apis/crds"
)

// Definitions returns the kinds of Karmada in the shape in which Karmada defines them: without validation rules, and bindings also in their
// first version. The binding kinds lack the given fields, by their paths such as spec, components, as those of an older release do.
func Definitions(without ...[]string) ([]*apiextensionsv1.CustomResourceDefinition, error) {
	all, err := crds.All()
	if err != nil {
		return nil, err
	}
	for _, crd := range all {
		for i := range crd.Spec.Versions {
			version := &crd.Spec.Versions[i]
			dropRules(version.Schema.OpenAPIV3Schema)
			if !isBinding(crd) {
				continue
			}
			for _, path := range without {
				drop(version.Schema.OpenAPIV3Schema, path)
			}
		}
		if isBinding(crd) {
			crd.Spec.Versions = append([]apiextensionsv1.CustomResourceDefinitionVersion{firstVersion()}, crd.Spec.Versions...)
		}
	}
	return all, nil
}

func isBinding(crd *apiextensionsv1.CustomResourceDefinition) bool {
	return slices.Contains([]string{"ResourceBinding", "ClusterResourceBinding"}, crd.Spec.Names.Kind)
}

// firstVersion is v1alpha1, which is served and not stored.
func firstVersion() apiextensionsv1.CustomResourceDefinitionVersion {
	free := apiextensionsv1.JSONSchemaProps{Type: "object", XPreserveUnknownFields: ptr.To(true)}
	return apiextensionsv1.CustomResourceDefinitionVersion{
		Name: "v1alpha1", Served: true,
		Schema: &apiextensionsv1.CustomResourceValidation{OpenAPIV3Schema: &apiextensionsv1.JSONSchemaProps{
			Type: "object", Properties: map[string]apiextensionsv1.JSONSchemaProps{"spec": free, "status": free},
		}},
		Subresources: &apiextensionsv1.CustomResourceSubresources{Status: &apiextensionsv1.CustomResourceSubresourceStatus{}},
	}
}

// dropRules removes the validation rules from the schema and everything in it.
func dropRules(s *apiextensionsv1.JSONSchemaProps) {
	s.XValidations = nil
	for name, property := range s.Properties {
		dropRules(&property)
		s.Properties[name] = property
	}
	if s.Items != nil && s.Items.Schema != nil {
		dropRules(s.Items.Schema)
	}
	if s.AdditionalProperties != nil && s.AdditionalProperties.Schema != nil {
		dropRules(s.AdditionalProperties.Schema)
	}
}

// drop removes the field at the end of the path.
func drop(s *apiextensionsv1.JSONSchemaProps, path []string) {
	if len(path) == 1 {
		delete(s.Properties, path[0])
		return
	}
	if property, ok := s.Properties[path[0]]; ok {
		drop(&property, path[1:])
		s.Properties[path[0]] = property
	}
}
