package wire

import (
	"fmt"
	"math/bits"

	"github.com/longshore-project/longshore/scheduler/framework"
)

// FromScores returns one byte for each of the clusters, in ascending order of row. It is an error when a score is out of range.
func FromScores(scores []int64, clusters framework.Bitset) ([]byte, error) {
	out := make([]byte, 0, clusters.Count())
	var highest uint64
	for i, word := range clusters {
		base := i * wordBytes * 8
		for ; word != 0; word &= word - 1 {
			s := scores[base+bits.TrailingZeros64(word)]
			highest = max(highest, uint64(s))
			out = append(out, byte(s))
		}
	}
	if highest > framework.MaxScore {
		return nil, outOfRange(scores, clusters)
	}
	return out, nil
}

// outOfRange names the first score that is not allowed.
func outOfRange(scores []int64, clusters framework.Bitset) error {
	for row := range clusters.All() {
		if s := scores[row]; s < 0 || s > framework.MaxScore {
			return fmt.Errorf("score %d of row %d is not in 0 to %d", s, row, framework.MaxScore)
		}
	}
	return nil
}

// ToScores writes the score of every one of the clusters to its row of scores. It is an error, and nothing is written, when there are not as
// many as clusters or one is above the limit.
func ToScores(data []byte, clusters framework.Bitset, scores []int64) error {
	if want := clusters.Count(); len(data) != want {
		return fmt.Errorf("%d scores for %d clusters", len(data), want)
	}
	for i, b := range data {
		if b > framework.MaxScore {
			return fmt.Errorf("score %d at position %d is not in 0 to %d", b, i, framework.MaxScore)
		}
	}
	for i, word := range clusters {
		base := i * wordBytes * 8
		for ; word != 0; word &= word - 1 {
			scores[base+bits.TrailingZeros64(word)] = int64(data[0])
			data = data[1:]
		}
	}
	return nil
}
