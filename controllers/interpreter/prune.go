package interpreter

import "k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

var (
	prunedMetadata = []string{
		"creationTimestamp", "deletionTimestamp", "deletionGracePeriodSeconds", "generation", "managedFields", "resourceVersion", "selfLink",
		"uid", "ownerReferences", "finalizers",
	}
	// revisionAnnotations are the Deployment controller's own notes on Deployments and ReplicaSets.
	revisionAnnotations = []string{
		"deployment.kubernetes.io/revision", "deployment.kubernetes.io/revision-history",
		"deployment.kubernetes.io/desired-replicas", "deployment.kubernetes.io/max-replicas",
	}
)

// Prune removes in place what the API server and controllers of one cluster wrote into obj and must not reach another: server-set metadata,
// status, and the generated fields of its kind. Pruning twice changes nothing more.
func Prune(obj *unstructured.Unstructured) {
	if metadata, _ := mapAt(obj.Object, "metadata"); metadata != nil {
		for _, field := range prunedMetadata {
			delete(metadata, field)
		}
	}
	delete(obj.Object, "status")
	if rule, ok := native[kindOf(obj)].(pruner); ok {
		rule.prune(obj)
	}
}

func removeAnnotations(obj *unstructured.Unstructured, keys ...string) {
	annotations, err := mapAt(obj.Object, "metadata", "annotations")
	if err != nil || annotations == nil {
		return
	}
	for _, key := range keys {
		delete(annotations, key)
	}
	removeEmpty(obj.Object, "metadata", "annotations")
}

// pickStatus returns those of the named status fields that obj has; nil if it has none.
func pickStatus(obj *unstructured.Unstructured, names ...string) (any, error) {
	status, err := mapAt(obj.Object, "status")
	if err != nil {
		return nil, err
	}
	picked := map[string]any{}
	for _, name := range names {
		if value, ok := status[name]; ok {
			picked[name] = value
		}
	}
	return picked, nil
}

// statusMap returns obj's status, nil if it has none; a status of another type is refused when it is merged.
func statusMap(obj *unstructured.Unstructured) map[string]any {
	status, _ := obj.Object["status"].(map[string]any)
	return status
}
