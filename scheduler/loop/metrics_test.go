package loop

import (
	"errors"
	"fmt"
	"maps"
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/testutil"

	workv1alpha2 "github.com/longshore-project/longshore/apis/work/v1alpha2"
	"github.com/longshore-project/longshore/scheduler/framework"
	"github.com/longshore-project/longshore/scheduler/pipeline"
)

// labelValues lists every value that each label may have. Where a label has other values in another metric, it stands behind that metric's name.
var labelValues = map[string][]string{
	"karmada_scheduler_schedule_attempts_total result":         {resultScheduled, resultError},
	"karmada_scheduler_e2e_scheduling_duration_seconds result": {resultScheduled, resultError},
	"longshore_scheduler_cache_lookups_total result":           {"hit", "miss"},
	"longshore_scheduler_commit_duration_seconds result": {
		commitWritten, commitSuperseded, commitGone, commitQuota, commitFailed,
	},
	"schedule_type": {
		string(placementChanged), string(replicasChanged), string(rescheduleRequested), string(followsFleet), string(targetLost),
	},
	"schedule_step": steps(),
	"event":         {eventBindingAdd, eventBindingUpdate, eventClusterAdd, eventClusterUpdate, eventClusterDelete, eventWake},
	"longshore_scheduler_decisions_total outcome": {
		framework.Placed.String(), framework.NoClusterFit.String(), framework.NoRoom.String(), framework.Refused.String(), decisionError, decisionNothing,
	},
	"cache":                                  {"snapshot", "placement"},
	"queue":                                  {"active", "backoff", "unschedulable"},
	"longshore_scheduler_reservations state": {"in_flight", "awaiting_report"},
}

// steps lists the parts of a decision: those of the loop, then the stages of the pipeline.
func steps() []string {
	out := []string{stepSnapshot, stepDecide, stepTotal}
	for _, stage := range pipeline.Stages() {
		out = append(out, string(stage))
	}
	return out
}

// gather returns the values of counters and gauges and the counts of histograms, and checks that no label has a value that is not listed.
func gather(t *testing.T, m *Metrics) map[string]float64 {
	t.Helper()
	registry := prometheus.NewPedanticRegistry()
	registry.MustRegister(m)
	families, err := registry.Gather()
	if err != nil {
		t.Fatal(err)
	}
	out := map[string]float64{}
	for _, family := range families {
		for _, metric := range family.GetMetric() {
			name := family.GetName()
			for _, label := range metric.GetLabel() {
				if !slices.Contains(append(labelValues[label.GetName()], labelValues[family.GetName()+" "+label.GetName()]...), label.GetValue()) {
					t.Errorf("%s has the label %s=%q, which is not listed", family.GetName(), label.GetName(), label.GetValue())
				}
				name += " " + label.GetValue()
			}
			out[name] = metric.GetCounter().GetValue() + metric.GetGauge().GetValue() + float64(metric.GetHistogram().GetSampleCount())
		}
	}
	return out
}

func TestMetricsOfARun(t *testing.T) {
	w := newWorld(t)
	w.member("a")
	o := w.options()
	o.Metrics = NewMetrics()
	var err error
	if w.loop, err = New(w.config, o); err != nil {
		t.Fatal(err)
	}
	w.start()
	w.until(w.binding("placed", divided(true)), "it is placed", scheduledFor(workv1alpha2.ReasonSuccess))
	w.until(w.binding("parked", divided(true), func(s *workv1alpha2.ResourceBindingSpec) { s.Replicas = 100 }), "it lacks room", scheduledFor(workv1alpha2.ReasonUnschedulable))
	w.quiet()
	got := gather(t, o.Metrics)
	want := map[string]float64{
		"karmada_scheduler_schedule_attempts_total scheduled PlacementChanged":         1,
		"karmada_scheduler_schedule_attempts_total error PlacementChanged":             1,
		"karmada_scheduler_e2e_scheduling_duration_seconds scheduled PlacementChanged": 1,
		"karmada_scheduler_e2e_scheduling_duration_seconds error PlacementChanged":     1,
		"karmada_scheduler_scheduling_algorithm_duration_seconds decide":               2,
		"karmada_scheduler_scheduling_algorithm_duration_seconds snapshot":             2,
		"karmada_scheduler_scheduling_algorithm_duration_seconds Filter":               2,
		"karmada_scheduler_scheduling_algorithm_duration_seconds Score":                2,
		"karmada_scheduler_scheduling_algorithm_duration_seconds Estimate":             2,
		"karmada_scheduler_scheduling_algorithm_duration_seconds Select":               2,
		"karmada_scheduler_queue_incoming_bindings_total BindingAdd":                   2,
		"karmada_scheduler_queue_depth active":                                         0,
		"karmada_scheduler_queue_depth backoff":                                        0,
		"karmada_scheduler_queue_depth unschedulable":                                  1,
		"longshore_scheduler_bindings_in_hand":                                         0,
		"longshore_scheduler_decisions_total Placed":                                   1,
		"longshore_scheduler_decisions_total NoRoom":                                   1,
		"longshore_scheduler_commit_duration_seconds written":                          2,
		"longshore_scheduler_commit_conflicts_total":                                   0,
		"longshore_scheduler_reservations in_flight":                                   0,
		"longshore_scheduler_reservations awaiting_report":                             1,
	}
	for name, value := range want {
		if diff := cmp.Diff(value, got[name]); diff != "" {
			t.Errorf("%s (-want +got):\n%s", name, diff)
		}
	}
	if got["longshore_scheduler_cache_lookups_total placement hit"] == 0 {
		t.Error("the second binding with the placement did not find it")
	}
}

// TestLabelsAreDocumented compares the table of labels with what they may be. With -update it writes the table.
func TestLabelsAreDocumented(t *testing.T) {
	var rows strings.Builder
	rows.WriteString("| Label | Values |\n|---|---|\n")
	for _, name := range slices.Sorted(maps.Keys(labelValues)) {
		of := "`" + name + "`"
		if metric, label, both := strings.Cut(name, " "); both {
			of = "`" + label + "` of `" + metric + "`"
		}
		fmt.Fprintf(&rows, "| %s | `%s` |\n", of, strings.Join(labelValues[name], "`, `"))
	}
	const path = "../../docs/metrics.md"
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	want := between(t, string(text), "labels", rows.String())
	if want == string(text) {
		return
	}
	if !*update {
		t.Fatalf("%s is stale, run this test with -update (-want +got):\n%s", path, cmp.Diff(want, string(text)))
	}
	if err := os.WriteFile(path, []byte(want), 0o644); err != nil {
		t.Fatal(err)
	}
}

func TestMetricsAreNamedAsPrometheusAdvises(t *testing.T) {
	m := NewMetrics()
	m.committed(nil, 0)
	m.lookup("snapshot", true)
	problems, err := testutil.CollectAndLint(m)
	if err != nil {
		t.Fatal(err)
	}
	for _, p := range problems {
		t.Errorf("%s: %s", p.Metric, p.Text)
	}
}

func TestResultOf(t *testing.T) {
	for want, err := range map[string]error{
		commitWritten: nil, commitSuperseded: fmt.Errorf("x: %w", errSuperseded), commitGone: fmt.Errorf("x: %w", errGone),
		commitQuota: fmt.Errorf("x: %w", errQuota), commitFailed: errors.New("x"),
	} {
		if got := resultOf(err); got != want {
			t.Errorf("resultOf(%v) = %q, want %q", err, got, want)
		}
	}
}
