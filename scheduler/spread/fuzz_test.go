package spread_test

import (
	"testing"

	"github.com/longshore-project/longshore/scheduler/spread"
)

// bytesDraw draws from fuzz input; zeros follow its end.
func bytesDraw(data []byte) draw {
	return func(n int) int {
		if len(data) == 0 {
			return 0
		}
		v := int(data[0])
		data = data[1:]
		return v % n
	}
}

// FuzzSolve compares the answer with brute force over all subsets, and that of a search that stops early with what it claims.
func FuzzSolve(f *testing.F) {
	for seed := range uint64(20) {
		d := randomDraw(seed)
		data := make([]byte, 120)
		for i := range data {
			data[i] = byte(d(256))
		}
		f.Add(data, seed%2 == 0, byte(seed*3))
	}
	f.Fuzz(func(t *testing.T, data []byte, mixed bool, limit byte) {
		p := smallProblem(bytesDraw(data), 9)
		if mixed {
			p = mixedProblem(bytesDraw(data))
		}
		if d, _ := diff(new(spread.Solver), p); d != "" {
			t.Fatalf("-want +got:\n%s\nproblem %+v", d, *p)
		}
		if p.NodeLimit = int(limit); limit > 0 {
			if wrong, _ := limitedDiff(p); wrong != "" {
				t.Fatalf("%s\nproblem %+v", wrong, *p)
			}
		}
	})
}
