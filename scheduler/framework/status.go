package framework

import "strings"

// Code is the verdict of a plugin. Names and values are those of kube-scheduler's framework.
type Code int

const (
	// Success means that the plugin has no objection. It is the zero value.
	Success Code = iota
	// Error means that the request could not be judged for a reason inside the request or the scheduler, not for lack of room.
	Error
	// Unschedulable means that there is no room now; a change of the fleet may cure it.
	Unschedulable
	// UnschedulableAndUnresolvable means that moving other workloads away would not help.
	UnschedulableAndUnresolvable
	// Wait is kept for the same value as in kube-scheduler; no stage here waits.
	Wait
	// Skip means that the plugin does not apply to the request.
	Skip
	// Pending means that the verdict depends on something outside the fleet which has not happened yet.
	Pending
)

var codeNames = [...]string{"Success", "Error", "Unschedulable", "UnschedulableAndUnresolvable", "Wait", "Skip", "Pending"}

// String returns the name of the code, as kube-scheduler prints it.
func (c Code) String() string {
	if c < 0 || int(c) >= len(codeNames) {
		return "Code(unknown)"
	}
	return codeNames[c]
}

// Status is a verdict with its reasons. The zero value is success. A Status is a refusal, never a breakdown: a plugin that broke returns an
// error instead, and never both.
type Status struct {
	// Code says what kind of refusal this is.
	Code Code
	// Reasons are short clauses for humans, without a final stop.
	Reasons []string
	// Plugin is the name of the plugin that refused, empty when the pipeline itself did.
	Plugin string
}

// NewStatus returns a status with the given reasons.
func NewStatus(code Code, reasons ...string) Status { return Status{Code: code, Reasons: reasons} }

// IsSuccess reports whether there is no objection.
func (s Status) IsSuccess() bool { return s.Code == Success }

// Message returns the reasons joined by commas.
func (s Status) Message() string { return strings.Join(s.Reasons, ", ") }
