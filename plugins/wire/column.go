package wire

import "fmt"

// FromTiers returns the wire form of overflow tiers, nil for nil.
func FromTiers(tiers []int) []uint32 {
	if tiers == nil {
		return nil
	}
	out := make([]uint32, len(tiers))
	for i, t := range tiers {
		out[i] = clamp32(int32(t))
	}
	return out
}

// ToColumn checks that a column by row has an element for each of n clusters, or is absent, and returns it with its elements converted.
func ToColumn[W, V int | int64 | uint32](name string, column []W, n int) ([]V, error) {
	if len(column) == 0 {
		return nil, nil
	}
	if len(column) != n {
		return nil, fmt.Errorf("%d %s for %d clusters", len(column), name, n)
	}
	out := make([]V, n)
	for i, v := range column {
		out[i] = V(v)
	}
	return out, nil
}
