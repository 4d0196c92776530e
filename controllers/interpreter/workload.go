package interpreter

import (
	"strings"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	workv1alpha1 "github.com/longshore-project/longshore/apis/work/v1alpha1"
	workv1alpha2 "github.com/longshore-project/longshore/apis/work/v1alpha2"
)

var (
	deploymentCounters = counters{
		"replicas", "updatedReplicas", "readyReplicas", "availableReplicas", "unavailableReplicas", "terminatingReplicas",
	}
	replicaSetCounters = counters{
		"replicas", "fullyLabeledReplicas", "readyReplicas", "availableReplicas", "terminatingReplicas",
	}
	statefulSetCounters = counters{
		"replicas", "readyReplicas", "currentReplicas", "updatedReplicas", "availableReplicas",
	}
	daemonSetCounters = counters{
		"currentNumberScheduled", "numberMisscheduled", "desiredNumberScheduled", "numberReady", "updatedNumberScheduled",
		"numberAvailable", "numberUnavailable",
	}
)

// scalable is what Deployment, ReplicaSet and StatefulSet have in common: spec.replicas and a pod template.
type scalable struct{}

// An absent spec.replicas counts as 0: the API server fills it in, so a template without it was not made by one.
func (scalable) replicas(obj *unstructured.Unstructured) (int32, *workv1alpha2.ReplicaRequirements, error) {
	replicas, err := replicasAt(obj.Object, "spec", "replicas")
	if err != nil {
		return 0, nil, err
	}
	requirements, err := requirementsOf(obj, podTemplatePath)
	return replicas, requirements, err
}

func (scalable) revise(obj *unstructured.Unstructured, replicas int32) error {
	return setField(obj, int64(replicas), "spec", "replicas")
}

func (scalable) dependencies(obj *unstructured.Unstructured) ([]Dependency, error) {
	return podReferences(obj, podTemplatePath)
}

type deployment struct{ scalable }

func (deployment) retain(desired, observed *unstructured.Unstructured) error {
	if desired.GetLabels()[workv1alpha1.RetainReplicasLabel] != workv1alpha1.True {
		return nil
	}
	replicas, found, err := optionalIntAt(observed.Object, "spec", "replicas")
	if err != nil || !found {
		return err
	}
	return setField(desired, replicas, "spec", "replicas")
}

func (deployment) reflect(obj *unstructured.Unstructured) (any, error) {
	return deploymentCounters.reflectWorkload(obj)
}

func (deployment) aggregate(template *unstructured.Unstructured, members []member) (map[string]any, error) {
	return deploymentCounters.aggregateWorkload(template, members)
}

func (deployment) healthy(obj *unstructured.Unstructured) (bool, error) {
	return rolledOut(obj)
}

func (deployment) prune(obj *unstructured.Unstructured) {
	removeAnnotations(obj, revisionAnnotations...)
}

type replicaSet struct{ scalable }

func (replicaSet) reflect(obj *unstructured.Unstructured) (any, error) {
	return replicaSetCounters.reflectWorkload(obj)
}

func (replicaSet) aggregate(template *unstructured.Unstructured, members []member) (map[string]any, error) {
	return replicaSetCounters.aggregateWorkload(template, members)
}

func (replicaSet) healthy(obj *unstructured.Unstructured) (bool, error) {
	return atLeast(obj, [2]string{"status.availableReplicas", "spec.replicas"})
}

func (replicaSet) prune(obj *unstructured.Unstructured) {
	removeAnnotations(obj, revisionAnnotations...)
}

type statefulSet struct{ scalable }

// reflect differs from Karmada on purpose: it leaves observedGeneration out, so that the template's can never catch up, although health
// needs it. It is recorded here like that of the other kinds.
func (statefulSet) reflect(obj *unstructured.Unstructured) (any, error) {
	return statefulSetCounters.reflectWorkload(obj)
}

func (statefulSet) aggregate(template *unstructured.Unstructured, members []member) (map[string]any, error) {
	return statefulSetCounters.aggregateWorkload(template, members)
}

func (statefulSet) healthy(obj *unstructured.Unstructured) (bool, error) {
	return rolledOut(obj)
}

func (statefulSet) dependencies(obj *unstructured.Unstructured) ([]Dependency, error) {
	return statefulSetReferences(obj)
}

type daemonSet struct{}

func (daemonSet) reflect(obj *unstructured.Unstructured) (any, error) {
	return daemonSetCounters.reflectWorkload(obj)
}

func (daemonSet) aggregate(template *unstructured.Unstructured, members []member) (map[string]any, error) {
	return daemonSetCounters.aggregateWorkload(template, members)
}

func (daemonSet) healthy(obj *unstructured.Unstructured) (bool, error) {
	return atLeast(obj,
		[2]string{"status.updatedNumberScheduled", "status.desiredNumberScheduled"},
		[2]string{"status.numberAvailable", "status.updatedNumberScheduled"})
}

func (daemonSet) dependencies(obj *unstructured.Unstructured) ([]Dependency, error) {
	return podReferences(obj, podTemplatePath)
}

func (daemonSet) prune(obj *unstructured.Unstructured) {
	removeAnnotations(obj, "deprecated.daemonset.template.generation")
}

func rolledOut(obj *unstructured.Unstructured) (bool, error) {
	return atLeast(obj,
		[2]string{"status.updatedReplicas", "spec.replicas"},
		[2]string{"status.availableReplicas", "status.updatedReplicas"})
}

// atLeast is true if the status speaks about the current generation and in every pair of fields the first number is not below the second.
func atLeast(obj *unstructured.Unstructured, pairs ...[2]string) (bool, error) {
	observed, err := intAt(obj.Object, "status", observedGenerationField)
	if err != nil || observed != obj.GetGeneration() {
		return false, err
	}
	for _, pair := range pairs {
		has, err := intAt(obj.Object, strings.Split(pair[0], ".")...)
		if err != nil {
			return false, err
		}
		needs, err := intAt(obj.Object, strings.Split(pair[1], ".")...)
		if err != nil || has < needs {
			return false, err
		}
	}
	return true, nil
}
