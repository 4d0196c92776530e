package spread

import "slices"

// Solution is the answer to a Problem.
type Solution struct {
	// Chosen candidates, ascending.
	Chosen []int32
	// Seats are chosen clusters, ascending, that must each receive at least one
	// replica so that min(Min, Replicas) groups of every key hold one while
	// Objective.Kept replicas stay. Empty when duplicated.
	Seats []int32
	// Objective is the value of the answer, level by level.
	Objective Objective
	// Proven: no allowed set is better. False when the search reached its node
	// limit; the set is allowed all the same.
	Proven bool
	// Nodes is the number of labels that the search made, a measure of effort.
	Nodes int
}

// Objective is the value of a set, as the package comment defines its levels;
// larger is better, earlier fields first.
type Objective struct {
	// Kept is how many replicas can stay where they run.
	Kept int64
	// Tiers is what tiers up to each but the last can hold, lowest first.
	// Empty with one tier.
	Tiers []int64
	// Score is the sum of the scores.
	Score int64
	// Groups per key, in the order of Problem.Keys.
	Groups []int
	// Capacity is the sum of the rooms.
	Capacity int64
}

// Compare returns a positive number when o is better than other, negative when
// it is worse, and 0 when only the names can tell. Both must stem from the same
// Problem.
func (o Objective) Compare(other Objective) int {
	if o.Kept != other.Kept {
		return compare(o.Kept, other.Kept)
	}
	if c := slices.Compare(o.Tiers, other.Tiers); c != 0 {
		return c
	}
	if o.Score != other.Score {
		return compare(o.Score, other.Score)
	}
	if c := slices.Compare(o.Groups, other.Groups); c != 0 {
		return c
	}
	return compare(o.Capacity, other.Capacity)
}

// CompareNames returns 1 when the ascending set a holds the smallest index at
// which a and b differ, -1 when b does, and 0 when they are equal.
func CompareNames(a, b []int32) int {
	for i := 0; i < len(a) && i < len(b); i++ {
		if a[i] != b[i] {
			return compare(int64(b[i]), int64(a[i]))
		}
	}
	return compare(int64(len(a)), int64(len(b)))
}

// beats reports whether s is better than the other.
func (s *Solution) beats(other *Solution) bool {
	order := s.Objective.Compare(other.Objective)
	return order > 0 || order == 0 && CompareNames(s.Chosen, other.Chosen) > 0
}

func compare(a, b int64) int {
	switch {
	case a > b:
		return 1
	case a < b:
		return -1
	}
	return 0
}
