package journal

import (
	"encoding/json"
	"fmt"
	"time"
)

// The type of the document that a scheduler publishes about its decisions, and where: on its secure port, as JSON. With the parameter binding,
// which is namespace/name or the name alone, it is about that binding and explains. Fields are only ever added.
const (
	ReportAPIVersion = "scheduler.longshore.dev/v1alpha1"
	ReportKind       = "DecisionReport"
	ReportPath       = "/debug/decisions"
	ReportParameter  = "binding"
)

// Report is what a scheduler decided.
type Report struct {
	APIVersion string `json:"apiVersion"`
	Kind       string `json:"kind"`
	// Time is when the report was made.
	Time time.Time `json:"time"`
	// Decisions are the latest first; empty, not nil, when there are none.
	Decisions []Decision `json:"decisions"`
	// Missing says why there is no decision about the binding that was asked for.
	Missing string `json:"missing,omitempty"`
}

// Decision is one decision.
type Decision struct {
	// Binding is namespace/name, or the name alone of a binding without a namespace.
	Binding string `json:"binding"`
	// Profile is the schedulerName of the profile that decided.
	Profile string `json:"profile"`
	// Time is when it was decided. It is absent from a decision that was made for the report only, as it would be made now.
	Time *time.Time `json:"time,omitempty"`
	// Outcome is Placed, NoClusterFit, NoRoom or Refused.
	Outcome string `json:"outcome"`
	// Message is in one line where the binding was placed, or why it was not.
	Message string `json:"message"`
	// Explanation has several lines; empty if the report is about all bindings.
	Explanation string `json:"explanation,omitempty"`
}

// NewReport returns a report of the decisions.
func NewReport(now time.Time, decisions ...Decision) *Report {
	return &Report{APIVersion: ReportAPIVersion, Kind: ReportKind, Time: now, Decisions: append([]Decision{}, decisions...)}
}

// DecodeReport reads a report. Fields that this code does not know are ignored; a document of another type is an error.
func DecodeReport(data []byte) (*Report, error) {
	var r Report
	if err := json.Unmarshal(data, &r); err != nil {
		return nil, fmt.Errorf("decoding the report about decisions: %w", err)
	}
	if r.APIVersion != ReportAPIVersion || r.Kind != ReportKind {
		return nil, fmt.Errorf("decoding the report about decisions: it is a %s %s, want %s %s", r.APIVersion, r.Kind, ReportAPIVersion, ReportKind)
	}
	return &r, nil
}
