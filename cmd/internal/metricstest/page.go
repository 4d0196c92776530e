// Package metricstest compares docs/metrics.md with what the programs count.
package metricstest

import (
	"bufio"
	"cmp"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"runtime"
	"slices"
	"strings"
	"testing"

	"github.com/prometheus/client_golang/prometheus"
)

var update = flag.Bool("update-metrics", false, "write the tables of docs/metrics.md again")

// page is the file, whichever package is tested.
func page() string {
	_, here, _, _ := runtime.Caller(0)
	return filepath.Join(filepath.Dir(here), "../../../docs/metrics.md")
}

// row is one metric.
type row struct{ name, labels, help string }

// kind returns the type of the metric, which its name tells: Prometheus advises so, and Served checks it.
func kind(name string) string {
	switch {
	case strings.HasSuffix(name, "_total"):
		return "counter"
	case strings.HasSuffix(name, "_duration_seconds"):
		return "histogram"
	}
	return "gauge"
}

func (r row) String() string {
	labels := "–"
	if r.labels != "" {
		labels = "`" + strings.ReplaceAll(r.labels, ",", "`, `") + "`"
	}
	unit := "count"
	if strings.HasSuffix(r.name, "_seconds") {
		unit = "seconds"
	}
	return fmt.Sprintf("| `%s` | %s | %s | %s | %s |\n", r.name, kind(r.name), unit, labels, r.help)
}

// described is how a prometheus.Desc shows itself, which has no other way to be read.
var described = regexp.MustCompile(`^Desc\{fqName: "(.*?)", help: "(.*)", unit: ".*", constLabels: \{.*\}, variableLabels: \{(.*)\}\}$`)

// rows returns all metrics of the collector by name, also those that count nothing yet.
func rows(t *testing.T, c prometheus.Collector) []row {
	t.Helper()
	descriptions := make(chan *prometheus.Desc)
	go func() {
		c.Describe(descriptions)
		close(descriptions)
	}()
	var out []row
	for d := range descriptions {
		m := described.FindStringSubmatch(d.String())
		if m == nil {
			t.Errorf("a metric describes itself in an unknown way: %s", d)
			continue
		}
		out = append(out, row{name: m[1], help: m[2], labels: m[3]})
	}
	slices.SortFunc(out, func(a, b row) int { return cmp.Compare(a.name, b.name) })
	return slices.Compact(out) // Some describe themselves by each sample that they have.
}

// Check fails unless the table between the marks "begin section" and "end section" of the page lists the metrics of the collector and no others, with
// their labels and what they mean. With -update-metrics it writes the table.
func Check(t *testing.T, section string, c prometheus.Collector) {
	t.Helper()
	text, err := os.ReadFile(page())
	if err != nil {
		t.Fatal(err)
	}
	begin, end := "<!-- begin "+section+" -->\n", "<!-- end "+section+" -->"
	head, rest, ok := strings.Cut(string(text), begin)
	got, tail, closed := strings.Cut(rest, end)
	if !ok || !closed {
		t.Fatalf("docs/metrics.md lacks the marks of %s", section)
	}
	var want strings.Builder
	want.WriteString("| Metric | Type | Unit | Labels | Meaning |\n|---|---|---|---|---|\n")
	for _, r := range rows(t, c) {
		want.WriteString(r.String())
	}
	switch {
	case got == want.String():
	case *update:
		if err := os.WriteFile(page(), []byte(head+begin+want.String()+end+tail), 0o644); err != nil {
			t.Fatal(err)
		}
	default:
		t.Errorf("docs/metrics.md is stale about the %s, run this test with -update-metrics; it must be\n%s", section, want.String())
	}
}

// CheckPrefixes fails unless the page has every metric of the collector or names how it begins.
func CheckPrefixes(t *testing.T, c prometheus.Collector) {
	t.Helper()
	text, err := os.ReadFile(page())
	if err != nil {
		t.Fatal(err)
	}
	var named []string
	for _, m := range regexp.MustCompile("(?m)^\\| `([a-z]+(?:_[a-z]+)*_)` \\|").FindAllStringSubmatch(string(text), -1) {
		named = append(named, m[1])
	}
	all := rows(t, c)
	for _, r := range all {
		listed := strings.Contains(string(text), "| `"+r.name+"` |")
		if !listed && !slices.ContainsFunc(slices.Concat(named, everyGoProgram), func(p string) bool { return strings.HasPrefix(r.name, p) }) {
			t.Errorf("docs/metrics.md says nothing of %s; it names %v", r.name, named)
		}
	}
	for _, p := range named {
		if !slices.ContainsFunc(all, func(r row) bool { return strings.HasPrefix(r.name, p) }) {
			t.Errorf("docs/metrics.md names %s, but there is no such metric", p)
		}
	}
}

// everyGoProgram serves these, too.
var everyGoProgram = []string{"go_", "process_", "promhttp_"}

// Served fails if what a running program serves at /metrics has a metric that is not in the page, or in the page with another type.
func Served(t *testing.T, answer string) {
	t.Helper()
	text, err := os.ReadFile(page())
	if err != nil {
		t.Fatal(err)
	}
	found := 0
	for lines := bufio.NewScanner(strings.NewReader(answer)); lines.Scan(); {
		fields := strings.Fields(lines.Text())
		if len(fields) != 4 || fields[1] != "TYPE" || slices.ContainsFunc(everyGoProgram, func(p string) bool { return strings.HasPrefix(fields[2], p) }) {
			continue
		}
		found++
		if begins := fmt.Sprintf("| `%s` | %s |", fields[2], fields[3]); !strings.Contains(string(text), begins) {
			t.Errorf("docs/metrics.md lacks the %s %s", fields[3], fields[2])
		}
	}
	if found == 0 {
		t.Error("the program serves no metrics of its own")
	}
}
