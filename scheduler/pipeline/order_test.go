package pipeline

import (
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/longshore-project/longshore/scheduler/framework"
)

func TestSortByRoom(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		most := rapid.SampledFrom([]int64{1, 300, 1 << 20, 1 << 40}).Draw(t, "most")
		fits := make([]framework.Capacity, rapid.IntRange(0, 300).Draw(t, "rows"))
		rows := make([]int32, 0, len(fits))
		for i := range fits {
			fits[i] = framework.Capacity{Known: i%7 > 0, Replicas: rapid.Int64Range(0, most).Draw(t, "room")}
			if i%11 > 0 {
				rows = append(rows, int32(i))
			}
		}
		want := slices.Clone(rows)
		slices.SortFunc(want, func(x, y int32) int { return compareRoom(fits, x, y) })
		sortByRoom(rows, fits)
		if diff := cmp.Diff(want, rows); diff != "" {
			t.Fatalf("order (-by comparison +got):\n%s", diff)
		}
	})
}
