package interpreter

import (
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"

	workv1alpha2 "github.com/longshore-project/longshore/apis/work/v1alpha2"
)

// replicaReader reads the number of replicas of a template and what one of them needs; nil means that nothing is known.
type replicaReader interface {
	replicas(obj *unstructured.Unstructured) (int32, *workv1alpha2.ReplicaRequirements, error)
}

// reviser writes the number of replicas of one member.
type reviser interface {
	revise(obj *unstructured.Unstructured, replicas int32) error
}

// retainer copies into desired what the member decided in observed. It must not alias observed, which belongs to a cache.
type retainer interface {
	retain(desired, observed *unstructured.Unstructured) error
}

// reflector picks what of a member object's status is recorded; nil means nothing. The result may alias obj.
type reflector interface {
	reflect(obj *unstructured.Unstructured) (any, error)
}

// aggregator computes the fields of the template's status from the members' statuses, which are sorted by cluster. Fields that the
// result does not name keep their values. It does not change the template.
type aggregator interface {
	aggregate(template *unstructured.Unstructured, members []member) (map[string]any, error)
}

// healthJudge says whether a member's object does what it should.
type healthJudge interface {
	healthy(obj *unstructured.Unstructured) (bool, error)
}

// dependent lists the objects that a template refers to and cannot do without.
type dependent interface {
	dependencies(obj *unstructured.Unstructured) ([]Dependency, error)
}

// pruner drops what the control plane's own API server put into a template and a member must decide for itself.
type pruner interface {
	prune(obj *unstructured.Unstructured)
}

// Native kinds that have rules.
var (
	deploymentKind     = schema.GroupKind{Group: "apps", Kind: "Deployment"}
	replicaSetKind     = schema.GroupKind{Group: "apps", Kind: "ReplicaSet"}
	statefulSetKind    = schema.GroupKind{Group: "apps", Kind: "StatefulSet"}
	daemonSetKind      = schema.GroupKind{Group: "apps", Kind: "DaemonSet"}
	jobKind            = schema.GroupKind{Group: "batch", Kind: "Job"}
	cronJobKind        = schema.GroupKind{Group: "batch", Kind: "CronJob"}
	podKind            = schema.GroupKind{Kind: "Pod"}
	serviceKind        = schema.GroupKind{Kind: "Service"}
	ingressKind        = schema.GroupKind{Group: "networking.k8s.io", Kind: "Ingress"}
	serviceAccountKind = schema.GroupKind{Kind: "ServiceAccount"}
	secretKind         = schema.GroupKind{Kind: "Secret"}
	claimKind          = schema.GroupKind{Kind: "PersistentVolumeClaim"}
	volumeKind         = schema.GroupKind{Kind: "PersistentVolume"}
	disruptionKind     = schema.GroupKind{Group: "policy", Kind: "PodDisruptionBudget"}
	autoscalerKind     = schema.GroupKind{Group: "autoscaling", Kind: "HorizontalPodAutoscaler"}
	serviceImportKind  = schema.GroupKind{Group: "multicluster.x-k8s.io", Kind: "ServiceImport"}
)

// native holds the rules of the native kinds. It is never written after initialisation.
var native = map[schema.GroupKind]any{
	deploymentKind:     deployment{},
	replicaSetKind:     replicaSet{},
	statefulSetKind:    statefulSet{},
	daemonSetKind:      daemonSet{},
	jobKind:            job{},
	cronJobKind:        cronJob{},
	podKind:            pod{},
	serviceKind:        service{},
	ingressKind:        ingress{},
	serviceAccountKind: serviceAccount{},
	secretKind:         secret{},
	claimKind:          claim{},
	volumeKind:         volume{},
	disruptionKind:     disruptionBudget{},
	autoscalerKind:     autoscaler{},
	serviceImportKind:  serviceImport{},
}

func kindOf(obj *unstructured.Unstructured) schema.GroupKind {
	return obj.GroupVersionKind().GroupKind()
}
