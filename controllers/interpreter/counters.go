package interpreter

import (
	"fmt"
	"math"
	"strconv"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	workv1alpha1 "github.com/longshore-project/longshore/apis/work/v1alpha1"
)

// Fields that a reflected workload status has beside the kind's own.
const (
	// generationField is the generation of the member's object when its status was read.
	generationField = "generation"
	// observedGenerationField is the generation which the member's controllers had then observed.
	observedGenerationField = "observedGeneration"
	// templateGenerationField is the generation of the template from which the member's object was made.
	templateGenerationField = "resourceTemplateGeneration"
)

// counters are the names of the status fields of a workload kind that count pods. What counts something else (collisionCount) would mean
// nothing if it were summed over clusters.
type counters []string

// pick returns those counters that status has.
func (c counters) pick(status map[string]any) map[string]any {
	picked := make(map[string]any, len(c)+3)
	for _, name := range c {
		if value, ok := status[name]; ok {
			picked[name] = value
		}
	}
	return picked
}

// sum adds each counter up over all members. The result fits the int32 of the API types.
func (c counters) sum(members []member) (map[string]any, error) {
	sums := make(map[string]any, len(c)+1)
	for _, name := range c {
		total := int64(0)
		for _, m := range members {
			value, err := m.int(name)
			if err != nil {
				return nil, err
			}
			total = min(total+value, math.MaxInt32)
		}
		sums[name] = total
	}
	return sums, nil
}

// reflectWorkload is reflect of the kinds whose pods follow a pod template: the counters, and three generations which tell whether the
// counters already speak about the current template.
func (c counters) reflectWorkload(obj *unstructured.Unstructured) (any, error) {
	status, err := mapAt(obj.Object, "status")
	if err != nil || len(status) == 0 {
		return nil, err
	}
	picked := c.pick(status)
	if observed, ok := status[observedGenerationField]; ok {
		picked[observedGenerationField] = observed
	}
	picked[generationField] = obj.GetGeneration()
	templateGeneration, found, err := templateGenerationOf(obj)
	if err != nil {
		return nil, err
	}
	if found {
		picked[templateGenerationField] = templateGeneration
	}
	return picked, nil
}

// templateGenerationOf reads which generation of the template a member's object was made from.
func templateGenerationOf(obj *unstructured.Unstructured) (generation int64, found bool, err error) {
	text, found, err := unstructured.NestedString(obj.Object, "metadata", "annotations", workv1alpha1.TemplateGenerationAnnotation)
	if err != nil || !found {
		return 0, false, err
	}
	generation, err = strconv.ParseInt(text, 10, 64)
	if err != nil {
		return 0, false, fmt.Errorf("reading annotation %s: %w", workv1alpha1.TemplateGenerationAnnotation, err)
	}
	return generation, true, nil
}

// aggregateWorkload is aggregate of the kinds whose pods follow a pod template.
func (c counters) aggregateWorkload(template *unstructured.Unstructured, members []member) (map[string]any, error) {
	fields, err := c.sum(members)
	if err != nil {
		return nil, err
	}
	observed, err := allObserve(template, members)
	if err != nil {
		return nil, err
	}
	if observed {
		fields[observedGenerationField] = template.GetGeneration()
	}
	return fields, nil
}

// allObserve is true if every member has taken notice of the template's current generation. Without members it is true only for a template
// that wants no replicas: as long as a template waits for its placement, nobody has taken notice.
func allObserve(template *unstructured.Unstructured, members []member) (bool, error) {
	if len(members) == 0 {
		replicas, found, err := optionalIntAt(template.Object, "spec", "replicas")
		return err == nil && found && replicas == 0, err
	}
	all := true
	for _, m := range members { // To the end, so that a malformed status never hides behind another member.
		observes, err := m.observes(template.GetGeneration())
		if err != nil {
			return false, err
		}
		all = all && observes
	}
	return all, nil
}

func (m member) observes(templateGeneration int64) (bool, error) {
	if m.status == nil {
		return false, nil
	}
	generation, err := m.int(generationField)
	if err != nil {
		return false, err
	}
	observed, err := m.int(observedGenerationField)
	if err != nil {
		return false, err
	}
	fromTemplate, err := m.int(templateGenerationField)
	if err != nil {
		return false, err
	}
	return observed >= generation && fromTemplate >= templateGeneration, nil
}
