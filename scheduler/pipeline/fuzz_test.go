package pipeline_test

import (
	"testing"

	"github.com/longshore-project/longshore/scheduler/framework"
)

// bytesDice rolls what the fuzzer wrote; zeros follow its end.
func bytesDice(data []byte) dice {
	return func(n int) int {
		if len(data) == 0 {
			return 0
		}
		v := int(data[0])
		data = data[1:]
		return v % n
	}
}

// FuzzSchedule compares decisions on small fleets with what trying every set and every division finds, which also checks that no cluster gets
// more than its room; then it draws a request of any kind from the same bytes, carries the decision out and demands that nothing moves.
func FuzzSchedule(f *testing.F) {
	for seed := range byte(24) {
		data := make([]byte, 90)
		for i := range data {
			data[i] = byte(i*i)*31 + seed*byte(i+7)
		}
		f.Add(data, seed)
	}
	f.Fuzz(func(t *testing.T, data []byte, strategy byte) {
		roll := bytesDice(data)
		s := mixedFleet(roll, 6)
		assertBest(t, s, mixedRequest(roll, s, framework.Strategy(strategy%4)))
		roll = bytesDice(data)
		s = mixedFleet(roll, 7)
		if moved, _ := fedBack(t, s, anyRequest(roll, s)); moved != "" {
			t.Fatal(moved)
		}
	})
}
