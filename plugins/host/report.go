package host

import (
	"encoding/json"
	"fmt"
	"time"
)

// The type of the document that a scheduler publishes about its external plugins, and where: on its secure port, as JSON. Fields are only ever
// added.
const (
	ReportAPIVersion = "scheduler.longshore.dev/v1alpha1"
	ReportKind       = "ExternalPluginReport"
	ReportPath       = "/debug/plugins"
)

// Report is the state of all external plugins of a scheduler.
type Report struct {
	APIVersion string `json:"apiVersion"`
	Kind       string `json:"kind"`
	// Time is when the report was made.
	Time time.Time `json:"time"`
	// Plugins are in order of profile and name; empty, not nil, when there are none.
	Plugins []PluginReport `json:"plugins"`
}

// PluginReport is the state of one external plugin of one profile. The fields that Status has too mean what they mean there.
type PluginReport struct {
	Name string `json:"name"`
	// Profile is the schedulerName of the profile that asks the plugin.
	Profile      string `json:"profile"`
	ReportedName string `json:"reportedName,omitempty"`
	Version      string `json:"version,omitempty"`
	// Source is the path or the address.
	Source        string        `json:"source"`
	FailurePolicy FailurePolicy `json:"failurePolicy"`
	Deadline      Duration      `json:"deadline"`
	// Stages is empty until the plugin ran once.
	Stages    []string  `json:"stages"`
	State     State     `json:"state"`
	Since     time.Time `json:"since"`
	Suspended bool      `json:"suspended,omitempty"`
	PID       int       `json:"pid,omitempty"`
	Restarts  int       `json:"restarts"`
	// LastError is empty if nothing ever went wrong, and LastErrorTime absent.
	LastError     string     `json:"lastError,omitempty"`
	LastErrorTime *time.Time `json:"lastErrorTime,omitempty"`
	// Latencies has one element for each stage that answered at least once, in the order in which stages are asked.
	Latencies []StageLatency `json:"latencies"`
}

// StageLatency is how long the latest answered calls of a stage took.
type StageLatency struct {
	Stage string `json:"stage"`
	// Calls is how many the percentiles are about.
	Calls int      `json:"calls"`
	P50   Duration `json:"p50"`
	P90   Duration `json:"p90"`
	P99   Duration `json:"p99"`
}

// Duration is a time.Duration that is a text like 67µs in JSON.
type Duration time.Duration

// String returns the text.
func (d Duration) String() string { return time.Duration(d).String() }

// MarshalJSON implements json.Marshaler.
func (d Duration) MarshalJSON() ([]byte, error) { return json.Marshal(d.String()) }

// UnmarshalJSON implements json.Unmarshaler.
func (d *Duration) UnmarshalJSON(data []byte) error {
	var text string
	if err := json.Unmarshal(data, &text); err != nil {
		return fmt.Errorf("decoding a duration: %w", err)
	}
	parsed, err := time.ParseDuration(text)
	if err != nil {
		return fmt.Errorf("decoding a duration: %w", err)
	}
	*d = Duration(parsed)
	return nil
}

// NewReport returns a report without plugins.
func NewReport(now time.Time) *Report {
	return &Report{APIVersion: ReportAPIVersion, Kind: ReportKind, Time: now, Plugins: []PluginReport{}}
}

// Add appends the plugins of a profile's host.
func (r *Report) Add(profile string, h *Host) {
	for _, s := range h.Status() {
		r.Plugins = append(r.Plugins, reportOf(profile, &s))
	}
}

func reportOf(profile string, s *Status) PluginReport {
	out := PluginReport{
		Name: s.Name, Profile: profile, ReportedName: s.ReportedName, Version: s.Version, Source: s.Source, FailurePolicy: s.FailurePolicy,
		Deadline: Duration(s.Deadline), Stages: append([]string{}, s.Stages...), State: s.State, Since: s.Since, Suspended: s.Suspended,
		PID: s.PID, Restarts: s.Restarts, Latencies: []StageLatency{},
	}
	if s.LastError != nil {
		at := s.LastErrorTime
		out.LastError, out.LastErrorTime = s.LastError.Error(), &at
	}
	for _, stage := range stagesInOrder() {
		if l, ok := s.Latencies[stage]; ok {
			out.Latencies = append(out.Latencies, StageLatency{
				Stage: stage, Calls: l.Calls, P50: Duration(l.P50), P90: Duration(l.P90), P99: Duration(l.P99),
			})
		}
	}
	return out
}

// DecodeReport reads a report. Fields that this code does not know are ignored; a document of another type is an error.
func DecodeReport(data []byte) (*Report, error) {
	var r Report
	if err := json.Unmarshal(data, &r); err != nil {
		return nil, fmt.Errorf("decoding the report about plugins: %w", err)
	}
	if r.APIVersion != ReportAPIVersion || r.Kind != ReportKind {
		return nil, fmt.Errorf("decoding the report about plugins: it is a %s %s, want %s %s", r.APIVersion, r.Kind, ReportAPIVersion, ReportKind)
	}
	return &r, nil
}
