package perf

import (
	"errors"
	"io"
	"slices"
	"strings"
	"testing"
	"time"
)

func TestParseStat(t *testing.T) {
	got, err := parseStat("4711 (a (b) c) S 1 2 3 4 5 6 7 8 9 10 150 25 13 14 15")
	if want := 1750 * time.Millisecond; got != want || err != nil {
		t.Errorf("got %v, %v; want %v", got, err, want)
	}
	if _, err := parseStat("4711 (x) S 1"); err == nil {
		t.Error("a line that is cut off is accepted")
	}
}

func TestParseStatus(t *testing.T) {
	got, err := parseStatus("Name:\tx\nVmPeak:\t  9 kB\nVmHWM:\t    2048 kB\n")
	if got != 2*mebibyte || err != nil {
		t.Errorf("got %d, %v; want %d", got, err, 2*mebibyte)
	}
	if _, err := parseStatus("Name:\tx\n"); err == nil {
		t.Error("a status without VmHWM is accepted")
	}
}

func TestParseSample(t *testing.T) {
	tests := []struct {
		line string
		want sample
		ok   bool
	}{
		{`apiserver_request_total{code="200",group="work.karmada.io",resource="resourcebindings",subresource="status",verb="PATCH"} 1.5e+03`,
			sample{"apiserver_request_total", "PATCH", "resourcebindings", 1500}, true},
		{`apiserver_request_body_size_bytes_sum{group="g",resource="events",verb="create"} 12`,
			sample{"apiserver_request_body_size_bytes_sum", "create", "events", 12}, true},
		{`apiserver_request_duration_seconds_sum{verb="PATCH"} 1`, sample{}, false},
		{`# HELP apiserver_request_total requests`, sample{}, false},
	}
	for _, tt := range tests {
		if got, ok := parseSample(tt.line); got != tt.want || ok != tt.ok {
			t.Errorf("%s: got %v, %v; want %v, %v", tt.line, got, ok, tt.want, tt.ok)
		}
	}
}

// TestObserverReads makes sure that the first event counts that shows a binding placed as its present spec asks, and that an end of the stream
// is no error.
func TestObserverReads(t *testing.T) {
	event := func(kind, name, version, generation, observed, scheduled string) string {
		return `{"type":"` + kind + `","object":{"metadata":{"name":"` + name + `","resourceVersion":"` + version + `","generation":` + generation +
			`},"status":{"schedulerObservedGeneration":` + observed + `,"conditions":[{"type":"Other","status":"True"},{"type":"Scheduled","status":"` + scheduled + `"}]}}}`
	}
	o := &observer{placed: map[string]time.Time{}, want: 2, done: make(chan struct{})}
	version, err := o.read(strings.NewReader(event("ADDED", "a", "1", "1", "0", "True")+event("MODIFIED", "b", "2", "2", "1", "True")+
		event("MODIFIED", "c", "3", "2", "2", "False")+event("MODIFIED", "d", "4", "2", "2", "True")+`{"type":`), "0")
	if version != "4" || err != nil {
		t.Errorf("the stream ended at version %s with error %v, want 4 and none", version, err)
	}
	if _, ok := o.placed["d"]; !ok || len(o.placed) != 1 {
		t.Errorf("placed: %v, want d", o.placed)
	}
	if _, err := o.read(strings.NewReader(`{"type":"ERROR","object":{"message":"too old"}}`), "4"); err == nil || errors.Is(err, io.EOF) {
		t.Errorf("error %v, want the one of the server", err)
	}
}

func TestMedian(t *testing.T) {
	for _, tt := range []struct {
		values []float64
		want   float64
	}{{nil, 0}, {[]float64{3}, 3}, {[]float64{5, 1, 3}, 3}, {[]float64{4, 1, 2, 3}, 2.5}} {
		if got := median(slices.Clone(tt.values)); got != tt.want {
			t.Errorf("median of %v: %v, want %v", tt.values, got, tt.want)
		}
	}
}

func TestArrivals(t *testing.T) {
	at := arrivals(1000, 50)
	if !slices.IsSorted(at) || at[999] < 15*time.Second || at[999] > 25*time.Second {
		t.Errorf("1000 arrivals at 50 a second end at %v", at[999])
	}
	if burst := arrivals(3, 0); slices.Max(burst) != 0 {
		t.Errorf("a burst arrives at %v", burst)
	}
}
