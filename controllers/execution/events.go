package execution

import (
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	workv1alpha1 "github.com/longshore-project/longshore/apis/work/v1alpha1"
)

// event is what is told about a Work.
type event struct {
	kind, reason, note string
}

// eventsOf derives events from a change of conditions: acceptance and each new refusal once, suspension and resumption when they happen.
// A Work that was never suspended has no news about dispatching.
func eventsOf(old, new workv1alpha1.WorkStatus) []event {
	var result []event
	if c := changed(old, new, workv1alpha1.ConditionApplied); c != nil {
		e := event{corev1.EventTypeNormal, workv1alpha1.EventSyncSucceed, c.Message}
		if c.Status == metav1.ConditionFalse {
			e.kind, e.reason = corev1.EventTypeWarning, workv1alpha1.EventSyncFailed
		}
		result = append(result, e)
	}
	c := changed(old, new, workv1alpha1.ConditionDispatching)
	if c != nil && (c.Status == metav1.ConditionFalse || meta.FindStatusCondition(old.Conditions, c.Type) != nil) {
		result = append(result, event{corev1.EventTypeNormal, workv1alpha1.EventWorkDispatching, c.Message})
	}
	return result
}

// changed returns the condition if its status or message is new.
func changed(old, new workv1alpha1.WorkStatus, conditionType string) *metav1.Condition {
	after := meta.FindStatusCondition(new.Conditions, conditionType)
	before := meta.FindStatusCondition(old.Conditions, conditionType)
	if after == nil || before != nil && before.Status == after.Status && before.Message == after.Message {
		return nil
	}
	return after
}
