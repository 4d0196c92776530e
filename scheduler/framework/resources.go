package framework

import (
	"cmp"
	"math"
	"slices"
	"strconv"
	"strings"
)

// Names of the resources that the framework itself knows.
const (
	ResourceCPU    = "cpu"
	ResourceMemory = "memory"
	ResourcePods   = "pods"
)

// ResourceAmount is so much of one resource: cpu in thousandths of a core, everything else in whole units (bytes, pods, devices).
type ResourceAmount struct {
	Name   string
	Amount int64
}

// Resources is a vector of amounts, sorted by name, each name at most once. A name that is absent stands for zero. Arithmetic saturates at
// the limits of int64 and never wraps.
type Resources []ResourceAmount

// NewResources returns the vector of the given amounts.
func NewResources(amounts map[string]int64) Resources {
	if len(amounts) == 0 {
		return nil
	}
	r := make(Resources, 0, len(amounts))
	for name, amount := range amounts {
		r = append(r, ResourceAmount{Name: name, Amount: amount})
	}
	slices.SortFunc(r, func(a, b ResourceAmount) int { return cmp.Compare(a.Name, b.Name) })
	return r
}

// Amount returns how much of name there is, zero when it is not listed.
func (r Resources) Amount(name string) int64 {
	i, ok := slices.BinarySearchFunc(r, name, func(a ResourceAmount, n string) int { return cmp.Compare(a.Name, n) })
	if !ok {
		return 0
	}
	return r[i].Amount
}

// Plus returns r + o.
func (r Resources) Plus(o Resources) Resources { return r.combine(o, SaturatingAdd) }

// Minus returns r - o; amounts may become negative.
func (r Resources) Minus(o Resources) Resources {
	return r.combine(o, func(a, b int64) int64 { return SaturatingAdd(a, SaturatingMul(b, -1)) })
}

// Times returns r multiplied by n.
func (r Resources) Times(n int64) Resources {
	out := make(Resources, len(r))
	for i, a := range r {
		out[i] = ResourceAmount{Name: a.Name, Amount: SaturatingMul(a.Amount, n)}
	}
	return out
}

// Equal reports whether both vectors list the same names with the same amounts.
func (r Resources) Equal(o Resources) bool { return slices.Equal(r, o) }

// Shape returns a text that is equal for equal vectors and different for different ones.
func (r Resources) Shape() string {
	var b strings.Builder
	for _, a := range r {
		b.WriteString(a.Name)
		b.WriteByte('=')
		b.WriteString(strconv.FormatInt(a.Amount, 10))
		b.WriteByte(';')
	}
	return b.String()
}

// combine merges two sorted vectors name by name.
func (r Resources) combine(o Resources, op func(a, b int64) int64) Resources {
	out := make(Resources, 0, max(len(r), len(o)))
	for len(r) > 0 || len(o) > 0 {
		switch {
		case len(o) == 0 || len(r) > 0 && r[0].Name < o[0].Name:
			out = append(out, ResourceAmount{Name: r[0].Name, Amount: op(r[0].Amount, 0)})
			r = r[1:]
		case len(r) == 0 || o[0].Name < r[0].Name:
			out = append(out, ResourceAmount{Name: o[0].Name, Amount: op(0, o[0].Amount)})
			o = o[1:]
		default:
			out = append(out, ResourceAmount{Name: r[0].Name, Amount: op(r[0].Amount, o[0].Amount)})
			r, o = r[1:], o[1:]
		}
	}
	return out
}

// SaturatingAdd returns a + b, held at the limits of int64.
func SaturatingAdd(a, b int64) int64 {
	sum := a + b
	if a > 0 && b > 0 && sum < 0 {
		return math.MaxInt64
	}
	if a < 0 && b < 0 && sum >= 0 {
		return math.MinInt64
	}
	return sum
}

// SaturatingMul returns a × b, held at the limits of int64.
func SaturatingMul(a, b int64) int64 {
	if a == 0 || b == 0 {
		return 0
	}
	product := a * b
	if product/b == a && !(a == -1 && b == math.MinInt64) && !(b == -1 && a == math.MinInt64) {
		return product
	}
	if (a < 0) == (b < 0) {
		return math.MaxInt64
	}
	return math.MinInt64
}
