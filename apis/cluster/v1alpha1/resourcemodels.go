package v1alpha1

import (
	"math"

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
