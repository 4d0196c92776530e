package loop

import (
	"strings"

	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

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
			writesSpec: true, clusters: convert.ToTargets(r, d.Targets), placement: placement, fallen: fallenTerms(d),
			scheduled: true, reason: workv1alpha2.ReasonSuccess, message: successful(d), caveat: d.Caveat(), term: d.Term, decided: true,
		}, finish
	case framework.NoClusterFit:
		return result{writesSpec: true, placement: placement, reason: workv1alpha2.ReasonNoClusterFit, message: refused(d), fallen: fallenTerms(d)}, park
	case framework.NoRoom:
		return result{reason: workv1alpha2.ReasonUnschedulable, message: refused(d), fallen: fallenTerms(d)}, parkAndFlush
	default:
		return result{reason: workv1alpha2.ReasonSchedulerError, message: refused(d), fallen: fallenTerms(d)}, retry
	}
}

// successful is the message about a request that was placed. It begins with messageScheduled.
func successful(d *framework.Decision) string {
	if caveat := d.Caveat(); caveat != "" {
		return messageScheduled + " It was " + caveat + "."
	}
	return messageScheduled
}

// refused is the message about a request that was not placed.
func refused(d *framework.Decision) string {
	if caveat := d.Caveat(); caveat != "" {
		return d.Message() + "; " + caveat
	}
	return d.Message()
}

// failed is the result of a request that could not be judged.
func failed(message string) result {
	return result{reason: workv1alpha2.ReasonSchedulerError, message: message}
}

// satisfied is the result of a binding about which there is nothing to decide: what is there is right, and what was said of it stays.
func satisfied(b workv1alpha2.Binding) result {
	message := messageScheduled
	c := meta.FindStatusCondition(b.BindingStatus().Conditions, workv1alpha2.ConditionScheduled)
	if c != nil && c.Status == metav1.ConditionTrue && strings.HasPrefix(c.Message, messageScheduled) {
		message = c.Message
	}
	return result{scheduled: true, reason: workv1alpha2.ReasonSuccess, message: message}
}
