package loop

import (
	workv1alpha2 "github.com/longshore-project/longshore/apis/work/v1alpha2"
	"github.com/longshore-project/longshore/scheduler/convert"
	"github.com/longshore-project/longshore/scheduler/framework"
)

const messageScheduled = "Binding has been scheduled successfully."

// next is what the queue does with a binding after its result is written.
type next int

const (
	// finish means that nothing is left to do until something changes.
	finish next = iota
	// retry means another attempt after a while.
	retry
	// park means to wait for one of the decision's cures.
	park
	// parkAndFlush is park, but not for ever.
	parkAndFlush
)

// outcomeOf says what to write for a decision, and what then. A request that fits nowhere loses its clusters; one that merely lacks room, or
// could not be judged, keeps what it has.
func outcomeOf(r *framework.Request, d *framework.Decision, placement string) (result, next) {
	switch d.Outcome {
	case framework.Placed:
		return result{
			writesSpec: true, clusters: convert.ToTargets(r, d.Targets), placement: placement,
			scheduled: true, reason: workv1alpha2.ReasonSuccess, message: messageScheduled, term: d.Term,
		}, finish
	case framework.NoClusterFit:
		return result{writesSpec: true, placement: placement, reason: workv1alpha2.ReasonNoClusterFit, message: d.Message()}, park
	case framework.NoRoom:
		return result{reason: workv1alpha2.ReasonUnschedulable, message: d.Message()}, parkAndFlush
	default:
		return failed(d.Message()), retry
	}
}

// failed is the result of a request that could not be judged.
func failed(message string) result {
	return result{reason: workv1alpha2.ReasonSchedulerError, message: message}
}

// satisfied is the result of a binding about which there is nothing to decide: what is there is right.
func satisfied(b workv1alpha2.Binding) result {
	return result{
		scheduled: true, reason: workv1alpha2.ReasonSuccess, message: messageScheduled,
		term: b.BindingStatus().SchedulerObservedAffinityName,
	}
}
