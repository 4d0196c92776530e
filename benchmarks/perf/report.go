package perf

import (
	"fmt"
	"slices"
	"strings"
	"text/tabwriter"
	"time"
)

// Report is the rounds of one workload.
type Report []Round

// Metric is a figure with its unit, which for Go's benchmarks is its name too.
type Metric struct {
	Unit  string
	Value float64
}

const mebibyte = 1 << 20

// columns are the figures of a round. Those for a comparison are left out when there is nothing to compare with.
var columns = []struct {
	unit     string
	compares bool
	of       func(r *Round) float64
}{
	{"bindings/s", false, func(r *Round) float64 { return r.Scheduler.Rate }},
	{"bare-bindings/s", true, func(r *Round) float64 { return r.Bare.Rate }},
	{"ratio", true, (*Round).Ratio},
	{"p50-ms", false, func(r *Round) float64 { return milliseconds(r.Scheduler.Latency(0.5)) }},
	{"p99-ms", false, func(r *Round) float64 { return milliseconds(r.Scheduler.Latency(0.99)) }},
	{"bare-p50-ms", true, func(r *Round) float64 { return milliseconds(r.Bare.Latency(0.5)) }},
	{"bare-p99-ms", true, func(r *Round) float64 { return milliseconds(r.Bare.Latency(0.99)) }},
	{"cpu-ms/binding", false, func(r *Round) float64 { return milliseconds(r.Scheduler.CPU) / float64(r.Scheduler.Bindings) }},
	{"beside-ms/binding", true, func(r *Round) float64 {
		return milliseconds(r.Scheduler.CPU-r.Bare.CPU) / float64(r.Scheduler.Bindings)
	}},
	{"writes/binding", false, func(r *Round) float64 { return r.Scheduler.Writes / float64(r.Scheduler.Bindings) }},
	{"bytes/binding", false, func(r *Round) float64 { return r.Scheduler.Bytes / float64(r.Scheduler.Bindings) }},
	{"events/binding", false, func(r *Round) float64 { return r.Scheduler.Events / float64(r.Scheduler.Bindings) }},
	{"start-ms", false, func(r *Round) float64 { return milliseconds(r.Scheduler.Start) }},
	{"peak-MiB", false, func(r *Round) float64 { return float64(r.Scheduler.Peak) / mebibyte }},
}

func milliseconds(d time.Duration) float64 { return float64(d) / float64(time.Millisecond) }

// Medians returns the median of each figure over the rounds.
func (r Report) Medians() []Metric {
	var out []Metric
	for _, c := range columns {
		if c.compares && !r.compares() {
			continue
		}
		values := make([]float64, len(r))
		for i := range r {
			values[i] = c.of(&r[i])
		}
		out = append(out, Metric{c.unit, median(values)})
	}
	return out
}

func (r Report) compares() bool { return len(r) > 0 && r[0].Bare.Bindings > 0 }

// median sorts its argument. The median of an even number of values is the mean of the two in the middle.
func median(values []float64) float64 {
	slices.Sort(values)
	n := len(values)
	if n == 0 {
		return 0
	}
	return (values[(n-1)/2] + values[n/2]) / 2
}

// Table returns one line per figure and one column per round.
func (r Report) Table() string {
	var out strings.Builder
	w := tabwriter.NewWriter(&out, 0, 0, 2, ' ', tabwriter.AlignRight)
	for _, c := range columns {
		if c.compares && !r.compares() {
			continue
		}
		fmt.Fprint(w, c.unit, "\t")
		for i := range r {
			fmt.Fprintf(w, "%.4g\t", c.of(&r[i]))
		}
		fmt.Fprintln(w)
	}
	w.Flush()
	return out.String()
}
