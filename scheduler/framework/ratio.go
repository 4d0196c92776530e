package framework

import "math/bits"

// Fraction returns ⌊of·part/whole⌋ without an overflow on the way. The arguments must not be negative, whole must be above zero and part at
// most whole; Fraction panics otherwise.
func Fraction(of, part, whole int64) int64 {
	if of < 0 || part < 0 || part > whole || whole == 0 {
		panic("framework: Fraction of a part that is negative or exceeds the whole")
	}
	high, low := bits.Mul64(uint64(of), uint64(part))
	quotient, _ := bits.Div64(high, low, uint64(whole))
	return int64(quotient)
}
