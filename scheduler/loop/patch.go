package loop

import (
	"cmp"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"time"

	apiequality "k8s.io/apimachinery/pkg/api/equality"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	policyv1alpha1 "github.com/longshore-project/longshore/apis/policy/v1alpha1"
	workv1alpha2 "github.com/longshore-project/longshore/apis/work/v1alpha2"
)

// result is what a decision wants to see in a binding.
type result struct {
	// writesSpec is false for outcomes that leave the previous placement as it is.
	writesSpec bool
	clusters   []workv1alpha2.TargetCluster
	// placement is the JSON of the placement that was decided upon.
	placement string

	// scheduled is whether the binding has what it asked for; reason and message explain.
	scheduled bool
	reason    string
	message   string
	// caveat says without which plugins a success was decided, empty for none. The message has it already.
	caveat string
	// term is the name of the affinity term in use. Empty leaves the name in the status as it is: the placement has no terms.
	term string
	// fallen says of terms that failed why, in order, beside what the message says. It is for events only.
	fallen []string
	// decided is false if there was nothing to decide: the time of scheduling is then that of an earlier pass.
	decided bool
}

// operation is one operation of a JSON patch (RFC 6902).
type operation struct {
	Op    string `json:"op"`
	Path  string `json:"path"`
	Value any    `json:"value"` // Always written: a test for null needs its null, and remove ignores it.
}

const (
	annotationsPath      = "/metadata/annotations"
	appliedPlacementPath = annotationsPath + "/policy.karmada.io~1applied-placement"
)

// specPatch returns the JSON patch that brings the placement and its record into the binding, or nil if both are there. The server applies
// it only to the very object that was decided upon, in the very state of its spec: it tests uid and generation, neither of which a change of
// status touches.
func specPatch(b workv1alpha2.Binding, want *result) ([]byte, error) {
	changes := specChanges(b, want)
	if len(changes) == 0 {
		return nil, nil
	}
	guards := []operation{
		{Op: "test", Path: "/metadata/uid", Value: b.GetUID()},
		{Op: "test", Path: "/metadata/generation", Value: b.GetGeneration()},
	}
	patch, err := json.Marshal(append(guards, changes...))
	if err != nil {
		return nil, fmt.Errorf("encoding the patch of the placement: %w", err)
	}
	return patch, nil
}

func specChanges(b workv1alpha2.Binding, want *result) []operation {
	if !want.writesSpec {
		return nil
	}
	var changes []operation
	if !sameTargets(b.BindingSpec().Clusters, want.clusters) {
		changes = append(changes, clustersOperation(want.clusters))
	}
	if len(changes) > 0 && b.GetAnnotations()[workv1alpha2.AppliedPlacementAnnotation] != want.placement || recordDiffers(b, want.placement) {
		changes = append(changes, annotationOperations(b, want.placement)...)
	}
	return changes
}

// recordDiffers reports whether the record of the applied placement says something else than the placement, or cannot be read. Another scheduler
// may have worded the same differently, which is no reason to write.
func recordDiffers(b workv1alpha2.Binding, placement string) bool {
	text, ok := b.GetAnnotations()[workv1alpha2.AppliedPlacementAnnotation]
	if !ok || text == placement {
		return !ok
	}
	var recorded, wanted policyv1alpha1.Placement
	if json.Unmarshal([]byte(text), &recorded) != nil || json.Unmarshal([]byte(placement), &wanted) != nil {
		return true
	}
	return !apiequality.Semantic.DeepEqual(&recorded, &wanted)
}

func clustersOperation(clusters []workv1alpha2.TargetCluster) operation {
	if len(clusters) == 0 {
		return operation{Op: "remove", Path: "/spec/clusters"}
	}
	return operation{Op: "add", Path: "/spec/clusters", Value: clusters}
}

// annotationOperations makes the map first where there is none, provided that there still is none: otherwise it would wipe out others.
func annotationOperations(b workv1alpha2.Binding, placement string) []operation {
	set := operation{Op: "add", Path: appliedPlacementPath, Value: placement}
	if len(b.GetAnnotations()) > 0 {
		return []operation{set}
	}
	return []operation{
		{Op: "test", Path: annotationsPath, Value: nil},
		{Op: "add", Path: annotationsPath, Value: map[string]string{}},
		set,
	}
}

// sameTargets compares results whatever the order of their clusters.
func sameTargets(a, b []workv1alpha2.TargetCluster) bool {
	if len(a) != len(b) {
		return false
	}
	byName := func(x, y workv1alpha2.TargetCluster) int { return cmp.Compare(x.Name, y.Name) }
	if !slices.IsSortedFunc(a, byName) {
		a = slices.SortedFunc(slices.Values(a), byName)
	}
	if !slices.IsSortedFunc(b, byName) {
		b = slices.SortedFunc(slices.Values(b), byName)
	}
	return slices.EqualFunc(a, b, func(x, y workv1alpha2.TargetCluster) bool {
		return x.Name == y.Name && x.Replicas == y.Replicas && slices.Equal(x.Components, y.Components)
	})
}

// statusPatch returns the JSON merge patch that makes the status say what came out, or nil if it does. A merge patch replaces the whole list of
// conditions, so it carries the resource version: a condition that somebody else writes meanwhile is a conflict and not lost.
func statusPatch(b workv1alpha2.Binding, want *result, now time.Time) ([]byte, error) {
	changes := statusChanges(b, want, now)
	if len(changes) == 0 {
		return nil, nil
	}
	patch, err := json.Marshal(map[string]any{
		"metadata": map[string]string{"resourceVersion": b.GetResourceVersion(), "uid": string(b.GetUID())},
		"status":   changes,
	})
	if err != nil {
		return nil, fmt.Errorf("encoding the patch of the status: %w", err)
	}
	return patch, nil
}

// statusChanges returns the fields of the status that have to change. The time of the last success alone is no reason to write. A pass that had
// nothing to decide leaves it, lest a request to reschedule that was made before and arrives after it seem to be fulfilled.
func statusChanges(b workv1alpha2.Binding, want *result, now time.Time) map[string]any {
	status := b.BindingStatus()
	changes := map[string]any{}
	conditions := slices.Clone(status.Conditions)
	if meta.SetStatusCondition(&conditions, scheduledCondition(status, want, now)) {
		changes["conditions"] = conditions
	}
	if !want.scheduled {
		return changes
	}
	if status.SchedulerObservedGeneration != b.GetGeneration() {
		changes["schedulerObservedGeneration"] = b.GetGeneration()
	}
	if want.term != "" && status.SchedulerObservedAffinityName != want.term {
		changes["schedulerObservingAffinityName"] = want.term
	}
	if len(changes) > 0 && (want.decided || status.LastScheduledTime == nil) {
		changes["lastScheduledTime"] = metav1.NewTime(now)
	}
	return changes
}

// othersSuccess reports whether another scheduler tells of a success, in words of its own: they are no reason to write.
func othersSuccess(c *metav1.Condition) bool {
	return c.Status == metav1.ConditionTrue && c.Reason == workv1alpha2.ReasonSuccess && !strings.HasPrefix(c.Message, messageScheduled)
}

// longestCondition is what the API server accepts as the message of a condition. Plugins can say more than that.
const longestCondition = 32 << 10

// shorten returns the message, or so much of it as a condition can hold.
func shorten(message string) string {
	if len(message) <= longestCondition {
		return message
	}
	return strings.ToValidUTF8(message[:longestCondition-3], "") + "..."
}

func scheduledCondition(status *workv1alpha2.ResourceBindingStatus, want *result, now time.Time) metav1.Condition {
	c := metav1.Condition{
		Type: workv1alpha2.ConditionScheduled, Status: metav1.ConditionFalse, Reason: want.reason, Message: shorten(want.message),
		LastTransitionTime: metav1.NewTime(now),
	}
	if want.scheduled {
		c.Status = metav1.ConditionTrue
	}
	if old := meta.FindStatusCondition(status.Conditions, c.Type); old != nil {
		c.ObservedGeneration = old.ObservedGeneration
		if want.scheduled && want.message == messageScheduled && othersSuccess(old) {
			c.Message = old.Message
		}
	}
	return c
}
