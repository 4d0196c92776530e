package execution

import (
	"encoding/json"
	"errors"
	"fmt"
	"net/url"
	"strings"

	"k8s.io/apimachinery/pkg/api/equality"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	workv1alpha1 "github.com/longshore-project/longshore/apis/work/v1alpha1"
)

// longestMessage is what a condition can hold.
const longestMessage = 32 << 10

// outcome is how one manifest fared in a pass.
type outcome struct {
	identifier workv1alpha1.ResourceIdentifier
	// observed is the member's object as far as it is ours; nil if there is none.
	observed *unstructured.Unstructured
	// sent is true if a request changed the member.
	sent bool
	// err says why the manifest is not applied.
	err error
}

func suspended(work *workv1alpha1.Work) bool {
	return work.Spec.SuspendDispatching != nil && *work.Spec.SuspendDispatching
}

// nextStatus computes the whole status of a Work from its present one and how its manifests fared. The error tells what the interpreter
// could not read; the status is then as good as possible.
func nextStatus(in Interpreter, work *workv1alpha1.Work, present workv1alpha1.WorkStatus, outcomes []outcome) (workv1alpha1.WorkStatus, error) {
	next := workv1alpha1.WorkStatus{Conditions: append([]metav1.Condition(nil), present.Conditions...)}
	meta.SetStatusCondition(&next.Conditions, dispatching(work))
	if !suspended(work) {
		meta.SetStatusCondition(&next.Conditions, appliedCondition(outcomes))
	}
	var errs []error
	for _, o := range outcomes {
		if o.observed == nil {
			continue
		}
		status, err := manifestStatus(in, o)
		errs = append(errs, err)
		next.ManifestStatuses = append(next.ManifestStatuses, status)
	}
	return next, errors.Join(errs...)
}

// silentRetries returns how many failed passes go by before a failure is recorded. Refusals are recorded at once, except:
//   - The namespace is missing: it has a Work of its own, probably on its way.
//   - The member of an applied Work does not answer: condition Ready of its Cluster is about to tell that, once. Otherwise a restart of
//     the control plane beside a dead member would turn all that runs there to "not applied". With the backoff of the queue seven passes
//     outlast the failure threshold; after that something else is wrong, such as a webhook that hangs.
func silentRetries(work *workv1alpha1.Work, failure error) int {
	var unanswered *url.Error
	switch {
	case namespaceMissing(failure):
		return 1
	case errors.As(failure, &unanswered) && meta.IsStatusConditionTrue(work.Status.Conditions, workv1alpha1.ConditionApplied):
		return 7
	default:
		return 0
	}
}

func dispatching(work *workv1alpha1.Work) metav1.Condition {
	if suspended(work) {
		return metav1.Condition{Type: workv1alpha1.ConditionDispatching, Status: metav1.ConditionFalse,
			Reason: workv1alpha1.ReasonSuspendDispatching, Message: "Work dispatching is in a suspended state."}
	}
	return metav1.Condition{Type: workv1alpha1.ConditionDispatching, Status: metav1.ConditionTrue,
		Reason: workv1alpha1.ReasonDispatching, Message: "Work is being dispatched."}
}

func appliedCondition(outcomes []outcome) metav1.Condition {
	succeeded, err := 0, error(nil)
	for _, o := range outcomes {
		if o.err == nil {
			succeeded++
			continue
		}
		err = errors.Join(err, fmt.Errorf("%s: %w", describe(o.identifier), o.err))
	}
	if err == nil {
		return metav1.Condition{Type: workv1alpha1.ConditionApplied, Status: metav1.ConditionTrue,
			Reason: workv1alpha1.ReasonAppliedSuccessful, Message: "Manifest has been successfully applied."}
	}
	message := fmt.Sprintf("Failed to apply all manifests (%d/%d): %v", succeeded, len(outcomes), err)
	return metav1.Condition{Type: workv1alpha1.ConditionApplied, Status: metav1.ConditionFalse,
		Reason: workv1alpha1.ReasonAppliedFailed, Message: strings.ToValidUTF8(message[:min(len(message), longestMessage)], "")}
}

func describe(id workv1alpha1.ResourceIdentifier) string {
	if id.Kind == "" {
		return fmt.Sprintf("manifest %d", id.Ordinal)
	}
	if id.Namespace == "" {
		return id.Kind + " " + id.Name
	}
	return id.Kind + " " + id.Namespace + "/" + id.Name
}

func manifestStatus(in Interpreter, o outcome) (workv1alpha1.ManifestStatus, error) {
	status := workv1alpha1.ManifestStatus{Identifier: o.identifier, Health: workv1alpha1.ResourceUnknown}
	raw, err := in.Reflect(o.observed)
	if err != nil {
		return status, fmt.Errorf("reflecting the status of %s: %w", describe(o.identifier), err)
	}
	status.Status = raw
	health, err := in.Health(o.observed)
	if err != nil {
		return status, fmt.Errorf("interpreting the health of %s: %w", describe(o.identifier), err)
	}
	status.Health = workv1alpha1.ResourceHealth(health)
	return status, nil
}

// sameStatus compares by meaning: the API server may have stored the raw parts with other spacing or key order.
func sameStatus(a, b workv1alpha1.WorkStatus) bool {
	if !equality.Semantic.DeepEqual(a.Conditions, b.Conditions) || len(a.ManifestStatuses) != len(b.ManifestStatuses) {
		return false
	}
	for i := range a.ManifestStatuses {
		x, y := &a.ManifestStatuses[i], &b.ManifestStatuses[i]
		if x.Identifier != y.Identifier || x.Health != y.Health || !workv1alpha1.SameJSON(rawOf(x), rawOf(y)) {
			return false
		}
	}
	return true
}

func rawOf(status *workv1alpha1.ManifestStatus) []byte {
	if status.Status == nil {
		return nil
	}
	return status.Status.Raw
}

// statusPatch is the JSON merge patch that makes status the whole status, whatever was there: both lists replace what the server has.
func statusPatch(status workv1alpha1.WorkStatus) ([]byte, error) {
	body := map[string]any{"conditions": status.Conditions, "manifestStatuses": status.ManifestStatuses}
	data, err := json.Marshal(map[string]any{"status": body})
	if err != nil {
		return nil, fmt.Errorf("encoding the status: %w", err)
	}
	return data, nil
}
