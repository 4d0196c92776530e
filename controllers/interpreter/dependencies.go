package interpreter

import (
	"cmp"
	"slices"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
)

// Dependency is a reference to objects that must be where the referring object is. Exactly one of Name and LabelSelector is set.
// Its JSON form is what the annotation resourcebinding.karmada.io/dependencies holds.
type Dependency struct {
	// APIVersion such as v1.
	APIVersion string `json:"apiVersion"`
	// Kind such as ConfigMap.
	Kind string `json:"kind"`
	// Namespace of the objects.
	Namespace string `json:"namespace,omitempty"`
	// Name of the object.
	Name string `json:"name,omitempty"`
	// LabelSelector picks the objects. Nil means that Name does.
	LabelSelector *metav1.LabelSelector `json:"labelSelector,omitempty"`
}

// sortDependencies sorts and drops duplicates. At most one reference of an object has a selector, so the key is complete.
func sortDependencies(found []Dependency) []Dependency {
	order := func(a, b Dependency) int {
		return cmp.Or(
			cmp.Compare(a.APIVersion, b.APIVersion), cmp.Compare(a.Kind, b.Kind),
			cmp.Compare(a.Namespace, b.Namespace), cmp.Compare(a.Name, b.Name),
		)
	}
	slices.SortFunc(found, order)
	return slices.CompactFunc(found, func(a, b Dependency) bool { return order(a, b) == 0 })
}

// references collects references to core objects of one namespace.
type references struct {
	namespace string
	found     []Dependency
}

func (r *references) add(kind, name string) {
	if name != "" {
		r.found = append(r.found, Dependency{APIVersion: "v1", Kind: kind, Namespace: r.namespace, Name: name})
	}
}

func podReferences(obj *unstructured.Unstructured, path []string) ([]Dependency, error) {
	spec, err := podSpecAt(obj, path)
	if err != nil {
		return nil, err
	}
	return referencesOf(spec, obj.GetNamespace()), nil
}

func referencesOf(spec *corev1.PodSpec, namespace string) []Dependency {
	refs := &references{namespace: namespace}
	if spec.ServiceAccountName != "default" {
		refs.add("ServiceAccount", spec.ServiceAccountName)
	}
	for _, secret := range spec.ImagePullSecrets {
		refs.add("Secret", secret.Name)
	}
	for i := range spec.Volumes {
		refs.addVolume(&spec.Volumes[i].VolumeSource)
	}
	for i := range spec.InitContainers {
		refs.addEnv(spec.InitContainers[i].Env, spec.InitContainers[i].EnvFrom)
	}
	for i := range spec.Containers {
		refs.addEnv(spec.Containers[i].Env, spec.Containers[i].EnvFrom)
	}
	for i := range spec.EphemeralContainers {
		refs.addEnv(spec.EphemeralContainers[i].Env, spec.EphemeralContainers[i].EnvFrom)
	}
	return refs.found
}

func (r *references) addEnv(env []corev1.EnvVar, from []corev1.EnvFromSource) {
	for i := range env {
		source := env[i].ValueFrom
		if source == nil {
			continue
		}
		if source.ConfigMapKeyRef != nil {
			r.add("ConfigMap", source.ConfigMapKeyRef.Name)
		}
		if source.SecretKeyRef != nil {
			r.add("Secret", source.SecretKeyRef.Name)
		}
	}
	for i := range from {
		if from[i].ConfigMapRef != nil {
			r.add("ConfigMap", from[i].ConfigMapRef.Name)
		}
		if from[i].SecretRef != nil {
			r.add("Secret", from[i].SecretRef.Name)
		}
	}
}

func (r *references) addVolume(source *corev1.VolumeSource) {
	if source.ConfigMap != nil {
		r.add("ConfigMap", source.ConfigMap.Name)
	}
	if source.Secret != nil {
		r.add("Secret", source.Secret.SecretName)
	}
	if source.PersistentVolumeClaim != nil {
		r.add("PersistentVolumeClaim", source.PersistentVolumeClaim.ClaimName)
	}
	if source.Projected != nil {
		r.addProjections(source.Projected.Sources)
	}
	r.add("Secret", driverSecret(source))
}

func (r *references) addProjections(sources []corev1.VolumeProjection) {
	for i := range sources {
		if sources[i].ConfigMap != nil {
			r.add("ConfigMap", sources[i].ConfigMap.Name)
		}
		if sources[i].Secret != nil {
			r.add("Secret", sources[i].Secret.Name)
		}
	}
}

// driverSecret returns the name of the Secret that a storage driver reads to mount the volume, "" if it needs none.
func driverSecret(source *corev1.VolumeSource) string {
	name := func(ref *corev1.LocalObjectReference) string {
		if ref == nil {
			return ""
		}
		return ref.Name
	}
	switch {
	case source.CSI != nil:
		return name(source.CSI.NodePublishSecretRef)
	case source.AzureFile != nil:
		return source.AzureFile.SecretName
	case source.CephFS != nil:
		return name(source.CephFS.SecretRef)
	case source.Cinder != nil:
		return name(source.Cinder.SecretRef)
	case source.FlexVolume != nil:
		return name(source.FlexVolume.SecretRef)
	case source.ISCSI != nil:
		return name(source.ISCSI.SecretRef)
	case source.RBD != nil:
		return name(source.RBD.SecretRef)
	case source.ScaleIO != nil:
		return name(source.ScaleIO.SecretRef)
	case source.StorageOS != nil:
		return name(source.StorageOS.SecretRef)
	default:
		return ""
	}
}

// statefulSetReferences leaves out volumes that the StatefulSet's own claim templates replace: each pod gets a claim of its own.
func statefulSetReferences(obj *unstructured.Unstructured) ([]Dependency, error) {
	spec, err := podSpecAt(obj, podTemplatePath)
	if err != nil {
		return nil, err
	}
	list, err := listAt(obj.Object, "spec", "volumeClaimTemplates")
	if err != nil {
		return nil, err
	}
	templates, err := entries(list, "spec.volumeClaimTemplates")
	if err != nil {
		return nil, err
	}
	own := make(map[string]bool, len(templates))
	for _, template := range templates {
		name, err := stringAt(template, "metadata", "name")
		if err != nil {
			return nil, err
		}
		own[name] = true
	}
	spec.Volumes = slices.DeleteFunc(spec.Volumes, func(v corev1.Volume) bool { return own[v.Name] })
	return referencesOf(spec, obj.GetNamespace()), nil
}

func ingressReferences(obj *unstructured.Unstructured) ([]Dependency, error) {
	list, err := listAt(obj.Object, "spec", "tls")
	if err != nil {
		return nil, err
	}
	found, err := entries(list, "spec.tls")
	if err != nil {
		return nil, err
	}
	refs := &references{namespace: obj.GetNamespace()}
	for _, entry := range found {
		name, err := stringAt(entry, "secretName")
		if err != nil {
			return nil, err
		}
		refs.add("Secret", name)
	}
	return refs.found, nil
}

type serviceImport struct{}

// dependencies of an import are the Service that stands for the exported one, and its endpoints.
func (serviceImport) dependencies(obj *unstructured.Unstructured) ([]Dependency, error) {
	name := "derived-" + obj.GetName()
	return []Dependency{
		{APIVersion: "v1", Kind: "Service", Namespace: obj.GetNamespace(), Name: name},
		{APIVersion: "discovery.k8s.io/v1", Kind: "EndpointSlice", Namespace: obj.GetNamespace(), LabelSelector: &metav1.LabelSelector{
			MatchLabels: map[string]string{"kubernetes.io/service-name": name},
		}},
	}, nil
}
