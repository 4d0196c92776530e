package host_test

import (
	"encoding/json"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/longshore-project/longshore/plugins/host"
	"github.com/longshore-project/longshore/scheduler/framework"
)

// TestReport takes a report through its JSON.
func TestReport(t *testing.T) {
	s := spec(t, "fine")
	s.FailurePolicy = host.Skip
	h, p := start(t, s, host.Options{})
	if _, err := p.Filter().Filter(t.Context(), query(fleet(3), "error"), framework.FullBitset(3)); err == nil {
		t.Fatal("no error")
	}
	if err := p.Score().Score(t.Context(), query(fleet(3), "fine"), framework.FullBitset(3), make([]int64, 3)); err != nil {
		t.Fatal(err)
	}
	made := host.NewReport(time.Unix(1e9, 0).UTC())
	made.Add("picky", h)
	data, err := json.Marshal(made)
	if err != nil {
		t.Fatal(err)
	}
	read, err := host.DecodeReport(data)
	if err != nil {
		t.Fatal(err)
	}
	if again, err := json.Marshal(read); err != nil || string(again) != string(data) {
		t.Errorf("the report changes when it is read: %v (-want +got):\n%s", err, cmp.Diff(string(data), string(again)))
	}
	got := read.Plugins[0]
	if got.Latencies[0].P50 <= 0 || got.Latencies[0].P99 < got.Latencies[0].P50 {
		t.Errorf("latencies are %v", got.Latencies)
	}
	if got.Since.IsZero() || got.PID == 0 || got.LastErrorTime == nil || !strings.Contains(got.LastError, "price table is empty") {
		t.Errorf("report is %+v, want a time, a process and an error", got)
	}
	got.Since, got.PID, got.LastError, got.LastErrorTime = time.Time{}, 0, "", nil
	got.Latencies[0] = host.StageLatency{Stage: got.Latencies[0].Stage, Calls: got.Latencies[0].Calls}
	want := host.PluginReport{
		Name: "misfit", Profile: "picky", ReportedName: "misfit", Version: "v1.2.3", Source: s.Path, FailurePolicy: host.Skip,
		Deadline: host.Duration(host.DefaultDeadline), Stages: []string{"filter", "score", "estimate", "select", "assign"}, State: host.Running,
		Latencies: []host.StageLatency{{Stage: "score", Calls: 1}},
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("report (-want +got):\n%s", diff)
	}
}

func TestDecodeReportRefuses(t *testing.T) {
	for text, want := range map[string]string{
		`{"apiVersion":"v1","kind":"List"}`: "decoding the report about plugins: it is a v1 List, want scheduler.longshore.dev/v1alpha1 ExternalPluginReport",
		`Not Found`:                         "decoding the report about plugins: invalid character 'N' looking for beginning of value",
	} {
		if _, err := host.DecodeReport([]byte(text)); err == nil || err.Error() != want {
			t.Errorf("%s: error is %v, want %s", text, err, want)
		}
	}
}
