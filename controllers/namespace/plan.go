package namespace

import (
	"fmt"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime"

	clusterv1alpha1 "github.com/longshore-project/longshore/apis/cluster/v1alpha1"
	policyv1alpha1 "github.com/longshore-project/longshore/apis/policy/v1alpha1"
	workv1alpha1 "github.com/longshore-project/longshore/apis/work/v1alpha1"
	"github.com/longshore-project/longshore/controllers/interpreter"
	"github.com/longshore-project/longshore/controllers/override"
)

var kind = corev1.SchemeGroupVersion.WithKind("Namespace")

func workName(namespace string) string { return workv1alpha1.WorkName("", namespace, kind.Kind) }

// planWork returns the Work that brings namespace into cluster. id becomes its permanent id.
func planWork(namespace *corev1.Namespace, cluster *clusterv1alpha1.Cluster, policies []policyv1alpha1.Override, id string) (*workv1alpha1.Work, error) {
	work := &workv1alpha1.Work{ObjectMeta: metav1.ObjectMeta{
		Name:            workName(namespace.Name),
		Namespace:       workv1alpha1.ExecutionNamespace(cluster.Name),
		Labels:          map[string]string{workv1alpha1.PermanentIDLabel: id},
		Finalizers:      []string{workv1alpha1.WorkFinalizer},
		OwnerReferences: []metav1.OwnerReference{*metav1.NewControllerRef(namespace, kind)},
	}}
	manifest, err := manifestOf(namespace)
	if err != nil {
		return nil, err
	}
	applied, err := override.Apply(manifest, cluster, policies)
	if err != nil {
		return nil, fmt.Errorf("overriding namespace %s for cluster %s: %w", namespace.Name, cluster.Name, err)
	}
	if work.Annotations, err = applied.Annotations(); err != nil {
		return nil, err
	}
	mark(manifest, namespace, work)
	raw, err := manifest.MarshalJSON()
	if err != nil {
		return nil, fmt.Errorf("encoding namespace %s: %w", namespace.Name, err)
	}
	work.Spec.Workload.Manifests = []runtime.RawExtension{{Raw: raw}}
	return work, nil
}

// manifestOf copies what a member needs. spec holds only the finalizers of the control plane's own namespace controller.
func manifestOf(namespace *corev1.Namespace) (*unstructured.Unstructured, error) {
	content, err := runtime.DefaultUnstructuredConverter.ToUnstructured(namespace)
	if err != nil {
		return nil, fmt.Errorf("converting namespace %s: %w", namespace.Name, err)
	}
	manifest := &unstructured.Unstructured{Object: content}
	manifest.SetGroupVersionKind(kind)
	interpreter.Prune(manifest)
	unstructured.RemoveNestedField(manifest.Object, "spec")
	return manifest, nil
}

// mark adds what leads back from the member's object, and then the lists of all keys that the control plane owns.
func mark(manifest *unstructured.Unstructured, namespace *corev1.Namespace, work *workv1alpha1.Work) {
	labels, annotations := orEmpty(manifest.GetLabels()), orEmpty(manifest.GetAnnotations())
	labels[workv1alpha1.ManagedLabel] = workv1alpha1.True
	labels[workv1alpha1.PermanentIDLabel] = work.Labels[workv1alpha1.PermanentIDLabel]
	annotations[workv1alpha1.TemplateUIDAnnotation] = string(namespace.UID)
	annotations[workv1alpha1.NameAnnotation] = work.Name
	annotations[workv1alpha1.NamespaceAnnotation] = work.Namespace
	annotations[workv1alpha1.ManagedLabelsAnnotation] = interpreter.ManagedKeys(labels)
	annotations[workv1alpha1.ManagedAnnotationsAnnotation] = "" // Lists itself.
	annotations[workv1alpha1.ManagedAnnotationsAnnotation] = interpreter.ManagedKeys(annotations)
	manifest.SetLabels(labels)
	manifest.SetAnnotations(annotations)
}

func orEmpty(entries map[string]string) map[string]string {
	if entries == nil {
		return map[string]string{}
	}
	return entries
}

// merge writes desired into a copy of present and reports whether that changed anything. What others put on the Work stays, except the
// records of overrides that no longer apply.
func merge(present, desired *workv1alpha1.Work) (*workv1alpha1.Work, bool) {
	if present.Spec.Workload.SameManifests(&desired.Spec.Workload) && sameRecords(present, desired) {
		return present, false
	}
	work := present.DeepCopy()
	work.Spec.Workload = desired.Spec.Workload
	for _, key := range override.AnnotationKeys {
		delete(work.Annotations, key)
	}
	for key, value := range desired.Annotations {
		metav1.SetMetaDataAnnotation(&work.ObjectMeta, key, value)
	}
	return work, true
}

func sameRecords(a, b *workv1alpha1.Work) bool {
	for _, key := range override.AnnotationKeys {
		if a.Annotations[key] != b.Annotations[key] {
			return false
		}
	}
	return true
}
