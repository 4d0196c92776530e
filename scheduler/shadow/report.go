package shadow

import (
	"encoding/json"
	"fmt"
	"maps"
	"time"
)

// The type of the document that a scheduler publishes about its shadows, and where: on its secure port, as JSON. Fields are only ever added.
const (
	ReportAPIVersion = "scheduler.longshore.dev/v1alpha1"
	ReportKind       = "ShadowReport"
	ReportPath       = "/debug/shadow"
)

// Report is what all shadows of a scheduler found.
type Report struct {
	APIVersion string `json:"apiVersion"`
	Kind       string `json:"kind"`
	// Time is when the report was made.
	Time time.Time `json:"time"`
	// Profiles has one element for each profile with a shadow, in order of the configuration; empty, not nil, when there are none.
	Profiles []ProfileReport `json:"profiles"`
}

// ProfileReport is what one shadow found since it began.
type ProfileReport struct {
	// Profile is the schedulerName of the profile that the shadow belongs to.
	Profile string    `json:"profile"`
	Since   time.Time `json:"since"`
	// Compared counts decisions that both made, of which Equal were the same and Different not, by kind.
	Compared  int64          `json:"compared"`
	Equal     int64          `json:"equal"`
	Different map[Kind]int64 `json:"different"`
	// Moved is the sum of the replicas that would run elsewhere.
	Moved int64 `json:"moved"`
	// Dropped counts live decisions that came faster than the shadow decides, Errors those about which it made none.
	Dropped   int64  `json:"dropped"`
	Errors    int64  `json:"errors"`
	LastError string `json:"lastError,omitempty"`
	// Recent is the latest differences, the last one first; empty, not nil, when there are none.
	Recent []Record `json:"recent"`
}

// Record is a difference that was found.
type Record struct {
	Time time.Time `json:"time"`
	// Binding is namespace/name, or the name alone of a binding without a namespace.
	Binding string `json:"binding"`
	Difference
}

// NewReport returns the report about the shadows.
func NewReport(now time.Time, shadows ...*Shadow) *Report {
	r := &Report{APIVersion: ReportAPIVersion, Kind: ReportKind, Time: now, Profiles: []ProfileReport{}}
	for _, s := range shadows {
		r.Profiles = append(r.Profiles, s.Report())
	}
	return r
}

// Report returns what was found so far.
func (s *Shadow) Report() ProfileReport {
	s.mu.Lock()
	defer s.mu.Unlock()
	out := s.report
	out.Since, out.Different, out.Recent = s.started, maps.Clone(s.report.Different), make([]Record, 0, len(s.recent))
	for i := range s.recent {
		// The last one was written just before the next.
		out.Recent = append(out.Recent, s.recent[(s.next+2*len(s.recent)-1-i)%len(s.recent)])
	}
	return out
}

// DecodeReport reads a report. Fields that this code does not know are ignored; a document of another type is an error.
func DecodeReport(data []byte) (*Report, error) {
	var r Report
	if err := json.Unmarshal(data, &r); err != nil {
		return nil, fmt.Errorf("decoding the report about shadows: %w", err)
	}
	if r.APIVersion != ReportAPIVersion || r.Kind != ReportKind {
		return nil, fmt.Errorf("decoding the report about shadows: it is a %s %s, want %s %s", r.APIVersion, r.Kind, ReportAPIVersion, ReportKind)
	}
	return &r, nil
}
