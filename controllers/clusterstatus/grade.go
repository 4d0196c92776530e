package clusterstatus

import (
	"slices"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/resource"

	clusterv1alpha1 "github.com/longshore-project/longshore/apis/cluster/v1alpha1"
)

// grader sorts nodes into the classes of resource models.
type grader struct {
	grades []int32
	// minima of each resource, ascending, one for each grade. The first is not looked at: the lowest class begins at nothing.
	minima map[corev1.ResourceName][]resource.Quantity
}

// newGrader reads models in any order. No models give a grader without grades.
func newGrader(models []clusterv1alpha1.ResourceModel) *grader {
	models = slices.Clone(models)
	slices.SortFunc(models, func(a, b clusterv1alpha1.ResourceModel) int { return int(a.Grade) - int(b.Grade) })
	g := &grader{minima: map[corev1.ResourceName][]resource.Quantity{}}
	for _, model := range models {
		g.grades = append(g.grades, model.Grade)
		for _, r := range model.Ranges {
			g.minima[r.Name] = append(g.minima[r.Name], r.Min)
		}
	}
	return g
}

// indexOf returns the position among grades of a node with the given free amounts: the lowest that any modelled resource gives it. What the
// node does not have counts as nothing.
func (g *grader) indexOf(free corev1.ResourceList) int {
	index := len(g.grades) - 1
	for name, minima := range g.minima {
		amount := free[name]
		for index > 0 && (index >= len(minima) || amount.Cmp(minima[index]) < 0) {
			index--
		}
	}
	return index
}

// count returns how many of the nodes are in each grade. A node without room for one more pod can take nothing and is in none. Karmada
// stops counting at the first such node; here the others are still counted.
func (g *grader) count(free []corev1.ResourceList) []clusterv1alpha1.AllocatableModeling {
	if len(g.grades) == 0 {
		return nil
	}
	result := make([]clusterv1alpha1.AllocatableModeling, len(g.grades))
	for i, grade := range g.grades {
		result[i].Grade = grade
	}
	for _, node := range free {
		if node.Pods().Sign() > 0 {
			result[g.indexOf(node)].Count++
		}
	}
	return result
}
