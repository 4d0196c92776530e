package v1alpha1

import (
	"cmp"
	"fmt"
	"math"
	"slices"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/resource"
)

// Bounds of the default grades: grade i covers [bound i, bound i+1), the last one is open.
var (
	defaultCPUBounds       = [...]int64{0, 1, 2, 4, 8, 16, 32, 64, 128}                 // cores
	defaultMemoryGiBBounds = [...]int64{0, 4, 16, 32, 64, 128, 256, 512, 1024}          // GiB
	_                      = [len(defaultCPUBounds) - len(defaultMemoryGiBBounds)]int{} // Both have one entry for each grade.
)

// DefaultResourceModels returns the models of a Cluster that sets none: nine grades of cpu and memory. The caller owns the result.
func DefaultResourceModels() []ResourceModel {
	models := make([]ResourceModel, len(defaultCPUBounds))
	for i := range models {
		models[i] = ResourceModel{Grade: int32(i), Ranges: []ResourceModelRange{
			defaultRange(corev1.ResourceCPU, defaultCPUBounds[:], i, 1, resource.DecimalSI),
			defaultRange(corev1.ResourceMemory, defaultMemoryGiBBounds[:], i, 1<<30, resource.BinarySI),
		}}
	}
	return models
}

func defaultRange(name corev1.ResourceName, bounds []int64, grade int, unit int64, format resource.Format) ResourceModelRange {
	upper := int64(math.MaxInt64)
	if grade+1 < len(bounds) {
		upper = bounds[grade+1] * unit
	}
	return ResourceModelRange{
		Name: name,
		Min:  *resource.NewQuantity(bounds[grade]*unit, format),
		Max:  *resource.NewQuantity(upper, format),
	}
}

// NormalizeResourceModels returns the models as they are to be read: sorted by grade, ranges sorted by resource, the lowest grade from 0
// and the highest without an upper bound. It does not change its argument. It returns an error if grades repeat, if they do not all list
// the same resources, or if the ranges of a resource leave a gap or overlap.
func NormalizeResourceModels(models []ResourceModel) ([]ResourceModel, error) {
	sorted := make([]ResourceModel, len(models))
	for i := range models {
		models[i].DeepCopyInto(&sorted[i])
		slices.SortFunc(sorted[i].Ranges, func(a, b ResourceModelRange) int { return cmp.Compare(a.Name, b.Name) })
	}
	slices.SortStableFunc(sorted, func(a, b ResourceModel) int { return cmp.Compare(a.Grade, b.Grade) })
	openEnds(sorted)
	for i := range sorted {
		if err := checkModel(sorted, i); err != nil {
			return nil, fmt.Errorf("reading resourceModels: grade %d: %w", sorted[i].Grade, err)
		}
	}
	return sorted, nil
}

func openEnds(sorted []ResourceModel) {
	if len(sorted) == 0 {
		return
	}
	first, last := sorted[0].Ranges, sorted[len(sorted)-1].Ranges
	for i := range first {
		first[i].Min = *resource.NewQuantity(0, first[i].Min.Format)
	}
	for i := range last {
		last[i].Max = *resource.NewQuantity(math.MaxInt64, last[i].Max.Format)
	}
}

// checkModel compares one model with the one before.
func checkModel(sorted []ResourceModel, i int) error {
	current := sorted[i].Ranges
	for j := range current {
		if j > 0 && current[j].Name == current[j-1].Name {
			return fmt.Errorf("%s is listed twice: remove one of its ranges", current[j].Name)
		}
		if current[j].Min.Cmp(current[j].Max) >= 0 {
			return fmt.Errorf("the range of %s is empty: raise max above min", current[j].Name)
		}
	}
	if i == 0 {
		return nil
	}
	if sorted[i].Grade == sorted[i-1].Grade {
		return fmt.Errorf("the grade is listed twice: give each model its own grade")
	}
	return checkContinues(sorted[i-1].Ranges, current)
}

func checkContinues(lower, upper []ResourceModelRange) error {
	if len(lower) != len(upper) {
		return fmt.Errorf("it lists %d resources and the grade below %d: list the same resources in every grade", len(upper), len(lower))
	}
	for j := range upper {
		if upper[j].Name != lower[j].Name {
			return fmt.Errorf("it lists %s and the grade below %s: list the same resources in every grade", upper[j].Name, lower[j].Name)
		}
		if upper[j].Min.Cmp(lower[j].Max) != 0 {
			return fmt.Errorf("min of %s is %s and max of the grade below is %s: make them equal", upper[j].Name, upper[j].Min.String(), lower[j].Max.String())
		}
	}
	return nil
}
