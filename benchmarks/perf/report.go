package perf

import (
	"fmt"
	"slices"
	"strings"
	"text/tabwriter"
	"time"
)

// Report is the rounds of one workload.
type Report struct {
	// Arrivals means that the bindings arrived at a given rate: latencies say something then, and rates nothing. In a burst it is the other way
	// round.
	Arrivals bool
	Rounds   []Round
}

// Metric is a figure with its unit, which for Go's benchmarks is its name too.
type Metric struct {
	Unit  string
	Value float64
}

const mebibyte = 1 << 20

// scope says for which reports a figure means something.
type scope int

const (
	always scope = 0
	bursts scope = 1 << iota
	arriving
	comparing
)

// columns are the figures of a round.
var columns = []struct {
	unit  string
	scope scope
	of    func(r *Round) float64
}{
	{"bindings/s", bursts, func(r *Round) float64 { return r.Scheduler.Rate }},
	{"bare-bindings/s", bursts | comparing, func(r *Round) float64 { return r.Bare.Rate }},
	{"ratio", bursts | comparing, (*Round).Ratio},
	{"p50-ms", arriving, func(r *Round) float64 { return milliseconds(r.Scheduler.Latency(0.5)) }},
	{"p99-ms", arriving, func(r *Round) float64 { return milliseconds(r.Scheduler.Latency(0.99)) }},
	{"bare-p50-ms", arriving | comparing, func(r *Round) float64 { return milliseconds(r.Bare.Latency(0.5)) }},
	{"bare-p99-ms", arriving | comparing, func(r *Round) float64 { return milliseconds(r.Bare.Latency(0.99)) }},
	{"cpu-ms/binding", always, func(r *Round) float64 { return milliseconds(r.Scheduler.CPU) / float64(r.Scheduler.Bindings) }},
	{"bare-cpu-ms/binding", comparing, func(r *Round) float64 { return milliseconds(r.Bare.CPU) / float64(r.Bare.Bindings) }},
	{"writes/binding", always, func(r *Round) float64 { return r.Scheduler.Writes / float64(r.Scheduler.Bindings) }},
	{"bytes/binding", always, func(r *Round) float64 { return r.Scheduler.Bytes / float64(r.Scheduler.Bindings) }},
	{"events/binding", always, func(r *Round) float64 { return r.Scheduler.Events / float64(r.Scheduler.Bindings) }},
	{"start-cpu-ms", always, func(r *Round) float64 { return milliseconds(r.Scheduler.StartCPU) }},
	{"start-ms", bursts, func(r *Round) float64 { return milliseconds(r.Scheduler.Start) }},
	{"peak-MiB", always, func(r *Round) float64 { return float64(r.Scheduler.Peak) / mebibyte }},
}

// has reports whether figures of the scope mean something in r.
func (r *Report) has(s scope) bool {
	var missing scope
	if r.Arrivals {
		missing |= bursts
	} else {
		missing |= arriving
	}
	if len(r.Rounds) == 0 || r.Rounds[0].Bare.Bindings == 0 {
		missing |= comparing
	}
	return s&missing == 0
}

func milliseconds(d time.Duration) float64 { return float64(d) / float64(time.Millisecond) }

// Medians returns the median of each figure over the rounds.
func (r *Report) Medians() []Metric {
	var out []Metric
	for _, c := range columns {
		if !r.has(c.scope) {
			continue
		}
		values := make([]float64, len(r.Rounds))
		for i := range r.Rounds {
			values[i] = c.of(&r.Rounds[i])
		}
		out = append(out, Metric{c.unit, median(values)})
	}
	return out
}

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
func (r *Report) Table() string {
	var out strings.Builder
	w := tabwriter.NewWriter(&out, 0, 0, 2, ' ', tabwriter.AlignRight)
	for _, c := range columns {
		if !r.has(c.scope) {
			continue
		}
		fmt.Fprint(w, c.unit, "\t")
		for i := range r.Rounds {
			fmt.Fprintf(w, "%.4g\t", c.of(&r.Rounds[i]))
		}
		fmt.Fprintln(w)
	}
	w.Flush()
	return out.String()
}
